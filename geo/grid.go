package geo

import (
	"errors"
	"math"
	"slices"
)

// An entry of the top grid or of a node is a tag in its two highest bits and a
// number.
const (
	tagShift = 30
	tagArea  = 0 // the number of the owner plus one, or 0: no edge crosses the cell
	tagNode  = 1 // the number of a node: the cell is cut into four by four
	tagLeaf  = 2 // the place of a leaf: the few edges that cross the cell
	tagSet   = 3 // the number of a set: several areas hold the whole cell
	numMask  = 1<<tagShift - 1
)

const (
	minTopShift = 12      // a top cell is at least 4096 units wide: 45 m of latitude
	maxTopShift = 28      // see the limits in coordinate.go
	minCell     = 2       // cells of 4 units are not cut further
	leafEdges   = 12      // a cell with more edges is cut
	minTopCells = 1 << 12 // the top grid may have as many cells, or two for each edge, 8 bytes beside 20 and more
)

// Some input, such as thousands of long edges that all cross each other, would
// need an index of quadratic size. Cutting stops when the cells have cost so
// much in all, which leaves large leaves: right, only slower. Real borders cost
// about 5 for each edge.
const (
	costPerEdge = 64
	freeCost    = 1 << 18
)

// maxOverlap is how many areas may hold the same place. Real layers nest a few
// deep; without a limit, thousands of copies of one area would fill the memory.
const maxOverlap = 1000

// gridBuilder makes the top grid, the nodes and the leaves.
type gridBuilder struct {
	*Index
	edges  []edge
	end    edge // one past the last, for its uses
	uses   []use
	areaOf []uint32 // polygon to area
	sets   map[string]uint32
	budget int // cost that cells may still have
	arena  []uint32
	masks  []uint16
	slots  []uint32
	err    error
}

func (g *gridBuilder) build(report *BuildReport) error {
	g.distinct(g.occurrences(g.number()))
	report.Edges = len(g.edges)
	for i := range g.edges {
		if len(g.usesOf(uint32(i))) > 1 {
			report.Shared++
		}
	}
	if len(g.edges) == 0 {
		return errors.New("the areas have no extent")
	}
	g.budget = freeCost + costPerEdge*len(g.edges)
	g.sets = map[string]uint32{}
	g.layOut()
	if err := g.fill(); err != nil {
		return err
	}
	g.setStart = append(g.setStart, uint32(len(g.setArea)))
	for _, words := range []int{len(g.leaves), len(g.nodes) / 16, len(g.setStart), len(g.setArea)} {
		if words > numMask {
			return errors.New("the index would be too large")
		}
	}
	g.top, g.nodes, g.leaves = slices.Clip(g.top), slices.Clip(g.nodes), slices.Clip(g.leaves)
	return nil
}

// number numbers the polygons by the ranks of their areas.
func (g *gridBuilder) number() (polygonOf []uint32) {
	byRank := make([]uint32, len(g.rank))
	for area, r := range g.rank {
		byRank[r] = uint32(area)
	}
	polygonOf = make([]uint32, len(g.partRing)-1)
	for _, area := range byRank {
		for part := g.areaPart[area]; part < g.areaPart[area+1]; part++ {
			polygonOf[part] = uint32(len(g.areaOf))
			g.areaOf = append(g.areaOf, area)
		}
	}
	return polygonOf
}

// layOut chooses the top grid: the smallest cells of which there are not many
// more than edges, and which the edges do not cross too often.
func (g *gridBuilder) layOut() {
	minX, minY := int64(math.MaxInt64), int64(math.MaxInt64)
	maxX, maxY := int64(math.MinInt64), int64(math.MinInt64)
	for _, e := range g.edges {
		minX, maxX = min(minX, int64(e.ax)), max(maxX, int64(e.bx))
		minY, maxY = min(minY, int64(e.ay), int64(e.by)), max(maxY, int64(e.ay), int64(e.by))
	}
	// One unit of room, so that the first corner is outside every area.
	g.originX, g.originY = int32(minX-1), int32(minY-1)
	for g.shift = minTopShift; ; g.shift++ {
		columns := (maxX-int64(g.originX))>>g.shift + 1
		rows := (maxY-int64(g.originY))>>g.shift + 1
		g.columns, g.rows = uint32(columns), uint32(rows)
		enough := columns*rows <= max(minTopCells, 2*int64(len(g.edges))) && g.crossings() <= 4*int64(len(g.edges))+minTopCells
		if enough || g.shift == maxTopShift {
			return
		}
	}
}

// crossings estimates how many top cells the edges cross in all.
func (g *gridBuilder) crossings() int64 {
	n := int64(0)
	for _, e := range g.edges {
		dy := int64(e.by) - int64(e.ay)
		n += 1 + (int64(e.bx)-int64(e.ax)+max(dy, -dy))>>g.shift
	}
	return n
}

// fill computes every top cell, walking from corner to corner and keeping the
// polygons that hold the corner.
func (g *gridBuilder) fill() error {
	start, members := g.bucket()
	g.top = make([]uint32, g.columns*g.rows)
	side := int64(1) << g.shift
	var first []uint32 // state at the row's first corner
	for row := range g.rows {
		y := int64(g.originY) + int64(row)<<g.shift
		state := first
		for column := range g.columns {
			x := int64(g.originX) + int64(column)<<g.shift
			i := row*g.columns + column
			list := members[start[i]:start[i+1]]
			g.top[i] = g.cell(x, y, g.shift, list, state)
			if g.err != nil {
				return g.err
			}
			if column == 0 {
				first = g.move(list, corner{x, y}, corner{x, y + side}, state)
			}
			state = g.move(list, corner{x, y}, corner{x + side, y}, state)
		}
	}
	return nil
}

// bucket lists the edges that touch each top cell.
func (g *gridBuilder) bucket() (start, members []uint32) {
	start = make([]uint32, g.columns*g.rows+1)
	g.eachTouch(func(cell, _ uint32) { start[cell+1]++ })
	for i := 1; i < len(start); i++ {
		start[i] += start[i-1]
	}
	members = make([]uint32, start[len(start)-1])
	next := slices.Clone(start)
	g.eachTouch(func(cell, i uint32) {
		members[next[cell]] = i
		next[cell]++
	})
	return start, members
}

// eachTouch calls yield for every top cell that every edge touches. A cell
// begins half a unit before its first grid point.
func (g *gridBuilder) eachTouch(yield func(cell, edge uint32)) {
	column := func(x int32) uint32 { return uint32(int64(x)-int64(g.originX)) >> g.shift }
	row := func(y int32) uint32 { return uint32(int64(y)-int64(g.originY)) >> g.shift }
	for i := range g.edges {
		e := &g.edges[i]
		c0, c1 := column(e.ax), column(e.bx)
		r0, r1 := row(min(e.ay, e.by)), row(max(e.ay, e.by))
		for r := r0; r <= r1; r++ {
			for c := c0; c <= c1; c++ {
				if c0 == c1 || r0 == r1 || g.touchesCell(e, c, r) {
					yield(r*g.columns+c, uint32(i))
				}
			}
		}
	}
}

func (g *gridBuilder) touchesCell(e *edge, column, row uint32) bool {
	x := int64(g.originX) + int64(column)<<g.shift
	y := int64(g.originY) + int64(row)<<g.shift
	return e.touchesSquare(x, y, g.shift)
}

// touchesSquare tests a cell by its first grid point and the logarithm of its side.
func (s segment) touchesSquare(x, y int64, shift uint32) bool {
	side := int64(2) << shift
	return s.touches(2*x-1, 2*y-1, 2*x-1+side, 2*y-1+side)
}
