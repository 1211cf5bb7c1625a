// Package pgtest gives tests a real PostgreSQL.
//
// [URL] returns a fresh, empty database for one test and drops it when the test
// is over. The server it lies on is, in this order: the one that
// TEST_POSTGRES_URL names; a private throw-away cluster of the PostgreSQL
// binaries on this machine; a Docker container. `make test` starts one server
// for all test packages by the command in cmd/pgtest and hands it down as
// TEST_POSTGRES_URL; a plain `go test` of one package starts one for that
// process when the first test asks. [PostGIS] returns a database with that
// extension, which `make test` installs where it can; where it is missing, what
// needs it is skipped, and fails in CI.
//
// A started server ends with the process that started it, however that ends: a
// guard process waits on a pipe, and when the last writer is gone it stops the
// server and removes its folder. So neither a TestMain nor a cleanup is needed,
// and SIGKILL leaves nothing behind.
//
// Durability is part of what is tested, so fsync is on unless [Options.NoFsync]
// says otherwise. Databases are made with UTF-8 and the C.UTF-8 locale (C where
// the system has no such locale); text sorts by code point, as in SQLite.
//
// Limits: PostgreSQL 15 or later; Unix only.
package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// EnvURL names the variable with the address of a server to use: a URL as
// postgres://user:password@host:port/database of a role that may create
// databases. The database named there is only connected to, never changed.
const EnvURL = "TEST_POSTGRES_URL"

// urlPatience bounds making and dropping a database, which waits for disks and
// for whatever else the machine is testing.
const urlPatience = 2 * time.Minute

// shared is the one server of this process. It is held here, and not by a test,
// because tests of one package run side by side and none of them is the last.
var shared = sync.OnceValues(func() (*admin, error) {
	if u := os.Getenv(EnvURL); u != "" {
		return connect(u)
	}
	// The first test that asks starts the server for all, so its own context
	// must not end it.
	s, err := Start(context.Background(), Options{})
	if err != nil {
		return nil, err
	}
	a, err := connect(s.URL())
	if err != nil {
		return nil, err
	}
	a.server = s
	return a, nil
})

// URL returns the address of a fresh, empty database that belongs to t alone.
// It is dropped when t and its subtests are over, also when connections to it
// are still open.
//
// Where there is no PostgreSQL, t is skipped with a sentence that says what to
// install; when the variable CI is true, t fails with the same sentence.
func URL(t testing.TB) string {
	t.Helper()
	a, err := shared()
	if err != nil {
		giveUp(t, os.Getenv("CI"), err)
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), urlPatience)
	defer cancel()
	name, err := a.create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), urlPatience)
		defer cancel()
		if err := a.drop(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return a.databaseURL(name)
}

// giveUp ends t for want of a server: as a failure where ci says that this is a
// CI run, which must not pass untested, and as a skip elsewhere.
func giveUp(t testing.TB, ci string, err error) {
	t.Helper()
	if isTrue(ci) {
		t.Fatalf("no PostgreSQL to test with: %v", err)
		return
	}
	t.Skipf("no PostgreSQL to test with: %v", err)
}

// isTrue reads a variable such as CI.
func isTrue(set string) bool {
	yes, err := strconv.ParseBool(set)
	return err == nil && yes
}

// admin makes and drops databases on one server.
type admin struct {
	base   *url.URL
	db     *sql.DB
	server *Server // nil where somebody else runs the server
}

// connect opens the server at rawURL. It fails for an address that is not a
// URL, because the database in it could not be replaced.
func connect(rawURL string) (*admin, error) {
	u, err := url.Parse(rawURL)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		// The text of err is left out: it would show the password.
		return nil, fmt.Errorf("%s is not of the form postgres://user:password@host:port/database", EnvURL)
	}
	db, err := sql.Open("pgx", rawURL)
	if err != nil {
		return nil, fmt.Errorf("open the test server: %w", err)
	}
	// Every test binary of a run holds such a pool, beside those of its tests.
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(1)
	return &admin{base: u, db: db}, nil
}

// create makes an empty database and returns its name. template0 is copied
// because nobody can be connected to it, which would make the copy fail, and
// because nobody can have put anything into it.
func (a *admin) create(ctx context.Context) (string, error) {
	name := "kantsten_test_" + strings.ToLower(rand.Text())
	_, err := a.db.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE template0 ENCODING 'UTF8'`)
	if err != nil {
		return "", fmt.Errorf("create a database for the test: %w", err)
	}
	return name, nil
}

// drop removes a database together with the connections to it.
func (a *admin) drop(ctx context.Context, name string) error {
	if _, err := a.db.ExecContext(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
		return fmt.Errorf("drop the test's database %s: %w", name, err)
	}
	return nil
}

// databaseURL is the server's address with the database name in it.
func (a *admin) databaseURL(name string) string {
	u := *a.base
	u.Path = "/" + name
	u.RawPath = ""
	return u.String()
}
