package geo

import (
	"math"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// onGlobe is a position on the ellipsoid in metres from the Earth's middle.
func onGlobe(p orb.Point) [3]float64 {
	lon, lat := p[0]*math.Pi/180, p[1]*math.Pi/180
	_, n := curvature(lat)
	return [3]float64{
		n * math.Cos(lat) * math.Cos(lon),
		n * math.Cos(lat) * math.Sin(lon),
		n * (1 - eccentricity2) * math.Sin(lat),
	}
}

// arc is the distance between two places through the Earth, bent to its
// curvature: the reference for distances where Vincenty's formula is too slow or
// does not converge. It has nothing in common with frame.
func arc(p, q [3]float64) float64 {
	chord := math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2])
	return chord * (1 + chord*chord/(24*6.37e6*6.37e6))
}

func TestArcIsVincenty(t *testing.T) {
	t.Parallel()
	for _, lat := range []float64{0, 30, 62, 84, -50} {
		for _, d := range []orb.Point{{0.0001, 0}, {0.01, 0.01}, {0.1, -0.05}, {0.5, 0.4}, {0, 1.5}} {
			p := orb.Point{17, lat}
			q := orb.Point{17 + d[0], min(lat+d[1], 85)}
			want := vincenty(t, p, q)
			if got := arc(onGlobe(p), onGlobe(q)); math.Abs(got-want) > 1e-3+want*1e-6 {
				t.Errorf("%v to %v: %.4f, want %.4f", p, q, got, want)
			}
		}
	}
}

// arcToSegment finds the distance to a segment, straight in longitude and
// latitude, by a golden section search round the best of many places on it.
func arcToSegment(p, a, b orb.Point) float64 {
	from := onGlobe(p)
	at := func(k float64) float64 {
		return arc(from, onGlobe(orb.Point{a[0] + k*(b[0]-a[0]), a[1] + k*(b[1]-a[1])}))
	}
	parts := 2.0
	if far := max(math.Abs(a[0]-b[0]), math.Abs(a[1]-b[1])); far > 0.001 {
		parts = math.Ceil(64 + 10*far)
	}
	best, bestAt := math.Inf(1), 0.0
	for i := 0.0; i <= parts; i++ {
		if d := at(i / parts); d < best {
			best, bestAt = d, i/parts
		}
	}
	lo, hi := max(0, bestAt-1/parts), min(1, bestAt+1/parts)
	for range 50 {
		m1, m2 := hi-(hi-lo)*0.618, lo+(hi-lo)*0.618
		if at(m1) < at(m2) {
			hi = m2
		} else {
			lo = m1
		}
	}
	return min(best, at((lo+hi)/2))
}

// pathsOf returns the lines of a feature; a point is a line of one vertex.
func pathsOf(f Feature) []orb.LineString {
	switch g := f.Geometry.(type) {
	case orb.MultiLineString:
		return g
	case orb.MultiPoint:
		var out []orb.LineString
		for _, p := range g {
			out = append(out, orb.LineString{p})
		}
		return out
	}
	return nil
}

// eachSegment calls yield for the segments of features, with their owners'
// numbers; those of no length included.
func eachSegment(index *NearIndex, features []Feature, yield func(owner int, a, b orb.Point)) {
	for _, f := range features {
		owner, _ := index.Lookup(f.Code)
		for _, path := range pathsOf(f) {
			path = slices.CompactFunc(slices.Clone(path), func(a, b orb.Point) bool {
				return toUnit(a[0]) == toUnit(b[0]) && toUnit(a[1]) == toUnit(b[1])
			})
			for i := range path {
				if i > 0 || len(path) == 1 {
					yield(owner, path[max(i-1, 0)], path[i])
				}
			}
		}
	}
}

// arcsToAll is the distance to every feature by the independent reference.
func arcsToAll(index *NearIndex, features []Feature, p orb.Point) []float64 {
	out := slices.Repeat([]float64{math.Inf(1)}, index.Len())
	eachSegment(index, features, func(owner int, a, b orb.Point) {
		out[owner] = min(out[owner], arcToSegment(p, a, b))
	})
	return out
}

// nearestByFrame answers as Nearest should to the last bit: the same distances,
// but of every segment, one after the other.
func nearestByFrame(index *NearIndex, features []Feature, p orb.Point, maxMetres float64, n int) []NearFeature {
	best := map[int]NearFeature{}
	frame := newFrame(p[0], p[1], min(maxMetres, FarDistance))
	x := frame.x
	eachSegment(index, features, func(owner int, a, b orb.Point) {
		ax, ay := float64(toUnit(a[0])), float64(toUnit(a[1]))
		ex, ey := float64(toUnit(b[0]))-ax, float64(toUnit(b[1]))-ay
		for _, turn := range []float64{0, -fullTurn, fullTurn} {
			frame.x = x + turn
			metres, at := frame.least(ax-frame.x, ay-frame.y, ex, ey)
			if metres > maxMetres+boundSlack {
				continue
			}
			metres, at = frame.foot(ax-frame.x, ay-frame.y, ex, ey, at)
			found := NearFeature{owner, metres, orb.Point{(ax + at*ex) / unitsPerDegree, (ay + at*ey) / unitsPerDegree}}
			if old, ok := best[owner]; metres <= maxMetres && (!ok || found.before(old)) {
				best[owner] = found
			}
		}
	})
	var out []NearFeature
	for _, f := range best {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b NearFeature) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return out[:min(n, len(out))]
}
