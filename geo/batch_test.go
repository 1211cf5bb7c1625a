package geo

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// checkBatch compares a batch with look-ups one by one.
func checkBatch(t *testing.T, index *Index, points []orb.Point) {
	t.Helper()
	got := index.AppendOwners([]int{-7, 7}, points)
	want := []int{-7, 7}
	for _, p := range points {
		owner, _ := index.Owner(p[0], p[1])
		want = append(want, owner)
	}
	if slices.Equal(got, want) {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("%d owners, want %d", len(got), len(want))
	}
	for i, p := range points {
		if got[i+2] != want[i+2] {
			t.Errorf("point %d of %d, %v: owner %d in a batch, alone %d", i, len(points), p, got[i+2], want[i+2])
		}
	}
}

func TestBatchIsTheSameAsOneByOne(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(31, 32))
	for _, step := range []int64{1, 7, 1000, 1_000_003, 80_000_000} {
		tiles := newTiling(r, 12, 8, 9, step)
		index, _, err := Build(tiles.areas)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 200 {
			var points []orb.Point
			for range n {
				p := tiles.point(r)
				points = append(points, unitPoint(p.x, p.y))
			}
			checkBatch(t, index, points)
		}
	}
	odd := smallIndex(t) // sets and wide leaves too
	b := odd.Bounds()
	var points []orb.Point
	for i := range 5000 {
		p := orb.Point{b.Min[0] + r.Float64()*(b.Max[0]-b.Min[0]), b.Min[1] + r.Float64()*(b.Max[1]-b.Min[1])}
		switch i % 50 {
		case 0:
			p[i%2] = math.NaN()
		case 10:
			p[i%2] = math.Inf(1)
		case 20:
			p[i%2] += 170
		case 30, 40:
			p = orb.Point{r.Float64() * 4e-6, r.Float64() * 4e-6} // the crowded place
		}
		points = append(points, p)
	}
	checkBatch(t, odd, points)
}

func TestBatchIsTheSameOnRealBorders(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	var points []orb.Point
	for _, p := range goldenPoints(t) {
		points = append(points, p.at)
	}
	r := rand.New(rand.NewPCG(33, 34))
	r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	checkBatch(t, index, points)
}

func TestBatchAllocatesNothing(t *testing.T) { // not parallel: it counts allocations
	index := country(t)
	points := make([]orb.Point, 300)
	for i := range points {
		points[i] = orb.Point{16.9 + float64(i)/1000, 62.45}
	}
	out := make([]int, 0, len(points))
	if n := testing.AllocsPerRun(100, func() { index.AppendOwners(out, points) }); n != 0 {
		t.Errorf("%v allocations a batch, want none", n)
	}
}
