package geo

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
)

// Overlap is where two areas hold the same ground.
type Overlap struct {
	Owner, Other int       // areas; the first owns what both hold, unless a third does
	SquareMetres float64   // of all places in which they overlap
	Places       int       // how many there are
	At           orb.Point // in the largest of them
	WidthMetres  float64   // of the largest, on average: whether it is a sliver

	largest float64
}

// Gap is a place that no area holds, enclosed by areas: not the sea outside.
type Gap struct {
	SquareMetres float64
	At           orb.Point // in it
	WidthMetres  float64   // on average: whether it is a sliver
	Areas        []int     // those that border it, in order
}

// Flaws is what is wrong with a set of areas that should tile the ground, the
// largest first. What is less than a square centimetre is left out.
type Flaws struct {
	Overlaps []Overlap
	Gaps     []Gap
}

// Flaws finds where areas overlap and what they leave out. It judges the stored
// coordinates exactly and takes a few microseconds a vertex; the error is about
// borders that cross each other thousands of times.
func (t *Index) Flaws() (Flaws, error) {
	o, err := arrange(func(int, int) bool { return true }, t)
	if err != nil {
		return Flaws{}, fmt.Errorf("look for flaws: %w", err)
	}
	const gap = 0 // as a key; pairs of areas are above
	nobody := []uint64{gap}
	found, err := o.regions(func(polygons []uint32) []uint64 {
		if len(polygons) == 0 {
			return nobody
		}
		return o.pairKeys(polygons)
	})
	if err != nil {
		return Flaws{}, fmt.Errorf("look for flaws: %w", err)
	}
	var f Flaws
	for _, r := range found {
		if r.key == gap {
			f.Gaps = append(f.Gaps, Gap{r.squareMetres, r.at, r.width(), o.areasOf(r.beside)})
			continue
		}
		f.addOverlap(t, r)
	}
	slices.SortFunc(f.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(b.SquareMetres, a.SquareMetres), cmp.Compare(a.At[0], b.At[0]))
	})
	slices.SortStableFunc(f.Overlaps, func(a, b Overlap) int { return cmp.Compare(b.SquareMetres, a.SquareMetres) })
	return f, nil
}

// addOverlap adds a place to the overlap of two areas, of which those come one
// after the other, the largest not necessarily first.
func (f *Flaws) addOverlap(t *Index, r region) {
	a, b := int(r.key>>32)-1, int(uint32(r.key))
	if t.rank[a] > t.rank[b] {
		a, b = b, a
	}
	n := len(f.Overlaps)
	if n == 0 || f.Overlaps[n-1].Owner != a || f.Overlaps[n-1].Other != b {
		f.Overlaps = append(f.Overlaps, Overlap{Owner: a, Other: b})
		n++
	}
	o := &f.Overlaps[n-1]
	if o.Places == 0 || r.squareMetres > o.largest {
		o.At, o.WidthMetres, o.largest = r.at, r.width(), r.squareMetres
	}
	o.SquareMetres += r.squareMetres
	o.Places++
}

// pairKeys makes a key of each pair of areas among polygons.
func (o *arrangement) pairKeys(polygons []uint32) []uint64 {
	if len(polygons) < 2 {
		return nil
	}
	areas := make([]uint32, len(polygons))
	for i, p := range polygons {
		areas[i] = o.areaOf[p]
	}
	slices.Sort(areas)
	areas = slices.Compact(areas)
	var keys []uint64
	for i, a := range areas {
		for _, b := range areas[i+1:] {
			keys = append(keys, uint64(a+1)<<32|uint64(b))
		}
	}
	return keys
}

// areasOf lists the areas that labels name.
func (o *arrangement) areasOf(labels []uint32) []int {
	var out []int
	for _, l := range labels {
		for _, p := range o.labels.sets[l] {
			out = append(out, int(o.areaOf[p]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
