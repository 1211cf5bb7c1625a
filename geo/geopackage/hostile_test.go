package geopackage

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	few := geo.ReadOptions{MaxVertices: 20}
	with := func(sql string, args ...any) []statement { return append(twoAreas(t), do(sql, args...)) }
	geometry := func(b []byte) []statement { return with(`UPDATE kommun SET geom = ? WHERE fid = 2`, b) }
	nested := append(head(4326, 0), bytes.Repeat([]byte{1, 7, 0, 0, 0, 1, 0, 0, 0}, 10_000)...)
	counts := append(head(4326, 0), 1, 6, 0, 0, 0, 255, 255, 255, 255)
	tests := []struct {
		name string
		opts geo.ReadOptions
		file []statement
		want string
	}{
		{"another SQLite database", few, []statement{do(`CREATE TABLE t (a)`)}, "no GeoPackage: its application id is 0x0"},
		{"another's application id", few, with(`PRAGMA application_id = 7`), "its application id is 0x7"},
		{"gpkg_contents missing", few, with(`DROP TABLE gpkg_contents`), `no table "gpkg_contents"`},
		{"gpkg_geometry_columns missing", few, with(`DROP TABLE gpkg_geometry_columns`), `no table "gpkg_geometry_columns"`},
		{"gpkg_spatial_ref_sys missing", few, with(`DROP TABLE gpkg_spatial_ref_sys`), `no table "gpkg_spatial_ref_sys"`},
		{"a view in the standard's place", few, with(`ALTER TABLE gpkg_contents RENAME TO c; CREATE VIEW gpkg_contents AS SELECT * FROM c`), `"gpkg_contents" is a view`},
		{"no layer with features", few, with(`UPDATE gpkg_contents SET data_type = 'tiles'`), "it has no layers with features"},
		{"a layer whose name is too long", few, with(`UPDATE gpkg_contents SET table_name = printf('%.*c', 2000, 'x')`), "too long"},
		{"a layer whose table is missing", few, with(`DROP TABLE kommun`), `layer "kommun": it has no table "kommun"`},
		{"a layer that SQLite makes up", few, with(`UPDATE gpkg_contents SET table_name = 'sqlite_schema'`), `no table "sqlite_schema"`},
		{"a layer that code computes", few, with(`DROP TABLE kommun; CREATE VIRTUAL TABLE kommun USING fts5(geom)`), `"kommun" is a virtual table`},
		{"no geometry column", few, with(`DELETE FROM gpkg_geometry_columns`), `layer "kommun": gpkg_geometry_columns names no geometry column`},
		{"two geometry columns", few, with(`INSERT INTO gpkg_geometry_columns VALUES ('kommun', 'namn', 'POINT', 4326, 0, 0)`), "names several geometry columns"},
		{"a geometry column of another table", few, with(`UPDATE gpkg_geometry_columns SET column_name = 'definition'`), `no column "definition", which gpkg_geometry_columns says`},
		{"a geometry column of other bytes", few, with(`UPDATE gpkg_geometry_columns SET column_name = 'namn'`), `its geometry is of the type "text"`},
		{"an undefined system", few, with(`UPDATE gpkg_geometry_columns SET srs_id = -1`), "its coordinate system is undefined"},
		{"a system that is not listed", few, with(`UPDATE gpkg_geometry_columns SET srs_id = 3021`), "3021 is not in gpkg_spatial_ref_sys"},
		{"a system that is not supported, by its name", few, with(`UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 3021, definition = 'undefined' WHERE srs_id = 4326`), "EPSG:3021 (RT90 2.5 gon V)"},
		{"a system of two minds", few, with(`UPDATE gpkg_spatial_ref_sys SET definition = (SELECT definition FROM gpkg_spatial_ref_sys WHERE srs_id = 3006) WHERE srs_id = 4326`), "the definition of"},
		{"a definition that is none", few, with(`UPDATE gpkg_spatial_ref_sys SET definition = 'PROJCS[[[' WHERE srs_id = 4326`), "its definition is of another"},
		{"a definition that is too long", few, with(`UPDATE gpkg_spatial_ref_sys SET definition = printf('%.*c', 70000, 'x') WHERE srs_id = 4326`), "one of more than 65536 bytes"},
		{"a number past 32 bits", few, with(`UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 4294971622 WHERE srs_id = 4326`), "EPSG:4294971622 is no"},

		{"no geometry", few, with(`UPDATE kommun SET geom = NULL WHERE fid = 2`), `layer "kommun": row with "fid" "2": code "2262": it has no geometry`},
		{"a geometry that is text", few, with(`UPDATE kommun SET geom = 'POLYGON EMPTY' WHERE fid = 2`), `row with "fid" "2": code "2262": its geometry is of the type "text"`},
		{"a geometry longer than its vertices may be", few, geometry(make([]byte, 10_000)), "10000 bytes is longer than one of 20 vertices"},
		{"a geometry of the system of another layer", few, geometry(blob(t, 3006, box(17, 62, 1))), "its coordinate system is 3006, the layer's is 4326"},
		{"collections 10,000 deep", geo.ReadOptions{}, geometry(nested), `row with "fid" "2": code "2262": a GeometryCollection: only Polygon`},
		{"2³² polygons", few, geometry(counts), `row with "fid" "2": code "2262": 4294967295 parts do not fit into the 0 bytes left`},
		{"more vertices than allowed", geo.ReadOptions{MaxVertices: 9}, twoAreas(t), `row with "fid" "2": code "2262": polygon 1, ring 0: more than 9 vertices`},
		{"lines where areas are wanted", few, geometry(blob(t, 4326, orb.LineString{{17, 62}, {18, 62}})), "a LineString: only Polygon"},
		{"areas where lines are wanted", geo.ReadOptions{Kind: geo.Lines}, twoAreas(t), `row with "fid" "1": code "2281": a Polygon: only LineString`},
		{"a kind that is none", geo.ReadOptions{Kind: 9}, twoAreas(t), "kind 9"},
		{"a vertex in infinity", few, geometry(blob(t, 4326, orb.Polygon{{{17, 62}, {math.Inf(1), 62}, {18, 63}, {17, 62}}})), "polygon 0, ring 0: vertex 1 (+Inf, 62)"},
		{"a vertex beyond the world", few, geometry(blob(t, 4326, box(1e308, 62, 1))), `row with "fid" "2": code "2262"`},
		{"EWKB, which is not GeoPackage's", few, geometry(append(head(4326, 0), 1, 1, 0, 0, 0x20, 0xe6, 0x10, 0, 0)), "only Polygon"},

		{"no code", few, with(`UPDATE kommun SET kommunkod = NULL WHERE fid = 2`), `row with "fid" "2": no property with a code`},
		{"a code that is a blob", few, with(`UPDATE kommun SET kommunkod = x'41' WHERE fid = 2`), `row with "fid" "2": no property with a code`},
		{"a code that is too long", few, with(`UPDATE kommun SET kommunkod = printf('%.*c', 5000, 'x') WHERE fid = 2`), `row with "fid" "2": no property with a code`},
		{"a code that is no whole number", geo.ReadOptions{CodeProperty: "yta"}, with(`ALTER TABLE kommun ADD yta REAL DEFAULT 1.5`), `row with "fid" "1": the code 1.5 is a number, but not a whole one`},
		{"more features than allowed", geo.ReadOptions{MaxFeatures: 1}, twoAreas(t), "more than 1 features"},
		{"more bytes than allowed", geo.ReadOptions{MaxBytes: 4096}, twoAreas(t), "more than 4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, write(t, tt.file...), tt.opts)
			if err == nil || !strings.HasPrefix(err.Error(), "read GeoPackage: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("read %d features, error %v; want one with %q", len(got), err, tt.want)
			}
		})
	}
}

func TestRowsWithoutAKeyAreNamedByTheirPlace(t *testing.T) {
	t.Parallel()
	file := write(t, do(standard), register("v", "geom", 4326), do(`CREATE TABLE v (geom BLOB, a TEXT, kod TEXT, PRIMARY KEY (a, kod))`),
		do(`INSERT INTO v VALUES (?, 'a', 'A'), (NULL, 'b', 'B')`, blob(t, 4326, box(17, 62, 1))))
	_, err := read(t, file, geo.ReadOptions{})
	if want := `layer "v": row 1: code "B": it has no geometry`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestSplitBlobRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		blob []byte
		want string
	}{
		{"nothing", nil, "0 bytes"},
		{"half a header", []byte("GP\x00\x01\x00"), "5 bytes"},
		{"another magic", []byte("PG\x00\x01\x00\x00\x00\x00"), `begins with "PG"`},
		{"SpatiaLite's own form", []byte("\x00\x01\xe6\x10\x00\x00\x00\x00"), `begins with "\x00\x01"`},
		{"another version", []byte("GP\x01\x01\x00\x00\x00\x00"), "version 1"},
		{"an extended geometry", head(4326, flagExtended), "extended"},
		{"an empty geometry", head(4326, flagEmpty), "empty"},
		{"flags from the future", head(4326, 1<<6), "unknown flags 0x41"},
		{"an envelope of no known form", head(4326, 5<<1), "unknown form 5"},
		{"an envelope that breaks off", append(head(4326, 4<<1), make([]byte, 63)...), "breaks off in its envelope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := splitBlob(tt.blob)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestSplitBlobSkipsTheEnvelope(t *testing.T) {
	t.Parallel()
	for form, numbers := range []int{0, 4, 6, 6, 8} {
		data := []byte{'G', 'P', 0, byte(form) << 1}
		data = binary.BigEndian.AppendUint32(data, uint32(0xffffffff)) // -1
		data = append(append(data, make([]byte, 8*numbers)...), "wkb"...)
		srs, wkb, err := splitBlob(data)
		if srs != -1 || string(wkb) != "wkb" || err != nil {
			t.Errorf("form %d: %d, %q, %v", form, srs, wkb, err)
		}
	}
}

// FuzzGeometry: a blob is refused, or is polygons of the world.
func FuzzGeometry(f *testing.F) {
	f.Add(blob(f, 4326, box(17, 62, 1)))
	f.Add(blob(f, 0, orb.MultiPolygon{box(17, 62, 1), box(19, 62, 1)}))
	f.Add(append(head(4326, 4<<1), make([]byte, 80)...))
	f.Add(head(4326, flagExtended))
	system, err := system("EPSG", 4326, wgs84)
	if err != nil {
		f.Fatal(err)
	}
	l := &layer{srs: 4326, system: system}
	opts := geo.ReadOptions{MaxVertices: 64}.WithDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := l.decode(value{kind: "blob", blob: data}, opts)
		if err != nil {
			return
		}
		polygons, ok := g.(orb.MultiPolygon)
		if !ok || len(polygons) == 0 {
			t.Fatalf("a %T of %d", g, len(polygons))
		}
		if b := g.Bound(); b.Min[0] < -180 || b.Max[0] > 180 || b.Min[1] < -90 || b.Max[1] > 90 {
			t.Fatalf("it reaches over %v", b)
		}
	})
}

// FuzzFile: a file that is bitten somewhere is read or refused, and left as it is.
func FuzzFile(f *testing.F) {
	whole, err := os.ReadFile(write(f, twoAreas(f)...))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), byte(0), uint32(0))
	f.Add(uint32(applicationAt), byte(0xff), uint32(0))
	f.Add(uint32(0), byte(0x20), uint32(0))
	f.Add(uint32(4096), byte(0x0f), uint32(0))
	f.Add(uint32(pageSizeAt), byte(1), uint32(0))
	f.Add(uint32(0), byte(0), uint32(len(whole)-1))
	f.Add(uint32(0), byte(0), uint32(99))
	for _, name := range []string{"gpkg_contents", "gpkg_geometry_columns", "kommun", "geom", "SQLite", "features"} {
		f.Add(uint32(bytes.Index(whole, []byte(name))), byte(1), uint32(0))
	}
	f.Fuzz(func(t *testing.T, at uint32, flip byte, keep uint32) {
		bitten := bytes.Clone(whole)
		bitten[int(at)%len(bitten)] ^= flip
		if keep > 0 {
			bitten = bitten[:int(keep)%len(bitten)]
		}
		path := filepath.Join(t.TempDir(), "bitten.gpkg")
		if err := os.WriteFile(path, bitten, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = CheckFile(path) // it may say anything, but come back
		features, err := read(t, path, geo.ReadOptions{MaxVertices: 64, MaxFeatures: 64})
		if err == nil && flip == 0 && keep == 0 && len(features) != 2 {
			t.Errorf("%d features of a whole file, want 2", len(features))
		}
		if err != nil && !strings.HasPrefix(err.Error(), "read GeoPackage: ") {
			t.Errorf("error %v, which does not say what was attempted", err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, bitten) {
			t.Errorf("the file was changed (%v)", err)
		}
	})
}
