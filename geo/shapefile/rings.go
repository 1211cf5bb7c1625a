package shapefile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// polygons sorts the rings of one shape into polygons: a ring that lies in an even
// number of others is the outside of a polygon, one in an odd number is a hole
// of the smallest that it lies in. Outsides come out counter-clockwise and holes
// clockwise. What the rings bound by the even-odd rule stays the same.
func polygons(rings []orb.Ring) (orb.MultiPolygon, error) {
	for i, r := range rings {
		if len(r) < 3 {
			return nil, fmt.Errorf("ring %d has only %d vertices", i, len(r))
		}
	}
	if len(rings) == 1 {
		direct(rings[0], false)
		return orb.MultiPolygon{{rings[0]}}, nil
	}
	n, err := nest(rings, maxLooks)
	if err != nil {
		return nil, err
	}
	var out orb.MultiPolygon
	polygon := make([]int, len(rings)) // which one a ring is the outside of
	for _, i := range n.order {
		hole := n.depth[i]%2 == 1
		direct(rings[i], hole)
		// Of rings that cross, a hole's surroundings may be no outside; even-odd
		// they are the same apart from each other.
		if parent := n.parent[i]; hole && n.depth[parent]%2 == 0 {
			out[polygon[parent]] = append(out[polygon[parent]], rings[i])
			continue
		}
		polygon[i] = len(out)
		out = append(out, orb.Polygon{rings[i]})
	}
	return out, nil
}

// direct reverses a ring that does not run counter-clockwise, or clockwise.
func direct(r orb.Ring, clockwise bool) {
	if (twiceArea(r) < 0) != clockwise {
		slices.Reverse(r)
	}
}

// twiceArea is positive where a ring runs counter-clockwise. Its terms are taken
// from the first vertex, for the sake of digits.
func twiceArea(r orb.Ring) float64 {
	sum := 0.0
	for i := range r {
		p, q := r[i], r[(i+1)%len(r)]
		sum += (p[0]-r[0][0])*(q[1]-r[0][1]) - (q[0]-r[0][0])*(p[1]-r[0][1])
	}
	return sum
}

// nesting says which rings lie in which.
type nesting struct {
	rings  []orb.Ring
	order  []int // of rings, by area, the largest first
	rank   []int // of a ring in that order
	depth  []int // in how many others a ring lies
	parent []int // the smallest of those, or -1

	// Edges by the horizontal strips that they touch, so that a point is compared
	// only with those beside it. The strips are as high as leaves five of them an
	// edge at most, whatever the edges are like.
	bottom, height float64
	starts         []int32 // of a strip in edges; one more than there are strips
	edges          []edge
	looks          int // that are left
}

// edge is the side of a ring that begins at a vertex.
type edge struct{ ring, vertex int32 }

// maxLooks is how often points may be compared with edges, a second or two. Ten
// thousand islands in a coast of 100,000 vertices need a hundredth of it.
const maxLooks = 1 << 28

func nest(rings []orb.Ring, looks int) (*nesting, error) {
	n := &nesting{
		looks: looks, rings: rings, order: make([]int, len(rings)), rank: make([]int, len(rings)),
		depth: make([]int, len(rings)), parent: make([]int, len(rings)),
	}
	area := make([]float64, len(rings))
	for i, r := range rings {
		n.order[i], area[i] = i, math.Abs(twiceArea(r))
	}
	slices.SortStableFunc(n.order, func(i, j int) int { return cmp.Compare(area[j], area[i]) })
	for rank, i := range n.order {
		n.rank[i] = rank
	}
	n.index()
	inside := make([]bool, len(rings))
	for i := range rings {
		if !n.place(i, inside) {
			return nil, errors.New("its rings lie so densely that they cannot be sorted into outsides and holes")
		}
	}
	return n, nil
}

// place finds the rings that a ring lies in. One point inside it tells: rings do
// not cross, and of two that hold the point the larger one holds the smaller.
// So the point lies on none of the larger rings, and rounding does not matter.
func (n *nesting) place(ring int, inside []bool) bool {
	p, level := interior(n.rings[ring])
	strip := n.strip(level)
	var around []int
	for _, e := range n.edges[n.starts[strip]:n.starts[strip+1]] {
		if n.looks--; n.looks < 0 {
			return false
		}
		other := int(e.ring)
		if n.rank[other] >= n.rank[ring] {
			continue // itself or smaller
		}
		r := n.rings[other]
		if x, ok := crossing(r[e.vertex], r[(int(e.vertex)+1)%len(r)], level); ok && x < p[0] {
			inside[other] = !inside[other]
			around = append(around, other)
		}
	}
	n.parent[ring] = -1
	for _, other := range around {
		if !inside[other] {
			continue
		}
		inside[other] = false // counted, and clean for the next ring
		n.depth[ring]++
		if n.parent[ring] < 0 || n.rank[other] > n.rank[n.parent[ring]] {
			n.parent[ring] = other
		}
	}
	return true
}

// interior returns a point inside a ring: the middle of the widest stretch inside
// it on a level half way up. level is its y.
func interior(r orb.Ring) (p orb.Point, level float64) {
	low, high := r[0][1], r[0][1]
	for _, v := range r {
		low, high = min(low, v[1]), max(high, v[1])
	}
	level = low + (high-low)/2
	var xs []float64
	for i := range r {
		if x, ok := crossing(r[i], r[(i+1)%len(r)], level); ok {
			xs = append(xs, x)
		}
	}
	slices.Sort(xs)
	p, widest := r[0], -1.0
	for i := 0; i+1 < len(xs); i += 2 {
		if w := xs[i+1] - xs[i]; w > widest {
			p, widest = orb.Point{xs[i] + w/2, level}, w
		}
	}
	return p, level
}

// crossing returns where an edge crosses a level. Edges own their lower end, so
// that a line through a vertex crosses one of its edges, or both or none at a tip.
func crossing(a, b orb.Point, level float64) (x float64, ok bool) {
	if (a[1] <= level) == (b[1] <= level) {
		return 0, false
	}
	return a[0] + (level-a[1])/(b[1]-a[1])*(b[0]-a[0]), true
}

// index sorts the edges into strips.
func (n *nesting) index() {
	count, heights := 0, 0.0
	low, high := math.Inf(1), math.Inf(-1)
	n.eachEdge(func(_ edge, from, to float64) {
		count++
		heights += to - from
		low, high = min(low, from), max(high, to)
	})
	strips := 1
	if heights > 0 {
		strips = max(1, int(min(float64(count), float64(count)*(high-low)/heights)))
	}
	n.bottom, n.height = low, (high-low)/float64(strips)
	n.starts = make([]int32, strips+1)
	n.eachStrip(func(strip int, _ edge) { n.starts[strip+1]++ })
	for i := range strips {
		n.starts[i+1] += n.starts[i]
	}
	n.edges = make([]edge, n.starts[strips])
	next := slices.Clone(n.starts)
	n.eachStrip(func(strip int, e edge) {
		n.edges[next[strip]] = e
		next[strip]++
	})
}

func (n *nesting) eachEdge(f func(e edge, from, to float64)) {
	for i, r := range n.rings {
		for v := range r {
			y1, y2 := r[v][1], r[(v+1)%len(r)][1]
			f(edge{int32(i), int32(v)}, min(y1, y2), max(y1, y2)) // fewer than 2^31 points in a record
		}
	}
}

func (n *nesting) eachStrip(f func(strip int, e edge)) {
	n.eachEdge(func(e edge, from, to float64) {
		for s, last := n.strip(from), n.strip(to); s <= last; s++ {
			f(s, e)
		}
	})
}

// strip returns the one that holds a level.
func (n *nesting) strip(level float64) int {
	if n.height <= 0 {
		return 0
	}
	return max(0, min(int((level-n.bottom)/n.height), len(n.starts)-2))
}
