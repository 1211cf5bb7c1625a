package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/store"
)

// onBoth runs a rule on SQLite and on PostgreSQL, each in an empty database.
func onBoth(t *testing.T, rule func(t *testing.T, db *database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqliteURL}, {"postgres", pgtest.URL}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rule(t, newDatabase(t, kind.url(t)))
		})
	}
}

func sqliteURL(t testing.TB) string { return filepath.Join(t.TempDir(), "kantsten.db") }

// database is a migrated database under test and the way to open it again, as
// another process would.
type database struct {
	*store.DB
	url string
}

func newDatabase(t testing.TB, url string) *database {
	t.Helper()
	d := &database{url: url}
	d.DB = d.open(t)
	must(t, d.Migrate(t.Context()))
	return d
}

// open opens the same database as one more process.
func (d *database) open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), d.url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func (d *database) sqlite() bool { return !strings.HasPrefix(d.url, "postgres") }

// raw opens the database beside the store, to see and do what the store cannot.
func (d *database) raw(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", d.url
	if d.sqlite() {
		driver, dsn = "sqlite", "file:"+d.url+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// count returns the number that a query gives.
func (d *database) count(t testing.TB, query string) (n int) {
	t.Helper()
	must(t, d.raw(t).QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
