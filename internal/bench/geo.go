package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/paulmach/orb"
	"github.com/tidwall/geojson/geometry"

	"github.com/kantsten/kantsten/geo"
)

// sweden is what the real borders are called.
const sweden = "Sweden"

// territory is a set of areas in all the forms in which it is searched.
type territory struct {
	name string
	// The borders as the index holds them, for the rivals: rounded to 1e-7 degree
	// and without repeated vertices and spikes.
	areas  []geo.Feature
	index  *geo.Index // mapped from a file, as a server has it
	points pointSets
	built  built
}

// geo measures package geo beside the other ways to find an area in Go, and
// beside PostGIS, on real borders and on a made-up country.
func (b *bench) geo(ctx context.Context) error {
	if err := b.realBorders(ctx); err != nil {
		return err
	}
	return b.growth(ctx)
}

// realBorders measures everything on the detailed municipalities.
func (b *bench) realBorders(ctx context.Context) error {
	packed := dataFile(detailed)
	if _, err := os.Stat(packed); err != nil {
		b.table.add(line{what: "geo on real borders", measured: "not measured: there is no " + packed + "; set KANTSTEN_TEST_DATA"})
		return nil
	}
	plain := filepath.Join(b.dir, "detailed.geojson")
	if err := unpack(packed, plain); err != nil {
		return err
	}
	t, err := b.territory(ctx, sweden, plain)
	if err != nil {
		return err
	}
	defer func() { _ = t.index.Close() }() // only read from
	if err := b.golden(t); err != nil {
		return err
	}
	b.buildFigures(t.name, t.built)
	if err := b.openFigures(t); err != nil {
		return err
	}
	b.locateFigures(t)
	b.slowest(t)
	b.allocations(t)
	if err := b.cores(ctx, t); err != nil {
		return err
	}
	return b.rivals(ctx, t)
}

// rivals measures every other way to find areas beside ours.
func (b *bench) rivals(ctx context.Context, t *territory) error {
	say("loading the rivals with %s", t.name)
	others := []finder{
		tidwall(t.areas, geometry.RTree, 15), tidwall(t.areas, geometry.QuadTree, 15),
		s2Shapes(t.areas, 8), goGeom(t.areas, 70), orbBounds(t.areas, 300),
	}
	gis, err := b.openPostGIS(ctx, t.areas)
	if err != nil {
		b.table.add(line{what: "PostGIS", measured: "not measured: " + err.Error()})
	} else {
		defer func() { _ = gis.conn.Close(ctx) }() // the database goes as well
		others = append(others, gis.prepared(400))
	}
	if err := b.agreements(ctx, t, others); err != nil {
		return err
	}
	for _, kind := range []struct {
		name   string
		points []orb.Point
	}{{"mixed", t.points.mixed}, {"inside", t.points.inside}, {"border", t.points.border}} {
		all := others
		if gis != nil {
			join, err := gis.joined(ctx, kind.name, kind.points, 60)
			if err != nil {
				return err
			}
			all = append(all[:len(all):len(all)], join)
		}
		if err := b.race(ctx, t, kind.name, kind.points, all); err != nil {
			return err
		}
	}
	return nil
}

// race measures finders on the same points, in turns, and the memory itself.
// Targets are for mixed points, but those of the memory.
func (b *bench) race(ctx context.Context, t *territory, kind string, points []orb.Point, others []finder) error {
	single, batch := ours(t.index)
	all := append([]finder{single, batch, dependentReads()}, others...)
	contenders := make([]contender, len(all))
	for i, f := range all {
		contenders[i] = f.over(points)
	}
	s := b.size
	s.round = b.size.look
	results, err := contest(ctx, s, 1, contenders...)
	if err != nil {
		return err
	}
	// The median chunk, not the rate: a chunk is mostly over before the system
	// gives the processor to somebody else.
	took := func(f finder) float64 { return 1e9 * median(results[f.name].took) / float64(f.chunk) }
	mine, floor := took(single), took(all[2])
	what := t.name + ", " + kind
	b.table.add(line{what: what + ", one by one", measured: nanoseconds(mine)})
	atOnce := line{what: what + ", in a batch", measured: nanoseconds(took(batch))}
	if kind == "mixed" {
		atOnce = atLeast(atOnce.what, atOnce.measured, nanoseconds(mine), mine/took(batch), 1.2)
	}
	b.table.add(atOnce)
	limits := map[string]float64{"mixed": 2.5, "inside": 0.7}
	if t.name != sweden { // an index of 60 MB is read from memory, not from 8 MB of it
		limits = nil
	}
	b.table.add(atMost(what+" / a dependent read of 8 MB", nanoseconds(mine), nanoseconds(floor), mine/floor, limits[kind]))
	better := min(took(others[0]), took(others[1])) // of the two kinds of tidwall's index
	for i, f := range others {
		target := f.target
		if kind != "mixed" || i < 2 && took(f) > better {
			target = 0
		}
		b.table.add(atLeast(what+", "+f.name, nanoseconds(mine), nanoseconds(took(f)), took(f)/mine, target))
	}
	return nil
}

// over makes a contender of a finder: each time it does the next chunk of the
// points.
func (f finder) over(points []orb.Point) contender {
	at, out := 0, make([]int, f.chunk)
	return contender{name: f.name, do: func(ctx context.Context, _ int) error {
		if at+f.chunk > len(points) {
			at = 0
		}
		next := points[at:min(at+f.chunk, len(points))]
		at += f.chunk
		return f.owners(ctx, next, out)
	}}
}

func nanoseconds(ns float64) string {
	if ns < 10_000 {
		return fmt.Sprintf("%.1f ns", ns)
	}
	return fmt.Sprintf("%.1f µs", ns/1000)
}

// agreements counts where rivals answer otherwise.
func (b *bench) agreements(ctx context.Context, t *territory, others []finder) error {
	points := t.points.mixed[:min(len(t.points.mixed), b.size.agree)]
	for _, f := range others {
		said, err := agreement(ctx, t.index, f, points)
		if err != nil {
			return err
		}
		b.table.add(line{what: t.name + ", answers of " + f.name, measured: said})
	}
	return nil
}

// dependentReads is a walk through 8 MB in random order, in which each place
// tells the next: what a look-up costs that misses the nearer caches once.
func dependentReads() finder {
	const words = 8 << 20 / 4
	next := cycle(words)
	at := uint32(0)
	return finder{name: "a dependent read of 8 MB", chunk: 1000, owners: func(_ context.Context, points []orb.Point, out []int) error {
		for range points {
			at = next[at]
		}
		out[0] = int(at)
		return nil
	}}
}

// milliseconds of a run.
func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
