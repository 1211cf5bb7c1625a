package demo

import (
	"math"

	"github.com/paulmach/orb"
)

// xy is a position in the plane in metres: x to the east, y to the north.
type xy struct{ x, y float64 }

func (a xy) minus(b xy) xy         { return xy{a.x - b.x, a.y - b.y} }
func (a xy) cross(b xy) float64    { return a.x*b.y - a.y*b.x }
func (a xy) squared() float64      { return a.x*a.x + a.y*a.y }
func (a xy) to(b xy, t float64) xy { return xy{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)} }

const (
	earthRadius     = 6_371_008.8 // metres, mean radius (IUGG)
	centralMeridian = 16.5        // degrees; the middle of Sweden
)

// project is the transverse Mercator projection of the sphere. Between 10 and
// 25 degrees east it stretches lengths by less than 0.4 per cent, and by the
// same factor in all directions, so that the nearest place in the plane is the
// nearest on the ground. The ellipsoid, left out here, is another 0.3 per cent.
func project(lon, lat float64) xy {
	sin, cos := math.Sincos((lon - centralMeridian) * math.Pi / 180)
	phi := lat * math.Pi / 180
	return xy{
		x: earthRadius * math.Atanh(math.Cos(phi)*sin),
		y: earthRadius * math.Atan2(math.Sin(phi), math.Cos(phi)*cos),
	}
}

// gridPoint is a WGS 84 position in whole units of 1e-7 degree, about a
// centimetre. Border vertices are compared as such, never as floats.
type gridPoint struct{ lon, lat int64 }

const unitsPerDegree = 1e7

// unproject is the inverse of project, rounded to the grid.
func unproject(p xy) gridPoint {
	x, y := p.x/earthRadius, p.y/earthRadius
	lat := math.Asin(math.Sin(y) / math.Cosh(x))
	lon := math.Atan2(math.Sinh(x), math.Cos(y))
	return gridPoint{
		lon: int64(math.Round((centralMeridian + lon*180/math.Pi) * unitsPerDegree)),
		lat: int64(math.Round(lat * 180 / math.Pi * unitsPerDegree)),
	}
}

// degrees returns the position as orb has it.
func (g gridPoint) degrees() orb.Point {
	return orb.Point{float64(g.lon) / unitsPerDegree, float64(g.lat) / unitsPerDegree}
}
