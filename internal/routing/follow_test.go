package routing_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestReportsAreHeardOfOnlyWhereTheyAreTaken(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, tt := range []struct {
		name              string
		lat, lon, radiusM float64
		want              bool
	}{
		{"a circle inside", 62.05, 17.05, 50, true},
		{"a circle outside that reaches in", 62.05, 17 - 15_000*metre, 16_000, true},
		{"a circle where positions are still taken", 62.05, 17 - 500*metre, 50, true},
		{"a circle beside", 62.05, 17 - 2000*metre, 1000, false},
		{"a wide circle far out", 62.05, 17 - 25_000*metre, 20_000, false},
		{"a circle in the Gulf of Guinea", 0, 0, 20_000, false},
	} {
		if got, err := w.ReachesReports(t.Context(), tt.lat, tt.lon, tt.radiusM); err != nil || got != tt.want {
			t.Errorf("%s: %v (%v), want %v", tt.name, got, err, tt.want)
		}
	}
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "kantsten.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(t.Context()))
	empty := routing.Router{Boundaries: &routing.Boundaries{Sets: store.BoundarySets{DB: db}, Log: w.Boundaries.Log}}
	if _, err := empty.ReachesReports(t.Context(), 62.05, 17.05, 50); !problem.Is(err, problem.Unavailable) {
		t.Errorf("before any boundaries are loaded: %v", err)
	}
}

func TestServicesAreKnownOfTheBaseAndOfAnyJurisdiction(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	takes := func(code string, want bool) {
		t.Helper()
		if got, err := w.TakesService(t.Context(), code); err != nil || got != want {
			t.Errorf("%s: %v (%v), want %v", code, got, err, want)
		}
	}
	takes("pothole", true)
	takes("sleigh", false)
	// What another process has just stored is found without waiting for it.
	tenants := &tenant.Service{Store: store.Tenants(w.sets), Now: func() time.Time { return noon }}
	name := catalog.Text{"sv": "Släde", "en": "Sleigh"}
	_, err := tenants.Put(t.Context(), tenant.Jurisdiction{Code: "zoo", Name: "Zoo", Channel: tenant.None, Services: []catalog.Override{
		{Code: "sleigh", Disabled: true, New: &catalog.Service{Code: "sleigh", Name: name, Description: name, Group: "other"}},
	}})
	must(t, err)
	takes("sleigh", true)
}
