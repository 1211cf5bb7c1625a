package geo

import "math"

// Near is an area and the distance in metres to it: to its border, or 0 inside.
type Near struct {
	Area   int
	Metres float64
}

// search visits the edges round a point, roughly the nearest first, and keeps
// the distance to the border of each area. What is farther than limit metres is
// left out; the limit falls as more is learned.
type search struct {
	*Index
	frame
	limit  float64
	found  []Near // one for each area
	budget int    // words of nodes and leaves that may still be read

	// Of a search for the nearest areas: how many. Otherwise it is one for the
	// border of the owner, which is None at sea.
	nearest  int
	owner    int
	accuracy float64 // what is within it counts, however near the border is
	reach    float64 // the border counts within it
	border   float64 // at first infinitely far
}

// learned lowers the limit when an area's distance has become known or less.
func (s *search) learned(area int, metres float64) {
	if s.nearest > 0 {
		s.limit = min(s.limit, s.nth(s.nearest))
		return
	}
	if s.owner != None && area != s.owner && s.rank[area] >= s.rank[s.owner] {
		return // it lies under the owner, whose ground goes on
	}
	if metres < s.border {
		s.border = metres
		s.limit = min(s.limit, max(s.accuracy, metres+gapMetres))
	}
}

// run visits the top cells in square rings round the point's own.
func (s *search) run() {
	// Each node and leaf stands in one place, so that a search reads none twice.
	// A damaged file must not make it read them without end.
	s.budget = len(s.nodes) + len(s.leaves)
	side := float64(uint64(1) << s.shift)
	ox, oy := float64(s.originX)-0.5, float64(s.originY)-0.5
	if s.box(ox, oy, ox+side*float64(s.columns), oy+side*float64(s.rows)) > s.limit {
		return // and no ring need be looked at from afar
	}
	column, row := int(math.Floor((s.x-ox)/side)), int(math.Floor((s.y-oy)/side))
	for ring := s.firstRing(column, row); ; ring++ {
		s.ring(column, row, ring)
		// All that is left lies outside this box.
		x0, y0 := ox+float64(column-ring)*side, oy+float64(row-ring)*side
		x1, y1 := ox+float64(column+ring+1)*side, oy+float64(row+ring+1)*side
		out := min((s.x-x0)*s.leastX, (x1-s.x)*s.leastX, (s.y-y0)*s.leastY, (y1-s.y)*s.leastY)
		all := column-ring <= 0 && row-ring <= 0 && column+ring >= int(s.columns)-1 && row+ring >= int(s.rows)-1
		if out > s.limit || all {
			return
		}
	}
}

// firstRing is the first one that reaches the grid.
func (s *search) firstRing(column, row int) int {
	return max(0, -column, -row, column-int(s.columns)+1, row-int(s.rows)+1)
}

// ring visits the top cells that are exactly ring cells away.
func (s *search) ring(column, row, ring int) {
	for r := max(row-ring, 0); r <= min(row+ring, int(s.rows)-1); r++ {
		step := 1
		if r != row-ring && r != row+ring {
			step = 2 * ring // only the first and the last of the row
		}
		c := column - ring
		if c < 0 && step == 1 {
			c = 0
		}
		for ; c <= min(column+ring, int(s.columns)-1); c += max(step, 1) {
			if c >= 0 {
				s.topCell(c, r)
			}
		}
	}
}

func (s *search) topCell(column, row int) {
	entry := s.top[row*int(s.columns)+column]
	if !hasEdges(entry) {
		return
	}
	x := int64(s.originX) + int64(column)<<s.shift
	y := int64(s.originY) + int64(row)<<s.shift
	if s.square(x, y, s.shift) <= s.limit {
		s.cell(entry, x, y, s.shift)
	}
}

func hasEdges(entry uint32) bool {
	tag := entry >> tagShift
	return tag == tagNode || tag == tagLeaf
}

// square is a lower bound of the distance to a cell.
func (s *search) square(x, y int64, shift uint32) float64 {
	x0, y0, side := float64(x)-0.5, float64(y)-0.5, float64(uint64(1)<<shift)
	return s.box(x0, y0, x0+side, y0+side)
}

// cell visits a node's children, the nearest first, or a leaf.
func (s *search) cell(entry uint32, x, y int64, shift uint32) {
	number := entry & numMask
	if entry>>tagShift == tagLeaf {
		s.leaf(s.leafAt(number))
		return
	}
	if s.budget -= 16; s.budget < 0 || shift < minCell+2 || 16*(uint64(number)+1) > uint64(len(s.nodes)) {
		return
	}
	type child struct {
		metres float64
		at     int64
	}
	var children [16]child
	n := 0
	shift -= 2
	for i, e := range s.nodes[16*number : 16*number+16] {
		if !hasEdges(e) {
			continue
		}
		at := int64(i)
		metres := s.square(x+(at&3)<<shift, y+(at>>2)<<shift, shift)
		if metres > s.limit {
			continue
		}
		k := n
		for ; k > 0 && children[k-1].metres > metres; k-- {
			children[k] = children[k-1]
		}
		children[k] = child{metres, at}
		n++
	}
	for _, c := range children[:n] {
		if c.metres > s.limit {
			return
		}
		s.cell(s.nodes[16*number+uint32(c.at)], x+(c.at&3)<<shift, y+(c.at>>2)<<shift, shift)
	}
}

func (s *search) leaf(leaf []uint32) {
	if len(leaf) == 0 || s.budget < 0 {
		return
	}
	if !isWide(leaf) {
		areas, edges, _, _ := plain(leaf)
		s.edges(edges, areas)
		return
	}
	for w := newWideLeaf(leaf); s.budget >= 0 && w.next(); {
		s.edges(w.edges, w.area)
	}
}

// edges measures the edges that are borders and not surely farther than limit.
func (s *search) edges(edges, slots []uint32) {
	s.budget -= 1 + len(slots) + len(edges)
	for ; len(edges) >= edgeWords; edges = edges[edgeWords:] {
		borders := edges[4] >> flagBorder & flagBounds
		if borders == 0 {
			continue
		}
		x, y := float64(int32(edges[0])), float64(int32(edges[1]))
		ex, ey := float64(int32(edges[2]))-x, float64(int32(edges[3]))-y
		x, y = x-s.x, y-s.y
		metres, at := s.least(x, y, ex, ey)
		if metres > s.limit {
			continue
		}
		known := -1.0
		for slot, area := range slots {
			if borders>>slot&1 == 0 || int(area) >= len(s.codes) {
				continue
			}
			f := s.entry(int(area))
			if f.Metres <= metres {
				continue
			}
			if known < 0 {
				known = s.exact(x, y, ex, ey, at)
			}
			if known < f.Metres && known <= s.limit {
				f.Metres = known
				s.learned(int(area), known)
			}
		}
	}
}

// entry returns what is known of an area, at first that it is infinitely far.
func (s *search) entry(area int) *Near {
	for i := range s.found {
		if s.found[i].Area == area {
			return &s.found[i]
		}
	}
	s.found = append(s.found, Near{area, math.Inf(1)})
	return &s.found[len(s.found)-1]
}
