package sweref

import (
	"errors"
	"fmt"
	"math"

	"github.com/paulmach/orb"
)

const (
	maxNesting = 16        // collections in collections
	maxAdded   = 1_000_000 // vertices that one geometry may get: for long edges of 200,000 km in all
)

// ToWGS84 converts a geometry to degrees of WGS 84, longitude first. Its x are
// eastings or longitudes and its y northings or latitudes; where they make sense
// only the other way round, over the whole geometry, they are swapped. Edges of a
// projected system that bend by a centimetre get vertices in between; those of a
// geographic one stay straight in degrees. The geometry itself is not changed, but
// that of a geographic system may be returned as it is.
//
// An error names the coordinate that is not finite, lies where the system has no
// meaning, or has its axes in another order than those before it. Coordinates of
// WGS 84 that would be in Sweden if they were swapped are refused: both ways make
// sense, but only one was meant.
func (s *System) ToWGS84(g orb.Geometry) (orb.Geometry, error) {
	look := &axes{system: s, straight: true, swapped: true, inSweden: s.epsg == codeWGS84}
	if err := walk(g, "", 0, look.see); err != nil {
		return nil, err
	}
	if look.seen == 0 {
		return g, nil
	}
	if look.straight && look.inSweden {
		return nil, fmt.Errorf("%s: the latitude comes before the longitude; write the longitude first", look.first)
	}
	if s.geographic && look.straight {
		return g, nil
	}
	c := &converter{system: s, swap: !look.straight, left: maxAdded}
	if out := c.geometry(g); c.err == nil {
		return out, nil
	}
	return nil, c.err
}

// place is a coordinate with where it stands.
type place struct {
	path   string // of the ring or line, such as "polygon 2, ring 0, "
	vertex int
	at     orb.Point
}

func (p place) String() string {
	return fmt.Sprintf("%svertex %d (%v, %v)", p.path, p.vertex, p.at[0], p.at[1])
}

// axes finds the order of the axes that makes sense of all coordinates.
type axes struct {
	system            *System
	straight, swapped bool // what the coordinates so far allow
	inSweden          bool // all of them would be in Sweden, if swapped
	seen              int
	first             place
}

// see looks at one coordinate.
func (a *axes) see(p place) error {
	x, y := p.at[0], p.at[1]
	if math.IsNaN(x) || math.IsInf(x, 0) || math.IsNaN(y) || math.IsInf(y, 0) {
		return fmt.Errorf("%s is not finite", p)
	}
	straight := a.system.x.holds(x) && a.system.y.holds(y)
	swapped := a.system.x.holds(y) && a.system.y.holds(x)
	if !straight && !swapped {
		return fmt.Errorf("%s is not a position in %s: x is from %.6g to %.6g there, y from %.6g to %.6g",
			p, a.system, a.system.x.min, a.system.x.max, a.system.y.min, a.system.y.max)
	}
	a.straight, a.swapped = a.straight && straight, a.swapped && swapped
	if !a.straight && !a.swapped {
		return fmt.Errorf("%s has its axes in another order than vertices before it, such as %s", p, a.first)
	}
	a.inSweden = a.inSweden && x >= 54.9 && x <= 69.1 && y >= 10 && y <= 24.2
	if a.seen++; a.seen == 1 {
		a.first = p
	}
	return nil
}

// walk calls see for each coordinate of a geometry.
func walk(g orb.Geometry, path string, depth int, see func(place) error) error {
	if depth > maxNesting {
		return fmt.Errorf("%scollections are nested more than %d deep", path, maxNesting)
	}
	switch g := g.(type) {
	case nil:
		return errors.New("there is no geometry")
	case orb.Point:
		return see(place{path, 0, g})
	case orb.MultiPoint:
		return vertices(g, path, see)
	case orb.LineString:
		return vertices(g, path, see)
	case orb.Ring:
		return vertices(g, path, see)
	case orb.MultiLineString:
		return parts(g, path, "line", depth, see)
	case orb.Polygon:
		return parts(g, path, "ring", depth, see)
	case orb.MultiPolygon:
		return parts(g, path, "polygon", depth, see)
	case orb.Collection:
		return parts(g, path, "geometry", depth, see)
	}
	return fmt.Errorf("%sgeometries of type %T cannot be converted", path, g)
}

func vertices(points []orb.Point, path string, see func(place) error) error {
	for i, p := range points {
		if err := see(place{path, i, p}); err != nil {
			return err
		}
	}
	return nil
}

func parts[G orb.Geometry](all []G, path, name string, depth int, see func(place) error) error {
	for i, g := range all {
		if err := walk(g, fmt.Sprintf("%s%s %d, ", path, name, i), depth+1, see); err != nil {
			return err
		}
	}
	return nil
}
