package shapefile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/sweref"
)

// realFile returns the path of a file of real borders, which are no part of the
// repository, and skips the test where they are absent.
func realFile(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(folder, "boundaries", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real borders are absent: %v; set KANTSTEN_TEST_DATA to the folder that holds boundaries/", err)
	}
	return path
}

func municipalities(t *testing.T) map[string]geo.Feature {
	t.Helper()
	out := map[string]geo.Feature{}
	err := Read(realFile(t, "se-municipalities-sweref99tm.shp.zip"), geo.ReadOptions{}, func(f geo.Feature) error {
		if _, twice := out[f.Code]; twice {
			t.Errorf("%s comes twice", f.Code)
		}
		out[f.Code] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRealMunicipalities(t *testing.T) {
	t.Parallel()
	got := municipalities(t)
	if len(got) != 290 {
		t.Fatalf("%d municipalities, want 290", len(got))
	}
	for code, name := range map[string]string{
		"2560": "Älvsbyn", "1880": "Örebro", "2418": "Malå", "0114": "Upplands Väsby", "0117": "Österåker", "2584": "Kiruna",
	} {
		if got[code].Name != name {
			t.Errorf("%s is called %q, want %q", code, got[code].Name, name)
		}
	}
}

// The same borders in degrees, converted by others. Their vertices are among those
// of the Shapefile, which has more where edges are long.
func TestRealMunicipalitiesAreWhereOthersPutThem(t *testing.T) {
	t.Parallel()
	f, err := os.Open(realFile(t, "se-municipalities-light.geojson"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	got := municipalities(t)
	worst, vertices, converted := 0.0, 0, 0
	err = geo.ReadGeoJSON(f, geo.ReadOptions{PadCode: 4}, func(want geo.Feature) error {
		have := vertexGrid{}
		for _, p := range pointsOf(got[want.Code].Geometry) {
			have.add(p)
			converted++
		}
		if got[want.Code].Name != want.Name {
			t.Errorf("%s is called %q, want %q", want.Code, got[want.Code].Name, want.Name)
		}
		for _, p := range pointsOf(want.Geometry) {
			vertices++
			worst = max(worst, have.nearest(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if vertices < 9_000 || !(worst < 0.02) {
		t.Errorf("of %d vertices the worst is %g m from the next one in the Shapefile", vertices, worst)
	}
	t.Logf("%d vertices, at most %.4f m apart; the Shapefile gave %d", vertices, worst, converted)
}

func pointsOf(g orb.Geometry) []orb.Point {
	var out []orb.Point
	areas, _ := g.(orb.MultiPolygon)
	for _, polygon := range areas {
		for _, ring := range polygon {
			out = append(out, ring...)
		}
	}
	return out
}

// vertexGrid finds near vertices, by cells of 1e-5 degree, about a metre.
type vertexGrid map[[2]int][]orb.Point

func cell(p orb.Point) [2]int {
	return [2]int{int(math.Floor(p[0] * 1e5)), int(math.Floor(p[1] * 1e5))}
}

func (g vertexGrid) add(p orb.Point) { g[cell(p)] = append(g[cell(p)], p) }

// nearest returns how many metres the nearest vertex is away, or infinity.
func (g vertexGrid) nearest(p orb.Point) float64 {
	best := math.Inf(1)
	at := cell(p)
	for dx := -1; dx <= 1; dx++ {
		for dy := -1; dy <= 1; dy++ {
			for _, q := range g[[2]int{at[0] + dx, at[1] + dy}] {
				best = min(best, 111_500*math.Hypot(p[1]-q[1], (p[0]-q[0])*math.Cos(p[1]*math.Pi/180)))
			}
		}
	}
	return best
}

// Borders that two municipalities share vertex for vertex in the plane are the
// same in degrees, with all vertices that were added: as many edges are shared
// as the shared ones have pieces, and no more are different.
func TestRealBordersStillMeet(t *testing.T) {
	t.Parallel()
	b := &geo.Builder{}
	for _, f := range municipalities(t) {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	_, report, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	system, err := sweref.ByEPSG(3006)
	if err != nil {
		t.Fatal(err)
	}
	edges, shared := 0, 0
	for e, areas := range edgesInThePlane(t) {
		line, err := system.ToWGS84(orb.LineString(e[:]))
		if err != nil {
			t.Fatal(err)
		}
		pieces := len(line.(orb.LineString)) - 1
		edges += pieces
		if areas > 1 {
			shared += pieces
		}
	}
	if shared < 40_000 || report.Shared != shared || report.Edges != edges {
		t.Errorf("%d of %d edges are shared, want %d of %d", report.Shared, report.Edges, shared, edges)
	}
}

// edgesInThePlane counts how many rings each edge of the file is in.
func edgesInThePlane(t *testing.T) map[[2]orb.Point]int {
	t.Helper()
	layers, err := layersOf(realMembers(t))
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	s, err := openShapes(layers[0].shp, geo.ReadOptions{}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	seen := map[[2]orb.Point]int{}
	for {
		shape, err := s.next()
		if errors.Is(err, io.EOF) {
			return seen
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range shape.starts {
			part := shape.part(i)
			for j := range part[1:] {
				a, b := part[j], part[j+1]
				if a[0] > b[0] || a[0] == b[0] && a[1] > b[1] {
					a, b = b, a
				}
				seen[[2]orb.Point{a, b}]++
			}
		}
	}
}

func realMembers(t *testing.T) []member {
	t.Helper()
	archive, err := os.ReadFile(realFile(t, "se-municipalities-sweref99tm.shp.zip"))
	if err != nil {
		t.Fatal(err)
	}
	members, err := zipped(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	return members
}
