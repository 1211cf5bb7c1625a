package geo

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// cycle is a closed border.
type cycle struct {
	halves       []int32 // of the group
	squareMetres float64 // positive counter-clockwise, round a region; negative round what is not in it
	perimeter    float64
	west, east   float64
	south, north float64
}

// trace links the halves of one key, in order, to cycles and those to regions.
func (t *tracer) trace(group []half) ([]region, error) {
	var outer, inner []cycle
	done := make([]bool, len(group))
	for i := range group {
		if done[i] {
			continue
		}
		var c cycle
		for h := int32(i); !done[h]; h = t.next(group, h) {
			done[h] = true
			c.halves = append(c.halves, h)
		}
		t.measure(group, &c)
		switch {
		case c.squareMetres >= leastRegion:
			outer = append(outer, c)
		case c.squareMetres <= -leastRegion:
			inner = append(inner, c)
		}
	}
	holes, err := t.nest(group, outer, inner)
	if err != nil {
		return nil, err
	}
	out := make([]region, 0, len(outer))
	for i, c := range outer {
		r := region{key: group[0].key, squareMetres: c.squareMetres, perimeter: c.perimeter}
		for _, h := range holes[i] {
			r.squareMetres += h.squareMetres
			r.perimeter += h.perimeter
		}
		r.at = t.inside(group, append([]cycle{c}, holes[i]...))
		r.beside = besides(group, c, holes[i])
		out = append(out, r)
	}
	return out, nil
}

// next follows a border with the region on its left: from the end of a half, the
// first one clockwise from the way back.
func (t *tracer) next(group []half, h int32) int32 {
	at := group[h]
	from, _ := slices.BinarySearchFunc(group, at.to, func(g half, n uint32) int { return cmp.Compare(g.from, n) })
	to := from + 1
	for to < len(group) && group[to].from == at.to {
		to++
	}
	back := t.direction(at.edge, !at.backward)
	for k := to - 1; k > from; k-- {
		if compareDirections(t.direction(group[k].edge, group[k].backward), back) < 0 {
			return int32(k)
		}
	}
	if compareDirections(t.direction(group[from].edge, group[from].backward), back) < 0 {
		return int32(from)
	}
	return int32(to - 1)
}

// measure computes size, length and box of a cycle.
func (t *tracer) measure(group []half, c *cycle) {
	first := t.coords[group[c.halves[0]].from]
	c.west, c.east, c.south, c.north = first[0], first[0], first[1], first[1]
	base := belt(first[1] * radiansPerUnit)
	for _, h := range c.halves {
		p, q := t.coords[group[h].from], t.coords[group[h].to]
		c.squareMetres += underEdge(p, q, base)
		m, n := curvature((p[1] + q[1]) / 2 * radiansPerUnit)
		east := (q[0] - p[0]) * n * math.Cos((p[1]+q[1])/2*radiansPerUnit)
		c.perimeter += math.Hypot(east, (q[1]-p[1])*m) * radiansPerUnit
		c.west, c.east = min(c.west, q[0]), max(c.east, q[0])
		c.south, c.north = min(c.south, q[1]), max(c.north, q[1])
	}
}

// underEdge is the size in square metres between an edge and the parallel at
// which belt is base, positive where the edge runs west. A sliver between a long
// edge and many short ones is told from nothing only by Simpson's rule on parts
// of at most a twentieth of a degree.
func underEdge(p, q [2]float64, base float64) float64 {
	const part = unitsPerDegree / 20
	steps := math.Ceil(max(1, math.Abs(q[1]-p[1])/part))
	sum, y := 0.0, (q[1]-p[1])/steps
	low := belt(p[1]*radiansPerUnit) - base
	for k := range int(steps) {
		from := p[1] + float64(k)*y
		middle, high := belt((from+y/2)*radiansPerUnit)-base, belt((from+y)*radiansPerUnit)-base
		sum += (low + 4*middle + high) / 6
		low = high
	}
	return (p[0] - q[0]) / steps * radiansPerUnit * sum
}

// nest finds the region in which each inner cycle lies; none holds those that
// border the unbounded one.
func (t *tracer) nest(group []half, outer, inner []cycle) ([][]cycle, error) {
	holes := make([][]cycle, len(outer))
	width := func(c cycle) float64 { return c.east - c.west }
	slices.SortFunc(outer, func(a, b cycle) int { return cmp.Compare(width(b), width(a)) }) // the widest first
	for _, c := range inner {
		p := t.besideLongest(group, c)
		in := -1
		for i, over := range outer {
			t.budget--
			if width(over) < width(c) {
				break
			}
			if over.west > c.west || over.east < c.east || over.south > c.south || over.north < c.north {
				continue
			}
			t.budget -= len(over.halves)
			if t.holds(group, over, p) && (in < 0 || over.squareMetres < outer[in].squareMetres) {
				in = i
			}
		}
		if t.budget < 0 {
			return nil, errTangled
		}
		if in >= 0 {
			holes[in] = append(holes[in], c)
		}
	}
	return holes, nil
}

// besideLongest is the middle of a cycle's longest piece, which no other cycle
// of the group runs through.
func (t *tracer) besideLongest(group []half, c cycle) [2]float64 {
	var longest float64
	var at [2]float64
	for _, h := range c.halves {
		p, q := t.coords[group[h].from], t.coords[group[h].to]
		if l := math.Hypot(p[0]-q[0], p[1]-q[1]); l >= longest {
			longest, at = l, [2]float64{(p[0] + q[0]) / 2, (p[1] + q[1]) / 2}
		}
	}
	return at
}

func (t *tracer) holds(group []half, c cycle, at [2]float64) bool {
	odd := false
	for _, h := range c.halves {
		p, q := t.coords[group[h].from], t.coords[group[h].to]
		if (p[1] > at[1]) != (q[1] > at[1]) && at[0] < crossAt(p, q, at[1]) {
			odd = !odd
		}
	}
	return odd
}

// crossAt is where an edge crosses a parallel.
func crossAt(p, q [2]float64, y float64) float64 { return p[0] + (y-p[1])/(q[1]-p[1])*(q[0]-p[0]) }

// inside returns a place in a region, as far from its border as a few parallels
// between its vertices tell: the middle of the widest part of one.
func (t *tracer) inside(group []half, cycles []cycle) orb.Point {
	var ys []float64
	for _, h := range cycles[0].halves {
		ys = append(ys, t.coords[group[h].from][1])
	}
	slices.Sort(ys)
	ys = slices.Compact(ys)
	widest := 1 // the gap between two vertices that is the highest
	for k := range ys[1:] {
		if ys[k+1]-ys[k] > ys[widest]-ys[widest-1] {
			widest = k + 1
		}
	}
	const tries = 8
	most, at := -1.0, orb.Point{}
	for i := range tries + 1 {
		k := widest
		if i < tries {
			k = 1 + (len(ys)-1)*(2*i+1)/(2*tries)
		}
		x, width := t.widest(group, cycles, (ys[k-1]+ys[k])/2)
		if room := min(width, ys[k]-ys[k-1]); room > most {
			most, at = room, orb.Point{x / unitsPerDegree, (ys[k-1] + ys[k]) / 2 / unitsPerDegree}
		}
	}
	return at
}

// widest finds the middle and the width of the widest part of a region on a
// parallel that no vertex lies on.
func (t *tracer) widest(group []half, cycles []cycle, y float64) (middle, width float64) {
	var xs []float64
	for _, c := range cycles {
		if c.south > y || c.north < y {
			continue
		}
		for _, h := range c.halves {
			if p, q := t.coords[group[h].from], t.coords[group[h].to]; (p[1] > y) != (q[1] > y) {
				xs = append(xs, crossAt(p, q, y))
			}
		}
	}
	slices.Sort(xs)
	for i := 0; i+1 < len(xs); i += 2 {
		if w := xs[i+1] - xs[i]; w > width {
			middle, width = (xs[i]+xs[i+1])/2, w
		}
	}
	return middle, width
}

// besides lists what lies beyond the border of a region.
func besides(group []half, outer cycle, holes []cycle) []uint32 {
	var out []uint32
	for _, c := range append([]cycle{outer}, holes...) {
		for _, h := range c.halves {
			out = append(out, group[h].beside)
		}
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out
}
