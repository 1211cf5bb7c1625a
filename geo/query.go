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
	c, inGrid := t.find(lon, lat)
	if !inGrid {
		return None, false
	}
	var number uint32
	switch c.entry >> tagShift {
	case tagArea:
		number = c.entry
	case tagLeaf:
		number = t.ownerInLeaf(c)
	default:
		number = t.setArea[t.setStart[c.entry&numMask]] + 1
	}
	runtime.KeepAlive(t)
	return int(number) - 1, number != 0
}

// cellAt is a cell without children and the point in it that was asked for.
type cellAt struct {
	entry uint32
	x, y  int64 // the point
	left  int64 // first unit of the cell's columns
}

// find descends to the cell of a point; it fails outside the grid.
func (t *Index) find(lon, lat float64) (cellAt, bool) {
	fx, fy := biased(lon), biased(lat)
	if !(fx >= t.west && fx < t.east && fy >= t.south && fy < t.north) { // also refuses NaN
		return cellAt{}, false
	}
	x, y := int64(fx)-unitBias, int64(fy)-unitBias
	gx, gy := uint32(x-int64(t.originX)), uint32(y-int64(t.originY))
	s := t.shift & 31
	entry := t.top[(gy>>s)*t.columns+gx>>s]
	for entry>>tagShift == tagNode {
		s = (s - 2) & 31
		entry = t.nodes[(entry&numMask)<<4|(gy>>s&3)<<2|gx>>s&3]
	}
	left := x - int64(gx&(1<<s-1))
	return cellAt{entry: entry, x: x, y: y, left: left}, true
}

// ownerInLeaf returns the owner's number plus one, or 0.
func (t *Index) ownerInLeaf(c cellAt) uint32 {
	leaf := t.leaves[c.entry&numMask:]
	edges, slots, state := leaf[0]&0xffff, leaf[0]>>16&0xff, leaf[0]>>24
	if slots == wideSlots {
		return ownerInWideLeaf(leaf, c)
	}
	state ^= c.walk(leaf[1+slots : 1+slots+edgeWords*edges])
	if state == 0 {
		return 0
	}
	return leaf[1+bits.TrailingZeros32(state)] + 1
}

func ownerInWideLeaf(leaf []uint32, c cellAt) uint32 {
	slots := leaf[1]
	leaf = leaf[wideHead:]
	for range slots {
		area, edges, state := leaf[0], leaf[1]>>1, leaf[1]&1
		if state^c.walk(leaf[2:2+edgeWords*edges]) != 0 {
			return area + 1
		}
		leaf = leaf[2+edgeWords*edges:]
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

// holders appends the areas that hold the point, in order of rank, each once.
func (t *Index) holders(lon, lat float64, out []int) []int {
	c, inGrid := t.find(lon, lat)
	if !inGrid {
		return out
	}
	number := c.entry & numMask
	switch c.entry >> tagShift {
	case tagArea:
		if number != 0 {
			out = append(out, int(number)-1)
		}
	case tagLeaf:
		out = holdersInLeaf(t.leaves[number:], c, out)
	default:
		for _, area := range t.setArea[t.setStart[number]:t.setStart[number+1]] {
			out = append(out, int(area))
		}
	}
	return out
}

func holdersInLeaf(leaf []uint32, c cellAt, out []int) []int {
	put := func(area uint32) {
		if n := len(out); n == 0 || out[n-1] != int(area) { // polygons of an area stand together
			out = append(out, int(area))
		}
	}
	edges, slots, state := leaf[0]&0xffff, leaf[0]>>16&0xff, leaf[0]>>24
	if slots != wideSlots {
		state ^= c.walk(leaf[1+slots : 1+slots+edgeWords*edges])
		for ; state != 0; state &= state - 1 {
			put(leaf[1+bits.TrailingZeros32(state)])
		}
		return out
	}
	slots, leaf = leaf[1], leaf[wideHead:]
	for range slots {
		edges := leaf[1] >> 1
		if leaf[1]&1^c.walk(leaf[2:2+edgeWords*edges]) != 0 {
			put(leaf[0])
		}
		leaf = leaf[2+edgeWords*edges:]
	}
	return out
}
