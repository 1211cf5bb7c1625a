package demo

import (
	"cmp"
	"slices"
)

// borderEdge is a directed piece of the border of an area, which lies to the
// left of it.
type borderEdge struct{ from, to gridPoint }

// crossing is where the border between two areas meets a side of the outline,
// at t of the way along that side.
type crossing struct {
	t  float64
	at xy
}

// partition divides the outline, a simple counter-clockwise polygon, among the
// areas: each point goes to the area (owners) of its nearest site. It returns
// the border edges of each area. Every edge between two areas is computed once
// and given to both, in opposite directions, so their borders agree exactly.
func partition(sites []xy, owners []int, outline []xy) [][]borderEdge {
	areas := 0
	for _, o := range owners {
		areas = max(areas, o+1)
	}
	p := &partitioner{
		grid: newGrid(sites), owners: owners, outline: outline,
		crossings: make([][]crossing, len(outline)),
		borders:   make([][]borderEdge, areas),
	}
	for i := range sites {
		p.divide(i)
	}
	for k := range outline {
		p.follow(k)
	}
	return p.borders
}

type partitioner struct {
	grid      *grid
	owners    []int
	outline   []xy
	crossings [][]crossing   // by side of the outline
	borders   [][]borderEdge // by area
}

// divide adds the edges of the cell of site i that separate its area from
// another one. Each is added from the site with the lower index.
func (p *partitioner) divide(i int) {
	sides := p.grid.cell(i)
	for k, s := range sides {
		if s.neighbour <= i || p.owners[s.neighbour] == p.owners[i] {
			continue
		}
		p.clip(s.from, sides[(k+1)%len(sides)].from, p.owners[i], p.owners[s.neighbour])
	}
}

// clip adds the parts of the segment from a to b that lie inside the outline as
// edges between the areas left and right, and notes where it crosses.
func (p *partitioner) clip(a, b xy, left, right int) {
	var cuts []crossing
	for k, from := range p.outline {
		to := p.outline[(k+1)%len(p.outline)]
		t, u, ok := intersect(a, b, from, to)
		if !ok {
			continue
		}
		at := a.to(b, t)
		cuts = append(cuts, crossing{t, at})
		p.crossings[k] = append(p.crossings[k], crossing{u, at})
	}
	sortCrossings(cuts)
	inside := within(a, p.outline)
	from := a
	for _, c := range append(cuts, crossing{1, b}) {
		if inside {
			p.add(left, from, c.at)
			p.add(right, c.at, from)
		}
		inside, from = !inside, c.at
	}
}

// follow adds the pieces of side k of the outline to the areas inside of it.
func (p *partitioner) follow(k int) {
	from, end := p.outline[k], p.outline[(k+1)%len(p.outline)]
	sortCrossings(p.crossings[k])
	for _, c := range append(p.crossings[k], crossing{1, end}) {
		owner := p.owners[p.grid.nearest(from.to(c.at, 0.5))]
		p.add(owner, from, c.at)
		from = c.at
	}
}

// add gives an edge to an area, unless rounding shrinks it to a point.
func (p *partitioner) add(area int, from, to xy) {
	e := borderEdge{unproject(from), unproject(to)}
	if e.from != e.to {
		p.borders[area] = append(p.borders[area], e)
	}
}

func sortCrossings(cs []crossing) {
	slices.SortFunc(cs, func(a, b crossing) int { return cmp.Compare(a.t, b.t) })
}

// intersect returns where the segments a–b and c–d cross, as the share of the
// way along each. Each segment owns its first end and not its last.
func intersect(a, b, c, d xy) (t, u float64, ok bool) {
	ab, cd, ac := b.minus(a), d.minus(c), c.minus(a)
	den := ab.cross(cd)
	if den == 0 {
		return 0, 0, false
	}
	t, u = ac.cross(cd)/den, ac.cross(ab)/den
	return t, u, t >= 0 && t < 1 && u >= 0 && u < 1
}

// within reports whether p lies inside a polygon, by the even-odd rule.
func within(p xy, polygon []xy) bool {
	inside := false
	for k, a := range polygon {
		b := polygon[(k+1)%len(polygon)]
		if (a.y > p.y) != (b.y > p.y) && p.x < a.x+(b.x-a.x)*(p.y-a.y)/(b.y-a.y) {
			inside = !inside
		}
	}
	return inside
}
