package geo

import (
	"fmt"
	"io"
	"runtime"
)

// container lists what a file of areas holds.
func (t *tables) container() *container {
	return &container{
		kind:     Areas,
		head:     [5]uint32{uint32(t.originX), uint32(t.originY), t.columns, t.rows, t.shift},
		sections: t.sections(),
		texts:    &t.texts,
	}
}

func (t *tables) sections() []*[]uint32 {
	return []*[]uint32{
		&t.top, &t.nodes, &t.leaves, &t.setStart, &t.setArea, &t.rank, &t.byCode, &t.size,
		&t.areaPart, &t.partRing, &t.ringVertex, &t.vertices, &t.textStart,
	}
}

// WriteTo stores the index. To replace a file that may be open, write another
// and rename it. It implements io.WriterTo.
func (t *Index) WriteTo(w io.Writer) (int64, error) {
	defer runtime.KeepAlive(t)
	return t.container().writeTo(w)
}

// Open maps a file that [Index.WriteTo] made. The content is checked in full, the hash
// and every offset in it, so that no query of the index can fail or read
// elsewhere; a damaged file gives an error that wraps ErrDamaged, one of lines
// or points an error that wraps ErrKind.
func Open(path string) (*Index, error) {
	var t *Index
	m, err := openFile(path, func(data []byte) (err error) {
		t, err = Decode(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.mapped = m
	releaseWhenUnreachable(t, m)
	return t, nil
}

// Decode makes an index of the content of a file, with the same checks as Open.
// The index keeps using data, which must not change.
func Decode(data []byte) (*Index, error) {
	t := &Index{}
	c := t.container()
	if err := c.read(data); err != nil {
		return nil, err
	}
	t.originX, t.originY = int32(c.head[0]), int32(c.head[1])
	t.columns, t.rows, t.shift = c.head[2], c.head[3], c.head[4]
	if err := t.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t.finish()
	return t, nil
}
