package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"runtime"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // driver "sqlite"
)

// dialect is all that tells one database from the other.
type dialect struct {
	goose       goose.Dialect
	sessionLock bool
	// lockRow ends a SELECT of one row that the transaction will change.
	lockRow string
	// skipLocked ends a SELECT of rows that another transaction must not take too.
	skipLocked string
	// lockName locks a name that has no row, until the transaction ends; empty where
	// there is one writer.
	lockName string
	// unavailable tells a failure of the database from one of a statement.
	unavailable func(error) bool
	// unreadable tells that a text was sent that the database cannot hold.
	unreadable func(error) bool
	// retryable tells a transaction that is worth running again at once.
	retryable func(error) bool
	// columns lists table, column and type of every table; references lists which
	// table refers to which.
	columns, references string
}

var (
	sqliteDialect = dialect{
		goose:       goose.DialectSQLite3,
		unavailable: sqliteUnavailable,
		unreadable:  func(error) bool { return false }, // it takes any bytes
		retryable:   func(error) bool { return false }, // one writer: nothing to clash with
		columns: `SELECT t.name, c.name, c.type FROM sqlite_schema t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY t.name, c.cid`,
		references: `SELECT t.name, r."table" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) r
			WHERE t.type = 'table' ORDER BY t.name, r.id`,
	}
	postgresDialect = dialect{
		goose: goose.DialectPostgres, sessionLock: true,
		lockRow: " FOR UPDATE", skipLocked: " FOR UPDATE SKIP LOCKED",
		lockName:    "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
		unavailable: postgresUnavailable,
		unreadable:  func(err error) bool { return postgresCode(err) == "22021" }, // NUL, or not UTF-8
		retryable:   postgresRetryable,
		columns: `SELECT t.relname, c.attname, format_type(c.atttypid, c.atttypmod)
			FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
			WHERE t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relnamespace = CAST(current_schema() AS regnamespace)
				AND c.attnum > 0 AND NOT c.attisdropped ORDER BY t.relname, c.attnum`,
		references: `SELECT t.relname, r.relname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
			WHERE k.contype = 'f' AND t.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY t.relname, k.conname`,
	}
)

// pragmas of every SQLite connection: durable on each commit, patient for
// another process that writes, and true to foreign keys.
const pragmas = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=cache_size(-8000)"

// openSQLite opens one writer and a pool of readers. Only the writer takes the
// write lock when a transaction begins: readers never wait for it.
func openSQLite(ctx context.Context, path string) (*DB, error) {
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	write, err := sql.Open("sqlite", file+"?"+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	write.SetMaxOpenConns(2)                       // the group's, and one to migrate by
	if err := write.PingContext(ctx); err != nil { // makes the file, in WAL mode
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), write.Close())
	}
	read, err := sql.Open("sqlite", file+"?"+pragmas+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database to read: %w", err), write.Close())
	}
	readers := max(4, runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	db := &DB{dialect: sqliteDialect, walk: walk, write: write, read: read, kept: map[string]*sql.Stmt{}}
	db.group = newGroup(db)
	return db, nil
}

// poolSize is how many PostgreSQL connections one process takes at most.
const poolSize = 32

func openPostgres(ctx context.Context, url string) (*DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", withoutURL(err))
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(planOnce))
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", withoutURL(err)), pool.Close())
	}
	return &DB{dialect: postgresDialect, walk: walk, write: pool, read: pool}, nil
}

// planOnce keeps PostgreSQL from planning a prepared statement anew for each
// execution: the statements here have one good plan, and planning a view of the
// map takes as long as running it. It is a SET rather than a parameter of the
// connection because poolers refuse parameters that they do not know.
func planOnce(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = force_generic_plan"); err != nil {
		return fmt.Errorf("set the plan mode: %w", err)
	}
	return nil
}

// withoutURL keeps the password of a connection string out of logs: pgx quotes
// what it cannot parse.
func withoutURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("the database URL cannot be parsed")
	}
	return err
}

// The primary result codes of SQLite (sqlite.org/rescode.html) that say that
// the database, not the statement, is at fault.
const (
	sqliteBusy       = 5
	sqliteNoMem      = 7
	sqliteReadOnly   = 8
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteConstraint = 19
)

// sqliteCode returns the primary result code in err's chain, 0 if there is none.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func sqliteUnavailable(err error) bool {
	switch sqliteCode(err) {
	case sqliteBusy, sqliteNoMem, sqliteReadOnly, sqliteIOErr, sqliteFull, sqliteCantOpen:
		return true
	}
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn)
}

// postgresCode returns the SQLSTATE in err's chain, empty if there is none.
func postgresCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func postgresUnavailable(err error) bool {
	if code := postgresCode(err); code != "" {
		switch code[:min(2, len(code))] {
		case "08", "53", "57", "58": // connection, resources, operator, system
			return true
		}
		return code == "25006" // read only: a server that lost its role
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // the server died while it answered
}

func postgresRetryable(err error) bool {
	code := postgresCode(err)
	return code == "40001" || code == "40P01" // serialization failure, deadlock
}
