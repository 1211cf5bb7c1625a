package geo

import (
	"cmp"
	"math"
	"slices"
)

// edge is a distinct segment of the rings and the polygons that it bounds.
// Polygons are numbered in the order of their areas' ranks, so that of those
// that hold a point the lowest belongs to the owner.
type edge struct {
	segment
	uses uint32 // first of its uses; the next edge's is the end
}

// use is a polygon in whose rings an edge occurs an odd number of times, with
// the sign of the direction in which it runs there: polygon<<1 | backward.
type use uint32

func (u use) polygon() uint32 { return uint32(u >> 1) }

// backward tells that the ring runs against the segment, so that the inside of
// the polygon is to the right of it.
func (u use) backward() bool { return u&1 != 0 }

// occurrence is an edge as it stands in one ring.
type occurrence struct {
	segment
	use use
}

// occurrences lists the edges of all rings, those of one segment together, in the
// order of their uses. Segments come in rows of squares, by where they start: as
// the top grid is walked, so that what is needed together lies together.
//
// However many edges there are in all, a square has only a few, unless they crowd
// in few places, and is sorted alone. To sort all at once took a sixth of the
// whole build of 500,000 vertices, more for each of more, and what used the edges
// afterwards found none of them in the processor's cache.
func (t *Index) occurrences(polygonOf []uint32) []occurrence {
	s := t.squares()
	end := make([]uint32, s.columns*s.rows+1) // of each square's edges
	t.eachOccurrence(polygonOf, func(o occurrence) { end[s.of(o.segment)+1]++ })
	for i := 1; i < len(end); i++ {
		end[i] += end[i-1]
	}
	out := make([]occurrence, end[len(end)-1])
	// end begins as the start of the square, and arrives at its end.
	t.eachOccurrence(polygonOf, func(o occurrence) {
		i := s.of(o.segment)
		out[end[i]] = o
		end[i]++
	})
	from := uint32(0)
	for _, to := range end[:len(end)-1] {
		if to-from > 1 {
			slices.SortFunc(out[from:to], compareOccurrences)
		}
		from = to
	}
	return out
}

// eachOccurrence passes on every edge of every ring.
func (t *Index) eachOccurrence(polygonOf []uint32, yield func(occurrence)) {
	for part := range len(t.partRing) - 1 {
		for r := t.partRing[part]; r < t.partRing[part+1]; r++ {
			t.eachInRing(r, polygonOf[part], yield)
		}
	}
}

// eachInRing passes on every edge of a ring.
func (t *Index) eachInRing(ring, polygon uint32, yield func(occurrence)) {
	from, to := t.ringVertex[ring], t.ringVertex[ring+1]
	a := t.unit(to - 1)
	for v := from; v < to; v++ {
		b := t.unit(v)
		yield(newOccurrence(a, b, polygon))
		a = b
	}
}

// compareOccurrences orders by segment, then by use.
func compareOccurrences(a, b occurrence) int {
	if c := cmp.Compare(a.start(), b.start()); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.end(), b.end()), cmp.Compare(a.use, b.use))
}

// squares cut the extent of the vertices up, into not more squares than vertices.
// They are numbered row by row, from the south-west.
type squares struct {
	west, south   int64
	shift         uint32
	columns, rows int64
}

func (t *Index) squares() squares {
	west, south := int64(math.MaxInt64), int64(math.MaxInt64)
	east, north := int64(math.MinInt64), int64(math.MinInt64)
	vertices := uint32(len(t.vertices) / 2)
	for v := range vertices {
		p := t.unit(v)
		west, east = min(west, int64(p.x)), max(east, int64(p.x))
		south, north = min(south, int64(p.y)), max(north, int64(p.y))
	}
	for s := (squares{west: west, south: south}); ; s.shift++ {
		s.columns, s.rows = (east-west)>>s.shift+1, (north-south)>>s.shift+1
		if s.columns*s.rows <= max(1, int64(vertices)) {
			return s
		}
	}
}

// of is the square in which a segment starts.
func (s *squares) of(e segment) int64 {
	return (int64(e.ay)-s.south)>>s.shift*s.columns + (int64(e.ax)-s.west)>>s.shift
}

func newOccurrence(a, b point, polygon uint32) occurrence {
	u := use(polygon << 1)
	if a.x > b.x || a.x == b.x && a.y > b.y {
		a, b, u = b, a, u|1
	}
	return occurrence{segment{a.x, a.y, b.x, b.y}, u}
}

// start and end are sort keys.
func (s segment) start() uint64 { return uint64(uint32(s.ax))<<32 | uint64(uint32(s.ay)) }
func (s segment) end() uint64   { return uint64(uint32(s.bx))<<32 | uint64(uint32(s.by)) }

func (t *Index) unit(v uint32) point {
	return point{int32(t.vertices[2*v]), int32(t.vertices[2*v+1])}
}

// distinct stores every segment once. A polygon in which it occurs an even
// number of times is not bounded by it; a segment that bounds nothing, such as
// the cut between two touching rings, vanishes.
func (g *gridBuilder) distinct(occ []occurrence) {
	for len(occ) > 0 {
		n := 1
		for n < len(occ) && occ[n].segment == occ[0].segment {
			n++
		}
		before := len(g.uses)
		for i := 0; i < n; {
			j := i + 1
			for j < n && occ[j].use.polygon() == occ[i].use.polygon() {
				j++
			}
			if (j-i)%2 == 1 {
				g.uses = append(g.uses, occ[(i+j)/2].use) // the middle one has the direction of the majority
			}
			i = j
		}
		if len(g.uses) > before {
			g.edges = append(g.edges, edge{occ[0].segment, uint32(before)})
		}
		occ = occ[n:]
	}
	g.end = edge{uses: uint32(len(g.uses))}
}

// usesOf returns the polygons that edge i bounds, in order.
func (g *gridBuilder) usesOf(i uint32) []use {
	end := g.end.uses
	if int(i)+1 < len(g.edges) {
		end = g.edges[i+1].uses
	}
	return g.uses[g.edges[i].uses:end]
}
