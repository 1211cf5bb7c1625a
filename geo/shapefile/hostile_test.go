package shapefile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// patched writes a number over a copy of a file.
func patched[T int32 | uint32 | uint16 | float64 | byte](file []byte, at int, order binary.ByteOrder, v T) []byte {
	b := &bytes.Buffer{}
	put(b, order, v)
	out := bytes.Clone(file)
	copy(out[at:], b.Bytes())
	return out
}

const (
	firstRecord = headerBytes
	firstType   = firstRecord + recordHeaderBytes
	firstParts  = firstType + 4 + 32
	firstPoints = firstParts + 4
	firstStart  = firstPoints + 4
	firstVertex = firstStart + 4
)

func TestDamagedShapesAreRefused(t *testing.T) {
	t.Parallel()
	big, little := binary.BigEndian, binary.LittleEndian
	shp := town()["town.shp"]
	tests := []struct {
		rule string
		shp  []byte
		want string
	}{
		{"empty", nil, "the .shp: the file ends after 0 bytes, in the middle"},
		{"only half a header", shp[:50], "the .shp: the file ends after 50 bytes"},
		{"something else", []byte(strings.Repeat("no shape ", 30)), "a .shp with 9994"},
		{"cut off", shp[:200], "its header claims 236 bytes, but it has 200"},
		{"longer than it says", append(bytes.Clone(shp), 0), "its header claims 236 bytes, but it has 237"},
		{"a negative length of the file", patched[int32](shp, 24, big, -1), "its header claims -2 bytes"},
		{"an unknown shape type", patched[int32](shp, 32, little, 7), "unknown shape type 7"},
		{"null shapes alone", patched[int32](shp, 32, little, 0), "unknown shape type 0"},
		{"a shape type beyond all", patched[int32](shp, 32, little, 35), "unknown shape type 35"},
		{"MultiPatch", patched[int32](shp, 32, little, 31), "MultiPatch"},
		{"another shape type than the file's", patched[int32](shp, firstType, little, polyLine), "record 1: its shape type is 3, but that of the file is 5"},
		{"a negative length", patched[int32](shp, firstRecord+4, big, -5), "record 1: it claims -10 bytes"},
		{"no length", patched[int32](shp, firstRecord+4, big, 0), "record 1: it claims 0 bytes"},
		{"a length beyond the file", patched[int32](shp, firstRecord+4, big, math.MaxInt32), "record 1: it claims 4294967294 bytes, 128 are left"},
		{"a length that leaves a piece", patched[int32](shp, firstRecord+4, big, 62), "but its 1 parts and 5 points need 128"},
		{"2^31-1 parts", patched[int32](shp, firstParts, little, math.MaxInt32), "it claims 2147483647 parts of 5 points"},
		{"2^31 parts", patched[uint32](shp, firstParts, little, 1<<31), "it claims -2147483648 parts and 5 points"},
		{"2^31-1 points", patched[int32](shp, firstPoints, little, math.MaxInt32), "it claims 2147483647 vertices, more than 10000000"},
		{"more points than bytes", patched[int32](shp, firstPoints, little, 9_999_999), "it has 128 bytes, but its 1 parts and 9999999 points need"},
		{"fewer points than bytes", patched[int32](shp, firstPoints, little, 4), "it has 128 bytes, but its 1 parts and 4 points need 112"},
		{"no parts", patched[int32](shp, firstParts, little, 0), "it is empty, but not a null shape"},
		{"a part that begins late", patched[int32](shp, firstStart, little, 1), "part 0 begins at point 1 of 5"},
		{"not a number", patched(shp, firstVertex, little, math.NaN()), "record 1: vertex 0 of all its parts (NaN, 6.5e+06) is no position on Earth"},
		{"1e308", patched(shp, firstVertex+24, little, 1e308), "vertex 1 of all its parts (500000, 1e+308) is no position"},
		{"in another country", patched(shp, firstVertex, little, 5e6), "code 0001: polygon 0, ring 0, vertex 0 (5e+06, 6.5e+06) is not a position in SWEREF 99 TM"},
		{"two parts that begin together", shpOf(polygon, record{nil, square(5e5, 65e5, 1)}), "part 1 begins at point 0 of 5"},
		{"a part after the end", shpOf(polygon, record{square(5e5, 65e5, 1), nil}), "part 1 begins at point 5 of 5"},
		{"a ring of two vertices", shpOf(polygon, record{{{5e5, 65e5}, {5e5 + 1, 65e5}}}), "ring 0 has only 2 vertices"},
		{"an empty shape", shpOf(polygon, record{}), "it is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, err := town().with("town.shp", tt.shp).collect(t, geo.ReadOptions{})
			wantError(t, err, tt.want)
		})
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	t.Parallel()
	little := binary.LittleEndian
	dbf := town()["town.dbf"]
	tests := []struct {
		rule string
		dbf  []byte
		want string
	}{
		{"empty", nil, "the .dbf: the file ends after 0 bytes"},
		{"cut off in the header", dbf[:60], "it claims 1 rows of 17 bytes, but has 60 bytes"},
		{"cut off in a row", dbf[:len(dbf)-9], "but has"},
		{"2^32-1 rows", patched[uint32](dbf, 4, little, math.MaxUint32), "it claims 4294967295 rows of 17 bytes"},
		{"no header", patched[uint16](dbf, 8, little, 0), "its header claims 0 bytes"},
		{"a header longer than the file", patched[uint16](dbf, 8, little, 65535), "it claims 1 rows"},
		{"a header that ends in a field", patched[uint16](dbf, 8, little, 80), "its header ends in the middle of a field"},
		{"a header without end", patched[uint16](dbf, 8, little, 96), "no end of the fields"},
		{"no length of rows", patched[uint16](dbf, 10, little, 0), "and 0 a row"},
		{"a field beyond the row", patched[byte](dbf, 32+16, little, 200), `field "KnKod" ends at byte 201 of a row of 17`},
		{"neither valid nor deleted", patched[byte](dbf, 97, little, 'x'), `row 1: it begins with 'x'`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			for _, cpg := range []string{"", "UTF-8"} { // read twice, and once
				_, err := town().with("town.dbf", tt.dbf).with("town.cpg", []byte(cpg)).collect(t, geo.ReadOptions{})
				wantError(t, err, tt.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	f := town().with("town.shp", shpOf(polygon, record{square(5e5, 65e5, 1)}, record{square(5e5, 65e5, 1)})).
		with("town.dbf", dbfOf(0, codeAndName(), []string{"1", "a"}, []string{"2", "b"}))
	for want, opts := range map[string]geo.ReadOptions{
		"more than 1 features":                 {MaxFeatures: 1},
		"it claims 5 vertices, more than 4":    {MaxVertices: 4},
		"the .shp: record 2: more than 250 by": {MaxBytes: 250},
		"the .shp: more than 99 bytes":         {MaxBytes: 99},
	} {
		_, err := f.collect(t, opts)
		wantError(t, err, want)
	}
	f.with("town.dbf", append(f["town.dbf"], make([]byte, 10_000)...))
	_, err := f.collect(t, geo.ReadOptions{MaxBytes: 5000})
	wantError(t, err, "the .dbf: more than 5000 bytes")
}

// zeros packs a Shapefile of which one file has n zero bytes at its end.
func zeros(t *testing.T, name string, head []byte, n int64) []byte {
	t.Helper()
	b := &bytes.Buffer{}
	z := zip.NewWriter(b)
	for file, content := range town().without(name) {
		w, err := z.Create(file)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeroReader{}, n); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestZipBombs(t *testing.T) { //nolint:paralleltest // measures memory
	const size = 16 << 20
	head := patched[int32](town()["town.shp"], 24, binary.BigEndian, (236+size)/2)
	for want, archive := range map[string][]byte{
		"record 2: it claims 0 bytes": zeros(t, "town.shp", head, size),
		"the .dbf: more than 1048576": zeros(t, "town.dbf", town()["town.dbf"], size),
		"it has more than 65536":      zeros(t, "town.prj", nil, size),
	} {
		opts := geo.ReadOptions{MaxBytes: 1 << 20}
		if allocated := allocatedBy(func() {
			_, err := collectZip(archive, opts)
			wantError(t, err, want)
		}); allocated > 4<<20 {
			t.Errorf("%q: %d bytes were allocated", want, allocated)
		}
	}
}

func TestWhatIsClaimedIsNotAllocated(t *testing.T) { //nolint:paralleltest // measures memory
	// A record that claims ten million points, in a file that claims to have them.
	const points = 10_000_000
	content := 44 + 4 + 16*points
	shp := patched[int32](town()["town.shp"], 24, binary.BigEndian, int32((headerBytes+recordHeaderBytes+content)/2))
	shp = patched[int32](shp, firstRecord+4, binary.BigEndian, int32(content/2))
	shp = patched[int32](shp, firstPoints, binary.LittleEndian, points)
	members := func() []member {
		var out []member
		for name, b := range town().with("town.shp", shp) {
			size := int64(len(b))
			if name == "town.shp" {
				size = int64(headerBytes + recordHeaderBytes + content)
			}
			out = append(out, member{name, size, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }})
		}
		return out
	}
	if allocated := allocatedBy(func() {
		err := read(members(), geo.ReadOptions{}, func(geo.Feature) error { return errors.New("a feature of nothing") })
		wantError(t, err, "record 1: the file ends after 236 bytes, in the middle")
	}); allocated > 2<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// allocatedBy counts the bytes that f allocates in all, freed or not.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	good := town().zip(t)
	t.Run("not one", func(t *testing.T) {
		t.Parallel()
		_, err := collectZip([]byte("SQLite format 3\x00"), geo.ReadOptions{})
		wantError(t, err, "open the .zip: zip: not a valid zip file")
	})
	t.Run("cut off anywhere", func(t *testing.T) {
		t.Parallel()
		for n := range good {
			if _, err := collectZip(good[:n], geo.ReadOptions{}); err == nil {
				t.Errorf("%d of %d bytes were taken for all", n, len(good))
			}
		}
	})
	t.Run("an encrypted file", func(t *testing.T) {
		t.Parallel()
		bad := bytes.Clone(good)
		for at := 0; ; at++ { // the flags in each entry of the directory
			next := bytes.Index(bad[at:], []byte("PK\x01\x02"))
			if next < 0 {
				break
			}
			at += next
			bad[at+8] |= 1
		}
		_, err := collectZip(bad, geo.ReadOptions{})
		wantError(t, err, "is encrypted")
	})
	t.Run("a directory without end", func(t *testing.T) {
		t.Parallel()
		entry := append([]byte("PK\x01\x02"), make([]byte, 42)...)
		b := bytes.Repeat(entry, 400_000)
		size := len(b)
		b = append(b, "PK\x05\x06"...)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(400_000%65536))
		b = binary.LittleEndian.AppendUint16(b, uint16(400_000%65536))
		b = binary.LittleEndian.AppendUint32(b, uint32(size))
		b = append(b, make([]byte, 6)...)
		_, err := collectZip(b, geo.ReadOptions{})
		wantError(t, err, "its directory has more than 16777216 bytes")
	})
}

// A flipped bit is either found or changes nothing but what a checksum would find:
// in an archive that is all of it, up to its unused fields.
func TestFlippedBitsInAnArchiveAreFound(t *testing.T) {
	t.Parallel()
	good := town().zip(t)
	want, err := collectZip(good, geo.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for at := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[at] ^= 1 << bit
			got, err := collectZip(bad, geo.ReadOptions{})
			if err == nil && (len(got) != 1 || !orb.Equal(got[0].Geometry, want[0].Geometry) || got[0].Code != want[0].Code) {
				t.Errorf("bit %d of byte %d changed the feature to %v", bit, at, got)
			}
		}
	}
}
