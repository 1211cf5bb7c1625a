package geo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/paulmach/orb"
)

// directed is an edge as it stands in a ring.
type directed [2]point

// balance counts, for every edge, how often rings run along it minus how often
// they run against it. Rings have the inside of their polygon to the left, so an
// edge with an area on either side has balance 0.
type balance map[directed]int

func (b balance) add(ring []point) {
	p := ring[len(ring)-1]
	for _, q := range ring {
		if p.x < q.x || p.x == q.x && p.y < q.y {
			b[directed{p, q}]++
		} else {
			b[directed{q, p}]--
		}
		p = q
	}
}

// unbalanced returns the vertices of edges that have areas on one side only.
func (b balance) unbalanced() map[point]bool {
	out := map[point]bool{}
	for e, n := range b {
		if n != 0 {
			out[e[0]], out[e[1]] = true, true
		}
	}
	return out
}

// levelBalance counts the edges that are drawn at a zoom.
func levelBalance(l *level) balance {
	b := balance{}
	for r := range l.rings {
		b.add(l.ring(uint32(r)))
	}
	return b
}

// checkMeeting fails unless neighbours still share their borders vertex for
// vertex: where every edge at a vertex had an area on either side, no edge that
// is drawn there has one on one side only. It returns how many edges are shared.
func checkMeeting(t *testing.T, index *Index, zoom int) (shared int) {
	t.Helper()
	before := balance{}
	for _, ring := range index.snapRings(gridAt(zoom)) {
		if len(ring) > 0 {
			before.add(ring)
		}
	}
	open := before.unbalanced()
	l := index.level(zoom)
	after := levelBalance(l)
	for e, n := range after {
		if n == 0 {
			shared++
		} else if !open[e[0]] || !open[e[1]] {
			t.Fatalf("zoom %d: edge %v is drawn on one side only, though it lies inside", zoom, e)
		}
	}
	return shared
}

func TestNeighboursMeetAtEveryZoom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 21))
			tiles := newTiling(r, 6+r.IntN(20), 6+r.IntN(20), 2+r.IntN(12), []int64{50_000, 1_000_003, 9_999_999}[seed%3])
			index, _, err := Build(tiles.areas)
			if err != nil {
				t.Fatal(err)
			}
			shared := 0
			for zoom := range FullZoom {
				shared += checkMeeting(t, index, zoom)
			}
			if shared == 0 {
				t.Error("no edge is shared at any zoom")
			}
		})
	}
}

func TestRealNeighboursMeet(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	for _, zoom := range []int{4, 8, 12} {
		t.Logf("zoom %d: %d edges are shared", zoom, checkMeeting(t, index, zoom))
	}
}

// roughBorder is two areas that meet along a border of many vertices. Their
// rings run opposite ways round and begin at different places.
func roughBorder(t testing.TB) (*Index, orb.LineString) {
	t.Helper()
	r := rand.New(rand.NewPCG(31, 32))
	var border orb.LineString
	for i := range 3001 {
		wave := 0.03*math.Sin(float64(i)/200) + 0.002*r.Float64()
		border = append(border, orb.Point{17 + wave, 62 + float64(i)/3000})
	}
	south, north := border[0], border[len(border)-1]
	western := append(orb.Ring{{16, 63}, {16, 62}}, border...)
	western = append(western, western[0])
	eastern := append(orb.Ring{}, border[1500:]...)
	eastern = append(eastern, orb.Point{18, north[1]}, orb.Point{18, south[1]})
	eastern = append(append(eastern, border[:1500]...), border[1500])
	index, _, err := Build([]Feature{
		{Code: "west", Geometry: orb.MultiPolygon{{western}}}, {Code: "east", Geometry: orb.MultiPolygon{{eastern}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return index, border
}

// Between two areas that meet along a rough border every vertex that one keeps
// the other keeps, whichever way its ring runs and wherever it begins.
func TestTwoNeighboursKeepTheSameVertices(t *testing.T) {
	t.Parallel()
	index, border := roughBorder(t)
	for zoom := range FullZoom {
		p := NewPyramid(index)
		west, east := p.Boundary("west", zoom), p.Boundary("east", zoom)
		if len(west) != 1 || len(east) != 1 {
			continue // too small to be drawn
		}
		common := 0
		for _, v := range west[0][0] {
			if slices.Contains(east[0][0], v) {
				common++
			}
		}
		onlyWest, onlyEast := len(west[0][0])-1-common, len(east[0][0])-1-common
		if zoom > 6 && (common < 2 || common >= len(border)) || onlyWest > 3 || onlyEast > 3 {
			t.Errorf("zoom %d: %d of %d vertices are common, %d only west, %d only east", zoom, common, len(border), onlyWest, onlyEast)
		}
	}
}

func TestWhatIsLeftAtAZoom(t *testing.T) {
	t.Parallel()
	// At zoom 5 four units are some 570 m at this latitude, a unit a quarter of it.
	tests := []struct {
		rule  string
		areas []Feature
		zoom  int
		want  map[string][]int // rings of each polygon, by area
	}{
		{"an enclave that can be seen stays, in the hole that it fills", []Feature{
			{Code: "round", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63), box(16.4, 62.4, 16.6, 62.5)}}},
			{Code: "core", Geometry: orb.MultiPolygon{{box(16.4, 62.4, 16.6, 62.5)}}},
		}, 5, map[string][]int{"round": {2}, "core": {1}}},
		{"an exclave that cannot be seen vanishes together with its hole", []Feature{
			{Code: "round", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63), box(16.4, 62.4, 16.405, 62.402)}}},
			{Code: "other", Geometry: orb.MultiPolygon{{box(17, 62, 18, 63)}, {box(16.4, 62.4, 16.405, 62.402)}}},
		}, 5, map[string][]int{"round": {1}, "other": {1}}},
		{"an area of which that is all stays, and the hole too", []Feature{
			{Code: "round", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63), box(16.4, 62.4, 16.408, 62.404)}}},
			{Code: "core", Geometry: orb.MultiPolygon{{box(16.4, 62.4, 16.408, 62.404)}}},
		}, 5, map[string][]int{"round": {2}, "core": {1}}},
		{"an area that is smaller than a unit of the grid is not drawn", []Feature{
			{Code: "big", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63)}}},
			{Code: "dot", Geometry: orb.MultiPolygon{{box(18, 62, 18.00001, 62.00001)}}},
		}, 5, map[string][]int{"big": {1}, "dot": nil}},
		{"islands stay while they can be seen", []Feature{
			{Code: "isles", Geometry: orb.MultiPolygon{{box(16, 62, 17, 63)}, {box(17.2, 62, 17.4, 62.1)}, {box(17.5, 62, 17.501, 62.001)}}},
		}, 5, map[string][]int{"isles": {1, 1}}},
		{"from FullZoom on everything stays", []Feature{
			{Code: "dot", Geometry: orb.MultiPolygon{{box(18, 62, 18.00001, 62.00001)}}},
		}, FullZoom, map[string][]int{"dot": {1}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			index, _, err := Build(tt.areas)
			if err != nil {
				t.Fatal(err)
			}
			p := NewPyramid(index)
			for code, want := range tt.want {
				var got []int
				for _, polygon := range p.Boundary(code, tt.zoom) {
					got = append(got, len(polygon))
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s has polygons of %v rings, want %v", code, got, want)
				}
			}
		})
	}
}

func TestBoundaryOfNobody(t *testing.T) {
	t.Parallel()
	p := NewPyramid(country(t))
	for _, zoom := range []int{-1, 0, 12, 13, 22, 1000} {
		if p.Boundary("nobody", zoom) != nil {
			t.Errorf("zoom %d: nobody has a boundary", zoom)
		}
		if zoom > 0 && len(p.Boundary("w", zoom)) != 2 {
			t.Errorf("zoom %d: West has %d polygons", zoom, len(p.Boundary("w", zoom)))
		}
	}
}

func TestRingsAreTurnedByTheirRole(t *testing.T) {
	t.Parallel()
	p := NewPyramid(country(t))
	holes := 0
	for zoom := range FullZoom + 1 {
		for _, code := range []string{"w", "e", "i", "o"} {
			for _, polygon := range p.Boundary(code, zoom) {
				for i, ring := range polygon {
					want := orb.CCW
					if i > 0 {
						want = orb.CW
						holes++
					}
					if ring.Orientation() != want || !ring.Closed() {
						t.Errorf("zoom %d: ring %d of %s is %v", zoom, i, code, ring)
					}
				}
			}
		}
	}
	if holes == 0 {
		t.Error("there was no hole")
	}
}

// Everything that is dropped is within the tolerance of what is left.
func TestSimplifiedBordersStayNear(t *testing.T) {
	t.Parallel()
	index, _ := roughBorder(t)
	for zoom := 4; zoom < FullZoom; zoom++ {
		whole := index.snapRings(gridAt(zoom))
		arcs := cut(whole)
		simple := arcs.simplify(simplifyUnits)
		for arc := range len(arcs.start) - 1 {
			kept := simple.of(uint32(arc))
			for _, p := range arcs.of(uint32(arc)) {
				if d := distanceTo(kept, p); d > simplifyUnits+1e-9 {
					t.Fatalf("zoom %d: %v is %.2f units from what is left", zoom, p, d)
				}
			}
		}
	}
}

// distanceTo is the distance of a point from a line on the grid.
func distanceTo(line []point, p point) float64 {
	best := math.Inf(1)
	for i := 1; i < len(line); i++ {
		ax, ay := float64(line[i-1].x), float64(line[i-1].y)
		dx, dy := float64(line[i].x)-ax, float64(line[i].y)-ay
		k := 0.0
		if dx != 0 || dy != 0 {
			k = max(0, min(1, ((float64(p.x)-ax)*dx+(float64(p.y)-ay)*dy)/(dx*dx+dy*dy)))
		}
		best = min(best, math.Hypot(float64(p.x)-ax-k*dx, float64(p.y)-ay-k*dy))
	}
	return best
}

// A long edge that is straight in longitude and latitude is a curve on the map.
func TestLongEdgesBendOnTheMap(t *testing.T) {
	t.Parallel()
	index, _, err := Build([]Feature{{Code: "a", Geometry: orb.MultiPolygon{{{{10, 55}, {14, 55}, {18, 60}, {10, 55}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	grid := gridAt(12)
	ring := index.snapRings(grid)[0]
	for k := range 1000 {
		share := float64(k) / 1000
		x, y := grid.project(14+4*share, 55+5*share)
		if d := distanceTo(append(ring, ring[0]), point{int32(math.Round(x)), int32(math.Round(y))}); d > 2 {
			t.Fatalf("the edge is %.1f units off at %v of its length", d, share)
		}
	}
}

func TestZoomsAreMadeOnceTogether(t *testing.T) {
	t.Parallel()
	index, _ := roughBorder(t)
	p := NewPyramid(index)
	want := NewPyramid(index).Boundary("west", 9)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for zoom := range FullZoom + 1 {
				p.Tile(zoom, 1<<zoom/2, 1<<zoom/4, 64)
			}
			if !p.Boundary("west", 9).Equal(want) {
				t.Error("the boundary differs")
			}
		})
	}
	group.Wait()
	if first, second := p.levels[9](), p.levels[9](); first != second {
		t.Error("a zoom was prepared twice")
	}
}
