package sweref

import (
	"fmt"
	"math"

	"github.com/paulmach/orb"
)

// How far an edge may bend, and between which lengths it is looked at.
//
// The image of a straight edge is a curve in longitude and latitude, whose
// distance from its chord is greatest near its middle, length² × curvature / 8:
// the curvature hardly changes along an edge. So an edge is halved until its
// middle is off by less than maxBend, which leaves a tenth of the centimetre for
// "hardly".
//
// The curvature is mainly that of the sphere, at most 1.155 tan(latitude) / R; the
// projection's own, distance from the central meridian / R², is 30 times smaller.
// At 71 degrees that is 5.3e-7 per metre: an edge of safeLength bends by 4 mm and
// needs no look. One longer than longestLook is halved without a look, as over such
// distances the curvature might change sign and the middle tell nothing.
const (
	maxBend     = 0.009  // metres
	safeLength  = 250.0  // metres
	longestLook = 20_000 // metres
)

// converter converts geometries whose coordinates were found plausible.
type converter struct {
	system *System
	swap   bool
	left   int // vertices that may still be added
	err    error
}

func (c *converter) geometry(g orb.Geometry) orb.Geometry {
	switch g := g.(type) {
	case orb.Point:
		return c.point(c.order(g))
	case orb.MultiPoint:
		out := make(orb.MultiPoint, len(g))
		for i, p := range g {
			out[i] = c.point(c.order(p))
		}
		return out
	case orb.LineString:
		return orb.LineString(c.line(g))
	case orb.Ring:
		return orb.Ring(c.line(g))
	case orb.MultiLineString:
		return each(g, func(l orb.LineString) orb.LineString { return c.line(l) })
	case orb.Polygon:
		return c.polygon(g)
	case orb.MultiPolygon:
		return orb.MultiPolygon(each(g, c.polygon))
	case orb.Collection:
		return orb.Collection(each(g, c.geometry))
	}
	return nil // walk has refused it
}

func (c *converter) polygon(g orb.Polygon) orb.Polygon {
	return each(g, func(r orb.Ring) orb.Ring { return c.line(r) })
}

func each[S ~[]E, E any](all S, convert func(E) E) S {
	out := make(S, len(all))
	for i, e := range all {
		out[i] = convert(e)
	}
	return out
}

// order puts the easting first.
func (c *converter) order(p orb.Point) orb.Point {
	if c.swap {
		return orb.Point{p[1], p[0]}
	}
	return p
}

func (c *converter) point(p orb.Point) orb.Point {
	lon, lat := c.system.Inverse(p[0], p[1])
	return orb.Point{lon, lat}
}

// line converts a line or ring and adds vertices where its edges bend.
func (c *converter) line(points []orb.Point) []orb.Point {
	out := make([]orb.Point, 0, len(points))
	var last vertex
	for i, p := range points {
		v := c.vertex(c.order(p))
		if i > 0 && !c.system.geographic {
			out = c.between(out, last, v)
		}
		out, last = append(out, v.world), v
	}
	return out
}

// vertex is a point in the plane of the projection and on the ellipsoid.
type vertex struct{ plane, world orb.Point }

func (c *converter) vertex(p orb.Point) vertex { return vertex{p, c.point(p)} }

// between appends the vertices that the edge from a to b needs. Halving is what
// makes them the same from b to a, bit for bit: a+b is b+a also when rounded,
// and both ways see the same pairs.
func (c *converter) between(out []orb.Point, a, b vertex) []orb.Point {
	length := math.Hypot(b.plane[0]-a.plane[0], b.plane[1]-a.plane[1])
	if length <= safeLength || c.err != nil {
		return out
	}
	middle := c.vertex(orb.Point{(a.plane[0] + b.plane[0]) / 2, (a.plane[1] + b.plane[1]) / 2})
	if length <= longestLook && bend(a.world, middle.world, b.world) < maxBend {
		return out
	}
	if c.left--; c.left < 0 {
		c.err = fmt.Errorf("its edges are so long that they need more than %d vertices in degrees", maxAdded)
		return out
	}
	out = c.between(out, a, middle)
	out = append(out, middle.world)
	return c.between(out, middle, b)
}

// bend returns how many metres a point is from the middle between two others, all
// of them in degrees and a few kilometres apart. The distance from their chord is
// no greater. A mean radius serves, as it only errs by 0.3 %.
func bend(a, middle, b orb.Point) float64 {
	const metresPerDegree = 6_380_000 * degree
	dLat := middle[1] - (a[1]+b[1])/2
	dLon := middle[0] - (a[0]+b[0])/2
	return metresPerDegree * math.Hypot(dLat, dLon*math.Cos(middle[1]*degree))
}
