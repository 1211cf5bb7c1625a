package routing_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantsten/kantsten/internal/routing"
)

// switchWithin is how long another process may route by what is no longer in
// force; reports that are filed meanwhile are located again.
const switchWithin = 2 * time.Second

// However a commit falls between two looks, the next look takes it over.
func TestAnotherProcessFollowsWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		other := &routing.Boundaries{
			Sets: w.sets, Blobs: w.Boundaries.Blobs, CacheDir: filepath.Join(t.TempDir(), "cache"), Log: slog.New(slog.DiscardHandler),
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = other.Run(ctx) }() // ends without an error
		w.followedBy(t, other, "what was there before it started")
		for _, after := range []time.Duration{0, time.Millisecond, 499 * time.Millisecond, 999 * time.Millisecond} {
			time.Sleep(after)
			w.layer(t, routing.Municipality, box("2281", "Sundsvall", 17, 17.2))
			w.followedBy(t, other, "an activation")
			_, err := w.Boundaries.Undo(t.Context(), routing.Municipality, routing.Options{}, noon)
			must(t, err)
			w.followedBy(t, other, "an undo")
			w.rules(t, "2281", routing.Rule{ID: "ours", Outcome: routing.Stay})
			w.followedBy(t, other, "a rule")
		}
	})
}

// followedBy makes sure that another process takes over in time what this one has
// just committed. The time is that of a bubble: only waiting takes any.
func (w *town) followedBy(t *testing.T, other *routing.Boundaries, what string) {
	t.Helper()
	want := w.Boundaries.Now()
	const step = 10 * time.Millisecond
	for waited := time.Duration(0); ; waited += step {
		synctest.Wait()
		if now := other.Now(); now.Revision == want.Revision && now.Municipalities().ID == want.Municipalities().ID {
			return
		}
		if waited >= switchWithin {
			t.Fatalf("%s: after %v the other process routes by revision %d, not %d", what, waited, other.Now().Revision, want.Revision)
		}
		time.Sleep(step)
	}
}
