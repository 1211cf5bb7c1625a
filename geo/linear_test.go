package geo

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// buildWork is what the build of an index does, counted: a clock would count what
// else the machine does.
type buildWork struct {
	bytes, allocations float64 // taken from memory
	sorted             float64 // comparisons that put the edges in order, but for a factor
	touched            float64 // top cells, for all edges
	words              float64 // of the index
}

// workOf builds an index of a tiling of side by side squares and counts, for each
// vertex. Nothing else may run meanwhile.
func workOf(t *testing.T, side int) buildWork {
	t.Helper()
	areas := newTiling(rand.New(rand.NewPCG(4, 4)), side, side, side*side/8, 100_000).areas
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	index, report, err := Build(areas)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	// The same again from the vertices, for what the builder forgets.
	g := gridBuilder{Index: &Index{tables: tables{
		rank: index.rank, areaPart: index.areaPart, partRing: index.partRing, ringVertex: index.ringVertex, vertices: index.vertices,
	}}}
	if err := g.build(&BuildReport{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.leaves, index.leaves) {
		t.Fatal("the same areas made two indexes")
	}
	_, members := g.bucket()
	n := float64(report.Vertices)
	return buildWork{
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / n,
		allocations: float64(after.Mallocs-before.Mallocs) / n,
		sorted:      comparisons(index) / n,
		touched:     float64(len(members)) / n,
		words:       float64(len(index.top)+len(index.nodes)+len(index.leaves)) / n,
	}
}

// comparisons are those that sort the edges of every square: m·log m for m.
func comparisons(index *Index) float64 {
	s := index.squares()
	count := make([]uint64, s.columns*s.rows)
	index.eachOccurrence(make([]uint32, len(index.partRing)), func(o occurrence) { count[s.of(o.segment)]++ })
	sum := 0
	for _, m := range count {
		sum += int(m) * bits.Len64(m)
	}
	return float64(sum)
}

// TestBuildingCostsAVertexTheSame: a country four times as large, with as many more
// vertices, takes four times the work. For each vertex n·log n would be an eighth
// more, which is refused. Slices that grow by jumps, and the smaller part that lies
// at the country's border, may make a few hundredths. What cells cost beyond that is
// limited for each edge, see costPerEdge. It runs alone, as the whole process counts.
func TestBuildingCostsAVertexTheSame(t *testing.T) {
	part, whole := workOf(t, 60), workOf(t, 120) // 21,600 and 86,400 vertices
	for _, tt := range []struct {
		what              string
		part, whole, most float64
	}{
		{"bytes of memory", part.bytes, whole.bytes, 1.10},
		{"allocations", part.allocations, whole.allocations, 1.10},
		{"comparisons of edges", part.sorted, whole.sorted, 1.05},
		{"top cells touched by edges", part.touched, whole.touched, 1.05},
		{"words of the index", part.words, whole.words, 1.05},
	} {
		t.Logf("%s a vertex: %.3f and %.3f", tt.what, tt.part, tt.whole)
		if tt.part <= 0 || tt.whole > tt.part*tt.most {
			t.Errorf("%s: %.3f a vertex, but %.3f for four times as many", tt.what, tt.part, tt.whole)
		}
	}
}
