package wkb

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
	orbewkb "github.com/paulmach/orb/encoding/ewkb"
	geom "github.com/twpayne/go-geom"
	"github.com/twpayne/go-geom/encoding/ewkb"
	"github.com/twpayne/go-geom/encoding/wkb"

	"github.com/kantsten/kantsten/geo"
)

// A square with a hole, flat and closed.
func square() []float64 {
	return []float64{0, 0, 10, 0, 10, 10, 0, 10, 0, 0, 2, 2, 2, 4, 4, 4, 2, 2}
}

func squareRings() orb.Polygon {
	return orb.Polygon{{{0, 0}, {10, 0}, {10, 10}, {0, 10}, {0, 0}}, {{2, 2}, {2, 4}, {4, 4}, {2, 2}}}
}

// raised gives every vertex the numbers that are dropped, which need not be finite.
func raised(flat []float64, more ...float64) []float64 {
	var out []float64
	for i := 0; i < len(flat); i += 2 {
		out = append(append(out, flat[i], flat[i+1]), more...)
	}
	return out
}

// shapes are geometries with what Decode makes of them.
func shapes() []struct {
	name string
	kind geo.Kind
	in   geom.T
	want orb.Geometry
} {
	two := append(square(), 20, 20, 21, 20, 21, 21, 20, 20)
	secondRing := orb.Ring{{20, 20}, {21, 20}, {21, 21}, {20, 20}}
	twoWant := orb.MultiPolygon{squareRings(), {secondRing}}
	nan := math.NaN()
	return []struct {
		name string
		kind geo.Kind
		in   geom.T
		want orb.Geometry
	}{
		{"a polygon is one of several", geo.Areas, geom.NewPolygonFlat(geom.XY, square(), []int{10, 18}), orb.MultiPolygon{squareRings()}},
		{"polygons", geo.Areas, geom.NewMultiPolygonFlat(geom.XY, two, [][]int{{10, 18}, {26}}), twoWant},
		{"heights are dropped", geo.Areas, geom.NewMultiPolygonFlat(geom.XYZ, raised(two, 7), [][]int{{15, 27}, {39}}), twoWant},
		{"measures are dropped", geo.Areas, geom.NewMultiPolygonFlat(geom.XYM, raised(two, nan), [][]int{{15, 27}, {39}}), twoWant},
		{"both are dropped", geo.Areas, geom.NewMultiPolygonFlat(geom.XYZM, raised(two, nan, 1e308), [][]int{{20, 36}, {52}}), twoWant},
		{"a line", geo.Lines, geom.NewLineStringFlat(geom.XY, []float64{0, 1, 2, 3}), orb.MultiLineString{{{0, 1}, {2, 3}}}},
		{"lines", geo.Lines, geom.NewMultiLineStringFlat(geom.XYZ, []float64{0, 1, 9, 2, 3, 9, 4, 5, 9, 6, 7, 9}, []int{6, 12}), orb.MultiLineString{{{0, 1}, {2, 3}}, {{4, 5}, {6, 7}}}},
		{"a point", geo.Points, geom.NewPointFlat(geom.XYM, []float64{3, 4, 5}), orb.MultiPoint{{3, 4}}},
		{"points", geo.Points, geom.NewMultiPointFlat(geom.XY, []float64{3, 4, 5, 6}), orb.MultiPoint{{3, 4}, {5, 6}}},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range shapes() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
				iso, err := wkb.Marshal(tt.in, order)
				if err != nil {
					t.Fatal(err)
				}
				extended, err := ewkb.Marshal(geomWithSRID(t, tt.in, 3006), order)
				if err != nil {
					t.Fatal(err)
				}
				for srid, data := range map[int][]byte{0: iso, 3006: extended} {
					before := bytes.Clone(data)
					got, gotSRID, err := Decode(data, tt.kind, 1000)
					if err != nil || gotSRID != srid {
						t.Fatalf("SRID %d, %v; want %d", gotSRID, err, srid)
					}
					if diff := cmp.Diff(tt.want, got); diff != "" {
						t.Errorf("%v: %s", order, diff)
					}
					if !bytes.Equal(data, before) {
						t.Error("Decode wrote into what it was given")
					}
				}
			}
		})
	}
}

// geomWithSRID copies a geometry and gives it an SRID.
func geomWithSRID(t *testing.T, g geom.T, srid int) geom.T {
	t.Helper()
	data, err := ewkb.Marshal(g, binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	clone, err := ewkb.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	clone, err = geom.SetSRID(clone, srid)
	if err != nil {
		t.Fatal(err)
	}
	return clone
}

// raw writes little-endian bytes: a byte, a type or count, a number.
func raw(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b.Write(p)
		case int:
			_ = binary.Write(&b, binary.LittleEndian, uint32(p))
		default:
			_ = binary.Write(&b, binary.LittleEndian, p)
		}
	}
	return b.Bytes()
}

const le = byte(1)

// nested is a collection in a collection, and so on.
func nested(depth int) []byte {
	return bytes.Repeat(raw(le, 7, 1), depth)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	position := raw(1.0, 2.0)
	ring := raw(4, position, raw(2.0, 2.0), raw(2.0, 3.0), position)
	tests := []struct {
		name string
		kind geo.Kind
		data []byte
		want string
	}{
		{"nothing at all", geo.Areas, nil, "breaks off"},
		{"half a type", geo.Areas, raw(le, byte(3), byte(0)), "breaks off"},
		{"a byte order that is none", geo.Areas, raw(byte(2), 3, 1, ring), "byte order 2"},
		{"collections 10,000 deep", geo.Areas, nested(10_000), "a GeometryCollection: only Polygon and MultiPolygon are areas"},
		{"a curve by its name", geo.Areas, raw(le, 10, 1), "a CurvePolygon"},
		{"curves of lines with heights", geo.Lines, raw(le, 1011, 1), "a MultiCurve: only LineString"},
		{"a curved surface of PostGIS", geo.Areas, raw(le, uint32(12|bitSRID), 3006, 1), "a MultiSurface"},
		{"a polyhedron", geo.Areas, raw(le, 1015, 1), "a PolyhedralSurface"},
		{"a triangle", geo.Areas, raw(le, 17, 1), "a Triangle"},
		{"a type that nobody knows", geo.Areas, raw(le, 99, 1), "unknown type 99"},
		{"five dimensions", geo.Areas, raw(le, 4003, 1), "unknown type 4003"},
		{"both ways to say Z", geo.Areas, raw(le, uint32(1003|bitZ), 1), "unknown type 1003"},
		{"a point among areas", geo.Areas, raw(le, 1, position), "a Point: only Polygon and MultiPolygon are areas"},
		{"an area among lines", geo.Lines, raw(le, 3, 1, ring), "a Polygon: only LineString and MultiLineString are lines"},
		{"a line among points", geo.Points, raw(le, 2, ring), "a LineString: only Point and MultiPoint are points"},
		{"an SRID that breaks off", geo.Areas, raw(le, uint32(3|bitSRID), byte(0)), "breaks off"},
		{"2³² parts", geo.Areas, raw(le, 6, uint32(math.MaxUint32), le, 3, 1, ring), "4294967295 parts do not fit"},
		{"2³² rings", geo.Areas, raw(le, 3, uint32(math.MaxUint32), ring), "polygon 0: 4294967295 rings do not fit"},
		{"2³² vertices", geo.Areas, raw(le, 3, 1, uint32(math.MaxUint32), position), "polygon 0, ring 0: 4294967295 vertices do not fit"},
		{"2²⁸ vertices, a count that overflows 32 bits", geo.Lines, raw(le, 2, 1<<28, position), "line 0: 268435456 vertices do not fit"},
		{"no polygon", geo.Areas, raw(le, 6, 0), "it is empty: no parts"},
		{"a polygon without rings", geo.Areas, raw(le, 6, 1, le, 3, 0, make([]byte, 99)), "polygon 0: it is empty: no rings"},
		{"a ring without vertices", geo.Areas, raw(le, 3, 2, ring, 0, make([]byte, 99)), "polygon 0, ring 1: it is empty: no vertices"},
		{"an empty point", geo.Points, raw(le, 1, math.NaN(), math.NaN()), "point 0: vertex 0 (NaN, NaN) is no position"},
		{"an infinite vertex", geo.Areas, raw(le, 6, 2, le, 3, 1, ring, le, 3, 1, 2, position, 1.0, math.Inf(-1), make([]byte, 99)), "polygon 1, ring 0: vertex 1 (1, -Inf)"},
		{"a vertex that breaks off", geo.Points, raw(le, 1, 1.0, 2), "breaks off"},
		{"a line in polygons", geo.Areas, raw(le, 6, 1, le, 2, ring, make([]byte, 99)), "polygon 0: a LineString in a MultiPolygon"},
		{"polygons in polygons", geo.Areas, raw(le, 6, 1, le, 6, 1, le, 3, 1, ring), "a MultiPolygon in a MultiPolygon"},
		{"a part with heights in a whole without", geo.Points, raw(le, 4, 1, le, 1001, 1.0, 2.0, 3.0), "point 0: it has not the dimensions"},
		{"a part with measures in a whole with heights", geo.Points, raw(le, 1004, 1, le, 2001, 1.0, 2.0, 3.0), "point 0: it has not the dimensions"},
		{"a part in the other form", geo.Points, raw(le, uint32(4|bitZ), 1, le, 1001, 1.0, 2.0, 3.0), "point 0: it has not the dimensions"},
		{"a part with an SRID of its own", geo.Points, raw(le, uint32(4|bitSRID), 3006, 1, le, uint32(1|bitSRID), 3007, position), "point 0: it has an SRID of its own, 3007"},
		{"a part of two", geo.Areas, raw(le, 6, 2, le, 3, 1, ring), "polygon 1: the geometry breaks off"},
		{"bytes left over", geo.Areas, raw(le, 3, 1, ring, byte(0)), "1 bytes after the geometry"},
		{"more vertices than allowed", geo.Lines, raw(le, 2, 11, bytes.Repeat(position, 11)), "line 0: more than 10 vertices"},
		{"more vertices than allowed, over the parts", geo.Areas, raw(le, 6, 3, bytes.Repeat(raw(le, 3, 1, ring), 3)), "polygon 2, ring 0: more than 10 vertices"},
		{"a kind that is none", 3, raw(le, 3, 1, ring), "kind 3 are unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g, _, err := Decode(tt.data, tt.kind, 10)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode = %v, %v; want an error with %q", g, err, tt.want)
			}
		})
	}
}

// TestDecodeOfHostileCountsTakesNoMemory measures what is allocated, which the
// counts must not decide; it runs alone, as that is counted for the process.
func TestDecodeOfHostileCountsTakesNoMemory(t *testing.T) {
	hostile := map[string][]byte{
		"2³² rings":               raw(le, 3, uint32(math.MaxUint32), make([]byte, 64)),
		"2³² vertices":            raw(le, 3, 1, uint32(math.MaxUint32), make([]byte, 64)),
		"collections 10,000 deep": nested(10_000),
	}
	for name, data := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Decode(data, geo.Areas, 1000)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// TestMaxBytesHoldsWhatIsAllowed takes the form that has the most bytes for its
// vertices.
func TestMaxBytesHoldsWhatIsAllowed(t *testing.T) {
	t.Parallel()
	const n = 100
	flat := make([]float64, 4*n)
	ends := make([]int, n)
	for i := range ends {
		ends[i] = 4 * (i + 1)
	}
	for kind, g := range map[geo.Kind]geom.T{
		geo.Points: geom.NewMultiPointFlat(geom.XYZM, flat),
		geo.Lines:  geom.NewMultiLineStringFlat(geom.XYZM, flat, ends),
	} {
		data, err := wkb.Marshal(g, binary.LittleEndian)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Decode(data, kind, n); err != nil {
			t.Error(err)
		}
		if int64(len(data)) > MaxBytes(n) {
			t.Errorf("%v: %d bytes, allowed are %d", kind, len(data), MaxBytes(n))
		}
	}
}

// FuzzDecode: what is accepted is whole, finite and within its limit, and the
// same once somebody else has written it and it is read again.
func FuzzDecode(f *testing.F) {
	for _, s := range shapes() {
		iso, err := wkb.Marshal(s.in, binary.LittleEndian)
		if err != nil {
			f.Fatal(err)
		}
		extended, err := ewkb.Marshal(s.in, binary.BigEndian)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(iso, uint8(s.kind))
		f.Add(extended, uint8(s.kind))
	}
	f.Add(nested(100), uint8(0))
	f.Add(raw(le, 6, uint32(math.MaxUint32), make([]byte, 64)), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, kind uint8) {
		const most = 64
		g, srid, err := Decode(data, geo.Kind(kind), most)
		if err != nil {
			return
		}
		if n := vertices(t, g); n == 0 || n > most {
			t.Fatalf("%d vertices", n)
		}
		again, err := orbewkb.Marshal(g, srid, binary.BigEndian)
		if err != nil {
			t.Fatal(err)
		}
		g2, srid2, err := Decode(again, geo.Kind(kind), most)
		if err != nil || srid2 != srid {
			t.Fatalf("SRID %d, %v; want %d", srid2, err, srid)
		}
		if diff := cmp.Diff(g, g2); diff != "" {
			t.Fatal(diff)
		}
	})
}

// vertices counts the positions and makes sure that each is finite.
func vertices(t *testing.T, g orb.Geometry) int {
	t.Helper()
	n := 0
	run := func(points []orb.Point) {
		for _, p := range points {
			if !finite(p[0]) || !finite(p[1]) {
				t.Fatalf("vertex %v", p)
			}
		}
		n += len(points)
	}
	switch g := g.(type) {
	case orb.MultiPolygon:
		for _, polygon := range g {
			for _, ring := range polygon {
				run(ring)
			}
		}
	case orb.MultiLineString:
		for _, line := range g {
			run(line)
		}
	case orb.MultiPoint:
		run(g)
	default:
		t.Fatalf("a %T", g)
	}
	return n
}
