package geo

import "math"

// The WGS 84 ellipsoid: semi-major axis in metres and square of the
// eccentricity (NIMA TR8350.2).
const (
	equatorRadius = 6378137.0
	flattening    = 1 / 298.257223563
	eccentricity2 = flattening * (2 - flattening)
)

// radiansPerUnit turns coordinate units into radians.
const radiansPerUnit = math.Pi / 180 / unitsPerDegree

// curvature returns the radii of curvature in metres at a latitude in radians:
// along the meridian, and across it.
func curvature(lat float64) (meridian, normal float64) {
	s := math.Sin(lat)
	w := 1 - eccentricity2*s*s
	normal = equatorRadius / math.Sqrt(w)
	return normal * (1 - eccentricity2) / w, normal
}

// belt is the size in square metres of the ellipsoid between the equator and a
// latitude in radians, for one radian of longitude (Snyder, Map Projections: A
// Working Manual, equation 3-12).
func belt(lat float64) float64 {
	e := math.Sqrt(eccentricity2)
	s := math.Sin(lat)
	q := s/(1-eccentricity2*s*s) + math.Atanh(e*s)/e
	return equatorRadius * equatorRadius * (1 - eccentricity2) / 2 * q
}

// ringSquareMetres is the signed size of a ring, positive counter-clockwise.
// Edges are straight in longitude and latitude, so the area under each is
// integrated by Simpson's rule; short ones by the trapezium, which is the same
// to 1e-8.
func ringSquareMetres(ring []point) float64 {
	const short = unitsPerDegree / 100
	sum := 0.0
	last := ring[len(ring)-1]
	under := belt(float64(last.y) * radiansPerUnit)
	for _, p := range ring {
		b := belt(float64(p.y) * radiansPerUnit)
		mean := (under + b) / 2
		width := float64(last.x) - float64(p.x)
		if math.Abs(width) > short || math.Abs(float64(last.y)-float64(p.y)) > short {
			middle := belt((float64(last.y) + float64(p.y)) / 2 * radiansPerUnit)
			mean = (2*mean + 4*middle) / 6
		}
		sum += width * radiansPerUnit * mean
		last, under = p, b
	}
	return sum
}
