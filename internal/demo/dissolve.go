package demo

import (
	"errors"
	"fmt"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
)

// dissolve joins the border edges of one area into polygons with holes. It
// fails if the edges do not close: then two cells disagree about a corner.
func dissolve(edges []borderEdge) (orb.MultiPolygon, error) {
	leaving := make(map[gridPoint][]gridPoint, len(edges))
	for _, e := range edges {
		leaving[e.from] = append(leaving[e.from], e.to)
	}
	var outer, holes []orb.Ring
	for _, e := range edges {
		for len(leaving[e.from]) > 0 {
			rings, err := walk(leaving, e.from)
			if err != nil {
				return nil, err
			}
			for _, r := range rings {
				if r.Orientation() == orb.CCW {
					outer = append(outer, r)
				} else {
					holes = append(holes, r)
				}
			}
		}
	}
	return assemble(outer, holes)
}

// walk follows edges from start until it is back there, taking them out of
// leaving. Where the way meets itself, the loop becomes a ring of its own, so
// that no ring touches itself.
func walk(leaving map[gridPoint][]gridPoint, start gridPoint) ([]orb.Ring, error) {
	var rings []orb.Ring
	path := []gridPoint{start}
	place := map[gridPoint]int{start: 0}
	for {
		last := path[len(path)-1]
		ways := leaving[last]
		if len(ways) == 0 {
			return nil, fmt.Errorf("border ends at %v", last.degrees())
		}
		next := ways[len(ways)-1]
		leaving[last] = ways[:len(ways)-1]
		at, met := place[next]
		if !met {
			place[next] = len(path)
			path = append(path, next)
			continue
		}
		if loop := path[at:]; len(loop) > 2 { // two points enclose nothing
			rings = append(rings, ringOf(loop))
		}
		for _, p := range path[at+1:] {
			delete(place, p)
		}
		path = path[:at+1]
		if at == 0 {
			return rings, nil
		}
	}
}

// ringOf closes a loop.
func ringOf(loop []gridPoint) orb.Ring {
	r := make(orb.Ring, 0, len(loop)+1)
	for _, p := range loop {
		r = append(r, p.degrees())
	}
	return append(r, r[0])
}

// assemble puts each hole into the smallest ring around it.
func assemble(outer, holes []orb.Ring) (orb.MultiPolygon, error) {
	if len(outer) == 0 {
		return nil, errors.New("it has no border")
	}
	result := make(orb.MultiPolygon, len(outer))
	for i, r := range outer {
		result[i] = orb.Polygon{r}
	}
	for _, h := range holes {
		best := -1
		for i, r := range outer {
			if holds(r, h) && (best < 0 || planar.Area(r) < planar.Area(outer[best])) {
				best = i
			}
		}
		if best < 0 {
			return nil, fmt.Errorf("no ring around the hole at %v", h[0])
		}
		result[best] = append(result[best], h)
	}
	return result, nil
}

// holds reports whether the hole lies in the ring. They may touch in single
// points, so one corner says nothing: all must be in it or on it.
func holds(r, hole orb.Ring) bool {
	if !r.Bound().Contains(hole.Bound().Min) || !r.Bound().Contains(hole.Bound().Max) {
		return false
	}
	for _, p := range hole {
		if !planar.RingContains(r, p) {
			return false
		}
	}
	return true
}
