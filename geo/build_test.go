package geo

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

func TestBuildRepairs(t *testing.T) {
	t.Parallel()
	square := box(10, 60, 11, 61)
	tests := []struct {
		rule     string
		geometry orb.MultiPolygon
		want     BuildReport // counts only
		note     string
	}{
		{"a sound polygon stays as it is", orb.MultiPolygon{{square}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4}, ""},
		{"an open ring is closed", orb.MultiPolygon{{square[:4]}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Closed: 1}, "feature 0 (a), polygon 0, ring 0: closed"},
		{"repeated vertices are dropped", orb.MultiPolygon{{{{10, 60}, {10, 60}, {11, 60}, {11, 60.00000001}, {11, 61}, {10, 61}, {10, 61}, {10, 60}}}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Repeated: 3}, "3 repeated vertices dropped"},
		{"a spike is dropped", orb.MultiPolygon{{{{10, 60}, {11, 60}, {12, 60.5}, {11, 60}, {11, 61}, {10, 61}, {10, 60}}}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Repeated: 1, Spikes: 1}, "1 spikes dropped"},
		{"a spike at the ring's start is dropped", orb.MultiPolygon{{{{9, 59}, {10, 60}, {11, 60}, {11, 61}, {10, 61}, {10, 60}, {9, 59}}}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Repeated: 1, Spikes: 1}, "1 spikes dropped"},
		{"a ring of two vertices is dropped", orb.MultiPolygon{{square, {{10.2, 60.2}, {10.3, 60.3}, {10.2, 60.2}}}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Repeated: 0, Spikes: 0, Dropped: 1}, "polygon 0, ring 1: dropped"},
		{"an outer ring that is dropped takes its holes along", orb.MultiPolygon{{{{1, 1}, {1, 1}}, box(1, 1, 2, 2)}, {square}},
			BuildReport{Areas: 1, Polygons: 1, Rings: 1, Vertices: 4, Edges: 4, Repeated: 0, Dropped: 1}, "polygon 0, ring 0: dropped"},
		{"the edge between two parts of an area bounds both", orb.MultiPolygon{{square}, {box(11, 60, 12, 61)}},
			BuildReport{Areas: 1, Polygons: 2, Rings: 2, Vertices: 8, Edges: 7, Shared: 1}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			index, report, err := Build([]Feature{{Code: "a", Geometry: tt.geometry}})
			if err != nil {
				t.Fatal(err)
			}
			got := *report
			got.Notes = nil
			if counts(got) != counts(tt.want) {
				t.Errorf("report %+v, want %+v", got, tt.want)
			}
			if tt.note == "" && len(report.Notes) > 0 || !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, tt.note) }) && tt.note != "" {
				t.Errorf("notes %q, want %q", report.Notes, tt.note)
			}
			if owner, ok := index.Owner(10.5, 60.5); !ok || owner != 0 {
				t.Errorf("Owner = %d, %v in the middle", owner, ok)
			}
			if _, ok := index.Owner(11.5, 60.8); ok != (len(tt.geometry) == 2 && len(tt.geometry[0]) == 1) {
				t.Errorf("owned outside: %v", ok)
			}
		})
	}
}

func counts(r BuildReport) [11]int {
	return [11]int{r.Areas, r.Merged, r.Polygons, r.Rings, r.Vertices, r.Edges, r.Shared, r.Closed, r.Repeated, r.Spikes, r.Dropped}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	square := orb.MultiPolygon{{box(10, 60, 11, 61)}}
	tests := []struct {
		rule  string
		areas []Feature
		want  string
	}{
		{"no areas", nil, "no areas"},
		{"no code", []Feature{{Code: "a", Geometry: square}, {Geometry: square}}, "feature 1: it has no code"},
		{"no ring", []Feature{{Code: "a", Geometry: orb.MultiPolygon{}}}, "area a has no ring"},
		{"no geometry", []Feature{{Code: "a"}}, "feature 0 (a): its geometry is no geometry, an area's is MultiPolygon"},
		{"a line", []Feature{{Code: "a", Geometry: orb.MultiLineString{{{1, 1}, {2, 2}}}}}, "its geometry is MultiLineString"},
		{"a code that is not UTF-8", []Feature{{Code: "a\xff", Geometry: square}}, "feature 0: code or name is not UTF-8"},
		{"nothing left of the rings", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{{{1, 1}, {2, 2}, {1, 1}}}}}}, "area a has no ring"},
		{"not a number", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{{{1, 1}, {math.NaN(), 2}, {3, 3}}}}}}, "feature 0 (a), polygon 0, ring 0: vertex 1"},
		{"off the Earth", []Feature{{Code: "a", Geometry: orb.MultiPolygon{square[0], {square[0][0], {{1, 1}, {1, 90.5}, {3, 3}}}}}}, "polygon 1, ring 1: vertex 1"},
		{"metres instead of degrees", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{box(600_000, 6_900_000, 600_001, 6_900_001)}}}}, "degrees"},
		{"an edge across the antimeridian", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{box(-179, 10, 179, 11)}}}}, "antimeridian"},
		{"a closing edge across the antimeridian", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{{{-179, 10}, {0, 10}, {179, 10}, {179, 11}}}}}}, "antimeridian"},
		{"only flat rings that cancel out", []Feature{{Code: "a", Geometry: orb.MultiPolygon{{box(1, 1, 2, 2), box(1, 1, 2, 2)}}}}, "no extent"},
		{"a name without end", []Feature{{Code: "a", Name: strings.Repeat("x", maxTextBytes+1), Geometry: square}}, "longer"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			index, report, err := Build(tt.areas)
			if err == nil || !strings.Contains(err.Error(), tt.want) || index != nil || report != nil {
				t.Errorf("Build = %v, %v, %v; want an error with %q", index, report, err, tt.want)
			}
		})
	}
}

func TestBuildMergesFeaturesOfOneCode(t *testing.T) {
	t.Parallel()
	part := func(code string, ring orb.Ring) Feature {
		return Feature{Code: code, Name: "Name", Geometry: orb.MultiPolygon{{ring}}}
	}
	index, report, err := Build([]Feature{
		part("a", box(10, 60, 11, 61)), part("b", box(11, 60, 12, 61)),
		part("a", box(10, 61, 11, 62)),     // meets the first part edge to edge
		part("a", box(10.5, 60.5, 11, 61)), // lies in it
		part("a", box(10, 60, 11, 61)),     // repeats it
		{Code: "b", Name: "Other", Geometry: orb.MultiPolygon{{box(12, 60, 13, 61)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if index.Len() != 2 || report.Merged != 4 {
		t.Errorf("%d areas, %d merged; want 2, 4", index.Len(), report.Merged)
	}
	for _, p := range []orb.Point{{10.2, 60.2}, {10.7, 60.7}, {10.5, 61}, {10.5, 61.5}} {
		if owner, ok := index.Owner(p[0], p[1]); !ok || owner != 0 {
			t.Errorf("Owner(%v) = %d, %v; want the union of all parts", p, owner, ok)
		}
	}
	if d := index.Locate(orb.Point{10.1, 61}, 0).BorderMetres; d < 5000 {
		t.Errorf("border at %.0f m, want the edge between two parts not to count", d)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], `named "Other"`) {
		t.Errorf("notes %q, want the second name of b", report.Notes)
	}
}

func TestOverlapsDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	areas := []Feature{
		{Code: "large", Geometry: orb.MultiPolygon{{box(10, 60, 13, 63)}}},
		{Code: "small", Geometry: orb.MultiPolygon{{box(12, 62, 13.5, 63.5)}}},
		{Code: "twin a", Geometry: orb.MultiPolygon{{box(1, 1, 2, 2)}}},
		{Code: "twin b", Geometry: orb.MultiPolygon{{box(1, 1, 2, 2)}}},
	}
	for range 4 {
		areas = append(areas[1:], areas[0])
		index, _, err := Build(areas)
		if err != nil {
			t.Fatal(err)
		}
		for p, want := range map[orb.Point]string{{12.5, 62.5}: "small", {11, 61}: "large", {1.5, 1.5}: "twin a"} {
			owner, _ := index.Owner(p[0], p[1])
			if code, _ := index.Area(owner); code != want {
				t.Errorf("Owner(%v) = %s, want %s", p, code, want)
			}
		}
	}
}

func TestAccessors(t *testing.T) {
	t.Parallel()
	index := country(t)
	if code, name := index.Area(isle); code != "i" || name != "Isle" {
		t.Errorf("Area = %q, %q", code, name)
	}
	if i, ok := index.Lookup("o"); !ok || i != overlay {
		t.Errorf("Lookup(o) = %d, %v", i, ok)
	}
	if i, ok := index.Lookup("x"); ok || i != None {
		t.Errorf("Lookup(x) = %d, %v", i, ok)
	}
	if b := index.Bounds(); b != (orb.Bound{Min: orb.Point{16, 61.9}, Max: orb.Point{18.1, 63}}) {
		t.Errorf("Bounds = %v", b)
	}
	if b := index.AreaBounds(west); b != (orb.Bound{Min: orb.Point{16, 62}, Max: orb.Point{17.5, 63}}) {
		t.Errorf("AreaBounds = %v", b)
	}
	boundary := index.Boundary("e")
	if len(boundary) != 1 || len(boundary[0]) != 2 || !boundary[0][0].Closed() {
		t.Fatalf("Boundary(e) = %v", boundary)
	}
	if boundary[0][0].Orientation() != orb.CCW || boundary[0][1].Orientation() != orb.CW {
		t.Error("outer rings must run counter-clockwise and holes clockwise")
	}
	if index.Boundary("x") != nil {
		t.Error("an unknown code must have no boundary")
	}
}

func TestOwnerAllocatesNothing(t *testing.T) { // not parallel: it counts allocations
	index := country(t)
	if n := testing.AllocsPerRun(1000, func() { index.Owner(17, 62.45) }); n != 0 {
		t.Errorf("%v allocations a look-up, want none", n)
	}
}

func TestOwnerOfNoPlace(t *testing.T) {
	t.Parallel()
	index := country(t)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 181, -181} {
		for _, p := range []orb.Point{{v, 62.5}, {17, v}} {
			if owner, ok := index.Owner(p[0], p[1]); ok || owner != None {
				t.Errorf("Owner(%v) = %d, %v; want none", p, owner, ok)
			}
		}
	}
}
