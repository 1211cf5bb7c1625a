package geo

import "fmt"

const maxProperties = 10_000

// feature is what is kept of a GeoJSON feature while it is read.
type feature struct {
	kind, geometry string
	identity
	properties  int
	hasGeometry bool
}

// member reads one member of a feature.
func (f *featureReader) member(ft *feature, name string) {
	switch name {
	case "type":
		ft.kind = f.string()
	case "id":
		ft.id = f.value(name)
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
	if ft.wants(name) {
		ft.consider(f.value(name))
	} else {
		f.skip(3)
	}
}

// value reads a string or a number; anything else counts as none.
func (f *featureReader) value(name string) Property {
	switch c := f.next(); {
	case c == '"':
		return Property{Name: name, Value: f.string()}
	case c == '-' || c >= '0' && c <= '9':
		return Property{Name: name, Value: string(f.numberText()), Numeric: true}
	default:
		f.skip(3)
		return Property{}
	}
}

// feature makes a Feature of the parts that were read.
func (ft *feature) feature(s *shape) (Feature, error) {
	if ft.kind != "Feature" {
		return Feature{}, fmt.Errorf("the type is %q, want Feature", ft.kind)
	}
	code, name, err := ft.result()
	if err != nil {
		return Feature{}, err
	}
	geometry, err := s.geometry(ft.geometry, ft.opts.Kind)
	if err != nil {
		return Feature{}, fmt.Errorf("code %s: %w", code, err)
	}
	return Feature{Code: code, Name: name, Geometry: geometry}, nil
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
			if one, many := geometryTypes(f.opts.Kind); f.err == nil && ft.geometry != one && ft.geometry != many {
				f.fail("geometry %q: only %s and %s are %v", ft.geometry, one, many, f.opts.Kind)
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
