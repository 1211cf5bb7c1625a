package geo

import (
	"encoding/binary"
	"runtime"
	"unsafe"
)

// mapping is a file's content, mapped into memory or, where that cannot be
// done, read. release gives it back; calling it again does nothing.
type mapping struct {
	data    []byte
	release func() error
}

// nativeWords tells whether stored words can be used as they lie in memory.
func nativeWords() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// words reads little-endian words: in place where the machine's order and the
// alignment allow it, else as a copy.
func words(b []byte) []uint32 {
	if len(b) < 4 {
		return nil
	}
	start := unsafe.Pointer(unsafe.SliceData(b)) //nolint:gosec // its address is only asked for alignment
	if nativeWords() && uintptr(start)%4 == 0 {
		return unsafe.Slice((*uint32)(start), len(b)/4) //nolint:gosec // the view is as long as b, rounded down to words
	}
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

// Close gives the mapped file back. It must be called at most when no query is
// running or can follow. It need not be called: an index that is no longer
// reachable is unmapped by the garbage collector, which is the safe way where
// one index replaces another under running queries.
func (t *Index) Close() error {
	if t.mapped == nil {
		return nil
	}
	m := t.mapped
	t.mapped, t.tables = nil, tables{}
	t.west, t.east = 0, 0 // an empty grid: a query after all finds nothing
	return m.release()
}

// releaseWhenUnreachable unmaps the file after the index has become garbage.
// Every method that reads the tables ends with runtime.KeepAlive, so none is
// unmapped under it.
func releaseWhenUnreachable[T any](index *T, m *mapping) {
	runtime.AddCleanup(index, func(m *mapping) {
		_ = m.release() // nobody is left to hear of an error
	}, m)
}
