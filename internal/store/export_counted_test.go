package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// OpenCounted opens a database that counts what it is asked to run.
func OpenCounted(ctx context.Context, at string, n *atomic.Int64) (*DB, error) {
	if strings.HasPrefix(at, "postgres") {
		config, err := pgx.ParseConfig(at)
		if err != nil {
			return nil, err
		}
		pool := sql.OpenDB(counted{stdlib.GetConnector(*config, stdlib.OptionAfterConnect(planOnce)), n})
		return &DB{dialect: postgresDialect, walk: walk, write: pool, read: pool}, pool.PingContext(ctx)
	}
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: at}).EscapedPath()}).String() + "?" + pragmas
	write := sql.OpenDB(counted{sqliteAt(file + "&_txlock=immediate"), n})
	read := sql.OpenDB(counted{sqliteAt(file + "&_pragma=query_only(1)"), n})
	db := &DB{dialect: sqliteDialect, walk: walk, write: write, read: read, kept: map[string]*sql.Stmt{}}
	db.group = newGroup(db)
	return db, write.PingContext(ctx)
}

// sqliteAt connects to a file.
type sqliteAt string

func (s sqliteAt) Connect(context.Context) (driver.Conn, error) { return s.Driver().Open(string(s)) }
func (s sqliteAt) Driver() driver.Driver                        { return &sqlite.Driver{} }

// counted is a connector whose connections count the statements that they run, be
// they prepared or not.
type counted struct {
	driver.Connector
	n *atomic.Int64
}

func (c counted) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(conversation)
	if !ok {
		return nil, fmt.Errorf("a connection of type %T cannot be counted", conn)
	}
	return countedConn{whole, c.n}, nil
}

// conversation is what both drivers' connections can do and the store asks of them.
type conversation interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type countedConn struct {
	conversation
	n *atomic.Int64
}

// CheckNamedValue leaves values to the driver as it would have them.
func (c countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.conversation.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.n.Add(1)
	return c.conversation.ExecContext(ctx, query, args)
}

func (c countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.n.Add(1)
	return c.conversation.QueryContext(ctx, query, args)
}

func (c countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.conversation.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	whole, ok := stmt.(preparation)
	if !ok {
		return nil, fmt.Errorf("a statement of type %T cannot be counted", stmt)
	}
	return countedStmt{whole, c.n}, nil
}

type preparation interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countedStmt struct {
	preparation
	n *atomic.Int64
}

func (s countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.n.Add(1)
	return s.preparation.ExecContext(ctx, args)
}

func (s countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.n.Add(1)
	return s.preparation.QueryContext(ctx, args)
}
