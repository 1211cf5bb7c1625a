package geo

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/paulmach/orb"
)

// vincenty returns the geodesic distance in metres between two points (Vincenty
// 1975, inverse formula; to 0.5 mm): the independent reference for distances.
func vincenty(t testing.TB, p, q orb.Point) float64 {
	t.Helper()
	if math.Abs(p[0]-q[0])+math.Abs(p[1]-q[1]) < 1e-10 {
		return 0 // under 0.02 mm, where the formula does not converge
	}
	const a, f = 6378137.0, 1 / 298.257223563
	const b = a * (1 - f)
	rad := math.Pi / 180
	l := (q[0] - p[0]) * rad
	u1, u2 := math.Atan((1-f)*math.Tan(p[1]*rad)), math.Atan((1-f)*math.Tan(q[1]*rad))
	s1, c1 := math.Sincos(u1)
	s2, c2 := math.Sincos(u2)
	lambda := l
	for range 200 {
		sl, cl := math.Sincos(lambda)
		sinSigma := math.Hypot(c2*sl, c1*s2-s1*c2*cl)
		cosSigma := s1*s2 + c1*c2*cl
		sigma := math.Atan2(sinSigma, cosSigma)
		sinAlpha := c1 * c2 * sl / sinSigma
		cos2Alpha := 1 - sinAlpha*sinAlpha
		cos2M := 0.0
		if cos2Alpha > 1e-12 {
			cos2M = cosSigma - 2*s1*s2/cos2Alpha
		}
		c := f / 16 * cos2Alpha * (4 + f*(4-3*cos2Alpha))
		last := lambda
		lambda = l + (1-c)*f*sinAlpha*(sigma+c*sinSigma*(cos2M+c*cosSigma*(2*cos2M*cos2M-1)))
		if math.Abs(lambda-last) < 1e-13 {
			k := cos2Alpha * (a*a - b*b) / (b * b)
			ka := 1 + k/16384*(4096+k*(-768+k*(320-175*k)))
			kb := k / 1024 * (256 + k*(-128+k*(74-47*k)))
			d := kb * sinSigma * (cos2M + kb/4*(cosSigma*(2*cos2M*cos2M-1)-kb/6*cos2M*(4*sinSigma*sinSigma-3)*(4*cos2M*cos2M-3)))
			return b * ka * (sigma - d)
		}
	}
	t.Fatalf("no convergence from %v to %v", p, q)
	return 0
}

// The published example of Vincenty's formula, between Flinders Peak and
// Buninyong on WGS 84's near twin GRS 80 (Geoscience Australia): 54,972.271 m.
func TestVincentyIsRight(t *testing.T) {
	t.Parallel()
	flinders := orb.Point{144 + 25.0/60 + 29.52440/3600, -(37 + 57.0/60 + 3.72030/3600)}
	buninyong := orb.Point{143 + 55.0/60 + 35.38390/3600, -(37 + 39.0/60 + 10.15610/3600)}
	if d := vincenty(t, flinders, buninyong); math.Abs(d-54972.271) > 0.001 {
		t.Errorf("distance = %.4f, want 54972.271", d)
	}
}

// toSegment finds the distance to an edge, straight in longitude and latitude,
// by a golden section search with Vincenty's formula round the best of many
// places on it.
func toSegment(t testing.TB, p, a, b orb.Point) float64 {
	t.Helper()
	at := func(k float64) float64 {
		return vincenty(t, p, orb.Point{a[0] + k*(b[0]-a[0]), a[1] + k*(b[1]-a[1])})
	}
	const parts = 64
	best, bestAt := math.Inf(1), 0.0
	for i := range parts + 1 {
		if d := at(float64(i) / parts); d < best {
			best, bestAt = d, float64(i)/parts
		}
	}
	lo, hi := max(0, bestAt-1.0/parts), min(1, bestAt+1.0/parts)
	for range 40 {
		m1, m2 := hi-(hi-lo)*0.618, lo+(hi-lo)*0.618
		if at(m1) < at(m2) {
			hi = m2
		} else {
			lo = m1
		}
	}
	return min(best, at((lo+hi)/2))
}

func TestDistanceToEdgeWithinHalfAMetre(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	worst := 0.0
	for _, lat := range []float64{0, 0.05, 35, 55.3, 62, 69, 75, 80, 84.9, -41, -69} {
		for range 150 {
			p := orb.Point{r.Float64()*300 - 150, lat}
			scale := math.Pow(10, r.Float64()*4-0.5) / 111_000 // edges of 0.3 m to 3 km, or so
			if r.IntN(5) == 0 {
				scale *= 20 // and up to 60 km
			}
			away := r.Float64() * 12_000 / 111_000
			narrow := math.Cos(lat * math.Pi / 180)
			vertex := func(away float64) orb.Point {
				return orb.Point{
					p[0] + (r.NormFloat64()*away+r.NormFloat64()*scale)/narrow,
					min(p[1]+r.NormFloat64()*away+r.NormFloat64()*scale, 85.5),
				}
			}
			a := vertex(away)
			b := orb.Point{a[0] + r.NormFloat64()*scale/narrow, min(a[1]+r.NormFloat64()*scale, 85.5)}
			want := toSegment(t, p, a, b)
			f := newFrame(p[0], p[1], MaxDistance)
			ax, ay := a[0]*unitsPerDegree-f.x, a[1]*unitsPerDegree-f.y
			ex, ey := (b[0]-a[0])*unitsPerDegree, (b[1]-a[1])*unitsPerDegree
			least, at := f.least(ax, ay, ex, ey)
			if want > MaxDistance {
				continue
			}
			if least > want+1e-6 {
				t.Errorf("%v to %v %v: lower bound %.4f above the distance %.4f", p, a, b, least, want)
			}
			got := f.exact(ax, ay, ex, ey, at)
			worst = max(worst, math.Abs(got-want))
			if math.Abs(got-want) > 0.5 {
				t.Errorf("%v to %v %v: %.3f m, want %.3f", p, a, b, got, want)
			}
		}
	}
	t.Logf("largest error %.4f m", worst)
}

func TestSquareMetres(t *testing.T) {
	t.Parallel()
	// One degree by one degree, from the closed form of the belt; the whole
	// Earth is 510,065,621.724 km² (GRS 80 and WGS 84 agree to that).
	world := Feature{Code: "world", Geometry: orb.MultiPolygon{
		{orb.Ring{{-180, -90}, {0, -90}, {0, 90}, {-180, 90}, {-180, -90}}},
		{orb.Ring{{0, -90}, {180, -90}, {180, 90}, {0, 90}, {0, -90}}},
	}}
	hole := Feature{Code: "hole", Geometry: orb.MultiPolygon{{
		orb.Ring{{10, 60}, {11, 60}, {11, 61}, {10, 61}, {10, 60}},
		orb.Ring{{10.25, 60.25}, {10.75, 60.25}, {10.75, 60.75}, {10.25, 60.75}, {10.25, 60.25}},
	}}}
	index, _, err := Build([]Feature{world, hole})
	if err != nil {
		t.Fatal(err)
	}
	if got := index.SquareMetres(0); math.Abs(got-510_065_621.724e6) > 1e3 {
		t.Errorf("the Earth is %.3f km², want 510065621.724", got/1e6)
	}
	rad := math.Pi / 180
	box := func(s, n, width float64) float64 { return (belt(n*rad) - belt(s*rad)) * width * rad }
	want := box(60, 61, 1) - box(60.25, 60.75, 0.5)
	if got := index.SquareMetres(1); math.Abs(got-want) > 1 {
		t.Errorf("a square with a hole is %.3f m², want %.3f", got, want)
	}
}

// Beyond MaxDistance, where only the order of areas matters, a thousandth is enough.
func TestFarDistancesAreGoodToAThousandth(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for _, lat := range []float64{0, 45, 55, 62, 69} {
		for range 300 {
			p := orb.Point{15, lat}
			narrow := math.Cos(lat * math.Pi / 180)
			a := orb.Point{p[0] + r.NormFloat64()/narrow, p[1] + r.NormFloat64()}
			b := orb.Point{a[0] + 0.02*r.NormFloat64()/narrow, a[1] + 0.02*r.NormFloat64()}
			want := toSegment(t, p, a, b)
			if want > FarDistance || want < MaxDistance {
				continue
			}
			f := newFrame(p[0], p[1], FarDistance)
			ax, ay := a[0]*unitsPerDegree-f.x, a[1]*unitsPerDegree-f.y
			ex, ey := (b[0]-a[0])*unitsPerDegree, (b[1]-a[1])*unitsPerDegree
			least, at := f.least(ax, ay, ex, ey)
			if got := f.exact(ax, ay, ex, ey, at); math.Abs(got-want) > want/1000 || least > got {
				t.Errorf("%v to %v %v: %.0f m, want %.0f, bound %.0f", p, a, b, got, want, least)
			}
		}
	}
}
