package geo

import (
	"cmp"
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

// occurrences lists the edges of all rings, in the order of their segments.
func (t *Index) occurrences(polygonOf []uint32) []occurrence {
	out := make([]occurrence, 0, len(t.vertices)/2)
	for part := range len(t.partRing) - 1 {
		for r := t.partRing[part]; r < t.partRing[part+1]; r++ {
			from, to := t.ringVertex[r], t.ringVertex[r+1]
			a := t.unit(to - 1)
			for v := from; v < to; v++ {
				b := t.unit(v)
				out = append(out, newOccurrence(a, b, polygonOf[part]))
				a = b
			}
		}
	}
	slices.SortFunc(out, func(a, b occurrence) int {
		if c := cmp.Compare(a.start(), b.start()); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.end(), b.end()), cmp.Compare(a.use, b.use))
	})
	return out
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
