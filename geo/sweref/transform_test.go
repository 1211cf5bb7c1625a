package sweref

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

func toWGS84(t *testing.T, s *System, g orb.Geometry) orb.Geometry {
	t.Helper()
	out, err := s.ToWGS84(g)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// outermost are the systems between which all others lie.
func outermost(t *testing.T) []*System {
	t.Helper()
	return []*System{system(t, 3006), system(t, 3007), system(t, 3018)}
}

// edges are straight lines in a plane: short and long, in all directions, also
// where a system is at its worst.
func edges(s *System) [][2]orb.Point {
	r := rand.New(rand.NewPCG(1, 2)) // the same edges each time
	somewhere := func() orb.Point {
		return orb.Point{s.x.min + r.Float64()*(s.x.max-s.x.min), s.y.min + r.Float64()*(s.y.max-s.y.min)}
	}
	var out [][2]orb.Point
	for _, length := range []float64{100, 249, 251, 400, 4000, 19_999, 20_001, 60_000} {
		for range 12 {
			a, angle := somewhere(), 2*math.Pi*r.Float64()
			b := orb.Point{a[0] + length*math.Cos(angle), a[1] + length*math.Sin(angle)}
			if s.x.holds(b[0]) && s.y.holds(b[1]) {
				out = append(out, [2]orb.Point{a, b})
			}
		}
	}
	x, y := s.x, s.y
	return append(out,
		[2]orb.Point{{x.min, y.max}, {x.min + 250, y.max}},                                       // where the curvature is greatest, the longest that is not looked at
		[2]orb.Point{{x.max - 249, y.max}, {x.max, y.max}},                                       // the other side
		[2]orb.Point{{x.min, y.min}, {x.max, y.max}},                                             // the whole country
		[2]orb.Point{{x.min, y.max}, {x.max, y.min}},                                             // across
		[2]orb.Point{{x.min, y.max}, {x.max, y.max}},                                             // its northern border
		[2]orb.Point{{x.min, y.min}, {x.min, y.max}},                                             // its western border
		[2]orb.Point{{s.plane.falseEasting - 1000, y.min}, {s.plane.falseEasting + 1000, y.max}}, // over the central meridian
		[2]orb.Point{{s.plane.falseEasting, y.min}, {s.plane.falseEasting, y.max}},               // along it
	)
}

// offset is how far the edge from a to b, straight in the plane, is from a line in
// degrees, in metres: the greatest distance of finely spaced points.
func offset(s *System, a, b orb.Point, line orb.LineString) float64 {
	steps := max(200, 4*len(line))
	worst, at := 0.0, 0
	for i := range steps + 1 {
		f := float64(i) / float64(steps)
		lon, lat := s.Inverse(a[0]+f*(b[0]-a[0]), a[1]+f*(b[1]-a[1]))
		best := math.Inf(1)
		for j := at; j+1 < len(line) && j < at+3; j++ { // the pieces are passed in order
			if d := fromPiece(orb.Point{lon, lat}, line[j], line[j+1]); d < best {
				best, at = d, j
			}
		}
		worst = max(worst, best)
	}
	return worst
}

// fromPiece is the distance of a point from a straight line in degrees, in metres.
func fromPiece(p, a, b orb.Point) float64 {
	scale := math.Cos(p[1] * degree)
	ax, ay := (a[0]-p[0])*scale, a[1]-p[1]
	dx, dy := (b[0]-a[0])*scale, b[1]-a[1]
	f := min(1, max(0, -(ax*dx+ay*dy)/(dx*dx+dy*dy)))
	return 6_400_000 * degree * math.Hypot(ax+f*dx, ay+f*dy)
}

func TestEdgesBendByLessThanACentimetre(t *testing.T) {
	t.Parallel()
	for _, s := range outermost(t) {
		worst, most := 0.0, 0
		for _, e := range edges(s) {
			line, ok := toWGS84(t, s, orb.LineString{e[0], e[1]}).(orb.LineString)
			if !ok {
				t.Fatal("a line became something else")
			}
			off := offset(s, e[0], e[1], line)
			if !(off < 0.01) {
				t.Errorf("%s: the edge %v is %g m off with %d vertices", s, e, off, len(line))
			}
			worst, most = max(worst, off), max(most, len(line))
		}
		if worst < 0.003 {
			t.Errorf("%s: edges are at most %g m off: that many vertices are not needed", s, worst)
		}
		t.Logf("%s: edges bend by at most %.4f m, the longest has %d vertices", s, worst, most)
	}
}

func TestAnEdgeWithoutNewVerticesWouldBend(t *testing.T) {
	t.Parallel()
	s := system(t, 3006)
	a, b := orb.Point{600_000, 6_600_000}, orb.Point{660_000, 6_600_000}
	ends := orb.LineString{}
	for _, p := range []orb.Point{a, b} {
		lon, lat := s.Inverse(p[0], p[1])
		ends = append(ends, orb.Point{lon, lat})
	}
	if off := offset(s, a, b, ends); off < 60 {
		t.Errorf("60 km from west to east bend by %g m, known to be more than 60", off)
	}
}

func TestAnEdgeIsTheSameBothWays(t *testing.T) {
	t.Parallel()
	for _, s := range outermost(t) {
		for _, e := range edges(s) {
			there := toWGS84(t, s, orb.LineString{e[0], e[1]}).(orb.LineString)
			back := toWGS84(t, s, orb.Ring{e[1], e[0]}).(orb.Ring)
			slices.Reverse(back)
			if !slices.Equal([]orb.Point(there), []orb.Point(back)) {
				t.Errorf("%s: the edge %v has other vertices on its way back", s, e)
			}
		}
	}
}

func TestVerticesOfTheFileStay(t *testing.T) {
	t.Parallel()
	s := system(t, 3006)
	ring := orb.Ring{{500_000, 6_500_000}, {500_100, 6_500_000}, {540_000, 6_580_000}, {500_000, 6_500_000}}
	got := toWGS84(t, s, orb.MultiPolygon{{ring}}).(orb.MultiPolygon)[0][0]
	at := 0
	for _, p := range ring {
		lon, lat := s.Inverse(p[0], p[1])
		next := slices.Index(got[at:], orb.Point{lon, lat})
		if next < 0 {
			t.Fatalf("vertex %v is missing", p)
		}
		at += next
	}
	if at != len(got)-1 || got[0] != got[at] {
		t.Errorf("the ring is not closed by its first vertex")
	}
	if ring[2] != (orb.Point{540_000, 6_580_000}) || len(ring) != 4 {
		t.Errorf("the geometry given was changed: %v", ring)
	}
}

func TestAxesAreFoundOrRefused(t *testing.T) {
	t.Parallel()
	stockholm, swapped := orb.Point{674_032, 6_580_822}, orb.Point{6_580_822, 674_032}
	ring := func(p orb.Point) orb.Ring { return orb.Ring{p, {p[0] + 100, p[1]}, {p[0], p[1] + 100}, p} }
	tests := []struct {
		rule string
		epsg int
		g    orb.Geometry
		want string // error, or nothing where it lies near Stockholm
	}{
		{"easting first", 3006, stockholm, ""},
		{"northing first is recognised", 3006, swapped, ""},
		{"northing first in a polygon", 3006, orb.Polygon{ring(swapped)}, ""},
		{"northing first in a zone", 3011, orb.MultiPoint{{6_580_000, 154_000}}, ""},
		{"the geometry decides, not its part", 3006, orb.Collection{stockholm, orb.MultiLineString{{stockholm, swapped}}},
			"geometry 1, line 0, vertex 1 (6.580822e+06, 674032) has its axes in another order"},
		{"a point in the sea off Africa", 3006, orb.MultiPolygon{{ring(stockholm)}, {ring(stockholm), {{0, 0}}}},
			"polygon 1, ring 1, vertex 0 (0, 0) is not a position in SWEREF 99 TM (EPSG:3006)"},
		{"degrees said to be metres", 3006, orb.Point{18, 59}, "vertex 0 (18, 59) is not a position"},
		{"metres said to be degrees", 4326, stockholm, "is not a position in WGS 84"},
		{"RT 90 said to be a zone", 3011, orb.Point{1_628_315, 6_581_036}, "is not a position in SWEREF 99 18 00"},
		{"not a number", 3006, orb.LineString{stockholm, {math.NaN(), 6_580_000}}, "vertex 1 (NaN, 6.58e+06) is not finite"},
		{"infinite", 4326, orb.Point{18, math.Inf(-1)}, "vertex 0 (18, -Inf) is not finite"},
		{"huge", 3006, orb.Point{1e308, 1e308}, "is not a position"},
		{"degrees", 4326, orb.Point{18.06, 59.33}, ""},
		{"degrees of ETRS 89", 4258, orb.Point{18.06, 59.33}, ""},
		{"ETRS 89 with the latitude first, which is nowhere in Europe", 4258, orb.Point{59.33, 18.06}, ""},
		{"WGS 84 with the latitude first may be meant for the Arabian Sea", 4326, orb.Point{59.33, 18.06}, "the latitude comes before the longitude"},
		{"a bound is no geometry of a map", 3006, orb.Bound{Min: stockholm, Max: stockholm}, "geometries of type orb.Bound cannot be converted"},
		{"nothing", 3006, nil, "there is no geometry"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := system(t, tt.epsg).ToWGS84(tt.g)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, %v, want an error with %q", got, err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b := got.Bound(); b.Min[0] < 18.0 || b.Max[0] > 18.1 || b.Min[1] < 59.3 || b.Max[1] > 59.4 {
				t.Errorf("%v is not Stockholm", got)
			}
		})
	}
}

func TestSwappedAxesGiveTheSame(t *testing.T) {
	t.Parallel()
	s := system(t, 3006)
	line, mirrored := orb.LineString{}, orb.LineString{}
	for _, e := range edges(s)[:10] {
		for _, p := range e {
			line, mirrored = append(line, p), append(mirrored, orb.Point{p[1], p[0]})
		}
	}
	a, b := toWGS84(t, s, line).(orb.LineString), toWGS84(t, s, mirrored).(orb.LineString)
	if !slices.Equal(a, b) {
		t.Error("northing first gives another line")
	}
}

func TestOtherPlacesThanSwedenInWGS84(t *testing.T) {
	t.Parallel()
	s := system(t, 4326)
	for _, g := range []orb.Geometry{
		orb.Point{-73.9, 40.7}, orb.Point{55.27, 25.20}, orb.MultiPoint{{0, 0}, {180, 90}, {-180, -90}},
		orb.LineString{}, orb.MultiPolygon{},
	} {
		if got := toWGS84(t, s, g); !orb.Equal(got, g) {
			t.Errorf("%v became %v", g, got)
		}
	}
	if got := toWGS84(t, s, orb.LineString{{10, 20}, {40, 150}}); !orb.Equal(got, orb.LineString{{20, 10}, {150, 40}}) {
		t.Errorf("a latitude of 150 can only be a longitude: got %v", got)
	}
}

func TestHostileGeometriesAreRefused(t *testing.T) {
	t.Parallel()
	s := system(t, 3006)
	var nested orb.Geometry = orb.Point{500_000, 6_500_000}
	for range 10_000 {
		nested = orb.Collection{nested}
	}
	if _, err := s.ToWGS84(nested); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("collections 10,000 deep: %v", err)
	}
	zigzag := make(orb.LineString, 5000)
	for i := range zigzag {
		zigzag[i] = orb.Point{s.x.min + float64(i%2)*(s.x.max-s.x.min), s.y.max}
	}
	c := &converter{system: s, left: 10_000}
	if got := c.geometry(zigzag); c.err == nil || !strings.Contains(c.err.Error(), "edges are so long") || len(got.(orb.LineString)) > 20_000 {
		t.Errorf("edges across the country, again and again: %d vertices, %v", len(got.(orb.LineString)), c.err)
	}
}

func FuzzToWGS84(f *testing.F) {
	f.Add(3006, 674_032.0, 6_580_822.0, 6_580_822.0, 674_032.0)
	f.Add(3011, 154_000.0, 6_580_000.0, 250_000.0, 6_700_000.0)
	f.Add(4326, 18.0, 59.0, 59.0, 18.0)
	f.Add(4258, math.NaN(), 59.0, 59.0, math.Inf(1))
	f.Fuzz(func(t *testing.T, epsg int, x1, y1, x2, y2 float64) {
		s, err := ByEPSG(epsg)
		if err != nil {
			return
		}
		out, err := s.ToWGS84(orb.LineString{{x1, y1}, {x2, y2}})
		if err != nil {
			return
		}
		for _, p := range out.(orb.LineString) {
			if !(math.Abs(p[0]) <= 180) || !(math.Abs(p[1]) <= 90) {
				t.Fatalf("(%g, %g)-(%g, %g) gave %v", x1, y1, x2, y2, p)
			}
		}
	})
}
