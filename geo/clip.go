package geo

import (
	"math"
	"slices"

	"github.com/paulmach/orb"
)

// window is a box on the plane in which a ring is wanted.
type window struct{ min, max orb.Point }

// clipper cuts rings to a window by Sutherland and Hodgman (1974): side by
// side. A ring that leaves the window and comes back is joined along its sides.
type clipper struct{ in, out []orb.Point }

// clip returns what lies in the window, not closed, good until the next call;
// empty if nothing does.
func (c *clipper) clip(ring []point, w window) []orb.Point {
	c.in = slices.Grow(c.in[:0], len(ring))
	for _, p := range ring {
		c.in = append(c.in, orb.Point{float64(p.x), float64(p.y)})
	}
	for axis := range 2 {
		c.half(axis, w.min[axis], 1)
		c.half(axis, w.max[axis], -1)
	}
	return c.in
}

// half keeps what is above a limit of one coordinate, or below for sign -1.
func (c *clipper) half(axis int, limit, sign float64) {
	c.out = c.out[:0]
	if len(c.in) > 0 {
		a := c.in[len(c.in)-1]
		inside := (a[axis]-limit)*sign >= 0
		for _, b := range c.in {
			enters := (b[axis]-limit)*sign >= 0
			if enters != inside {
				c.out = append(c.out, crossing(a, b, axis, limit))
			}
			if enters {
				c.out = append(c.out, b)
			}
			a, inside = b, enters
		}
	}
	c.in, c.out = c.out, c.in
}

// crossing returns where an edge meets the limit. It is the same from both ends
// of the edge, so that neighbours are cut alike.
func crossing(a, b orb.Point, axis int, limit float64) orb.Point {
	if a[axis] > b[axis] {
		a, b = b, a
	}
	other := 1 - axis
	share := (limit - a[axis]) / (b[axis] - a[axis])
	var p orb.Point
	p[axis] = limit
	p[other] = a[other] + float64(share*(b[other]-a[other]))
	return p
}

// extent is the box round of a ring in whole units.
type extent struct{ min, max point }

func extentOf(ring []point) extent {
	b := extent{ring[0], ring[0]}
	for _, p := range ring[1:] {
		b.min.x, b.min.y = min(b.min.x, p.x), min(b.min.y, p.y)
		b.max.x, b.max.y = max(b.max.x, p.x), max(b.max.y, p.y)
	}
	return b
}

func (b extent) meets(w window) bool {
	return float64(b.min.x) <= w.max[0] && float64(b.max.x) >= w.min[0] &&
		float64(b.min.y) <= w.max[1] && float64(b.max.y) >= w.min[1]
}

// tileRing rounds a clipped ring to tile coordinates, of which y points south,
// and closes it. Outer rings have a positive area by the surveyor's formula and
// holes a negative one, as the Mapbox Vector Tile specification 2.1, section
// 4.3.4.4, wants them. It is nil if nothing is enclosed.
func tileRing(ring []orb.Point, hole bool, toTile func(orb.Point) orb.Point) orb.Ring {
	out := make(orb.Ring, 0, len(ring)+1)
	for _, p := range ring {
		p = toTile(p)
		p = orb.Point{math.Round(p[0]), math.Round(p[1])}
		if n := len(out); n == 0 || out[n-1] != p {
			out = append(out, p)
		}
	}
	for len(out) > 1 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	if len(out) < 3 {
		return nil
	}
	out = append(out, out[0])
	switch area := surveyed(out); {
	case area == 0:
		return nil
	case (area < 0) != hole:
		out.Reverse()
	}
	return out
}

// surveyed is twice the area of a closed ring.
func surveyed(ring orb.Ring) float64 {
	sum := 0.0
	for i := 1; i < len(ring); i++ {
		a, b := ring[i-1], ring[i]
		sum += a[0]*b[1] - b[0]*a[1]
	}
	return sum
}
