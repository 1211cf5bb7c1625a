package geo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A file is a header of 32 words, the sections one after the other, each padded
// with zero bytes to a multiple of 64 so that a node is one cache line, and the
// SHA-256 of everything before it. All words are little-endian.
//
//	0–1    magic
//	2      version
//	3–4    originX, originY
//	5–7    columns, rows, shift of the top grid
//	8–20   lengths of the sections in words, in the order of (*tables).sections
//	21     length of the texts in bytes; they are the last section
//	22–31  zero
const (
	fileMagic    = "KantGeo\x00"
	fileVersion  = 1
	headerBytes  = 128
	sectionAlign = 64
	firstLength  = 8 // word of the header
	maxFileBytes = 1 << 34
)

// ErrDamaged is wrapped by every error of Open and Decode about the content.
var ErrDamaged = errors.New("damaged index file")

func (t *tables) sections() []*[]uint32 {
	return []*[]uint32{
		&t.top, &t.nodes, &t.leaves, &t.setStart, &t.setArea, &t.rank, &t.byCode, &t.size,
		&t.areaPart, &t.partRing, &t.ringVertex, &t.vertices, &t.textStart,
	}
}

// WriteTo stores the index. To replace a file that may be open, write another
// and rename it. It implements io.WriterTo.
func (t *Index) WriteTo(w io.Writer) (int64, error) {
	hash := sha256.New()
	out := &countingWriter{w: io.MultiWriter(w, hash)}
	out.write(t.header())
	for _, s := range t.sections() {
		out.words(*s)
	}
	out.write(t.texts)
	out.pad()
	out.w = w
	out.write(hash.Sum(nil))
	if out.err != nil {
		return out.n, fmt.Errorf("write index: %w", out.err)
	}
	return out.n, nil
}

func (t *tables) header() []byte {
	h := make([]byte, 0, headerBytes)
	h = append(h, fileMagic...)
	words := []uint32{fileVersion, uint32(t.originX), uint32(t.originY), t.columns, t.rows, t.shift}
	for _, s := range t.sections() {
		words = append(words, uint32(len(*s)))
	}
	words = append(words, uint32(len(t.texts)))
	for _, w := range words {
		h = binary.LittleEndian.AppendUint32(h, w)
	}
	return h[:headerBytes]
}

// countingWriter keeps the first error, so that its users need not.
type countingWriter struct {
	w   io.Writer
	n   int64
	err error
	buf []byte
}

func (c *countingWriter) write(b []byte) {
	if c.err != nil {
		return
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.err = err
}

func (c *countingWriter) words(s []uint32) {
	const chunk = 1 << 14
	for len(s) > 0 {
		n := min(chunk, len(s))
		c.buf = c.buf[:0]
		for _, w := range s[:n] {
			c.buf = binary.LittleEndian.AppendUint32(c.buf, w)
		}
		c.write(c.buf)
		s = s[n:]
	}
	c.pad()
}

func (c *countingWriter) pad() {
	if over := c.n % sectionAlign; over != 0 {
		c.write(make([]byte, sectionAlign-over))
	}
}

// Open maps a file that WriteTo made. The content is checked in full, the hash
// and every offset in it, so that no query of the index can fail or read
// elsewhere; a damaged file gives an error that wraps ErrDamaged.
func Open(path string) (*Index, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's choice
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	defer func() { _ = f.Close() }() // only read; the mapping outlives it
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if info.Size() > maxFileBytes || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open index %s: %w: not a regular file of at most %d bytes", path, ErrDamaged, int64(maxFileBytes))
	}
	m, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	t, err := Decode(m.data)
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", path, errors.Join(err, m.release()))
	}
	t.mapped = m
	t.releaseWhenUnreachable()
	return t, nil
}

// Decode makes an index of the content of a file, with the same checks as Open.
// The index keeps using data, which must not change.
func Decode(data []byte) (*Index, error) {
	body := len(data) - sha256.Size
	if body < headerBytes || !bytes.HasPrefix(data, []byte(fileMagic)) {
		return nil, fmt.Errorf("%w: not an index file", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != fileVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrDamaged, v, fileVersion)
	}
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return nil, fmt.Errorf("%w: the hash differs", ErrDamaged)
	}
	t := &Index{}
	if err := t.split(data[:body]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := t.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t.finish()
	return t, nil
}

// split finds the sections.
func (t *Index) split(data []byte) error {
	head := make([]uint32, headerBytes/4)
	for i := range head {
		head[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	t.originX, t.originY = int32(head[3]), int32(head[4])
	t.columns, t.rows, t.shift = head[5], head[6], head[7]
	rest := data[headerBytes:]
	take := func(length uint64) ([]byte, error) {
		padded := (length + sectionAlign - 1) / sectionAlign * sectionAlign
		if padded > uint64(len(rest)) {
			return nil, errors.New("a section is longer than the file")
		}
		s := rest[:length:length]
		rest = rest[padded:]
		return s, nil
	}
	at := firstLength
	for _, s := range t.sections() {
		b, err := take(4 * uint64(head[at]))
		if err != nil {
			return err
		}
		*s = words(b)
		at++
	}
	var err error
	if t.texts, err = take(uint64(head[at])); err != nil {
		return err
	}
	if len(rest) != 0 {
		return errors.New("bytes after the last section")
	}
	return nil
}
