package geo

import "math"

// MaxDistance is how far, in metres, distances are measured.
const MaxDistance = 10_000.0

// FarDistance is how far, in metres, [Index.Nearest] looks when it is asked to.
// Beyond MaxDistance its distances are good to one part in a thousand.
const FarDistance = 200_000.0

// frame measures distances in metres from one point, within a reach.
//
// A vertex at (dx, dy) units from the point is dy times the mean meridian
// radius between the two latitudes away to the north, and dx times the radius
// of the parallel halfway between them to the east (Gauss' mid-latitude
// formula). The terms left out are of the order s*(s/R)^2/24*tan^2(lat): 2 cm
// at 10 km and 69 degrees of latitude, 0.2 m at 85. A frame fixed at the
// point's own latitude would be 40 m off at 10 km and 69 degrees, because
// meridians converge.
type frame struct {
	x, y           float64 // the point, in units
	m0, m1         float64 // metres for a unit of latitude: m0 + m1*dy
	c0, c1, c2     float64 // metres for a unit of longitude at dy: c0 + c1*dy + c2*dy*dy
	leastX, leastY float64 // no unit within reach is shorter than this
}

// newFrame makes a frame; reach is how far it is to be used, in metres.
func newFrame(lon, lat, reach float64) frame {
	phi := lat * math.Pi / 180
	m, n := curvature(phi)
	sin, cos := math.Sincos(phi)
	const u = radiansPerUnit
	f := frame{
		x: lon * unitsPerDegree, y: lat * unitsPerDegree,
		m0: m * u,
		m1: 3 * m * eccentricity2 * sin * cos / (1 - eccentricity2*sin*sin) / 2 * u * u,
		c0: n * cos * u,
		c1: -m * sin * u * u,
		c2: -m * cos / 2 * u * u * u,
	}
	// The cap's highest latitude has the shortest units of longitude; those of
	// latitude change by 1e-5 within 10 km and 4e-4 within 200 km.
	edge := min(math.Abs(phi)+1.001*reach/m, math.Pi/2)
	_, n = curvature(edge)
	f.leastX = 0.9999 * max(n*math.Cos(edge), 0) * u
	f.leastY = (0.9999 - reach/FarDistance*1e-3) * m * u
	return f
}

// metres returns where a point at (dx, dy) units lies, in metres east and north.
func (f *frame) metres(dx, dy float64) (east, north float64) {
	half := dy / 2
	return dx * (f.c0 + half*(f.c1+half*f.c2)), dy * (f.m0 + half*f.m1)
}

// least returns a lower bound of the distance to a segment given by its start
// and its extent, in units from the point, and the place on it, 0 to 1, that is
// about the nearest.
func (f *frame) least(ax, ay, ex, ey float64) (metres, at float64) {
	ax, ex = ax*f.leastX, ex*f.leastX
	ay, ey = ay*f.leastY, ey*f.leastY
	at = -(ax*ex + ay*ey) / (ex*ex + ey*ey)
	if !(at > 0) { // also where leastX is 0
		at = 0
	} else if at > 1 {
		at = 1
	}
	x, y := ax+at*ex, ay+at*ey
	return math.Sqrt(x*x + y*y), at
}

// exact returns the distance to the same segment.
func (f *frame) exact(ax, ay, ex, ey, at float64) float64 {
	metres, _ := f.foot(ax, ay, ex, ey, at)
	return metres
}

// foot returns the distance to the same segment, which is straight in longitude
// and latitude and so bends in metres, and the nearest place on it, 0 to 1, which
// Newton's method finds from the one that least found.
func (f *frame) foot(ax, ay, ex, ey, at float64) (metres, foot float64) {
	for range 3 {
		dx, dy := ax+at*ex, ay+at*ey
		x, y := f.metres(dx, dy)
		half := dy / 2
		vx := ex*(f.c0+half*(f.c1+half*f.c2)) + dx*ey*(f.c1/2+half*f.c2)
		vy := ey * (f.m0 + dy*f.m1)
		step := (x*vx + y*vy) / (vx*vx + vy*vy)
		next := min(max(at-step, 0), 1)
		if math.IsNaN(next) || next == at {
			break
		}
		at = next
	}
	return math.Hypot(f.metres(ax+at*ex, ay+at*ey)), at
}

// box returns a lower bound of the distance to a box in units.
func (f *frame) box(x0, y0, x1, y1 float64) float64 {
	dx := max(x0-f.x, f.x-x1, 0) * f.leastX
	dy := max(y0-f.y, f.y-y1, 0) * f.leastY
	return math.Sqrt(dx*dx + dy*dy)
}
