package shapefile

import (
	"bytes"
	"io"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// small limits keep the fuzzer fast.
func small() geo.ReadOptions {
	return geo.ReadOptions{MaxVertices: 10_000, MaxFeatures: 100, MaxBytes: 1 << 20}
}

// checkFeature fails where a feature that was read is none.
func checkFeature(t *testing.T, f geo.Feature) {
	t.Helper()
	if f.Code == "" || f.Name == "" || !utf8.ValidString(f.Code+f.Name) {
		t.Fatalf("code %q, name %q", f.Code, f.Name)
	}
	b := f.Geometry.Bound()
	for _, p := range []orb.Point{b.Min, b.Max} {
		if !(math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90) {
			t.Fatalf("it lies in %v", b)
		}
	}
	areas, ok := f.Geometry.(orb.MultiPolygon)
	if !ok || len(areas) == 0 {
		t.Fatalf("areas became %T of %d", f.Geometry, len(areas))
	}
}

// fromMemory reads files that were not packed.
func fromMemory(t *testing.T, f files, opts geo.ReadOptions) {
	t.Helper()
	var members []member
	for name, b := range f {
		members = append(members, member{name, int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
	}
	_ = read(members, opts, func(f geo.Feature) error { // an error is as good
		checkFeature(t, f)
		return nil
	})
}

func FuzzShapes(f *testing.F) {
	hole := record{square(5e5, 65e5, 100), turned(square(5e5+10, 65e5+10, 50)), square(5e5+20, 65e5+20, 10)}
	for _, shapeType := range []int{polygon, polygon + 10, polygon + 20} {
		f.Add(shpOf(shapeType, hole, nil, record{square(5e5, 66e5, 4000)}))
	}
	f.Add(shpOf(point, record{{{5e5, 65e5}}}))
	f.Add(town()["town.shp"][:180])
	f.Fuzz(func(t *testing.T, shp []byte) {
		fromMemory(t, town().with("town.shp", shp), small())
		fromMemory(t, town().with("town.shp", shp).without("town.prj"), small())
	})
}

func FuzzTable(f *testing.F) {
	f.Add(town()["town.dbf"], "")
	f.Add(dbfOf(0x57, codeAndName(), []string{"0001", "\xc4lvsbyn"}), "")
	f.Add(dbfOf(0x02, []column{{"KOD", 'N', 8}, {"x", 'F', 20}}, []string{"114.0", "1e3"}), "UTF-8")
	f.Add(dbfOf(0, codeAndName(), []string{"*", "0001", "a"}), "OEM 850")
	f.Fuzz(func(t *testing.T, dbf []byte, cpg string) {
		fromMemory(t, town().with("town.dbf", dbf).with("town.cpg", []byte(cpg)), small())
	})
}

func FuzzZip(f *testing.F) {
	f.Add(town().zip(f))
	f.Add(files{"a/b.shp": town()["town.shp"], `c\B.DBF`: nil, "__MACOSX/._b.shp": nil}.zip(f))
	f.Fuzz(func(t *testing.T, archive []byte) {
		features, err := collectZip(archive, small())
		if err != nil {
			return
		}
		for _, feature := range features {
			checkFeature(t, feature)
		}
	})
}

func FuzzPolygons(f *testing.F) {
	f.Add([]byte{0, 0, 0, 9, 9, 9, 9, 0, 255, 1, 1, 1, 3, 3, 3, 255, 0, 0, 9, 9, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		// Pairs of bytes are positions, 255 ends a ring.
		rings, ring := []orb.Ring{}, orb.Ring{}
		for len(b) > 1 {
			if b[0] == 255 {
				rings, ring, b = append(rings, ring), orb.Ring{}, b[1:]
				continue
			}
			ring, b = append(ring, orb.Point{float64(b[0]), float64(b[1])}), b[2:]
		}
		rings = append(rings, ring)
		want := len(rings)
		got, err := polygons(rings)
		if err != nil {
			return
		}
		for _, polygon := range got {
			want -= len(polygon)
		}
		if want != 0 {
			t.Fatalf("%d rings were lost of %v", want, rings)
		}
	})
}
