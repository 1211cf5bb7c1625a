package geo

import (
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
