package sweref

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// ByWKT returns the system that well-known text defines, as it stands in the .prj
// of a Shapefile or in a database: WKT 1 of OGC and of ESRI, and WKT 2. The heights
// of a compound system are ignored.
//
// A system is known by its numbers: projection, parameters, ellipsoid, prime
// meridian, units. A code of EPSG must agree with them, and alone decides only
// where no numbers stand. A name never decides, as many write "unnamed", but
// one that contradicts is refused, and the datum must be one of those that are
// taken as WGS 84, or none.
func ByWKT(wkt string) (*System, error) {
	root, err := parseWKT(wkt)
	if err != nil {
		return nil, fmt.Errorf("read the definition of a coordinate system: %w", err)
	}
	s, err := recognise(horizontal(root))
	if err != nil {
		return nil, fmt.Errorf("coordinate system %.100q: %w", root.name(), err)
	}
	return s, nil
}

var errNotSupported = errors.New("is not supported; convert to SWEREF 99 TM (EPSG:3006)")

// horizontal returns the part of a compound or bound system that says how
// positions are written.
func horizontal(n node) node {
	for range maxWKTDepth {
		inner := node{}
		found := false
		switch n.keyword {
		case "COMPD_CS", "COMPOUNDCRS", "SOURCECRS":
			inner, found = n.child("PROJCS", "GEOGCS", "PROJCRS", "PROJECTEDCRS", "GEOGCRS", "GEOGRAPHICCRS", "GEODCRS", "GEODETICCRS", "BOUNDCRS")
		case "BOUNDCRS":
			inner, found = n.child("SOURCECRS")
		}
		if !found {
			return n
		}
		n = inner
	}
	return n
}

// recognise finds the system of one definition.
func recognise(n node) (*System, error) {
	code := n.epsg()
	var claimed *System
	if code != 0 {
		var err error
		if claimed, err = ByEPSG(code); err != nil {
			return nil, unsupported(code, n.name())
		}
		if len(n.children) == 1 { // the code alone
			return claimed, nil
		}
	}
	if strings.Contains(plain(n.name()), "rt90") || strings.Contains(plain(n.name()), "rt38") {
		return nil, fmt.Errorf("it %w", errNotSupported)
	}
	s, err := byNumbers(n)
	if err != nil {
		return nil, err
	}
	if claimed != nil && claimed.geographic && s.geographic {
		return claimed, nil
	}
	if claimed != nil && claimed.epsg != s.epsg {
		return nil, fmt.Errorf("its code is that of %s, but its parameters are those of %s", claimed, s)
	}
	return s, contradiction(n.name(), s)
}

// contradiction refuses a name that is another system's.
func contradiction(name string, s *System) error {
	for _, other := range supported() {
		if other.epsg != s.epsg && !other.geographic && plain(other.name) == plain(name) {
			return fmt.Errorf("its name is that of %s, but its parameters are those of %s", other, s)
		}
	}
	return nil
}

func byNumbers(n node) (*System, error) {
	if err := n.all(usualUnits); err != nil {
		return nil, err
	}
	switch n.keyword {
	case "GEOGCS", "GEOGCRS", "GEOGRAPHICCRS", "GEODCRS", "GEODETICCRS":
		return geographicByNumbers(n)
	case "PROJCS", "PROJCRS", "PROJECTEDCRS":
		return projectedByNumbers(n)
	}
	return nil, fmt.Errorf("a system of the kind %.30q %w", n.keyword, errNotSupported)
}

// usualUnits refuses feet, gon, shifted datums and axes that point south or west.
func usualUnits(n node) error {
	const degreeUnit, tolerance = degree, 1e-10
	unit := math.NaN()
	if len(n.numbers) > 0 {
		unit = n.numbers[0]
	}
	isMetre, isDegree := math.Abs(unit-1) <= tolerance, math.Abs(unit-degreeUnit) <= tolerance
	switch n.keyword {
	case "UNIT":
		if !isMetre && !isDegree {
			return fmt.Errorf("its unit %.30q %w", n.name(), errNotSupported)
		}
	case "LENGTHUNIT", "SCALEUNIT":
		if !isMetre {
			return fmt.Errorf("its unit %.30q %w", n.name(), errNotSupported)
		}
	case "ANGLEUNIT":
		if !isDegree {
			return fmt.Errorf("its unit %.30q %w", n.name(), errNotSupported)
		}
	case "TOWGS84":
		for _, v := range n.numbers {
			if v != 0 {
				return fmt.Errorf("a datum shift %w", errNotSupported)
			}
		}
	case "AXIS":
		if _, wrong := n.child("SOUTH", "WEST"); wrong {
			return fmt.Errorf("an axis that points south or west %w", errNotSupported)
		}
	}
	return nil
}

// geographicByNumbers tells WGS 84 from ETRS 89 and refuses all others.
func geographicByNumbers(n node) (*System, error) {
	if cs, ok := n.child("CS"); ok && len(cs.children) > 0 && cs.children[0].keyword == "CARTESIAN" {
		return nil, fmt.Errorf("a geocentric system %w", errNotSupported)
	}
	if u, ok := n.child("UNIT"); ok && u.numbers[0] == 1 {
		return nil, fmt.Errorf("its unit %.30q %w", u.name(), errNotSupported)
	}
	if p, ok := n.child("PRIMEM", "PRIMEMERIDIAN"); ok && (len(p.numbers) == 0 || p.numbers[0] != 0) {
		return nil, fmt.Errorf("its prime meridian %.30q %w", p.name(), errNotSupported)
	}
	datum, ok := n.child("DATUM", "ENSEMBLE", "TRF", "GEODETICDATUM")
	if !ok {
		return nil, errors.New("it names no datum")
	}
	ellipsoid, ok := datum.child("SPHEROID", "ELLIPSOID")
	if !ok || len(ellipsoid.numbers) < 2 {
		return nil, errors.New("it has no ellipsoid")
	}
	const grs80, wgs84 = 298.257222101, 298.257223563 // inverse flattening
	major, inverse := ellipsoid.numbers[0], ellipsoid.numbers[1]
	isGRS80, isWGS84 := math.Abs(inverse-grs80) <= 5e-7, math.Abs(inverse-wgs84) <= 5e-7
	if math.Abs(major-semiMajor) > 1e-6 || !isGRS80 && !isWGS84 {
		return nil, fmt.Errorf("its ellipsoid %.30q %w", ellipsoid.name(), errNotSupported)
	}
	name := plain(datum.name())
	switch {
	case contains(name, "wgs1984", "wgs84", "worldgeodeticsystem1984"):
		return ByEPSG(codeWGS84)
	case contains(name, "sweref99", "etrs89", "etrs1989", "europeanterrestrialreferencesystem1989"):
		return ByEPSG(codeETRS89)
	case !contains(name, "unnamed", "unknown", "notspecified", "unspecified", "grs80", "grs1980"):
		return nil, fmt.Errorf("its datum %.60q %w", datum.name(), errNotSupported)
	case isWGS84:
		return ByEPSG(codeWGS84)
	}
	return ByEPSG(codeETRS89)
}

func contains(name string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// projectedByNumbers finds the system that has exactly these parameters.
func projectedByNumbers(n node) (*System, error) {
	base, ok := n.child("GEOGCS", "BASEGEOGCRS", "BASEGEODCRS")
	if !ok {
		return nil, errors.New("it has no geographic system to project")
	}
	geographic, err := geographicByNumbers(base)
	if err != nil {
		return nil, err
	}
	if u, ok := n.child("UNIT"); ok && u.numbers[0] != 1 {
		return nil, fmt.Errorf("its unit %.30q %w", u.name(), errNotSupported)
	}
	conversion := n
	if c, ok := n.child("CONVERSION"); ok {
		conversion = c
	}
	method, ok := conversion.child("PROJECTION", "METHOD")
	if !ok || !contains(plain(method.name()), "transversemercator", "gausskruger") || contains(plain(method.name()), "south") {
		return nil, fmt.Errorf("its projection %.50q %w", method.name(), errNotSupported)
	}
	given, err := parameters(conversion)
	if err != nil {
		return nil, err
	}
	for _, s := range supported() {
		if !s.geographic && geographic.epsg == codeETRS89 && s.plane.has(given) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("a transverse Mercator projection of %s with the central meridian %g, scale %g, false easting %g and northing %g %w",
		geographic.name, given.meridian, given.scale, given.falseEasting, given.falseNorthing, errNotSupported)
}

// projection holds the parameters of a definition.
type projection struct {
	meridian, latitude, scale   float64
	falseEasting, falseNorthing float64
}

// has compares parameters; the tolerances are for those who print few digits, and
// are worth less than 0.1 mm.
func (k krueger) has(p projection) bool {
	return math.Abs(p.meridian-k.meridian) <= 1e-9 && math.Abs(p.latitude) <= 1e-9 &&
		math.Abs(p.scale-k.scale) <= 1e-12 &&
		math.Abs(p.falseEasting-k.falseEasting) <= 1e-5 && math.Abs(p.falseNorthing) <= 1e-5
}

// parameters reads those of a projection. Only zeros may be left out.
func parameters(n node) (projection, error) {
	given := projection{meridian: math.NaN(), scale: math.NaN(), falseEasting: math.NaN()}
	for _, c := range n.children {
		if c.keyword != "PARAMETER" {
			continue
		}
		if len(c.numbers) == 0 {
			return given, fmt.Errorf("its parameter %.50q has no value", c.name())
		}
		switch v := c.numbers[0]; plain(c.name()) {
		case "centralmeridian", "longitudeofnaturalorigin", "longitudeoforigin":
			given.meridian = v
		case "latitudeoforigin", "latitudeofnaturalorigin":
			given.latitude = v
		case "scalefactor", "scalefactoratnaturalorigin":
			given.scale = v
		case "falseeasting":
			given.falseEasting = v
		case "falsenorthing":
			given.falseNorthing = v
		default:
			return given, fmt.Errorf("its parameter %.50q %w", c.name(), errNotSupported)
		}
	}
	return given, nil
}
