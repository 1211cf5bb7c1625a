package postgis

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/pgtest"
)

// tables are what the cases read: box(1) is a square of one degree, and the
// fifth is a check point that Lantmäteriet publishes for SWEREF 99 TM.
const tables = `
CREATE SCHEMA plan; CREATE SCHEMA "my.plan"; CREATE DOMAIN kod AS char(6);
CREATE FUNCTION box(x float8) RETURNS geometry LANGUAGE sql IMMUTABLE AS
	$$ SELECT ST_Multi(ST_MakeEnvelope(x, 62, x + 1, 63, 4326)) $$;
CREATE TABLE kommun (gid serial PRIMARY KEY, kommunkod varchar(4), namn text, yta float8, geom geometry(MultiPolygon, 4326));
INSERT INTO kommun (kommunkod, namn, geom) VALUES ('2281', 'Sundsvall', box(17)), ('2262', 'Timrå', box(18));
CREATE TABLE plan.kommun (geom geometry(Polygon, 4326), id int);
INSERT INTO plan.kommun VALUES (ST_GeometryN(box(17), 1), 114);
CREATE TABLE "my.plan"."k""; DROP TABLE kommun; --" ("g""" geometry(MultiPolygon, 4326), "c""'" kod);
INSERT INTO "my.plan"."k""; DROP TABLE kommun; --" VALUES (box(17), 'A');
CREATE TABLE stolpe (nr numeric(5), geom geometry(PointZM, 3006));
INSERT INTO stolpe VALUES (7, 'SRID=3006;POINT ZM (356083.438 6097106.672 12 3)');
CREATE TABLE vag (id uuid, geom geometry);
INSERT INTO vag VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'SRID=4326;LINESTRING (17 62, 18 63)'),
	('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'SRID=4258;MULTILINESTRING ((17 62, 18 63), (19 62, 19 63))');
CREATE VIEW synlig AS SELECT geom, 'K' || kommunkod AS kod FROM kommun;
CREATE MATERIALIZED VIEW sparad AS SELECT geom, 'K' || kommunkod AS kod FROM kommun;

CREATE TABLE tom (id int PRIMARY KEY, geom geometry(Polygon, 4326)); INSERT INTO tom VALUES (1, ST_GeometryN(box(17), 1)), (2, NULL);
CREATE TABLE namnlos (kod text, geom geometry(Polygon, 4326)); INSERT INTO namnlos VALUES ('A', ST_GeometryN(box(17), 1)), ('B', NULL);
CREATE TABLE ihalig (id int, geom geometry(Polygon, 4326)); INSERT INTO ihalig VALUES (1, 'SRID=4326;POLYGON EMPTY');
CREATE TABLE klot (id int, geog geography(Polygon, 4326));
CREATE TABLE bada (id int, geog geography(Polygon, 4326), geom geometry(MultiPolygon, 4326)); INSERT INTO bada VALUES (5, NULL, box(17));
CREATE TABLE tva (id int, mitt geometry(Point, 4326), yta geometry(Polygon, 4326));
CREATE TABLE rt90 (id int, geom geometry(Point, 3021)); INSERT INTO rt90 VALUES (1, 'SRID=3021;POINT (1 1)');
CREATE TABLE okand (id int, geom geometry); INSERT INTO okand VALUES (1, 'POINT (1 1)');
CREATE TABLE rund (id int, geom geometry); INSERT INTO rund VALUES (1, 'SRID=4326;CURVEPOLYGON (CIRCULARSTRING (17 62, 18 63, 17 62))');
CREATE TABLE samling (id int, geom geometry); INSERT INTO samling VALUES (1, 'SRID=4326;GEOMETRYCOLLECTION (POINT (17 62))');
CREATE TABLE stor (id int, geom geometry); INSERT INTO stor VALUES (1, ST_Segmentize('SRID=4326;LINESTRING (17 62, 18 62)'::geometry, 0.0001));
CREATE TABLE lang (kod text, geom geometry(MultiPolygon, 4326)); INSERT INTO lang VALUES (repeat('x', 5000), box(17));
CREATE TABLE trasig (id int, geom geometry(Polygon, 3006)); INSERT INTO trasig VALUES (1, 'SRID=3006;POLYGON ((1 1, 1 2, 2 2, 1 1))');
CREATE TABLE vanlig (id int);
CREATE TABLE snurr (a int, b int, kod text, geom geometry(Point, 4326), PRIMARY KEY (a, b)); INSERT INTO snurr VALUES (1, 1, NULL, 'SRID=4326;POINT (17 62)');
`

// square is box of the tables.
func square(x float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{x, 62}, {x, 63}, {x + 1, 63}, {x + 1, 62}, {x, 62}}}}
}

// TestRead reads from a real server. It is one test, so that one is skipped where
// PostGIS is missing.
func TestRead(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", pgtest.PostGIS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := Read(t.Context(), db, geo.ReadOptions{}, nil); err == nil || !strings.Contains(err.Error(), "it has no table with a geometry") {
		t.Errorf("an empty database: error %v", err)
	}
	if _, err := db.ExecContext(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	t.Run("reads", func(t *testing.T) { t.Parallel(); reads(t, db) })
	t.Run("refuses", func(t *testing.T) { t.Parallel(); refuses(t, db) })
	t.Run("stops", func(t *testing.T) { t.Parallel(); stops(t, db) })
	t.Run("agrees with PROJ", func(t *testing.T) { t.Parallel(); agrees(t, db) })
	t.Run("PostGIS in a schema of its own", func(t *testing.T) { t.Parallel(); elsewhere(t) })
	t.Run("without PostGIS", func(t *testing.T) {
		t.Parallel()
		db, err := sql.Open("pgx", pgtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := Read(t.Context(), db, geo.ReadOptions{}, nil); err == nil || !strings.Contains(err.Error(), "has no PostGIS") {
			t.Errorf("error %v, want that there is no PostGIS", err)
		}
	})
}

func reads(t *testing.T, db *sql.DB) {
	sundsvall := geo.Feature{Code: "2281", Name: "Sundsvall", Geometry: square(17)}
	tests := []struct {
		name string
		opts geo.ReadOptions
		want []geo.Feature
	}{
		{"a table by schema and name", geo.ReadOptions{Layer: "public.kommun"}, []geo.Feature{sundsvall, {Code: "2262", Name: "Timrå", Geometry: square(18)}}},
		{"a single polygon, and a number padded", geo.ReadOptions{Layer: "plan.kommun", PadCode: 4}, []geo.Feature{{Code: "0114", Name: "0114", Geometry: square(17)}}},
		{"names that are SQL, and a domain over char", geo.ReadOptions{Layer: `my.plan.k"; DROP TABLE kommun; --`, CodeProperty: `c"'`}, []geo.Feature{{Code: "A", Name: "A", Geometry: square(17)}}},
		{"lines of two systems in a column for any", geo.ReadOptions{Layer: "vag", Kind: geo.Lines}, []geo.Feature{
			{Code: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", Name: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", Geometry: orb.MultiLineString{{{17, 62}, {18, 63}}}},
			{Code: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", Name: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", Geometry: orb.MultiLineString{{{17, 62}, {18, 63}}, {{19, 62}, {19, 63}}}},
		}},
		{"a view", geo.ReadOptions{Layer: "synlig"}, []geo.Feature{{Code: "K2281", Name: "K2281", Geometry: square(17)}, {Code: "K2262", Name: "K2262", Geometry: square(18)}}},
		{"a materialized view", geo.ReadOptions{Layer: "sparad"}, []geo.Feature{{Code: "K2281", Name: "K2281", Geometry: square(17)}, {Code: "K2262", Name: "K2262", Geometry: square(18)}}},
		{"a geometry beside a geography", geo.ReadOptions{Layer: "bada"}, []geo.Feature{{Code: "5", Name: "5", Geometry: square(17)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []geo.Feature
			err := Read(t.Context(), db, tt.opts, func(f geo.Feature) error {
				got = append(got, f)
				return nil
			})
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
	t.Run("SWEREF 99 TM with height and measure", func(t *testing.T) {
		err := Read(t.Context(), db, geo.ReadOptions{Layer: "stolpe", Kind: geo.Points, CodeProperty: "nr"}, func(f geo.Feature) error {
			points, _ := f.Geometry.(orb.MultiPoint)
			const degrees = 1e-8 // a millimetre
			if f.Code != "7" || len(points) != 1 || math.Abs(points[0][0]-12.75) > degrees || math.Abs(points[0][1]-55) > degrees {
				t.Errorf("%v, want 7 at 12.75, 55", f)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func refuses(t *testing.T, db *sql.DB) {
	areas := func(layer string) geo.ReadOptions { return geo.ReadOptions{Layer: layer} }
	points := func(layer string) geo.ReadOptions { return geo.ReadOptions{Layer: layer, Kind: geo.Points} }
	tests := []struct {
		name string
		opts geo.ReadOptions
		want string
	}{
		{"no table named", areas(""), `say which table to read; it has ["my.plan.k\"; DROP TABLE kommun; --" "plan.kommun" "public.bada"`},
		{"a name in two schemas", areas("kommun"), `say which table to read; it has ["plan.kommun" "public.kommun"]`},
		{"a table that is missing", areas("sjö"), `no table "sjö" with a geometry that this role may read; it has [`},
		{"a table without a geometry", areas("vanlig"), `no table "vanlig" with a geometry`},
		{"a geography", areas("klot"), `table "public.klot": ["geog"] is a geography`},
		{"two geometries", areas("tva"), `several geometry columns, ["mitt" "yta"]`},
		{"NULL, named by the primary key", areas("tom"), `table "public.tom": row with "id" "2": code "2": it has no geometry`},
		{"NULL, named by its row", areas("namnlos"), `table "public.namnlos": row 1: code "B": it has no geometry`},
		{"an empty geometry", areas("ihalig"), `code "1": polygon 0: it is empty`},
		{"a system that is not supported, by its name", points("rt90"), "EPSG:3021 (RT90 2.5 gon V)"},
		{"a system that is unknown", points("okand"), "unknown (SRID 0)"},
		{"a curve", areas("rund"), "a CurvePolygon: only Polygon"},
		{"a collection", points("samling"), "a GeometryCollection: only Point"},
		{"points among areas", areas("stolpe"), "no property with a code"},
		{"areas among points", points("public.kommun"), `row with "gid" "1": code "2281": a MultiPolygon: only Point`},
		{"more vertices than allowed", geo.ReadOptions{Layer: "stor", Kind: geo.Lines, MaxVertices: 9_000}, "more than 9000 vertices"},
		{"a geometry that is too long to be sent", geo.ReadOptions{Layer: "stor", Kind: geo.Lines, MaxVertices: 10}, "is longer than one of 10 vertices"},
		{"more rows than allowed", geo.ReadOptions{Layer: "public.kommun", MaxFeatures: 1}, "more than 1 features"},
		{"more bytes than allowed", geo.ReadOptions{Layer: "public.kommun", MaxBytes: 200}, "more than 200 bytes"},
		{"a code that is too long", areas("lang"), "row 0: no property with a code"},
		{"a coordinate outside the system", areas("trasig"), `row 0: code "1": `},
		{"a key of two columns is no name", points("snurr"), "row 0: no property with a code"},
		{"a kind that is none", geo.ReadOptions{Kind: 9}, "kind 9 are unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Read(t.Context(), db, tt.opts, func(geo.Feature) error { return nil })
			if err == nil || !strings.HasPrefix(err.Error(), "read PostGIS: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// stops: from a view of rows without end, which only a streamed one can be read.
func stops(t *testing.T, db *sql.DB) {
	const endless = `CREATE VIEW utan_slut AS WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id % 1000 + 1 FROM n) SELECT id, box(17) AS geom FROM n`
	if _, err := db.ExecContext(t.Context(), endless); err != nil {
		t.Fatal(err)
	}
	enough, calls := errors.New("enough"), 0
	err := Read(t.Context(), db, geo.ReadOptions{Layer: "utan_slut"}, func(geo.Feature) error {
		if calls++; calls == 1000 {
			return enough
		}
		return nil
	})
	if err != enough || calls != 1000 { //nolint:errorlint // the error itself is promised
		t.Errorf("%d calls, error %v; want 1000 and the error of yield itself", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls = 0
	err = Read(ctx, db, geo.ReadOptions{Layer: "utan_slut"}, func(geo.Feature) error {
		calls++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%d calls, error %v; want one and that the context was cancelled", calls, err)
	}
	if _, err := db.ExecContext(t.Context(), `DROP VIEW utan_slut`); err != nil {
		t.Errorf("the view is still being read: %v", err)
	}
}

// elsewhere: PostGIS where the search path does not lead.
func elsewhere(t *testing.T) {
	db, err := sql.Open("pgx", pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE SCHEMA "Geo data"; CREATE EXTENSION postgis SCHEMA "Geo data";
		CREATE TABLE stolpe (id int, geom "Geo data".geometry(Point, 4326));
		INSERT INTO stolpe VALUES (1, "Geo data".ST_SetSRID("Geo data".ST_MakePoint(17, 62), 4326))`)
	if err != nil {
		t.Fatal(err)
	}
	var got []geo.Feature
	err = Read(t.Context(), db, geo.ReadOptions{Kind: geo.Points}, func(f geo.Feature) error {
		got = append(got, f)
		return nil
	})
	if diff := cmp.Diff([]geo.Feature{{Code: "1", Name: "1", Geometry: orb.MultiPoint{{17, 62}}}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
