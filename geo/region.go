package geo

import (
	"cmp"
	"slices"

	"github.com/paulmach/orb"
)

// leastRegion is the smallest region that is told, in square metres: a square
// centimetre. What is less is not distinguished from the rounding of crossings.
const leastRegion = 1e-4

// region is a connected part of the plane with something in common, its key.
type region struct {
	key          uint64
	squareMetres float64
	perimeter    float64 // metres
	at           orb.Point
	beside       []uint32 // labels beyond its border
}

// width is the mean width in metres.
func (r region) width() float64 { return 2 * r.squareMetres / r.perimeter }

// half is a piece of an edge in the direction in which a region is to the left.
type half struct {
	key      uint64
	from, to uint32 // nodes
	edge     uint32
	backward bool // against the segment
	beside   uint32
}

// regions finds the regions in which keysOf a label, a sorted list, holds a key;
// keysOf is asked once for each label. The unbounded region has no outer border
// and is left out.
func (o *arrangement) regions(keysOf func(polygons []uint32) []uint64) ([]region, error) {
	t := tracer{arrangement: o, keys: make([][]uint64, len(o.labels.sets)), asked: make([]bool, len(o.labels.sets)), keysOf: keysOf}
	t.sortRound()
	for n := range uint32(len(o.nodes)) {
		t.turnRound(n)
	}
	t.place()
	slices.SortFunc(t.halves, func(a, b half) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.from, b.from), t.compareAngles(a, b))
	})
	var out []region
	for rest := t.halves; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].key == rest[0].key {
			n++
		}
		found, err := t.trace(rest[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		rest = rest[n:]
	}
	return out, nil
}

// tracer turns labels into the borders of regions.
type tracer struct {
	*arrangement
	keysOf func([]uint32) []uint64
	keys   [][]uint64 // of each label
	asked  []bool
	out    []uint32     // edges that leave each node, edge<<1|backward, counter-clockwise from the north
	outAt  []uint32     // first of those of each node, and the end
	coords [][2]float64 // of nodes and crossings, in units
	halves []half
}

func (t *tracer) keysOfLabel(label uint32) []uint64 {
	for int(label) >= len(t.keys) { // labels are still being made
		t.keys, t.asked = append(t.keys, nil), append(t.asked, false)
	}
	if !t.asked[label] {
		t.keys[label], t.asked[label] = t.keysOf(t.labels.sets[label]), true
		*t.labels.budget -= 8 * len(t.keys[label])
	}
	return t.keys[label]
}

// sortRound lists the edges at each node counter-clockwise. The place that a
// node's label is about is to its north and, much less, to its east, so that the
// edge straight to the north is the first.
func (t *tracer) sortRound() {
	t.outAt = make([]uint32, len(t.nodes)+2)
	ends := make([]uint32, 2*t.len())
	for e := range t.len() {
		s := t.edges[e].segment
		ends[2*e], ends[2*e+1] = t.node(point{s.ax, s.ay}), t.node(point{s.bx, s.by})
		t.outAt[ends[2*e]+2]++
		t.outAt[ends[2*e+1]+2]++
	}
	for n := 2; n < len(t.outAt); n++ {
		t.outAt[n] += t.outAt[n-1]
	}
	t.out = make([]uint32, len(ends))
	for h, n := range ends {
		t.out[t.outAt[n+1]] = uint32(h)
		t.outAt[n+1]++
	}
	for n := range len(t.nodes) {
		slices.SortFunc(t.out[t.outAt[n]:t.outAt[n+1]], func(a, b uint32) int {
			return compareDirections(t.direction(a>>1, a&1 != 0), t.direction(b>>1, b&1 != 0))
		})
	}
}

func (t *tracer) direction(e uint32, backward bool) [2]int64 {
	s := t.edges[e].segment
	d := [2]int64{int64(s.bx) - int64(s.ax), int64(s.by) - int64(s.ay)}
	if backward {
		d[0], d[1] = -d[0], -d[1]
	}
	return d
}

// compareDirections orders directions counter-clockwise from the north.
func compareDirections(a, b [2]int64) int {
	half := func(d [2]int64) int {
		if d[0] < 0 || d[0] == 0 && d[1] > 0 {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(half(a), half(b)), crossSign(b[0], b[1], a[0], a[1]))
}

func (t *tracer) compareAngles(a, b half) int {
	return compareDirections(t.direction(a.edge, a.backward), t.direction(b.edge, b.backward))
}

// turnRound follows the label of a node round it, and from there each edge that
// begins at it.
func (t *tracer) turnRound(n uint32) {
	label := t.nodeLabel[n]
	for _, h := range t.out[t.outAt[n]:t.outAt[n+1]] {
		right := label
		label = t.cross(label, h>>1)
		if h&1 == 0 {
			t.along(n, h>>1, label, right)
		}
	}
}

// along emits the pieces of an edge, given what holds its sides at its start.
func (t *tracer) along(from, e, left, right uint32) {
	list := t.crossings[t.crossed[e]:t.crossed[e+1]]
	for len(list) > 0 {
		to := list[0].node
		t.emit(half{from: from, to: to, edge: e}, left, right)
		for len(list) > 0 && list[0].node == to {
			left, right = t.cross(left, list[0].other), t.cross(right, list[0].other)
			list = list[1:]
		}
		from = to
	}
	s := t.edges[e].segment
	t.emit(half{from: from, to: t.node(point{s.bx, s.by}), edge: e}, left, right)
}

func (t *tracer) emit(h half, left, right uint32) {
	l, r := t.keysOfLabel(left), t.keysOfLabel(right)
	if len(l) == 0 && len(r) == 0 {
		return
	}
	h.beside = right
	for _, key := range l {
		if _, both := slices.BinarySearch(r, key); !both {
			h.key = key
			t.halves = append(t.halves, h)
		}
	}
	h.from, h.to, h.backward, h.beside = h.to, h.from, true, left
	for _, key := range r {
		if _, both := slices.BinarySearch(l, key); !both {
			h.key = key
			t.halves = append(t.halves, h)
		}
	}
}

// place computes where nodes and crossings are.
func (t *tracer) place() {
	t.coords = make([][2]float64, len(t.nodes)+len(t.crossings)/2)
	for n, p := range t.nodes {
		t.coords[n] = [2]float64{float64(p.x), float64(p.y)}
	}
	for _, c := range t.crossings {
		s, d := t.edges[c.edge].segment, t.direction(c.edge, false)
		at := float64(c.at) / float64(c.of)
		t.coords[c.node] = [2]float64{float64(s.ax) + at*float64(d[0]), float64(s.ay) + at*float64(d[1])}
	}
}
