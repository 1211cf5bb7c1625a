package geopackage

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/kantsten/kantsten/geo"
)

// standard are the tables that every GeoPackage has, with the systems in which
// the tests write.
const standard = `
PRAGMA application_id = 0x47504B47;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
	organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
	description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
	srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name));
INSERT INTO gpkg_spatial_ref_sys VALUES
	('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
	('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL),
	('SWEREF99 TM', 3006, 'EPSG', 3006, '` + sweref99TM + `', NULL),
	('WGS 84', 4326, 'EPSG', 4326, '` + wgs84 + `', NULL);`

const (
	sweref99TM = `PROJCS["SWEREF99 TM",GEOGCS["SWEREF99",DATUM["SWEREF99",SPHEROID["GRS 1980",6378137,298.257222101]],` +
		`PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4619"]],PROJECTION["Transverse_Mercator"],` +
		`PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],` +
		`PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1],AXIS["Northing",NORTH],AXIS["Easting",EAST],AUTHORITY["EPSG","3006"]]`
	wgs84 = `GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],` +
		`UNIT["degree",0.0174532925199433],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]`
)

// kommun is a table like Lantmäteriet's, with its rows in the tables of the
// standard and no rows of its own.
const kommun = `
INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('kommun', 'features', 'kommun', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('kommun', 'geom', 'MULTIPOLYGON', 4326, 0, 0);
CREATE TABLE kommun (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON, kommunkod TEXT, namn TEXT);`

// statement is SQL with its arguments.
type statement struct {
	sql  string
	args []any
}

// do makes a statement.
func do(sql string, args ...any) statement { return statement{sql, args} }

// write makes a SQLite file of statements and returns its path.
func write(t testing.TB, statements ...statement) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.gpkg")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s.sql, s.args...); err != nil {
			t.Fatalf("%s: %v", s.sql, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a file in the way that is meant for strangers'.
func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// read collects what Read yields.
func read(t testing.TB, path string, opts geo.ReadOptions) ([]geo.Feature, error) {
	t.Helper()
	var features []geo.Feature
	err := Read(t.Context(), open(t, path), opts, func(f geo.Feature) error {
		features = append(features, f)
		return nil
	})
	return features, err
}

// head is a little-endian header without an envelope.
func head(srs int32, flags byte) []byte {
	return binary.LittleEndian.AppendUint32([]byte{'G', 'P', 0, flags | flagLittleEndian}, uint32(srs))
}

// blob is a geometry as GeoPackage stores it.
func blob(t testing.TB, srs int32, g orb.Geometry) []byte {
	t.Helper()
	data, err := wkb.Marshal(g, binary.BigEndian)
	if err != nil {
		t.Fatal(err)
	}
	return append(head(srs, 0), data...)
}

// box is a closed square with its south-west corner there.
func box(x, y, side float64) orb.Polygon {
	return orb.Polygon{{{x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}, {x, y}}}
}

// dataFile returns the path of a file of real borders, which are no part of the
// repository, and skips the test where they are absent.
func dataFile(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join(repositoryRoot(t), "..", "shared")
	}
	path := filepath.Join(folder, "boundaries", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real borders are absent: %v; set KANTSTEN_TEST_DATA to the folder that holds boundaries/", err)
	}
	return path
}

func repositoryRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
}
