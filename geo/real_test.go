package geo

import (
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
)

// Points so near a border may go either way: the reference keeps coordinates
// as they are, the index rounds them to 1.1 cm.
const roundingMetres = 0.02

func TestOwnerAgreesWithGEOS(t *testing.T) {
	t.Parallel()
	index, report := detailedIndex(t)
	t.Logf("%+v", *report)
	points := goldenPoints(t)
	near, overlapped := 0, 0
	for _, p := range points {
		got := ""
		area, ok := index.Owner(p.at[0], p.at[1])
		if ok {
			got, _ = index.Area(area)
		}
		if got == p.code {
			continue
		}
		loc := index.Locate(p.at, 0)
		holders := index.holders(p.at[0], p.at[1])
		switch {
		case len(holders) > 1:
			overlapped++
			t.Logf("in an overlap: %v: %q, reference %q", p.at, got, p.code)
		case loc.BorderMetres < roundingMetres:
			near++
			t.Logf("%.4f m from a border: %v: %q, reference %q", loc.BorderMetres, p.at, got, p.code)
		default:
			t.Errorf("%v, %.3f m from a border: owner %q, reference %q", p.at, loc.BorderMetres, got, p.code)
		}
	}
	t.Logf("%d points: %d differ within %v m of a border, %d in an overlap", len(points), near, roundingMetres, overlapped)
	if len(points) != 62501 {
		t.Errorf("%d points read, want 62501", len(points))
	}
}

// realBruteForce takes the rings as the index stores them.
func realBruteForce(index *Index) *bruteForce {
	b := &bruteForce{index: index, polygons: make([][][][]point, index.Len())}
	for i := range index.Len() {
		for part := index.areaPart[i]; part < index.areaPart[i+1]; part++ {
			var rings [][]point
			for r := index.partRing[part]; r < index.partRing[part+1]; r++ {
				var ring []point
				for v := index.ringVertex[r]; v < index.ringVertex[r+1]; v++ {
					ring = append(ring, index.unit(v))
				}
				rings = append(rings, ring)
			}
			b.polygons[i] = append(b.polygons[i], rings)
		}
	}
	return b
}

// sharedEdges returns edges that two areas have on their two sides.
func sharedEdges(index *Index) []segment {
	areaOf := make([]uint32, len(index.partRing)-1)
	for area := range index.Len() {
		for part := index.areaPart[area]; part < index.areaPart[area+1]; part++ {
			areaOf[part] = uint32(area)
		}
	}
	occ := index.occurrences(areaOf)
	var shared []segment
	for i := 1; i < len(occ); i++ {
		a, b := occ[i-1], occ[i]
		if a.segment == b.segment && a.use.polygon() != b.use.polygon() && a.use.backward() != b.use.backward() {
			shared = append(shared, a.segment)
		}
	}
	return shared
}

func TestRealBordersHaveExactlyOneOwner(t *testing.T) {
	t.Parallel()
	index, _ := detailedIndex(t)
	brute := realBruteForce(index)
	shared := sharedEdges(index)
	r := rand.New(rand.NewPCG(13, 14))
	r.Shuffle(len(shared), func(i, j int) { shared[i], shared[j] = shared[j], shared[i] })
	inner, compared, unowned := 0, 0, 0
	for _, s := range shared {
		dx, dy := int64(s.bx)-int64(s.ax), int64(s.by)-int64(s.ay)
		steps := new(big.Int).GCD(nil, nil, big.NewInt(dx), big.NewInt(max(dy, -dy))).Int64()
		for k := int64(0); k < steps; k += max(1, steps/3) {
			p := point{int32(int64(s.ax) + dx/steps*k), int32(int64(s.ay) + dy/steps*k)}
			at := unitPoint(p.x, p.y)
			_, owned := index.Owner(at[0], at[1])
			if k > 0 {
				inner++
			}
			if !owned && k > 0 {
				// A ring that crosses itself can turn its inside out.
				t.Logf("%v lies on an edge that two areas share, but nobody owns it", at)
				unowned++
			}
			if compared < 300 || !owned && k > 0 {
				compared++
				checkPoint(t, index, p, brute.holders(p.x, p.y))
			}
		}
	}
	t.Logf("%d shared edges, %d places on them, %d compared with brute force", len(shared), inner, compared)
	if inner < 100_000 {
		t.Errorf("only %d places on shared edges", inner)
	}
	if unowned > 1 {
		t.Errorf("%d places on shared edges have no owner; one is known, where a ring crosses itself", unowned)
	}
}

func TestLookUpsAreSafeTogether(t *testing.T) {
	t.Parallel()
	index := smallIndex(t)
	var group sync.WaitGroup
	for seed := range uint64(4) {
		group.Go(func() { query(index, rand.New(rand.NewPCG(seed, 0))) })
	}
	group.Wait()
}
