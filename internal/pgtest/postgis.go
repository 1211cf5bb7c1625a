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
// find no PostGIS on the server; else they are skipped.
const EnvPostGIS = "TEST_POSTGIS_REQUIRED"

// errNoPostGIS is the sentence for whoever runs the tests without it.
var errNoPostGIS = errors.New("PostGIS is not installed; `make check` installs it")

// PostGIS returns the address of a fresh database with the PostGIS extension, as
// [URL] does of an empty one.
//
// Where the server does not have the extension's files, t is skipped with a
// sentence that says how to get them; when [EnvPostGIS] is set, t fails with it.
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
		noPostGIS(t, os.Getenv(EnvPostGIS))
		return ""
	}
	if _, err := db.ExecContext(t.Context(), `CREATE EXTENSION postgis`); err != nil {
		t.Fatalf("create the extension PostGIS: %v", err)
	}
	return address
}

// noPostGIS ends t for want of the extension.
func noPostGIS(t testing.TB, required string) {
	t.Helper()
	if required != "" {
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
// missing, Options.Install allows apt-get to install it, as root. Without
// Options.PostGIS it only says what is missing.
func ProvidePostGIS(ctx context.Context, address string, o Options) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return fmt.Errorf("open the server to look for PostGIS: %w", err)
	}
	defer func() { _ = db.Close() }()
	there, err := postGISThere(ctx, db)
	switch {
	case err != nil || there:
		return err
	case !o.PostGIS:
		o.say("%v; without it one test is skipped", errNoPostGIS)
		return nil
	}
	name, err := postGISPackage(ctx, db)
	if err != nil {
		return err
	}
	missing := fmt.Errorf("the server has no PostGIS: install it (Debian and Ubuntu: apt-get install %s; "+
		"Fedora: dnf install postgis; macOS: brew install postgis)", name)
	if !o.Install || !canInstall() {
		return missing
	}
	o.say("installing %s by apt-get, once", name)
	if err := aptGet(ctx, "update"); err != nil {
		return errors.Join(missing, err)
	}
	if err := aptGet(ctx, "install", "-y", "--no-install-recommends", name); err != nil {
		return errors.Join(missing, err)
	}
	if there, err = postGISThere(ctx, db); err == nil && !there {
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
