package geo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

func compared(t *testing.T, old, now []Feature) (a, b *Index, c Comparison) {
	t.Helper()
	a, _, err := Build(old)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err = Build(now)
	if err != nil {
		t.Fatal(err)
	}
	c, err = Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return a, b, c
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const u = 10_000 // 111 m
	named := func(f Feature, name string) Feature { f.Name = name; return f }
	a, b := square("a", 0, 0, u, u), square("b", u, 0, 2*u, u)
	tests := []struct {
		name     string
		old, now []Feature
		want     string
	}{
		{"nothing changed", []Feature{a, b}, []Feature{b, a}, "same 2"},
		{"a ring that begins elsewhere", []Feature{a, b},
			[]Feature{a, triangle("b", point{2 * u, u}, point{u, u}, point{u, 0}, point{2 * u, 0})}, "same 2"},
		{"another name", []Feature{named(a, "Lake")}, []Feature{named(a, "Sea")}, "same 1, a Lake→Sea"},
		{"ground changes hands", []Feature{a, b}, []Feature{square("a", 0, 0, 2*u, u/2), triangle("b", point{0, u / 2}, point{2 * u, u / 2}, point{2 * u, u}, point{0, u})},
			"same 0, a→b 0.5 in 1, b→a 0.5 in 1"},
		{"a new code", []Feature{a, b}, []Feature{square("c", 0, 0, u, u), b}, "same 1, +c [a 1], -a [c 1], a→c 1 in 1"},
		{"a split", []Feature{square("a", 0, 0, 4*u, u)}, []Feature{square("a", 0, 0, 3*u, u), square("c", 3*u, 0, 4*u, u)},
			"same 0, +c [a 1], a→c 1 in 1"},
		{"a merger", []Feature{a, b}, []Feature{square("c", 0, 0, 2*u, u)}, "same 0, +c [a 0.5 b 0.5], -a [c 1], -b [c 1], a→c 1 in 1, b→c 1 in 1"},
		{"land is lost to the sea", []Feature{square("a", 0, 0, 2*u, u)}, []Feature{a}, "same 0, a→ 1 in 1"},
		{"an area is drawn in an overlap: the smaller owns it", []Feature{square("a", 0, 0, 3*u, 3*u)},
			[]Feature{square("a", 0, 0, 3*u, 3*u), square("b", u, u, 2*u, 2*u)}, "same 1, +b [a 1], a→b 1 in 1"},
		{"a border written with fewer digits", []Feature{a, b}, []Feature{square("a", 0, 0, u+40, u), square("b", u+40, 0, 2*u, u)}, "same 0"},
		{"a border half a metre and more aside", []Feature{a, b}, []Feature{square("a", 0, 0, u+500, u), square("b", u+500, 0, 2*u, u)},
			"same 0, b→a 0.05 in 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, c := compared(t, tt.old, tt.now)
			if got := sayComparison(c, equatorUnit()*u*u); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func sayComparison(c Comparison, unit float64) string {
	round := func(f float64) float64 { return math.Round(f*1000) / 1000 }
	shares := func(list []Share) []string {
		var out []string
		for _, s := range list {
			out = append(out, fmt.Sprint(s.Code, " ", round(s.Share)))
		}
		slices.Sort(out)
		return out
	}
	s := fmt.Sprint("same ", c.Same)
	for _, n := range c.Added {
		s += fmt.Sprint(", +", n.Code, " ", shares(n.From))
	}
	for _, g := range c.Removed {
		s += fmt.Sprint(", -", g.Code, " ", shares(g.To))
	}
	for _, r := range c.Renamed {
		s += fmt.Sprintf(", %s %s→%s", r.Code, r.Old, r.New)
	}
	var moved []string
	for _, m := range c.Moved {
		moved = append(moved, fmt.Sprintf(", %s→%s %v in %d", m.From, m.To, round(m.SquareMetres/unit), m.Places))
	}
	slices.Sort(moved)
	for _, m := range moved {
		s += m
	}
	return s
}

// TestMovesEqualSampling compares random sets of overlapping triangles with what
// the two indexes answer at random points.
func TestMovesEqualSampling(t *testing.T) {
	t.Parallel()
	const size, samples = 100_000, 40_000
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 24))
		set := func() (areas []Feature) {
			for k := range 12 {
				p := func() point { return point{r.Int32N(11) * size / 10, r.Int32N(size + 1)} }
				areas = append(areas, triangle(fmt.Sprint(k%7), p(), p(), p()))
			}
			return areas
		}
		old, now, c := compared(t, set(), set())
		type pair [2]string
		sampled := map[pair]float64{}
		for range samples {
			lon, lat := toDegrees(r.Int32N(size)), toDegrees(r.Int32N(size))
			from, _ := old.Owner(lon, lat)
			to, _ := now.Owner(lon, lat)
			if p := (pair{codeOf(old, from), codeOf(now, to)}); p[0] != p[1] {
				sampled[p] += 1.0 / samples
			}
		}
		for _, m := range c.Moved {
			p := pair{m.From, m.To}
			if got := m.SquareMetres / equatorUnit() / size / size; math.Abs(got-sampled[p]) > 5*math.Sqrt(max(got, 1e-4)/samples) {
				t.Errorf("seed %d: %v of the ground moved %q, by sampling %v", seed, got, p, sampled[p])
			}
			delete(sampled, p)
			from, _ := old.Owner(m.At[0], m.At[1])
			to, _ := now.Owner(m.At[0], m.At[1])
			if m.SquareMetres > 1000 && (codeOf(old, from) != m.From || codeOf(now, to) != m.To) {
				t.Errorf("seed %d: %+v is told of a place of %s, then %s", seed, m, codeOf(old, from), codeOf(now, to))
			}
		}
		for p, share := range sampled {
			if share > 10.0/samples {
				t.Errorf("seed %d: %v of the ground moved %q and is not told", seed, share, p)
			}
		}
	}
}

// TestRealMergerIsRecognised merges two real municipalities and writes all
// borders with six decimals, as another publisher would.
func TestRealMergerIsRecognised(t *testing.T) {
	t.Parallel()
	f, err := os.Open(dataFile(t, "se-municipalities-detailed.geojson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	old, _ := detailedIndex(t)
	b := &Builder{}
	err = ReadGeoJSON(f, ReadOptions{}, func(f Feature) error {
		for _, polygon := range f.Geometry.(orb.MultiPolygon) {
			for _, ring := range polygon {
				for i := range ring {
					ring[i] = orb.Point{math.Round(ring[i][0]*1e6) / 1e6, math.Round(ring[i][1]*1e6) / 1e6}
				}
			}
		}
		if f.Code == "0330" || f.Code == "0331" {
			f.Code, f.Name = "0332", "Merged"
		}
		return b.Add(f)
	})
	if err != nil {
		t.Fatal(err)
	}
	now, _, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(old, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d same, %d added, %d removed, %d moved, %.0f m² by rounding", c.Same, len(c.Added), len(c.Removed), len(c.Moved), c.Rerounded)
	if len(c.Moved) != 2 || len(c.Added) != 1 || len(c.Removed) != 2 {
		t.Errorf("added %+v, removed %+v, moved %+v", c.Added, c.Removed, c.Moved)
	}
	for _, gone := range c.Removed {
		if len(gone.To) != 1 || gone.To[0].Code != "0332" || gone.To[0].Share < 0.9999 {
			t.Errorf("%s went to %+v", gone.Code, gone.To)
		}
	}
	self, err := Compare(old, old)
	if err != nil || self.Same != old.Len() || len(self.Moved) > 0 {
		t.Errorf("compared with itself: %+v, %v", self, err)
	}
}
