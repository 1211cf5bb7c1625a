package wkb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/kantsten/kantsten/geo"
)

// The geometry types that are read, by their numbers in both forms.
const (
	point uint32 = iota + 1
	lineString
	polygon
	multiPoint
	multiLineString
	multiPolygon
)

// typeName is the name of a type, also of those that are refused.
func typeName(number uint32) string {
	names := []string{
		"Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
		"GeometryCollection", "CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface",
		"Curve", "Surface", "PolyhedralSurface", "TIN", "Triangle",
	}
	if uint64(number) >= uint64(len(names)) {
		return fmt.Sprintf("geometry of the unknown type %d", number)
	}
	return names[number]
}

// wanted are the two types that a kind of feature is made of, and the sentence
// for all others.
func wanted(kind geo.Kind) (single, multiple uint32, only string) {
	switch kind {
	case geo.Lines:
		return lineString, multiLineString, "only LineString and MultiLineString are lines"
	case geo.Points:
		return point, multiPoint, "only Point and MultiPoint are points"
	default:
		return polygon, multiPolygon, "only Polygon and MultiPolygon are areas"
	}
}

// The bits of EWKB's type word.
const (
	bitZ    = 1 << 31
	bitM    = 1 << 30
	bitSRID = 1 << 29
	bits    = bitZ | bitM | bitSRID
)

// header is what stands before every geometry and every part of one.
type header struct {
	order     binary.ByteOrder
	kind      uint32 // without what says Z, M and SRID
	flags     uint32 // EWKB's bits
	thousands uint32 // of ISO: 0, Z, M, ZM
	srid      uint32
}

// iso reports whether the form is ISO's; plain two-dimensional geometries are
// the same in both.
func (h header) iso() bool { return h.flags == 0 }

// vertexBytes is the length of one vertex.
func (h header) vertexBytes() int {
	n := 2
	if h.flags&bitZ != 0 || h.thousands&1 != 0 {
		n++
	}
	if h.flags&bitM != 0 || h.thousands&2 != 0 {
		n++
	}
	return 8 * n
}

// checker walks the bytes of one geometry.
type checker struct {
	data        []byte // what is left
	maxVertices int
	vertices    int
	part, ring  int // where it is, or none
}

const none = -1

// place says where in the geometry the checker stopped.
func (c *checker) place(kind geo.Kind) string {
	switch {
	case c.part == none:
		return ""
	case c.ring != none:
		return fmt.Sprintf("polygon %d, ring %d: ", c.part, c.ring)
	}
	return fmt.Sprintf("%s %d: ", [...]string{geo.Areas: "polygon", geo.Lines: "line", geo.Points: "point"}[kind], c.part)
}

// check walks a whole geometry and returns its header.
func (c *checker) check(kind geo.Kind) (header, error) {
	if kind > geo.Points {
		return header{}, fmt.Errorf("%v are unknown", kind)
	}
	h, err := c.header()
	if err != nil {
		return h, err
	}
	single, multiple, only := wanted(kind)
	switch h.kind {
	case single:
		c.part = 0
		err = c.single(h)
	case multiple:
		err = c.multiple(h, single)
	default:
		err = fmt.Errorf("a %s: %s", typeName(h.kind), only)
	}
	if err != nil {
		return h, err
	}
	c.part, c.ring = none, none
	if len(c.data) > 0 {
		return h, fmt.Errorf("%d bytes after the geometry", len(c.data))
	}
	return h, nil
}

var errTruncated = errors.New("the geometry breaks off")

// header reads a byte order, a type and perhaps an SRID.
func (c *checker) header() (h header, err error) {
	if len(c.data) == 0 {
		return h, errTruncated
	}
	switch c.data[0] {
	case 0:
		h.order = binary.BigEndian
	case 1:
		h.order = binary.LittleEndian
	default:
		return h, fmt.Errorf("byte order %d is neither 0 nor 1", c.data[0])
	}
	c.data = c.data[1:]
	word, err := c.word(h.order)
	if err != nil {
		return h, err
	}
	h.flags, h.kind = word&bits, word&^bits
	if h.kind < 4000 && h.flags == 0 {
		h.thousands, h.kind = h.kind/1000, h.kind%1000
	}
	if h.flags&bitSRID != 0 {
		h.srid, err = c.word(h.order)
	}
	return h, err
}

// word reads four bytes.
func (c *checker) word(order binary.ByteOrder) (uint32, error) {
	if len(c.data) < 4 {
		return 0, errTruncated
	}
	w := order.Uint32(c.data)
	c.data = c.data[4:]
	return w, nil
}

// count reads how many things follow, of which each takes at least so many bytes.
func (c *checker) count(order binary.ByteOrder, what string, atLeast int) (int, error) {
	n, err := c.word(order)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fmt.Errorf("it is empty: no %s", what)
	}
	if uint64(n)*uint64(atLeast) > uint64(len(c.data)) {
		return 0, fmt.Errorf("%d %s do not fit into the %d bytes left", n, what, len(c.data))
	}
	return int(n), nil
}

// multiple walks the parts of a geometry; each has a header like its own.
func (c *checker) multiple(h header, single uint32) error {
	n, err := c.count(h.order, "parts", 1+4+h.vertexBytes())
	if err != nil {
		return err
	}
	for c.part = range n {
		part, err := c.header()
		if err != nil {
			return err
		}
		if part.kind != single {
			return fmt.Errorf("a %s in a %s", typeName(part.kind), typeName(h.kind))
		}
		if part.vertexBytes() != h.vertexBytes() || part.thousands != h.thousands || (part.flags^h.flags)&(bitZ|bitM) != 0 {
			return errors.New("it has not the dimensions of the whole")
		}
		if part.flags&bitSRID != 0 && (h.flags&bitSRID == 0 || part.srid != h.srid) {
			return fmt.Errorf("it has an SRID of its own, %d", part.srid)
		}
		if err := c.single(part); err != nil {
			return err
		}
		c.ring = none
	}
	return nil
}

// single walks what stands after the header of a point, line or polygon.
func (c *checker) single(h header) error {
	switch h.kind {
	case point:
		return c.run(h, 1)
	case lineString:
		return c.line(h)
	}
	n, err := c.count(h.order, "rings", 4+h.vertexBytes())
	if err != nil {
		return err
	}
	for c.ring = range n {
		if err := c.line(h); err != nil {
			return err
		}
	}
	return nil
}

// line walks vertices that are counted.
func (c *checker) line(h header) error {
	n, err := c.count(h.order, "vertices", h.vertexBytes())
	if err != nil {
		return err
	}
	return c.run(h, n)
}

// run walks n vertices.
func (c *checker) run(h header, n int) error {
	size := h.vertexBytes()
	if len(c.data) < n*size {
		return errTruncated
	}
	if c.vertices += n; c.vertices > c.maxVertices {
		return fmt.Errorf("more than %d vertices", c.maxVertices)
	}
	for i := range n {
		x := math.Float64frombits(h.order.Uint64(c.data[i*size:]))
		y := math.Float64frombits(h.order.Uint64(c.data[i*size+8:]))
		if !finite(x) || !finite(y) {
			return fmt.Errorf("vertex %d (%g, %g) is no position", i, x, y)
		}
	}
	c.data = c.data[n*size:]
	return nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
