package postgis

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/ewkb"

	"github.com/kantsten/kantsten/geo"
)

// marshal is a geometry as ST_AsEWKB sends it.
func marshal(t testing.TB, g orb.Geometry, srid int) value {
	t.Helper()
	data, err := ewkb.Marshal(g, srid, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return sent(data)
}

// sent is a geometry of these bytes.
func sent(data []byte) value {
	return value{size: sql.NullInt64{Int64: int64(len(data)), Valid: true}, ewkb: data}
}

// areaDecoder decodes a column of an SRID, 0 being any.
func areaDecoder(srid int) *decoder {
	return &decoder{opts: geo.ReadOptions{MaxVertices: 64}.WithDefaults(), layer: &layer{srid: srid}}
}

func TestGeometryRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		column int
		value  value
		want   string
	}{
		{"NULL", 3006, value{}, "it has no geometry"},
		{"too long to be sent", 3006, value{size: sql.NullInt64{Int64: 1 << 30, Valid: true}}, "1073741824 bytes is longer than one of 64 vertices"},
		{"no bytes", 3006, sent([]byte{}), "breaks off"},
		{"collections 10,000 deep", 3006, sent(bytes.Repeat([]byte{1, 7, 0, 0, 0, 1, 0, 0, 0}, 10_000)), "a GeometryCollection"},
		{"2³² rings", 3006, sent([]byte{1, 3, 0, 0, 0, 255, 255, 255, 255}), "4294967295 rings do not fit"},
		{"another SRID than the column's", 3006, marshal(t, square(17), 4326), "its SRID is 4326, the column's is 3006"},
		{"no SRID in a column that has one", 3006, marshal(t, square(17), 0), "its SRID is 0, the column's is 3006"},
		{"no SRID at all", 0, marshal(t, square(17), 0), "unknown (SRID 0)"},
		{"an SRID that nobody knows", 0, marshal(t, square(17), 999_999), "EPSG:999999 is not supported"},
		{"a point", 0, marshal(t, orb.Point{17, 62}, 4326), "a Point: only Polygon and MultiPolygon are areas"},
		{"a vertex beyond the world", 0, marshal(t, square(1e308), 4326), "1e+308"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g, err := areaDecoder(tt.column).decode(tt.value)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, error %v; want one with %q", g, err, tt.want)
			}
		})
	}
}

// FuzzGeometry: EWKB is refused, or is polygons of the world.
func FuzzGeometry(f *testing.F) {
	for _, srid := range []int{0, 3006, 4326} {
		f.Add([]byte(marshal(f, square(17), srid).ewkb))
		f.Add([]byte(marshal(f, orb.MultiPolygon{{{{500_000, 6_900_000}, {500_100, 6_900_000}, {500_000, 6_900_100}, {500_000, 6_900_000}}}}, srid).ewkb))
	}
	f.Add(bytes.Repeat([]byte{1, 7, 0, 0, 0, 1, 0, 0, 0}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := areaDecoder(0).decode(sent(data))
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
