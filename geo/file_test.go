package geo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"github.com/paulmach/orb"
)

func encode(t testing.TB, index *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := index.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v; %d bytes written", n, err, b.Len())
	}
	return b.Bytes()
}

// rehash makes the hashes right, as whoever damages a file on purpose would.
func rehash(data []byte) {
	rehashHeader(data)
	if body := len(data) - sha256.Size; body >= 0 {
		sum := sha256.Sum256(data[:body])
		copy(data[body:], sum[:])
	}
}

func rehashHeader(data []byte) {
	if len(data) >= headerBytes {
		sum := sha256.Sum256(data[:headerHash])
		copy(data[headerHash:], sum[:])
	}
}

// smallIndex has every kind of entry: leaves, wide leaves, nodes, sets.
func smallIndex(t testing.TB) *Index {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	areas := newTiling(r, 5, 5, 12, 2000).areas
	for i := range 10 {
		d := float64(i) * 1e-4
		areas = append(areas, Feature{Code: string(rune('a' + i)), Geometry: orb.MultiPolygon{{box(0.001, 0.001, 0.002+d, 0.002+d)}}})
	}
	for range 25 { // many edges in one small place
		x, y := int32(r.IntN(40)), int32(r.IntN(40))
		areas[0].Geometry = append(polygonsOf(areas[0]), orb.Polygon{unitRing(point{x, y}, point{x + 9, y + 1}, point{x + 3, y + 8})})
	}
	index, _, err := Build(areas)
	if err != nil {
		t.Fatal(err)
	}
	if len(index.nodes) == 0 || len(index.leaves) == 0 || len(index.setArea) == 0 {
		t.Fatal("the index lacks a kind of cell")
	}
	return index
}

func TestFileHoldsTheIndex(t *testing.T) {
	t.Parallel()
	built := smallIndex(t)
	path := filepath.Join(t.TempDir(), "areas")
	store(t, built, path)
	opened, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(built.tables, opened.tables) || !reflect.DeepEqual(built.names, opened.names) {
		t.Error("the opened index differs from the built one")
	}
	if !bytes.Equal(encode(t, built), encode(t, opened)) {
		t.Error("the opened index is stored differently")
	}
	data := encode(t, built)
	shifted := append(make([]byte, 1, len(data)+1), data...)[1:] // words not on word boundaries
	if odd, err := Decode(shifted); err != nil || !reflect.DeepEqual(built.tables, odd.tables) {
		t.Errorf("Decode of unaligned bytes: %v", err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	if err := opened.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if err := built.Close(); err != nil {
		t.Errorf("Close of an index without file: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	data := encode(t, smallIndex(t))
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(data)) }
	tests := []struct {
		rule    string
		content []byte
	}{
		{"an empty file", nil},
		{"another kind of file", []byte("SQLite format 3\x00")},
		{"a header alone", data[:headerBytes]},
		{"a file cut off", data[:len(data)-1]},
		{"a file with more behind it", append(bytes.Clone(data), 0)},
		{"another version", change(func(b []byte) []byte { b[8]++; rehash(b); return b })},
		{"a wrong hash", change(func(b []byte) []byte { b[len(b)-1]++; return b })},
		{"a section longer than the file", change(func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[4*firstLength:], 1<<32-1)
			rehash(b)
			return b
		})},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "areas")
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if index, err := Open(path); !errors.Is(err, ErrDamaged) || index != nil {
				t.Errorf("Open = %v, %v; want ErrDamaged", index, err)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of an absent file: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	index, _, err := Build([]Feature{{Code: "a", Name: "A", Geometry: orb.MultiPolygon{{box(10, 60, 10.0001, 60.0001)}}}})
	if err != nil {
		t.Fatal(err)
	}
	data := encode(t, index)
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := Decode(data); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
}

// query uses every table of an index.
func query(index *Index, r *rand.Rand) {
	b := index.Bounds()
	for range 10 {
		p := orb.Point{b.Min[0] + r.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + r.Float64()*(b.Max[1]-b.Min[1])}
		index.Owner(p[0], p[1])
		index.Locate(p, 100)
		index.Nearest(p, MaxDistance, 3)
	}
	for i := range index.Len() {
		code, _ := index.Area(i)
		index.Lookup(code)
		index.Boundary(code)
		index.SquareMetres(i)
	}
}

// changeWords changes some words of a file on purpose, with a right hash.
func changeWords(data []byte, r *rand.Rand) []byte {
	damaged := bytes.Clone(data)
	for range 1 + r.IntN(3) {
		at := 8 + 4*r.IntN((len(data)-sha256.Size)/4-2)
		if r.IntN(4) == 0 {
			at = 8 + 4*r.IntN(22) // the header
		}
		word := binary.LittleEndian.Uint32(damaged[at:])
		switch r.IntN(3) {
		case 0:
			word ^= 1 << r.IntN(32)
		case 1:
			word += uint32(r.IntN(7)) - 3
		default:
			word = r.Uint32()
		}
		binary.LittleEndian.PutUint32(damaged[at:], word)
	}
	rehash(damaged)
	return damaged
}

// What passes the checks with a right hash must be safe to use, whatever it says.
func TestChangedWordsAreSafe(t *testing.T) {
	t.Parallel()
	data := encode(t, smallIndex(t))
	r := rand.New(rand.NewPCG(9, 10))
	refused := 0
	const rounds = 300
	for range rounds {
		index, err := Decode(changeWords(data, r))
		if err != nil {
			refused++
			continue
		}
		query(index, r)
	}
	t.Logf("%d of %d refused", refused, rounds)
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

func FuzzDecode(f *testing.F) {
	one, _, err := Build([]Feature{{Code: "a", Name: "A", Geometry: orb.MultiPolygon{{box(10, 60, 10.001, 60.001)}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encode(f, one))
	f.Add(encode(f, country(f)))
	f.Add([]byte(fileMagic))
	f.Fuzz(func(_ *testing.T, data []byte) {
		data = bytes.Clone(data)
		rehash(data)
		if index, err := Decode(data); err == nil {
			query(index, rand.New(rand.NewPCG(1, 1)))
		}
	})
}

// An opened index keeps next to nothing of its own: the file's pages belong to
// the system, which may drop them.
func TestOpenedIndexIsNotOnTheHeap(t *testing.T) { // not parallel: it measures the heap
	index, _ := detailedIndex(t)
	path := filepath.Join(t.TempDir(), "areas")
	size := store(t, index, path)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	opened, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("file %d bytes, %.1f a vertex; heap %d bytes", size, float64(size)/float64(len(index.vertices)/2), kept)
	if kept > 1<<20 {
		t.Errorf("opening keeps %d bytes on the heap, want under 1 MiB", kept)
	}
	if perVertex := float64(size) / float64(len(index.vertices)/2); perVertex > 56 {
		t.Errorf("%.1f bytes a vertex, want at most 56", perVertex)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}

func TestUnreachableIndexIsUnmapped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "areas")
	store(t, country(t), path)
	released := make(chan struct{})
	func() {
		opened, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		release := opened.mapped.release
		opened.mapped.release = func() error { defer close(released); return release() }
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-released:
			return
		default:
			runtime.Gosched()
		}
	}
	<-released // fails by the test's time limit
}
