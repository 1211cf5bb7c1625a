package geo

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// quadrants walks the edges of an arrangement in cells of few edges. A cell is a
// square as in the index: its corner lies half a unit before its first unit.
type quadrants struct {
	*arrangement
	leaf func(list []uint32) error
	// vertices, if set, is called with the edges that cross a cell and the label
	// of its corner.
	vertices func(c corner, side int64, list []uint32, label uint32)
	labelled bool
}

// quadrantEdges is how many edges a cell may have before it is cut.
const quadrantEdges = 16

// run begins with the largest cells for which orientations are exact. The world
// has about a hundred of them.
func (q *quadrants) run() error {
	if q.len() == 0 {
		return nil
	}
	const side = int64(1) << maxTopShift
	all := make([]uint32, q.len())
	west, south, east, north := int64(maxLon), int64(maxLat), -int64(maxLon), -int64(maxLat)
	for i := range all {
		all[i] = uint32(i)
		s := q.edges[i].segment
		west, east = min(west, int64(s.ax)), max(east, int64(s.bx))
		south, north = min(south, int64(s.ay), int64(s.by)), max(north, int64(s.ay), int64(s.by))
	}
	first := uint32(0) // the first corner is outside everything
	for y := south - 1; y <= north; y += side {
		label, row := first, q.inRow(all, y)
		for x := west - 1; x <= east; x += side {
			list := q.touching(row, corner{x, y}, maxTopShift)
			if err := q.cell(corner{x, y}, maxTopShift, list, label); err != nil {
				return err
			}
			if x == west-1 {
				first = q.move(list, corner{x, y}, corner{x, y + side}, label)
			}
			label = q.move(list, corner{x, y}, corner{x + side, y}, label)
		}
	}
	return nil
}

func (q *quadrants) inRow(all []uint32, y int64) []uint32 {
	var row []uint32
	for _, i := range all {
		s := q.edges[i].segment
		if int64(max(s.ay, s.by)) >= y-1 && int64(min(s.ay, s.by)) <= y+1<<maxTopShift {
			row = append(row, i)
		}
	}
	return row
}

func (q *quadrants) touching(list []uint32, c corner, shift uint32) []uint32 {
	var in []uint32
	for _, i := range list {
		if q.edges[i].touchesSquare(c.x, c.y, shift) {
			in = append(in, i)
		}
	}
	return in
}

func (q *quadrants) cell(c corner, shift uint32, list []uint32, label uint32) error {
	if len(list) == 0 {
		return nil
	}
	if len(list) <= quadrantEdges || shift < minCell+2 {
		if q.labelled {
			q.vertices(c, int64(1)<<shift, list, label)
		}
		return q.leaf(list)
	}
	q.budget -= len(list)
	shift -= 2
	masks := make([]uint16, len(list))
	for k, i := range list {
		masks[k] = q.edges[i].childMask(c.x, c.y, shift)
	}
	child := make([]uint32, 0, len(list)/4+quadrantEdges)
	for n := range int64(16) {
		child = child[:0]
		for k, i := range list {
			if masks[k]>>n&1 != 0 {
				child = append(child, i)
			}
		}
		to := corner{c.x + (n&3)<<shift, c.y + (n>>2)<<shift}
		at := label
		if len(child) > 0 {
			at = q.move(list, c, to, label)
		}
		if err := q.cell(to, shift, child, at); err != nil {
			return err
		}
	}
	return nil
}

// move carries a label from corner to corner.
func (q *quadrants) move(list []uint32, from, to corner, label uint32) uint32 {
	if !q.labelled {
		return 0
	}
	return q.walk(list, from, 2*to.x-1, 2*to.y-1, label)
}

// walk carries the label of a corner to a place in doubled units by the edges in
// between, of which list must hold all. What is crossed twice is left out first:
// the edges come in no order, and sets of all that was crossed so far would be
// large.
func (o *arrangement) walk(list []uint32, from corner, x2, y2 int64, label uint32) uint32 {
	crossed := o.scratch[:0]
	for _, i := range list {
		if o.edges[i].crossed(2*from.x-1, 2*from.y-1, x2, y2) {
			for _, u := range o.usesOf(i) {
				crossed = append(crossed, u.polygon())
			}
		}
	}
	o.scratch = crossed
	slices.Sort(crossed)
	for len(crossed) > 0 {
		if len(crossed) > 1 && crossed[0] == crossed[1] {
			crossed = crossed[2:]
			continue
		}
		label = o.labels.toggle(label, crossed[0])
		crossed = crossed[1:]
	}
	return label
}

// cross returns the label on the other side of an edge.
func (o *arrangement) cross(label, e uint32) uint32 {
	uses := o.usesOf(e)
	if len(uses) == 2 { // the usual border: out of one and into the other, by way of nobody
		if held := o.labels.sets[label]; len(held) == 1 && held[0] == uses[1].polygon() {
			return o.labels.alone(uses[0].polygon())
		}
	}
	for _, u := range uses {
		label = o.labels.toggle(label, u.polygon())
	}
	return label
}

// intersection is a place between the ends of an edge where another one crosses it,
// at at/of of its length.
type intersection struct {
	edge, other uint32
	at, of      uint64
	node        uint32 // the same for all edges that pass there
}

// survey finds the crossings and labels the nodes.
func (o *arrangement) survey() error {
	var found [][2]uint32
	q := quadrants{arrangement: o, labelled: true}
	q.leaf = func(list []uint32) error {
		if len(found) > freeMeetings+meetingsPerEdge*o.len() {
			return errTangled
		}
		return o.pairs(list, func(i, j uint32) {
			if o.edges[i].crosses(o.edges[j].segment) {
				found = append(found, [2]uint32{min(i, j), max(i, j)})
			}
		})
	}
	q.vertices = func(c corner, side int64, list []uint32, label uint32) {
		for _, i := range list {
			s := o.edges[i].segment
			for _, p := range [2]point{{s.ax, s.ay}, {s.bx, s.by}} {
				dx, dy := int64(p.x)-c.x, int64(p.y)-c.y
				if n := o.node(p); dx >= 0 && dy >= 0 && dx < side && dy < side && o.nodeLabel[n] == 0 {
					o.nodeLabel[n] = o.walk(list, c, 2*int64(p.x), 2*int64(p.y), label)
				}
			}
		}
	}
	if err := q.run(); err != nil {
		return err
	}
	if o.budget < 0 {
		return errTangled
	}
	slices.SortFunc(found, func(a, b [2]uint32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	o.sortCrossings(slices.Compact(found))
	return nil
}

// crosses tells that two segments cross between their ends.
func (s segment) crosses(t segment) bool {
	return s.turn(point{t.ax, t.ay})*s.turn(point{t.bx, t.by}) < 0 &&
		t.turn(point{s.ax, s.ay})*t.turn(point{s.bx, s.by}) < 0
}

// fraction returns where along s the other segment crosses it. Both parts are
// at most |dx*dy|+|dx*dy| of the segments, which int64 holds; terms may wrap.
func (s segment) fraction(t segment) (at, of uint64) {
	sx, sy := int64(s.bx)-int64(s.ax), int64(s.by)-int64(s.ay)
	tx, ty := int64(t.bx)-int64(t.ax), int64(t.by)-int64(t.ay)
	den := sx*ty - sy*tx
	num := (int64(t.ax)-int64(s.ax))*ty - (int64(t.ay)-int64(s.ay))*tx
	if den < 0 {
		den, num = -den, -num
	}
	return uint64(num), uint64(den)
}

func compareFractions(a, aOf, b, bOf uint64) int {
	h1, l1 := bits.Mul64(a, bOf)
	h2, l2 := bits.Mul64(b, aOf)
	return cmp.Or(cmp.Compare(h1, h2), cmp.Compare(l1, l2))
}

// sortCrossings orders the crossings along each edge and numbers their places,
// behind the nodes: three edges through one place make three pairs and one node.
func (o *arrangement) sortCrossings(pairs [][2]uint32) {
	same := make([]uint32, len(pairs)) // pair to an earlier one at the same place
	for k, p := range pairs {
		same[k] = uint32(k)
		for _, side := range [2][2]uint32{{p[0], p[1]}, {p[1], p[0]}} {
			at, of := o.edges[side[0]].fraction(o.edges[side[1]].segment)
			o.crossings = append(o.crossings, intersection{side[0], side[1], at, of, uint32(k)})
		}
	}
	slices.SortFunc(o.crossings, func(a, b intersection) int {
		return cmp.Or(cmp.Compare(a.edge, b.edge), compareFractions(a.at, a.of, b.at, b.of), cmp.Compare(a.other, b.other))
	})
	root := func(k uint32) uint32 {
		for same[k] != k {
			same[k] = same[same[k]]
			k = same[k]
		}
		return k
	}
	for i := 1; i < len(o.crossings); i++ {
		a, b := o.crossings[i-1], o.crossings[i]
		if a.edge == b.edge && compareFractions(a.at, a.of, b.at, b.of) == 0 {
			x, y := root(a.node), root(b.node)
			same[max(x, y)] = min(x, y)
		}
	}
	o.crossed = make([]uint32, o.len()+1)
	for i := range o.crossings {
		c := &o.crossings[i]
		c.node = uint32(len(o.nodes)) + root(c.node)
		o.crossed[c.edge+1]++
	}
	for e := range o.len() {
		o.crossed[e+1] += o.crossed[e]
	}
}

// labels numbers sets of polygons; 0 is the empty one. Nearly all are of one
// polygon, so those stand in a list of their own.
type labels struct {
	sets   [][]uint32
	single []uint32          // polygon to the label of it alone, or 0
	byKey  map[string]uint32 // larger sets
	known  map[uint64]uint32 // label and polygon to the label without or with it
	budget *int
	key    []byte
}

func (l *labels) init(polygons int, budget *int) {
	*l = labels{
		sets: [][]uint32{nil}, single: make([]uint32, polygons),
		byKey: map[string]uint32{}, known: map[uint64]uint32{}, budget: budget,
	}
}

// toggle puts a polygon into a set, or takes it out.
func (l *labels) toggle(label, polygon uint32) uint32 {
	old := l.sets[label]
	switch {
	case len(old) == 0:
		return l.alone(polygon)
	case len(old) == 1 && old[0] == polygon:
		return 0
	}
	memo := uint64(label)<<32 | uint64(polygon)
	if to, ok := l.known[memo]; ok {
		return to
	}
	to := l.number(toggled(old, polygon))
	l.known[memo] = to
	return to
}

func toggled(set []uint32, polygon uint32) []uint32 {
	set = slices.Clone(set)
	at, in := slices.BinarySearch(set, polygon)
	if in {
		return slices.Delete(set, at, at+1)
	}
	return slices.Insert(set, at, polygon)
}

// alone is the label of one polygon.
func (l *labels) alone(polygon uint32) uint32 {
	if l.single[polygon] == 0 {
		l.single[polygon] = uint32(len(l.sets))
		l.sets = append(l.sets, []uint32{polygon})
	}
	return l.single[polygon]
}

func (l *labels) number(set []uint32) uint32 {
	*l.budget -= 64 * (len(set) + 1)
	if len(set) == 1 {
		return l.alone(set[0])
	}
	l.key = l.key[:0]
	for _, p := range set {
		l.key = binary.LittleEndian.AppendUint32(l.key, p)
	}
	to, ok := l.byKey[string(l.key)]
	if !ok {
		to = uint32(len(l.sets))
		l.sets = append(l.sets, set)
		l.byKey[string(l.key)] = to
	}
	return to
}
