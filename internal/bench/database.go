package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/kantsten/kantsten/internal/pgtest"
)

// engine is one of the two kinds of database.
type engine string

const (
	sqlite     engine = "SQLite"
	postgreSQL engine = "PostgreSQL"
)

func engines() []engine { return []engine{sqlite, postgreSQL} }

// pragmas are those of the program's own connections, so that a commit is as
// durable and a page cache as large.
const pragmas = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=cache_size(-8000)"

// poolSize is how many connections to PostgreSQL the rival may use, as many as
// the program takes at most.
const poolSize = 32

// open opens a site's database with the bare driver. SQLite has one writer, so
// the rival's writers share one connection, which is faster than to let them
// wait for each other's lock.
func (s site) open() (*sql.DB, error) {
	driver, source, conns := "sqlite", "file:"+s.file()+"?"+pragmas+"&_txlock=immediate", 1
	if s.url != "" {
		driver, source, conns = "pgx", s.url, poolSize
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("open a database: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// postgres is the server on which this run makes its databases.
type postgres struct {
	base   *url.URL
	admin  *sql.DB
	server *pgtest.Server // nil where somebody else runs it
	made   []string
}

// openPostgres takes the server that make has started, else starts one.
func openPostgres(ctx context.Context) (*postgres, error) {
	p := &postgres{}
	address := os.Getenv(pgtest.EnvURL)
	if address == "" {
		var err error
		if p.server, err = pgtest.Start(ctx, pgtest.Options{Log: os.Stderr}); err != nil {
			return nil, err
		}
		address = p.server.URL()
	}
	var err error
	if p.base, err = url.Parse(address); err != nil {
		return nil, fmt.Errorf("%s is not a URL", pgtest.EnvURL)
	}
	if p.admin, err = sql.Open("pgx", address); err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	return p, nil
}

// create makes a database, as a copy of another one that nobody is connected to,
// or empty, and returns its URL.
func (p *postgres) create(ctx context.Context, name, template string) (string, error) {
	name = fmt.Sprintf("kantsten_bench_%d_%s", os.Getpid(), name)
	from := "template0 ENCODING 'UTF8'"
	if template != "" {
		from = strings.TrimPrefix(mustPath(template), "/")
	}
	if _, err := p.admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	p.made = append(p.made, name)
	u := *p.base
	u.Path = "/" + name
	return u.String(), nil
}

func mustPath(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// close drops what was made and ends the server if it is ours.
func (p *postgres) close() {
	if p == nil {
		return
	}
	for _, name := range p.made {
		if _, err := p.admin.ExecContext(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			say("drop %s: %v", name, err)
		}
	}
	_ = p.admin.Close() // all is done
	if p.server != nil {
		if err := p.server.Stop(); err != nil {
			say("stop PostgreSQL: %v", err)
		}
	}
}

// newSite makes an installation with the borders loaded and every municipality
// taking its reports.
func (b *bench) newSite(ctx context.Context, e engine, name string) (s site, err error) {
	s = site{program: b.program, data: filepath.Join(b.dir, string(e)+"-"+name)}
	if e == postgreSQL {
		if s.url, err = b.postgres.create(ctx, name, ""); err != nil {
			return s, err
		}
	}
	if err := s.run(ctx, "boundaries", "import", b.country.file); err != nil {
		return s, err
	}
	db, err := s.open()
	if err != nil {
		return s, err
	}
	_, err = db.ExecContext(ctx, `UPDATE jurisdictions SET channel = 'web'`)
	return s, errors.Join(err, db.Close())
}

// copySite makes a second installation like one that nobody uses at the moment.
func (b *bench) copySite(ctx context.Context, from site, name string) (s site, err error) {
	s = site{program: b.program, data: from.data + "-" + name}
	if err := os.CopyFS(s.data, os.DirFS(from.data)); err != nil {
		return s, fmt.Errorf("copy an installation: %w", err)
	}
	if from.url != "" {
		s.url, err = b.postgres.create(ctx, name, from.url)
	}
	return s, err
}
