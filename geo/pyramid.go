package geo

import (
	"runtime"
	"slices"
	"sync"

	"github.com/paulmach/orb"
)

const (
	// MaxZoom is the deepest zoom of a [Pyramid].
	MaxZoom = 22
	// FullZoom is the first zoom at which borders are not simplified.
	FullZoom = 13
	// TileExtent is the width of a tile in the coordinates of [Pyramid.Tile].
	TileExtent = 1 << tileBits
)

// Pyramid draws the areas of an index on the web Mercator map at every zoom from
// 0 to MaxZoom. Below FullZoom borders are simplified, to at most half a pixel
// where a tile is 512 pixels wide, and neighbours still meet: a border that two
// areas share vertex for vertex is simplified once and stays shared. A zoom is
// prepared when it is first asked for and then kept. A Pyramid is safe for
// concurrent use; whoever asks for a zoom that is being prepared waits for it.
//
// An area is drawn at every zoom at which it is as large as a unit of a tile's
// grid. Holes and islands that are smaller than what may be simplified vanish,
// a hole together with the area that fills it.
type Pyramid struct {
	index  *Index
	levels [FullZoom]func() *level
	boxes  func() []extent // of the index's rings, in units of 1e-7 degree
}

// NewPyramid makes the pyramid of an index, which must stay open. It does not
// prepare anything yet.
func NewPyramid(t *Index) *Pyramid {
	p := &Pyramid{index: t}
	// One at a time: preparing a zoom takes some 55 bytes a vertex of the index
	// for a while.
	var preparing sync.Mutex
	for zoom := range p.levels {
		p.levels[zoom] = sync.OnceValue(func() *level {
			preparing.Lock()
			defer preparing.Unlock()
			return t.level(zoom)
		})
	}
	p.boxes = sync.OnceValue(t.ringBoxes)
	return p
}

// Index returns the index whose areas are drawn.
func (p *Pyramid) Index() *Index { return p.index }

// level is the areas at one zoom, simplified, on its grid.
type level struct {
	grid   mercator
	points []point
	rings  []levelRing // polygon by polygon, the outer ring first
	areas  []uint32    // first ring of each area, and the end
}

// levelRing is a ring of a level; its points end where the next ring's begin.
type levelRing struct {
	start uint32
	hole  bool
	box   extent
}

// level simplifies all areas for a zoom.
func (t *Index) level(zoom int) *level {
	defer runtime.KeepAlive(t)
	l := &level{grid: gridAt(zoom)}
	whole := t.snapRings(l.grid)
	cut := cut(whole)
	simple := cut.simplify(simplifyUnits)
	simple = simple.keepAll(t.vanished(whole, simple), cut)
	var scratch []point
	for area := range t.Len() {
		l.areas = append(l.areas, uint32(len(l.rings)))
		for part := t.areaPart[area]; part < t.areaPart[area+1]; part++ {
			outer := t.partRing[part]
			for r := outer; r < t.partRing[part+1]; r++ {
				ring := simple.ring(r, scratch)
				if ring == nil && r == outer {
					break // holes in nothing
				}
				if ring != nil {
					scratch = ring
					l.rings = append(l.rings, levelRing{uint32(len(l.points)), r > outer, extentOf(ring)})
					l.points = append(l.points, ring...)
				}
			}
		}
	}
	l.areas = append(l.areas, uint32(len(l.rings)))
	l.points = slices.Clone(l.points) // kept for long, so without room to grow
	return l
}

// ring returns the points of a ring.
func (l *level) ring(r uint32) []point {
	end := len(l.points)
	if int(r)+1 < len(l.rings) {
		end = int(l.rings[r+1].start)
	}
	return l.points[l.rings[r].start:end]
}

func (t *Index) ringBoxes() []extent {
	defer runtime.KeepAlive(t)
	boxes := make([]extent, len(t.ringVertex)-1)
	var ring []point
	for r := range boxes {
		ring = t.unitRing(uint32(r), ring)
		boxes[r] = extentOf(ring)
	}
	return boxes
}

// unitRing returns a stored ring, not closed, in units of 1e-7 degree.
func (t *Index) unitRing(r uint32, scratch []point) []point {
	out := scratch[:0]
	for v := t.ringVertex[r]; v < t.ringVertex[r+1]; v++ {
		out = append(out, t.unit(v))
	}
	return out
}

// Boundary returns the polygons of the area with a code as [Index.Boundary]
// does, simplified for a zoom; nil where no area has the code. At FullZoom and
// deeper they are the true ones. An area that is too small to be drawn at the
// zoom is empty and not nil.
func (p *Pyramid) Boundary(code string, zoom int) orb.MultiPolygon {
	if zoom >= FullZoom {
		return p.index.Boundary(code)
	}
	area, ok := p.index.Lookup(code)
	if !ok {
		return nil
	}
	l := p.levels[max(0, zoom)]()
	out := orb.MultiPolygon{}
	dropped := false
	for r := l.areas[area]; r < l.areas[area+1]; r++ {
		points, hole := l.ring(r), l.rings[r].hole
		if !hole {
			dropped = flat(points)
		}
		if dropped || flat(points) {
			continue
		}
		ring := l.degrees(points, hole)
		if hole {
			last := len(out) - 1
			out[last] = append(out[last], ring)
		} else {
			out = append(out, orb.Polygon{ring})
		}
	}
	return out
}

// degrees returns a ring, closed and turned as its role wants it, in degrees that
// are whole units.
func (l *level) degrees(ring []point, hole bool) orb.Ring {
	units := make([]point, len(ring))
	for i, p := range ring {
		units[i] = l.grid.unsnap(p)
	}
	turn(units, hole)
	out := make(orb.Ring, 0, len(ring)+1)
	for _, p := range units {
		out = append(out, orb.Point{toDegrees(p.x), toDegrees(p.y)})
	}
	return append(out, out[0])
}
