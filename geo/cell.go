package geo

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// corner is the first grid point of a cell. The corner itself is half a unit
// before it in both directions, so that no vertex lies on a cell's side.
type corner struct{ x, y int64 }

// String is the place in degrees, for errors.
func (c corner) String() string {
	return fmt.Sprintf("(%.7f, %.7f)", float64(c.x)/unitsPerDegree, float64(c.y)/unitsPerDegree)
}

// move carries the polygons that hold one corner over to another one by the
// edges between them. list must hold every edge that touches the path. The
// state is not changed in place.
func (g *gridBuilder) move(list []uint32, from, to corner, state []uint32) []uint32 {
	out, copied := state, false
	for _, i := range list {
		if !g.edges[i].crossed(2*from.x-1, 2*from.y-1, 2*to.x-1, 2*to.y-1) {
			continue
		}
		if !copied {
			out, copied = slices.Clone(state), true
		}
		for _, u := range g.usesOf(i) {
			at, in := slices.BinarySearch(out, u.polygon())
			if in {
				out = slices.Delete(out, at, at+1)
			} else {
				out = slices.Insert(out, at, u.polygon())
			}
		}
	}
	return out
}

// cell makes the entry of a cell, given the edges that touch it and the
// polygons that hold its corner.
func (g *gridBuilder) cell(x, y int64, shift uint32, list, state []uint32) uint32 {
	if len(list) == 0 {
		return g.whole(x, y, state)
	}
	g.findSlots(list)
	crowded := len(list) > leafEdges || len(g.slots) > maxSlots
	if crowded && shift >= minCell+2 && g.budget > 0 {
		return g.node(x, y, shift, list, state)
	}
	return g.leaf(x, y, list, state)
}

// whole makes the entry of a cell that no edge crosses.
func (g *gridBuilder) whole(x, y int64, state []uint32) uint32 {
	if len(state) == 0 {
		return tagArea << tagShift
	}
	g.slots = g.slots[:0]
	for _, polygon := range state {
		g.slots = append(g.slots, g.areaOf[polygon])
	}
	g.slots = slices.Compact(g.slots) // polygons of an area stand together
	if len(g.slots) > maxOverlap {
		g.err = fmt.Errorf("more than %d areas overlap at %v", maxOverlap, corner{x, y})
		return 0
	}
	if len(g.slots) == 1 {
		return tagArea<<tagShift | (g.slots[0] + 1)
	}
	key := make([]byte, 0, 4*len(g.slots))
	for _, area := range g.slots {
		key = binary.LittleEndian.AppendUint32(key, area)
	}
	set, known := g.sets[string(key)]
	if !known {
		set = uint32(len(g.setStart))
		g.sets[string(key)] = set
		g.setStart = append(g.setStart, uint32(len(g.setArea)))
		g.setArea = append(g.setArea, g.slots...)
	}
	return tagSet<<tagShift | set
}

// node cuts a cell into four by four.
func (g *gridBuilder) node(x, y int64, shift uint32, list, state []uint32) uint32 {
	number := uint32(len(g.nodes) / 16)
	g.nodes = append(g.nodes, make([]uint32, 16)...)
	shift -= 2
	masks := len(g.masks)
	for _, i := range list {
		m := g.edges[i].childMask(x, y, shift)
		g.masks = append(g.masks, m)
	}
	for child := range int64(16) {
		cx, cy := x+(child&3)<<shift, y+(child>>2)<<shift
		from := len(g.arena)
		for k, i := range list {
			if g.masks[masks+k]>>child&1 != 0 {
				g.arena = append(g.arena, i)
			}
		}
		at := g.move(list, corner{x, y}, corner{cx, cy}, state)
		g.budget -= g.cost(g.arena[from:], at)
		entry := g.cell(cx, cy, shift, g.arena[from:len(g.arena):len(g.arena)], at)
		g.nodes[16*number+uint32(child)] = entry
		g.arena = g.arena[:from]
	}
	g.masks = g.masks[:masks]
	return tagNode<<tagShift | number
}

// cost estimates the size of a cell: what it would take as a leaf.
func (g *gridBuilder) cost(list, state []uint32) int {
	n := len(state)
	for _, i := range list {
		n += len(g.usesOf(i))
	}
	return n
}

// childMask returns which of a cell's sixteen children a segment touches; shift
// is that of the children.
func (s segment) childMask(x, y int64, shift uint32) uint16 {
	clip := func(v int32, origin int64) int64 { return min(max((int64(v)-origin)>>shift, 0), 3) }
	c0, c1 := clip(s.ax, x), clip(s.bx, x)
	r0, r1 := clip(min(s.ay, s.by), y), clip(max(s.ay, s.by), y)
	var mask uint16
	for r := r0; r <= r1; r++ {
		for c := c0; c <= c1; c++ {
			if s.touchesSquare(x+c<<shift, y+r<<shift, shift) {
				mask |= 1 << (4*r + c)
			}
		}
	}
	return mask
}
