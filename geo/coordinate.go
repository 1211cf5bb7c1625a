package geo

// unitsPerDegree is how many coordinate units make one degree: seven decimals,
// which is 1.1 cm along a meridian.
const unitsPerDegree = 1e7

const (
	maxLon = 180 * int64(unitsPerDegree)
	maxLat = 90 * int64(unitsPerDegree)
	// maxSpan is the longest extent of an edge in either direction. Together
	// with maxTopShift it keeps every orientation below within int64.
	maxSpan = 180 * int64(unitsPerDegree)
)

// unitBias makes every coordinate positive before it is cut to a whole number,
// so that cutting rounds down everywhere.
const unitBias = 1 << 31

// biased turns degrees into units plus unitBias plus one half: its whole part
// is the nearest unit. The conversion to float64 forbids a fused multiply-add,
// so that every machine rounds alike.
func biased(degrees float64) float64 {
	return float64(degrees*unitsPerDegree) + (unitBias + 0.5)
}

// toUnit returns the whole unit nearest to a coordinate of at most 180 degrees.
func toUnit(degrees float64) int32 {
	return int32(int64(biased(degrees)) - unitBias)
}

// toDegrees is the inverse of toUnit.
func toDegrees(unit int32) float64 { return float64(unit) / unitsPerDegree }

// segment is an edge between two vertices, ordered so that dx > 0, or dx = 0
// and dy > 0. Two areas that share an edge hold the same segment whichever way
// their rings run, so both decide alike about every point.
type segment struct{ ax, ay, bx, by int32 }

// The border rule. A query point P on the unit grid stands for
//
//	P' = P + (e*e, e)   with e > 0 smaller than any number that occurs.
//
// P' lies on no edge: on a line through grid points the offset would have to be
// parallel to it, that is dx = 0 and dy*e*e = 0. So every point is strictly
// inside or strictly outside every ring, and where areas tile the plane vertex
// for vertex, P' lies in exactly one of them. Cell corners lie between grid
// points and are moved by the same offset, so the parity of crossings between
// any two of these points is defined and is independent of the path.
//
// The sign of P' beside a segment follows without any e: with
//
//	o = dx*(py-ay) - dy*(px-ax)
//
// it is the sign of o + dx*e - dy*e*e, hence of o, else of dx, else of -dy.
// As dx >= 0, and dy > 0 where dx = 0, P' is to the left exactly if o > 0, or
// o = 0 and dx > 0. And P' is above a vertex exactly if py >= its y.
//
// Limits. Points are tested only against segments of their own cell, so they
// lie within one cell side w of the segment's bounding box; coordinates are
// doubled because cell corners lie on halves. Then
//
//	|o| <= 2*|dx*dy| + 2*w*(|dx|+|dy|) <= 6.48e18 + 7.2e9*w
//
// which stays below 2^63 for w <= 2^28. Partial sums may wrap; the result of
// int64 arithmetic is exact all the same.

// left reports whether the point (x2/2, y2/2), moved by the border rule, is to
// the left of the segment.
func (s segment) left(x2, y2 int64) bool {
	dx := int64(s.bx) - int64(s.ax)
	o := s.side(x2, y2)
	return o > 0 || o == 0 && dx > 0
}

// side returns the orientation of the point (x2/2, y2/2), doubled.
func (s segment) side(x2, y2 int64) int64 {
	dx, dy := int64(s.bx)-int64(s.ax), int64(s.by)-int64(s.ay)
	return dx*(y2-2*int64(s.ay)) - dy*(x2-2*int64(s.ax))
}

// touches reports whether the segment meets the closed box, whose corners are
// given in doubled coordinates.
func (s segment) touches(x0, y0, x1, y1 int64) bool {
	lo, hi := int64(min(s.ay, s.by)), int64(max(s.ay, s.by))
	if 2*int64(s.bx) < x0 || 2*int64(s.ax) > x1 || 2*hi < y0 || 2*lo > y1 {
		return false
	}
	if s.by < s.ay {
		x0, x1 = x1, x0
	}
	// As dx >= 0, (x0, y1) is now the corner farthest to the left.
	return s.side(x0, y1) >= 0 && s.side(x1, y0) <= 0
}

// crossed reports whether the path from (cx2, cy2) along x = cx2 to y = qy2 and
// then along y = qy2 to (qx2, qy2) crosses the segment an odd number of times.
// Coordinates are doubled, and odd, as those of cell corners are.
func (s segment) crossed(cx2, cy2, qx2, qy2 int64) bool {
	ax, ay, bx, by := 2*int64(s.ax), 2*int64(s.ay), 2*int64(s.bx), 2*int64(s.by)
	horizontal := (ay > qy2) != (by > qy2)
	vertical := (ax > cx2) != (bx > cx2)
	if !horizontal && !vertical {
		return false
	}
	bend := s.left(cx2, qy2)
	return (horizontal && bend != s.left(qx2, qy2)) != (vertical && bend != s.left(cx2, cy2))
}
