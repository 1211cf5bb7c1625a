package geo

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// box is a square ring in degrees.
func box(west, south, east, north float64) orb.Ring {
	return orb.Ring{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}
}

// country is three areas near Sundsvall: West and East share the border at
// 17.0, East has an enclave of West, and Isle lies 0.01 degrees (519 m) off
// East's coast. Overlay, smaller than West, lies over its south.
func country(t testing.TB) *Index {
	t.Helper()
	index, _, err := Build([]Feature{
		{Code: "w", Name: "West", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63)}, {box(17.4, 62.4, 17.5, 62.5)}}},
		{Code: "e", Name: "East", Geometry: orb.MultiPolygon{{box(17, 62, 18, 63), box(17.4, 62.4, 17.5, 62.5)}}},
		{Code: "i", Name: "Isle", Geometry: orb.MultiPolygon{{box(18.01, 62.4, 18.1, 62.5)}}},
		{Code: "o", Name: "Overlay", Geometry: orb.MultiPolygon{{box(16.4, 61.9, 16.6, 62.1)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

const (
	west = iota
	east
	isle
	overlay
)

func TestLocate(t *testing.T) {
	t.Parallel()
	index := country(t)
	metre := 1 / 51_900.0 // degrees of longitude at 62.35 degrees north, about
	tests := []struct {
		rule           string
		at             orb.Point
		accuracy       float64
		owner, beyond  int
		border         float64 // metres
		candidates     []int
		nearest        int
		nearestMetres  float64
		shareOfOwner   float64
		shareTolerance float64
	}{
		{rule: "deep inside no border is within 10 km", at: orb.Point{16.5, 62.7}, accuracy: 50,
			owner: west, beyond: None, border: MaxDistance, candidates: []int{west}, nearest: None, shareOfOwner: 1},
		{rule: "just west of a border the neighbour is beyond", at: orb.Point{17 - 20*metre, 62.35}, accuracy: 10,
			owner: west, beyond: east, border: 20, candidates: []int{west}, nearest: None, shareOfOwner: 1},
		{rule: "within the accuracy the neighbour is a candidate", at: orb.Point{17 - 20*metre, 62.35}, accuracy: 40,
			owner: west, beyond: east, border: 20, candidates: []int{west, east}, nearest: None, shareOfOwner: 0.804, shareTolerance: 0.03},
		{rule: "on the border one owns the point and both are candidates", at: orb.Point{17, 62.35}, accuracy: 40,
			owner: east, beyond: west, border: 0, candidates: []int{east, west}, nearest: None, shareOfOwner: 0.5, shareTolerance: 0.03},
		{rule: "beyond the coast is nobody", at: orb.Point{18 - 100*metre, 62.35}, accuracy: 20,
			owner: east, beyond: None, border: 100, candidates: []int{east}, nearest: None, shareOfOwner: 1},
		{rule: "a circle over the sea does not add up to 1", at: orb.Point{18 - 1*metre, 62.35}, accuracy: 200,
			owner: east, beyond: None, border: 1, candidates: []int{east}, nearest: None, shareOfOwner: 0.5, shareTolerance: 0.03},
		{rule: "an enclave's hole is a border", at: orb.Point{17.4 - 30*metre, 62.45}, accuracy: 1,
			owner: east, beyond: west, border: 30, candidates: []int{east}, nearest: None, shareOfOwner: 1},
		{rule: "an exclave belongs to its mainland", at: orb.Point{17.4 + 30*metre, 62.45}, accuracy: 1,
			owner: west, beyond: east, border: 30, candidates: []int{west}, nearest: None, shareOfOwner: 1},
		{rule: "at sea the nearest area is named", at: orb.Point{18 + 100*metre, 62.45}, accuracy: 10,
			owner: None, beyond: east, border: 100, nearest: east, nearestMetres: 100},
		{rule: "at sea an inaccurate position has candidates", at: orb.Point{18 + 200*metre, 62.45}, accuracy: 400,
			owner: None, beyond: east, border: 200, candidates: []int{east, isle}, nearest: east, nearestMetres: 200},
		{rule: "far away there is nobody", at: orb.Point{20, 62.45}, accuracy: 500,
			owner: None, beyond: None, border: MaxDistance, nearest: None, nearestMetres: MaxDistance},
		{rule: "the smaller area owns an overlap, the other is a candidate", at: orb.Point{16.5, 62.05}, accuracy: 5,
			owner: overlay, beyond: west, border: 5196, candidates: []int{overlay, west}, nearest: None, shareOfOwner: 1},
		{rule: "a larger area's border inside a smaller one is none", at: orb.Point{16.5, 62 + 0.00001}, accuracy: 0,
			owner: overlay, beyond: west, border: 5193, candidates: []int{overlay, west}, nearest: None, shareOfOwner: 1},
		{rule: "the border of a smaller area inside a larger one counts", at: orb.Point{16.6 + 50*metre, 62.05}, accuracy: 0,
			owner: west, beyond: overlay, border: 50, candidates: []int{west}, nearest: None, shareOfOwner: 1},
		{rule: "what is no place has no answer", at: orb.Point{math.NaN(), 62.05}, accuracy: 50,
			owner: None, beyond: None, border: MaxDistance, nearest: None, nearestMetres: MaxDistance},
		{rule: "an accuracy that is no number counts as exact", at: orb.Point{17 - 20*metre, 62.35}, accuracy: math.NaN(),
			owner: west, beyond: east, border: 20, candidates: []int{west}, nearest: None, shareOfOwner: 1},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got := index.Locate(tt.at, tt.accuracy)
			if got.Owner != tt.owner || got.Beyond != tt.beyond {
				t.Errorf("owner %d, beyond %d; want %d, %d", got.Owner, got.Beyond, tt.owner, tt.beyond)
			}
			if math.Abs(got.BorderMetres-tt.border) > 0.02*tt.border+0.01 {
				t.Errorf("border at %.2f m, want about %.0f", got.BorderMetres, tt.border)
			}
			var areas []int
			for _, c := range got.Candidates {
				areas = append(areas, c.Area)
			}
			if !slices.Equal(areas, tt.candidates) {
				t.Errorf("candidates %+v, want %v", got.Candidates, tt.candidates)
			}
			if got.Nearest.Area != tt.nearest || tt.owner == None && math.Abs(got.Nearest.Metres-tt.nearestMetres) > 0.02*tt.nearestMetres {
				t.Errorf("nearest %+v, want %d at %.0f m", got.Nearest, tt.nearest, tt.nearestMetres)
			}
			if tt.owner != None && len(got.Candidates) > 0 && math.Abs(got.Candidates[0].Share-tt.shareOfOwner) > tt.shareTolerance+1e-9 {
				t.Errorf("share %.3f, want %.3f", got.Candidates[0].Share, tt.shareOfOwner)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	index := country(t)
	tests := []struct {
		rule string
		at   orb.Point
		max  float64
		n    int
		want []int
	}{
		{"the owner comes first, its neighbours follow", orb.Point{17.99, 62.45}, MaxDistance, 3, []int{east, isle}},
		{"no more than asked for", orb.Point{17.99, 62.45}, MaxDistance, 1, []int{east}},
		{"none beyond the distance", orb.Point{17.99, 62.45}, 1000, 3, []int{east}},
		{"areas that overlap are both at distance 0, the smaller first", orb.Point{16.5, 62.05}, 10, 3, []int{overlay, west}},
		{"at sea", orb.Point{18.004, 62.45}, 10_000, 3, []int{east, isle}},
		{"nothing near", orb.Point{5, 5}, MaxDistance, 3, nil},
		{"the three nearest, however far apart", orb.Point{17.2, 62.45}, FarDistance, 3, []int{east, west, isle}},
		{"none asked for", orb.Point{16.5, 62.05}, MaxDistance, 0, nil},
		{"no place", orb.Point{16.5, math.Inf(1)}, MaxDistance, 3, nil},
		{"no distance", orb.Point{16.5, 62.05}, math.NaN(), 3, nil},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, n := range index.Nearest(tt.at, tt.max, tt.n) {
				got = append(got, n.Area)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Nearest = %v, want %v", got, tt.want)
			}
		})
	}
}

// In tilings the search agrees with a look at every edge by Vincenty's formula.
func TestNearestLooksEverywhere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	for _, step := range []int64{300, 20_000, 400_000} {
		tiles := newTiling(r, 6, 6, 8, step)
		tiles.moveTo(16_0000000, 63_0000000)
		index, _, err := Build(tiles.areas)
		if err != nil {
			t.Fatal(err)
		}
		for range 12 {
			p := tiles.point(r)
			checkNearest(t, index, unitPoint(p.x, p.y))
		}
	}
}

// moveTo moves a tiling that lies round (0, 0).
func (t *tiling) moveTo(x, y int32) {
	move := func(p orb.Point) orb.Point { return unitPoint(toUnit(p[0])+x, toUnit(p[1])+y) }
	for _, a := range t.areas {
		for _, polygon := range polygonsOf(a) {
			for _, ring := range polygon {
				for i := range ring {
					ring[i] = move(ring[i])
				}
			}
		}
	}
	for i := range t.vertices {
		t.vertices[i].x += x
		t.vertices[i].y += y
	}
	for i := range t.edges {
		for k := range t.edges[i] {
			t.edges[i][k].x += x
			t.edges[i][k].y += y
		}
	}
	t.minX += int64(x)
	t.minY += int64(y)
}

func checkNearest(t *testing.T, index *Index, p orb.Point) {
	t.Helper()
	want := make([]float64, index.Len())
	for i := range want {
		want[i] = math.Inf(1)
		code, _ := index.Area(i)
		for _, polygon := range index.Boundary(code) {
			ring := polygon[0]
			for k := 1; k < len(ring); k++ {
				want[i] = min(want[i], toSegment(t, p, ring[k-1], ring[k]))
			}
		}
	}
	owner, owned := index.Owner(p[0], p[1])
	if owned {
		want[owner] = 0
	}
	got := index.Nearest(p, MaxDistance, index.Len())
	seen := map[int]bool{}
	for i, n := range got {
		seen[n.Area] = true
		if math.Abs(n.Metres-want[n.Area]) > 0.5 {
			t.Errorf("%v: area %d at %.3f m, want %.3f", p, n.Area, n.Metres, want[n.Area])
		}
		if i > 0 && n.Metres < got[i-1].Metres {
			t.Errorf("%v: not in order: %v", p, got)
		}
	}
	for i, d := range want {
		if d < MaxDistance-1 && !seen[i] {
			t.Errorf("%v: area %d at %.3f m is missing", p, i, d)
		}
	}
	if first := index.Nearest(p, MaxDistance, 2); len(got) >= 2 && !slices.Equal(first, got[:2]) {
		t.Errorf("%v: the nearest two are %v, of all %v", p, first, got)
	}
}
