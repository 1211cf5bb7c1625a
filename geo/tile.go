package geo

import (
	"math"
	"runtime"

	"github.com/paulmach/orb"
)

// TileArea is what a tile shows of an area. Coordinates are whole numbers from
// the tile's north-west corner, x to the east and y to the south, TileExtent
// being the tile's width; rings are closed and turned as vector tiles want it.
type TileArea struct {
	Area     int
	Geometry orb.MultiPolygon
}

// Tile returns the areas in a tile of the web Mercator map and round it, up to
// buffer units beyond its sides, in the order of their numbers. x counts from
// the west and y from the north. It is nil for a tile that does not exist.
//
// Limits: from FullZoom on edges are drawn straight within a tile, which below
// 80 degrees north or south is less than a unit beside where they are.
func (p *Pyramid) Tile(zoom, x, y, buffer int) []TileArea {
	if zoom < 0 || zoom > MaxZoom || min(x, y) < 0 || max(x, y) >= 1<<zoom {
		return nil
	}
	left, top := float64(x)*TileExtent, float64(y)*TileExtent
	w := window{
		orb.Point{left - float64(buffer), top - float64(buffer)},
		orb.Point{left + TileExtent + float64(buffer), top + TileExtent + float64(buffer)},
	}
	if zoom >= FullZoom {
		return p.fullTile(gridAt(zoom), w, left, top)
	}
	return p.levels[zoom]().tile(w, left, top)
}

func (l *level) tile(w window, left, top float64) []TileArea {
	d := drawing{window: w, toTile: func(q orb.Point) orb.Point { return orb.Point{q[0] - left, q[1] - top} }}
	for area := range len(l.areas) - 1 {
		for r := l.areas[area]; r < l.areas[area+1]; r++ {
			ring := l.rings[r]
			d.add(area, ring.hole, ring.box, func() []point { return l.ring(r) })
		}
	}
	return d.areas
}

// fullTile clips in longitude and latitude, in which edges are straight and the
// sides of a tile are too.
func (p *Pyramid) fullTile(grid mercator, w window, left, top float64) []TileArea {
	t := p.index
	defer runtime.KeepAlive(t)
	west, north := grid.inverse(w.min[0], w.min[1])
	east, south := grid.inverse(w.max[0], w.max[1])
	d := drawing{
		window: window{orb.Point{west * unitsPerDegree, south * unitsPerDegree}, orb.Point{east * unitsPerDegree, north * unitsPerDegree}},
		toTile: func(q orb.Point) orb.Point {
			x, y := grid.project(q[0]/unitsPerDegree, q[1]/unitsPerDegree)
			return orb.Point{x - left, y - top}
		},
	}
	boxes := p.boxes()
	var scratch []point
	for area := range t.Len() {
		for part := t.areaPart[area]; part < t.areaPart[area+1]; part++ {
			outer := t.partRing[part]
			for r := outer; r < t.partRing[part+1]; r++ {
				d.add(area, r > outer, boxes[r], func() []point {
					scratch = t.unitRing(r, scratch)
					return scratch
				})
			}
		}
	}
	return d.areas
}

// drawing collects the areas of a tile, ring by ring.
type drawing struct {
	window  window
	toTile  func(orb.Point) orb.Point
	areas   []TileArea
	empty   bool // nothing of the polygon at hand is in the window
	clipper clipper
}

// add draws the next ring of an area. Rings come polygon by polygon, the outer
// one first.
func (d *drawing) add(area int, hole bool, box extent, points func() []point) {
	if hole && d.empty {
		return
	}
	var ring orb.Ring
	if box.meets(d.window) {
		ring = tileRing(d.clipper.clip(points(), d.window), hole, d.toTile)
	}
	if !hole {
		d.empty = ring == nil
	}
	if ring == nil {
		return
	}
	if n := len(d.areas); n == 0 || d.areas[n-1].Area != area {
		d.areas = append(d.areas, TileArea{Area: area})
	}
	into := &d.areas[len(d.areas)-1].Geometry
	if !hole {
		*into = append(*into, orb.Polygon{ring})
		return
	}
	last := len(*into) - 1
	(*into)[last] = append((*into)[last], ring)
}

// TileAt returns the tile that a point in degrees lies in, and where in it, in
// tile units. Points beyond the map's edge are in the tiles at its edge.
func TileAt(lon, lat float64, zoom int) (x, y int, at orb.Point) {
	gx, gy := gridAt(zoom).project(lon, lat)
	last := math.Ldexp(1, zoom) - 1
	tx := max(0, min(last, math.Floor(gx/TileExtent)))
	ty := max(0, min(last, math.Floor(gy/TileExtent)))
	return int(tx), int(ty), orb.Point{gx - tx*TileExtent, gy - ty*TileExtent}
}
