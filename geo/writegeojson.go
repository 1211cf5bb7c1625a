package geo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// WriteGeoJSON writes the areas that were added so far as GeoJSON, a feature on
// each line, with the properties code and name. What was repaired is written
// repaired, and coordinates are written to the 1e-7 degree that the index holds.
//
// It is the way to keep what an index was built from: what [ReadGeoJSON] reads of
// it, for [SourceOptions], makes the same index again, byte by byte in the same
// release. Codes and names lose white space around them, and an area without a
// name is named by its code, as with any file. It comes before Finish, which
// leaves nothing to write.
func (b *Builder) WriteGeoJSON(w io.Writer) error {
	if b.err != nil {
		return fmt.Errorf("write GeoJSON: %w", b.err)
	}
	out := newFeatureWriter(w)
	for _, a := range b.order {
		if len(a.polygons) == 0 {
			return fmt.Errorf("write GeoJSON: area %s has no ring of three distinct vertices", a.code)
		}
		out.begin(a.code, a.name, "MultiPolygon")
		out.list(len(a.polygons), func(p int) {
			out.list(len(a.polygons[p]), func(r int) { out.ring(a.polygons[p][r]) })
		})
		out.end()
	}
	return out.flush()
}

// WriteGeoJSON writes the lines or points that were added so far, as
// [Builder.WriteGeoJSON] does areas: each line, and the points of each feature, as
// a feature of its own, for a builder merges them by their code.
func (b *NearBuilder) WriteGeoJSON(w io.Writer) error {
	if b.err != nil {
		return fmt.Errorf("write GeoJSON: %w", b.err)
	}
	out := newFeatureWriter(w)
	from := uint32(0)
	for _, l := range b.lines {
		_, many := geometryTypes(b.kind)
		owner := b.owners[l.owner]
		out.begin(owner.code, owner.name, many)
		if b.kind == Lines {
			out.list(1, func(int) { out.path(b.vertices[from:l.end]) })
		} else {
			out.path(b.vertices[from:l.end])
		}
		out.end()
		from = l.end
	}
	return out.flush()
}

// SourceOptions are those by which a WriteGeoJSON is read again: its properties,
// and none of the limits that guard against files from elsewhere.
func SourceOptions(kind Kind) ReadOptions {
	const none = int(^uint(0) >> 1)
	return ReadOptions{Kind: kind, CodeProperty: "code", MaxVertices: none, MaxFeatures: none, MaxBytes: int64(none)}
}

// featureWriter writes features a line each and keeps the first error of a text;
// those of the file stay with the bufio.Writer.
type featureWriter struct {
	*bufio.Writer
	number []byte
	err    error
}

func newFeatureWriter(w io.Writer) *featureWriter {
	return &featureWriter{Writer: bufio.NewWriterSize(w, 64<<10)}
}

// begin writes a feature up to its coordinates.
func (w *featureWriter) begin(code, name, geometry string) {
	c, err1 := json.Marshal(code)
	n, err2 := json.Marshal(name)
	w.err = errors.Join(w.err, err1, err2)
	for _, part := range []string{
		`{"type":"Feature","properties":{"code":`, string(c), `,"name":`, string(n), `},"geometry":{"type":"`, geometry, `","coordinates":`,
	} {
		_, _ = w.WriteString(part) // flush tells
	}
}

func (w *featureWriter) end() { _, _ = w.WriteString("}}\n") } // flush tells

// list writes an array of n values.
func (w *featureWriter) list(n int, value func(i int)) {
	_ = w.WriteByte('[') // flush tells
	for i := range n {
		if i > 0 {
			_ = w.WriteByte(',') // flush tells
		}
		value(i)
	}
	_ = w.WriteByte(']') // flush tells
}

func (w *featureWriter) path(vertices []point) {
	w.list(len(vertices), func(i int) { w.position(vertices[i]) })
}

// ring closes a ring: RFC 7946 wants the first position twice (section 3.1.6).
func (w *featureWriter) ring(vertices []point) {
	w.list(len(vertices)+1, func(i int) { w.position(vertices[i%len(vertices)]) })
}

// position writes degrees with as many digits as they need, at most seven behind
// the point: toUnit makes the same unit of them.
func (w *featureWriter) position(p point) {
	b := append(w.number[:0], '[')
	b = strconv.AppendFloat(b, toDegrees(p.x), 'f', -1, 64)
	b = append(b, ',')
	b = strconv.AppendFloat(b, toDegrees(p.y), 'f', -1, 64)
	w.number = append(b, ']')
	_, _ = w.Write(w.number) // flush tells
}

func (w *featureWriter) flush() error {
	if err := errors.Join(w.err, w.Flush()); err != nil {
		return fmt.Errorf("write GeoJSON: %w", err)
	}
	return nil
}
