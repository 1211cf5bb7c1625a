package geo

import "slices"

// Areas that share a border must be drawn with the same line, however much it
// was simplified. So rings are not simplified themselves: they are taken apart
// into arcs, which run from one node to the next and have the same areas along
// their whole length; each arc is kept once, simplified once, and put back into
// every ring that it is part of. A node is a vertex with three neighbours or
// more. A vertex with two is passed by the same rings on both sides, so nothing
// can begin or end there. A ring without a node is one arc that begins at its
// first vertex in the order of coordinates.

// arcs are the rings of an index on a grid, taken apart.
type arcs struct {
	points []point  // of all arcs, one after the other, both ends included
	start  []uint32 // first point of each arc, and the end
	uses   []arcUse // of all rings
	rings  []uint32 // first use of each ring of the index, and the end
}

// arcUse is an arc as part of a ring: its number<<1, plus 1 where the ring runs
// against it.
type arcUse uint32

func (u arcUse) arc() uint32    { return uint32(u >> 1) }
func (u arcUse) backward() bool { return u&1 != 0 }

// snapRings rounds the rings of an index to a grid and takes out what bounds
// nothing there. A ring of which nothing is left is empty.
func (t *Index) snapRings(grid mercator) [][]point {
	rings := make([][]point, len(t.ringVertex)-1)
	var scratch []point
	for r := range rings {
		scratch = t.snapRing(grid, uint32(r), scratch[:0])
		rings[r] = slices.Clone(scratch)
	}
	return rings
}

func (t *Index) snapRing(grid mercator, r uint32, out []point) []point {
	var ignored ringRepairs
	from, to := t.ringVertex[r], t.ringVertex[r+1]
	a := t.unit(to - 1)
	at := grid.snap(a)
	for v := from; v < to; v++ {
		b := t.unit(v)
		next := grid.snap(b)
		first, last, forward := a, b, true
		if b.x < a.x || b.x == a.x && b.y < a.y {
			first, last, forward = b, a, false
		}
		n := grid.pieces(float64(next.y) - float64(at.y))
		for k := int64(1); k < n; k++ {
			i := k
			if !forward {
				i = n - k
			}
			out = push(out, grid.snap(partWay(first, last, i, n)), &ignored)
		}
		out = push(out, next, &ignored)
		a, at = b, next
	}
	return tidy(out)
}

// tidy takes out what bounds nothing where the end of a ring meets its
// beginning, and all of a ring of fewer than three vertices.
func tidy(ring []point) []point {
	var ignored ringRepairs
	if ring = unwind(ring, &ignored); len(ring) < 3 {
		return nil
	}
	return ring
}

// cutter takes rings apart. Vertices are numbered in the order of their
// coordinates.
type cutter struct {
	arcs
	vertices []uint64 // packed, ascending
	a, b     []uint32 // the two neighbours by which a vertex was first passed, a < b
	known    map[uint64]uint32
	ids      []uint32 // of the ring at hand
}

// noVertex is no vertex's number, and as first neighbour marks a node.
const noVertex = ^uint32(0)

func cut(rings [][]point) *arcs {
	c := &cutter{known: map[uint64]uint32{}}
	for _, ring := range rings {
		for _, p := range ring {
			c.vertices = append(c.vertices, pack(p))
		}
	}
	slices.Sort(c.vertices)
	c.vertices = slices.Compact(c.vertices)
	c.findNodes(rings)
	for _, ring := range rings {
		c.rings = append(c.rings, uint32(len(c.uses)))
		if len(ring) > 0 {
			c.cutRing(c.number(ring))
		}
	}
	c.rings = append(c.rings, uint32(len(c.uses)))
	c.start = append(c.start, uint32(len(c.points)))
	return &c.arcs
}

// pack makes a sort key of a grid point; grids have no negative coordinates.
func pack(p point) uint64 { return uint64(uint32(p.x))<<32 | uint64(uint32(p.y)) }

func unpack(key uint64) point { return point{int32(key >> 32), int32(uint32(key))} }

// number returns the vertices of a ring by number; they are good until the next
// call.
func (c *cutter) number(ring []point) []uint32 {
	c.ids = c.ids[:0]
	for _, p := range ring {
		at, _ := slices.BinarySearch(c.vertices, pack(p))
		c.ids = append(c.ids, uint32(at))
	}
	return c.ids
}

func (c *cutter) findNodes(rings [][]point) {
	c.a, c.b = make([]uint32, len(c.vertices)), make([]uint32, len(c.vertices))
	for i := range c.b {
		c.b[i] = noVertex
	}
	for _, ring := range rings {
		ids := c.number(ring)
		for i, v := range ids {
			p, q := ids[(i+len(ids)-1)%len(ids)], ids[(i+1)%len(ids)]
			if p > q {
				p, q = q, p
			}
			switch {
			case c.b[v] == noVertex && c.a[v] != noVertex: // the first to pass
				c.a[v], c.b[v] = p, q
			case c.a[v] != p || c.b[v] != q:
				c.a[v] = noVertex
			}
		}
	}
}

func (c *cutter) isNode(v uint32) bool { return c.a[v] == noVertex }

// cutRing cuts a ring at its nodes, or else wherever it passes its first vertex:
// it may run round more than once.
func (c *cutter) cutRing(ids []uint32) {
	begin := slices.IndexFunc(ids, c.isNode)
	ends := c.isNode
	if begin < 0 {
		first := slices.Min(ids)
		begin = slices.Index(ids, first)
		ends = func(v uint32) bool { return v == first }
	}
	turned := slices.Concat(ids[begin:], ids[:begin], ids[begin:begin+1])
	for from := 0; from < len(turned)-1; {
		to := from + 1
		for !ends(turned[to]) {
			to++
		}
		c.use(turned[from : to+1])
		from = to
	}
}

// use adds an arc to the ring at hand. Vertices between nodes have two
// neighbours, so the first two vertices tell the arc.
func (c *cutter) use(ids []uint32) {
	n := len(ids)
	key, back := uint64(ids[0])<<32|uint64(ids[1]), uint64(ids[n-1])<<32|uint64(ids[n-2])
	backward := back < key
	number, ok := c.known[min(key, back)]
	if !ok {
		number = uint32(len(c.start))
		c.known[min(key, back)] = number
		c.start = append(c.start, uint32(len(c.points)))
		for i := range ids {
			if backward {
				i = n - 1 - i
			}
			c.points = append(c.points, unpack(c.vertices[ids[i]]))
		}
	}
	u := arcUse(number << 1)
	if backward {
		u |= 1
	}
	c.uses = append(c.uses, u)
}

// of returns the points of an arc.
func (a *arcs) of(arc uint32) []point { return a.points[a.start[arc]:a.start[arc+1]] }
