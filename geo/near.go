package geo

import (
	"math/bits"
	"runtime"
	"sort"

	"github.com/paulmach/orb"
)

// NearIndex answers which lines or points are nearest: roads by whom they
// belong to, lamp posts. It is immutable and safe for concurrent use. Features
// are numbered from zero in the order of their codes; all parts with one code
// are one feature, wherever they lie.
type NearIndex struct {
	nearTables
	levels []nearLevel // the boxes of runs first, the fewest last
	mapped *mapping    // nil when the tables lie on the heap
}

// nearTables is what a file holds, section by section. All words are
// little-endian, signed coordinates stand in two's complement.
//
// Vertices lie in runs: up to runSegments successive segments of one line, or
// as many points of one feature that lie close together. Runs stand in the order
// of a Hilbert curve, so neighbours in space are mostly neighbours in memory, and
// every nodeChildren of them have a box, every nodeChildren of these boxes a
// further one, and so on: a packed Hilbert R-tree (Kamel and Faloutsos 1993),
// which needs no pointers. A long segment stands in several runs, each with the
// box of a piece of it, so that no box is much larger than what is looked for.
type nearTables struct {
	kind Kind

	boxes    []uint32 // west, south, east, north of each run, then of each group of boxes, level by level
	runStart []uint32 // first vertex of each run, and the end
	runOwner []uint32 // run to feature
	vertices []uint32 // x and y of each

	textStart []uint32 // code and name of each feature in texts, and the end
	texts     []byte
}

const (
	runSegments  = 8  // segments or points of a run
	nodeChildren = 16 // boxes that share one on the next level
	boxWords     = 4
	maxRuns      = 1 << 31 // so that the boxes of all levels can be numbered
)

// nearLevel is a level of boxes.
type nearLevel struct{ start, count uint32 }

// nearLevels lays out the boxes over so many runs, up to one level of at most
// nodeChildren.
func nearLevels(runs uint32) []nearLevel {
	levels := make([]nearLevel, 0, 1+bits.Len32(runs)/4)
	level := nearLevel{0, runs}
	for {
		levels = append(levels, level)
		if level.count <= nodeChildren {
			return levels
		}
		level = nearLevel{level.start + level.count, (level.count + nodeChildren - 1) / nodeChildren}
	}
}

// boxAt returns box i, counted over all levels.
func (t *nearTables) boxAt(i uint32) nearBox {
	b := t.boxes[boxWords*uint64(i):][:boxWords]
	return nearBox{int32(b[0]), int32(b[1]), int32(b[2]), int32(b[3])}
}

// nearBox is a rectangle in units; all its sides belong to it.
type nearBox struct{ x0, y0, x1, y1 int32 }

func (b nearBox) union(c nearBox) nearBox {
	return nearBox{min(b.x0, c.x0), min(b.y0, c.y0), max(b.x1, c.x1), max(b.y1, c.y1)}
}

func (b nearBox) extend(p point) nearBox { return b.union(nearBox{p.x, p.y, p.x, p.y}) }

// extent is the longer side.
func (b nearBox) extent() int64 {
	return max(int64(b.x1)-int64(b.x0), int64(b.y1)-int64(b.y0))
}

// Kind is Lines or Points.
func (t *NearIndex) Kind() Kind { return t.kind }

// Len returns the number of features.
func (t *NearIndex) Len() int { return len(t.textStart) / 2 }

// Feature returns the code and name of feature i, which must be below Len.
func (t *NearIndex) Feature(i int) (code, name string) {
	defer runtime.KeepAlive(t)
	return t.text(2 * i), t.text(2*i + 1)
}

// text returns a text: the code of feature i is number 2*i, the name the next.
func (t *nearTables) text(i int) string { return string(t.textBytes(i)) }

func (t *nearTables) textBytes(i int) []byte { return t.texts[t.textStart[i]:t.textStart[i+1]] }

// Lookup returns the number of the feature with a code.
func (t *NearIndex) Lookup(code string) (int, bool) {
	defer runtime.KeepAlive(t)
	n := t.Len()
	i := sort.Search(n, func(i int) bool { return string(t.textBytes(2*i)) >= code })
	if i == n || t.text(2*i) != code {
		return None, false
	}
	return i, true
}

// Bounds returns the box round all features in degrees.
func (t *NearIndex) Bounds() orb.Bound {
	defer runtime.KeepAlive(t)
	b := t.root()
	return orb.Bound{
		Min: orb.Point{toDegrees(b.x0), toDegrees(b.y0)},
		Max: orb.Point{toDegrees(b.x1), toDegrees(b.y1)},
	}
}

// root is the box round the boxes of the highest level.
func (t *NearIndex) root() nearBox {
	top := t.levels[len(t.levels)-1]
	b := t.boxAt(top.start)
	for i := range top.count {
		b = b.union(t.boxAt(top.start + i))
	}
	return b
}
