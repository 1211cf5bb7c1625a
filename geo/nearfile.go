package geo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"unicode/utf8"
)

// container lists what a file of lines or points holds.
func (t *nearTables) container() *container {
	return &container{
		kind:     t.kind,
		sections: []*[]uint32{&t.boxes, &t.runStart, &t.runOwner, &t.vertices, &t.textStart},
		texts:    &t.texts,
	}
}

// WriteTo stores the index. To replace a file that may be open, write another
// and rename it. It implements io.WriterTo.
func (t *NearIndex) WriteTo(w io.Writer) (int64, error) {
	defer runtime.KeepAlive(t)
	return t.container().writeTo(w)
}

// OpenNear maps a file that [NearIndex.WriteTo] made. The content is checked as
// by [Open]: a damaged file gives an error that wraps ErrDamaged, one of areas an
// error that wraps ErrKind.
func OpenNear(path string) (*NearIndex, error) {
	return mapIndex(path, DecodeNear, func(t *NearIndex, m *mapping) { t.mapped = m })
}

// DecodeNear makes an index of the content of a file, with the same checks as
// OpenNear. The index keeps using data, which must not change.
func DecodeNear(data []byte) (*NearIndex, error) {
	t := &NearIndex{}
	t.kind = Lines // or points: they are stored alike
	c := t.container()
	if err := c.read(data); err != nil {
		return nil, err
	}
	t.kind = c.kind
	if err := t.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t.levels = nearLevels(uint32(len(t.runOwner)))
	return t, nil
}

// Close gives the mapped file back. As with [Index.Close], it need not be
// called, and no query may be running or follow.
func (t *NearIndex) Close() error {
	if t.mapped == nil {
		return nil
	}
	m := t.mapped
	t.mapped, t.levels, t.nearTables = nil, nil, nearTables{}
	return m.release()
}

// validate checks that every number in the tables is one that a NearBuilder
// could have written, as far as a query relies on it.
func (t *nearTables) validate() error {
	for _, check := range []func() error{t.validateTexts, t.validateRuns, t.validateBoxes} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (t *nearTables) validateTexts() error {
	if len(t.textStart) < 3 || len(t.textStart)%2 == 0 {
		return errors.New("texts: the number of features")
	}
	if err := ascending(t.textStart, len(t.texts), 0); err != nil {
		return fmt.Errorf("texts: %w", err)
	}
	if !utf8.Valid(t.texts) {
		return errors.New("texts: not UTF-8")
	}
	for i := 2; i < len(t.textStart)-1; i += 2 {
		if bytes.Compare(t.textBytes(i-2), t.textBytes(i)) >= 0 {
			return errors.New("texts: codes are not in order")
		}
	}
	return nil
}

func (t *nearTables) validateRuns() error {
	n := len(t.runOwner)
	if n == 0 || n > maxRuns || len(t.runStart) != n+1 || len(t.vertices)%2 != 0 {
		return errors.New("runs: their number")
	}
	if err := ascending(t.runStart, len(t.vertices)/2, 1); err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	for _, owner := range t.runOwner {
		if int(owner) >= len(t.textStart)/2 {
			return errors.New("runs: no such feature")
		}
	}
	for i := 0; i < len(t.vertices); i += 2 {
		if !inWorld(t.vertices[i], t.vertices[i+1]) {
			return errors.New("vertices: outside the world")
		}
	}
	return nil
}

// validateBoxes checks that a run's box lies within its vertices', which is all
// that can be said of a piece of a segment, and that the higher ones hold the
// lower ones.
func (t *nearTables) validateBoxes() error {
	levels := nearLevels(uint32(len(t.runOwner)))
	last := levels[len(levels)-1]
	if uint64(len(t.boxes)) != boxWords*(uint64(last.start)+uint64(last.count)) {
		return errors.New("boxes: their number")
	}
	for i := range uint32(len(t.runOwner)) {
		round := t.runBox(i)
		if b := t.boxAt(i); b.x0 > b.x1 || b.y0 > b.y1 || round.union(b) != round {
			return errors.New("boxes: one that does not fit its run")
		}
	}
	for l := 1; l < len(levels); l++ {
		for k := range levels[l].count {
			if t.boxAt(levels[l].start+k) != t.parentBox(levels[l-1], k) {
				return errors.New("boxes: one that does not fit those in it")
			}
		}
	}
	return nil
}

// runBox is the box round the vertices of a run.
func (t *nearTables) runBox(i uint32) nearBox {
	v := t.vertices[2*uint64(t.runStart[i]) : 2*uint64(t.runStart[i+1])]
	first := point{int32(v[0]), int32(v[1])}
	b := between(first, first)
	for ; len(v) >= 2; v = v[2:] {
		b = b.extend(point{int32(v[0]), int32(v[1])})
	}
	return b
}
