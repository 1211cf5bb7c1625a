package demo

import "math"

// gridStep is the side of a bucket in metres; a bucket where people live holds
// a few sites.
const gridStep = 10_000.0

// grid sorts sites into square buckets, to find those near a point.
type grid struct {
	sites   []xy
	origin  xy
	size    int // buckets a side
	buckets [][]int
}

// newGrid makes a grid over sites.
func newGrid(sites []xy) *grid {
	g := &grid{sites: sites}
	if len(sites) == 0 {
		return g
	}
	low, high := sites[0], sites[0]
	for _, s := range sites {
		low = xy{min(low.x, s.x), min(low.y, s.y)}
		high = xy{max(high.x, s.x), max(high.y, s.y)}
	}
	g.origin = low
	g.size = int(max(high.x-low.x, high.y-low.y)/gridStep) + 1
	g.buckets = make([][]int, g.size*g.size)
	for i, s := range sites {
		x, y := g.bucketOf(s)
		g.buckets[y*g.size+x] = append(g.buckets[y*g.size+x], i)
	}
	return g
}

// bucketOf returns the column and row of a point; both may lie outside the grid.
func (g *grid) bucketOf(p xy) (x, y int) {
	d := p.minus(g.origin)
	return int(math.Floor(d.x / gridStep)), int(math.Floor(d.y / gridStep))
}

// ring returns the sites in the buckets that lie exactly n buckets from the one
// of p, in rows or columns. They are more than (n-1) steps away from p.
func (g *grid) ring(p xy, n int) []int {
	px, py := g.bucketOf(p)
	var found []int
	for y := max(py-n, 0); y <= min(py+n, g.size-1); y++ {
		step := 2 * n // only the two end columns
		if n == 0 || y == py-n || y == py+n {
			step = 1
		}
		for x := px - n; x <= px+n; x += step {
			if x >= 0 && x < g.size {
				found = append(found, g.buckets[y*g.size+x]...)
			}
		}
	}
	return found
}

// nearest returns the index of the site nearest to p, or noSite if there is
// none.
func (g *grid) nearest(p xy) int {
	best, bestSq := noSite, math.Inf(1)
	px, py := g.bucketOf(p)
	outside := max(-px, -py, px-g.size, py-g.size, 0)
	for n := 0; n <= g.size+outside; n++ {
		if d := float64(n-1) * gridStep; n > 0 && d > 0 && d*d > bestSq {
			break
		}
		for _, i := range g.ring(p, n) {
			if sq := g.sites[i].minus(p).squared(); sq < bestSq {
				best, bestSq = i, sq
			}
		}
	}
	return best
}
