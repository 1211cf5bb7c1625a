package geo

import (
	"cmp"
	"slices"
)

// A leaf is a run of words. A plain one has
//
//	edges | slots<<16 | corner<<24    corner: mask of the slots that hold the cell's corner
//	edges times: ax ay bx by flags
//	slots times: area                 in order of rank, so the lowest slot that holds a point owns it
//
// The edges come first because their place is then known before the first word
// has come from memory, so that the processor fetches all of them at once.
//
// A slot is a polygon; several may belong to one area. Where polygons are too
// many for a mask, a wide leaf lists the edges slot by slot:
//
//	wideSlots<<16
//	slots
//	words of the leaf in all
//	slots times: area, edges<<1 | corner, and the edges with slot 0 in their flags
const (
	maxSlots  = 8
	wideSlots = 255
	edgeWords = 5
	wideHead  = 3
)

// The flags of an edge in a leaf.
const (
	flagBounds   = 0xff // mask of the slots that it bounds
	flagVertical = 8    // bit: it crosses the vertical through the cell's corner
	flagLeft     = 9    // bit: and the corner is to its left
	flagBorder   = 16   // shift of the mask of the slots for which it is a border, not an inner edge of their area
	flagAll      = 0xff03ff
)

// findSlots collects the polygons that the edges bound, in order.
func (g *gridBuilder) findSlots(list []uint32) {
	g.slots = g.slots[:0]
	for _, i := range list {
		for _, u := range g.usesOf(i) {
			g.slots = append(g.slots, u.polygon())
		}
	}
	slices.Sort(g.slots)
	g.slots = slices.Compact(g.slots)
}

// leaf stores the edges of a cell. g.slots holds the polygons they bound.
func (g *gridBuilder) leaf(x, y int64, list, state []uint32) uint32 {
	g.slots = append(g.slots, state...)
	slices.Sort(g.slots)
	g.slots = slices.Compact(g.slots)
	place := uint32(len(g.leaves))
	if len(g.slots) > maxSlots || len(list) > 0xffff {
		g.wideLeaf(x, y, list, state)
		return tagLeaf<<tagShift | place
	}
	head := uint32(len(list)) | uint32(len(g.slots))<<16
	for _, polygon := range state {
		slot, _ := slices.BinarySearch(g.slots, polygon)
		head |= 1 << (24 + slot)
	}
	g.leaves = append(g.leaves, head)
	for _, i := range list {
		var bounds, border uint32
		uses := g.usesOf(i)
		for _, u := range uses {
			slot, _ := slices.BinarySearch(g.slots, u.polygon())
			bounds |= 1 << slot
			if g.isBorder(uses, u) {
				border |= 1 << slot
			}
		}
		g.putEdge(x, y, i, bounds|border<<flagBorder)
	}
	for _, polygon := range g.slots {
		g.leaves = append(g.leaves, g.areaOf[polygon])
	}
	return tagLeaf<<tagShift | place
}

// wideLeaf is for cells with many polygons.
func (g *gridBuilder) wideLeaf(x, y int64, list, state []uint32) {
	type bound struct {
		use  use
		edge uint32
	}
	var bounds []bound
	for _, i := range list {
		for _, u := range g.usesOf(i) {
			bounds = append(bounds, bound{u, i})
		}
	}
	slices.SortFunc(bounds, func(a, b bound) int {
		return cmp.Or(cmp.Compare(a.use.polygon(), b.use.polygon()), cmp.Compare(a.edge, b.edge))
	})
	place := len(g.leaves)
	g.leaves = append(g.leaves, wideSlots<<16, uint32(len(g.slots)), 0)
	for _, polygon := range g.slots {
		head := len(g.leaves)
		g.leaves = append(g.leaves, g.areaOf[polygon], 0)
		n := 0
		for ; n < len(bounds) && bounds[n].use.polygon() == polygon; n++ {
			flags := uint32(1)
			if g.isBorder(g.usesOf(bounds[n].edge), bounds[n].use) {
				flags |= 1 << flagBorder
			}
			g.putEdge(x, y, bounds[n].edge, flags)
		}
		bounds = bounds[n:]
		g.leaves[head+1] = uint32(n) << 1
		if _, in := slices.BinarySearch(state, polygon); in {
			g.leaves[head+1] |= 1
		}
	}
	g.leaves[place+2] = uint32(len(g.leaves) - place)
}

// isBorder tells the border of a use's area from an edge with polygons of the
// area on both sides: their rings run along it in opposite directions. The
// polygons of an area have consecutive numbers.
func (g *gridBuilder) isBorder(uses []use, u use) bool {
	area := g.areaOf[u.polygon()]
	first, _ := slices.BinarySearch(uses, u)
	for first > 0 && g.areaOf[uses[first-1].polygon()] == area {
		first--
	}
	for _, v := range uses[first:] {
		if g.areaOf[v.polygon()] != area {
			break
		}
		if v.backward() != u.backward() {
			return false
		}
	}
	return true
}

// putEdge appends an edge with its place relative to the cell's corner.
func (g *gridBuilder) putEdge(x, y int64, i, flags uint32) {
	s := g.edges[i].segment
	if int64(s.ax) < x && int64(s.bx) >= x {
		flags |= 1 << flagVertical
		if s.left(2*x-1, 2*y-1) {
			flags |= 1 << flagLeft
		}
	}
	g.leaves = append(g.leaves, uint32(s.ax), uint32(s.ay), uint32(s.bx), uint32(s.by), flags)
}
