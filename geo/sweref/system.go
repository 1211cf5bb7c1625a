package sweref

import (
	"fmt"
	"math"
	"slices"
)

// System is a coordinate system. It is immutable and safe for concurrent use.
type System struct {
	epsg int
	name string

	geographic bool
	plane      krueger // unless geographic
	x, y       interval
}

// interval is where coordinates are plausible, ends included.
type interval struct{ min, max float64 }

func (i interval) holds(v float64) bool { return i.min <= v && v <= i.max }

// A zone is one of the local systems, named by the degrees and minutes of its
// central meridian.
type zone struct {
	epsg     int
	name     string
	meridian float64 // degrees east
}

// zones in the order of EPSG, which is not that of their meridians: first those
// that are whole in the south, then those of the north.
func zones() []zone {
	return []zone{
		{3007, "SWEREF 99 12 00", 12},
		{3008, "SWEREF 99 13 30", 13.5},
		{3009, "SWEREF 99 15 00", 15},
		{3010, "SWEREF 99 16 30", 16.5},
		{3011, "SWEREF 99 18 00", 18},
		{3012, "SWEREF 99 14 15", 14.25},
		{3013, "SWEREF 99 15 45", 15.75},
		{3014, "SWEREF 99 17 15", 17.25},
		{3015, "SWEREF 99 18 45", 18.75},
		{3016, "SWEREF 99 20 15", 20.25},
		{3017, "SWEREF 99 21 45", 21.75},
		{3018, "SWEREF 99 23 15", 23.25},
	}
}

const (
	codeTM     = 3006
	codeWGS84  = 4326
	codeETRS89 = 4258
)

// supported returns every system once.
func supported() []*System {
	all := []*System{
		projected(codeTM, "SWEREF 99 TM", krueger{meridian: 15, scale: 0.9996, falseEasting: 500_000}),
	}
	for _, z := range zones() {
		all = append(all, projected(z.epsg, z.name, krueger{meridian: z.meridian, scale: 1, falseEasting: 150_000}))
	}
	return append(all,
		// The whole world; the range of ETRS 89 is Europe's in EPSG, with a margin.
		&System{epsg: codeWGS84, name: "WGS 84", geographic: true, x: interval{-180, 180}, y: interval{-90, 90}},
		&System{epsg: codeETRS89, name: "ETRS 89", geographic: true, x: interval{-30, 50}, y: interval{30, 86}},
	)
}

// projected makes a system in the plane. Its plausible range is Sweden with its
// sea (EPSG: 10.03 to 24.17 degrees east, 54.96 to 69.07 north) and a margin of
// about two degrees. No northing there can be an easting, so that swapped axes show.
func projected(epsg int, name string, plane krueger) *System {
	const west, east, south, north = 8, 26.5, 53, 71
	plane = plane.prepared()
	s := &System{epsg: epsg, name: name, plane: plane}
	s.x.min, _ = plane.forward(west, south)
	s.x.max, _ = plane.forward(east, south)
	_, s.y.min = plane.forward(plane.meridian, south)
	_, northWest := plane.forward(west, north)
	_, northEast := plane.forward(east, north)
	s.y.max = math.Max(northWest, northEast)
	return s
}

// alias returns the code of the system in which the horizontal coordinates of
// another are the same, or that code itself.
func alias(code int) int {
	switch {
	case code >= 5845 && code <= 5857: // with heights of RH 2000
		return code - 5845 + codeTM
	case code == 25833, code == 3045: // ETRS 89 / UTM zone 33N, in either order of axes: the same datum and projection
		return codeTM
	case code == 4979: // with heights
		return codeWGS84
	case code == 4937, code == 4619, code == 4977: // with heights; SWEREF 99; with heights
		return codeETRS89
	}
	return code
}

// ByEPSG returns a system by its code in the EPSG register: 3006 to 3018, 4326,
// 4258, and those whose horizontal coordinates are the same: 4619, 25833, 3045,
// and systems with heights of these. Any other is refused by name.
func ByEPSG(code int) (*System, error) {
	all := supported()
	at := slices.IndexFunc(all, func(s *System) bool { return s.epsg == alias(code) })
	if at < 0 {
		return nil, unsupported(code, "")
	}
	return all[at], nil
}

// foreign returns the name of a system that is likely to be met, else "".
func foreign(code int) string {
	return map[int]string{
		2400: "RT90 2.5 gon W", 3019: "RT90 7.5 gon V", 3020: "RT90 5 gon V", 3021: "RT90 2.5 gon V",
		3022: "RT90 0 gon", 3023: "RT90 2.5 gon O", 3024: "RT90 5 gon O", 4124: "RT90",
		3152: "ST74", 3857: "Web Mercator", 3035: "LAEA Europe", 3067: "TM35FIN",
		25832: "ETRS89 / UTM zone 32N", 25834: "ETRS89 / UTM zone 34N",
		32632: "WGS 84 / UTM zone 32N", 32633: "WGS 84 / UTM zone 33N", 32634: "WGS 84 / UTM zone 34N",
	}[code]
}

// unsupported refuses a system by its code, unless 0, and its name, if known.
func unsupported(code int, name string) error {
	if name == "" {
		name = foreign(code)
	}
	what := fmt.Sprintf("EPSG:%d", code)
	switch {
	case code == 0:
		what = fmt.Sprintf("coordinate system %.100q", name)
	case name != "":
		what = fmt.Sprintf("EPSG:%d (%.100s)", code, name)
	}
	return fmt.Errorf("%s is not supported; convert to SWEREF 99 TM (EPSG:3006)", what)
}

// EPSG returns the system's code, never that of an alias.
func (s *System) EPSG() int { return s.epsg }

// String returns the name and code, such as "SWEREF 99 TM (EPSG:3006)".
func (s *System) String() string { return fmt.Sprintf("%s (EPSG:%d)", s.name, s.epsg) }

// Geographic tells whether coordinates are degrees of longitude and latitude.
func (s *System) Geographic() bool { return s.geographic }

// Forward converts degrees of WGS 84 to metres of easting and northing; a
// geographic system gives the degrees back. It is exact to a micrometre within
// 10 degrees of the central meridian, to a millimetre within 30, and means
// nothing at 90.
func (s *System) Forward(lon, lat float64) (easting, northing float64) {
	if s.geographic {
		return lon, lat
	}
	return s.plane.forward(lon, lat)
}

// Inverse converts metres of easting and northing to degrees of WGS 84; a
// geographic system gives the degrees back. It takes any numbers: whether they
// can be meant is asked by [System.ToWGS84].
func (s *System) Inverse(easting, northing float64) (lon, lat float64) {
	if s.geographic {
		return easting, northing
	}
	return s.plane.inverse(easting, northing)
}
