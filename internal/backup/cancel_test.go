package backup_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/store"
)

// cancelling is a database whose caller's context ends when it is asked which
// files the n-th row refers to.
type cancelling struct {
	store.Backups
	cancel context.CancelFunc
	n      int
}

func (c *cancelling) Files(t backup.Table) (func(backup.Row) (backup.Files, error), error) {
	of, err := c.Backups.Files(t)
	if of == nil || err != nil {
		return of, err
	}
	return func(row backup.Row) (backup.Files, error) {
		if c.n--; c.n == 0 {
			c.cancel()
		}
		return of(row)
	}, nil
}

func TestABackupThatIsBrokenOffIsNone(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	old.live(t)
	for name, tt := range map[string]struct {
		atStart bool
		atRow   int
	}{"at its start": {true, 0}, "at the first file": {false, 1}, "at a later file": {false, 4}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			taker := old.taker()
			taker.Database = &cancelling{store.Backups{DB: old.db}, cancel, tt.atRow}
			if tt.atStart {
				taker.Now = func() time.Time { cancel(); return time.Now() }
			}
			folder := filepath.Join(t.TempDir(), "backup")
			if _, err := taker.Take(ctx, folder); err == nil {
				t.Error("it is said to be complete")
			}
			isEmpty(t, folder)
			refused(t, emptyPlace(t, "sqlite").restorer(), folder, "manifest.json")
			if _, err := old.taker().Take(t.Context(), folder); err != nil {
				t.Errorf("the same folder again: %v", err)
			}
		})
	}
}

func TestARestoreThatIsBrokenOffIsFinishedByTheNext(t *testing.T) {
	across(t, func(t *testing.T, from, to string) {
		old := newTown(t, from)
		seen, _ := old.live(t)
		personal := old.filePersonal(t)
		folder := old.take(t)
		must(t, old.reports.Erase(t.Context(), auth.Itself(), personal.ID))
		place := emptyPlace(t, to)
		rows := store.Backups{DB: place.db}

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := place.restorer()
		// Files are checked for each row, and rows are stored by the same question.
		r.Database = &cancelling{rows, cancel, 2*old.rows(t, "photos") + old.rows(t, "boundary_sets") - 1}
		r.Blobs = old.blobs
		if _, err := r.Restore(ctx, folder); err == nil {
			t.Error("broken off in the rows: it is said to be complete")
		}
		if table, err := rows.Occupied(t.Context()); err != nil || table != "" {
			t.Errorf("broken off in the rows: %q holds rows, %v", table, err)
		}

		r.Database = rows
		fails := errors.New("fails")
		r.Erase = func(context.Context, string) (bool, error) { return false, fails }
		if _, err := r.Restore(t.Context(), folder); !errors.Is(err, fails) {
			t.Errorf("broken off in the erasures: %v", err)
		}
		if mark, err := rows.Loaded(t.Context()); err != nil || mark == "" {
			t.Errorf("broken off in the erasures: mark %q, %v", mark, err)
		}
		if _, err := place.taker().Take(t.Context(), filepath.Join(t.TempDir(), "b")); err == nil {
			t.Error("half a restore can be backed up")
		}
		refused(t, r, old.take(t), "another backup")

		place.photos.Blobs = old.blobs
		r.Erase = place.reports.EraseAgain
		done, err := r.Restore(t.Context(), folder)
		must(t, err)
		if !done.Resumed || done.Erased != 1 {
			t.Errorf("finished with %+v", done)
		}
		if mark, err := rows.Loaded(t.Context()); err != nil || mark != "" {
			t.Errorf("finished, and the mark is %q, %v", mark, err)
		}
		if n := place.rows(t, "reports"); n != len(seen)+1 {
			t.Errorf("%d reports, want %d", n, len(seen)+1)
		}
		if where := place.namedIn(t, somebody); len(where) > 0 {
			t.Errorf("the name stands in %v", where)
		}
	})
}
