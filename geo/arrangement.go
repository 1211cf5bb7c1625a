package geo

import (
	"cmp"
	"errors"
	"slices"
)

// errTangled is why an arrangement is given up: its work is bounded, so that
// thousands of edges that all cross each other cannot take all day.
var errTangled = errors.New("the borders cross each other too often to be compared")

// An arrangement is the plane cut up by the rings of one index or of two. Every
// decision in it is exact: vertices are whole units, the order in which edges
// cross an edge is compared as fractions in 128 bits, and which polygons hold
// the two sides of a piece of an edge follows by crossing edges one by one,
// never from coordinates of a crossing. Those are rounded to a float64 only
// where a size or a place is told.
//
// The way: list the distinct edges; cut them where a vertex lies on them, so
// that they then coincide, meet at ends, cross, or are apart; find what crosses
// what, and which polygons hold each vertex, in a quad-tree that is walked and
// never stored; then turn round each vertex and walk along each edge.
type arrangement struct {
	sources []*Index
	// polygons are numbered by source, then by the rank of their area, so that of
	// those of one source that hold a place the lowest belongs to the owner.
	areaOf []uint32
	first  []uint32 // first polygon of each source, and the end

	edges     []edge // in the order of their segments; the last is a sentinel
	uses      []use
	nodes     []point  // vertices, in order
	nodeLabel []uint32 // which polygons hold the vertex, by the border rule
	crossings []intersection
	crossed   []uint32 // first of the crossings of each edge, and the end
	labels    labels
	scratch   []uint32 // of walk

	budget int // work that may still be done
}

// Work is counted in pairs of edges looked at and polygons named. Real borders
// take about 30 for each edge.
const (
	workPerEdge = 2000
	freeWork    = 1 << 24
	// So many crossings, and cuts, may be kept, each counted in every cell in
	// which it is found. Real borders have less than one for each edge.
	meetingsPerEdge = 32
	freeMeetings    = 1 << 20
)

// arrange lays the areas of the sources over each other that include picks.
func arrange(include func(source, area int) bool, sources ...*Index) (*arrangement, error) {
	o := &arrangement{sources: sources, first: []uint32{0}}
	var occ []occurrence
	for s, t := range sources {
		occ = o.collect(occ, t, func(area int) bool { return include(s, area) })
		o.first = append(o.first, uint32(len(o.areaOf)))
	}
	o.distinct(occ)
	o.budget = freeWork + workPerEdge*len(o.edges)
	if err := o.split(); err != nil {
		return nil, err
	}
	o.listNodes()
	o.labels.init(len(o.areaOf), &o.budget)
	if err := o.survey(); err != nil {
		return nil, err
	}
	return o, nil
}

// collect numbers the polygons of a source and appends their edges.
func (o *arrangement) collect(occ []occurrence, t *Index, include func(area int) bool) []occurrence {
	byRank := make([]uint32, len(t.rank))
	for area, r := range t.rank {
		byRank[r] = uint32(area)
	}
	for _, area := range byRank {
		if !include(int(area)) {
			continue
		}
		for part := t.areaPart[area]; part < t.areaPart[area+1]; part++ {
			polygon := uint32(len(o.areaOf))
			o.areaOf = append(o.areaOf, area)
			for r := t.partRing[part]; r < t.partRing[part+1]; r++ {
				occ = t.ringOccurrences(occ, r, polygon)
			}
		}
	}
	return occ
}

func (t *Index) ringOccurrences(occ []occurrence, ring, polygon uint32) []occurrence {
	t.eachInRing(ring, polygon, func(o occurrence) { occ = append(occ, o) })
	return occ
}

// distinct stores every segment once, with the polygons in whose rings it occurs
// an odd number of times; what bounds nothing vanishes.
func (o *arrangement) distinct(occ []occurrence) {
	slices.SortFunc(occ, func(a, b occurrence) int {
		return cmp.Or(a.compare(b.segment), cmp.Compare(a.use, b.use))
	})
	o.edges, o.uses = make([]edge, 0, len(occ)+1), make([]use, 0, len(occ))
	for len(occ) > 0 {
		n, before := 0, uint32(len(o.uses))
		for n < len(occ) && occ[n].segment == occ[0].segment {
			m := n + 1
			for m < len(occ) && occ[m].segment == occ[0].segment && occ[m].use.polygon() == occ[n].use.polygon() {
				m++
			}
			if (m-n)%2 == 1 {
				o.uses = append(o.uses, occ[n].use)
			}
			n = m
		}
		if len(o.uses) > int(before) {
			o.edges = append(o.edges, edge{occ[0].segment, before})
		}
		occ = occ[n:]
	}
	o.edges = append(o.edges, edge{uses: uint32(len(o.uses))})
}

// len is the number of edges without the sentinel.
func (o *arrangement) len() int { return len(o.edges) - 1 }

func (o *arrangement) usesOf(e uint32) []use { return o.uses[o.edges[e].uses:o.edges[e+1].uses] }

// compare is an order of segments by their start, then by their end.
func (s segment) compare(t segment) int {
	return cmp.Or(cmp.Compare(s.ax, t.ax), cmp.Compare(s.ay, t.ay), cmp.Compare(s.bx, t.bx), cmp.Compare(s.by, t.by))
}

func (p point) compare(q point) int { return cmp.Or(cmp.Compare(p.x, q.x), cmp.Compare(p.y, q.y)) }

// vertexOn is a vertex that lies on an edge between its ends.
type vertexOn struct {
	edge uint32
	at   point
}

// split cuts the edges at the vertices that lie on them.
func (o *arrangement) split() error {
	var cuts []vertexOn
	q := quadrants{arrangement: o, leaf: func(list []uint32) error {
		if len(cuts) > freeMeetings+meetingsPerEdge*o.len() {
			return errTangled
		}
		return o.pairs(list, func(i, j uint32) { cuts = o.cutsOf(cuts, i, j) })
	}}
	if err := q.run(); err != nil || len(cuts) == 0 {
		return err
	}
	slices.SortFunc(cuts, func(a, b vertexOn) int { return cmp.Or(cmp.Compare(a.edge, b.edge), a.at.compare(b.at)) })
	cuts = slices.Compact(cuts)
	occ := make([]occurrence, 0, len(o.uses)+len(cuts))
	for e := range uint32(o.len()) {
		s := o.edges[e].segment
		from := point{s.ax, s.ay}
		put := func(to point) {
			for _, u := range o.usesOf(e) {
				occ = append(occ, occurrence{segment{from.x, from.y, to.x, to.y}, u})
			}
			from = to
		}
		// A segment runs to the east, or straight north: in the order of points.
		for ; len(cuts) > 0 && cuts[0].edge == e; cuts = cuts[1:] {
			put(cuts[0].at)
		}
		put(point{s.bx, s.by})
	}
	o.distinct(occ)
	return nil
}

func (o *arrangement) cutsOf(cuts []vertexOn, i, j uint32) []vertexOn {
	s, t := o.edges[i].segment, o.edges[j].segment
	for _, c := range [4]struct {
		edge uint32
		on   segment
		at   point
	}{
		{i, s, point{t.ax, t.ay}}, {i, s, point{t.bx, t.by}},
		{j, t, point{s.ax, s.ay}}, {j, t, point{s.bx, s.by}},
	} {
		if c.on.passes(c.at) {
			cuts = append(cuts, vertexOn{c.edge, c.at})
		}
	}
	return cuts
}

// passes tells that a point lies on the segment and is none of its ends.
func (s segment) passes(p point) bool {
	if p.x < s.ax || p.x > s.bx || p.y < min(s.ay, s.by) || p.y > max(s.ay, s.by) {
		return false
	}
	return p != point{s.ax, s.ay} && p != point{s.bx, s.by} && s.turn(p) == 0
}

// turn is the side of a point anywhere on Earth: 1 left, 0 on the line, -1 right.
func (s segment) turn(p point) int {
	return crossSign(int64(s.bx)-int64(s.ax), int64(s.by)-int64(s.ay), int64(p.x)-int64(s.ax), int64(p.y)-int64(s.ay))
}

// crossSign is the sign of the cross product of two vectors. Their parts are
// below 2^32, so the product may pass 2^63, but then its float64, which is off
// by less than 2^13, tells the sign; where that does not, it is small, and int64
// is exact although its terms may wrap.
func crossSign(ax, ay, bx, by int64) int {
	const sure = 1 << 14
	f := float64(ax)*float64(by) - float64(ay)*float64(bx)
	switch {
	case f > sure:
		return 1
	case f < -sure:
		return -1
	}
	return cmp.Compare(ax*by-ay*bx, 0)
}

// pairs calls yield for the edges of a list whose boxes meet.
func (o *arrangement) pairs(list []uint32, yield func(i, j uint32)) error {
	o.budget -= len(list) * len(list) / 2
	if o.budget < 0 {
		return errTangled
	}
	for k, i := range list {
		s := o.edges[i].segment
		low, high := min(s.ay, s.by), max(s.ay, s.by)
		for _, j := range list[k+1:] {
			t := o.edges[j].segment
			if t.ax <= s.bx && t.bx >= s.ax && min(t.ay, t.by) <= high && max(t.ay, t.by) >= low {
				yield(i, j)
			}
		}
	}
	return nil
}

func (o *arrangement) listNodes() {
	o.nodes = make([]point, 0, 2*o.len())
	for _, e := range o.edges[:o.len()] {
		o.nodes = append(o.nodes, point{e.ax, e.ay}, point{e.bx, e.by})
	}
	slices.SortFunc(o.nodes, point.compare)
	o.nodes = slices.Clip(slices.Compact(o.nodes))
	o.nodeLabel = make([]uint32, len(o.nodes))
}

func (o *arrangement) node(p point) uint32 {
	at, _ := slices.BinarySearchFunc(o.nodes, p, point.compare)
	return uint32(at)
}
