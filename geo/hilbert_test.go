package geo

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHilbertVisitsEveryPlaceInSteps(t *testing.T) {
	t.Parallel()
	for bits := range 7 {
		side := uint32(1) << bits
		path := make([][2]uint32, side*side)
		seen := make([]bool, side*side)
		for x := range side {
			for y := range side {
				d := hilbert(x, y, bits)
				if d >= uint64(len(path)) || seen[d] {
					t.Fatalf("%d bits: (%d, %d) at %d, which is taken or too far", bits, x, y, d)
				}
				seen[d], path[d] = true, [2]uint32{x, y}
			}
		}
		for d := 1; d < len(path); d++ {
			dx, dy := int(path[d][0])-int(path[d-1][0]), int(path[d][1])-int(path[d-1][1])
			if dx*dx+dy*dy != 1 {
				t.Fatalf("%d bits: from %v to %v in one step", bits, path[d-1], path[d])
			}
		}
	}
}

func TestHilbertOfTheWholeRange(t *testing.T) {
	t.Parallel()
	ends := map[uint64]bool{}
	for _, p := range [][2]uint32{{0, 0}, {0, 1<<32 - 1}, {1<<32 - 1, 0}, {1<<32 - 1, 1<<32 - 1}} {
		ends[hilbert(p[0], p[1], 32)] = true
	}
	if len(ends) != 4 || !ends[0] || !ends[1<<64-1] {
		t.Errorf("the corners stand at %v", ends)
	}
}

func TestSortKeysIsStable(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(35, 36))
	for _, n := range []int{0, 1, 2, 255, 3000} {
		for _, mask := range []uint64{0, 1, 0xff00, 1<<40 - 1, 1<<64 - 1} {
			list := make([]keyed, n)
			for i := range list {
				list[i] = keyed{r.Uint64() & mask, uint32(i)}
			}
			want := slices.Clone(list)
			slices.SortStableFunc(want, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
			if got := sortKeys(list); !slices.Equal(got, want) {
				t.Errorf("%d keys of %x are not in order", n, mask)
			}
		}
	}
}
