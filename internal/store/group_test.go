package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

type execFunc = func(query string, args ...any) error

// setFact is a write as small as they come.
func setFact(ctx context.Context, db *store.DB, name string) error {
	return store.Installation{DB: db}.SetFact(ctx, name, "yes")
}

func wantFact(t testing.TB, db *store.DB, name, want string) {
	t.Helper()
	got, err := store.Installation{DB: db}.Fact(t.Context(), name)
	must(t, err)
	if got != want {
		t.Errorf("fact %s is %q, want %q", name, got, want)
	}
}

// inCrowd is how many writes a crowd has: some shared commits, none of them full.
const inCrowd = 20

// crowd keeps the writer busy until the last of many writes is on its way, and
// lets them go together: they share commits.
func crowd(t testing.TB, db *database, write func(i int)) {
	t.Helper()
	started, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- db.InTx(context.Background(), func(execFunc) error {
			close(started)
			<-release
			return nil
		})
	}()
	<-started
	var begun atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		race(inCrowd, func(i int) {
			if begun.Add(1) == inCrowd {
				close(release)
			}
			write(i)
		})
	}()
	<-done
	must(t, <-first)
}

func TestOneWriteThatFailsTakesNoOtherAlong(t *testing.T) {
	boom := errors.New("no")
	poison := map[string]struct {
		fn   func(execFunc) error
		want func(error) bool
	}{
		"a rule that says no": {func(execFunc) error { return boom }, func(err error) bool { return errors.Is(err, boom) }},
		"a panic":             {func(execFunc) error { panic("rule") }, func(err error) bool { return strings.Contains(err.Error(), "panic") }},
		"a statement that fails": {func(exec execFunc) error {
			return exec(`INSERT INTO installation (name, value) VALUES ('half', NULL)`)
		}, nil},
		"a row that refers to nothing": {func(exec execFunc) error { // found out by the commit
			return exec(`INSERT INTO contacts (report, name, email, phone) VALUES ('none', '', '', '')`)
		}, nil},
	}
	onBoth(t, func(t *testing.T, db *database) {
		for name, p := range poison {
			crowd(t, db, func(i int) {
				if i%5 != 0 {
					if err := setFact(context.Background(), db.DB, fmt.Sprint(name, i)); err != nil {
						t.Errorf("%s: a write beside it failed: %v", name, err)
					}
					return
				}
				err := db.InTx(context.Background(), func(exec execFunc) error {
					if err := exec(`INSERT INTO installation (name, value) VALUES ($1, 'yes')`, fmt.Sprint(name, i)); err != nil {
						return err
					}
					return p.fn(exec)
				})
				if err == nil || p.want != nil && !p.want(err) {
					t.Errorf("%s: %v", name, err)
				}
			})
			for i := range inCrowd {
				want := "yes"
				if i%5 == 0 {
					want = ""
				}
				wantFact(t, db.DB, fmt.Sprint(name, i), want)
			}
		}
	})
}

func TestAWriteWhoseCallerLeftBeforeItBeganIsNotDone(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := setFact(gone, db.DB, "gone"); !errors.Is(err, context.Canceled) {
			t.Errorf("a write for nobody: %v", err)
		}
		wantFact(t, db.DB, "gone", "")
		must(t, setFact(t.Context(), db.DB, "here"))
	})
}

// The writer is held by another caller, so the write waits; its caller is
// answered at once and it never runs.
func TestAWaitingWriteCanBeCalledOff(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, sqliteURL(t))
	ctx, cancel := context.WithCancel(t.Context())
	must(t, db.InTx(t.Context(), func(execFunc) error {
		waiting := make(chan error, 1)
		go func() { waiting <- setFact(ctx, db.DB, "called off") }()
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("called off: %v", err)
		}
		return nil
	}))
	must(t, setFact(t.Context(), db.DB, "after"))
	wantFact(t, db.DB, "called off", "")
}

// What begins is seen through although its caller leaves: the answer tells
// truly whether it was stored.
func TestAWriteThatHasBegunIsSeenThrough(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, sqliteURL(t))
	ctx, cancel := context.WithCancel(t.Context())
	must(t, db.InTx(ctx, func(exec execFunc) error {
		cancel()
		return exec(`INSERT INTO installation (name, value) VALUES ('begun', 'yes')`)
	}))
	wantFact(t, db.DB, "begun", "yes")
}

func TestClosingAnswersEveryWrite(t *testing.T) {
	t.Parallel()
	for round := range 10 {
		url := filepath.Join(t.TempDir(), fmt.Sprint(round))
		db, err := store.Open(t.Context(), url)
		must(t, err)
		must(t, db.Migrate(t.Context()))
		var stored [64]atomic.Bool
		closed := make(chan error, 1)
		race(len(stored), func(i int) {
			if i == 20 {
				closed <- db.Close()
				return
			}
			err := setFact(context.Background(), db, fmt.Sprint(i))
			if stored[i].Store(err == nil); err != nil && !problem.Is(err, problem.Unavailable) {
				t.Errorf("a write while closing: %v", err)
			}
		})
		must(t, <-closed)
		must(t, db.Close()) // once more does nothing
		if err := setFact(t.Context(), db, "late"); !problem.Is(err, problem.Unavailable) {
			t.Errorf("a write after closing: %v", err)
		}
		again, err := store.Open(t.Context(), url)
		must(t, err)
		for i := range stored {
			want := ""
			if stored[i].Load() {
				want = "yes"
			}
			wantFact(t, again, fmt.Sprint(i), want)
		}
		must(t, again.Close())
	}
}

// SQLite undoes the whole transaction when there is no room for one row. The
// writes beside it must not notice.
func TestAWriteThatDoesNotFitFailsAlone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, sqliteURL(t))
	s := store.Reports{DB: db.DB}
	create(t, db, filing())
	full := func(exec execFunc) error {
		if err := exec(`PRAGMA max_page_count = 1`); err != nil { // as many as there are
			return err
		}
		return exec(`INSERT INTO installation (name, value) VALUES ('huge', $1)`, strings.Repeat("x", 1<<20))
	}
	crowd(t, db, func(i int) {
		if i%5 != 0 {
			if _, err := s.Create(context.Background(), filing()); err != nil {
				t.Errorf("a report beside a write that does not fit: %v", err)
			}
			return
		}
		if err := db.InTx(context.Background(), full); !problem.Is(err, problem.Unavailable) {
			t.Errorf("a write that does not fit: %v", err)
		}
	})
	must(t, db.InTx(t.Context(), func(exec execFunc) error { return exec(`PRAGMA max_page_count = 1000000`) }))
	if r := create(t, db, filing()); r.Reference != "2281-2026-000018" {
		t.Errorf("reference %s, want number 18", r.Reference)
	}
	wantFact(t, db.DB, "huge", "")
}

func TestWhatWasAcknowledgedIsThereAfterwards(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		filed := make([]report.Report, 100)
		race(len(filed), func(i int) {
			f, err := store.Reports{DB: db.DB}.Create(context.Background(), filing())
			if err != nil {
				t.Error(err)
			}
			filed[i] = f.Report
		})
		must(t, db.Close())
		again := store.Reports{DB: db.open(t)}
		for _, r := range filed {
			got, err := again.Report(t.Context(), r.Reference)
			must(t, err)
			if got.ID != r.ID {
				t.Errorf("%s is %s, was %s", r.Reference, got.ID, r.ID)
			}
		}
	})
}
