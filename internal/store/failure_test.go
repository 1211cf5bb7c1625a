package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/store"
)

// works tries a write and a read.
func works(ctx context.Context, db *store.DB) error {
	_, err := store.Reports{DB: db}.Create(ctx, filing())
	if err == nil {
		_, err = store.Tenants{DB: db}.Jurisdictions(ctx)
	}
	return err
}

// Connections are cut while reports are filed: each filing succeeds or says that
// it is to be tried again, and what succeeded is there.
func TestLostConnectionsAreUnavailableAndRecover(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, pgtest.URL(t))
	raw := db.raw(t)
	ids := make([]string, 200)
	race(8, func(worker int) {
		for i := worker; i < len(ids); i += 8 {
			if i%25 == 0 {
				_, err := raw.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE datname = current_database() AND pid <> pg_backend_pid()`)
				if err != nil {
					t.Log("the cut was cut:", err) // by one of the others
				}
			}
			filed, err := store.Reports{DB: db.DB}.Create(t.Context(), filing())
			if err == nil {
				ids[i] = filed.Report.ID
			} else if !problem.Is(err, problem.Unavailable) {
				t.Errorf("file on a lost connection: %v", err)
			}
		}
	})
	must(t, eventually(t, func() error { return works(t.Context(), db.DB) }))
	stored := 0
	for _, id := range ids {
		if id == "" {
			continue
		}
		stored++
		if _, err := (store.Reports{DB: db.DB}).Report(t.Context(), id); err != nil {
			t.Errorf("report %s was acknowledged: %v", id, err)
		}
	}
	if stored == 0 {
		t.Error("nothing was stored at all")
	}
}

// eventually tries until it succeeds: idle connections that were cut are found
// out one by one.
func eventually(t *testing.T, try func() error) (err error) {
	t.Helper()
	for range 100 {
		if err = try(); err == nil {
			return nil
		}
		if !problem.Is(err, problem.Unavailable) {
			t.Errorf("while it recovers: %v", err)
		}
	}
	return err
}

func TestAStoppedServerIsUnavailable(t *testing.T) {
	t.Parallel()
	_ = pgtest.URL(t) // says so where there is no PostgreSQL
	server, err := pgtest.Start(t.Context(), pgtest.Options{NoFsync: true})
	must(t, err)
	db, err := store.Open(t.Context(), server.URL())
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(t.Context()))
	must(t, works(t.Context(), db))
	must(t, server.Stop())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, err := range map[string]error{
		"write": setFact(ctx, db, "x"), "write again": setFact(ctx, db, "x"), "file": works(ctx, db), "ping": db.Ping(ctx), "migrate": db.Migrate(ctx),
	} {
		if !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = store.Tenants{DB: db}.Jurisdictions(ctx)
	if p := problem.As(err); p == nil || p.Kind != problem.Unavailable || p.RetryAfter <= 0 {
		t.Errorf("read: %v", err)
	}
}

func TestALockedFileIsUnavailable(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, sqliteURL(t))
	raw, err := db.raw(t).Conn(t.Context())
	must(t, err)
	_, err = raw.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	must(t, err)
	if err := works(t.Context(), db.DB); !problem.Is(err, problem.Unavailable) {
		t.Errorf("while another process writes: %v", err)
	}
	_, err = raw.ExecContext(t.Context(), `ROLLBACK`)
	must(t, err)
	must(t, raw.Close())
	must(t, works(t.Context(), db.DB))
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	must(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600))
	for name, url := range map[string]string{
		"a folder": dir, "a missing folder": filepath.Join(dir, "no", "db"), "a text": text,
		"nobody there": "postgres://anna:hemligt@127.0.0.1:1/x?connect_timeout=5", "no url": "postgres://anna:hemligt@[::1",
	} {
		db, err := store.Open(t.Context(), url)
		if err == nil {
			t.Errorf("%s was opened", name)
			must(t, db.Close())
		} else if strings.Contains(err.Error(), "hemligt") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// A path is taken as it is, whatever signs a URL has a meaning for.
func TestAnyPathWillDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "å b?c=d&mode=memory%41#e;f")
	db := newDatabase(t, path)
	must(t, works(t.Context(), db.DB))
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestACallerWhoLeavesGetsTheirOwnError(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := works(gone, db.DB); !errors.Is(err, context.Canceled) {
			t.Errorf("write: %v", err)
		}
		if _, err := (store.Tenants{DB: db.DB}).Jurisdictions(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
		must(t, works(t.Context(), db.DB))
	})
}
