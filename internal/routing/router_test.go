package routing

import (
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
)

// over is a router on three squares of a tenth of a degree, the first two side by
// side, the third 100 km to the north of them.
func over(t *testing.T, set Set) *Router {
	t.Helper()
	square := func(code, name string, west, south float64) geo.Feature {
		return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{{
			{west, south}, {west + 0.1, south}, {west + 0.1, south + 0.1}, {west, south + 0.1}, {west, south},
		}}}}
	}
	index, _, err := geo.Build([]geo.Feature{
		square("2281", "Sundsvall", 17, 62), square("2262", "Timrå", 17.1, 62), square("2280", "Härnösand", 17, 63),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &Boundaries{}
	b.now.Store(&Snapshot{layers: map[string]*ActiveSet{Municipality: {Set: set, Index: index, owners: ownedAreas{index}}}})
	return &Router{Boundaries: b}
}

func TestAReportGoesToWhoOwnsThePlaceElseToWhoIsNear(t *testing.T) {
	t.Parallel()
	r := over(t, Set{ID: "a-set"})
	const metre = 1 / 52_300.0 // of longitude at 62 degrees
	for name, tt := range map[string]struct {
		lon, accuracy float64
		want          string // empty for a refusal
		outside       bool
	}{
		"inside":                                    {17.05, 0, "2281", false},
		"on the border, to one of the two":          {17.1, 0, "2262", false},
		"40 m outside":                              {17 - 40*metre, 0, "2281", true},
		"60 m outside, from an exact position":      {17 - 60*metre, 0, "", false},
		"49 m outside, from a good position":        {17 - 49*metre, 5, "2281", true},
		"51 m outside, from a good position":        {17 - 51*metre, 5, "", false},
		"60 m outside, from a position within 80 m": {17 - 60*metre, 80, "2281", true},
		"495 m outside, from a bad position":        {17 - 495*metre, 10_000, "2281", true},
		"505 m outside, from a bad position":        {17 - 505*metre, 10_000, "", false},
		"600 m outside, however inexact":            {17 - 600*metre, 10_000, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			route, err := r.Route(t.Context(), Question{Service: "pothole", Lat: 62.05, Lon: tt.lon, AccuracyM: tt.accuracy})
			if tt.want == "" {
				p := problem.As(err)
				if p == nil || p.Kind != problem.Invalid || !strings.Contains(p.Detail, "Sundsvall (2281)") {
					t.Fatalf("%v, want a refusal that names the nearest area", err)
				}
				return
			}
			if err != nil || route.Jurisdiction != tt.want || route.Outside != tt.outside || route.BoundarySet != "a-set" {
				t.Errorf("%+v, %v, want %s", route, err, tt.want)
			}
		})
	}
}

func TestFarFromEveryAreaNobodyIsNamed(t *testing.T) {
	t.Parallel()
	_, err := over(t, Set{}).Route(t.Context(), Question{Lat: 55, Lon: 10})
	if p := problem.As(err); p == nil || !strings.Contains(p.Detail, "no area within 10 km") {
		t.Errorf("%v", err)
	}
}

func TestWithoutBoundariesARouterAsksForPatience(t *testing.T) {
	t.Parallel()
	r := &Router{Boundaries: &Boundaries{}}
	if _, err := r.Locate(Question{Lat: 62, Lon: 17}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestABorderWithinTheAccuracyIsAdmitted(t *testing.T) {
	t.Parallel()
	r := over(t, Set{})
	for accuracy, certain := range map[float64]bool{0: true, 1000: true, 4000: false} {
		found, err := r.Locate(Question{Lat: 62.05, Lon: 17.05, AccuracyM: accuracy}) // 2.6 km from the border between the two
		if err != nil || found.Certain != certain || found.Beyond != "2262" {
			t.Errorf("within %.0f m: %+v, %v", accuracy, found, err)
		}
	}
}

// Nobody should take approximate boundaries for borders.
func TestApproximateBoundariesOfferTheThreeNearest(t *testing.T) {
	t.Parallel()
	found, err := over(t, Set{Approximate: true}).Locate(Question{Lat: 62.05, Lon: 17.05})
	if err != nil || found.Certain || found.Set.Label() != "demo" || len(found.Choices) != 3 || found.Question("sv") != nil {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, code := range []string{"2281", "2262", "2280"} {
		if found.Choices[i].Code != code {
			t.Errorf("candidate %d is %+v, want %s", i, found.Choices[i], code)
		}
	}
}

func TestATraceExplainsItself(t *testing.T) {
	t.Parallel()
	route, err := over(t, Set{ID: "a-set", Approximate: true}).Route(t.Context(), Question{Service: "pothole", Lat: 62.05, Lon: 17.05})
	if err != nil {
		t.Fatal(err)
	}
	trace, err := ReadTrace(route.Trace)
	if err != nil {
		t.Fatal(err)
	}
	if trace.Rule != RuleArea || trace.Owner.Code != "2281" || trace.Service != "pothole" || trace.BoundarySet != "a-set" {
		t.Errorf("%+v", trace)
	}
	for lang, words := range map[string][]string{
		"sv": {"Platsen ligger i Sundsvall (2281)", "Närmaste gräns", "ungefärliga"},
		"en": {"The position lies in Sundsvall (2281)", "nearest border", "approximate"},
	} {
		for _, w := range words {
			if text := trace.Explain(lang); !strings.Contains(text, w) {
				t.Errorf("%s: %q lacks %q", lang, text, w)
			}
		}
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(`{"rule":"area","owner":{"code":"2281","name":"Sundsvall"}}`))
	f.Add([]byte(`{"rule":"nonsense"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if trace, err := ReadTrace(b); err == nil {
			_ = trace.Explain("sv")
			_ = trace.Explain("en")
		}
	})
}
