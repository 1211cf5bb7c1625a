package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/golang/geo/s2"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
	"github.com/tidwall/geojson/geometry"
	"github.com/tidwall/rtree"
	"github.com/twpayne/go-geom"
	"github.com/twpayne/go-geom/xy"

	"github.com/kantsten/kantsten/geo"
)

// finder finds the areas that own points, in its own way.
type finder struct {
	name string
	// owners writes the number of each point's area, or geo.None, to out.
	owners func(ctx context.Context, points []orb.Point, out []int) error
	chunk  int     // points at a time, some tens of microseconds of work or more
	target float64 // how many times faster we have to be; 0 for none
}

// each makes a finder of one that takes a point at a time.
func each(name string, chunk int, target float64, owner func(p orb.Point) int) finder {
	return finder{name: name, chunk: chunk, target: target, owners: func(_ context.Context, points []orb.Point, out []int) error {
		for i, p := range points {
			out[i] = owner(p)
		}
		return nil
	}}
}

// ours are the index one point at a time and many at once. The single look-up
// stands in the loop itself, because a call through a variable would be a fifth
// of it.
func ours(index *geo.Index) (single, batch finder) {
	single = finder{name: "one by one", chunk: 1000, owners: func(_ context.Context, points []orb.Point, out []int) error {
		for i, p := range points {
			out[i], _ = index.Owner(p[0], p[1])
		}
		return nil
	}}
	batch = finder{name: "in a batch", chunk: 1000, owners: func(_ context.Context, points []orb.Point, out []int) error {
		index.AppendOwners(out[:0], points)
		return nil
	}}
	return single, batch
}

// found is a polygon in a rival's tree.
type found[P any] struct {
	polygon P
	area    int
}

// inTree makes a finder of a polygon type without an index over many: the tree
// of bounding boxes is tidwall/rtree for all of them.
func inTree[P any](name string, chunk int, target float64, areas []geo.Feature, polygon func(orb.Polygon) P, contains func(P, orb.Point) bool) finder {
	var tree rtree.RTreeG[found[P]]
	for i, a := range areas {
		for _, p := range polygons(a) {
			b := p.Bound()
			tree.Insert(b.Min, b.Max, found[P]{polygon(p), i})
		}
	}
	return each(name, chunk, target, func(p orb.Point) int {
		owner := geo.None
		tree.Search(p, p, func(_, _ [2]float64, f found[P]) bool {
			if contains(f.polygon, p) {
				owner = f.area
			}
			return owner == geo.None
		})
		return owner
	})
}

func polygons(a geo.Feature) orb.MultiPolygon {
	m, _ := a.Geometry.(orb.MultiPolygon) // the reader was asked for areas
	return m
}

// tidwall is the geometry of tidwall/geojson with one of its kinds of index over
// the edges of a ring.
func tidwall(areas []geo.Feature, kind geometry.IndexKind, target float64) finder {
	options := &geometry.IndexOptions{Kind: kind, MinPoints: geometry.DefaultIndexOptions.MinPoints}
	series := func(r orb.Ring) []geometry.Point {
		points := make([]geometry.Point, len(r))
		for i, p := range r {
			points[i] = geometry.Point{X: p[0], Y: p[1]}
		}
		return points
	}
	return inTree("tidwall/geojson, "+kind.String(), 200, target, areas, func(p orb.Polygon) *geometry.Poly {
		var holes [][]geometry.Point
		for _, r := range p[1:] {
			holes = append(holes, series(r))
		}
		return geometry.NewPoly(series(p[0]), holes, options)
	}, func(p *geometry.Poly, at orb.Point) bool {
		return p.ContainsPoint(geometry.Point{X: at[0], Y: at[1]})
	})
}

// goGeom is go-geom's test of a ring; it has no index of its own.
func goGeom(areas []geo.Feature, target float64) finder {
	return inTree("go-geom with R-tree", 50, target, areas, func(p orb.Polygon) *geom.Polygon {
		var flat []float64
		var ends []int
		for _, r := range p {
			for _, v := range r {
				flat = append(flat, v[0], v[1])
			}
			ends = append(ends, len(flat))
		}
		return geom.NewPolygonFlat(geom.XY, flat, ends)
	}, func(p *geom.Polygon, at orb.Point) bool {
		flat, from := p.FlatCoords(), 0
		for i, end := range p.Ends() {
			if in := xy.IsPointInRing(geom.XY, at[:], flat[from:end]); in != (i == 0) {
				return false
			}
			from = end
		}
		return true
	})
}

// orbBounds is what orb has: a test of a polygon, behind each area's bounds.
func orbBounds(areas []geo.Feature, target float64) finder {
	bounds := make([]orb.Bound, len(areas))
	for i, a := range areas {
		bounds[i] = a.Geometry.Bound()
	}
	return each("orb with bounds", 20, target, func(p orb.Point) int {
		for i, b := range bounds {
			if b.Contains(p) && planar.MultiPolygonContains(polygons(areas[i]), p) {
				return i
			}
		}
		return geo.None
	})
}

// s2Area is a polygon on the sphere that knows whose it is.
type s2Area struct {
	*s2.Polygon
	area int
}

// s2Shapes is golang/geo's index of edges, with half-open borders. The point's
// way to the sphere counts, because positions come in degrees.
func s2Shapes(areas []geo.Feature, target float64) finder {
	index := s2.NewShapeIndex()
	for i, a := range areas {
		var loops []*s2.Loop
		for _, p := range polygons(a) {
			for _, r := range p {
				loops = append(loops, s2Loop(r))
			}
		}
		index.Add(s2Area{s2.PolygonFromLoops(loops), i}) // inside is what an odd number of loops contains
	}
	index.Build()
	query := s2.NewContainsPointQuery(index, s2.VertexModelSemiOpen)
	return each("s2 ShapeIndex", 200, target, func(p orb.Point) int {
		for _, shape := range query.ContainingShapes(s2Point(p)) {
			if a, ok := shape.(s2Area); ok {
				return a.area
			}
		}
		return geo.None
	})
}

func s2Point(p orb.Point) s2.Point {
	return s2.PointFromLatLng(s2.LatLngFromDegrees(p[1], p[0]))
}

// s2Loop makes a loop of a ring that contains what the ring surrounds. Which side
// that is, s2 tells by the loop's second corner alone. Some real rings cross
// themselves there, and would contain the rest of the Earth; such a ring begins
// elsewhere, or runs the other way.
func s2Loop(r orb.Ring) *s2.Loop {
	var points []s2.Point
	for _, v := range r[:len(r)-1] {
		points = append(points, s2Point(v))
	}
	far := s2.Point{Vector: points[0].Mul(-1)}
	var loop *s2.Loop
	for range 2 {
		for range min(8, len(points)) {
			if loop = s2.LoopFromPoints(points); !loop.ContainsPoint(far) {
				return loop
			}
			points = append(points[1:len(points):len(points)], points[0])
		}
		slices.Reverse(points)
	}
	return loop // its wrong answers will be counted
}

// agreement compares a finder with our own answers.
func agreement(ctx context.Context, index *geo.Index, f finder, points []orb.Point) (string, error) {
	theirs := make([]int, len(points))
	if err := f.owners(ctx, points, theirs); err != nil {
		return "", err
	}
	differ, clearly := 0, 0
	for i, p := range points {
		if area, _ := index.Owner(p[0], p[1]); area == theirs[i] {
			continue
		}
		differ++
		if isClear(index.Locate(p, 0)) {
			clearly++
		}
	}
	return fmt.Sprintf("%d of %d differ, %d of them clearly", differ, len(points), clearly), nil
}

// clearMetres is how far from a border an answer is clear: coordinates are
// rounded to 1.1 cm.
const clearMetres = 0.02

// isClear tells that a place is neither on a border nor in an overlap.
func isClear(l geo.Location) bool {
	holders := 0
	for _, c := range l.Candidates {
		if c.Metres == 0 {
			holders++
		}
	}
	return holders <= 1 && math.Min(l.BorderMetres, l.Nearest.Metres) >= clearMetres
}
