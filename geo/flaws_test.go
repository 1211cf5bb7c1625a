package geo

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// equatorUnit is the size in square metres of a square unit at (0, 0).
func equatorUnit() float64 {
	m, n := curvature(0)
	return m * n * radiansPerUnit * radiansPerUnit
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-6*math.Abs(want)+1e-3 }

func flawsOf(t *testing.T, areas []Feature) (*Index, Flaws) {
	t.Helper()
	index, _, err := Build(areas)
	if err != nil {
		t.Fatal(err)
	}
	f, err := index.Flaws()
	if err != nil {
		t.Fatal(err)
	}
	return index, f
}

func triangle(code string, p ...point) Feature {
	return Feature{Code: code, Geometry: orb.MultiPolygon{{unitRing(p...)}}}
}

func square(code string, x0, y0, x1, y1 int32) Feature {
	return triangle(code, point{x0, y0}, point{x1, y0}, point{x1, y1}, point{x0, y1})
}

func TestFlaws(t *testing.T) {
	t.Parallel()
	const u = 10_000
	frame := func(code string, holes ...orb.Ring) Feature {
		outer := unitRing(point{0, 0}, point{9 * u, 0}, point{9 * u, 9 * u}, point{0, 9 * u})
		return Feature{Code: code, Geometry: orb.MultiPolygon{append(orb.Polygon{outer}, holes...)}}
	}
	hole := func(x0, y0, x1, y1 int32) orb.Ring {
		return unitRing(point{x0, y0}, point{x0, y1}, point{x1, y1}, point{x1, y0})
	}
	tests := []struct {
		name     string
		areas    []Feature
		gaps     []float64 // square units / u², the largest first
		overlaps []string
	}{
		{"neighbours that share an edge", []Feature{square("a", 0, 0, u, u), square("b", u, 0, 2*u, u)}, nil, nil},
		{"a neighbour with one more vertex on the straight border",
			[]Feature{square("a", 0, 0, u, 2*u), square("b", u, 0, 2*u, u), square("c", u, u, 2*u, 2*u)}, nil, nil},
		{"the sea between islands is no gap", []Feature{square("a", 0, 0, u, u), square("b", 2*u, 0, 3*u, u)}, nil, nil},
		{"a hole is a gap", []Feature{frame("a", hole(u, u, 3*u, 3*u))}, []float64{4}, nil},
		{"a filled hole is none", []Feature{frame("a", hole(u, u, 3*u, 3*u)), square("b", u, u, 3*u, 3*u)}, nil, nil},
		{"an island in a gap is not part of it", []Feature{frame("a", hole(u, u, 5*u, 5*u)), square("b", 2*u, 2*u, 3*u, 3*u)},
			[]float64{15}, nil},
		{"a gap in an island in a gap", []Feature{frame("a", hole(u, u, 8*u, 8*u)),
			{Code: "b", Geometry: orb.MultiPolygon{{hole(2*u, 2*u, 6*u, 6*u), hole(3*u, 3*u, 4*u, 4*u)}}}},
			[]float64{49 - 16, 1}, nil},
		{"holes that touch at a corner are two gaps", []Feature{frame("a", hole(u, u, 2*u, 2*u), hole(2*u, 2*u, 4*u, 4*u))},
			[]float64{4, 1}, nil},
		{"a bay that two areas close at one point is a gap", []Feature{
			triangle("a", point{0, 0}, point{4 * u, 0}, point{2 * u, 4 * u}, point{2 * u, u}),
			triangle("b", point{0, 0}, point{2 * u, u}, point{u, 3 * u}, point{2 * u, 4 * u}, point{0, 4 * u})}, []float64{1.5}, nil},
		{"areas that cross", []Feature{square("a", 0, 0, 4*u, 2*u), square("b", u, -u, 2*u, 3*u)}, nil, []string{"b over a: 2 in 1"}},
		{"an area twice", []Feature{square("b", 0, 0, u, u), square("a", 0, 0, u, u)}, nil, []string{"a over b: 1 in 1"}},
		{"an area in another", []Feature{square("a", 0, 0, 4*u, 4*u), square("b", u, u, 2*u, 2*u)}, nil, []string{"b over a: 1 in 1"}},
		{"an overlap in two places", []Feature{square("a", 0, 0, 7*u, u), triangle("b", point{u, -u}, point{4 * u, 2 * u}, point{6 * u, -u}, point{6 * u, 3 * u}, point{u, 3 * u})},
			[]float64{0.833}, []string{"a over b: 2.5 in 2"}}, // the gap lies under b's notch
		{"over the shared border of two, three pairs of which one is none", []Feature{
			square("a", 0, 0, 2*u, 2*u), square("b", 2*u, 0, 4*u, 2*u), square("c", u, u/2, 3*u, u)}, nil,
			[]string{"c over a: 0.5 in 1", "c over b: 0.5 in 1"}},
		{"polygons of one area may overlap", []Feature{square("a", 0, 0, 2*u, 2*u), square("a", u, 0, 3*u, 2*u), square("b", 2*u, u, 4*u, 2*u)}, nil,
			[]string{"b over a: 1 in 1"}},
		{"three edges through one place", []Feature{
			triangle("a", point{0, 0}, point{4 * u, 4 * u}, point{0, 4 * u}), triangle("b", point{0, 4 * u}, point{4 * u, 0}, point{4 * u, 4 * u}),
			square("c", u, 2*u, 3*u, 5*u)}, nil,
			[]string{"a over b: 4 in 1", "c over a: 3.5 in 1", "c over b: 3.5 in 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			index, f := flawsOf(t, tt.areas)
			var gaps []float64
			for _, g := range f.Gaps {
				gaps = append(gaps, math.Round(g.SquareMetres/equatorUnit()/u/u*1000)/1000)
			}
			var overlaps []string
			for _, o := range f.Overlaps {
				a, _ := index.Area(o.Owner)
				b, _ := index.Area(o.Other)
				overlaps = append(overlaps, fmt.Sprintf("%s over %s: %v in %d", a, b, math.Round(o.SquareMetres/equatorUnit()/u/u*1000)/1000, o.Places))
			}
			slices.Sort(overlaps)
			if !slices.Equal(gaps, tt.gaps) || !slices.Equal(overlaps, tt.overlaps) {
				t.Errorf("gaps %v, overlaps %q; want %v, %q", gaps, overlaps, tt.gaps, tt.overlaps)
			}
			checkPlaces(t, index, f)
		})
	}
}

// checkPlaces looks the places of flaws up that are wide enough for rounding not
// to lead out of them.
func checkPlaces(t *testing.T, index *Index, f Flaws) {
	t.Helper()
	for _, g := range f.Gaps {
		if owner, owned := index.Owner(g.At[0], g.At[1]); owned && g.WidthMetres > 0.1 {
			t.Errorf("gap %+v: owned by %d", g, owner)
		}
	}
	for _, o := range f.Overlaps {
		holders := index.holders(o.At[0], o.At[1])
		if o.WidthMetres > 0.1 && !(slices.Contains(holders, o.Owner) && slices.Contains(holders, o.Other)) {
			t.Errorf("overlap of %+v: held by %v", o, holders)
		}
	}
}

// TestGapsAreTheTrianglesThatAreMissing cuts triangles out of tilings: the gaps
// are what hangs together of them by an edge.
func TestGapsAreTheTrianglesThatAreMissing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 21))
		tiles := newTiling(r, 5+int(seed), 6, 4, 20_000)
		var missing []orb.Polygon
		for a := range tiles.areas {
			kept := orb.MultiPolygon{}
			for _, p := range tiles.areas[a].Geometry.(orb.MultiPolygon) {
				if r.IntN(4) == 0 && tiles.isInner(p) {
					missing = append(missing, p)
				} else {
					kept = append(kept, p)
				}
			}
			tiles.areas[a].Geometry = kept
		}
		tiles.areas = slices.DeleteFunc(tiles.areas, func(f Feature) bool { return len(f.Geometry.(orb.MultiPolygon)) == 0 })
		built, f := flawsOf(t, tiles.areas)
		if len(f.Overlaps) > 0 {
			t.Errorf("seed %d: overlaps %+v in a tiling", seed, f.Overlaps)
		}
		want := connectedSizes(missing)
		if len(want) != len(f.Gaps) {
			t.Fatalf("seed %d: %d gaps, want %d of %d triangles", seed, len(f.Gaps), len(want), len(missing))
		}
		for i, g := range f.Gaps {
			if !near(g.SquareMetres, want[i]) {
				t.Errorf("seed %d: gap %d has %v m², want %v", seed, i, g.SquareMetres, want[i])
			}
		}
		checkPlaces(t, built, f)
	}
}

// isInner tells that a triangle has no corner on the rim of the tiling.
func (t *tiling) isInner(p orb.Polygon) bool {
	for _, c := range p[0] {
		const jitter = 20_000 / 4
		x, y := int64(toUnit(c[0])), int64(toUnit(c[1]))
		if x < t.inner[0]-jitter || y < t.inner[1]-jitter || x > t.inner[2]+jitter || y > t.inner[3]+jitter {
			return false
		}
	}
	return true
}

// connectedSizes adds triangles that share an edge up, the largest sum first.
func connectedSizes(triangles []orb.Polygon) []float64 {
	group := make([]int, len(triangles))
	for i := range group {
		group[i] = i
	}
	for i, a := range triangles {
		for j, b := range triangles[:i] {
			shared := 0
			for _, p := range a[0][:3] {
				for _, q := range b[0][:3] {
					if p == q {
						shared++
					}
				}
			}
			if shared < 2 {
				continue
			}
			for k, from := 0, group[i]; k <= i; k++ {
				if group[k] == from {
					group[k] = group[j]
				}
			}
		}
	}
	sum := map[int]float64{}
	for i, a := range triangles {
		sum[group[i]] += planar(a[0]) * equatorUnit()
	}
	var out []float64
	for _, s := range sum {
		if s >= leastRegion {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b float64) int { return -1 + 2*btoi(a < b) })
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// planar is the size of a ring in square units.
func planar(ring orb.Ring) float64 {
	sum := 0.0
	for i := range ring[1:] {
		p, q := ring[i], ring[i+1]
		sum += (p[0]*q[1] - p[1]*q[0]) / 2
	}
	return math.Abs(sum) * unitsPerDegree * unitsPerDegree
}

// TestOverlapsEqualClippedTriangles compares every pair of random triangles, on
// a coarse lattice where corners, edges and crossings often coincide, with what
// is left of one when it is clipped by the other.
func TestOverlapsEqualClippedTriangles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 22))
		scale := []int32{3_000, 50_000, 7_001}[seed%3]
		var areas []Feature
		for len(areas) < 24 {
			p := [3]point{}
			for k := range p {
				p[k] = point{r.Int32N(9) * scale, r.Int32N(9) * scale}
				if seed%2 == 0 {
					p[k].x += r.Int32N(100)
				}
			}
			if (segment{p[0].x, p[0].y, p[1].x, p[1].y}).turn(p[2]) != 0 {
				areas = append(areas, triangle(fmt.Sprint("t", len(areas)), p[:]...))
			}
		}
		index, f := flawsOf(t, areas)
		found := map[[2]int]float64{}
		for _, o := range f.Overlaps {
			found[[2]int{min(o.Owner, o.Other), max(o.Owner, o.Other)}] = o.SquareMetres
			if o.Places != 1 {
				t.Errorf("seed %d: triangles overlap in %d places", seed, o.Places)
			}
		}
		for j := range areas {
			for i := range j {
				a, b := areas[i].Geometry.(orb.MultiPolygon)[0][0], areas[j].Geometry.(orb.MultiPolygon)[0][0]
				if want := clipped(a, b) * equatorUnit(); !near(found[[2]int{i, j}], want) {
					t.Errorf("seed %d: %v and %v overlap by %v m², want %v", seed, a, b, found[[2]int{i, j}], want)
				}
			}
		}
		checkPlaces(t, index, f)
	}
}

// clipped is the size in square units of what two triangles share (Sutherland
// and Hodgman's way).
func clipped(a, b orb.Ring) float64 {
	if b.Orientation() == orb.CW {
		b = slices.Clone(b)
		slices.Reverse(b)
	}
	left := slices.Clone(a[:3])
	for k := range 3 {
		p, q := b[k], b[k+1]
		side := func(c orb.Point) float64 { return (q[0]-p[0])*(c[1]-p[1]) - (q[1]-p[1])*(c[0]-p[0]) }
		var next orb.Ring
		for i, c := range left {
			d := left[(i+1)%len(left)]
			sc, sd := side(c), side(d)
			if sc >= 0 {
				next = append(next, c)
			}
			if sc*sd < 0 {
				at := sc / (sc - sd)
				next = append(next, orb.Point{c[0] + at*(d[0]-c[0]), c[1] + at*(d[1]-c[1])})
			}
		}
		if left = next; len(left) == 0 {
			return 0
		}
	}
	return planar(append(left, left[0]))
}

// TestGapsEqualSampling fills a frame with random triangles.
func TestGapsEqualSampling(t *testing.T) {
	t.Parallel()
	const size = 100_000
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 23))
		hole := unitRing(point{0, 0}, point{0, size}, point{size, size}, point{size, 0})
		rim := unitRing(point{-9, -9}, point{size + 9, -9}, point{size + 9, size + 9}, point{-9, size + 9})
		areas := []Feature{{Code: "frame", Geometry: orb.MultiPolygon{{rim, hole}}}}
		for k := range 15 {
			p := func() point { return point{r.Int32N(11) * size / 10, r.Int32N(size + 1)} }
			areas = append(areas, triangle(fmt.Sprint(k%7), p(), p(), p())) // areas of two triangles
		}
		index, f := flawsOf(t, areas)
		const samples = 40_000
		empty := 0
		for range samples {
			if _, owned := index.Owner(toDegrees(r.Int32N(size)), toDegrees(r.Int32N(size))); !owned {
				empty++
			}
		}
		sum := 0.0
		for _, g := range f.Gaps {
			sum += g.SquareMetres
		}
		got, want := sum/equatorUnit()/size/size, float64(empty)/samples
		if math.Abs(got-want) > 5*math.Sqrt(0.25/samples) {
			t.Errorf("seed %d: gaps are %.4f of the frame, by sampling %.4f", seed, got, want)
		}
		checkPlaces(t, index, f)
	}
}

func TestRealFlaws(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	f, err := index.Flaws()
	if err != nil {
		t.Fatal(err)
	}
	overlapped, uncovered := 0.0, 0.0
	for _, o := range f.Overlaps {
		overlapped += o.SquareMetres
	}
	for _, g := range f.Gaps {
		uncovered += g.SquareMetres
	}
	t.Logf("%d overlapping pairs, %.0f m² in all, largest %.0f m²; reference 255, 40,000 and 3,000", len(f.Overlaps), overlapped, f.Overlaps[0].SquareMetres)
	t.Logf("%d gaps, %.0f m² in all, largest %.0f m²; reference 5,997, 200,000 and 37,000 (by one scale for the whole country)",
		len(f.Gaps), uncovered, f.Gaps[0].SquareMetres)
	// The reference judges coordinates of 14 decimals, the index those of 7: that
	// closes the finest gaps and opens overlaps of a few square centimetres.
	if n := len(f.Overlaps); n < 230 || n > 300 || overlapped < 35_000 || overlapped > 45_000 {
		t.Errorf("%d overlapping pairs, %.0f m²", n, overlapped)
	}
	if n := len(f.Gaps); n < 4500 || n > 6500 || uncovered < 150_000 || uncovered > 250_000 {
		t.Errorf("%d gaps, %.0f m²", n, uncovered)
	}
	checkPlaces(t, index, f)
}

// TestTangledBordersAreRefused: needles that all cross each other would take
// hours and all memory.
func TestTangledBordersAreRefused(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 25))
	var areas []Feature
	for i := range 1500 {
		x, y := r.Int32N(1e9), r.Int32N(8e8)
		areas = append(areas, triangle(fmt.Sprint(i%200), point{x, 0}, point{r.Int32N(1e9), 8e8}, point{1e9, y}))
	}
	index, _, err := Build(areas)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := index.Flaws(); !errors.Is(err, errTangled) {
		t.Errorf("flaws: %v", err)
	}
}

func FuzzFlaws(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 30 {
		seed := make([]byte, 20+10*i)
		for k := range seed {
			seed[k] = byte(r.Uint32())
			if i%2 == 0 && k > 2 {
				seed[k] %= 8
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		index, _, err := Build(fuzzAreas(data))
		if err != nil {
			return
		}
		flaws, err := index.Flaws()
		if err != nil {
			t.Fatal(err) // a handful of edges
		}
		checkPlaces(t, index, flaws)
		same, err := Compare(index, index)
		if err != nil || len(same.Moved) > 0 || same.Same != index.Len() {
			t.Fatalf("compared with itself: %+v, %v", same, err)
		}
	})
}
