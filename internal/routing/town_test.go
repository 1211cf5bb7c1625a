package routing_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// metre is a metre of longitude at 62.05 degrees north.
const metre = 1 / 52_300.0

// Where things are in the town, as longitudes at latitude 62.05.
const (
	stateRoad   = 17.02
	townRoad    = 17.04
	privateRoad = 17.06
	theBorder   = 17.1
)

// town is a router over a real store: 2281 Sundsvall and, east of 17.1, 2262
// Timrå; a state road of some 20 m width from south to north through 2281 with
// another through 2262 at 17.12, a municipal road, a private one and that of an
// association; a state road authority without a channel.
type town struct {
	routing.Router
	sets store.BoundarySets
	dir  string // holds the blobs and the cache
}

func newTown(t testing.TB) *town {
	t.Helper()
	return newTownAt(t, filepath.Join(t.TempDir(), "kantsten.db"))
}

// newTownAt is newTown in another database.
func newTownAt(t testing.TB, url string) *town {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(t.Context()))
	blobs, err := blob.OpenDisk(filepath.Join(dir, "media"))
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	w := &town{sets: store.BoundarySets{DB: db}, dir: dir}
	w.Boundaries = &routing.Boundaries{Sets: w.sets, Blobs: blobs, CacheDir: filepath.Join(dir, "cache"), Log: slog.New(slog.DiscardHandler)}
	w.layer(t, routing.Municipality,
		box("2281", "Sundsvall", 17, 17.1), box("2262", "Timrå", 17.1, 17.2))
	w.layer(t, "road-owner",
		road("state", "Statlig väg", stateRoad), road("municipal", "Kommunal väg", townRoad), road("private", "Enskild väg", privateRoad),
		road("Ankarvik", "Ankarvikens vägförening", 17.08), road("state", "Statlig väg", 17.12))
	w.jurisdiction(t, tenant.Jurisdiction{Code: "trafikverket", Name: "Trafikverket", Aliases: []string{"trafikverket.se"}, Contact: "0771-921 921"})
	return w
}

// layer imports and activates features as a layer.
func (w *town) layer(t testing.TB, name string, features ...geo.Feature) string {
	t.Helper()
	set, _, err := w.Boundaries.Import(t.Context(), builder(t, features...), routing.About{Layer: name, Source: "squares"}, noon)
	must(t, err)
	must(t, w.Boundaries.Activate(t.Context(), set.ID, noon))
	return set.ID
}

func builder(t testing.TB, features ...geo.Feature) *geo.Builder {
	t.Helper()
	areas := &geo.Builder{}
	for _, f := range features {
		must(t, areas.Add(f))
	}
	return areas
}

// jurisdiction stores one, in the place of what it was.
func (w *town) jurisdiction(t testing.TB, j tenant.Jurisdiction) {
	t.Helper()
	tenants := &tenant.Service{Store: store.Tenants(w.sets), Now: func() time.Time { return noon }}
	if now, err := tenants.Get(t.Context(), j.Code); err == nil {
		j.Version = now.Version
	}
	j.Channel = tenant.None
	_, err := tenants.Put(t.Context(), j)
	must(t, err)
	must(t, w.Boundaries.Refresh(t.Context()))
}

// rules replaces the rules of a jurisdiction, or of the installation.
func (w *town) rules(t *testing.T, of string, rules ...routing.Rule) {
	t.Helper()
	now, err := w.Boundaries.RulesOf(t.Context(), of)
	must(t, err)
	_, err = w.Boundaries.PutRules(t.Context(), of, rules, now.Version, noon)
	must(t, err)
}

// route files a fault and returns its trace.
func (w *town) route(t *testing.T, q routing.Question) routing.Trace {
	t.Helper()
	if q.Lat == 0 {
		q.Lat = 62.05
	}
	route, err := w.Route(t.Context(), q)
	must(t, err)
	trace, err := routing.ReadTrace(route.Trace)
	must(t, err)
	if trace.Owner.Code != route.Jurisdiction {
		t.Errorf("the trace says %s, the route %s", trace.Owner.Code, route.Jurisdiction)
	}
	return trace
}

// places imports and activates lines or points as a layer.
func (w *town) places(t testing.TB, name string, features ...geo.Feature) {
	t.Helper()
	places := &geo.NearBuilder{}
	for _, f := range features {
		must(t, places.Add(f))
	}
	set, _, err := w.Boundaries.ImportPlaces(t.Context(), places, routing.About{Layer: name, Source: "strokes"}, noon)
	must(t, err)
	must(t, w.Boundaries.Activate(t.Context(), set.ID, noon))
}

// street is a line from south to north.
func street(code, name string, lon float64) geo.Feature {
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiLineString{{{lon, 62}, {lon, 62.1}}}}
}

// lamp is a point.
func lamp(code, name string, lon float64) geo.Feature {
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPoint{{lon, 62.05}}}
}

func box(code, name string, west, east float64) geo.Feature {
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{orb.Bound{Min: orb.Point{west, 62}, Max: orb.Point{east, 62.1}}.ToRing()}}}
}

// road is a strip of 20 m from south to north, with its middle at a longitude.
func road(code, name string, lon float64) geo.Feature {
	return box(code, name, lon-10*metre, lon+10*metre)
}

// without is an override that switches a service off.
func without(service string) []catalog.Override {
	return []catalog.Override{{Code: service, Disabled: true}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFault(t testing.TB, err error, field, code string) {
	t.Helper()
	p := problem.As(err)
	if p == nil || p.Kind != problem.Invalid {
		t.Fatalf("%v, want %s of %s", err, code, field)
	}
	for _, f := range p.Fields {
		if f.Field == field && f.Code == code {
			return
		}
	}
	t.Errorf("%v, want %s of %s", err, code, field)
}
