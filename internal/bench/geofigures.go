package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// cycle is a permutation of one cycle (Sattolo 1986).
func cycle(n int) []uint32 {
	random := rand.New(rand.NewPCG(3, 3))
	next := make([]uint32, n)
	for i := range next {
		next[i] = uint32(i)
	}
	for i := n - 1; i > 0; i-- {
		k := random.IntN(i)
		next[i], next[k] = next[k], next[i]
	}
	return next
}

// accuracy is that of a position by satellite among houses, at worst.
const accuracy = 50.0

// locateFigures times single calls of Locate, at the points where it has to be
// quick and everywhere.
func (b *bench) locateFigures(t *territory) {
	var apart []orb.Point
	for _, p := range t.points.mixed {
		if t.index.Locate(p, accuracy).BorderMetres > accuracy {
			apart = append(apart, p)
		}
	}
	near := func(p orb.Point) { t.index.LocateWithin(p, accuracy, accuracy) }
	far := func(p orb.Point) { t.index.Locate(p, accuracy) }
	what := fmt.Sprintf("%s, locate to %.0f m", t.name, accuracy)
	b.table.add(under(what+", no border so near", median(eachOnce(apart, near)), 1000, "ns"))
	b.table.add(line{what: what + ", near a border", measured: nanoseconds(median(eachOnce(t.points.border, near)))})
	b.table.add(under(what+", distances up to 10 km", median(eachOnce(t.points.mixed, far))/1000, 20, "µs"))
	b.table.add(line{what: what + ", distances up to 10 km, near a border", measured: nanoseconds(median(eachOnce(t.points.border, far)))})
}

// eachOnce times one call for every point, in nanoseconds, the clock included.
func eachOnce(points []orb.Point, do func(p orb.Point)) []float64 {
	took := make([]float64, len(points))
	for i, p := range points {
		began := time.Now()
		do(p)
		took[i] = float64(time.Since(began).Nanoseconds())
	}
	return took
}

// slowest finds the thousand points that take longest, by the least of three
// times each, and repeats them.
func (b *bench) slowest(t *territory) {
	const many, repeats = 1000, 100
	find := func(p orb.Point) { t.index.Owner(p[0], p[1]) }
	points := t.points.mixed
	least := eachOnce(points, find)
	for range 2 {
		for i, took := range eachOnce(points, find) {
			least[i] = min(least[i], took)
		}
	}
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int { return int(least[k] - least[i]) })
	var medians []float64
	for _, i := range order[:min(many, len(order))] {
		medians = append(medians, median(eachOnce(slices.Repeat(points[i:i+1], repeats), find)))
	}
	what := fmt.Sprintf("%s, the slowest of the %d slowest points, median of %d", t.name, len(medians), repeats)
	b.table.add(under(what, slices.Max(medians), 2000, "ns"))
}

// allocations counts what look-ups allocate.
func (b *bench) allocations(t *territory) {
	single, batch := ours(t.index)
	out := make([]int, len(t.points.mixed))
	for _, f := range []finder{single, batch} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = f.owners(context.Background(), t.points.mixed, out) // ours do not fail
		runtime.ReadMemStats(&after)
		perPoint := float64(after.Mallocs-before.Mallocs) / float64(len(out))
		b.table.add(under(t.name+", allocations a look-up, "+f.name, perPoint, 0.001, ""))
	}
}

// cores compares two goroutines with one, each on its part of the points.
func (b *bench) cores(ctx context.Context, t *territory) error {
	const chunk = 20_000 // so long that starting goroutines does not count
	points := t.points.mixed[:min(chunk, len(t.points.mixed))/2*2]
	single, _ := ours(t.index)
	out := make([]int, len(points))
	one := contender{name: "one", do: func(ctx context.Context, _ int) error { return single.owners(ctx, points, out) }}
	two := contender{name: "two", do: func(ctx context.Context, _ int) error {
		var wait sync.WaitGroup
		half := len(points) / 2
		wait.Go(func() { _ = single.owners(ctx, points[:half], out[:half]) }) // ours do not fail
		wait.Go(func() { _ = single.owners(ctx, points[half:], out[half:]) })
		wait.Wait()
		return nil
	}}
	s := b.size
	s.round = b.size.look
	results, err := contest(ctx, s, 1, one, two)
	if err != nil {
		return err
	}
	n := float64(len(points))
	took := func(name string) float64 { return 1e9 * median(results[name].took) / n }
	what := fmt.Sprintf("%s, two goroutines beside one, on %d processors", t.name, runtime.GOMAXPROCS(0))
	b.table.add(atLeast(what, nanoseconds(took("two")), nanoseconds(took("one")), took("one")/took("two"), 1.6))
	return nil
}

// openFigures times the way from a path to the first answer.
func (b *bench) openFigures(t *territory) error {
	p := t.points.inside[0]
	first := func(open func(string) (*geo.Index, error)) (float64, error) {
		began := time.Now()
		index, err := open(t.built.index)
		if err != nil {
			return 0, err
		}
		index.Owner(p[0], p[1])
		took := milliseconds(time.Since(began))
		return took, index.Close()
	}
	for _, way := range []struct {
		what  string
		open  func(string) (*geo.Index, error)
		cold  bool
		limit float64
	}{
		{"mapped, warm", geo.Map, false, 1},
		{"mapped, cold", geo.Map, true, 50},
		{"opened with all checks, warm", geo.Open, false, 0},
		{"opened with all checks, cold", geo.Open, true, 0},
	} {
		var took []float64
		for range 2*b.size.starts + 1 {
			if way.cold {
				if err := forget(t.built.index); err != nil {
					return err
				}
			}
			ms, err := first(way.open)
			if err != nil {
				return err
			}
			took = append(took, ms)
		}
		l := under(t.name+", "+way.what+", to the first answer", median(took), way.limit, "ms")
		if way.limit == 0 {
			l.target, l.reached = "", ""
		}
		b.table.add(l)
	}
	return nil
}
