package sweref

import "math"

// The GRS 80 ellipsoid (Moritz, Geodetic Reference System 1980).
const (
	semiMajor  = 6378137.0 // metres
	flattening = 1 / 298.257222101
)

// krueger is the transverse Mercator projection of the GRS 80 ellipsoid by the
// series of L. Krüger (Konforme Abbildung des Erdellipsoids in der Ebene, 1912),
// as Lantmäteriet publishes it ("Gauss Conformal Projection (Transverse
// Mercator), Krüger's Formulas"), to the fourth power of the third flattening n:
// the fifth is worth 0.1 micrometre. The conformal latitude is computed in closed
// form (Karney, Transverse Mercator with an accuracy of a few nanometers, 2011)
// instead of by Lantmäteriet's second series.
type krueger struct {
	meridian     float64 // degrees east
	scale        float64 // on the central meridian
	falseEasting float64 // metres; the false northing is 0 in all of Sweden's systems

	radius      float64 // of the sphere with the same meridian, times scale
	alpha, beta [4]float64
}

// prepared computes what depends on the ellipsoid alone.
func (k krueger) prepared() krueger {
	const n = flattening / (2 - flattening)
	const n2, n3, n4 = n * n, n * n * n, n * n * n * n
	k.radius = k.scale * semiMajor / (1 + n) * (1 + n2/4 + n4/64)
	k.alpha = [4]float64{
		n/2 - 2*n2/3 + 5*n3/16 + 41*n4/180,
		13*n2/48 - 3*n3/5 + 557*n4/1440,
		61*n3/240 - 103*n4/140,
		49561 * n4 / 161280,
	}
	k.beta = [4]float64{
		n/2 - 2*n2/3 + 37*n3/96 - n4/360,
		n2/48 + n3/15 - 437*n4/1440,
		17*n3/480 - 37*n4/840,
		4397 * n4 / 161280,
	}
	return k
}

const degree = math.Pi / 180

func (k krueger) forward(lon, lat float64) (easting, northing float64) {
	sinLon, cosLon := math.Sincos((lon - k.meridian) * degree)
	t := conformal(math.Tan(lat * degree))
	xi, eta := math.Atan2(t, cosLon), math.Asinh(sinLon/math.Hypot(t, cosLon))
	dXi, dEta := series(k.alpha, xi, eta)
	return k.falseEasting + k.radius*(eta+dEta), k.radius * (xi + dXi)
}

func (k krueger) inverse(easting, northing float64) (lon, lat float64) {
	xi, eta := northing/k.radius, (easting-k.falseEasting)/k.radius
	dXi, dEta := series(k.beta, xi, eta)
	xi, eta = xi-dXi, eta-dEta
	sinXi, cosXi := math.Sincos(xi)
	sinhEta := math.Sinh(eta)
	t := sinXi / math.Hypot(sinhEta, cosXi)
	return k.meridian + math.Atan2(sinhEta, cosXi)/degree, math.Atan(geodetic(t)) / degree
}

// series sums the terms sin(2j(xi + i eta)), j from 1, each times its coefficient.
// The sines and cosines of multiples follow from the first by recurrence.
func series(coefficients [4]float64, xi, eta float64) (dXi, dEta float64) {
	sin, cos := math.Sincos(2 * xi)
	sinh, cosh := math.Sinh(2*eta), math.Cosh(2*eta)
	s, c, sh, ch := sin, cos, sinh, cosh
	for _, a := range coefficients {
		dXi += a * s * ch
		dEta += a * c * sh
		s, c = s*cos+c*sin, c*cos-s*sin
		sh, ch = sh*cosh+ch*sinh, ch*cosh+sh*sinh
	}
	return dXi, dEta
}

const eccentricity2 = flattening * (2 - flattening)

// conformal turns the tangent of a geodetic latitude into that of the conformal one.
func conformal(tau float64) float64 {
	e := math.Sqrt(eccentricity2)
	secant := math.Hypot(1, tau)
	sigma := math.Sinh(e * math.Atanh(e*tau/secant))
	return tau*math.Hypot(1, sigma) - sigma*secant
}

// geodetic is the inverse of conformal, by Newton's method: the error of the
// first guess is of the order of e² and squares with each of the three steps.
func geodetic(t float64) float64 {
	tau := t / (1 - eccentricity2)
	for range 3 {
		at := conformal(tau)
		slope := (1 - eccentricity2) * math.Hypot(1, at) * math.Hypot(1, tau) / (1 + (1-eccentricity2)*tau*tau)
		tau += (t - at) / slope
	}
	return tau
}
