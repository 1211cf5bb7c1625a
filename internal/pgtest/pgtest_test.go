package pgtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// envHolder makes this test binary start a server, print its address and hold
// it until it is killed.
const envHolder = "PGTEST_HOLD_A_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(envHolder) != "" {
		holdServer()
	}
	os.Exit(m.Run())
}

func holdServer() {
	s, err := Start(context.Background(), Options{NoFsync: true})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	select {}
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec1(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "other", "third"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, URL(t))
			var tables int
			const count = `SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`
			if err := db.QueryRowContext(t.Context(), count).Scan(&tables); err != nil {
				t.Fatal(err)
			}
			if tables != 0 {
				t.Errorf("a fresh database holds %d tables, want none", tables)
			}
			// It would fail in a database where another subtest has made it.
			exec1(t, db, `CREATE TABLE report (id TEXT PRIMARY KEY)`)
		})
	}
}

func TestDatabaseIsDroppedThoughItIsInUse(t *testing.T) {
	t.Parallel()
	var name string
	var left *sql.DB
	t.Run("inner", func(t *testing.T) {
		db, err := sql.Open("pgx", URL(t))
		if err != nil {
			t.Fatal(err)
		}
		left = db
		if err := db.QueryRowContext(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	if left == nil {
		t.Skip("the inner test had no PostgreSQL")
	}
	defer func() { _ = left.Close() }()
	a, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	var there bool
	const exists = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := a.db.QueryRowContext(t.Context(), exists, name).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if there {
		t.Errorf("database %s is still there after its test", name)
	}
	if err := left.PingContext(t.Context()); err == nil {
		t.Error("the connection to the dropped database still answers")
	}
}

func TestServerIsAsOurStoreNeedsIt(t *testing.T) {
	t.Parallel()
	if os.Getenv(EnvURL) != "" {
		// Under make test that server is ours all the same; start one to be sure.
		t.Log("testing a server of our own beside the given one")
	}
	s := startOrGiveUp(t, Options{})
	db := open(t, s.URL())
	for setting, want := range map[string]string{
		"fsync":              "on", // durability is tested
		"synchronous_commit": "on",
		"max_connections":    "200",
		"server_encoding":    "UTF8",
		"listen_addresses":   "127.0.0.1", // nobody outside reaches it
	} {
		var got string
		if err := db.QueryRowContext(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
	noPassword := strings.Replace(s.URL(), ":"+password(s.URL())+"@", ":wrong@", 1)
	if err := open(t, noPassword).PingContext(t.Context()); err == nil {
		t.Error("the server lets anybody in, and a superuser can run programs")
	}
}

func password(url string) string {
	_, rest, _ := strings.Cut(url, "postgres:")
	_, rest, _ = strings.Cut(rest, ":")
	p, _, _ := strings.Cut(rest, "@")
	return p
}

// startOrGiveUp starts a server for t, which ends with t.
func startOrGiveUp(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if errors.Is(err, ErrMissing) {
		giveUp(t, os.Getenv("CI"), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFsyncCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	s := startOrGiveUp(t, Options{NoFsync: true})
	var fsync string
	if err := open(t, s.URL()).QueryRowContext(t.Context(), `SHOW fsync`).Scan(&fsync); err != nil {
		t.Fatal(err)
	}
	if fsync != "off" {
		t.Errorf("fsync = %s, want off", fsync)
	}
}

// TestKilledProcessLeavesNoServer kills a process that holds a server, which
// then cannot clean up after itself.
func TestKilledProcessLeavesNoServer(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envHolder+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	url, isURL := strings.CutSuffix(line, "\n")
	if strings.HasPrefix(url, "error: "+ErrMissing.Error()) {
		giveUp(t, os.Getenv("CI"), ErrMissing)
	}
	if !isURL || !strings.HasPrefix(url, "postgres://") {
		t.Fatalf("the process that should hold a server said %q", line)
	}
	db := open(t, url)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatalf("the server does not answer while its process lives: %v", err)
	}
	var folder string
	if err := db.QueryRowContext(t.Context(), `SHOW data_directory`).Scan(&folder); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it was told
	waitUntil(t, "the server is gone", func() bool { return db.PingContext(t.Context()) != nil })
	waitUntil(t, "its folder is gone", func() bool {
		_, err := os.Stat(folder)
		return errors.Is(err, os.ErrNotExist)
	})
}

// waitUntil waits for what another process does, far longer than it can take.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute it is still not so that %s", what)
		}
	}
}

// verdict is a test that writes down how it was ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(format string, args ...any) { v.skipped = fmt.Sprintf(format, args...) }

func (v *verdict) Fatalf(format string, args ...any) { v.failed = fmt.Sprintf(format, args...) }

func TestMissingServerIsNeverASkipInCI(t *testing.T) {
	t.Parallel()
	for ci, fails := range map[string]bool{"true": true, "1": true, "": false, "false": false} {
		t.Run("CI="+ci, func(t *testing.T) {
			t.Parallel()
			var v verdict
			giveUp(&v, ci, ErrMissing)
			said, other := v.skipped, v.failed
			if fails {
				said, other = other, said
			}
			if !strings.Contains(said, "install PostgreSQL") {
				t.Errorf("the test was ended with %q, which does not say what to install", said)
			}
			if other != "" {
				t.Errorf("the test was also ended with %q", other)
			}
		})
	}
}

func TestAddressMustBeAURL(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"host=localhost user=postgres password=geheim", // its database name could not be replaced
		"mysql://root:geheim@localhost/test",
		"postgres://root:geheim@local host/%zz",
	} {
		_, err := connect(address)
		if err == nil {
			t.Errorf("%q was accepted", address)
			continue
		}
		if strings.Contains(err.Error(), "geheim") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
