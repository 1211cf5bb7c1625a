package geopackage

import (
	"context"

	"errors"

	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/table"
)

// twoAreas are neighbours in a table like Lantmäteriet's.
func twoAreas(t testing.TB) []statement {
	t.Helper()
	const insert = `INSERT INTO kommun (geom, kommunkod, namn) VALUES (?, ?, ?)`
	return []statement{
		do(standard), do(kommun),
		do(insert, blob(t, 4326, box(17, 62, 1)), "2281", "Sundsvall"),
		do(insert, blob(t, 4326, orb.MultiPolygon{box(18, 62, 1), box(20, 62, 1)}), "2262", "Timrå"),
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := read(t, write(t, twoAreas(t)...), geo.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []geo.Feature{
		{Code: "2281", Name: "Sundsvall", Geometry: orb.MultiPolygon{box(17, 62, 1)}},
		{Code: "2262", Name: "Timrå", Geometry: orb.MultiPolygon{box(18, 62, 1), box(20, 62, 1)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// register inserts a layer into the tables of the standard.
func register(table, geometry string, srs int) statement {
	return do(`INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?1, 'features', ?1, ?3);
		INSERT INTO gpkg_geometry_columns VALUES (?1, ?2, 'GEOMETRY', ?3, 0, 0)`, table, geometry, srs)
}

func TestEveryShapeOfTableIsRead(t *testing.T) {
	t.Parallel()
	area := blob(t, 4326, box(17, 62, 1))
	const hostile = `k"; DROP TABLE gpkg_contents; --`
	quoted := table.Quote(hostile)
	tests := []struct {
		name string
		opts geo.ReadOptions
		file []statement
		want string // code and name
	}{
		{"names that are SQL", geo.ReadOptions{CodeProperty: `c"'`}, []statement{
			do(standard), register(hostile, `]g"`, 4326),
			do(`CREATE TABLE ` + quoted + ` ("]g""" BLOB, "c""'" TEXT, "select" TEXT)`),
			do(`INSERT INTO `+quoted+` VALUES (?, 'A', NULL)`, area),
		}, "A A"},
		{"a view over a table", geo.ReadOptions{}, []statement{
			do(standard), register("v", "geom", 4326),
			do(`CREATE TABLE stored (geom BLOB, nummer INTEGER, namn TEXT); CREATE VIEW v AS SELECT geom, 'K' || nummer AS kod, namn FROM stored`),
			do(`INSERT INTO stored VALUES (?, 7, 'Sju')`, area),
		}, "K7 Sju"},
		{"a table without rowid", geo.ReadOptions{}, []statement{
			do(standard), register("w", "geom", 4326),
			do(`CREATE TABLE w (kod TEXT PRIMARY KEY, geom BLOB) WITHOUT ROWID`),
			do(`INSERT INTO w VALUES ('B', ?)`, area),
		}, "B B"},
		{"generated columns", geo.ReadOptions{}, []statement{
			do(standard), register("g", "geom", 4326),
			do(`CREATE TABLE g (geom BLOB, lan TEXT, nr TEXT, kod TEXT GENERATED ALWAYS AS (lan || nr) VIRTUAL)`),
			do(`INSERT INTO g VALUES (?, '22', '81')`, area),
		}, "2281 2281"},
		{"a code that is a whole number is padded", geo.ReadOptions{PadCode: 4}, []statement{
			do(standard), register("n", "geom", 4326),
			do(`CREATE TABLE n (geom BLOB, kod INTEGER, namn TEXT)`),
			do(`INSERT INTO n VALUES (?, 114, 'Upplands Väsby')`, area),
		}, "0114 Upplands Väsby"},
		{"the primary key can be the code, when it is asked for", geo.ReadOptions{CodeProperty: "fid"}, []statement{
			do(standard), register("p", "geom", 4326),
			do(`CREATE TABLE p (fid INTEGER PRIMARY KEY, geom BLOB)`),
			do(`INSERT INTO p VALUES (12, ?)`, area),
		}, "12 12"},
		{"a date is the text that stands there", geo.ReadOptions{CodeProperty: "beslut"}, []statement{
			do(standard), register("d", "geom", 4326),
			do(`CREATE TABLE d (geom BLOB, beslut DATE, gäller BOOLEAN)`),
			do(`INSERT INTO d VALUES (?, '2026-01-01', 1)`, area),
		}, "2026-01-01 2026-01-01"},
		{"names in other letters than the tables say", geo.ReadOptions{Layer: "KOMMUN"}, []statement{
			do(standard), register("Kommun", "GEOM", 4326),
			do(`CREATE TABLE kommun (Geom BLOB, KOMMUNKOD TEXT)`),
			do(`INSERT INTO kommun VALUES (?, 'C')`, area),
		}, "C C"},
		{"tables and tiles beside it are no layers", geo.ReadOptions{}, append(twoAreas(t)[:3],
			do(`INSERT INTO gpkg_contents (table_name, data_type) VALUES ('a', 'attributes'), ('b', 'tiles')`)), "2281 Sundsvall"},
		{"an old application id", geo.ReadOptions{}, append(twoAreas(t)[:3], do(`PRAGMA application_id = 0x47503130`)), "2281 Sundsvall"},
		{"a header that does not say the system", geo.ReadOptions{}, []statement{
			do(standard), do(kommun), do(`INSERT INTO kommun (geom, kommunkod) VALUES (?, 'D')`, blob(t, 0, box(17, 62, 1))),
		}, "D D"},
		{"a system that is defined and not numbered", geo.ReadOptions{}, append(twoAreas(t)[:3],
			do(`UPDATE gpkg_spatial_ref_sys SET organization = 'NONE', organization_coordsys_id = 900914 WHERE srs_id = 4326`)), "2281 Sundsvall"},
		{"a system that is numbered and not defined", geo.ReadOptions{}, append(twoAreas(t)[:3],
			do(`UPDATE gpkg_spatial_ref_sys SET organization = 'epsg', definition = 'undefined' WHERE srs_id = 4326`)), "2281 Sundsvall"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, write(t, tt.file...), tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Code+" "+got[0].Name != tt.want {
				t.Fatalf("read %v, want one feature %s", got, tt.want)
			}
			if diff := cmp.Diff(orb.Geometry(orb.MultiPolygon{box(17, 62, 1)}), got[0].Geometry); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinesAndPointsAreRead(t *testing.T) {
	t.Parallel()
	road := orb.LineString{{17, 62}, {17.1, 62.1}}
	file := write(t, do(standard), register("väg", "geom", 4326), register("stolpe", "geom", 4326),
		do(`CREATE TABLE "väg" (id TEXT, geom BLOB); CREATE TABLE stolpe (id TEXT, geom BLOB)`),
		do(`INSERT INTO "väg" VALUES ('E4', ?), ('86', ?)`, blob(t, 4326, road), blob(t, 4326, orb.MultiLineString{road, road})),
		do(`INSERT INTO stolpe VALUES ('S1', ?)`, blob(t, 4326, orb.Point{17, 62})))
	got, err := read(t, file, geo.ReadOptions{Kind: geo.Lines, Layer: "väg"})
	want := []geo.Feature{
		{Code: "E4", Name: "E4", Geometry: orb.MultiLineString{road}},
		{Code: "86", Name: "86", Geometry: orb.MultiLineString{road, road}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	got, err = read(t, file, geo.ReadOptions{Kind: geo.Points, Layer: "stolpe"})
	if diff := cmp.Diff([]geo.Feature{{Code: "S1", Name: "S1", Geometry: orb.MultiPoint{{17, 62}}}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, err = read(t, file, geo.ReadOptions{Kind: geo.Points})
	if want := `say which layer to read; it has ["stolpe" "väg"]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	_, err = read(t, file, geo.ReadOptions{Kind: geo.Points, Layer: "bro"})
	if want := `no layer "bro"; it has ["stolpe" "väg"]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestSWEREFIsConverted takes a check point that Lantmäteriet publishes for
// SWEREF 99 TM: N 6097106.672, E 356083.438 is 55° N, 12° 45′ E.
func TestSWEREFIsConverted(t *testing.T) {
	t.Parallel()
	file := write(t, do(standard), register("p", "geom", 3006), do(`CREATE TABLE p (id TEXT, geom BLOB)`),
		do(`INSERT INTO p VALUES ('1', ?)`, blob(t, 3006, orb.Point{356083.438, 6097106.672})))
	got, err := read(t, file, geo.ReadOptions{Kind: geo.Points})
	if err != nil {
		t.Fatal(err)
	}
	points, _ := got[0].Geometry.(orb.MultiPoint)
	const degrees = 1e-8 // a millimetre
	if len(points) != 1 || math.Abs(points[0][0]-12.75) > degrees || math.Abs(points[0][1]-55) > degrees {
		t.Errorf("%v, want 12.75, 55", points)
	}
}

func TestYieldEndsTheReading(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	calls := 0
	db := open(t, write(t, twoAreas(t)...))
	err := Read(t.Context(), db, geo.ReadOptions{}, func(geo.Feature) error {
		calls++
		return stop
	})
	if calls != 1 || err != stop { //nolint:errorlint // the error itself is promised
		t.Errorf("%d calls, error %v; want one and the error of yield itself", calls, err)
	}
	if err := Read(t.Context(), db, geo.ReadOptions{}, func(geo.Feature) error { return nil }); err != nil {
		t.Errorf("reading again: %v", err)
	}
}

func TestContextEndsTheReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := Read(ctx, open(t, write(t, twoAreas(t)...)), geo.ReadOptions{}, func(geo.Feature) error {
		calls++
		cancel()
		return nil
	})
	if calls != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d calls, error %v; want one and that the context was cancelled", calls, err)
	}
}

// TestContextEndsAViewThatNeverEnds shows that even what a stranger's view
// computes can be stopped.
func TestContextEndsAViewThatNeverEnds(t *testing.T) {
	t.Parallel()
	file := write(t, do(standard), register("v", "geom", 4326), do(`CREATE TABLE stored (geom BLOB, kod TEXT)`),
		do(`CREATE VIEW v AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
			SELECT geom, kod FROM stored UNION ALL SELECT x'00', i FROM n WHERE i < 0`),
		do(`INSERT INTO stored VALUES (?, 'A')`, blob(t, 4326, box(17, 62, 1))))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := Read(ctx, open(t, file), geo.ReadOptions{}, func(geo.Feature) error { return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the time was over", err)
	}
}

// TestOneConnectionIsEnough keeps Read from waiting for itself.
func TestOneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	db := open(t, write(t, twoAreas(t)...))
	db.SetMaxOpenConns(1)
	if err := Read(t.Context(), db, geo.ReadOptions{}, func(geo.Feature) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are still in use", n)
	}
}
