package main_test

import (
	"archive/zip"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/pgtest"
)

// realFile is the path of a file of real borders; where it is absent the test
// says so and is skipped.
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

// TestTheSameBordersInEveryFileFormat: what one publisher ships in three formats is
// the same ground.
func TestTheSameBordersInEveryFileFormat(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	wantLines(t, p.do("boundaries", "import", realFile(t, "se-municipalities-light.geojson")), "read: 290 areas", "290 areas, ")
	packed := realFile(t, "se-municipalities-sweref99tm.shp.zip")
	site := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(packed))))
	t.Cleanup(site.Close)
	for name, from := range map[string]string{
		"a GeoPackage":              realFile(t, "se-municipalities-light.gpkg"),
		"a packed Shapefile":        packed,
		"a packed GeoPackage":       zipOf(t, realFile(t, "se-municipalities-light.gpkg")),
		"a Shapefile by an address": site.URL + "/" + filepath.Base(packed),
	} {
		_, said := p.imported(from)
		if !strings.Contains(said, "read: 290 areas") || !strings.Contains(said, "0 added, 0 removed") || !strings.Contains(said, "open reports that would go elsewhere: 0") {
			t.Errorf("%s: %s", name, said)
		}
	}
	if got := p.call("boundaries", "import", packed, "--table", "nonsense"); got.code != 1 || !strings.Contains(got.stderr, "nonsense") {
		t.Errorf("a layer that is not there: exit code %d\n%s", got.code, got.stderr)
	}
}

// zipOf packs files into a .zip.
func zipOf(t *testing.T, paths ...string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "packed.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(out)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Create(filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

// TestAnArchiveHoldsOneSetOfBorders: what is in another is said, and nothing of it
// stays behind.
func TestAnArchiveHoldsOneSetOfBorders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, other, terms := file("one.gpkg", "SQLite format 3\x00"), file("other.gpkg", ""), file("terms.txt", "")
	shape := file("one.shp", "")
	p := newPlace(t, "")
	for rule, tt := range map[string]struct {
		packed []string
		want   string
	}{
		"nothing to read":      {[]string{terms}, `it holds neither a GeoPackage nor a Shapefile: read Shapefile: there is no .shp, but ["terms.txt"]`},
		"two GeoPackages":      {[]string{one, terms, other}, `it holds ["one.gpkg" "other.gpkg"]; unpack the one that is meant`},
		"one in two formats":   {[]string{one, shape}, `it holds ["one.gpkg" "one.shp"]; unpack the one that is meant`},
		"none but by its name": {[]string{one}, "breaks off in its header"},
	} {
		if got := p.call("boundaries", "import", zipOf(t, tt.packed...)); got.code != 1 || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%s: exit code %d\n%s\nwant %s", rule, got.code, got.stderr, tt.want)
		}
	}
}

// TestBoundariesFromADatabase: a table of PostGIS; the address is shown to nobody.
func TestBoundariesFromADatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.PostGIS(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE areas (code TEXT, name TEXT, geom geometry(MultiPolygon, 4326));
		INSERT INTO areas VALUES ('2281', 'Sundsvall', ST_Multi(ST_MakeEnvelope(17, 62, 18, 63, 4326)))`); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "")
	if got := p.call("boundaries", "import", url); got.code == 0 || !strings.Contains(got.stderr, "--table") {
		t.Errorf("without a table: exit code %d\n%s", got.code, got.stderr)
	}
	if got := p.call("boundaries", "import", url, "--table", "nonsense"); got.code != 1 || !strings.Contains(got.stderr, "nonsense") {
		t.Errorf("a table that is not there: exit code %d\n%s", got.code, got.stderr)
	}
	wantLines(t, p.do("boundaries", "import", url, "--table", "areas"), "read: 1 areas", "is active")
	if list := p.do("boundaries", "list"); strings.Contains(list, "postgres") || !strings.Contains(list, "areas") {
		t.Errorf("the source is not the table's name alone:\n%s", list)
	}
}

// stateRoad is a file of one line.
func stateRoad(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roads.geojson")
	if err := os.WriteFile(path, []byte(`{"type":"Feature","properties":{"code":"state","name":"State roads"},
		"geometry":{"type":"LineString","coordinates":[[17,62.5],[18,62.5]]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestALayerOfLines: who owns a road is another layer, which makes no jurisdiction.
func TestALayerOfLines(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	path := stateRoad(t)
	for _, wrong := range [][]string{{"--kind", "lines"}, {"--kind", "circles"}, {"--layer", "road-owner"}, {"--layer", "Road Owner"}, {"--valid-from", "soon"}} {
		if got := p.call(append([]string{"boundaries", "import", path}, wrong...)...); got.code == 0 || got.stderr == "" {
			t.Errorf("%v is taken:\n%s", wrong, got.stdout)
		}
	}
	id, said := p.imported(path, "--layer", "road-owner", "--kind", "lines")
	wantLines(t, said, "read: 1 lines of 1 lines, 2 vertices")
	p.do("boundaries", "activate", id)
	if got := p.call("boundaries", "diff", "--layer", "road-owner", "active", id); got.code != 1 || !strings.Contains(got.stderr, "only sets of areas") {
		t.Errorf("lines are compared: exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if list := p.do("jurisdiction", "list"); list != "" {
		t.Errorf("a road made jurisdictions:\n%s", list)
	}
}

// TestTheFirstOfAnotherLayerWaitsAndIsTakenBack: only the municipalities of a new
// start are activated by the import alone. A wrong road register sends reports
// elsewhere only when the operator says so, and goes again.
func TestTheFirstOfAnotherLayerWaitsAndIsTakenBack(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		p.do("boundaries", "import", boxes(t, box{"2281", "West", 17, 18}))
		p.do("jurisdiction", "add", "trafikverket", "Trafikverket", "--channel", "web")
		s := p.serve()
		there := s.filed(17.5)
		id, said := p.imported(stateRoad(t), "--layer", "road-owner", "--kind", "lines")
		wantLines(t, said, "open reports that would go elsewhere: 1", there+" from 2281 to trafikverket", "is imported and not active")
		if list := p.do("boundaries", "list"); strings.Contains(list, "* "+id) {
			t.Errorf("the import alone activated it:\n%s", list)
		}
		p.do("boundaries", "activate", id, "--reroute")
		eventually(t, "the report is the state's", func() bool { return s.liesWith(there) == "trafikverket" })
		wantLines(t, p.do("boundaries", "undo", "--layer", "road-owner", "--reroute"), "layer road-owner has no active set any more")
		eventually(t, "the report is back", func() bool { return s.liesWith(there) == "2281" })
		wantLines(t, p.do("boundaries", "list"), "  "+id, "road-owner back to none")
		if got := p.call("boundaries", "undo", "--layer", "road-owner"); got.code != 1 {
			t.Errorf("what was taken back is taken back again: exit code %d\n%s", got.code, got.stdout)
		}
		wantLines(t, p.do("boundaries", "activate", id), id+" is active") // once more
	})
}
