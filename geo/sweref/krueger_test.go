package sweref

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"
)

func system(t testing.TB, epsg int) *System {
	t.Helper()
	s, err := ByEPSG(epsg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// metresApart is the distance of two positions in degrees that are close together.
func metresApart(lon1, lat1, lon2, lat2 float64) float64 {
	const perDegree = 6_400_000 * degree // the largest radius of curvature
	return perDegree * math.Hypot(lat2-lat1, (lon2-lon1)*math.Cos(lat1*degree))
}

func TestPublishedCheckPoints(t *testing.T) {
	t.Parallel()
	checkBothWays(t, published(), 0.00051) // rounded to the millimetre
}

func TestPointsOfPROJ(t *testing.T) {
	t.Parallel()
	checkBothWays(t, computed(), 0.000002)
}

func checkBothWays(t *testing.T, points []checkPoint, tolerance float64) {
	t.Helper()
	worst := 0.0
	for _, p := range points {
		s := system(t, p.epsg)
		e, n := s.Forward(p.lon, p.lat)
		off := max(math.Abs(e-p.easting), math.Abs(n-p.northing))
		if !(off <= tolerance) {
			t.Errorf("%s: (%g, %g) is at (%.6f, %.6f), want (%.6f, %.6f)", s, p.lon, p.lat, e, n, p.easting, p.northing)
		}
		lon, lat := s.Inverse(p.easting, p.northing)
		back := metresApart(p.lon, p.lat, lon, lat)
		if !(back <= tolerance*math.Sqrt2) {
			t.Errorf("%s: (%.6f, %.6f) is (%.11f, %.11f), want (%g, %g): %g m off", s, p.easting, p.northing, lon, lat, p.lon, p.lat, back)
		}
		worst = max(worst, off)
	}
	t.Logf("greatest deviation of %d points: %.7f m", len(points), worst)
}

// exact projects without any series. A conformal map of the ellipsoid is an analytic
// function of the isometric latitude plus i times the longitude; the one that gives
// the central meridian its true length is the meridian arc, continued to
// complex latitudes. The latitude is found by Newton's method and the arc by
// Gauss-Legendre quadrature over 64 pieces of a straight way to it.
func exact(k krueger, lon, lat float64) (easting, northing float64) {
	e := math.Sqrt(eccentricity2)
	isometric := func(phi complex128) complex128 {
		sin := cmplx.Sin(phi)
		return cmplx.Atanh(sin) - complex(e, 0)*cmplx.Atanh(complex(e, 0)*sin)
	}
	curvature := func(phi complex128) complex128 { // the meridian's radius
		sin := cmplx.Sin(phi)
		return semiMajor * (1 - eccentricity2) / cmplx.Pow(1-eccentricity2*sin*sin, 1.5)
	}
	want := isometric(complex(lat*degree, 0)) + complex(0, (lon-k.meridian)*degree)
	phi := complex(lat*degree, 0)
	for range 50 {
		sin := cmplx.Sin(phi)
		slope := (1 - eccentricity2) / ((1 - eccentricity2*sin*sin) * cmplx.Cos(phi))
		phi -= (isometric(phi) - want) / slope
	}
	const pieces = 64
	x, w := math.Sqrt(0.6), []float64{5, 8, 5} // three points, on [-1, 1], weights / 9
	sum := complex(0, 0)
	step := phi / pieces
	for i := range pieces {
		middle := step * complex(float64(i)+0.5, 0)
		for j, at := range []float64{-x, 0, x} {
			sum += complex(w[j]/18, 0) * step * curvature(middle+step*complex(at/2, 0))
		}
	}
	return k.falseEasting + k.scale*imag(sum), k.scale * real(sum)
}

// grid calls f for positions over Sweden and some degrees beyond.
func grid(step float64, f func(lon, lat float64)) {
	for lon := 6.0; lon <= 29; lon += step {
		for lat := 52.0; lat <= 72; lat += step {
			f(lon+0.0123, lat+0.0321)
		}
	}
}

func TestAgreesWithTheExactProjection(t *testing.T) {
	t.Parallel()
	for _, s := range supported() {
		if s.Geographic() {
			continue
		}
		worst, far := 0.0, 0.0
		grid(0.9, func(lon, lat float64) {
			e, n := s.Forward(lon, lat)
			e2, n2 := exact(s.plane, lon, lat)
			off := math.Hypot(e-e2, n-n2)
			if math.Abs(lon-s.plane.meridian) <= 10 {
				worst = max(worst, off)
			}
			far = max(far, off)
		})
		if !(worst <= 1e-6) || !(far <= 2e-6) {
			t.Errorf("%s: %g m off within 10 degrees of the central meridian, %g m beyond", s, worst, far)
		}
		t.Logf("%s: at most %.1g m off within 10 degrees, %.1g m up to 17", s, worst, far)
	}
}

func TestExactProjectionGivesCheckPoints(t *testing.T) {
	t.Parallel()
	for _, p := range published() {
		e, n := exact(system(t, p.epsg).plane, p.lon, p.lat)
		if !(math.Abs(e-p.easting) <= 0.00051) || !(math.Abs(n-p.northing) <= 0.00051) {
			t.Errorf("EPSG:%d (%g, %g): %.6f, %.6f, want %.3f, %.3f", p.epsg, p.lon, p.lat, e, n, p.easting, p.northing)
		}
	}
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for _, s := range supported() {
		worst := 0.0
		grid(0.23, func(lon, lat float64) {
			lon2, lat2 := s.Inverse(s.Forward(lon, lat))
			worst = max(worst, metresApart(lon, lat, lon2, lat2))
		})
		if !(worst <= 0.00001) {
			t.Errorf("%s: a round trip is %g m off", s, worst)
		}
		t.Logf("%s: a round trip is at most %.1g m off", s, worst)
	}
}

func TestForwardOfWhatMeansNothingDoesNotPanic(t *testing.T) {
	t.Parallel()
	for _, s := range supported() {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 0, 90, -90, 105} {
			for _, w := range []float64{math.NaN(), math.Inf(1), 90, -90, 0, 1e308} {
				_ = fmt.Sprint(s.Forward(v, w))
				_ = fmt.Sprint(s.Inverse(v, w))
			}
		}
	}
}

func TestByEPSG(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]int{
		3006: 3006, 3007: 3007, 3012: 3012, 3018: 3018, 4326: 4326, 4258: 4258,
		4619: 4258, 4937: 4258, 4977: 4258, 4979: 4326, 25833: 3006, 3045: 3006, 5845: 3006, 5850: 3011, 5857: 3018,
	} {
		if got := system(t, code).EPSG(); got != want {
			t.Errorf("EPSG:%d is read as %d, want %d", code, got, want)
		}
	}
	for code, want := range map[int]string{
		3021:  "EPSG:3021 (RT90 2.5 gon V) is not supported; convert to SWEREF 99 TM (EPSG:3006)",
		3857:  "EPSG:3857 (Web Mercator) is not supported; convert to SWEREF 99 TM (EPSG:3006)",
		31370: "EPSG:31370 is not supported; convert to SWEREF 99 TM (EPSG:3006)",
		3005:  "EPSG:3005 is not supported; convert to SWEREF 99 TM (EPSG:3006)",
		-1:    "EPSG:-1 is not supported; convert to SWEREF 99 TM (EPSG:3006)",
	} {
		if s, err := ByEPSG(code); err == nil || err.Error() != want {
			t.Errorf("EPSG:%d: %v, %v, want the error %q", code, s, err, want)
		}
	}
}

func BenchmarkInverse(b *testing.B) {
	s := system(b, 3006)
	sum := 0.0
	for i := range b.N {
		lon, _ := s.Inverse(500_000+float64(i%100_000), 6_600_000)
		sum += lon
	}
	if math.IsNaN(sum) {
		b.Fatal(sum)
	}
}
