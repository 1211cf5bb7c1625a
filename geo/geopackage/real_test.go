package geopackage

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// The reference is the GeoJSON, in which edges are straight in degrees; here they
// are straight in SWEREF 99 TM, which moves the middle of an edge of 4 km by 0.4 m
// and that of one of 60 km at sea by 60 m. So a few points beside long edges have
// another owner: three, of which the farthest is 14.7 m from a border.
const (
	mostBeside  = 5
	bendMetres  = 20
	roundMetres = 0.02 // coordinates are whole units of about a centimetre
)

func buildIndex(t *testing.T, name string) (*geo.Index, *geo.BuildReport) {
	t.Helper()
	path := dataFile(t, name)
	if err := CheckFile(path); err != nil {
		t.Fatal(err)
	}
	b := &geo.Builder{}
	if err := Read(t.Context(), open(t, path), geo.ReadOptions{}, b.Add); err != nil {
		t.Fatal(err)
	}
	index, report, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return index, report
}

// TestDetailedSetAnswersAsTheReference asks for the owner of the points that
// GEOS answered from the same borders in another form.
func TestDetailedSetAnswersAsTheReference(t *testing.T) {
	t.Parallel()
	index, report := buildIndex(t, "se-municipalities-detailed-sweref99tm.gpkg")
	if report.Areas != 290 || report.Vertices < 551_000 {
		t.Errorf("%d areas of %d vertices, want 290 of 551,880 and those that bend long edges", report.Areas, report.Vertices)
	}
	points, round, beside := 0, 0, 0
	eachGoldenPoint(t, func(at orb.Point, want string) {
		points++
		got := ""
		if area, ok := index.Owner(at[0], at[1]); ok {
			got, _ = index.Area(area)
		}
		if got == want {
			return
		}
		switch metres := index.Locate(at, 0).BorderMetres; {
		case metres <= roundMetres:
			round++
		case metres <= bendMetres:
			beside++
			t.Logf("beside an edge, %.2f m from it: %v: owner %q, reference %q", metres, at, got, want)
		default:
			t.Errorf("%v, %.3f m from a border: owner %q, reference %q", at, metres, got, want)
		}
	})
	t.Logf("%d vertices; of %d points %d differ by rounding, %d beside an edge", report.Vertices, points, round, beside)
	if beside > mostBeside {
		t.Errorf("%d points beside edges have another owner, want at most %d", beside, mostBeside)
	}
	if points != 62_501 {
		t.Errorf("%d points read, want 62501", points)
	}
}

// eachGoldenPoint passes on the points with their owners, "" for none.
func eachGoldenPoint(t *testing.T, yield func(at orb.Point, owner string)) {
	t.Helper()
	f, err := os.Open(dataFile(t, "golden-points.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		lon, err1 := strconv.ParseFloat(row[0], 64)
		lat, err2 := strconv.ParseFloat(row[1], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		yield(orb.Point{lon, lat}, row[2])
	}
}

func TestLightSetHasItsAreasByName(t *testing.T) {
	t.Parallel()
	index, report := buildIndex(t, "se-municipalities-light.gpkg")
	if report.Areas != 290 {
		t.Errorf("%d areas, want 290", report.Areas)
	}
	for _, want := range []struct {
		code, name string
		at         orb.Point // in the town
	}{
		{"2281", "Sundsvall", orb.Point{17.307, 62.391}},
		{"0180", "Stockholm", orb.Point{18.03, 59.34}},
		{"1280", "Malmö", orb.Point{13.003, 55.605}},
		{"2584", "Kiruna", orb.Point{20.225, 67.856}},
	} {
		area, ok := index.Owner(want.at[0], want.at[1])
		if !ok {
			t.Errorf("nobody owns %v, want %s", want.at, want.name)
			continue
		}
		if code, name := index.Area(area); code != want.code || name != want.name {
			t.Errorf("%v: %s %s, want %s %s", want.at, code, name, want.code, want.name)
		}
	}
}
