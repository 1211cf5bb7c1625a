package geo

import (
	"errors"
	"fmt"
	"runtime"
)

// Open maps a file that [Index.WriteTo] made. The content is checked in full, the
// hash and every offset in it; a damaged file gives an error that wraps
// ErrDamaged, one of lines or points an error that wraps ErrKind.
func Open(path string) (*Index, error) {
	t, err := Map(path)
	if err != nil {
		return nil, err
	}
	if err := t.Verify(); err != nil {
		return nil, fmt.Errorf("open index %s: %w", path, errors.Join(err, t.Close()))
	}
	return t, nil
}

// Map is Open for who cannot wait until the whole file has been read. It checks
// the header by its hash, the file's size, and what is said of the areas other
// than their place: an error wraps ErrDamaged. Cells and vertices are left to
// [Index.Verify]. Until that has said so, answers may be wrong where the file is
// damaged, but no query fails, reads elsewhere or goes on for ever.
func Map(path string) (*Index, error) {
	return mapIndex(path, view, func(t *Index, m *mapping) { t.mapped = m })
}

// Verify checks all of a mapped file: the hash, and that every number in it is
// one that Build could have written. It reads the whole file, some 30 ms for a
// million vertices. It may run beside queries. An index that was not mapped has
// been built or checked already.
func (t *Index) Verify() error {
	defer runtime.KeepAlive(t)
	if t.mapped == nil {
		return nil
	}
	return t.verify(t.mapped.data)
}

// Decode makes an index of the content of a file, with the same checks as Open.
// The index keeps using data, which must not change.
func Decode(data []byte) (*Index, error) {
	t, err := view(data)
	if err != nil {
		return nil, err
	}
	if err := t.verify(data); err != nil {
		return nil, err
	}
	return t, nil
}

// view makes an index of the content of a file, with the checks of Map.
func view(data []byte) (*Index, error) {
	t := &Index{}
	c := t.container()
	if err := c.look(data); err != nil {
		return nil, err
	}
	t.originX, t.originY = int32(c.head[0]), int32(c.head[1])
	t.columns, t.rows, t.shift = c.head[2], c.head[3], c.head[4]
	if err := t.validateTables(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t.finish()
	return t, nil
}

// verify checks what view has not.
func (t *Index) verify(data []byte) error {
	if err := checkHash(data); err != nil {
		return err
	}
	if err := t.validateContent(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
