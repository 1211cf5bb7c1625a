package geo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

// scribble is areas of long edges that all cross each other.
func scribble(r *rand.Rand, areas, vertices int) []Feature {
	out := make([]Feature, areas)
	for i := range out {
		ring := make(orb.Ring, vertices)
		for k := range ring {
			ring[k] = orb.Point{r.Float64() * 170, r.Float64()*180 - 90}
		}
		out[i] = Feature{Code: fmt.Sprint(i), Geometry: orb.MultiPolygon{{ring}}}
	}
	return out
}

func TestCrossingEdgesNeedBoundedMemory(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []struct{ areas, vertices int }{{1, 600}, {20, 30}, {150, 6}} {
		areas := scribble(r, size.areas, size.vertices)
		index, report, err := Build(areas)
		if err != nil {
			t.Fatal(err)
		}
		if words := len(index.leaves); words > edgeWords*(freeCost+(costPerEdge+40)*report.Edges) {
			t.Errorf("%v: %d words of leaves for %d edges", size, words, report.Edges)
		}
		brute := newBruteForce(index, areas)
		for range 100 {
			p := point{toUnit(r.Float64() * 170), toUnit(r.Float64()*180 - 90)}
			checkPoint(t, index, p, brute.holders(p.x, p.y))
		}
	}
}

func TestManyAreasAtOnePlace(t *testing.T) {
	t.Parallel()
	stack := func(n int) []Feature {
		areas := make([]Feature, n)
		for i := range areas {
			d := float64(i) / unitsPerDegree
			areas[i] = Feature{Code: fmt.Sprintf("%04d", i), Geometry: orb.MultiPolygon{{box(10-d, 60-d, 10.001+d, 60.001+d)}}}
		}
		return areas
	}
	index, _, err := Build(stack(300))
	if err != nil {
		t.Fatal(err)
	}
	brute := newBruteForce(index, stack(300))
	for d := int32(-310); d < 12_000; d += 7 {
		p := point{toUnit(10) + d, toUnit(60) + d}
		checkPoint(t, index, p, brute.holders(p.x, p.y))
	}
	if _, _, err := Build(stack(maxOverlap + 2)); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("Build of %d areas on each other: %v, want a refusal", maxOverlap+2, err)
	}
}

// A star of many areas meets in one vertex, which no cutting separates.
func TestManyAreasAtOneVertex(t *testing.T) {
	t.Parallel()
	const rays = 64
	var areas []Feature
	rim := func(i int) point {
		k := int32(i%rays) * 1000
		side := int32(rays / 4 * 1000)
		switch i % rays * 4 / rays {
		case 0:
			return point{k - side/2, -side / 2}
		case 1:
			return point{side / 2, k - side - side/2}
		case 2:
			return point{side/2 - (k - 2*side), side / 2}
		default:
			return point{-side / 2, side/2 - (k - 3*side)}
		}
	}
	for i := range rays {
		areas = append(areas, Feature{Code: fmt.Sprintf("%02d", i), Geometry: orb.MultiPolygon{{unitRing(point{}, rim(i), rim(i+1))}}})
	}
	index, _, err := Build(areas)
	if err != nil {
		t.Fatal(err)
	}
	brute := newBruteForce(index, areas)
	for x := int32(-20); x <= 20; x++ {
		for y := int32(-20); y <= 20; y++ {
			want := brute.holders(x, y)
			if len(want) != 1 {
				t.Fatalf("(%d, %d) has owners %v by the rule itself", x, y, want)
			}
			checkPoint(t, index, point{x, y}, want)
		}
	}
	if near := index.Nearest(orb.Point{0, 0}, 1, rays); len(near) != rays {
		t.Errorf("%d areas near their common vertex, want %d", len(near), rays)
	}
}
