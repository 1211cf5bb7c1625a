package geo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// tiling is a plane cut into triangles, which are dealt out to areas at random.
type tiling struct {
	areas       []Feature
	vertices    []point
	edges       [][2]point
	inner       [4]int64 // west, south, east, north of what is surely covered
	minX, spanX int64
	minY, spanY int64
}

// newTiling jitters a lattice of columns by rows squares and cuts each square
// into two triangles. With a quarter of a step of jitter triangles may become
// flat, but never turn over.
func newTiling(r *rand.Rand, columns, rows, owners int, step int64) tiling {
	var t tiling
	at := make([][]point, rows+1)
	for j := range at {
		for i := range columns + 1 {
			jitter := func() int64 {
				if step < 4 {
					return 0
				}
				return r.Int64N(step/2+1) - step/4
			}
			x := (int64(i)-int64(columns)/2)*step + jitter()
			y := (int64(j)-int64(rows)/2)*step + jitter()
			at[j] = append(at[j], point{int32(x), int32(y)})
			t.vertices = append(t.vertices, at[j][i])
		}
	}
	t.areas = make([]Feature, owners)
	for j := range rows {
		for i := range columns {
			a, b, c, d := at[j][i], at[j][i+1], at[j+1][i+1], at[j+1][i]
			if r.IntN(2) == 0 {
				a, b, c, d = b, c, d, a
			}
			t.deal(r, a, b, c)
			t.deal(r, a, c, d)
		}
	}
	t.areas = slices.DeleteFunc(t.areas, func(a Feature) bool { return len(polygonsOf(a)) == 0 })
	w, s := -int64(columns)/2*step, -int64(rows)/2*step
	t.inner = [4]int64{w + step, s + step, w + int64(columns-1)*step, s + int64(rows-1)*step}
	t.minX, t.spanX = w-step, int64(columns+2)*step
	t.minY, t.spanY = s-step, int64(rows+2)*step
	return t
}

func (t *tiling) deal(r *rand.Rand, a, b, c point) {
	t.edges = append(t.edges, [2]point{a, b}, [2]point{b, c}, [2]point{c, a})
	if r.IntN(2) == 0 {
		a, b = b, a // rings run either way
	}
	i := r.IntN(len(t.areas))
	t.areas[i].Code = fmt.Sprint("area ", i)
	t.areas[i].Geometry = append(polygonsOf(t.areas[i]), orb.Polygon{unitRing(a, b, c)})
}

// point returns a random place: on a vertex, on or within a unit of an edge, or
// anywhere.
func (t *tiling) point(r *rand.Rand) point {
	switch r.IntN(3) {
	case 0:
		return t.vertices[r.IntN(len(t.vertices))]
	case 1:
		e := t.edges[r.IntN(len(t.edges))]
		dx, dy := int64(e[1].x)-int64(e[0].x), int64(e[1].y)-int64(e[0].y)
		parts := 1 + r.Int64N(6)
		k := r.Int64N(parts + 1)
		return point{
			int32(int64(e[0].x) + dx*k/parts + r.Int64N(3) - 1),
			int32(int64(e[0].y) + dy*k/parts + r.Int64N(3) - 1),
		}
	default:
		return point{int32(t.minX + r.Int64N(t.spanX)), int32(t.minY + r.Int64N(t.spanY))}
	}
}

func (t *tiling) covered(p point) bool {
	x, y := int64(p.x), int64(p.y)
	return x >= t.inner[0] && y >= t.inner[1] && x < t.inner[2] && y < t.inner[3]
}

func TestExactlyOneOwnerInTilings(t *testing.T) {
	t.Parallel()
	sizes := []struct {
		columns, rows, owners int
		step                  int64 // units
	}{
		{4, 4, 3, 1}, // squares of one unit: every point is a vertex
		{6, 6, 5, 4},
		{12, 9, 7, 16},
		{10, 10, 40, 64},
		{30, 20, 12, 1000},
		{16, 16, 9, 1_000_003},
		{16, 8, 30, 80_000_000}, // the better part of the world
	}
	for seed := range uint64(6) {
		for _, size := range sizes {
			t.Run(fmt.Sprint(size, " seed ", seed), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 1))
				checkTiling(t, r, newTiling(r, size.columns, size.rows, size.owners, size.step))
			})
		}
	}
}

func checkTiling(t *testing.T, r *rand.Rand, tiles tiling) {
	t.Helper()
	index, _, err := Build(tiles.areas)
	if err != nil {
		t.Fatal(err)
	}
	brute := newBruteForce(index, tiles.areas)
	for range 1500 {
		p := tiles.point(r)
		want := brute.holders(p.x, p.y)
		if len(want) > 1 || len(want) == 0 && tiles.covered(p) {
			t.Fatalf("%v has owners %v by the rule itself", p, want)
		}
		checkPoint(t, index, p, want)
	}
}

// checkPoint compares the index with the areas that hold a point.
func checkPoint(t testing.TB, index *Index, p point, want []int) {
	t.Helper()
	at := unitPoint(p.x, p.y)
	got, ok := index.Owner(at[0], at[1])
	if ok != (len(want) > 0) || ok && got != want[0] || !ok && got != None {
		t.Fatalf("Owner(%v) = %d, %v; the areas that hold it are %v", p, got, ok, want)
	}
	if all := index.holders(at[0], at[1]); !slices.Equal(all, want) {
		t.Fatalf("holders(%v) = %v, want %v", p, all, want)
	}
}

// fuzzAreas makes areas of bytes: small coordinates, so that vertices, edges
// and rings coincide often.
func fuzzAreas(data []byte) []Feature {
	if len(data) == 0 {
		return nil
	}
	scale := []int32{1, 3, 50, 4097, 1_000_003, 7_000_000}[data[0]%6]
	data = data[1:]
	var areas []Feature
	for len(data) >= 8 && len(areas) < 24 {
		vertices := min(int(data[0]%14)+3, (len(data)-2)/2)
		kind := data[1] % 4
		data = data[2:]
		var ring []point
		for range vertices {
			ring = append(ring, point{int32(int8(data[0])) * scale, int32(int8(data[1])) * scale})
			data = data[2:]
		}
		last := len(areas) - 1
		switch {
		case kind == 0 && last >= 0: // one more ring of the same polygon
			g := polygonsOf(areas[last])
			g[len(g)-1] = append(g[len(g)-1], unitRing(ring...))
		case kind == 1 && last >= 0: // one more polygon of the same area
			areas[last].Geometry = append(polygonsOf(areas[last]), orb.Polygon{unitRing(ring...)})
		default:
			code := string(rune('a' + len(areas)))
			areas = append(areas, Feature{Code: code, Geometry: orb.MultiPolygon{{unitRing(ring...)}}})
		}
	}
	return areas
}

func FuzzBuildLookup(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 40 {
		seed := make([]byte, 20+10*i)
		for k := range seed {
			seed[k] = byte(r.Uint32())
			if i%2 == 0 && k > 2 {
				seed[k] %= 8 // many coincide
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		areas := fuzzAreas(data)
		index, _, err := Build(areas)
		if err != nil {
			return
		}
		brute := newBruteForce(index, areas)
		bounds := index.Bounds()
		west, south := toUnit(bounds.Min[0]), toUnit(bounds.Min[1])
		spanX, spanY := int64(toUnit(bounds.Max[0]))-int64(west)+3, int64(toUnit(bounds.Max[1]))-int64(south)+3
		r := rand.New(rand.NewPCG(uint64(len(data)), 5))
		for range 200 {
			p := point{int32(int64(west) - 1 + r.Int64N(spanX)), int32(int64(south) - 1 + r.Int64N(spanY))}
			if v := r.IntN(2 * len(index.vertices)); v < len(index.vertices)/2 {
				p = index.unit(uint32(v))
			}
			checkPoint(t, index, p, brute.holders(p.x, p.y))
		}
	})
}
