package geo

import (
	"runtime"
	"slices"

	"github.com/paulmach/orb"
)

// batchBlock is how many points are walked together: enough for the memory to
// be always busy, few enough for their state to stay in the nearest cache.
const batchBlock = 64

// AppendOwners appends the owner of each point to dst, by the rules of Owner,
// or None, and returns the extended slice. It allocates nothing where dst has
// room. For many points it is faster than Owner, because the memory that
// different points need is fetched at the same time.
func (t *Index) AppendOwners(dst []int, points []orb.Point) []int {
	dst = slices.Grow(dst, len(points))
	var b batch
	for len(points) > 0 {
		n := min(batchBlock, len(points))
		b.start(t, points[:n])
		b.descend(t)
		b.touch(t)
		dst = b.finish(t, dst, n)
		points = points[n:]
	}
	runtime.KeepAlive(t)
	return dst
}

// batch is a block of points on their way down. What the stages do for each
// point is what find and Owner do.
type batch struct {
	entry  [batchBlock]uint32 // of the cell; in the end the owner's number plus one
	gx, gy [batchBlock]uint32 // the point from the grid's first unit
	left   [batchBlock]uint32 // the cell's first column, likewise
	nodes  list               // points that are at a node
	others list               // points whose cell more than one area may own
	sink   uint32             // keeps reads from being optimised away
}

// list is a list of points of a block.
type list struct {
	at [batchBlock]uint8
	n  int
}

// put lists a point if it belongs. It has no branch, which would be mispredicted
// half the time: what does not belong is overwritten by the next.
func (l *list) put(i int, belongs bool) {
	l.at[l.n&(batchBlock-1)] = uint8(i)
	more := 0
	if belongs {
		more = 1
	}
	l.n += more
}

// start finds the top cells.
func (b *batch) start(t *Index, points []orb.Point) {
	b.nodes.n, b.others.n = 0, 0
	s := t.shift & 31
	for i, p := range points[:min(len(points), batchBlock)] {
		fx, fy := biased(p[0]), biased(p[1])
		if !(fx >= t.west && fx < t.east && fy >= t.south && fy < t.north) {
			b.entry[i] = 0
			continue
		}
		gx := uint32(int64(fx) - unitBias - int64(t.originX))
		gy := uint32(int64(fy) - unitBias - int64(t.originY))
		b.gx[i], b.gy[i], b.left[i] = gx, gy, gx>>s<<s
		b.settle(i, t.top[(gy>>s)*t.columns+gx>>s])
	}
}

// settle notes what cell a point is in and lists it accordingly.
func (b *batch) settle(i int, entry uint32) {
	b.entry[i] = entry
	b.nodes.put(i, entry>>tagShift == tagNode)
	b.others.put(i, entry>>tagShift >= tagLeaf)
}

// descend takes all points at nodes one level deeper at a time.
func (b *batch) descend(t *Index) {
	for s := t.shift & 31; b.nodes.n > 0; {
		now := b.nodes.at[:b.nodes.n]
		b.nodes.n = 0 // points are listed anew behind those that are read
		s = (s - 2) & 31
		for _, at := range now {
			i := at & (batchBlock - 1)
			gx, gy := b.gx[i], b.gy[i]
			place := (b.entry[i]&numMask)<<4 | (gy>>s&3)<<2 | gx>>s&3
			if s < minCell || uint64(place) >= uint64(len(t.nodes)) {
				b.entry[i] = 0
				continue
			}
			b.left[i] = gx >> s << s
			b.settle(int(i), t.nodes[place])
		}
	}
}

// touch reads a word of each of the first cache lines of the leaves, so that
// they are all on their way before the first one is needed.
func (b *batch) touch(t *Index) {
	const line, lines = sectionAlign / 4, 4
	for _, i := range b.others.at[:b.others.n] {
		place := uint64(b.entry[i&(batchBlock-1)] & numMask)
		for k := place; k < min(place+lines*line, uint64(len(t.leaves))); k += line {
			b.sink += t.leaves[k]
		}
	}
}

// finish settles who owns the points.
func (b *batch) finish(t *Index, dst []int, n int) []int {
	for _, at := range b.others.at[:b.others.n] {
		i := at & (batchBlock - 1)
		c := cellAt{entry: b.entry[i], x: int64(b.gx[i]) + int64(t.originX), y: int64(b.gy[i]) + int64(t.originY)}
		c.left = int64(b.left[i]) + int64(t.originX)
		b.entry[i] = t.ownerInCell(c)
	}
	for _, number := range b.entry[:n] {
		area, _ := t.numbered(number)
		dst = append(dst, area)
	}
	return dst
}
