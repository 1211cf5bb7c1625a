package demo

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

func mustPlaces(t testing.TB) []place {
	t.Helper()
	places, err := readPlaces(strings.NewReader(placesCSV))
	if err != nil {
		t.Fatal(err)
	}
	return places
}

func mustBoundaries(t testing.TB) []Area {
	t.Helper()
	areas, err := Boundaries()
	if err != nil {
		t.Fatal(err)
	}
	return areas
}

func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	places := mustPlaces(t)
	if len(places) < 1600 {
		t.Errorf("%d places, want 1600 or more", len(places))
	}
	count := make(map[string]int)
	names := make(map[string]string)
	counties := make(map[string]string)
	for _, p := range places {
		count[p.Code]++
		names[p.Municipality] = p.Code
		// The first two digits of a municipality's code are its county.
		if c, known := counties[p.Code[:2]]; known && c != p.County {
			t.Errorf("%s lies in %s, but others of its county in %s", p.Municipality, p.County, c)
		}
		counties[p.Code[:2]] = p.County
	}
	if len(count) != 290 || len(names) != 290 || len(counties) != 21 {
		t.Errorf("%d codes, %d names and %d counties, want 290, 290 and 21", len(count), len(names), len(counties))
	}
	for code, n := range count {
		if n < 4 {
			t.Errorf("%s has %d places, want 4 or more", code, n)
		}
	}
}

func TestPlacesAreWellInsideTheOutline(t *testing.T) {
	t.Parallel()
	border := outline()
	for _, p := range mustPlaces(t) {
		at := project(p.Lon, p.Lat)
		if !within(at, border) {
			t.Errorf("%s, %s is outside", p.Name, p.Municipality)
		} else if d := distanceTo(border, at); d < 5000 {
			t.Errorf("%s, %s (%g, %g) is only %.0f m inside", p.Name, p.Municipality, p.Lat, p.Lon, d)
		}
	}
}

// distanceTo returns the distance of p to the sides of a polygon.
func distanceTo(polygon []xy, p xy) float64 {
	best := math.Inf(1)
	for k, a := range polygon {
		d := polygon[(k+1)%len(polygon)].minus(a)
		ap := p.minus(a)
		share := min(max((ap.x*d.x+ap.y*d.y)/d.squared(), 0), 1)
		best = min(best, ap.minus(xy{d.x * share, d.y * share}).squared())
	}
	return math.Sqrt(best)
}

func TestOutlineIsSimple(t *testing.T) {
	t.Parallel()
	border := outline()
	n := len(border)
	doubled := 0.0
	for k := range border {
		doubled += border[k].cross(border[(k+1)%n])
		for m := k + 2; m < n; m++ {
			if k == 0 && m == n-1 {
				continue // neighbours
			}
			if _, _, ok := intersect(border[k], border[k+1], border[m], border[(m+1)%n]); ok {
				t.Errorf("sides %d and %d cross", k, m)
			}
		}
	}
	if doubled <= 0 {
		t.Error("the outline runs clockwise")
	}
}

// TestAreasTileTheOutline: a random point within the outline lies in exactly
// one area, that of the nearest place; a point beyond it lies in none.
func TestAreasTileTheOutline(t *testing.T) {
	t.Parallel()
	areas, places, border := bounded(mustBoundaries(t)), mustPlaces(t), outline()
	random := rand.New(rand.NewPCG(3, 4))
	checked := 0
	for checked < 2000 {
		p := orb.Point{10 + 15*random.Float64(), 55 + 14.5*random.Float64()}
		at := project(p[0], p[1])
		got := codesAt(areas, p)
		if inside := within(at, border); distanceTo(border, at) < 2000 {
			continue // sides straight in the plane bend in degrees
		} else if !inside {
			if len(got) != 0 {
				t.Fatalf("%v is outside but lies in %v", p, got)
			}
			continue
		}
		checked++
		if len(got) != 1 {
			t.Fatalf("%v lies in %v, want one area", p, got)
		}
		own, other := math.Inf(1), math.Inf(1)
		for _, q := range places {
			d := haversine(p[0], p[1], q.Lon, q.Lat)
			if q.Code == got[0] {
				own = min(own, d)
			} else {
				other = min(other, d)
			}
		}
		if own > other*1.005+100 {
			t.Errorf("%v lies in %s, %.0f m away, but another area has a place at %.0f m", p, got[0], own, other)
		}
	}
}

// TestBordersAreShared: every directed edge of an area is, in the opposite
// direction, an edge of exactly one other area, or a piece of the outline.
func TestBordersAreShared(t *testing.T) {
	t.Parallel()
	edges := make(map[[2]orb.Point]string)
	for _, a := range mustBoundaries(t) {
		for _, polygon := range a.Geometry {
			for n, ring := range polygon {
				if want := [2]orb.Orientation{orb.CCW, orb.CW}[min(n, 1)]; ring.Orientation() != want {
					t.Errorf("ring %d of %s turns the wrong way", n, a.Name)
				}
				for k := range len(ring) - 1 {
					e := [2]orb.Point{ring[k], ring[k+1]}
					if other, twice := edges[e]; twice {
						t.Errorf("edge %v belongs to %s and %s", e, other, a.Name)
					}
					edges[e] = a.Name
				}
			}
		}
	}
	border := outline()
	for e, name := range edges {
		other, shared := edges[[2]orb.Point{e[1], e[0]}]
		if shared && other == name {
			t.Errorf("edge %v of %s has %s on both sides", e, name, name)
		}
		middle := project((e[0][0]+e[1][0])/2, (e[0][1]+e[1][1])/2)
		if !shared && distanceTo(border, middle) > 2000 {
			t.Errorf("edge %v of %s has no other side", e, name)
		}
	}
}

func TestSeatsAnswer(t *testing.T) {
	t.Parallel()
	areas := bounded(mustBoundaries(t))
	for _, a := range areas {
		if got := codesAt(areas, a.Seat); len(got) != 1 || got[0] != a.Code {
			t.Errorf("the seat of %s %s answers %v", a.Code, a.Name, got)
		}
	}
	if got := codesAt(areas, orb.Point{17.3069, 62.3908}); len(got) != 1 || got[0] != "2281" {
		t.Errorf("Sundsvall answers %v, want 2281", got)
	}
}

func TestBoundariesAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	a, b := mustBoundaries(t), mustBoundaries(t)
	for i := range a {
		if !orb.Equal(a[i].Geometry, b[i].Geometry) {
			t.Errorf("%s differs", a[i].Name)
		}
	}
}

func BenchmarkBoundaries(b *testing.B) {
	for b.Loop() {
		if _, err := Boundaries(); err != nil {
			b.Fatal(err)
		}
	}
}
