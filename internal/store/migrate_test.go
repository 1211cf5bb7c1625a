package store_test

import (
	"context"
	"testing"

	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/store"
)

func TestMigratingTwiceDoesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		r := create(t, db, filing())
		must(t, db.Migrate(t.Context()))
		must(t, db.open(t).Migrate(t.Context()))
		_, err := store.Reports{DB: db.DB}.Report(t.Context(), r.ID)
		must(t, err)
	})
}

func TestFourProcessesMayStartAtOnce(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteURL, "postgres": pgtest.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &database{url: url(t)}
			race(4, func(int) {
				db, err := store.Open(context.Background(), d.url)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if err := db.Migrate(context.Background()); err != nil {
					t.Errorf("migrate: %v", err)
				} else if err := works(context.Background(), db); err != nil {
					t.Errorf("work: %v", err)
				}
				if err := db.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			if n := d.count(t, `SELECT count(*) FROM reports`); n != 4 {
				t.Errorf("%d reports, want 4", n)
			}
		})
	}
}
