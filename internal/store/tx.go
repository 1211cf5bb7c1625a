package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// tx is a transaction that writes.
type tx struct {
	db  *DB
	run runner
	// prepared returns a kept statement, on SQLite, where preparing costs as
	// much as running. pgx keeps its own, so there it is nil.
	prepared func(ctx context.Context, query string) (*sql.Stmt, error)
	// statements is how many were run.
	statements int
}

// Write is a write transaction that is over.
type Write struct {
	// Held is the time from its begin to its end. On SQLite nobody else can write
	// so long; on PostgreSQL nobody can write the same rows.
	Held time.Duration
	// Statements is how many there were between the two.
	Statements int
}

// observe tells what a transaction was that began at a time.
func (db *DB) observe(began time.Time, statements int) {
	if db.Observe != nil {
		db.Observe(Write{Held: time.Since(began), Statements: statements})
	}
}

// runner is what runs statements: a *sql.Tx, or the writer's *sql.Conn.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// inTx runs fn in one transaction and commits it. fn may run more than once, so
// it has no side effects but those in the database.
func (db *DB) inTx(ctx context.Context, fn func(context.Context, *tx) error) error {
	if db.group != nil {
		return db.asProblem(db.group.do(ctx, fn))
	}
	var err error
	for range 3 {
		if err = db.once(ctx, fn); err == nil || !db.dialect.retryable(err) {
			break
		}
	}
	return db.asProblem(err)
}

func (db *DB) once(ctx context.Context, fn func(context.Context, *tx) error) error {
	t, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	of := &tx{db: db, run: t}
	defer func(began time.Time) { db.observe(began, of.statements) }(time.Now())
	if err := guarded(ctx, of, fn); err != nil {
		return errors.Join(err, ended(t.Rollback()))
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// guarded makes an error of one caller's panic: it must not take the writer, and
// with it everybody's writes, along, nor leave a transaction open for good.
func guarded(ctx context.Context, t *tx, fn func(context.Context, *tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return fn(ctx, t)
}

// ended takes no offence at a transaction that is over already.
func ended(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// exec runs a statement and returns how many rows it touched.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	t.statements++
	var res sql.Result
	var err error
	if t.prepared == nil {
		res, err = t.run.ExecContext(ctx, query, args...)
	} else if stmt, perr := t.prepared(ctx, query); perr != nil {
		return 0, perr
	} else {
		res, err = stmt.ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// execOnce is exec for a statement whose text may not come again, as one with a
// list in it: it is not kept.
func (t *tx) execOnce(ctx context.Context, query string, args ...any) error {
	t.statements++
	_, err := t.run.ExecContext(ctx, query, args...)
	return err
}

// row runs a query for one row.
func (t *tx) row(ctx context.Context, query string, args ...any) scanner {
	t.statements++
	if t.prepared == nil {
		return t.run.QueryRowContext(ctx, query, args...)
	}
	stmt, err := t.prepared(ctx, query)
	if err != nil {
		return failed{err}
	}
	return stmt.QueryRowContext(ctx, args...)
}

// rows runs a query; the caller closes what it returns.
func (t *tx) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.statements++
	return t.run.QueryContext(ctx, query, args...)
}

// scanner is one row to be read, of *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// failed is a row that could not be asked for.
type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// micros is a time as it is stored: microseconds since 1970 UTC, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the inverse of micros.
func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// splitList takes a comma list apart; nothing for an empty one.
func splitList(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// joinList is the inverse of splitList, for words without commas.
func joinList[T ~string](words []T) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return strings.Join(list, ",")
}

// newID returns a UUIDv7: ids sort by the time at which they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
