package geo

import "math"

// tileBits is the width of a map tile in grid units, as a power of two: 4096,
// the usual extent of vector tiles.
const tileBits = 12

// maxMercatorLat is where the square web Mercator map ends, in degrees. What is
// nearer to a pole is drawn at the map's edge.
const maxMercatorLat = 85.05112877980659

// mercator is the web Mercator projection (EPSG:3857) onto a square grid of
// side units. x counts from 180 degrees west to the east, y from the north.
type mercator struct{ side float64 }

// gridAt returns the grid of a zoom, in which every tile is 4096 units wide.
func gridAt(zoom int) mercator { return mercator{math.Ldexp(1, zoom+tileBits)} }

func (m mercator) project(lon, lat float64) (x, y float64) {
	lat = max(-maxMercatorLat, min(maxMercatorLat, lat))
	y = 0.5 - math.Atanh(math.Sin(lat*math.Pi/180))/(2*math.Pi)
	return (lon/360 + 0.5) * m.side, y * m.side
}

// inverse returns longitude and latitude in degrees.
func (m mercator) inverse(x, y float64) (lon, lat float64) {
	lat = math.Atan(math.Sinh((0.5-y/m.side)*2*math.Pi)) * 180 / math.Pi
	return (x/m.side - 0.5) * 360, lat
}

// snap returns the grid point nearest to a vertex. It is a function of the
// vertex alone, so areas that share a vertex share it on the grid.
func (m mercator) snap(p point) point {
	x, y := m.project(toDegrees(p.x), toDegrees(p.y))
	return point{int32(math.Round(x)), int32(math.Round(y))}
}

// unsnap returns the vertex, in units of 1e-7 degree, at a grid point.
func (m mercator) unsnap(p point) point {
	lon, lat := m.inverse(float64(p.x), float64(p.y))
	return point{toUnit(lon), toUnit(lat)}
}

const (
	// maxBend is how far, in grid units, an edge that is straight in longitude
	// and latitude may lie from the line that is drawn on the map instead.
	maxBend = 0.25
	// maxPieces is into how many pieces an edge is cut for that at most. It is
	// enough for edges of six degrees of latitude in Sweden at zoom 12; longer
	// ones bend by more.
	maxPieces = 256
)

// pieces tells into how many pieces an edge must be cut that is dy grid units
// high. Of an edge of small height the map's y bends by y” dlat^2/8, which with
// y' = side/(2 pi cos lat) is dy^2 2 pi sin(lat)/(8 side), at most 0.79 dy^2/side.
func (m mercator) pieces(dy float64) int64 {
	bend := math.Pi / 4 * dy * dy / m.side
	if bend <= maxBend {
		return 1
	}
	return int64(min(maxPieces, math.Ceil(math.Sqrt(bend/maxBend))))
}

// partWay returns the point k nths of the way from a to b. Callers order a and
// b, so that an edge is cut alike from both of its sides.
func partWay(a, b point, k, n int64) point {
	return point{
		int32(int64(a.x) + (int64(b.x)-int64(a.x))*k/n),
		int32(int64(a.y) + (int64(b.y)-int64(a.y))*k/n),
	}
}
