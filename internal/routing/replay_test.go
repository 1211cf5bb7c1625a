package routing_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// replays is how many traces are decided once more.
const replays = 10_000

// A trace tells the truth for good: what it says follows from the data that it
// names, whatever is in force by now.
func TestTracesReplayAfterEverythingHasChanged(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.jurisdiction(t, tenant.Jurisdiction{Code: "Ankarvik", Name: "Ankarvikens vägförening"})
	w.rules(t, "", routing.Rule{ID: "benches", Services: []string{"bench-furniture"}, Area: "2262", Outcome: routing.ToJurisdiction, To: "2281"})
	w.rules(t, "2281", routing.Rule{
		ID: "lights", Services: []string{"street-light"}, Layer: "road-owner", WithinM: 15, Owners: []string{"state"}, Outcome: routing.Stay,
	})
	w.places(t, "lamp-owner", lamp("Ankarvik", "Lampor", 17.03), lamp("state", "Andra lampor", 17.13))
	random := rand.New(rand.NewPCG(1, 2)) // the same places each time
	traces := w.traces(t, random, 16.999, 17.201)

	w.layer(t, routing.Municipality, box("2281", "Sundsvall", 17.1, 17.2), box("2262", "Timrå", 17, 17.1))
	w.layer(t, "road-owner", road("private", "Enskild väg", stateRoad))
	w.layer(t, "lamp-owner", road("private", "Stolpar", stateRoad))
	w.rules(t, "2281", routing.Rule{ID: "all", Outcome: routing.ToJurisdiction, To: "trafikverket"})
	w.rules(t, "", routing.Rule{ID: "lamps", Layer: "lamp-owner", WithinM: 500, Outcome: routing.ToOwner})
	w.jurisdiction(t, tenant.Jurisdiction{Code: "trafikverket", Name: "Staten", Services: without("pothole")})
	w.jurisdiction(t, tenant.Jurisdiction{Code: "private", Name: "Föreningen"})
	w.replayAll(t, traces)
	for _, rule := range []string{"area", "nearest", "benches", "lights", "state-road", "private-road", "road-association"} {
		if !slices.ContainsFunc(traces, func(t routing.Trace) bool { return t.Rule == rule }) {
			t.Errorf("no trace tells of %q", rule)
		}
	}
	if trace := w.route(t, routing.Question{Service: "pothole", Lon: stateRoad}); trace.Rule != "lamps" {
		t.Errorf("nothing has changed: %+v", trace)
	}
}

// The same on the real borders, with a road of the state along every meridian of
// a tenth of a degree.
func TestTracesReplayOnTheRealBorders(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.layer(t, routing.Municipality, realAreas(t)...)
	var roads []geo.Feature
	for i := range 120 {
		lon := 11.5 + float64(i)/10
		strip := orb.Bound{Min: orb.Point{lon, 55}, Max: orb.Point{lon + 30*metre, 69.5}}
		roads = append(roads, geo.Feature{Code: "state", Name: "Statlig väg", Geometry: orb.MultiPolygon{{strip.ToRing()}}})
	}
	w.layer(t, "road-owner", roads...)
	random := rand.New(rand.NewPCG(3, 4)) // the same places each time
	traces := w.traces(t, random, 11, 24)
	w.layer(t, routing.Municipality, box("2281", "Sundsvall", 10, 25))
	w.layer(t, "road-owner", road("private", "Enskild väg", stateRoad))
	w.replayAll(t, traces)
}

// traces routes faults at random places, some of them with an answer.
func (w *town) traces(t *testing.T, random *rand.Rand, west, east float64) []routing.Trace {
	t.Helper()
	services := []string{"pothole", "street-light", "litter", "bench-furniture"}
	accuracies := []float64{0, 5, 12, 30, 200}
	south, north := 61.999, 62.101
	if east-west > 1 {
		south, north = 55.3, 69
	}
	var traces []routing.Trace
	for len(traces) < replays {
		q := routing.Question{
			Service: services[random.IntN(len(services))], AccuracyM: accuracies[random.IntN(len(accuracies))],
			Lat: south + random.Float64()*(north-south), Lon: west + random.Float64()*(east-west),
		}
		found, err := w.Locate(q)
		must(t, err)
		if n := len(found.Choices); n == 0 {
			continue // too far outside
		} else if random.IntN(2) == 0 {
			q.Answer = found.Choices[random.IntN(n)].Code
		}
		traces = append(traces, w.route(t, q))
	}
	return traces
}

func (w *town) replayAll(t *testing.T, traces []routing.Trace) {
	t.Helper()
	for _, trace := range traces {
		again, err := w.Replay(t.Context(), trace)
		must(t, err)
		if string(again.JSON()) != string(trace.JSON()) {
			t.Fatalf("the replay differs\nfirst %s\nagain %s", trace.JSON(), again.JSON())
		}
	}
}

func TestWhatCannotBeReplayedSaysSo(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	trace := w.route(t, routing.Question{Service: "pothole", Lon: stateRoad})
	for name, spoil := range map[string]func(*routing.Trace){
		"a set that is not there":  func(t *routing.Trace) { t.BoundarySet = "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e" },
		"a list that is not there": func(t *routing.Trace) { t.Lists = []routing.ListRef{{Of: "", SHA256: "ab"}} },
	} {
		spoiled := trace
		spoil(&spoiled)
		if _, err := w.Replay(t.Context(), spoiled); !problem.Is(err, problem.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	present := routing.Trace{Rule: routing.RuleSuccession, From: "2281", BoundarySet: trace.BoundarySet}
	if _, err := w.Replay(t.Context(), present); err == nil || !strings.Contains(err.Error(), "has 2281") {
		t.Errorf("a succession of a code that is there: %v", err)
	}
	if _, err := w.Replay(t.Context(), routing.Trace{Rule: routing.RuleHandOver}); !errors.Is(err, routing.ErrNotRouted) {
		t.Errorf("what staff decided: %v", err)
	}
}

// realAreas reads the Swedish municipalities, which are no part of the repository.
func realAreas(t *testing.T) (areas []geo.Feature) {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(folder, "boundaries", "se-municipalities-light.geojson"))
	if err != nil {
		t.Skipf("real borders are absent: %v; set KANTSTEN_TEST_DATA to the folder that holds boundaries/", err)
	}
	defer func() { must(t, f.Close()) }()
	must(t, geo.ReadGeoJSON(f, geo.ReadOptions{PadCode: 4}, func(f geo.Feature) error {
		areas = append(areas, f)
		return nil
	}))
	return areas
}
