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
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

func encodeNear(t testing.TB, index *NearIndex) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := index.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v; %d bytes written", n, err, b.Len())
	}
	return b.Bytes()
}

// smallNear has several levels of boxes, and long segments in pieces.
func smallNear(t testing.TB, kind Kind) *NearIndex {
	t.Helper()
	l := layer{kind: kind, middle: orb.Point{17, 62}, spread: 0.1, step: 0.001, lines: 150, perLine: 20, owners: 20, alongEarth: kind == Lines}
	index := buildNear(t, l.features(rand.New(rand.NewPCG(31, 32))))
	if len(index.levels) < 3 {
		t.Fatal("the index has too few levels")
	}
	return index
}

func storeNear(t testing.TB, index *NearIndex) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "near")
	if err := os.WriteFile(path, encodeNear(t, index), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNearFileHoldsTheIndex(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Lines, Points} {
		built := smallNear(t, kind)
		opened, err := OpenNear(storeNear(t, built))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(built.nearTables, opened.nearTables) || opened.Kind() != kind {
			t.Errorf("%v: the opened index differs from the built one", kind)
		}
		at := orb.Point{17, 62}
		if got, want := opened.Nearest(at, MaxDistance, 5), built.Nearest(at, MaxDistance, 5); !reflect.DeepEqual(got, want) || len(got) != 5 {
			t.Errorf("%v: Nearest = %+v, want %+v", kind, got, want)
		}
		data := encodeNear(t, built)
		shifted := append(make([]byte, 1, len(data)+1), data...)[1:] // words not on word boundaries
		if odd, err := DecodeNear(shifted); err != nil || !reflect.DeepEqual(built.nearTables, odd.nearTables) {
			t.Errorf("%v: DecodeNear of unaligned bytes: %v", kind, err)
		}
		for range 2 { // closing twice is harmless
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := opened.Nearest(at, MaxDistance, 5); got != nil {
			t.Errorf("%v: a closed index found %+v", kind, got)
		}
	}
}

func TestOpenRefusesAnotherKind(t *testing.T) {
	t.Parallel()
	roads := storeNear(t, smallNear(t, Lines))
	if _, err := Open(roads); !errors.Is(err, ErrKind) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "it holds lines, want areas") {
		t.Errorf("Open of lines: %v", err)
	}
	areas := filepath.Join(t.TempDir(), "areas")
	store(t, country(t), areas)
	if _, err := OpenNear(areas); !errors.Is(err, ErrKind) || !strings.Contains(err.Error(), "it holds areas, want lines or points") {
		t.Errorf("OpenNear of areas: %v", err)
	}
}

func TestDecodeNearRefuses(t *testing.T) {
	t.Parallel()
	data := encodeNear(t, smallNear(t, Lines))
	type damage func(b []byte) []byte
	word := func(at int, change func(w uint32) uint32) damage {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[at:], change(binary.LittleEndian.Uint32(b[at:])))
			rehash(b)
			return b
		}
	}
	set := func(w uint32) func(uint32) uint32 { return func(uint32) uint32 { return w } }
	tests := []struct {
		rule   string
		damage damage
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "not an index file"},
		{"a wrong hash", func(b []byte) []byte { b[200]++; return b }, "the hash differs"},
		{"another version", word(8, set(9)), "version 9"},
		{"a kind that there is not", word(4*kindWord, set(3)), "kind 3"},
		{"a section longer than the file", word(4*firstLength, set(1<<32-1)), "longer than the file"},
		{"too few boxes", word(4*firstLength, func(w uint32) uint32 { return w - boxWords }), "bytes after the last section"},
		{"no runs", word(4*(firstLength+2), set(0)), "bytes after the last section"},
		{"half a vertex", word(4*(firstLength+3), func(w uint32) uint32 { return w - 1 }), "runs: their number"},
		{"a box moved away from its run", word(headerBytes, func(w uint32) uint32 { return w + 1<<30 }), "does not fit its run"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeNear(tt.damage(bytes.Clone(data)))
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrDamaged with %q", err, tt.want)
			}
		})
	}
	for cut := 0; cut < len(data); cut += 1 + cut/50 {
		if _, err := DecodeNear(data[:cut]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
	}
}

func TestEveryFlippedBitOfANearFileIsRefused(t *testing.T) {
	t.Parallel()
	data := encodeNear(t, buildNear(t, []Feature{
		{Code: "a", Name: "A", Geometry: orb.MultiLineString{{{17, 62}, {17.001, 62}, {17.002, 62.001}}}},
		{Code: "b", Name: "B", Geometry: orb.MultiLineString{{{17, 62.1}, {17.001, 62.1}}}},
	}))
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := DecodeNear(data); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
}

// queryNear uses every table of an index.
func queryNear(index *NearIndex, r *rand.Rand) {
	b := index.Bounds()
	var out []NearFeature
	for range 10 {
		p := orb.Point{b.Min[0] + r.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + r.Float64()*(b.Max[1]-b.Min[1])}
		out = index.AppendNearest(out[:0], p, FarDistance, 3)
		for _, f := range out {
			index.Feature(f.Feature)
		}
	}
	for i := range index.Len() {
		code, _ := index.Feature(i)
		index.Lookup(code)
	}
}

// What passes the checks with a right hash must be safe to use, whatever it says.
func TestChangedWordsOfANearFileAreSafe(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(33, 34))
	for _, kind := range []Kind{Lines, Points} {
		data := encodeNear(t, smallNear(t, kind))
		refused := 0
		const rounds = 200
		for range rounds {
			index, err := DecodeNear(changeWords(data, r))
			if err != nil {
				refused++
				continue
			}
			queryNear(index, r)
		}
		t.Logf("%v: %d of %d refused", kind, refused, rounds)
		if refused == 0 {
			t.Errorf("%v: nothing was refused", kind)
		}
	}
}

func FuzzDecodeNear(f *testing.F) {
	f.Add(encodeNear(f, buildNear(f, []Feature{{Code: "a", Name: "A", Geometry: orb.MultiPoint{{17, 62}, {17, 62.1}}}})))
	f.Add(encodeNear(f, smallNear(f, Lines)))
	f.Add([]byte(fileMagic))
	f.Fuzz(func(_ *testing.T, data []byte) {
		data = bytes.Clone(data)
		rehash(data)
		if index, err := DecodeNear(data); err == nil {
			queryNear(index, rand.New(rand.NewPCG(1, 1)))
		}
	})
}

// The hash is of the file as it stands; a file of the same layer built twice is
// the same, so that sets can be told apart by it.
func TestNearFilesOfTheSameFeaturesAreTheSame(t *testing.T) {
	t.Parallel()
	a, b := encodeNear(t, smallNear(t, Points)), encodeNear(t, smallNear(t, Points))
	if sha256.Sum256(a) != sha256.Sum256(b) {
		t.Error("two files differ")
	}
}
