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
	"testing"

	"github.com/paulmach/orb"
)

func TestMappedIndexIsTheOpenedOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "areas")
	store(t, smallIndex(t), path)
	opened, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := Map(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(opened.tables, mapped.tables) || !reflect.DeepEqual(opened.codes, mapped.codes) || !reflect.DeepEqual(opened.names, mapped.names) {
		t.Error("the mapped index differs from the opened one")
	}
	if err := errors.Join(mapped.Verify(), opened.Verify(), smallIndex(t).Verify()); err != nil {
		t.Errorf("a sound index: %v", err)
	}
	if err := errors.Join(opened.Close(), mapped.Close(), mapped.Verify()); err != nil {
		t.Error(err)
	}
}

func TestMapRefusesWhatItSees(t *testing.T) {
	t.Parallel()
	data := encode(t, smallIndex(t))
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(data)) }
	tests := []struct {
		rule    string
		content []byte
	}{
		{"an empty file", nil},
		{"a file cut off", data[:len(data)-1]},
		{"a file cut off at a page", data[:len(data)/4096*4096]},
		{"a file with more behind it", append(bytes.Clone(data), 0)},
		{"a changed origin", change(func(b []byte) []byte { b[12]++; return b })},
		{"a grid of another size, with a right hash", change(func(b []byte) []byte { b[20]++; rehashHeader(b); return b })},
		{"cells of another size, with a right hash", change(func(b []byte) []byte { b[28] = maxTopShift + 1; rehashHeader(b); return b })},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "areas")
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if index, err := Map(path); !errors.Is(err, ErrDamaged) || index != nil {
				t.Errorf("Map = %v, %v; want ErrDamaged", index, err)
			}
		})
	}
	if _, err := Map(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Map of an absent file: %v", err)
	}
}

// safely queries an index of content that nobody has checked, and sees that it
// names no area that is not there.
func safely(t *testing.T, index *Index, r *rand.Rand) {
	t.Helper()
	query(index, r)
	b := orb.Bound{Min: orb.Point{toDegrees(index.originX), toDegrees(index.originY)}}
	side := int64(1) << index.shift
	b.Max[0] = b.Min[0] + float64(side*int64(index.columns))/unitsPerDegree
	b.Max[1] = b.Min[1] + float64(side*int64(index.rows))/unitsPerDegree
	var points []orb.Point
	for range 70 {
		points = append(points, orb.Point{b.Min[0] + r.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + r.Float64()*(b.Max[1]-b.Min[1])})
	}
	checkBatch(t, index, points)
	for _, p := range points {
		named := index.holders(p[0], p[1])
		loc := index.LocateWithin(p, 50, 2000)
		named = append(named, loc.Owner, loc.Beyond, loc.Nearest.Area)
		for _, c := range loc.Candidates {
			named = append(named, c.Area)
		}
		for _, area := range named {
			if area != None && (area < 0 || area >= index.Len()) {
				t.Fatalf("%v: area %d of %d", p, area, index.Len())
			}
		}
	}
}

func TestEveryFlippedBitOfAMappedFileIsSafeAndFound(t *testing.T) {
	t.Parallel()
	index, _, err := Build([]Feature{{Code: "a", Name: "A", Geometry: orb.MultiPolygon{{box(10, 60, 10.0001, 60.0001)}}}})
	if err != nil {
		t.Fatal(err)
	}
	data := encode(t, index)
	r := rand.New(rand.NewPCG(41, 42))
	seen := 0
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		mapped, err := view(data)
		if err == nil {
			seen++
			if bit%8 == r.IntN(8) {
				safely(t, mapped, r)
			}
			err = mapped.verify(data)
		}
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	if seen == 0 {
		t.Error("Map has read everything")
	}
}

// damageCells overwrites words of the top grid, nodes and leaves.
func damageCells(data []byte, words int, r *rand.Rand, value func(r *rand.Rand) uint32) {
	length := func(section int) int { return int(binary.LittleEndian.Uint32(data[4*(firstLength+section):])) }
	padded := func(section int) int { return (4*length(section) + sectionAlign - 1) / sectionAlign * sectionAlign }
	starts := []int{headerBytes, headerBytes + padded(0), headerBytes + padded(0) + padded(1)}
	for range words {
		section := r.IntN(len(starts))
		at := starts[section] + 4*r.IntN(length(section))
		binary.LittleEndian.PutUint32(data[at:], value(r))
	}
}

func TestDamagedCellsAreSafe(t *testing.T) {
	t.Parallel()
	data := encode(t, smallIndex(t))
	nodes := int(binary.LittleEndian.Uint32(data[4*(firstLength+1):])) / 16
	tests := []struct {
		rule  string
		words int
		value func(r *rand.Rand) uint32
	}{
		{"a few words are anything", 3, func(r *rand.Rand) uint32 { return r.Uint32() }},
		{"many words are anything", 20_000, func(r *rand.Rand) uint32 { return r.Uint32() }},
		{"all is the same node, for ever", 200_000, func(*rand.Rand) uint32 { return tagNode << tagShift }},
		{"nodes lead to other nodes, in circles", 200_000, func(r *rand.Rand) uint32 {
			return tagNode<<tagShift | uint32(r.IntN(nodes))
		}},
		{"leaves begin anywhere", 5000, func(r *rand.Rand) uint32 { return tagLeaf<<tagShift | uint32(r.IntN(40_000)) }},
		{"leaves of any form", 20_000, func(r *rand.Rand) uint32 { return uint32(r.IntN(20)) | uint32(r.IntN(9))<<16 | uint32(r.IntN(256))<<24 }},
		{"leaves that are wide", 20_000, func(*rand.Rand) uint32 { return wideSlots << 16 }},
		{"sets and areas that are not there", 20_000, func(r *rand.Rand) uint32 { return uint32(r.IntN(2)*tagSet)<<tagShift | uint32(r.IntN(60)) }},
	}
	for seed, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 43))
			for range 6 {
				damaged := bytes.Clone(data)
				damageCells(damaged, tt.words, r, tt.value)
				index, err := view(damaged)
				if err != nil {
					t.Fatal(err) // Map does not look there
				}
				safely(t, index, r)
				if err := index.verify(damaged); !errors.Is(err, ErrDamaged) {
					t.Errorf("Verify = %v, want ErrDamaged", err)
				}
			}
		})
	}
}

// FuzzMap changes anything behind a header that is right, or whose hash is.
func FuzzMap(f *testing.F) {
	one, _, err := Build([]Feature{{Code: "a", Name: "A", Geometry: orb.MultiPolygon{{box(10, 60, 10.001, 60.001)}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encode(f, one))
	f.Add(encode(f, country(f)))
	f.Add(encode(f, one)[:headerBytes+sha256.Size])
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.Clone(data)
		rehashHeader(data)
		if index, err := view(data); err == nil {
			safely(t, index, rand.New(rand.NewPCG(1, 1)))
		}
	})
}
