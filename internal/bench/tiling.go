package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// tiling is a country of columns by rows areas without gaps or overlaps, for
// measuring how cost grows with size. Areas are four-cornered; every side is a
// winding border, which its two areas share vertex for vertex.
type tiling struct {
	columns, rows, bends int // bends are the vertices of a border between two corners
	corner               [][]orb.Point
	across, up           [][][]orb.Point // the borders east and north of each corner
}

// The tiling lies about where Sweden does.
const (
	tilingWest, tilingSouth = 11.0, 55.0
	tilingStep              = 0.07 // degrees from corner to corner
)

// Corners are moved by at most cornerShift of a step in either direction, so
// that two neighbouring borders of a corner meet at 43 degrees or more: each
// leans by at most atan(0.3/0.7). A border stays within borderSlope of the
// distance to its nearer end, 17 degrees to either side, so that no two cross.
const (
	cornerShift = 0.15
	borderSlope = 0.3
)

// newTiling makes the same tiling for the same numbers.
func newTiling(columns, rows, bends int) *tiling {
	random := rand.New(rand.NewPCG(uint64(columns), uint64(rows)))
	t := &tiling{columns: columns, rows: rows, bends: bends}
	shift := func() float64 { return (2*random.Float64() - 1) * cornerShift }
	for j := range rows + 1 {
		t.corner = append(t.corner, nil)
		for i := range columns + 1 {
			p := orb.Point{tilingWest + (float64(i)+shift())*tilingStep, tilingSouth + (float64(j)+shift())*tilingStep}
			t.corner[j] = append(t.corner[j], p)
		}
	}
	for j := range rows + 1 {
		t.across, t.up = append(t.across, nil), append(t.up, nil)
		for i := range columns + 1 {
			t.across[j] = append(t.across[j], t.border(random, j, i, j, min(i+1, columns)))
			t.up[j] = append(t.up[j], t.border(random, j, i, min(j+1, rows), i))
		}
	}
	return t
}

// border winds from one corner towards another, without the second; it is empty
// where both are the same.
func (t *tiling) border(random *rand.Rand, j0, i0, j1, i1 int) []orb.Point {
	a, b := t.corner[j0][i0], t.corner[j1][i1]
	if a == b {
		return nil
	}
	line := []orb.Point{a}
	offset := 0.0
	for k := range t.bends {
		at := float64(k+1) / float64(t.bends+1)
		// A walk that turns back to the middle, so that it winds and does not flicker.
		offset = 0.8*offset + 0.5*(2*random.Float64()-1)
		aside := max(-1, min(1, offset)) * borderSlope * min(at, 1-at)
		line = append(line, orb.Point{
			a[0] + at*(b[0]-a[0]) - aside*(b[1]-a[1]),
			a[1] + at*(b[1]-a[1]) + aside*(b[0]-a[0]),
		})
	}
	return line
}

// area is the ring of one area, counter-clockwise.
func (t *tiling) area(column, row int) geo.Feature {
	ring := append(orb.Ring{}, t.across[row][column]...)
	ring = append(ring, t.up[row][column+1]...)
	ring = append(ring, t.corner[row+1][column+1])
	ring = append(ring, backwards(t.across[row+1][column])...)
	ring = append(ring, t.corner[row+1][column])
	ring = append(ring, backwards(t.up[row][column])...)
	ring = append(ring, ring[0])
	code := fmt.Sprintf("%d-%d", column, row)
	return geo.Feature{Code: code, Name: code, Geometry: orb.MultiPolygon{{ring}}}
}

// backwards are the bends of a border from its end, without its corner.
func backwards(border []orb.Point) []orb.Point {
	var out []orb.Point
	for k := len(border) - 1; k > 0; k-- {
		out = append(out, border[k])
	}
	return out
}

// areas are all of them, row by row.
func (t *tiling) areas() []geo.Feature {
	var out []geo.Feature
	for row := range t.rows {
		for column := range t.columns {
			out = append(out, t.area(column, row))
		}
	}
	return out
}

// writeGeoJSON writes areas of one ring each as they would be published, with
// seven decimals.
func writeGeoJSON(w io.Writer, areas []geo.Feature) error {
	out := bufio.NewWriter(w)
	var number []byte
	put := func(v float64) {
		number = strconv.AppendFloat(number[:0], v, 'f', 7, 64)
		_, _ = out.Write(number) // Flush tells of errors
	}
	_, _ = out.WriteString(`{"type":"FeatureCollection","features":[`)
	for i, a := range areas {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		_, _ = fmt.Fprintf(out, "\n"+`{"type":"Feature","properties":{"code":%q,"name":%q},"geometry":{"type":"Polygon","coordinates":[[`, a.Code, a.Name)
		for k, p := range polygons(a)[0][0] {
			if k > 0 {
				_ = out.WriteByte(',')
			}
			_ = out.WriteByte('[')
			put(p[0])
			_ = out.WriteByte(',')
			put(p[1])
			_ = out.WriteByte(']')
		}
		_, _ = out.WriteString(`]]}}`)
	}
	_, _ = out.WriteString("\n]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write a made-up country: %w", err)
	}
	return nil
}
