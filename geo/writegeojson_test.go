package geo

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

// rebuilt writes what a builder holds and builds an index of what is read back.
func rebuilt(t testing.TB, b *Builder) (source, index []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := b.WriteGeoJSON(&out); err != nil {
		t.Fatal(err)
	}
	var again Builder
	if err := ReadGeoJSON(bytes.NewReader(out.Bytes()), SourceOptions(Areas), again.Add); err != nil {
		t.Fatalf("%v\n%.300s", err, out.Bytes())
	}
	made, _, err := again.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), encode(t, made)
}

// builderOf holds areas; ok is false where they are none.
func builderOf(areas []Feature) (b *Builder, ok bool) {
	b = &Builder{}
	for _, f := range areas {
		if b.Add(f) != nil {
			return nil, false
		}
	}
	return b, true
}

func TestAnIndexIsTheSameFromWhatWasWritten(t *testing.T) {
	t.Parallel()
	square := box(10, 60, 11, 61)
	tests := map[string][]Feature{
		"one area":         {{"a", "A", orb.MultiPolygon{{square}}}},
		"of several parts": {{"a", "A", orb.MultiPolygon{{square, box(10.1, 60.1, 10.2, 60.2)}, {box(12, 60, 13, 61)}}}},
		"merged out of their order": {
			{"a", "A", orb.MultiPolygon{{square}}}, {"b", "B", orb.MultiPolygon{{box(14, 60, 15, 61)}}}, {"a", "other", orb.MultiPolygon{{box(12, 60, 13, 61)}}},
		},
		"repaired": {{"a", "A", orb.MultiPolygon{
			{square[:4]},
			{{{20, 60}, {20, 60}, {21, 60}, {22, 60.5}, {21, 60}, {21, 61}, {20, 61}, {20, 60}}, {{20.2, 60.2}, {20.3, 60.3}, {20.2, 60.2}}, box(20.4, 60.4, 20.5, 60.5)},
		}}},
		"the wrong way round":      {{"a", "A", orb.MultiPolygon{{{{10, 60}, {10, 61}, {11, 61}, {11, 60}, {10, 60}}}}}},
		"at the ends of the world": {{"a", "A", orb.MultiPolygon{{box(-180, -90, -179.9999999, -89.9999999)}, {box(179, 89, 180, 90)}}}},
		"codes and names that JSON escapes": {
			{"a\"\\\n\u2028b", "Å <&> \x01 \U0001F6B2", orb.MultiPolygon{{square}}},
		},
	}
	for rule, areas := range tests {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b, ok := builderOf(areas)
			if !ok {
				t.Fatal("no areas")
			}
			source, got := rebuilt(t, b)
			built, _, err := b.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, encode(t, built)) {
				t.Errorf("another index from\n%s", source)
			}
		})
	}
}

func TestAnIndexOfRealBordersIsTheSameFromWhatWasWritten(t *testing.T) {
	t.Parallel()
	var b Builder
	f, err := os.Open(dataFile(t, "se-municipalities-detailed.geojson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read from
	if err := ReadGeoJSON(f, ReadOptions{}, b.Add); err != nil {
		t.Fatal(err)
	}
	source, got := rebuilt(t, &b)
	built, report, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d vertices, %d bytes of source, %d of index", report.Vertices, len(source), len(got))
	if !bytes.Equal(got, encode(t, built)) {
		t.Error("another index")
	}
}

func TestANearIndexIsTheSameFromWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Lines, Points} {
		l := layer{kind: kind, middle: orb.Point{17, 62}, spread: 0.1, step: 0.001, lines: 150, perLine: 20, owners: 20, alongEarth: kind == Lines}
		features := l.features(rand.New(rand.NewPCG(51, 52)))
		if kind == Lines { // a line of one place, and one more of an owner that others follow
			features = append(features, Feature{features[0].Code, "later", orb.MultiLineString{{{17, 62}}, {{17, 62}, {17.5, 62}}}})
		}
		var b, again NearBuilder
		for _, f := range features {
			f.Name = "Road " + f.Code
			if err := b.Add(f); err != nil {
				t.Fatal(err)
			}
		}
		var source bytes.Buffer
		if err := b.WriteGeoJSON(&source); err != nil {
			t.Fatal(err)
		}
		if err := ReadGeoJSON(&source, SourceOptions(kind), again.Add); err != nil {
			t.Fatal(err)
		}
		built, _, err1 := b.Finish()
		got, _, err2 := again.Finish()
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encodeNear(t, got), encodeNear(t, built)) {
			t.Errorf("%v: another index", kind)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteGeoJSONTellsWhatFailed(t *testing.T) {
	t.Parallel()
	sound := Feature{"a", "A", orb.MultiPolygon{{box(10, 60, 11, 61)}}}
	whole, _ := builderOf([]Feature{sound})
	empty, _ := builderOf([]Feature{{"b", "B", orb.MultiPolygon{}}})
	finished, _ := builderOf([]Feature{sound})
	if _, _, err := finished.Finish(); err != nil {
		t.Fatal(err)
	}
	var near NearBuilder
	if err := near.Add(Feature{"a", "A", orb.MultiPoint{{17, 62}}}); err != nil {
		t.Fatal(err)
	}
	for says, write := range map[string]func() error{
		"no space left":   func() error { return whole.WriteGeoJSON(full{}) },
		"area b":          func() error { return empty.WriteGeoJSON(&bytes.Buffer{}) },
		"finished":        func() error { return finished.WriteGeoJSON(&bytes.Buffer{}) },
		"JSON: no space ": func() error { return near.WriteGeoJSON(full{}) },
	} {
		if err := write(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
}

// FuzzWriteGeoJSON writes and reads whatever areas there may be: the second
// writing is the same as the first, and so is every answer.
func FuzzWriteGeoJSON(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, "code", "name")
	f.Add([]byte("0123456789abcdef0123456789abcdef"), "\"\\\u2028", "\x01<&>")
	f.Fuzz(func(t *testing.T, data []byte, code, name string) {
		areas := fuzzAreas(data)
		for i := range areas {
			areas[i].Name = areas[i].Code
		}
		if code, name = strings.TrimSpace(code), strings.TrimSpace(name); len(areas) > 0 && code != "" && name != "" {
			areas[0].Code, areas[0].Name = code, name
		}
		b, ok := builderOf(areas)
		if !ok || len(areas) == 0 || slices.ContainsFunc(b.order, func(a *building) bool { return len(a.polygons) == 0 }) {
			return
		}
		source, got := rebuilt(t, b)
		var again Builder
		if err := ReadGeoJSON(bytes.NewReader(source), SourceOptions(Areas), again.Add); err != nil {
			t.Fatal(err)
		}
		var second bytes.Buffer
		if err := again.WriteGeoJSON(&second); err != nil {
			t.Fatal(err)
		}
		built, _, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(second.Bytes(), source) || !bytes.Equal(got, encode(t, built)) {
			t.Errorf("another index from\n%s", source)
		}
	})
}
