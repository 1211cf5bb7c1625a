package postgis

import (
	"database/sql"
	"fmt"
	"math"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// agrees holds what is read against PROJ, which PostGIS projects by: points over
// each system's part of the country go there by PROJ and come back by sweref.
func agrees(t *testing.T, db *sql.DB) {
	meridians := map[int]float64{ // central, of SWEREF 99 12 00 and its sisters
		3007: 12, 3008: 13.5, 3009: 15, 3010: 16.5, 3011: 18, 3012: 14.25,
		3013: 15.75, 3014: 17.25, 3015: 18.75, 3016: 20.25, 3017: 21.75, 3018: 23.25,
	}
	for srid, meridian := range meridians {
		t.Run(fmt.Sprint(srid), func(t *testing.T) { agreesIn(t, db, srid, meridian-1.5, meridian+1.5) })
	}
	t.Run("3006", func(t *testing.T) { agreesIn(t, db, 3006, 11, 24) })
}

// agreesIn reads points between two degrees of longitude.
func agreesIn(t *testing.T, db *sql.DB, srid int, west, east float64) {
	table := fmt.Sprintf("prick_%d", srid)
	_, err := db.ExecContext(t.Context(), fmt.Sprintf(`CREATE TABLE %s AS
		SELECT lon || ' ' || lat AS kod, ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), %d)::geometry(Point, %[2]d) AS geom
		FROM generate_series(%f::numeric, %f, 0.25) lon, generate_series(55.25, 69, 0.25) lat`, table, srid, west, east))
	if err != nil {
		t.Fatal(err)
	}
	read, worst := 0, 0.0
	err = Read(t.Context(), db, geo.ReadOptions{Layer: table, Kind: geo.Points}, func(f geo.Feature) error {
		var lon, lat float64
		if _, err := fmt.Sscan(f.Code, &lon, &lat); err != nil {
			return err
		}
		got, ok := f.Geometry.(orb.MultiPoint)
		if !ok || len(got) != 1 {
			return fmt.Errorf("%s: %v", f.Code, f.Geometry)
		}
		const metresPerDegree = 111_400
		worst = max(worst, metresPerDegree*math.Hypot((got[0][0]-lon)*math.Cos(lat*math.Pi/180), got[0][1]-lat))
		read++
		return nil
	})
	const millimetre = 0.001
	if err != nil || read < 600 || worst > millimetre {
		t.Errorf("%d points, the worst %.6f m off, %v; want some hundreds to the millimetre", read, worst, err)
	}
	t.Logf("%d points, the worst %.3g m off", read, worst)
}
