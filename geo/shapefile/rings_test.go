package shapefile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// turned is a ring in the other direction.
func turned(r []orb.Point) []orb.Point {
	out := slices.Clone(r)
	slices.Reverse(out)
	return out
}

func TestRolesOfRings(t *testing.T) {
	t.Parallel()
	outside, hole, island, pond := square(0, 0, 100), square(10, 10, 50), square(20, 20, 20), square(25, 25, 5)
	beside := square(200, 0, 10)
	tests := []struct {
		rule  string
		rings [][]orb.Point
		want  [][]int // polygons of rings by their place above, the outside first
	}{
		{"one ring is an outside", [][]orb.Point{outside}, [][]int{{0}}},
		{"even when it is written as a hole", [][]orb.Point{turned(outside)}, [][]int{{0}}},
		{"two beside each other", [][]orb.Point{outside, beside}, [][]int{{0}, {1}}},
		{"two beside each other, one as a hole", [][]orb.Point{outside, turned(beside)}, [][]int{{0}, {1}}},
		{"a hole", [][]orb.Point{outside, turned(hole)}, [][]int{{0, 1}}},
		{"a hole that is written as an outside", [][]orb.Point{outside, hole}, [][]int{{0, 1}}},
		{"a hole before its outside", [][]orb.Point{turned(hole), outside}, [][]int{{1, 0}}},
		{"a hole of the first after the second", [][]orb.Point{outside, beside, turned(hole)}, [][]int{{0, 2}, {1}}},
		{"an island in a hole", [][]orb.Point{outside, turned(hole), island}, [][]int{{0, 1}, {2}}},
		{"a pond on an island in a hole, in any order", [][]orb.Point{pond, island, hole, outside}, [][]int{{3, 2}, {1, 0}}},
		{"a hole that touches its outside in a vertex", [][]orb.Point{outside, {{0, 0}, {10, 5}, {5, 10}, {0, 0}}}, [][]int{{0, 1}}},
		{"an island that touches its hole in a vertex", [][]orb.Point{outside, hole, {{10, 10}, {15, 12}, {12, 15}, {10, 10}}}, [][]int{{0, 1}, {2}}},
		{"two that touch from outside in a vertex", [][]orb.Point{outside, square(100, 100, 5)}, [][]int{{0}, {1}}},
		{"two that share an edge from outside", [][]orb.Point{outside, square(100, 20, 30)}, [][]int{{0}, {1}}},
		{"two holes that touch", [][]orb.Point{outside, square(10, 10, 10), square(20, 20, 10)}, [][]int{{0, 1, 2}}},
		{"not closed", [][]orb.Point{outside[:4], hole[:4]}, [][]int{{0, 1}}},
		{"a ring without area", [][]orb.Point{outside, {{300, 0}, {300, 5}, {300, 0}}}, [][]int{{0}, {1}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			var rings []orb.Ring
			for _, r := range tt.rings {
				rings = append(rings, slices.Clone(r))
			}
			got, err := polygons(rings)
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("got %v, %v", got, err)
			}
			for i, polygon := range tt.want {
				if len(got[i]) != len(polygon) {
					t.Fatalf("polygon %d has %d rings, want %d", i, len(got[i]), len(polygon))
				}
				for j, place := range polygon {
					if want := tt.rings[place]; !slices.Equal(got[i][j], want) && !slices.Equal(got[i][j], turned(want)) {
						t.Errorf("polygon %d, ring %d is %v, want %v", i, j, got[i][j], want)
					}
					if area := twiceArea(got[i][j]); area != 0 && (area < 0) != (j > 0) {
						t.Errorf("polygon %d, ring %d runs the wrong way", i, j)
					}
				}
			}
		})
	}
	if _, err := polygons([]orb.Ring{outside, {{0, 0}, {1, 1}}}); err == nil {
		t.Error("a ring of two vertices is none")
	}
}

// holds is the even-odd rule over rings, by itself.
func holds(rings []orb.Ring, p orb.Point) bool {
	inside := false
	for _, r := range rings {
		for i := range r {
			if x, ok := crossing(r[i], r[(i+1)%len(r)], p[1]); ok && x < p[0] {
				inside = !inside
			}
		}
	}
	return inside
}

// Whatever rings are like, also where they cross, sorting them must not change
// what they bound: a point is in an odd number of rings of one polygon, or of none.
func TestSortingRingsDoesNotChangeWhatTheyBound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		// Squares in squares, side by side, none crossing another.
		var rings []orb.Ring
		var fill func(x, y, side float64, depth int)
		fill = func(x, y, side float64, depth int) {
			if depth == 0 || r.IntN(4) == 0 {
				return
			}
			ring := square(x+side/10, y+side/10, side*0.8)
			if r.IntN(2) == 0 {
				ring = turned(ring)
			}
			rings = append(rings, ring)
			half := side * 0.35
			for i := range 4 {
				fill(x+side*0.12+float64(i%2)*side*0.38, y+side*0.12+float64(i/2)*side*0.38, half, depth-1)
			}
		}
		fill(0, 0, 1000, 4)
		r.Shuffle(len(rings), func(i, j int) { rings[i], rings[j] = rings[j], rings[i] })
		before := make([]orb.Ring, len(rings))
		for i := range rings {
			before[i] = slices.Clone(rings[i])
		}
		if len(rings) == 0 {
			continue
		}
		sorted, err := polygons(rings)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			p := orb.Point{r.Float64() * 1000, r.Float64() * 1000}
			in := 0
			for _, polygon := range sorted {
				if holds(polygon, p) {
					in++
				}
			}
			if want := holds(before, p); in > 1 || (in == 1) != want {
				t.Fatalf("%v is in %d polygons, and by the rings in the area: %t; %v", p, in, want, before)
			}
		}
	}
}

func TestManyIslands(t *testing.T) {
	t.Parallel()
	const across = 100
	var rings []orb.Ring
	coast := orb.Ring{}
	for i := range 100_000 {
		angle := 2 * math.Pi * float64(i) / 100_000
		coast = append(coast, orb.Point{5000 + 9000*math.Cos(angle), 5000 + 9000*math.Sin(angle)})
	}
	for i := range across * across {
		rings = append(rings, square(float64(i%across)*100, float64(i/across)*100, 50))
	}
	rings = append(rings, coast)
	n, err := nest(rings, maxLooks/100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range across * across {
		if n.depth[i] != 1 || n.parent[i] != across*across {
			t.Fatalf("island %d lies %d deep in ring %d", i, n.depth[i], n.parent[i])
		}
	}
}

// Edges as high as the whole, and many: the worst there is for strips.
func TestRingsThatCannotBeSortedAreRefused(t *testing.T) {
	t.Parallel()
	var rings []orb.Ring
	for i := range 3000 {
		x := float64(i)
		rings = append(rings, orb.Ring{{x, 0}, {x + 0.1, 1000 - x/10}, {x + 0.2, 0}})
	}
	_, err := nest(rings, 1_000_000)
	wantError(t, err, "its rings lie so densely")
}
