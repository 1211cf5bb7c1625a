package geo

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

// layer describes random features to build an index from.
type layer struct {
	rule       string
	kind       Kind
	middle     orb.Point
	spread     float64 // degrees of latitude within which lines begin
	step       float64 // of their segments
	lines      int
	perLine    int
	owners     int
	onLattice  bool // vertices on a coarse lattice: duplicates, and lines along cells' sides
	alongEarth bool // a few segments of up to 180 degrees among them
}

func layers() []layer {
	town := orb.Point{17.3, 62.39}
	return []layer{
		{rule: "roads of a town", kind: Lines, middle: town, spread: 0.05, step: 0.001, lines: 60, perLine: 9, owners: 12},
		{rule: "one owner of everything", kind: Lines, middle: town, spread: 0.1, step: 0.001, lines: 60, perLine: 5, owners: 1},
		{rule: "every line its own owner", kind: Lines, middle: town, spread: 0.1, step: 0.01, lines: 100, perLine: 3, owners: 1e6},
		{rule: "a lattice of streets", kind: Lines, middle: orb.Point{0, 0}, spread: 0.01, step: 0.001, lines: 80, perLine: 20, owners: 5, onLattice: true},
		{rule: "lines shorter than a unit", kind: Lines, middle: town, spread: 1e-6, step: 3e-8, lines: 40, perLine: 20, owners: 5},
		{rule: "long lines among short ones", kind: Lines, middle: town, spread: 0.1, step: 0.001, lines: 150, perLine: 8, owners: 9, alongEarth: true},
		{rule: "only long lines", kind: Lines, middle: orb.Point{10, -20}, spread: 20, step: 20, lines: 20, perLine: 6, owners: 9},
		{rule: "roads on both sides of the antimeridian", kind: Lines, middle: orb.Point{180, -16.5}, spread: 0.2, step: 0.01, lines: 50, perLine: 8, owners: 10},
		{rule: "roads far in the north", kind: Lines, middle: orb.Point{25, 84.95}, spread: 0.1, step: 0.01, lines: 50, perLine: 8, owners: 10},
		{rule: "lamp posts", kind: Points, middle: town, spread: 0.05, lines: 300, perLine: 1, owners: 1e6},
		{rule: "lamp posts of a few", kind: Points, middle: town, spread: 0.05, lines: 40, perLine: 10, owners: 3},
		{rule: "lamp posts on top of each other", kind: Points, middle: orb.Point{179.9995, 45}, spread: 0.001, lines: 100, perLine: 5, owners: 8, onLattice: true},
		{rule: "a single point", kind: Points, middle: town, lines: 1, perLine: 1, owners: 1},
	}
}

// wrap brings a position back into the world.
func wrap(p orb.Point) orb.Point {
	if p[0] > 180 {
		p[0] -= 360
	}
	return orb.Point{max(p[0], -180), min(max(p[1], -85), 85)}
}

func (l layer) features(r *rand.Rand) []Feature {
	var out []Feature
	narrow := math.Cos(l.middle[1] * math.Pi / 180)
	for range l.lines {
		at := orb.Point{l.middle[0] + l.spread*r.NormFloat64()/narrow, l.middle[1] + l.spread*r.NormFloat64()}
		var path orb.LineString
		for range l.perLine {
			v := at
			if l.onLattice {
				v = orb.Point{math.Round(at[0]/0.002) * 0.002, math.Round(at[1]/0.002) * 0.002}
			}
			v = wrap(v)
			if n := len(path); n > 0 && l.kind == Lines && math.Abs(path[n-1][0]-v[0]) > 180 {
				break // it would have to be cut at the antimeridian
			}
			path = append(path, v)
			at[0] += l.step * r.NormFloat64() / narrow
			at[1] += l.step * r.NormFloat64()
			if l.alongEarth && r.IntN(100) == 0 {
				at[0] += r.Float64()*170 - 85
			}
		}
		f := Feature{Code: fmt.Sprint("owner ", r.IntN(l.owners)), Geometry: orb.MultiLineString{path}}
		if l.kind == Points {
			f.Geometry = orb.MultiPoint(path)
		}
		out = append(out, f)
	}
	return out
}

// place returns a point to ask for: on a vertex, near one, or far from all.
func placeNear(r *rand.Rand, features []Feature, l layer) orb.Point {
	paths := pathsOf(features[r.IntN(len(features))])
	path := paths[r.IntN(len(paths))]
	v := path[r.IntN(len(path))]
	narrow := math.Cos(v[1] * math.Pi / 180)
	off := 0.0
	switch r.IntN(5) {
	case 0:
	case 1:
		off = 1e-7
	case 2:
		off = 0.001
	case 3:
		off = max(l.spread, 0.01)
	case 4: // on a segment
		w := path[min(r.IntN(len(path))+1, len(path)-1)]
		k := r.Float64()
		if math.Abs(v[0]-w[0]) < 180 {
			v = orb.Point{v[0] + k*(w[0]-v[0]), v[1] + k*(w[1]-v[1])}
		}
	}
	return wrap(orb.Point{v[0] + off*r.NormFloat64()/narrow, v[1] + off*r.NormFloat64()})
}

func buildNear(t testing.TB, features []Feature) *NearIndex {
	t.Helper()
	index, _, err := BuildNear(features)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestNearestIsThatOfEverySegment(t *testing.T) {
	t.Parallel()
	for _, l := range layers() {
		t.Run(l.rule, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(21, 22))
			for range 3 {
				features := l.features(r)
				index := buildNear(t, features)
				for range 80 {
					p := placeNear(r, features, l)
					reach := []float64{0, 1, 100, 3000, MaxDistance}[r.IntN(5)]
					n := []int{1, 2, 3, 10, 1000}[r.IntN(5)]
					got, want := index.Nearest(p, reach, n), nearestByFrame(index, features, p, reach, n)
					if !slices.Equal(got, want) {
						t.Fatalf("%d within %g m of %v:\n%+v, want\n%+v", n, reach, p, got, want)
					}
				}
			}
		})
	}
}

// Against a reference that shares nothing with the index: distances to 0.5 m,
// no feature missing and none too many.
func TestNearestWithinHalfAMetre(t *testing.T) {
	t.Parallel()
	for _, l := range layers() {
		t.Run(l.rule, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(23, 24))
			features := l.features(r)
			if len(features) > 60 {
				features = features[:60]
			}
			index := buildNear(t, features)
			for i := range 15 {
				p := placeNear(r, features, l)
				if l.middle[1] > 80 && i%5 == 0 {
					p[1] += 0.08 // no road may lie there, but people may ask
				}
				want := arcsToAll(index, features, p)
				checkArcs(t, p, index.Nearest(p, MaxDistance, index.Len()), want)
				checkArcs(t, p, index.Nearest(p, math.Inf(1), index.Len()), want) // what is far must not blur what is near
			}
		})
	}
}

func checkArcs(t *testing.T, p orb.Point, got []NearFeature, want []float64) {
	t.Helper()
	const exact = 0.5
	seen := make([]bool, len(want))
	for i, f := range got {
		if seen[f.Feature] {
			t.Errorf("%v: feature %d is returned twice", p, f.Feature)
		}
		seen[f.Feature] = true
		if want[f.Feature] > MaxDistance {
			break // see TestNearestBeyondMaxDistance
		}
		if math.Abs(f.Metres-want[f.Feature]) > exact {
			t.Errorf("%v: feature %d at %.3f m, want %.3f", p, f.Feature, f.Metres, want[f.Feature])
		}
		if d := arc(onGlobe(p), onGlobe(f.At)); math.Abs(d-f.Metres) > exact {
			t.Errorf("%v: feature %d at %.3f m, but the place %v is %.3f m away", p, f.Feature, f.Metres, f.At, d)
		}
		if i > 0 && cmp.Compare(got[i-1].Metres, f.Metres) > 0 {
			t.Errorf("%v: not in order: %+v", p, got)
		}
	}
	for feature, metres := range want {
		if metres < MaxDistance-exact && !seen[feature] {
			t.Errorf("%v: feature %d at %.3f m is missing", p, feature, metres)
		}
	}
}

func TestNearestBeyondMaxDistance(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(25, 26))
	for _, lat := range []float64{0, -35, 55, 62, 69, 75, 84} {
		l := layer{kind: Lines, middle: orb.Point{15, lat}, spread: 1, step: 0.01, lines: 40, perLine: 3, owners: 1e6}
		features := l.features(r)
		index := buildNear(t, features)
		want := arcsToAll(index, features, l.middle)
		got := index.Nearest(l.middle, math.Inf(1), index.Len())
		for _, f := range got {
			good := 0.001
			if lat > 75 {
				good = 0.006
			}
			if w := want[f.Feature]; math.Abs(f.Metres-w) > max(0.5, w*good) || f.Metres > FarDistance {
				t.Errorf("latitude %g: %.1f m, want %.1f", lat, f.Metres, w)
			}
		}
		if within := len(slices.DeleteFunc(want, func(m float64) bool { return m > 0.994*FarDistance })); len(got) < within {
			t.Errorf("latitude %g: %d features, want %d", lat, len(got), within)
		}
	}
}

func TestNearestRules(t *testing.T) {
	t.Parallel()
	lines := buildNear(t, []Feature{
		{Code: "state", Name: "Trafikverket", Geometry: orb.MultiLineString{{{17, 62}, {17.1, 62}}, {{17, 62.5}, {17.1, 62.5}}}},
		{Code: "b", Name: "B", Geometry: orb.MultiLineString{{{17.05, 62.001}, {17.05, 62.01}}}},
		{Code: "a", Name: "A", Geometry: orb.MultiLineString{{{17.05, 62.001}, {17.06, 62.001}}}},
		{Code: "state", Name: "another name", Geometry: orb.MultiLineString{{{17, 61.9}, {17.1, 61.9}}}},
		{Code: "stump", Geometry: orb.MultiLineString{{{17.5, 62}, {17.5, 62}, {17.5, 62}}}},
		{Code: "west", Geometry: orb.MultiLineString{{{-179.9, 10}, {-179.9999, 10}}}},
	})
	tests := []struct {
		rule      string
		at        orb.Point
		maxMetres float64
		n         int
		want      []string
	}{
		{"the nearest first, equal ones by code, an owner once", orb.Point{17.05, 62}, 5000, 9, []string{"state", "a", "b"}},
		{"no more than asked for", orb.Point{17.05, 62}, 5000, 2, []string{"state", "a"}},
		{"none", orb.Point{17.05, 62}, 5000, 0, nil},
		{"nor fewer", orb.Point{17.05, 62}, 5000, -1, nil},
		{"only so far away", orb.Point{17.05, 62.0005}, 60, 9, []string{"state", "a", "b"}},
		{"and no farther", orb.Point{17.05, 62.0005}, 55, 9, nil},
		{"on the line, no distance is enough", orb.Point{17.0321, 62}, 0, 9, []string{"state"}},
		{"a negative distance is none", orb.Point{17.05, 62}, -1, 9, nil},
		{"not a number is none", orb.Point{17.05, 62}, math.NaN(), 9, nil},
		{"a line of no length is a point", orb.Point{17.5, 62.0001}, 20, 9, []string{"stump"}},
		{"across the antimeridian, from the east", orb.Point{179.9999, 10}, 100, 9, []string{"west"}},
		{"on it, from both sides", orb.Point{180, 10}, 100, 9, []string{"west"}},
		{"on it, from both sides", orb.Point{-180, 10}, 100, 9, []string{"west"}},
		{"not from the other side of the Earth", orb.Point{0, 10}, math.Inf(1), 9, nil},
		{"not a place", orb.Point{math.NaN(), 62}, 5000, 9, nil},
		{"off the Earth", orb.Point{17, 91}, 5000, 9, nil},
		{"the pole", orb.Point{17, 90}, math.Inf(1), 9, nil},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range lines.Nearest(tt.at, tt.maxMetres, tt.n) {
				code, _ := lines.Feature(f.Feature)
				got = append(got, code)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if i, ok := lines.Lookup("state"); !ok {
		t.Error("no feature has the code state")
	} else if _, name := lines.Feature(i); name != "Trafikverket" {
		t.Errorf("the name is %q, want the first one", name)
	}
	for _, code := range []string{"", "aa", "zz"} {
		if i, ok := lines.Lookup(code); ok || i != None {
			t.Errorf("Lookup(%q) = %d, %v", code, i, ok)
		}
	}
	if b := lines.Bounds(); b.Min != (orb.Point{-179.9999, 10}) || b.Max != (orb.Point{17.5, 62.5}) {
		t.Errorf("Bounds = %v", b)
	}
}

func TestAppendNearestAllocatesNothing(t *testing.T) { // not parallel: it counts allocations
	l := layers()[0]
	r := rand.New(rand.NewPCG(27, 28))
	index := buildNear(t, l.features(r))
	kept := NearFeature{Feature: 77}
	out := append(make([]NearFeature, 0, 6), kept)
	if n := testing.AllocsPerRun(100, func() { out = index.AppendNearest(out[:1], l.middle, MaxDistance, 5) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if out[0] != kept || !slices.Equal(out[1:], index.Nearest(l.middle, MaxDistance, 5)) {
		t.Errorf("AppendNearest = %+v", out)
	}
}

func TestBuildNearReports(t *testing.T) {
	t.Parallel()
	_, got, err := BuildNear([]Feature{
		{Code: "a", Geometry: orb.MultiLineString{{{17, 62}, {17, 62}, {17.001, 62}}, {}, {{18, 62}}}},
		{Code: "a", Geometry: orb.MultiLineString{{{17, 62}, {17.000000001, 62}}}},
		{Code: "b", Geometry: orb.MultiLineString{{{-80, 0}, {80, 0}}}},
	})
	want := NearReport{Features: 2, Merged: 1, Lines: 4, Vertices: 6, Repeated: 2, Short: 2, Dropped: 1}
	if err != nil {
		t.Fatal(err)
	}
	if got.Pieces < 10 || got.Runs != got.Pieces+4 {
		t.Errorf("%d pieces, %d runs", got.Pieces, got.Runs)
	}
	got.Pieces, got.Runs = 0, 0
	if *got != want {
		t.Errorf("report %+v, want %+v", *got, want)
	}
	_, got, err = BuildNear([]Feature{
		{Code: "a", Geometry: orb.MultiPoint{{17, 62}, {18, 62}, {17, 62}}},
		{Code: "b", Geometry: orb.MultiPoint{{17, 62}}},
		{Code: "a", Geometry: orb.MultiPoint{{17, 62}}},
	})
	if want := (NearReport{Features: 2, Merged: 1, Vertices: 3, Repeated: 2, Runs: 3}); err != nil || *got != want && got.Runs > 3 {
		t.Errorf("report %+v, %v, want %+v", *got, err, want)
	}
}

func TestBuildNearRefuses(t *testing.T) {
	t.Parallel()
	road := orb.MultiLineString{{{17, 62}, {18, 62}}}
	tests := []struct {
		rule     string
		features []Feature
		want     string
	}{
		{"no features", nil, "no features"},
		{"no code", []Feature{{Geometry: road}}, "feature 0: it has no code"},
		{"a code that is not UTF-8", []Feature{{Code: "\xff", Geometry: road}}, "feature 0: code or name is not UTF-8"},
		{"areas", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{box(1, 1, 2, 2)}}}}, "feature 0 (a): its geometry is MultiPolygon"},
		{"no geometry", []Feature{{Code: "a"}}, "feature 0 (a): its geometry is no geometry"},
		{"points among lines", []Feature{{Code: "a", Geometry: road}, {Code: "b", Geometry: orb.MultiPoint{{1, 2}}}}, "feature 1 (b): its geometry is MultiPoint among lines"},
		{"a line without vertices", []Feature{{Code: "a", Geometry: road}, {Code: "b", Geometry: orb.MultiLineString{{}}}}, "feature b has no vertex"},
		{"no points", []Feature{{Code: "b", Geometry: orb.MultiPoint{}}}, "feature b has no vertex"},
		{"across the antimeridian", []Feature{{Code: "a", Geometry: orb.MultiLineString{road[0], {{179, 1}, {-179, 1}}}}}, "feature 0 (a): line 1: vertex 1 (-179, 1) is more than 180 degrees"},
		{"a pole", []Feature{{Code: "a", Geometry: orb.MultiLineString{{{1, 84}, {1, 90}}}}}, "line 0: vertex 1 (1, 90) is nearer than 5 degrees to a pole"},
		{"a point at a pole", []Feature{{Code: "a", Geometry: orb.MultiPoint{{1, 1}, {1, -85.1}}}}, "feature 0 (a): point 1 (1, -85.1) is nearer"},
		{"metres", []Feature{{Code: "a", Geometry: orb.MultiPoint{{617_000, 6_900_000}}}}, "point 0 (617000, 6.9e+06) is not a longitude"},
		{"not a number", []Feature{{Code: "a", Geometry: orb.MultiLineString{{{1, math.NaN()}}}}}, "line 0: vertex 0 (1, NaN)"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if _, _, err := BuildNear(tt.features); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	b := &NearBuilder{}
	if err := b.Add(Feature{Code: "a"}); err == nil {
		t.Error("no error")
	} else if _, _, again := b.Finish(); again == nil || again.Error() != err.Error() {
		t.Errorf("Finish after an error: %v, want %v", again, err)
	}
}

// The order in which features come must not matter: a trace is replayed on an
// index that was built again.
func TestNearestDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	for _, l := range layers() {
		r := rand.New(rand.NewPCG(29, 30))
		features := l.features(r)
		index := buildNear(t, features)
		shuffled := slices.Clone(features)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		again := buildNear(t, shuffled)
		for range 50 {
			p := placeNear(r, features, l)
			if got, want := again.Nearest(p, 1000, 3), index.Nearest(p, 1000, 3); !slices.Equal(got, want) {
				t.Errorf("%s: %v: %+v, want %+v", l.rule, p, got, want)
			}
		}
	}
}
