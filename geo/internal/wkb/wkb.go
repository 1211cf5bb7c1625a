// Package wkb turns well-known binary from a file or a server that nobody
// vouches for into the geometries of package geo.
//
// Both forms are read: ISO WKB (OGC 06-103r4, which GeoPackage prescribes) and
// the EWKB of PostGIS; the first type word tells which. The bytes are walked
// once before go-geom decodes them, without allocating: what is not a geometry
// of the wanted kind, a count that the bytes left cannot hold, a coordinate that
// is no number and bytes that are left over are refused there, naming the part,
// the ring and the vertex. go-geom alone would allocate by any count that stands
// in the bytes, and descend into collections as deep as they go.
//
// Heights and measures are dropped. Collections are refused whatever they hold,
// and so are curves and surfaces: nothing here could say where they run.
package wkb

import (
	"fmt"

	"github.com/paulmach/orb"
	geom "github.com/twpayne/go-geom"
	"github.com/twpayne/go-geom/encoding/ewkb"
	"github.com/twpayne/go-geom/encoding/wkb"

	"github.com/kantsten/kantsten/geo"
)

// MaxBytes is how long a geometry of so many vertices can be: each with height
// and measure, and each beginning a part. Readers ask a database for the length
// first, so that no longer value reaches memory.
func MaxBytes(maxVertices int) int64 {
	const head, perVertex = 1024, 4*8 + 9
	return head + perVertex*int64(maxVertices)
}

// Decode returns the geometry in data as features of a kind have it: a
// MultiPolygon, a MultiLineString or a MultiPoint, in the coordinates of its
// system. srid is the number of that system if EWKB names one, else zero. A
// geometry of more than maxVertices is refused. Nothing of data is kept.
func Decode(data []byte, kind geo.Kind, maxVertices int) (g orb.Geometry, srid int, err error) {
	c := checker{data: data, maxVertices: maxVertices, part: none, ring: none}
	h, err := c.check(kind)
	if err != nil {
		return nil, 0, fmt.Errorf("%s%w", c.place(kind), err)
	}
	decode := ewkb.Unmarshal
	if h.iso() {
		decode = func(data []byte) (geom.T, error) { return wkb.Unmarshal(data) }
	}
	t, err := decode(data)
	if err != nil {
		return nil, 0, fmt.Errorf("decode well-known binary: %w", err)
	}
	g, err = multi(t)
	return g, int(h.srid), err
}

// multi returns a geometry of go-geom as one of orb, singles as multis of one.
func multi(t geom.T) (orb.Geometry, error) {
	points := points(t.FlatCoords(), t.Stride())
	switch t := t.(type) {
	case *geom.Polygon:
		return orb.MultiPolygon{split[orb.Ring](points, 0, t.Ends(), t.Stride())}, nil
	case *geom.MultiPolygon:
		out := make(orb.MultiPolygon, 0, t.NumPolygons())
		from := 0
		for _, ends := range t.Endss() {
			out = append(out, split[orb.Ring](points, from, ends, t.Stride()))
			from = ends[len(ends)-1] / t.Stride() // the check lets no empty polygon pass
		}
		return out, nil
	case *geom.LineString:
		return orb.MultiLineString{points}, nil
	case *geom.MultiLineString:
		return orb.MultiLineString(split[orb.LineString](points, 0, t.Ends(), t.Stride())), nil
	case *geom.Point, *geom.MultiPoint:
		return orb.MultiPoint(points), nil
	default:
		return nil, fmt.Errorf("decode well-known binary: a %T, which was not expected", t)
	}
}

// points takes the first two of every stride numbers.
func points(flat []float64, stride int) []orb.Point {
	out := make([]orb.Point, 0, len(flat)/stride)
	for ; len(flat) >= stride; flat = flat[stride:] {
		out = append(out, orb.Point{flat[0], flat[1]})
	}
	return out
}

// split cuts points into rings or lines. It starts at a point; ends count
// numbers, of which each point had stride.
func split[T ~[]orb.Point](points []orb.Point, from int, ends []int, stride int) []T {
	out := make([]T, 0, len(ends))
	for _, end := range ends {
		to := end / stride
		out = append(out, points[from:to:to])
		from = to
	}
	return out
}
