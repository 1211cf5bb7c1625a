package geo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paulmach/orb"
)

const maxProperties = 10_000

// feature is what is kept of a GeoJSON feature while it is read.
type feature struct {
	kind, geometry string
	id, code, name text
	properties     int
	hasGeometry    bool
	codeAt, nameAt int // place of the property found in the list of usual ones, plus one
}

// text is a property's value: a string, or a number as it was written.
type text struct {
	value   string
	numeric bool
}

// member reads one member of a feature.
func (f *featureReader) member(ft *feature, name string) {
	switch name {
	case "type":
		ft.kind = f.string()
	case "id":
		ft.id = f.value()
	case "properties":
		if f.next() == 'n' {
			f.word("null")
			return
		}
		f.object(func(property string) { f.property(ft, property) })
	case "geometry":
		if ft.hasGeometry {
			f.fail("a second geometry")
			return
		}
		ft.hasGeometry = true
		f.geometry(ft)
	default:
		f.skip(2)
	}
}

// property keeps the value of the best property for code and name.
func (f *featureReader) property(ft *feature, name string) {
	if ft.properties++; ft.properties > maxProperties {
		f.fail("more than %d properties", maxProperties)
		return
	}
	codeAt := place(name, f.opts.CodeProperty, codeProperties)
	nameAt := place(name, f.opts.NameProperty, nameProperties)
	if codeAt == 0 && nameAt == 0 {
		f.skip(3)
		return
	}
	v := f.value()
	if v.value == "" {
		return
	}
	if codeAt > 0 && (ft.codeAt == 0 || codeAt < ft.codeAt) {
		ft.code, ft.codeAt = v, codeAt
	}
	if nameAt > 0 && (ft.nameAt == 0 || nameAt < ft.nameAt) {
		ft.name, ft.nameAt = v, nameAt
	}
}

// place returns how good a property is, 1 being the best and 0 none.
func place(name, wanted string, usual func() []string) int {
	if wanted != "" {
		if strings.EqualFold(name, wanted) {
			return 1
		}
		return 0
	}
	return slices.Index(usual(), strings.ToLower(name)) + 1
}

// value reads a string or a number; anything else counts as none.
func (f *featureReader) value() text {
	switch c := f.next(); {
	case c == '"':
		return text{value: strings.TrimSpace(f.string())}
	case c == '-' || c >= '0' && c <= '9':
		return text{value: string(f.numberText()), numeric: true}
	default:
		f.skip(3)
		return text{}
	}
}

// area makes an Area of the parts of a feature.
func (ft *feature) area(opts ReadOptions, s *shape) (Area, error) {
	if ft.kind != "Feature" {
		return Area{}, fmt.Errorf("the type is %q, want Feature", ft.kind)
	}
	code := ft.code
	if code.value == "" && opts.CodeProperty == "" {
		code = ft.id
	}
	if code.value == "" {
		if opts.CodeProperty != "" {
			return Area{}, fmt.Errorf("no property %q with a code", opts.CodeProperty)
		}
		return Area{}, errors.New("no property with a code; say which one holds it")
	}
	if code.numeric && strings.Trim(code.value, "0123456789") != "" {
		return Area{}, fmt.Errorf("the code %s is a number, but not a whole one", code.value)
	}
	if missing := opts.PadCode - len(code.value); code.numeric && missing > 0 {
		code.value = strings.Repeat("0", min(missing, maxJSONNumber)) + code.value
	}
	name := ft.name.value
	if name == "" {
		if opts.NameProperty != "" {
			return Area{}, fmt.Errorf("code %s: no property %q with a name", code.value, opts.NameProperty)
		}
		name = code.value
	}
	polygons, err := s.polygons(ft.geometry)
	if err != nil {
		return Area{}, fmt.Errorf("code %s: %w", code.value, err)
	}
	return Area{Code: code.value, Name: name, Geometry: polygons}, nil
}

// geometry reads a geometry, whose type may stand after its coordinates.
func (f *featureReader) geometry(ft *feature) {
	if f.next() == 'n' {
		f.word("null")
		return
	}
	read := false
	f.object(func(member string) {
		switch {
		case member == "type":
			ft.geometry = f.string()
			if f.err == nil && ft.geometry != "Polygon" && ft.geometry != "MultiPolygon" {
				f.fail("geometry %q: only Polygon and MultiPolygon are areas", ft.geometry)
			}
		case member == "coordinates" && read:
			f.fail("coordinates given twice")
		case member == "coordinates":
			read = true
			f.coordinates()
		case member == "crs":
			f.crs()
		default:
			f.skip(3)
		}
	})
}

// shape collects the coordinates of a feature. The arrays are used again for
// the next one.
type shape struct {
	points      []orb.Point
	ringEnds    []int // in points
	polygonEnds []int // in ringEnds
	level       int   // how deep positions stand: 3 in a Polygon, 4 in a MultiPolygon; 0 before the first
	open        bool  // being read
}

func (s *shape) reset() {
	*s = shape{points: s.points[:0], ringEnds: s.ringEnds[:0], polygonEnds: s.polygonEnds[:0]}
}

// ringsBefore counts the rings of polygons that are complete.
func (s *shape) ringsBefore() int {
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
	if depth != s.level || depth < 3 {
		f.fail("a number where the coordinates of a Polygon or MultiPolygon have none")
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
	s.points = append(s.points, p)
}

// pointsBefore counts the points of rings that are complete.
func (s *shape) pointsBefore() int {
	if n := len(s.ringEnds); n > 0 {
		return s.ringEnds[n-1]
	}
	return 0
}

// endArray notes the end of a ring or polygon.
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
			f.fail("a ring without vertices")
		}
		s.ringEnds = append(s.ringEnds, len(s.points))
	case depth == s.level-2:
		if s.ringsBefore() == len(s.ringEnds) {
			f.fail("a polygon without rings")
		}
		s.polygonEnds = append(s.polygonEnds, len(s.ringEnds))
	}
}

// polygons checks the coordinates against the type and copies them.
func (s *shape) polygons(kind string) (orb.MultiPolygon, error) {
	want := map[string]int{"Polygon": 3, "MultiPolygon": 4}[kind]
	switch {
	case kind == "":
		return nil, errors.New("it has no geometry")
	case s.level == 0:
		return nil, errors.New("its geometry has no coordinates")
	case s.level != want:
		return nil, fmt.Errorf("its coordinates are nested %d deep, a %s's are %d", s.level, kind, want)
	}
	points := slices.Clone(s.points)
	out := make(orb.MultiPolygon, 0, len(s.polygonEnds))
	ring, from := 0, 0
	for _, end := range s.polygonEnds {
		polygon := make(orb.Polygon, 0, end-ring)
		for ; ring < end; ring++ {
			to := s.ringEnds[ring]
			polygon = append(polygon, orb.Ring(points[from:to:to]))
			from = to
		}
		out = append(out, polygon)
	}
	return out, nil
}
