// Package store keeps everything in SQLite or PostgreSQL, by one implementation.
//
// The same Go methods and the same SQL text serve both; what differs stands in
// dialect.go and nowhere else. There are no rules here: the domain packages
// decide, and each of their store interfaces is one small type over [DB].
//
// Every method that writes is one transaction. What a write causes — updates,
// events, jobs — is an argument of the same method, so none of it can be
// forgotten or lost alone. No method holds a transaction over anything but SQL.
//
// On SQLite, which has one writer, concurrent writes share a commit: each runs
// in its own savepoint, so one that fails takes none of the others with it, and
// none is answered before the common commit is durable.
//
// A database that cannot be reached, is busy or is full gives
// problem.Unavailable: nothing was acknowledged. Where the connection was lost
// during the commit, nobody can tell whether it took place; an idempotency key
// makes trying again safe even then.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/migrations"
)

// DB is an open database.
type DB struct {
	// Observe, unless nil, is told of each write transaction when it is over; of one
	// that several writes share, once. It is set before the first write, and is
	// called from many goroutines.
	Observe func(Write)

	dialect dialect
	walk    int // as the constant, but in tests
	recent  recent
	write   *sql.DB
	read    *sql.DB // the same as write on PostgreSQL
	group   *group  // nil on PostgreSQL

	// What the readers have prepared, by SQL text, on SQLite.
	preparing sync.RWMutex
	kept      map[string]*sql.Stmt

	closed atomic.Bool // database/sql does not export its error for this
}

// maxKept bounds the prepared statements: what a query asks for decides its
// text, and strangers choose what to ask for.
const maxKept = 500

// query runs a query and, as long as there is room, keeps it prepared.
func (db *DB) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if db.group == nil { // pgx keeps statements itself
		return db.read.QueryContext(ctx, query, args...)
	}
	db.preparing.RLock()
	stmt, full := db.kept[query], len(db.kept) >= maxKept
	db.preparing.RUnlock()
	if stmt == nil && full {
		return db.read.QueryContext(ctx, query, args...)
	}
	if stmt == nil {
		var err error
		if stmt, err = db.keep(ctx, query); err != nil {
			return nil, err
		}
	}
	return stmt.QueryContext(ctx, args...)
}

func (db *DB) keep(ctx context.Context, query string) (*sql.Stmt, error) {
	made, err := db.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	db.preparing.Lock()
	defer db.preparing.Unlock()
	if first := db.kept[query]; first != nil { // somebody else was faster
		_ = made.Close()
		return first, nil
	}
	db.kept[query] = made
	return made, nil
}

// Open opens the database that url names: "postgres://…", or else the path of a
// SQLite file, which is made if it is missing. It does not migrate.
func Open(ctx context.Context, url string) (*DB, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return openPostgres(ctx, url)
	}
	return openSQLite(ctx, url)
}

// Close waits for writes under way and lets go of the connections.
func (db *DB) Close() error {
	db.closed.Store(true) // from here on, what fails fails for this
	if db.group != nil {
		db.group.close()
	}
	if db.read == db.write {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.asProblem(db.read.PingContext(ctx)) }

// Migrate brings the schema forward. Several processes may start at once: on
// PostgreSQL a lock makes one of them do it while the others wait.
func (db *DB) Migrate(ctx context.Context) error {
	return db.migrate(ctx, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// migrateTo brings the schema forward to one version, for a backup of an older
// release. A schema that is past it already is an error.
func (db *DB) migrateTo(ctx context.Context, version int64) error {
	return db.migrate(ctx, func(p *goose.Provider) error {
		if _, err := p.UpTo(ctx, version); err != nil {
			return err
		}
		if now, err := p.GetDBVersion(ctx); err != nil || now != version {
			return errors.Join(err, fmt.Errorf("the database has schema %d already, not %d: use one that is empty", now, version))
		}
		return nil
	})
}

func (db *DB) migrate(ctx context.Context, run func(*goose.Provider) error) error {
	provider, err := db.migrations()
	if err != nil {
		return err
	}
	for range migrateTries {
		if err = run(provider); err == nil || db.dialect.sessionLock || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", db.asProblem(err))
	}
	return nil
}

func (db *DB) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(migrations.Files, ".")
	if err != nil {
		return nil, fmt.Errorf("open the migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler))}
	if db.dialect.sessionLock {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("make the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(db.dialect.goose, db.write, files, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// migrateTries is how often a process tries to migrate SQLite, for which there
// is no lock: of several that start at once each step succeeds for one, whole,
// and the others find it done when they look again.
const migrateTries = 20

// asProblem turns a failure of the database itself, as opposed to one of a
// statement, into a problem that tells the client to try again, and a text that
// no database can hold into one that tells the client so.
func (db *DB) asProblem(err error) error {
	switch {
	case err == nil || problem.As(err) != nil:
		return err
	case db.dialect.unreadable(err):
		return &problem.Error{Kind: problem.BadRequest, Detail: "a text in the request holds bytes that are not characters", Cause: err}
	case db.dialect.unavailable(err) || errors.Is(err, errClosed) || db.closed.Load():
		return &problem.Error{
			Kind: problem.Unavailable, Detail: "the database does not answer; nothing was acknowledged, try again",
			RetryAfter: 2 * time.Second, Cause: err,
		}
	}
	return err
}

// one reads one row into dest, and reports whether there is one.
func (db *DB) one(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	rows, err := db.query(ctx, query, args...)
	if err != nil {
		return false, db.asProblem(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
	if !rows.Next() {
		return false, db.asProblem(rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		return false, err
	}
	return true, db.asProblem(rows.Err())
}
