package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"
)

// EnvPostGIS names the variable that, set to anything, makes tests fail that
// find no PostGIS on the server, as they do where CI is true; else they are
// skipped.
const EnvPostGIS = "TEST_POSTGIS_REQUIRED"

// errNoPostGIS is the sentence for whoever runs the tests without it.
var errNoPostGIS = errors.New("PostGIS is not installed; as root on Debian and Ubuntu `make test` installs it, " +
	"elsewhere: Fedora: dnf install postgis; macOS: brew install postgis")

// TestsOfPostGIS is how many tests are skipped without PostGIS.
const TestsOfPostGIS = 2

// PostGIS returns the address of a fresh database with the PostGIS extension, as
// [URL] does of an empty one.
//
// Where the server does not have the extension's files, t is skipped with a
// sentence that says how to get them; when [EnvPostGIS] is set or CI is true, t
// fails with it.
func PostGIS(t testing.TB) string {
	t.Helper()
	address := URL(t)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	there, err := postGISThere(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if !there {
		noPostGIS(t, os.Getenv(EnvPostGIS), os.Getenv("CI"))
		return ""
	}
	if _, err := db.ExecContext(t.Context(), `CREATE EXTENSION postgis`); err != nil {
		t.Fatalf("create the extension PostGIS: %v", err)
	}
	return address
}

// noPostGIS ends t for want of the extension.
func noPostGIS(t testing.TB, required, ci string) {
	t.Helper()
	if required != "" || isTrue(ci) {
		t.Fatalf("%v", errNoPostGIS)
		return
	}
	t.Skipf("%v", errNoPostGIS)
}

// postGISThere reports whether the server has the extension's files; it looks
// anew every time.
func postGISThere(ctx context.Context, db *sql.DB) (there bool, err error) {
	const ask = `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis')`
	if err := db.QueryRowContext(ctx, ask).Scan(&there); err != nil {
		return false, fmt.Errorf("ask the server for PostGIS: %w", err)
	}
	return there, nil
}

// ProvidePostGIS makes sure that the server at address has PostGIS: where it is
// missing, Options.Install allows apt-get to install it, as root. Where that
// cannot be done it is an error with Options.PostGIS, and without is only said,
// with the number of tests that are skipped.
func ProvidePostGIS(ctx context.Context, address string, o Options) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return fmt.Errorf("open the server to look for PostGIS: %w", err)
	}
	defer func() { _ = db.Close() }()
	return postGIS{
		there:      func() (bool, error) { return postGISThere(ctx, db) },
		pack:       func() (string, error) { return postGISPackage(ctx, db) },
		canInstall: canInstall,
		aptGet:     func(args ...string) error { return aptGet(ctx, args...) },
	}.provide(o)
}

// postGIS is what is looked up and done to come by the extension.
type postGIS struct {
	there      func() (bool, error)
	pack       func() (name string, err error) // Debian's package
	canInstall func() bool
	aptGet     func(args ...string) error
}

func (p postGIS) provide(o Options) error {
	if there, err := p.there(); err != nil || there {
		return err
	}
	name, err := p.pack()
	if err != nil {
		return err
	}
	missing := fmt.Errorf("the server has no PostGIS: install it (Debian and Ubuntu: apt-get install %s; "+
		"Fedora: dnf install postgis; macOS: brew install postgis)", name)
	if o.Install && p.canInstall() {
		missing = p.install(name, missing, o)
	}
	if missing == nil || o.PostGIS {
		return missing
	}
	o.say("%v; without it %d tests are skipped", missing, TestsOfPostGIS)
	return nil
}

// install returns nil once the server has the extension.
func (p postGIS) install(name string, missing error, o Options) error {
	o.say("installing %s by apt-get, once", name)
	if err := p.aptGet("update"); err != nil {
		return errors.Join(missing, err)
	}
	if err := p.aptGet("install", "-y", "--no-install-recommends", name); err != nil {
		return errors.Join(missing, err)
	}
	there, err := p.there()
	if err == nil && !there {
		err = missing // the server is another than the package is for
	}
	return err
}

// postGISPackage is the name of Debian's package for the server.
func postGISPackage(ctx context.Context, db *sql.DB) (string, error) {
	var version int
	if err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return "", fmt.Errorf("ask the server for its version: %w", err)
	}
	return fmt.Sprintf("postgresql-%d-postgis-3", version/10_000), nil
}
