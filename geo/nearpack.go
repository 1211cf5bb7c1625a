package geo

import (
	"cmp"
	"math/bits"
	"slices"
)

// A segment longer than longSegment times the mean is cut into pieces for the
// search, which makes them an eighth more at most; leastPiece keeps a layer of
// few or tiny segments whole. The mean counts some segments of no length, so that
// one long line alone is cut, too.
const (
	longSegment  = 16
	leastPiece   = 1 << 10 // units: 11 m
	spareInMeans = 1000
)

// run is what is searched together: vertices that follow each other.
type run struct {
	box                 nearBox
	first, count, owner uint32
}

// packer makes the tables.
type packer struct {
	*nearTables
	report   *NearReport
	vertices []point
	runs     []run
	piece    int64 // no run of several segments is larger, nor is the piece of a segment
}

// pack makes the tables of what a builder holds, and lets go of it.
func (p *packer) pack(b *NearBuilder) {
	p.vertices = b.vertices
	lines := b.lines
	b.vertices, b.lines, b.owners = nil, nil, nil
	if p.kind == Points {
		p.pointRuns(lines)
	} else {
		p.lineRuns(lines)
	}
	p.report.Runs = len(p.runs)
	p.store()
	p.group()
}

// lineRuns cuts lines into runs, and sorts these.
func (p *packer) lineRuns(lines []nearLine) {
	p.report.Vertices = len(p.vertices)
	p.piece = pieceExtent(p.vertices, lines)
	from := uint32(0)
	for _, l := range lines {
		p.line(from, l.end, l.owner)
		from = l.end
	}
	bounds := p.runs[0].box
	for _, r := range p.runs {
		bounds = bounds.union(r.box)
	}
	at := newCurve(bounds)
	order := make([]keyed, len(p.runs))
	for i, r := range p.runs {
		order[i] = keyed{at.key(r.box.middle()), uint32(i)}
	}
	sorted := make([]run, len(p.runs))
	for i, k := range sortKeys(order) {
		sorted[i] = p.runs[k.at]
	}
	p.runs = sorted
}

// pieceExtent chooses how long a segment must be to be cut, in units.
func pieceExtent(vertices []point, lines []nearLine) int64 {
	sum, segments := int64(0), int64(0)
	from := uint32(0)
	for _, l := range lines {
		for i := from + 1; i < l.end; i++ {
			sum += between(vertices[i-1], vertices[i]).extent()
			segments++
		}
		from = l.end
	}
	return max(leastPiece, sum/(segments+spareInMeans)*longSegment)
}

// between is the box round two vertices.
func between(a, b point) nearBox { return nearBox{a.x, a.y, a.x, a.y}.extend(b) }

// line cuts one line into runs.
func (p *packer) line(from, end, owner uint32) {
	v := p.vertices[:end]
	r := run{box: between(v[from], v[from]), first: from, count: 1, owner: owner}
	next := func(i uint32) run { return run{box: between(v[i], v[i]), first: i, count: 1, owner: owner} }
	for i := from + 1; i < end; i++ {
		if between(v[i-1], v[i]).extent() > p.piece {
			if r.count > 1 {
				p.runs = append(p.runs, r)
			}
			p.cut(i-1, owner)
			r = next(i)
			continue
		}
		if r.count > runSegments || r.box.extend(v[i]).extent() > p.piece {
			p.runs = append(p.runs, r)
			r = next(i - 1)
		}
		r.box = r.box.extend(v[i])
		r.count++
	}
	if r.count > 1 || end-from == 1 {
		p.runs = append(p.runs, r)
	}
}

// cut makes a run of each piece of the segment that begins at a vertex.
func (p *packer) cut(first, owner uint32) {
	a, b := p.vertices[first], p.vertices[first+1]
	n := (between(a, b).extent() + p.piece - 1) / p.piece
	p.report.Pieces += int(n - 1)
	for i := range n {
		p.runs = append(p.runs, run{box: pieceBox(a, b, i, n), first: first, count: 2, owner: owner})
	}
}

// pieceBox is the box round the i-th of n equal pieces of a segment, rounded
// outwards to whole units.
func pieceBox(a, b point, i, n int64) nearBox {
	x0, x1 := pieceSides(int64(a.x), int64(b.x), i, n)
	y0, y1 := pieceSides(int64(a.y), int64(b.y), i, n)
	return nearBox{x0, y0, x1, y1}
}

func pieceSides(a, b, i, n int64) (lo, hi int32) {
	d := b - a
	from, to := d*i, d*(i+1)
	if d < 0 {
		from, to = to, from
	}
	return int32(a + floorDiv(from, n)), int32(a - floorDiv(-to, n))
}

// floorDiv divides and rounds down; b is above zero.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// pointRuns sorts points along the curve, drops those that a feature has twice
// and makes runs of neighbours with the same owner.
func (p *packer) pointRuns(lines []nearLine) {
	owner := make([]uint32, 0, len(p.vertices))
	bounds := between(p.vertices[0], p.vertices[0])
	for _, l := range lines {
		for len(owner) < int(l.end) {
			bounds = bounds.extend(p.vertices[len(owner)])
			owner = append(owner, l.owner)
		}
	}
	at := newCurve(bounds)
	order := make([]keyed, len(p.vertices))
	for i, v := range p.vertices {
		order[i] = keyed{at.key(v), uint32(i)}
	}
	order = sortKeys(order)
	byOwner(order, owner)
	sorted := make([]point, 0, len(p.vertices))
	for i, k := range order {
		v, o := p.vertices[k.at], owner[k.at]
		if i > 0 && k.key == order[i-1].key && o == owner[order[i-1].at] {
			p.report.Repeated++
			continue
		}
		if n := len(p.runs); n > 0 && p.runs[n-1].owner == o && p.runs[n-1].count < runSegments {
			p.runs[n-1].count++
			p.runs[n-1].box = p.runs[n-1].box.extend(v)
		} else {
			p.runs = append(p.runs, run{box: between(v, v), first: uint32(len(sorted)), count: 1, owner: o})
		}
		sorted = append(sorted, v)
	}
	p.vertices = sorted
	p.report.Vertices = len(sorted)
}

// byOwner sorts points at the same place by their owners.
func byOwner(order []keyed, owner []uint32) {
	for len(order) > 0 {
		n := 1
		for n < len(order) && order[n].key == order[0].key {
			n++
		}
		if n > 1 {
			slices.SortFunc(order[:n], func(a, b keyed) int { return cmp.Compare(owner[a.at], owner[b.at]) })
		}
		order = order[n:]
	}
}

// store writes the runs and their vertices.
func (p *packer) store() {
	total := 0
	for _, r := range p.runs {
		total += int(r.count)
	}
	t := p.nearTables
	t.vertices = make([]uint32, 0, 2*total)
	t.runStart = make([]uint32, 0, len(p.runs)+1)
	t.runOwner = make([]uint32, 0, len(p.runs))
	levels := nearLevels(uint32(len(p.runs)))
	last := levels[len(levels)-1]
	t.boxes = make([]uint32, 0, boxWords*(int(last.start)+int(last.count)))
	for _, r := range p.runs {
		t.runStart = append(t.runStart, uint32(len(t.vertices)/2))
		t.runOwner = append(t.runOwner, r.owner)
		t.putBox(r.box)
		for _, v := range p.vertices[r.first : r.first+r.count] {
			t.vertices = append(t.vertices, uint32(v.x), uint32(v.y))
		}
	}
	t.runStart = append(t.runStart, uint32(len(t.vertices)/2))
	p.vertices, p.runs = nil, nil
}

func (t *nearTables) putBox(b nearBox) {
	t.boxes = append(t.boxes, uint32(b.x0), uint32(b.y0), uint32(b.x1), uint32(b.y1))
}

// group writes the boxes of the higher levels.
func (p *packer) group() {
	levels := nearLevels(uint32(len(p.runOwner)))
	for i := 1; i < len(levels); i++ {
		for k := range levels[i].count {
			p.putBox(p.parentBox(levels[i-1], k))
		}
	}
}

// parentBox is the box round the k-th group of a level.
func (t *nearTables) parentBox(below nearLevel, k uint32) nearBox {
	from, to := children(below, k)
	b := t.boxAt(from)
	for c := from + 1; c < to; c++ {
		b = b.union(t.boxAt(c))
	}
	return b
}

// children returns the boxes of a level that stand in group k.
func children(below nearLevel, k uint32) (from, to uint32) {
	first := k * nodeChildren
	return below.start + first, below.start + min(first+nodeChildren, below.count)
}

func (b nearBox) middle() point {
	return point{int32((int64(b.x0) + int64(b.x1)) >> 1), int32((int64(b.y0) + int64(b.y1)) >> 1)}
}

// curve numbers the points in a box along a Hilbert curve, each differently.
type curve struct {
	x0, y0 int64
	bits   int
}

func newCurve(b nearBox) curve {
	return curve{int64(b.x0), int64(b.y0), bits.Len64(uint64(b.extent()))}
}

func (c curve) key(p point) uint64 {
	return hilbert(uint32(int64(p.x)-c.x0), uint32(int64(p.y)-c.y0), c.bits)
}
