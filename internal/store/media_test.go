package store_test

import (
	"testing"

	"github.com/kantsten/kantsten/internal/store"
)

func TestMediaURLsAreKeptUntilTheyAreDone(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		f := filing()
		f.MediaURLs = []string{"https://example.org/a.jpg", "https://example.org/b.jpg"}
		r := create(t, db, f)
		must(t, s.MediaDone(t.Context(), r.ID, 0))
		for position, want := range []string{"", f.MediaURLs[1], ""} {
			address, ok, err := s.MediaURL(t.Context(), r.ID, position)
			if address != want || ok != (want != "") || err != nil {
				t.Errorf("place %d holds %q, %v, %v; want %q", position, address, ok, err, want)
			}
		}
	})
}
