package demo

import (
	"math"
	"slices"
)

// farAway is the half side in metres of the square that bounds a cell before
// its neighbours cut it. It reaches well beyond the outline on all sides.
const farAway = 4e6

// noSite is the neighbour across a side of that square.
const noSite = -1

// cellSide is one side of a cell: it begins at from and the site across it is
// neighbour, or noSite.
type cellSide struct {
	from      xy
	neighbour int
}

// cell returns the part of the plane that is nearer to site i than to any other
// site, as the sides of a convex polygon, counter-clockwise.
func (g *grid) cell(i int) []cellSide {
	site := g.sites[i]
	sides := []cellSide{
		{xy{site.x - farAway, site.y - farAway}, noSite},
		{xy{site.x + farAway, site.y - farAway}, noSite},
		{xy{site.x + farAway, site.y + farAway}, noSite},
		{xy{site.x - farAway, site.y + farAway}, noSite},
	}
	spare := make([]cellSide, 0, 16)
	reach := farthest(sides, site)
	for ring := 0; ring <= g.size; ring++ {
		// A site beyond twice the reach of the cell cannot cut it.
		if float64(ring-1)*gridStep > 2*reach {
			break
		}
		for _, j := range g.ring(site, ring) {
			if j == i || g.sites[j].minus(site).squared() > 4*reach*reach {
				continue
			}
			cut := g.cut(sides, spare[:0], i, j)
			if len(cut) != len(sides) || !slices.Equal(cut, sides) {
				reach = farthest(cut, site)
			}
			sides, spare = cut, sides
		}
	}
	return sides
}

// cut keeps the part of a cell of site i that is nearer to i than to j and
// appends it to out.
func (g *grid) cut(sides, out []cellSide, i, j int) []cellSide {
	for k, s := range sides {
		next := sides[(k+1)%len(sides)]
		in := g.nearer(s.from, i, j)
		nextIn := g.nearer(next.from, i, j)
		if in {
			out = append(out, s)
		}
		switch {
		case in && !nextIn: // leaves: the new side begins here
			out = append(out, cellSide{g.corner(i, j, s.neighbour, s.from, next.from), j})
		case !in && nextIn: // comes back: the rest of this side
			out = append(out, cellSide{g.corner(i, j, s.neighbour, s.from, next.from), s.neighbour})
		}
	}
	return out
}

// nearer reports whether p is at least as near to site i as to site j.
func (g *grid) nearer(p xy, i, j int) bool {
	return p.minus(g.sites[i]).squared() <= p.minus(g.sites[j]).squared()
}

// corner returns the point on a side of the cell of i, from a to b with site k
// across it, that is as near to j as to i. Where three sites meet it is
// computed from the three in ascending order, so that all three cells get the
// same bits.
func (g *grid) corner(i, j, k int, a, b xy) xy {
	if k == noSite {
		si, sj := g.sites[i], g.sites[j]
		da := a.minus(si).squared() - a.minus(sj).squared()
		db := b.minus(si).squared() - b.minus(sj).squared()
		return a.to(b, da/(da-db))
	}
	three := [3]int{i, j, k}
	slices.Sort(three[:])
	return circumcentre(g.sites[three[0]], g.sites[three[1]], g.sites[three[2]])
}

// circumcentre returns the point with the same distance to a, b and c.
func circumcentre(a, b, c xy) xy {
	b, c = b.minus(a), c.minus(a)
	d := 2 * b.cross(c)
	bb, cc := b.squared(), c.squared()
	return xy{a.x + (c.y*bb-b.y*cc)/d, a.y + (b.x*cc-c.x*bb)/d}
}

// farthest returns the greatest distance of a corner from the site.
func farthest(sides []cellSide, site xy) float64 {
	most := 0.0
	for _, s := range sides {
		most = max(most, s.from.minus(site).squared())
	}
	return math.Sqrt(most)
}
