package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/tidwall/geojson/geometry"
)

// grown is a made-up country of one of several sizes.
type grown struct {
	name          string
	columns, rows int
}

// sizes are those at which the cost of a vertex is compared. The last is about the
// largest that is asked for: 36,000 areas and 2,016,000 vertices.
func sizes() []grown {
	return []grown{
		{"a quarter of a made-up country", 100, 90},
		{"half of a made-up country", 140, 129},
		{"a made-up country", 200, 180},
	}
}

// growth measures how cost grows with size, and the largest country beside the
// rivals.
func (b *bench) growth(ctx context.Context) error {
	all := sizes()
	paths := make([]string, len(all))
	for i, g := range all {
		var err error
		if paths[i], err = b.madeUp(g); err != nil {
			return err
		}
	}
	say("building made-up countries")
	const leastRounds = 5
	rounds, err := buildInTurns(ctx, max(leastRounds, b.size.rounds), paths...)
	if err != nil {
		return err
	}
	last := len(all) - 1
	for i, g := range all {
		b.buildFigures(g.name, inAll(rounds[i]))
	}
	b.growthFigures(all[last].name, rounds)
	t, err := b.loadTerritory(all[last].name, inAll(rounds[last]))
	if err != nil {
		return err
	}
	defer func() { _ = t.index.Close() }() // only read from
	others := []finder{
		tidwall(t.areas, geometry.RTree, 9), tidwall(t.areas, geometry.QuadTree, 9),
		s2Shapes(t.areas, 5), goGeom(t.areas, 5), orbBounds(t.areas, 5),
	}
	if err := b.agreements(ctx, t, others); err != nil {
		return err
	}
	return b.race(ctx, t, "mixed", t.points.mixed, others)
}

// linear is how much more a vertex of the largest country may cost than one of the
// smallest, a quarter of it, and pass for the same; linearPower is the power of
// the size that makes as much of four times the size.
const linear, linearPower = 1.05, 1.035

// growthFigures compares the cost of a vertex at the sizes, of which the largest
// is the last. Time is that of the processors: the clock also counts what the
// machine does for others.
func (b *bench) growthFigures(name string, rounds [][]built) {
	part, whole := rounds[0], rounds[len(rounds)-1]
	beside := fmt.Sprintf("%s beside a quarter of it, ", name)
	fileBytes := func(m built) float64 { return float64(m.FileBytes) }
	b.table.add(atMost(beside+"size a vertex", "", "", median(ratios(whole, part, fileBytes)), linear))
	took := ratios(whole, part, built.processor)
	what := fmt.Sprintf("%sprocessor time to build a vertex, median of %d rounds from %.2f to %.2f", beside, len(took), quantile(took, 0), quantile(took, 1))
	b.table.add(atMost(what, "", "", median(took), linear))
	clock := ratios(whole, part, built.seconds)
	b.table.add(atMost(fmt.Sprintf("%sthe same by the clock, from %.2f to %.2f", beside, quantile(clock, 0), quantile(clock, 1)), "", "", median(clock), 0))
	medians := make([]built, len(rounds))
	for i := range rounds {
		medians[i] = inAll(rounds[i])
	}
	what = fmt.Sprintf("%s, processor time grows as the vertices to the power of, fitted to %d sizes", name, len(medians))
	b.table.add(atMost(what, "", "", exponent(medians), linearPower))
}

// ratios compares a figure for each vertex, round by round.
func ratios(whole, part []built, figure func(built) float64) []float64 {
	out := make([]float64, len(whole))
	for i, m := range whole {
		out[i] = m.perVertex(figure(m)) / part[i].perVertex(figure(part[i]))
	}
	return out
}

// exponent fits a power of the number of vertices to the processors' time, by
// least squares of the logarithms.
func exponent(of []built) float64 {
	var n, x, y, xx, xy float64
	for _, m := range of {
		vertices, took := math.Log(float64(m.Vertices)), math.Log(m.Processor)
		n, x, y, xx, xy = n+1, x+vertices, y+took, xx+vertices*vertices, xy+vertices*took
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// madeUp writes a country as GeoJSON.
func (b *bench) madeUp(g grown) (path string, err error) {
	const bends = 13 // 56 vertices for each area
	path = filepath.Join(b.dir, fmt.Sprintf("made-up-%d.geojson", g.columns))
	out, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("make up a country: %w", err)
	}
	return path, errors.Join(writeGeoJSON(out, newTiling(g.columns, g.rows, bends).areas()), out.Close())
}
