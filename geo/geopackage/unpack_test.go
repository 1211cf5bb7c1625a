package geopackage

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/geo"
)

// entry is a file in an archive.
type entry struct {
	name    string
	content []byte
}

// packed makes a .zip.
func packed(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.Create(e.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// whole is the content of a GeoPackage.
func whole(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile(write(t, twoAreas(t)...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func unpackAll(t testing.TB, dir string, archive []byte, maxBytes int64) (string, error) {
	t.Helper()
	return Unpack(t.Context(), dir, bytes.NewReader(archive), int64(len(archive)), maxBytes)
}

func TestUnpackWhatPublishersShip(t *testing.T) {
	t.Parallel()
	content := whole(t)
	tests := []struct {
		rule    string
		entries []entry
	}{
		{"alone", []entry{{"kommun.gpkg", content}}},
		{"with its terms beside it, in a folder", []entry{{"2026/", nil}, {"2026/Kommun.GPKG", content}, {"2026/läs mig.pdf", []byte("terms")}}},
		{"from a Mac", []entry{{"kommun.gpkg", content}, {"__MACOSX/._kommun.gpkg", []byte("finder")}}},
		{"with an empty log", []entry{{"kommun.gpkg", content}, {"kommun.gpkg-wal", nil}}},
		{"with a name that leads elsewhere", []entry{{"../../../../../../etc/kommun.gpkg", content}}},
		{"with a name of Windows", []entry{{`C:\data\kommun.gpkg`, content}}},
		{"with a name that is no path", []entry{{"a\x00b\n?mode=rwc.gpkg", content}}},
		{"with a table of a Shapefile that is none", []entry{{"kommun.gpkg", content}, {"codes.dbf", nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, err := unpackAll(t, dir, packed(t, tt.entries...), math.MaxInt64-1)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || filepath.Dir(path) != dir || info.Mode().Perm()&0o077 != 0 {
				t.Fatalf("it lies in %s with %v (%v); want it in %s for nobody else", path, info.Mode(), err, dir)
			}
			features, err := read(t, path, geo.ReadOptions{})
			if err != nil || len(features) != 2 {
				t.Errorf("%d features, %v; want 2", len(features), err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// flagged sets a bit in the flags of all entries of an archive.
func flagged(archive []byte, bit byte) []byte {
	for at := range archive[:len(archive)-10] {
		switch binary.LittleEndian.Uint32(archive[at:]) {
		case 0x04034b50: // before the content
			archive[at+6] |= bit
		case 0x02014b50: // in the directory
			archive[at+8] |= bit
		}
	}
	return archive
}

// claiming changes the unpacked size of the only file in an archive.
func claiming(archive []byte, size uint32) []byte {
	at := bytes.LastIndex(archive, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(archive[at+24:], size)
	return archive
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	content := whole(t)
	length := int64(len(content))
	one := func() []byte { return packed(t, entry{"kommun.gpkg", content}) }
	zeros := packed(t, entry{"bomb.gpkg", make([]byte, alwaysFits+1)})
	tests := []struct {
		rule     string
		archive  []byte
		maxBytes int64
		want     string
	}{
		{"no archive", []byte("PK\x03\x04 and nothing else"), length, "open the .zip"},
		{"an empty one", packed(t), length, "it holds no GeoPackage, but nothing"},
		{"none in it", packed(t, entry{"a.txt", nil}, entry{"b.gpkg.zip", nil}, entry{"c.gpkg/d", nil}), length, `it holds no GeoPackage, but ["a.txt" "b.gpkg.zip" "c.gpkg/d"]`},
		{"several", packed(t, entry{"a.gpkg", content}, entry{"b/A.GPKG", content}), length, `it holds ["a.gpkg" "b/A.GPKG"]; unpack the one`},
		{"a Shapefile, too", packed(t, entry{"a.gpkg", content}, entry{"a.shp", nil}), length, `it holds ["a.gpkg" "a.shp"]; unpack the one`},
		{"changes that are still in its log", packed(t, entry{"a.gpkg", content}, entry{"a.gpkg-wal", []byte{0}}), length, `changes in "a.gpkg-wal"`},
		{"an encrypted one", flagged(one(), 1), length, `"kommun.gpkg" is encrypted`},
		{"longer than is allowed", one(), length - 1, "it has more than"},
		{"nothing is allowed", one(), -1, "it has more than -1 bytes"},
		{"longer than it claims", claiming(one(), uint32(length)-1), length - 1, "kommun.gpkg"},
		{"shorter than it claims", claiming(one(), uint32(length)+1), length + 1, "unexpected EOF"},
		{"200 times its archive", zeros, math.MaxInt64 - 1, `"bomb.gpkg": unpacked, it has more than 16777216 bytes`},
		{"the same, but not saying so", claiming(bytes.Clone(zeros), 100), math.MaxInt64 - 1, `"bomb.gpkg": `},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, err := unpackAll(t, dir, tt.archive, tt.maxBytes)
			if err == nil || path != "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, error %v; want one with %q", path, err, tt.want)
			}
			wantEmpty(t, dir)
		})
	}
}

func wantEmpty(t testing.TB, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// TestNoneIsToldFromOthers: only then it is worth asking another reader.
func TestNoneIsToldFromOthers(t *testing.T) {
	t.Parallel()
	dir, content := t.TempDir(), whole(t)
	if _, err := unpackAll(t, dir, packed(t, entry{"a.shp", nil}), 100); !errors.Is(err, ErrNone) {
		t.Errorf("a Shapefile: %v", err)
	}
	if _, err := unpackAll(t, dir, packed(t, entry{"a.gpkg", content}), 100); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a GeoPackage that is too long: %v", err)
	}
	wantEmpty(t, dir)
}

// TestFlippedBitsLeaveNoFile: the checksum is at the end, when all has been written.
func TestFlippedBitsLeaveNoFile(t *testing.T) {
	t.Parallel()
	content := whole(t)
	dir := t.TempDir()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "kommun.gpkg", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archive := b.Bytes()
	archive[len(content)/2] ^= 1
	if path, err := unpackAll(t, dir, archive, math.MaxInt64-1); !errors.Is(err, zip.ErrChecksum) {
		t.Errorf("%q, %v", path, err)
	}
	wantEmpty(t, dir)
}

func TestUnpackingStopsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	archive := packed(t, entry{"kommun.gpkg", whole(t)})
	if path, err := Unpack(ctx, dir, bytes.NewReader(archive), int64(len(archive)), math.MaxInt64-1); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", path, err)
	}
	wantEmpty(t, dir)
}

// FuzzUnpack: an archive is refused and leaves nothing, or gives one file within
// the limit.
func FuzzUnpack(f *testing.F) {
	const limit = 1 << 20
	f.Add(packed(f, entry{"a.gpkg", []byte("content")}))
	f.Add(packed(f, entry{"a.gpkg", make([]byte, limit+1)}))
	f.Add(packed(f, entry{"a.gpkg", nil}, entry{"b.gpkg", nil}))
	f.Add(flagged(packed(f, entry{"a.gpkg", []byte("content")}), 8))
	f.Add(claiming(packed(f, entry{"a.gpkg", []byte("content")}), math.MaxUint32))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, archive []byte) {
		path, err := unpackAll(t, dir, archive, limit)
		if err == nil {
			info, err := os.Stat(path)
			if err != nil || info.Size() > limit {
				t.Errorf("%v (%v)", info, err)
			}
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
		wantEmpty(t, dir)
	})
}
