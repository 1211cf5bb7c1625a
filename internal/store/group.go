package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// group is SQLite's one writer. Writes that come while a commit is being synced
// to disk wait for it together and then share the next one: each in a savepoint
// of its own, answered after the common commit. Measured on two cores, that
// doubles the reports a second at 8 to 32 writers.
//
// The callers write themselves, one at a time and for all who wait then: a
// goroutine that did it for them would be woken by each write and wake its caller,
// which costs a write that comes alone a tenth of its time.
type group struct {
	db *DB

	mu      sync.Mutex
	waiting []*groupWrite // in the order in which they came
	closed  bool
	callers sync.WaitGroup // who are in do; none comes once it is closed

	// turn is full while somebody writes. The writer's own connection and the
	// statements prepared on it are touched by nobody else.
	turn       chan struct{}
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// groupWrite is one caller's transaction.
type groupWrite struct {
	ctx  context.Context
	fn   func(context.Context, *tx) error
	done chan error
	// taken is set by whoever comes first: the one who writes, who then runs it and
	// answers, or its caller, who gave up waiting.
	taken atomic.Bool
}

// maxShared is how many writes share a commit at most, so that the first of
// them does not wait long.
const maxShared = 64

var errClosed = errors.New("the database is closed")

func newGroup(db *DB) *group { return &group{db: db, turn: make(chan struct{}, 1)} }

// do runs fn in a transaction and returns when that is durable or has failed.
// A caller whose context ends while its write waits gets the context's error and
// the write does not run; once begun, it is seen through.
func (g *group) do(ctx context.Context, fn func(context.Context, *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &groupWrite{ctx: ctx, fn: fn, done: make(chan error, 1)}
	if err := g.enqueue(w); err != nil {
		return err
	}
	defer g.callers.Done()
	for {
		select {
		case err := <-w.done:
			return err
		case g.turn <- struct{}{}:
			g.write()
		case <-ctx.Done():
			if w.taken.CompareAndSwap(false, true) {
				return ctx.Err()
			}
			return <-w.done
		}
	}
}

func (g *group) enqueue(w *groupWrite) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errClosed
	}
	g.callers.Add(1)
	g.waiting = append(g.waiting, w)
	return nil
}

// close refuses new writes, returns when those that wait are done, and leaves the
// connection.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.callers.Wait()
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	g.disconnect()
}

// write commits what waits, and gives the turn back.
func (g *group) write() {
	defer func() { <-g.turn }()
	if batch := g.gather(); len(batch) > 0 {
		g.commit(batch)
	}
}

// gather takes who waits, and leaves out who has given up.
func (g *group) gather() []*groupWrite {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*groupWrite
	for len(g.waiting) > 0 && len(batch) < maxShared {
		w := g.waiting[0]
		g.waiting[0] = nil // else the array keeps it
		g.waiting = g.waiting[1:]
		if w.taken.CompareAndSwap(false, true) {
			batch = append(batch, w)
		}
	}
	return batch
}

// commit runs a batch in one transaction and answers each of its writes. Where
// one of them spoils it for all, each gets a transaction of its own.
func (g *group) commit(batch []*groupWrite) {
	results, err := g.inOne(batch)
	if _, spoilt := errors.AsType[spoiltError](err); spoilt && len(batch) > 1 {
		for _, w := range batch {
			g.commit([]*groupWrite{w})
		}
		return
	}
	for i, w := range batch {
		if err != nil {
			w.done <- err
			continue
		}
		w.done <- results[i]
	}
}

// spoiltError is a failure of the common transaction that one write caused: a
// statement after which SQLite undoes all of it, such as on a full disk, or a
// row that refers to nothing when the commit looks.
type spoiltError struct{ error }

func (e spoiltError) Unwrap() error { return e.error }

// inOne returns each write's own error, or the one that all of them share. The
// transaction belongs to no single caller, so no caller's context may end it.
func (g *group) inOne(batch []*groupWrite) (results []error, err error) {
	ctx := context.Background()
	defer func() {
		if err != nil { // the state of the connection is unknown: start afresh
			g.disconnect()
		}
	}()
	if err := g.connect(ctx); err != nil {
		return nil, err
	}
	if err := g.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	statements := 0
	defer func(began time.Time) { g.db.observe(began, statements) }(time.Now())
	if len(batch) == 1 {
		return g.alone(ctx, batch[0], &statements)
	}
	results = make([]error, len(batch))
	for i, w := range batch {
		if err := g.inSavepoint(ctx, w, &results[i], &statements); err != nil {
			return nil, err
		}
	}
	if err := g.exec(ctx, "COMMIT"); err != nil {
		if sqliteCode(err) == sqliteConstraint {
			return nil, spoiltError{err}
		}
		return nil, err
	}
	return results, nil
}

// alone runs a write that shares its transaction with nobody, and so needs no
// savepoint.
func (g *group) alone(ctx context.Context, w *groupWrite, statements *int) (results []error, err error) {
	failed := g.runOne(w, statements)
	if failed == nil {
		return []error{nil}, g.exec(ctx, "COMMIT")
	}
	if err := g.exec(ctx, "ROLLBACK"); err != nil {
		return nil, errors.Join(failed, err)
	}
	return []error{failed}, nil
}

// inSavepoint runs one write; what it did is undone if it fails. The error it
// returns is one of the transaction as a whole.
func (g *group) inSavepoint(ctx context.Context, w *groupWrite, result *error, statements *int) error {
	if err := g.exec(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if *result = g.runOne(w, statements); *result != nil {
		if err := g.exec(ctx, "ROLLBACK TO one"); err != nil {
			return spoiltError{errors.Join(*result, err)}
		}
	}
	return g.exec(ctx, "RELEASE one")
}

// runOne runs what one caller wants done, and counts its statements.
func (g *group) runOne(w *groupWrite, statements *int) error {
	t := &tx{db: g.db, run: g.conn, prepared: g.prepared}
	defer func() { *statements += t.statements }()
	return guarded(context.WithoutCancel(w.ctx), t, w.fn)
}

func (g *group) exec(ctx context.Context, query string) error {
	stmt, err := g.prepared(ctx, query)
	if err != nil {
		return err
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

func (g *group) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := g.statements[query]; ok {
		return stmt, nil
	}
	stmt, err := g.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	g.statements[query] = stmt
	return stmt, nil
}

func (g *group) connect(ctx context.Context) error {
	if g.conn != nil {
		return nil
	}
	conn, err := g.db.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect the writer: %w", err)
	}
	g.conn, g.statements = conn, map[string]*sql.Stmt{}
	return nil
}

// disconnect drops the connection for good, and with it a transaction that may
// still be open on it.
func (g *group) disconnect() {
	if g.conn == nil {
		return
	}
	for _, stmt := range g.statements {
		_ = stmt.Close() // going away with its connection
	}
	_ = g.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = g.conn.Close()
	g.conn, g.statements = nil, nil
}
