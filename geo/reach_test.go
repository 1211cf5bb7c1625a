package geo

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/paulmach/orb"
)

// checkReach compares LocateWithin with what Locate says, cut at the reach.
func checkReach(t *testing.T, index *Index, p orb.Point, accuracy, reach float64) {
	t.Helper()
	want := index.Locate(p, accuracy)
	if !(accuracy > 0) {
		accuracy = 0
	}
	if !(reach > accuracy) {
		reach = accuracy
	}
	if want.BorderMetres > reach || want.BorderMetres == MaxDistance {
		want.BorderMetres, want.Beyond = reach, None
		want.Nearest = Near{None, reach}
	} else if want.Owner != None {
		want.Nearest.Metres = reach // nobody is nearest
	}
	got := index.LocateWithin(p, accuracy, reach)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("LocateWithin(%v, %v, %v) =\n%+v, want\n%+v", p, accuracy, reach, got, want)
	}
}

func TestReachOnlyCutsDistances(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(21, 22))
	for _, step := range []int64{300, 20_000, 400_000} {
		tiles := newTiling(r, 6, 6, 8, step)
		tiles.moveTo(16_0000000, 63_0000000)
		index, _, err := Build(tiles.areas)
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			p := tiles.point(r)
			at := unitPoint(p.x, p.y)
			for _, reach := range []float64{0, 1, 50, 2000} {
				checkReach(t, index, at, 0, reach)
				checkReach(t, index, at, 50, reach)
			}
		}
	}
	overlapping := country(t)
	for range 2000 {
		p := orb.Point{15.9 + 2.3*r.Float64(), 61.8 + 1.3*r.Float64()}
		checkReach(t, overlapping, p, 300*r.Float64(), 3000*r.Float64())
	}
}

func TestReachOnlyCutsDistancesOfRealBorders(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	early := 0
	for i, p := range goldenPoints(t) {
		if i%7 == 0 {
			checkReach(t, index, p.at, 50, []float64{50, 300, 5000}[i%3])
		}
		c, shift, inGrid := index.find(p.at[0], p.at[1])
		if inGrid && index.isAlone(c, shift, p.at[1], 100) {
			early++
			if d := index.Locate(p.at, 0).BorderMetres; d <= 100 {
				t.Errorf("%v: answered without a search, but a border is %v m away", p.at, d)
			}
		}
	}
	t.Logf("%d points need no search for 50 m", early)
	if early < 10_000 {
		t.Errorf("only %d points are answered without a search", early)
	}
}

func TestReachThatIsNoDistance(t *testing.T) {
	t.Parallel()
	index := country(t)
	near := orb.Point{17 - 20/51_900.0, 62.35} // 20 m west of a border
	tests := []struct {
		rule            string
		accuracy, reach float64
		border          float64
		beyond          int
	}{
		{"no number counts as the accuracy", 10, math.NaN(), 10, None},
		{"below the accuracy it counts as the accuracy", 40, -5, 20, east},
		{"more than is measured counts as all that is", 0, math.Inf(1), 20, east},
		{"an endless accuracy is capped too", math.Inf(1), 0, 20, east},
		{"nothing but the border itself lies within nothing", 0, 0, 0, None},
	}
	for _, tt := range tests {
		got := index.LocateWithin(near, tt.accuracy, tt.reach)
		if math.Abs(got.BorderMetres-tt.border) > 0.5 || got.Beyond != tt.beyond || got.Owner != west {
			t.Errorf("%s: %+v, want the border at %v m and %d beyond", tt.rule, got, tt.border, tt.beyond)
		}
	}
}
