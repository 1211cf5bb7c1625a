package demo

import (
	"fmt"
	"math"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"
)

func TestProjectionKeepsDistances(t *testing.T) {
	t.Parallel()
	for lat := 55.0; lat <= 69; lat += 2 {
		for lon := 10.5; lon <= 24.5; lon += 2 {
			for _, step := range [][2]float64{{0.1, 0}, {0, 0.1}, {0.1, 0.1}} {
				a, b := project(lon, lat), project(lon+step[0], lat+step[1])
				plane := math.Sqrt(b.minus(a).squared())
				ground := haversine(lon, lat, lon+step[0], lat+step[1])
				if math.Abs(plane/ground-1) > 0.006 {
					t.Errorf("%v from %g, %g: %.0f m in the plane, %.0f m on the ground", step, lat, lon, plane, ground)
				}
			}
			if back := unproject(project(lon, lat)); back != (gridPoint{int64(math.Round(lon * 1e7)), int64(math.Round(lat * 1e7))}) {
				t.Errorf("%g, %g comes back as %v", lat, lon, back)
			}
		}
	}
}

// TestPartitionProperties divides a small outline with a bay among random
// sites: the areas add up to the outline, and each point of it lies in the area
// of its nearest site.
func TestPartitionProperties(t *testing.T) {
	t.Parallel()
	var bay []xy
	for _, p := range [][2]float64{{15, 60}, {15.7, 60.9}, {16, 60}, {17, 60.1}, {17.1, 61.3}, {15.2, 61.2}} {
		bay = append(bay, project(p[0], p[1]))
	}
	coordinate := rapid.IntRange(0, 12000)
	rapid.Check(t, func(t *rapid.T) {
		sites := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) xy {
			return project(15+float64(coordinate.Draw(t, "lon"))/5791, 60+float64(coordinate.Draw(t, "lat"))/9973)
		}), 1, 40, rapid.ID[xy]).Draw(t, "sites")
		areas := rapid.IntRange(1, len(sites)).Draw(t, "areas")
		owners := make([]int, len(sites))
		for i := range owners {
			owners[i] = i % areas
		}
		var all []boundedArea
		total := 0.0
		for i, edges := range partition(sites, owners, bay) {
			if len(edges) == 0 {
				continue // all its cells lie outside
			}
			geometry, err := dissolve(edges)
			if err != nil {
				t.Fatal(err)
			}
			total += planeArea(geometry)
			all = append(all, boundedArea{Area{Code: fmt.Sprint(i), Geometry: geometry}, geometry.Bound()})
		}
		checkNearest(t, sites, owners, bay, all)
		if want := ringArea(bay); math.Abs(total/want-1) > 1e-6 {
			t.Errorf("the areas make %.0f of the outline's %.0f m²", total, want)
		}
	})
}

// TestPartitionOfALattice: four sites on one circle meet in one corner, which
// every three of them compute a little differently.
func TestPartitionOfALattice(t *testing.T) {
	t.Parallel()
	var sites []xy
	var owners []int
	middle := project(16.5, 62)
	for i := range 64 {
		sites = append(sites, xy{middle.x + 7000*float64(i%8) + 1, middle.y + 7000*float64(i/8)})
		owners = append(owners, (i/8+i)%2) // a chessboard
	}
	low, high := sites[0].minus(xy{9000, 9000}), sites[63].minus(xy{-9000, -9000})
	square := []xy{low, {high.x, low.y}, high, {low.x, high.y}}
	total := 0.0
	for i, edges := range partition(sites, owners, square) {
		geometry, err := dissolve(edges)
		if err != nil {
			t.Fatal(err)
		}
		if len(geometry) != 32 {
			t.Errorf("area %d has %d polygons, want the 32 fields of one colour", i, len(geometry))
		}
		total += planeArea(geometry)
	}
	if want := ringArea(square); math.Abs(total/want-1) > 1e-6 {
		t.Errorf("the areas make %.0f of the outline's %.0f m²", total, want)
	}
}

// planeArea is the area of polygons in the plane in square metres; holes turn
// the other way and count against it.
func planeArea(polygons orb.MultiPolygon) float64 {
	total := 0.0
	for _, polygon := range polygons {
		for _, ring := range polygon {
			var points []xy
			for _, p := range ring[1:] {
				points = append(points, project(p[0], p[1]))
			}
			total += ringArea(points)
		}
	}
	return total
}

func ringArea(points []xy) float64 {
	doubled := 0.0
	for k, p := range points {
		// From the first point on, to keep the products small.
		doubled += p.minus(points[0]).cross(points[(k+1)%len(points)].minus(points[0]))
	}
	return doubled / 2
}

// checkNearest compares areas with the nearest site at random points, away from
// lines that bend between plane and degrees.
func checkNearest(t *rapid.T, sites []xy, owners []int, border []xy, areas []boundedArea) {
	g := newGrid(sites)
	for n := range 20 {
		p := orb.Point{
			rapid.Float64Range(14.9, 17.2).Draw(t, fmt.Sprint("lon", n)),
			rapid.Float64Range(59.9, 61.4).Draw(t, fmt.Sprint("lat", n)),
		}
		at := project(p[0], p[1])
		nearest, others := noSite, math.Inf(1)
		for i, s := range sites {
			if nearest == noSite || s.minus(at).squared() < sites[nearest].minus(at).squared() {
				nearest = i
			}
		}
		if got := g.nearest(at); got != nearest {
			t.Fatalf("the grid finds site %d, but %d is nearest to %v", got, nearest, p)
		}
		for i, s := range sites {
			if owners[i] != owners[nearest] {
				others = min(others, math.Sqrt(s.minus(at).squared()))
			}
		}
		if distanceTo(border, at) < 2000 || others-math.Sqrt(sites[nearest].minus(at).squared()) < 2000 {
			continue
		}
		got := codesAt(areas, p)
		if !within(at, border) {
			if len(got) != 0 {
				t.Errorf("%v is outside but lies in %v", p, got)
			}
		} else if len(got) != 1 || got[0] != fmt.Sprint(owners[nearest]) {
			t.Errorf("%v lies in %v, want area %d", p, got, owners[nearest])
		}
	}
}

func TestDissolve(t *testing.T) {
	t.Parallel()
	loop := func(points ...gridPoint) []borderEdge {
		var edges []borderEdge
		for i, p := range points {
			edges = append(edges, borderEdge{p, points[(i+1)%len(points)]})
		}
		return edges
	}
	square := func(lon, lat, size int64) []borderEdge {
		return loop(gridPoint{lon, lat}, gridPoint{lon + size, lat}, gridPoint{lon + size, lat + size}, gridPoint{lon, lat + size})
	}
	opposite := func(edges []borderEdge) (back []borderEdge) {
		for _, e := range edges {
			back = append(back, borderEdge{e.to, e.from})
		}
		return back
	}
	tests := []struct {
		name  string
		edges []borderEdge
		rings []int // rings of each polygon; nil for an error
	}{
		{"a square", square(0, 0, 10), []int{1}},
		{"two apart", append(square(0, 0, 10), square(20, 0, 10)...), []int{1, 1}},
		{"two that touch in a point", append(square(0, 0, 10), square(10, 10, 10)...), []int{1, 1}},
		{"a hole", append(square(0, 0, 10), opposite(square(3, 3, 3))...), []int{2}},
		{"a hole that touches the border", append(square(0, 0, 10), opposite(square(0, 3, 3))...), []int{2}},
		{"an island in a hole", append(append(square(0, 0, 10), opposite(square(2, 2, 6))...), square(4, 4, 2)...), []int{2, 1}},
		{"nothing", nil, nil},
		{"a border that does not close", square(0, 0, 10)[:3], nil},
		{"a hole in nothing", opposite(square(0, 0, 10)), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := dissolve(tt.edges)
			if (err != nil) != (tt.rings == nil) {
				t.Fatalf("got %v, %v", got, err)
			}
			if len(got) != len(tt.rings) {
				t.Fatalf("got %d polygons, want %d: %v", len(got), len(tt.rings), got)
			}
			for i, rings := range tt.rings {
				if len(got[i]) != rings {
					t.Errorf("polygon %d has %d rings, want %d", i, len(got[i]), rings)
				}
			}
		})
	}
}
