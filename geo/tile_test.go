package geo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// inTile returns the areas of which the polygons hold a place in a tile, by the
// even-odd rule.
func inTile(areas []TileArea, at orb.Point) []int {
	var out []int
	for _, a := range areas {
		for _, polygon := range a.Geometry {
			inside := false
			for _, ring := range polygon {
				for i := 1; i < len(ring); i++ {
					p, q := ring[i-1], ring[i]
					if (p[1] > at[1]) != (q[1] > at[1]) && at[0] < p[0]+(at[1]-p[1])/(q[1]-p[1])*(q[0]-p[0]) {
						inside = !inside
					}
				}
			}
			if inside {
				out = append(out, a.Area)
				break
			}
		}
	}
	return out
}

// A point farther from every border than what simplification, snapping and the
// bend of edges may move it lies in the same area on the map as in the index.
func checkTilesAgree(t *testing.T, index *Index, points []orb.Point, zoom int) (compared int) {
	t.Helper()
	p := NewPyramid(index)
	for _, at := range points {
		loc := index.Locate(at, 0)
		// A border may be moved by the tolerance, and a stretch that it replaces
		// may lie as far on the other side. 12 units of the grid in metres here.
		reach := 12 * 2 * math.Pi * 6378137 * math.Cos(at[1]*math.Pi/180) / gridAt(zoom).side
		if reach > MaxDistance || loc.BorderMetres < reach {
			continue
		}
		compared++
		x, y, in := TileAt(at[0], at[1], zoom)
		got := inTile(p.Tile(zoom, x, y, 64), in)
		owner, ok := index.Owner(at[0], at[1])
		if ok && !slices.Equal(got, []int{owner}) || !ok && len(got) > 0 {
			t.Fatalf("zoom %d: %v, %.0f m from a border, is in areas %v of tile %d/%d, owner %d", zoom, at, loc.BorderMetres, got, x, y, owner)
		}
	}
	return compared
}

func TestTilesAgreeWithOwners(t *testing.T) {
	t.Parallel()
	index, _ := roughBorder(t)
	r := rand.New(rand.NewPCG(41, 42))
	var points []orb.Point
	for range 800 {
		points = append(points, orb.Point{15.9 + 2.2*r.Float64(), 61.9 + 1.2*r.Float64()})
	}
	for zoom := 6; zoom <= MaxZoom; zoom += 4 {
		if n := checkTilesAgree(t, index, points, zoom); n < 300 {
			t.Errorf("zoom %d: only %d points are far enough from borders", zoom, n)
		}
	}
}

func TestRealTilesAgreeWithOwners(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	var points []orb.Point
	for i, p := range goldenPoints(t) {
		if i%101 == 0 {
			points = append(points, p.at)
		}
	}
	for _, zoom := range []int{5, 8, 12, 13, 17, 22} {
		t.Logf("zoom %d: %d of %d points compared", zoom, checkTilesAgree(t, index, points, zoom), len(points))
	}
}

// What two tiles show on the two sides of their common edge is the same, so
// that no seam is seen: each draws the other's side within its buffer.
func TestTilesMeetAtTheirEdges(t *testing.T) {
	t.Parallel()
	index, _ := roughBorder(t)
	p := NewPyramid(index)
	r := rand.New(rand.NewPCG(43, 44))
	for _, zoom := range []int{6, 9, 12, 13, 16} {
		crossed := 0
		for range 60 {
			x, y, _ := TileAt(16.5+r.Float64(), 62.1+0.8*r.Float64(), zoom)
			left, right := p.Tile(zoom, x, y, 64), p.Tile(zoom, x+1, y, 64)
			for k := range 40 {
				at := orb.Point{TileExtent - 0.5, 100*float64(k) + 0.25}
				over := orb.Point{at[0] - TileExtent, at[1]}
				a, b := inTile(left, at), inTile(right, over)
				if !slices.Equal(a, b) {
					t.Fatalf("zoom %d, tile %d/%d: %v belongs to %v, but to %v by the next tile", zoom, x, y, at, a, b)
				}
				if len(a) > 0 {
					crossed++
				}
			}
		}
		if crossed == 0 {
			t.Errorf("zoom %d: no place on an edge is in an area", zoom)
		}
	}
}

func TestTileGeometryIsValid(t *testing.T) {
	t.Parallel()
	index := country(t)
	p := NewPyramid(index)
	const buffer = 64
	holes := 0
	for _, zoom := range []int{5, 8, 11, 13, 15} {
		x0, y0, _ := TileAt(16, 63, zoom)
		for k := range 16 {
			for _, a := range p.Tile(zoom, x0+k%4, y0+k/4, buffer) {
				for _, polygon := range a.Geometry {
					for i, ring := range polygon {
						checkTileRing(t, ring, i > 0, buffer)
						holes += min(i, 1)
					}
				}
			}
		}
	}
	if holes == 0 {
		t.Error("no hole was drawn")
	}
}

func checkTileRing(t *testing.T, ring orb.Ring, hole bool, buffer float64) {
	t.Helper()
	if len(ring) < 4 || !ring.Closed() || surveyed(ring) == 0 || (surveyed(ring) < 0) != hole {
		t.Errorf("hole %v: %v has twice the area %v", hole, ring, surveyed(ring))
	}
	for i, v := range ring {
		if v[0] != math.Trunc(v[0]) || v[1] != math.Trunc(v[1]) || min(v[0], v[1]) < -buffer || max(v[0], v[1]) > TileExtent+buffer {
			t.Errorf("vertex %v is not on the grid of the tile and its buffer", v)
		}
		if i > 0 && v == ring[i-1] {
			t.Errorf("vertex %v is repeated", v)
		}
	}
}

func TestTilesThatShowNothing(t *testing.T) {
	t.Parallel()
	p := NewPyramid(country(t))
	for _, at := range [][3]int{
		{-1, 0, 0}, {23, 0, 0}, {0, 1, 0}, {0, 0, 1}, {3, -1, 0}, {3, 0, -1}, {3, 8, 0}, {22, 1 << 22, 0},
		{math.MaxInt, 0, 0}, {5, math.MaxInt, 0}, {5, math.MinInt, math.MinInt}, // do not exist
		{5, 0, 0}, {14, 0, 0}, {22, 1<<22 - 1, 1<<22 - 1}, // hold no area
	} {
		if got := p.Tile(at[0], at[1], at[2], 64); got != nil {
			t.Errorf("%v shows %d areas", at, len(got))
		}
	}
}

// A tile deep inside an area is full of it.
func TestTileInsideAnArea(t *testing.T) {
	t.Parallel()
	p := NewPyramid(country(t))
	for zoom := 11; zoom <= MaxZoom; zoom++ {
		x, y, _ := TileAt(16.2, 62.5, zoom)
		got := p.Tile(zoom, x, y, 64)
		want := "[{0 [[[[-64 -64] [4160 -64] [4160 4160] [-64 4160] [-64 -64]]]]}]"
		if len(got) != 1 || math.Abs(surveyed(got[0].Geometry[0][0])) != 2*4224*4224 || got[0].Area != west {
			t.Errorf("zoom %d: %s, want in any order %s", zoom, fmt.Sprint(got), want)
		}
	}
}

// FuzzPyramid draws areas of all sorts: rings that cross themselves, lie on each
// other or run round twice.
func FuzzPyramid(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 7))
	for i := range 30 {
		seed := make([]byte, 20+12*i)
		for k := range seed {
			seed[k] = byte(r.Uint32())
			if i%2 == 0 && k > 2 {
				seed[k] %= 8 // many coincide
			}
		}
		f.Add(seed, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, z uint8) {
		index, _, err := Build(fuzzAreas(data))
		if err != nil {
			return
		}
		zoom := int(z) % (MaxZoom + 1)
		p := NewPyramid(index)
		for area := range index.Len() {
			code, _ := index.Area(area)
			for _, polygon := range p.Boundary(code, zoom) {
				for _, ring := range polygon {
					if len(ring) < 4 || !ring.Closed() {
						t.Fatalf("area %s: ring %v", code, ring)
					}
				}
			}
		}
		middle := index.Bounds().Center()
		x, y, _ := TileAt(middle[0], middle[1], zoom)
		for _, a := range p.Tile(zoom, x, y, 64) {
			for _, polygon := range a.Geometry {
				for i, ring := range polygon {
					checkTileRing(t, ring, i > 0, 64)
				}
			}
		}
	})
}
