package geo

import (
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/paulmach/orb"
)

// None stands for no area where an area's number is expected.
const None = -1

// Index answers which area owns a point. It is immutable and safe for
// concurrent use. Areas are numbered from zero in the order in which their
// codes first appeared.
type Index struct {
	tables
	codes, names []string
	// The grid's limits as biased coordinates: west and south inclusive, east
	// and north exclusive.
	west, east, south, north float64
	mapped                   *mapping // nil when the tables lie on the heap
}

// tables is what a file holds, section by section; see file.go. All words are
// little-endian, signed coordinates stand in two's complement.
type tables struct {
	originX, originY int32  // the unit at the south-west corner of the grid
	columns, rows    uint32 // of the top grid
	shift            uint32 // a top cell is 2^shift units wide and high

	top      []uint32 // row by row, an entry each
	nodes    []uint32 // 16 entries each, four rows of four
	leaves   []uint32 // see leaf.go
	setStart []uint32 // first member of each set of areas, and the end
	setArea  []uint32 // members of sets, the owner first

	rank       []uint32 // area to its place in overlaps, 0 wins
	byCode     []uint32 // areas in the order of their codes
	size       []uint32 // area to square metres, float64 as low and high word
	areaPart   []uint32 // first polygon of each area, and the end
	partRing   []uint32 // first ring of each polygon, and the end
	ringVertex []uint32 // first vertex of each ring, and the end
	vertices   []uint32 // x and y of each, rings not closed

	textStart []uint32 // code and name of each area in texts, and the end
	texts     []byte
}

// finish derives what is not stored.
func (t *Index) finish() {
	n := len(t.rank)
	t.codes, t.names = make([]string, n), make([]string, n)
	texts := string(t.texts) // one copy, which outlives the file
	for i := range n {
		a, b, c := t.textStart[2*i], t.textStart[2*i+1], t.textStart[2*i+2]
		t.codes[i], t.names[i] = texts[a:b], texts[b:c]
	}
	side := float64(uint64(1) << t.shift)
	t.west, t.south = float64(t.originX)+unitBias, float64(t.originY)+unitBias
	t.east = t.west + side*float64(t.columns)
	t.north = t.south + side*float64(t.rows)
}

// Len returns the number of areas.
func (t *Index) Len() int { return len(t.codes) }

// Area returns the code and name of area i, which must be below Len.
func (t *Index) Area(i int) (code, name string) { return t.codes[i], t.names[i] }

// Lookup returns the number of the area with a code.
func (t *Index) Lookup(code string) (int, bool) {
	defer runtime.KeepAlive(t)
	at, ok := slices.BinarySearchFunc(t.byCode, code, func(i uint32, code string) int {
		return strings.Compare(t.codes[i], code)
	})
	if !ok {
		return None, false
	}
	return int(t.byCode[at]), true
}

// SquareMetres returns the size of area i on the ellipsoid: the sum over its
// polygons, by which overlaps are settled.
func (t *Index) SquareMetres(i int) float64 {
	defer runtime.KeepAlive(t)
	return math.Float64frombits(uint64(t.size[2*i]) | uint64(t.size[2*i+1])<<32)
}

// Boundary returns the polygons of the area with a code, or nil where no area
// has it. Rings are closed, outer ones counter-clockwise, with the coordinates
// rounded to 1e-7 degree by which points are judged.
func (t *Index) Boundary(code string) orb.MultiPolygon {
	defer runtime.KeepAlive(t)
	i, ok := t.Lookup(code)
	if !ok {
		return nil
	}
	var m orb.MultiPolygon
	for p := t.areaPart[i]; p < t.areaPart[i+1]; p++ {
		var polygon orb.Polygon
		for r := t.partRing[p]; r < t.partRing[p+1]; r++ {
			polygon = append(polygon, t.ring(r))
		}
		m = append(m, polygon)
	}
	return m
}

// ring returns one stored ring, closed, in degrees.
func (t *Index) ring(r uint32) orb.Ring {
	from, to := t.ringVertex[r], t.ringVertex[r+1]
	ring := make(orb.Ring, 0, to-from+1)
	for v := from; v < to; v++ {
		ring = append(ring, t.vertex(v))
	}
	return append(ring, ring[0])
}

func (t *Index) vertex(v uint32) orb.Point {
	x, y := int32(t.vertices[2*v]), int32(t.vertices[2*v+1])
	return orb.Point{toDegrees(x), toDegrees(y)}
}

// AreaBounds returns the box round area i in degrees.
func (t *Index) AreaBounds(i int) orb.Bound {
	defer runtime.KeepAlive(t)
	from := t.ringVertex[t.partRing[t.areaPart[i]]]
	to := t.ringVertex[t.partRing[t.areaPart[i+1]]]
	b := orb.Bound{Min: t.vertex(from), Max: t.vertex(from)}
	for v := from + 1; v < to; v++ {
		b = b.Extend(t.vertex(v))
	}
	return b
}

// Bounds returns the box round all areas in degrees.
func (t *Index) Bounds() orb.Bound {
	b := t.AreaBounds(0)
	for i := 1; i < t.Len(); i++ {
		b = b.Union(t.AreaBounds(i))
	}
	return b
}
