package geo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// directed is an edge as it stands in a ring.
type directed [2]point

// balance counts, for every edge, how often rings run along it minus how often
// they run against it. Rings have the inside of their polygon to the left, so an
// edge with an area on either side has balance 0.
type balance map[directed]int

func (b balance) add(ring []point) {
	p := ring[len(ring)-1]
	for _, q := range ring {
		if p.x < q.x || p.x == q.x && p.y < q.y {
			b[directed{p, q}]++
		} else {
			b[directed{q, p}]--
		}
		p = q
	}
}

// unbalanced returns the vertices of edges that have areas on one side only.
func (b balance) unbalanced() map[point]bool {
	out := map[point]bool{}
	for e, n := range b {
		if n != 0 {
			out[e[0]], out[e[1]] = true, true
		}
	}
	return out
}

// levelBalance counts the edges that are drawn at a zoom.
func levelBalance(l *level) balance {
	b := balance{}
	for r := range l.rings {
		b.add(l.ring(uint32(r)))
	}
	return b
}

// checkMeeting fails unless neighbours still share their borders vertex for
// vertex: where every edge at a vertex had an area on either side, no edge that
// is drawn there has one on one side only. It returns how many edges are shared.
func checkMeeting(t *testing.T, index *Index, zoom int) (shared int) {
	t.Helper()
	before := balance{}
	for _, ring := range index.snapRings(gridAt(zoom)) {
		if len(ring) > 0 {
			before.add(ring)
		}
	}
	open := before.unbalanced()
	l := index.level(zoom)
	after := levelBalance(l)
	for e, n := range after {
		if n == 0 {
			shared++
		} else if !open[e[0]] || !open[e[1]] {
			t.Fatalf("zoom %d: edge %v is drawn on one side only, though it lies inside", zoom, e)
		}
	}
	return shared
}

func TestNeighboursMeetAtEveryZoom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 21))
			tiles := newTiling(r, 6+r.IntN(20), 6+r.IntN(20), 2+r.IntN(12), []int64{50_000, 1_000_003, 9_999_999}[seed%3])
			index, _, err := Build(tiles.areas)
			if err != nil {
				t.Fatal(err)
			}
			shared := 0
			for zoom := range FullZoom {
				shared += checkMeeting(t, index, zoom)
			}
			if shared == 0 {
				t.Error("no edge is shared at any zoom")
			}
		})
	}
}

func TestRealNeighboursMeet(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	for _, zoom := range []int{3, 6, 9, 12} {
		t.Logf("zoom %d: %d edges are shared", zoom, checkMeeting(t, index, zoom))
	}
}

// Between two areas that meet along a rough border every vertex that one keeps
// the other keeps, whichever way its ring runs and wherever it begins.
func TestTwoNeighboursKeepTheSameVertices(t *testing.T) {
	t.Parallel()
	index, border := roughBorder(t)
	for zoom := range FullZoom {
		p := NewPyramid(index)
		west, east := p.Boundary("west", zoom), p.Boundary("east", zoom)
		if len(west) != 1 || len(east) != 1 {
			continue // too small to be drawn
		}
		common := 0
		for _, v := range west[0][0] {
			if slices.Contains(east[0][0], v) {
				common++
			}
		}
		onlyWest, onlyEast := len(west[0][0])-1-common, len(east[0][0])-1-common
		if zoom > 6 && (common < 2 || common >= len(border)) || onlyWest > 3 || onlyEast > 3 {
			t.Errorf("zoom %d: %d of %d vertices are common, %d only west, %d only east", zoom, common, len(border), onlyWest, onlyEast)
		}
	}
}
