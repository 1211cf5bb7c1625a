package main

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/kantsten/kantsten/geo"
)

// The figures about growth mean something only if the made-up country is one:
// no gaps, no overlaps, borders shared vertex for vertex.
func TestTilingIsValid(t *testing.T) {
	t.Parallel()
	const columns, rows, bends = 20, 12, 13
	areas := newTiling(columns, rows, bends).areas()
	var text bytes.Buffer
	if err := writeGeoJSON(&text, areas); err != nil {
		t.Fatal(err)
	}
	var b geo.Builder
	if err := geo.ReadGeoJSON(&text, geo.ReadOptions{}, b.Add); err != nil {
		t.Fatal(err)
	}
	index, report, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	borders := columns*(rows+1) + rows*(columns+1)
	if report.Areas != columns*rows || report.Edges != borders*(bends+1) || report.Shared != (borders-2*columns-2*rows)*(bends+1) {
		t.Errorf("report %+v, want every inner border shared by two areas", *report)
	}
	if report.Vertices != 4*(bends+1)*columns*rows || report.Repeated+report.Spikes+report.Dropped != 0 {
		t.Errorf("report %+v, want no repairs", *report)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		lon := tilingWest + tilingStep*(1+r.Float64()*(columns-2))
		lat := tilingSouth + tilingStep*(1+r.Float64()*(rows-2))
		loc := index.Locate([2]float64{lon, lat}, 0)
		if loc.Owner == geo.None {
			t.Errorf("(%v, %v) lies in a gap", lon, lat)
		}
		if loc.BorderMetres > 0 && len(loc.Candidates) != 1 {
			t.Errorf("(%v, %v) lies in an overlap: %+v", lon, lat, loc)
		}
	}
}
