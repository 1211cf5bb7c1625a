package geo

import (
	"math/bits"
	"runtime"
)

// Owner returns the number of the area that owns the point, rounded to 1e-7
// degree. Of areas that share border vertices exactly one owns any point; of
// those that overlap, the smaller one. ok is false where no area does, and for
// coordinates that are not finite or not on Earth. Owner allocates nothing.
func (t *Index) Owner(lon, lat float64) (area int, ok bool) {
	c, _, inGrid := t.find(lon, lat)
	if !inGrid {
		return None, false
	}
	number := c.entry
	if number>>tagShift != tagArea {
		number = t.ownerInCell(c)
	}
	area, ok = t.numbered(number)
	runtime.KeepAlive(t)
	return area, ok
}

// numbered turns an area's number plus one into the number. A file that nobody
// has verified may hold any number; what is no area owns nothing.
func (t *Index) numbered(number uint32) (area int, ok bool) {
	area = int(number) - 1
	if uint(area) >= uint(len(t.codes)) {
		return None, false
	}
	return area, true
}

// ownerInCell returns the owner's number plus one, or 0, in a cell that more
// than one area may own.
func (t *Index) ownerInCell(c cellAt) uint32 {
	switch c.entry >> tagShift {
	case tagLeaf:
		return t.ownerInLeaf(c)
	case tagSet:
		if set := t.set(c.entry & numMask); len(set) > 0 {
			return set[0] + 1
		}
	}
	return 0
}

// set returns the areas of a set, the owner first; none for a number that is
// not one of a set.
func (t *Index) set(number uint32) []uint32 {
	if int(number)+1 >= len(t.setStart) {
		return nil
	}
	return t.setArea[t.setStart[number]:t.setStart[number+1]]
}

// cellAt is a cell without children and the point in it that was asked for. With
// more than four fields the compiler would keep it in memory, which takes a
// look-up inside an area twice the time.
type cellAt struct {
	entry uint32
	x, y  int64 // the point
	left  int64 // first unit of the cell's columns
}

// find descends to the cell of a point, which is 2^shift units wide and high; it
// fails outside the grid. Whatever
// the nodes hold, it ends: each step halves the cell twice. In a damaged file it
// may end at no node, which counts as a cell that nobody owns.
func (t *Index) find(lon, lat float64) (c cellAt, shift uint32, ok bool) {
	fx, fy := biased(lon), biased(lat)
	if !(fx >= t.west && fx < t.east && fy >= t.south && fy < t.north) { // also refuses NaN
		return cellAt{}, 0, false
	}
	x, y := int64(fx)-unitBias, int64(fy)-unitBias
	gx, gy := uint32(x-int64(t.originX)), uint32(y-int64(t.originY))
	s := t.shift & 31
	entry := t.top[(gy>>s)*t.columns+gx>>s]
	for entry>>tagShift == tagNode {
		s = (s - 2) & 31
		at := (entry&numMask)<<4 | (gy>>s&3)<<2 | gx>>s&3
		if s < minCell || uint64(at) >= uint64(len(t.nodes)) {
			entry = 0
			break
		}
		entry = t.nodes[at]
	}
	left := x - int64(gx&(1<<s-1))
	return cellAt{entry: entry, x: x, y: y, left: left}, s, true
}

// leafAt returns a leaf and what follows it, or nil where there is none.
func (t *Index) leafAt(number uint32) []uint32 {
	if uint64(number) >= uint64(len(t.leaves)) {
		return nil
	}
	return t.leaves[number:]
}

// plain returns the areas of a leaf's slots, the edges and the mask of the
// slots that hold the cell's corner; ok is false where the leaf is longer than
// what is left of the table.
func plain(leaf []uint32) (areas, edges []uint32, state uint32, ok bool) {
	n, slots := leaf[0]&0xffff, leaf[0]>>16&0xff
	end := 1 + edgeWords*n
	if uint64(end+slots) > uint64(len(leaf)) {
		return nil, nil, 0, false
	}
	return leaf[end : end+slots], leaf[1:end], leaf[0] >> 24, true
}

// isWide tells a leaf that lists its edges slot by slot.
func isWide(leaf []uint32) bool { return leaf[0]>>16&0xff == wideSlots }

// wideLeaf walks the slots of a wide leaf, but never beyond the table.
type wideLeaf struct {
	left  uint32 // slots
	rest  []uint32
	area  []uint32 // the slot's area, alone
	edges []uint32
	state uint32 // 1 where the slot holds the cell's corner
}

func newWideLeaf(leaf []uint32) wideLeaf {
	if len(leaf) < wideHead {
		return wideLeaf{}
	}
	return wideLeaf{left: leaf[1], rest: leaf[wideHead:]}
}

func (w *wideLeaf) next() bool {
	if w.left == 0 || len(w.rest) < 2 {
		return false
	}
	words := 2 + edgeWords*uint64(w.rest[1]>>1)
	if words > uint64(len(w.rest)) {
		return false
	}
	w.left--
	w.area, w.state, w.edges = w.rest[:1:1], w.rest[1]&1, w.rest[2:words]
	w.rest = w.rest[words:]
	return true
}

// ownerInLeaf returns the owner's number plus one, or 0.
func (t *Index) ownerInLeaf(c cellAt) uint32 {
	leaf := t.leafAt(c.entry & numMask)
	if len(leaf) == 0 {
		return 0
	}
	if isWide(leaf) {
		return ownerInWideLeaf(leaf, c)
	}
	areas, edges, state, ok := plain(leaf)
	if !ok {
		return 0
	}
	state ^= c.walk(edges)
	slot := bits.TrailingZeros32(state)
	if slot >= len(areas) { // state 0 too
		return 0
	}
	return areas[slot] + 1
}

func ownerInWideLeaf(leaf []uint32, c cellAt) uint32 {
	for w := newWideLeaf(leaf); w.next(); {
		if w.state^c.walk(w.edges) != 0 {
			return w.area[0] + 1
		}
	}
	return 0
}

// walk goes from the corner of the cell up or down to the height of the point
// and from there across to the point, all moved by the border rule, and returns
// the slots of which the border was crossed an odd number of times. It has no
// branches but the loop: at a border they would be mispredicted half the time.
func (c cellAt) walk(edges []uint32) uint32 {
	var state uint32
	across := 2*(c.x-c.left) + 1
	for len(edges) >= edgeWords {
		e := edges[:edgeWords:edgeWords]
		edges = edges[edgeWords:]
		ax, ay := int64(int32(e[0])), int64(int32(e[1]))
		bx, by := int64(int32(e[2])), int64(int32(e[3]))
		flags := e[4]
		dx, dy := bx-ax, by-ay
		o := dx*(c.y-ay) - dy*(c.x-ax)
		bend := 2*o + dy*across // the same for the place where the walk turns
		// Each of these is 0 or 1; a sign bit is 1 for negative numbers.
		straddles := uint32(uint64((c.y-ay)^(c.y-by)) >> 63)
		upright := (dx - 1) >> 63 // -1 where dx is 0, which makes o = 0 not left
		pointLeft := ^uint32(uint64(o+upright)>>63) & 1
		bendLeft := ^uint32(uint64(bend)>>63) & 1 // bend is 0 only where dx > 0
		vertical := flags >> flagVertical & 1
		cornerLeft := flags >> flagLeft & 1
		odd := straddles&(bendLeft^pointLeft) ^ vertical&(cornerLeft^bendLeft)
		state ^= flags & flagBounds & -odd
	}
	return state
}

// holders returns the areas that hold the point, in order of rank, each once.
func (t *Index) holders(lon, lat float64) []int {
	c, _, inGrid := t.find(lon, lat)
	if !inGrid {
		return nil
	}
	return t.holdersInCell(c, nil)
}

// holdersInCell appends them to out.
func (t *Index) holdersInCell(c cellAt, out []int) []int {
	put := func(area uint32) {
		if int(area) >= len(t.codes) {
			return
		}
		if n := len(out); n == 0 || out[n-1] != int(area) { // polygons of an area stand together
			out = append(out, int(area))
		}
	}
	switch number := c.entry & numMask; c.entry >> tagShift {
	case tagArea:
		put(number - 1)
	case tagSet:
		for _, area := range t.set(number) {
			put(area)
		}
	case tagLeaf:
		eachHolder(t.leafAt(number), c, put)
	}
	return out
}

// eachHolder calls put for the area of every slot of a leaf that holds the point.
func eachHolder(leaf []uint32, c cellAt, put func(area uint32)) {
	if len(leaf) == 0 {
		return
	}
	if isWide(leaf) {
		for w := newWideLeaf(leaf); w.next(); {
			if w.state^c.walk(w.edges) != 0 {
				put(w.area[0])
			}
		}
		return
	}
	areas, edges, state, ok := plain(leaf)
	if !ok {
		return
	}
	for state ^= c.walk(edges); state != 0; state &= state - 1 {
		if slot := bits.TrailingZeros32(state); slot < len(areas) {
			put(areas[slot])
		}
	}
}
