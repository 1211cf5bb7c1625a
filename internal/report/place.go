package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"
)

// QuadkeyZoom is the zoom of the Web-Mercator tile whose interleaved number
// every report stores: tiles there are some 7 cm wide in Sweden.
const QuadkeyZoom = 28

// Quadkey returns the number of the zoom-28 tile that holds a position. The
// tiles below any one tile form a contiguous range of such numbers, so that one
// B-tree answers every map view on every database.
//
// Latitudes beyond Web Mercator's ±85.05° fall into the outermost tile.
func Quadkey(lat, lon float64) int64 {
	const last = 1<<QuadkeyZoom - 1
	n := math.Exp2(QuadkeyZoom)
	s := math.Sin(lat * math.Pi / 180)
	x := (lon + 180) / 360 * n
	y := (0.5 - math.Log((1+s)/(1-s))/(4*math.Pi)) * n
	t := maptile.New(clamp(x, last), clamp(y, last), QuadkeyZoom)
	return int64(t.Quadkey()) // #nosec G115 -- 56 bits
}

func clamp(v float64, last uint32) uint32 {
	switch {
	case !(v > 0): // also NaN
		return 0
	case v >= float64(last):
		return last
	}
	return uint32(v)
}

// Range is a contiguous range of quadkeys, both ends included.
type Range struct{ First, Last int64 }

// maxRanges bounds how many ranges a box may become: more would cost more to
// seek than the exact filter behind them costs to skip.
const maxRanges = 12

// Ranges covers a box (degrees) with few ranges of quadkeys. They hold all of
// the box and some of its surroundings: an exact filter has to follow.
func Ranges(box orb.Bound) []Range {
	for zoom := coverZoom(box); ; zoom-- {
		if r := rangesAt(box, zoom); len(r) <= maxRanges || zoom == 0 {
			return r
		}
	}
}

// coverZoom is the deepest zoom at which the box spans at most eight tiles a side.
func coverZoom(box orb.Bound) maptile.Zoom {
	for zoom := maptile.Zoom(QuadkeyZoom); zoom > 0; zoom-- {
		a, b := corners(box, zoom)
		if b[0]-a[0] < 8 && b[1]-a[1] < 8 {
			return zoom
		}
	}
	return 0
}

// corners returns the tiles of the box's north-western and south-eastern corner.
func corners(box orb.Bound, zoom maptile.Zoom) (nw, se [2]int64) {
	shift := 2 * (QuadkeyZoom - zoom)
	tile := func(lat, lon float64) [2]int64 {
		t := maptile.FromQuadkey(uint64(Quadkey(lat, lon))>>shift, zoom) // #nosec G115 -- never negative
		return [2]int64{int64(t.X), int64(t.Y)}
	}
	return tile(box.Max.Lat(), box.Min.Lon()), tile(box.Min.Lat(), box.Max.Lon())
}

func rangesAt(box orb.Bound, zoom maptile.Zoom) []Range {
	shift := 2 * (QuadkeyZoom - zoom)
	nw, se := corners(box, zoom)
	var out []Range
	for y := nw[1]; y <= se[1]; y++ {
		for x := nw[0]; x <= se[0]; x++ {
			key := maptile.New(uint32(x), uint32(y), zoom).Quadkey() // #nosec G115 -- tile numbers
			out = append(out, Range{int64(key << shift), int64((key+1)<<shift - 1)}) // #nosec G115 -- 56 bits
		}
	}
	return mergeRanges(out)
}

// mergeRanges sorts ranges and joins those that touch.
func mergeRanges(in []Range) []Range {
	slices.SortFunc(in, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	out := in[:0]
	for _, r := range in {
		if n := len(out); n > 0 && out[n-1].Last+1 >= r.First {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}
