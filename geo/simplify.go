package geo

import "math"

// simplifyUnits is how far a simplified border may lie from the true one, in
// grid units, of which a tile is 4096 wide: at most half a pixel where a tile
// is shown 512 pixels wide.
const simplifyUnits = 4.0

// maxRun is how many vertices are simplified at once. The time that a run takes
// grows by the square of its length at worst.
const maxRun = 4096

// simplify drops vertices by Douglas and Peucker (1973): no vertex that is
// dropped is farther from the edge that replaces it than the tolerance, in grid
// units. Both ends of every arc stay, and of a closed one also the vertex
// farthest from its end.
func (a *arcs) simplify(tolerance float64) *arcs {
	out := &arcs{uses: a.uses, rings: a.rings}
	s := simplifier{limit: tolerance * tolerance}
	for i := range len(a.start) - 1 {
		out.start = append(out.start, uint32(len(out.points)))
		out.points = s.arc(out.points, a.of(uint32(i)))
	}
	out.start = append(out.start, uint32(len(out.points)))
	return out
}

type simplifier struct {
	limit float64 // the tolerance's square
	todo  [][2]int
}

// arc appends what is left of an arc.
func (s *simplifier) arc(out, arc []point) []point {
	last := len(arc) - 1
	out = append(out, arc[0])
	from := 0
	if arc[0] == arc[last] {
		if from, _ = farthest(arc, 0, last); from > 0 {
			out = s.runs(out, arc[:from+1])
		}
	}
	return s.runs(out, arc[from:])
}

// runs appends what is left of a stretch after its first vertex.
func (s *simplifier) runs(out, stretch []point) []point {
	for len(stretch) > maxRun {
		out = s.run(out, stretch[:maxRun])
		stretch = stretch[maxRun-1:]
	}
	return s.run(out, stretch)
}

// run keeps a list of what is still to be done, rightmost first, instead of
// calling itself: a stretch may be as deep as it is long.
func (s *simplifier) run(out, stretch []point) []point {
	s.todo = append(s.todo[:0], [2]int{0, len(stretch) - 1})
	for len(s.todo) > 0 {
		n := len(s.todo) - 1
		from, to := s.todo[n][0], s.todo[n][1]
		mid, square := farthest(stretch, from, to)
		if square > s.limit {
			s.todo[n] = [2]int{mid, to}
			s.todo = append(s.todo, [2]int{from, mid})
			continue
		}
		out = append(out, stretch[to])
		s.todo = s.todo[:n]
	}
	return out
}

// farthest returns which vertex between from and to is the farthest from the
// edge between the two, and the square of its distance; from and 0 if none is
// off the edge.
func farthest(line []point, from, to int) (at int, square float64) {
	at = from
	ax, ay := float64(line[from].x), float64(line[from].y)
	dx, dy := float64(line[to].x)-ax, float64(line[to].y)-ay
	length := dx*dx + dy*dy
	for i := from + 1; i < to; i++ {
		px, py := float64(line[i].x)-ax, float64(line[i].y)-ay
		if length > 0 {
			along := max(0, min(1, float64(px*dx+py*dy)/length))
			px, py = px-float64(along*dx), py-float64(along*dy)
		}
		if d := px*px + py*py; d > square {
			at, square = i, d
		}
	}
	return at, square
}

// ring puts a ring of the index together from its arcs; nil if nothing is left.
func (a *arcs) ring(r uint32, scratch []point) []point {
	var ignored ringRepairs
	out := scratch[:0]
	for _, u := range a.uses[a.rings[r]:a.rings[r+1]] {
		arc := a.of(u.arc())
		for i := range arc {
			p := arc[i]
			if u.backward() {
				p = arc[len(arc)-1-i]
			}
			out = push(out, p, &ignored)
		}
	}
	return tidy(out)
}

// keepAll puts the arcs of some rings back as they were before they were
// simplified.
func (a *arcs) keepAll(rings []uint32, whole *arcs) *arcs {
	if len(rings) == 0 {
		return a
	}
	keep := make([]bool, len(a.start)-1)
	for _, r := range rings {
		for _, u := range a.uses[a.rings[r]:a.rings[r+1]] {
			keep[u.arc()] = true
		}
	}
	out := &arcs{uses: a.uses, rings: a.rings}
	for i, kept := range keep {
		out.start = append(out.start, uint32(len(out.points)))
		from := a
		if kept {
			from = whole
		}
		out.points = append(out.points, from.of(uint32(i))...)
	}
	out.start = append(out.start, uint32(len(out.points)))
	return out
}

// vanished returns, of every area of which no ring is left, the ring that was
// the largest on the grid. An area that the grid itself is too coarse for is
// not among them.
func (t *Index) vanished(whole [][]point, simple *arcs) []uint32 {
	var out []uint32
	for area := range t.Len() {
		seen := false
		best, size := uint32(0), 0.0
		for part := t.areaPart[area]; part < t.areaPart[area+1] && !seen; part++ {
			r := t.partRing[part]
			ring := simple.ring(r, nil)
			seen = ring != nil && !flat(ring)
			if len(whole[r]) == 0 {
				continue
			}
			if s := math.Abs(twiceSigned(whole[r])); s > size {
				best, size = r, s
			}
		}
		if !seen && size > 0 {
			out = append(out, best)
		}
	}
	return out
}

// flat reports whether a ring encloses nothing.
func flat(ring []point) bool { return twiceSigned(ring) == 0 }
