package geo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
)

// geometryTypes returns the names in RFC 7946 of what features of a kind are.
func geometryTypes(k Kind) (one, many string) {
	switch k {
	case Lines:
		return "LineString", "MultiLineString"
	case Points:
		return "Point", "MultiPoint"
	}
	return "Polygon", "MultiPolygon"
}

// depthOf returns how many arrays a position of the single geometry of a kind
// stands in, its own counted: 1 in a Point, 2 in a LineString, 3 in a Polygon.
// In the geometry of many it is one more.
func depthOf(k Kind) int { return 3 - int(k) }

// shape collects the coordinates of a feature. The arrays are used again for
// the next one.
type shape struct {
	points      []orb.Point
	pathEnds    []int // of rings or lines, in points
	polygonEnds []int // in pathEnds
	level       int   // how deep positions stand, see depthOf; 0 before the first
	open        bool  // being read
}

func (s *shape) reset() {
	*s = shape{points: s.points[:0], pathEnds: s.pathEnds[:0], polygonEnds: s.polygonEnds[:0]}
}

// pathsBefore counts the rings of polygons that are complete.
func (s *shape) pathsBefore() int {
	if n := len(s.polygonEnds); n > 0 {
		return s.polygonEnds[n-1]
	}
	return 0
}

// coordinates reads the arrays of a geometry down to its positions.
func (f *featureReader) coordinates() {
	f.shape.open = true
	f.array(1)
	if f.err == nil {
		f.shape.open = false
	}
}

// array reads one array of coordinates, which stands in depth-1 others.
func (f *featureReader) array(depth int) {
	const deepest = 4
	if depth > deepest {
		f.fail("coordinates are nested more than %d deep", deepest)
		return
	}
	f.expect('[')
	if c := f.next(); c != '[' && c != ']' {
		f.position(depth)
		f.expect(']')
		return
	}
	for first := true; f.more(']', first); first = false {
		f.array(depth + 1)
	}
	f.endArray(depth)
}

// position reads the numbers of one vertex, up to the closing bracket.
func (f *featureReader) position(depth int) {
	s := &f.shape
	if f.err != nil {
		return
	}
	if s.level == 0 {
		s.level = depth
	}
	if least := depthOf(f.opts.Kind); depth != s.level || depth < least || depth > least+1 {
		one, many := geometryTypes(f.opts.Kind)
		f.fail("a number where the coordinates of a %s or %s have none", one, many)
		return
	}
	if len(s.points) >= f.opts.MaxVertices {
		f.fail("more than %d vertices", f.opts.MaxVertices)
		return
	}
	p := orb.Point{f.number(), 0}
	f.expect(',')
	p[1] = f.number()
	for extra := 0; f.err == nil && f.next() == ','; extra++ {
		f.pos++
		f.number() // height or measure
		if extra > 4 {
			f.fail("a position of too many numbers")
		}
	}
	if f.err == nil && !onEarth(p) {
		f.fail("vertex %d (%g, %g) %w", len(s.points)-s.pointsBefore(), p[0], p[1], errOutsideWorld)
	}
	if f.err == nil {
		s.points = append(s.points, p)
	}
}

// pointsBefore counts the points of rings and lines that are complete.
func (s *shape) pointsBefore() int {
	if n := len(s.pathEnds); n > 0 {
		return s.pathEnds[n-1]
	}
	return 0
}

// endArray notes the end of a ring, line or polygon. In the coordinates of lines
// and points the outermost arrays end a polygon, too, which nobody looks at.
func (f *featureReader) endArray(depth int) {
	s := &f.shape
	if f.err != nil {
		return
	}
	switch {
	case s.level == 0 && depth > 1, s.level != 0 && depth >= s.level:
		f.fail("an empty array among the coordinates")
	case depth == s.level-1:
		if s.pointsBefore() == len(s.points) {
			f.fail("a ring or line without vertices")
			return
		}
		s.pathEnds = append(s.pathEnds, len(s.points))
	case depth == s.level-2:
		if s.pathsBefore() == len(s.pathEnds) {
			f.fail("a polygon without rings")
			return
		}
		s.polygonEnds = append(s.polygonEnds, len(s.pathEnds))
	}
}

// geometry checks the coordinates against the type and copies them.
func (s *shape) geometry(name string, kind Kind) (orb.Geometry, error) {
	want := depthOf(kind)
	if _, many := geometryTypes(kind); name == many {
		want++
	}
	switch {
	case name == "":
		return nil, errors.New("it has no geometry")
	case s.level == 0:
		return nil, errors.New("its geometry has no coordinates")
	case s.level != want:
		return nil, fmt.Errorf("its coordinates are nested %d deep, a %s's are %d", s.level, name, want)
	}
	points := slices.Clone(s.points)
	switch kind {
	case Lines:
		return s.lines(points), nil
	case Points:
		return orb.MultiPoint(points), nil
	}
	return s.polygons(points), nil
}

func (s *shape) polygons(points []orb.Point) orb.MultiPolygon {
	out := make(orb.MultiPolygon, 0, len(s.polygonEnds))
	ring, from := 0, 0
	for _, end := range s.polygonEnds {
		polygon := make(orb.Polygon, 0, end-ring)
		for ; ring < end; ring++ {
			to := s.pathEnds[ring]
			polygon = append(polygon, orb.Ring(points[from:to:to]))
			from = to
		}
		out = append(out, polygon)
	}
	return out
}

func (s *shape) lines(points []orb.Point) orb.MultiLineString {
	out := make(orb.MultiLineString, 0, len(s.pathEnds))
	from := 0
	for _, to := range s.pathEnds {
		out = append(out, orb.LineString(points[from:to:to]))
		from = to
	}
	return out
}
