package geo

import (
	"math/big"
	"slices"

	"github.com/paulmach/orb"
)

// bruteForce answers by the rule of coordinate.go from whole rings, with
// arbitrary precision and none of the index's code but the rounding of rings.
type bruteForce struct {
	index    *Index // only for the ranks of overlapping areas
	polygons [][][][]point
}

func newBruteForce(index *Index, areas []Feature) *bruteForce {
	b := &bruteForce{index: index, polygons: make([][][][]point, index.Len())}
	for _, a := range areas {
		i, _ := index.Lookup(a.Code)
		for _, polygon := range polygonsOf(a) {
			var rings [][]point
			for r, ring := range polygon {
				clean, _, err := cleanRing(ring, nil)
				if err != nil {
					panic(err) // Build took the same ring
				}
				if r == 0 && len(clean) == 0 {
					break
				}
				if len(clean) > 0 {
					rings = append(rings, slices.Clone(clean))
				}
			}
			b.polygons[i] = append(b.polygons[i], rings)
		}
	}
	return b
}

// holders returns the areas that hold a grid point, the owner first.
func (b *bruteForce) holders(x, y int32) []int {
	var out []int
	for i, polygons := range b.polygons {
		if slices.ContainsFunc(polygons, func(rings [][]point) bool { return holds(rings, x, y) }) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(i, j int) int {
		if a, b := b.index.SquareMetres(i), b.index.SquareMetres(j); a < b {
			return -1
		} else if a > b {
			return 1
		}
		if b.code(i) < b.code(j) {
			return -1
		}
		return 1
	})
	return out
}

func (b *bruteForce) code(i int) string {
	code, _ := b.index.Area(i)
	return code
}

// holds counts the edges that a ray to the west crosses, half a step (e) above
// the point; where an edge runs through the point itself, the point counts as
// moved to the north, and to the east along an upright edge.
func holds(rings [][]point, x, y int32) bool {
	odd := false
	for _, ring := range rings {
		a := ring[len(ring)-1]
		for _, b := range ring {
			if (a.y > y) != (b.y > y) && isEast(a, b, x, y) {
				odd = !odd
			}
			a = b
		}
	}
	return odd
}

// isEast tells whether the point, moved by the rule, is east of an edge that
// straddles its height.
func isEast(a, b point, x, y int32) bool {
	if a.y > b.y {
		a, b = b, a // upwards
	}
	cross := new(big.Int).Mul(big.NewInt(int64(b.x)-int64(a.x)), big.NewInt(int64(y)-int64(a.y)))
	cross.Sub(cross, new(big.Int).Mul(big.NewInt(int64(b.y)-int64(a.y)), big.NewInt(int64(x)-int64(a.x))))
	if cross.Sign() != 0 {
		return cross.Sign() < 0 // right of an edge that runs upwards
	}
	// On the edge: a step north puts the point east of an edge that leans west,
	// and a much smaller step east decides for an upright one.
	return b.x <= a.x
}

// polygonsOf returns an area's polygons, or none.
func polygonsOf(f Feature) orb.MultiPolygon {
	m, _ := f.Geometry.(orb.MultiPolygon)
	return m
}

func unitPoint(x, y int32) orb.Point { return orb.Point{toDegrees(x), toDegrees(y)} }

func unitRing(points ...point) orb.Ring {
	var r orb.Ring
	for _, p := range points {
		r = append(r, unitPoint(p.x, p.y))
	}
	return append(r, r[0])
}
