package report

import (
	"math"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"
	"pgregory.net/rapid"
)

func position() *rapid.Generator[orb.Point] {
	return rapid.Custom(func(t *rapid.T) orb.Point {
		return orb.Point{rapid.Float64Range(-180, 180).Draw(t, "lon"), rapid.Float64Range(-85, 85).Draw(t, "lat")}
	})
}

// orb computes a tile in the same way, except that it rounds a position which is
// within a hair of a tile's edge differently: there the neighbour will do.
func TestQuadkeyIsOrbsTile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := position().Draw(t, "position")
		got := maptile.FromQuadkey(uint64(Quadkey(p.Lat(), p.Lon())), QuadkeyZoom) // #nosec G115 -- never negative
		want := maptile.At(p, QuadkeyZoom)
		if d := apart(got.X, want.X); d > 1 || apart(got.Y, want.Y) > 1 {
			t.Errorf("%v lies in tile %v, orb says %v", p, got, want)
		}
	})
}

func apart(a, b uint32) int64 { return max(int64(a)-int64(b), int64(b)-int64(a)) }

func TestQuadkeyOfOddPositions(t *testing.T) {
	t.Parallel()
	const last = 1<<56 - 1
	for name, tt := range map[string]struct {
		lat, lon float64
		want     int64
	}{
		"the north-western corner": {85.1, -180, 0},
		"the south-eastern corner": {-85.1, 180, last},
		"the poles":                {-90, 180, last},
		"beyond everything":        {-1e300, math.Inf(1), Quadkey(-1e300, 180)},
		"not a number":             {math.NaN(), math.NaN(), 0},
	} {
		if got := Quadkey(tt.lat, tt.lon); got != tt.want || got < 0 || got > last {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestRangesCoverTheBox(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := position().Draw(t, "a"), position().Draw(t, "b")
		if rapid.Bool().Draw(t, "small") { // as most views of the map are
			b = orb.Point{a.Lon() + b.Lon()/1e4, a.Lat() + b.Lat()/1e4}
		}
		box := orb.MultiPoint{a, b}.Bound()
		ranges := Ranges(box)
		if len(ranges) == 0 || len(ranges) > maxRanges {
			t.Fatalf("%d ranges", len(ranges))
		}
		for i, r := range ranges {
			if r.First > r.Last || i > 0 && ranges[i-1].Last >= r.First-1 {
				t.Errorf("range %d of %v is empty, out of order or touches the one before", i, ranges)
			}
		}
		for range 20 {
			lat := rapid.Float64Range(box.Min.Lat(), box.Max.Lat()).Draw(t, "lat")
			lon := rapid.Float64Range(box.Min.Lon(), box.Max.Lon()).Draw(t, "lon")
			key := Quadkey(lat, lon)
			if !slices.ContainsFunc(ranges, func(r Range) bool { return r.First <= key && key <= r.Last }) {
				t.Errorf("%v, %v is in the box and in none of its ranges", lat, lon)
			}
		}
	})
}
