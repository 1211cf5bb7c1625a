package geopackage_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/geopackage"
)

// makeExample writes a GeoPackage with one lamp post, in SWEREF 99 TM.
func makeExample(path string) {
	point, err := hex.DecodeString("47500001be0b0000" + "0101000000" + "6f1283c0cdbb1541" + "4a0c02ab34425741")
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(context.Background(), `PRAGMA application_id = 0x47504B47;
		CREATE TABLE gpkg_spatial_ref_sys (srs_name, srs_id, organization, organization_coordsys_id, definition);
		CREATE TABLE gpkg_contents (table_name, data_type, srs_id);
		CREATE TABLE gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m);
		INSERT INTO gpkg_spatial_ref_sys VALUES ('SWEREF99 TM', 3006, 'EPSG', 3006, 'undefined');
		INSERT INTO gpkg_contents VALUES ('belysning', 'features', 3006);
		INSERT INTO gpkg_geometry_columns VALUES ('belysning', 'geom', 'POINT', 3006, 0, 0);
		CREATE TABLE belysning (fid INTEGER PRIMARY KEY, geom POINT, nummer TEXT);
		INSERT INTO belysning (geom, nummer) VALUES (?, 'L-17')`, point)
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "belysning.gpkg")
	makeExample(path)

	if err := geopackage.CheckFile(path); err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("sqlite", geopackage.DSN(path))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	opts := geo.ReadOptions{Kind: geo.Points, CodeProperty: "nummer"}
	err = geopackage.Read(context.Background(), db, opts, func(f geo.Feature) error {
		at := f.Geometry.Bound().Center()
		fmt.Printf("%s at %.4f, %.4f\n", f.Code, at.Lon(), at.Lat())
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// L-17 at 12.7500, 55.0000
}
