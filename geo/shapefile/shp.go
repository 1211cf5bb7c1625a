package shapefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// The format is that of the "ESRI Shapefile Technical Description", July 1998.
// Lengths there are in words of 16 bits, and the bytes of some numbers stand the
// other way round than those of others.
const (
	headerBytes       = 100
	recordHeaderBytes = 8
	fileCode          = 9994
)

// The shape types. Those with heights (Z) are 10 more, those with measures (M) 20.
const (
	nullShape  = 0
	point      = 1
	polyLine   = 3
	polygon    = 5
	multiPoint = 8
	multiPatch = 31
)

// shapes reads the records of a .shp.
type shapes struct {
	in          *input
	end         int64 // where the file ends, by its header
	shapeType   int   // of all records but null shapes
	box         [4]float64
	maxVertices int
	chunk       []byte
}

// openShapes reads the header.
func openShapes(m *member, opts geo.ReadOptions) (*shapes, error) {
	in, err := m.input(opts.MaxBytes)
	if err != nil {
		return nil, err
	}
	s := &shapes{in: in, maxVertices: opts.MaxVertices, chunk: make([]byte, 64<<10)}
	if err := s.header(m.size, opts.Kind); err != nil {
		in.close()
		return nil, err
	}
	return s, nil
}

func (s *shapes) close() { s.in.close() }

func (s *shapes) header(size int64, kind geo.Kind) error {
	h := s.chunk[:headerBytes]
	if err := s.in.fill(h); err != nil {
		return err
	}
	if code := binary.BigEndian.Uint32(h); code != fileCode {
		return fmt.Errorf("it begins with %d, a .shp with %d", code, fileCode)
	}
	s.end = 2 * int64(int32(binary.BigEndian.Uint32(h[24:]))) // signed in the format
	if s.end != size {
		return fmt.Errorf("its header claims %d bytes, but it has %d", s.end, size)
	}
	s.shapeType = int(binary.LittleEndian.Uint32(h[32:]))
	for i := range s.box {
		s.box[i] = float(h[36+8*i:])
	}
	got, ok := kindOf(s.shapeType)
	switch {
	case s.shapeType == multiPatch:
		return errors.New("it holds surfaces in space (MultiPatch), which are not supported")
	case !ok:
		return fmt.Errorf("unknown shape type %d", s.shapeType)
	case got != kind:
		return fmt.Errorf("it holds %s, want %s", got, kind)
	}
	return nil
}

func float(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// kindOf tells what shapes of a type are.
func kindOf(shapeType int) (geo.Kind, bool) {
	if shapeType > 30 {
		return 0, false
	}
	switch shapeType % 10 {
	case point, multiPoint:
		return geo.Points, true
	case polyLine:
		return geo.Lines, true
	case polygon:
		return geo.Areas, true
	}
	return 0, false
}

// shape is a record's geometry as it stands in the file.
type shape struct {
	null   bool
	kind   geo.Kind
	points []orb.Point
	starts []int // of the parts of lines and areas, in points
}

// next reads one record; io.EOF says that there is none.
func (s *shapes) next() (shape, error) {
	if s.in.pos == s.end {
		if err := s.in.end(); err != nil {
			return shape{}, err
		}
		return shape{}, io.EOF
	}
	h := s.chunk[:recordHeaderBytes]
	if s.end-s.in.pos < recordHeaderBytes {
		return shape{}, fmt.Errorf("%d bytes are left, too few for a record", s.end-s.in.pos)
	}
	if err := s.in.fill(h); err != nil {
		return shape{}, err
	}
	length := 2 * int64(int32(binary.BigEndian.Uint32(h[4:]))) // signed in the format
	if left := s.end - s.in.pos; length < 4 || length > left {
		return shape{}, fmt.Errorf("it claims %d bytes, %d are left", length, left)
	}
	after := s.in.pos + length
	out, err := s.content(length)
	if err != nil {
		return shape{}, err
	}
	return out, s.in.skip(after - s.in.pos) // heights and measures
}

// content reads a record of that many bytes as far as it is of use.
func (s *shapes) content(length int64) (shape, error) {
	head := s.chunk[:4]
	if err := s.in.fill(head); err != nil {
		return shape{}, err
	}
	shapeType := int(binary.LittleEndian.Uint32(head))
	switch {
	case shapeType == nullShape:
		return shape{null: true}, nil
	case shapeType != s.shapeType:
		return shape{}, fmt.Errorf("its shape type is %d, but that of the file is %d", shapeType, s.shapeType)
	}
	kind, _ := kindOf(shapeType)
	out := shape{kind: kind}
	parts, points := int64(0), int64(1)
	if shapeType%10 != point {
		var err error
		if parts, points, err = s.counts(kind, length); err != nil {
			return shape{}, err
		}
	}
	if err := s.fits(length, parts, points); err != nil {
		return shape{}, err
	}
	if err := s.starts(&out, parts, points); err != nil {
		return shape{}, err
	}
	return out, s.points(&out, points)
}

// counts reads the extent, which is of no use, and how many parts and points follow.
func (s *shapes) counts(kind geo.Kind, length int64) (parts, points int64, err error) {
	h := s.chunk[:40]
	if kind == geo.Points {
		h = h[:36]
	}
	if length < 4+int64(len(h)) {
		return 0, 0, fmt.Errorf("%d bytes are too few for its shape type", length)
	}
	if err := s.in.fill(h); err != nil {
		return 0, 0, err
	}
	signed := func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) } // signed in the format
	if kind == geo.Points {
		return 0, signed(h[32:]), nil
	}
	return signed(h[32:]), signed(h[36:]), nil
}

// fits compares the counts with the length of the record. Measures may be left
// out of shapes with heights, and even of shapes with measures.
func (s *shapes) fits(length, parts, points int64) error {
	poly := s.shapeType%10 == polyLine || s.shapeType%10 == polygon
	switch {
	case points < 0 || parts < 0:
		return fmt.Errorf("it claims %d parts and %d points", parts, points)
	case points == 0 || poly && parts == 0:
		return errors.New("it is empty, but not a null shape")
	case points > int64(s.maxVertices):
		return fmt.Errorf("it claims %d vertices, more than %d", points, s.maxVertices)
	case parts > points:
		return fmt.Errorf("it claims %d parts of %d points", parts, points)
	}
	least, extra := 4+16*points, 8*points // extra: one of heights and measures
	if s.shapeType%10 != point {
		least, extra = least+36, extra+16
	}
	if poly {
		least += 4 + 4*parts
	}
	most := least
	switch s.shapeType / 10 {
	case 1:
		least, most = least+extra, most+2*extra
	case 2:
		most += extra
	}
	if length < least || length > most {
		return fmt.Errorf("it has %d bytes, but its %d parts and %d points need %d", length, parts, points, least)
	}
	return nil
}

// starts reads where the parts begin.
func (s *shapes) starts(out *shape, parts, points int64) error {
	for done := int64(0); done < parts; {
		n := min(parts-done, int64(len(s.chunk)/4))
		if err := s.in.fill(s.chunk[:4*n]); err != nil {
			return err
		}
		for i := range n {
			at := int64(binary.LittleEndian.Uint32(s.chunk[4*i:]))
			first := done+i == 0
			if first && at != 0 || !first && at <= int64(out.starts[done+i-1]) || at >= points {
				return fmt.Errorf("part %d begins at point %d of %d, which is not after the part before it", done+i, at, points)
			}
			out.starts = append(out.starts, int(at))
		}
		done += n
	}
	return nil
}

// points reads the coordinates. Those of the Earth in metres have at most eight
// digits; what has more would only overflow later.
func (s *shapes) points(out *shape, points int64) error {
	const most = 1e9
	for done := int64(0); done < points; {
		n := min(points-done, int64(len(s.chunk)/16))
		if err := s.in.fill(s.chunk[:16*n]); err != nil {
			return err
		}
		for i := range n {
			p := orb.Point{float(s.chunk[16*i:]), float(s.chunk[16*i+8:])}
			if !(math.Abs(p[0]) <= most && math.Abs(p[1]) <= most) {
				return fmt.Errorf("vertex %d of all its parts (%v, %v) is no position on Earth", done+i, p[0], p[1])
			}
			out.points = append(out.points, p)
		}
		done += n
	}
	return nil
}

// geometry makes a geometry of the kind that the layer must have.
func (s shape) geometry() (orb.Geometry, error) {
	if s.null {
		return nil, errors.New("a null shape, and it is not marked as deleted")
	}
	switch s.kind {
	case geo.Points:
		return orb.MultiPoint(s.points), nil
	case geo.Lines:
		out := make(orb.MultiLineString, len(s.starts))
		for i := range s.starts {
			out[i] = s.part(i)
		}
		return out, nil
	}
	rings := make([]orb.Ring, len(s.starts))
	for i := range s.starts {
		rings[i] = s.part(i)
	}
	return polygons(rings)
}

func (s shape) part(i int) []orb.Point {
	end := len(s.points)
	if i+1 < len(s.starts) {
		end = s.starts[i+1]
	}
	return s.points[s.starts[i]:end:end]
}
