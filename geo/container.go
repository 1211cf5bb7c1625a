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
//	3–7    the kind's own: see the method container of each index
//	8–21   lengths of the sections in words, in the order of container.sections,
//	       then that of the texts, the last section, in bytes; the rest is zero
//	22     kind
//	23     zero
//	24–31  SHA-256 of the words before, for who does not read all
const (
	fileMagic    = "KantGeo\x00"
	fileVersion  = 2
	headerBytes  = 128
	headerHash   = 96 // place of the header's own hash
	sectionAlign = 64
	ownWord      = 3 // word of the header
	firstLength  = 8
	kindWord     = 22
	maxFileBytes = 1 << 34
)

// ErrDamaged is wrapped by the errors about the content of a file that is not
// whole, or none of an index.
var ErrDamaged = errors.New("damaged index file")

// ErrKind is wrapped by the error about a sound file of another kind of index.
var ErrKind = errors.New("index file of another kind")

// container is what a file of any kind holds: the tables of an index.
type container struct {
	kind     Kind
	head     [5]uint32
	sections []*[]uint32
	texts    *[]byte
}

// writeTo stores the tables.
func (c *container) writeTo(w io.Writer) (int64, error) {
	hash := sha256.New()
	out := &countingWriter{w: io.MultiWriter(w, hash)}
	out.write(c.header())
	for _, s := range c.sections {
		out.words(*s)
	}
	out.write(*c.texts)
	out.pad()
	out.w = w
	out.write(hash.Sum(nil))
	if out.err != nil {
		return out.n, fmt.Errorf("write index: %w", out.err)
	}
	return out.n, nil
}

func (c *container) header() []byte {
	words := append([]uint32{fileVersion}, c.head[:]...)
	for _, s := range c.sections {
		words = append(words, uint32(len(*s)))
	}
	words = append(words, uint32(len(*c.texts)))
	h := append(make([]byte, 0, headerBytes), fileMagic...)
	for _, w := range words {
		h = binary.LittleEndian.AppendUint32(h, w)
	}
	h = h[:headerHash]
	binary.LittleEndian.PutUint32(h[4*kindWord:], uint32(c.kind))
	sum := sha256.Sum256(h)
	return append(h, sum[:]...)
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

// openFile maps a file and has its content decoded.
func openFile(path string, decode func(data []byte) error) (*mapping, error) {
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
	if err := decode(m.data); err != nil {
		return nil, fmt.Errorf("open index %s: %w", path, errors.Join(err, m.release()))
	}
	return m, nil
}

// mapIndex maps a file as an index that decode makes of its content, and unmaps it
// when that has become garbage. keep has the index know its mapping.
func mapIndex[T any](path string, decode func([]byte) (*T, error), keep func(*T, *mapping)) (*T, error) {
	var index *T
	m, err := openFile(path, func(data []byte) (err error) {
		index, err = decode(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	keep(index, m)
	releaseWhenUnreachable(index, m)
	return index, nil
}

// read checks that data is a whole file of the container's kind and finds the
// tables in it. What they say is for the index to check.
func (c *container) read(data []byte) error {
	if err := c.look(data); err != nil {
		return err
	}
	return checkHash(data)
}

// checkHash reads all of a file.
func checkHash(data []byte) error {
	body := len(data) - sha256.Size
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return fmt.Errorf("%w: the hash differs", ErrDamaged)
	}
	return nil
}

// look is read of the header alone.
func (c *container) look(data []byte) error {
	body := len(data) - sha256.Size
	if body < headerBytes || !bytes.HasPrefix(data, []byte(fileMagic)) {
		return fmt.Errorf("%w: not an index file", ErrDamaged)
	}
	head := make([]uint32, headerBytes/4)
	for i := range head {
		head[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if v := head[2]; v != fileVersion {
		return fmt.Errorf("%w: version %d, want %d", ErrDamaged, v, fileVersion)
	}
	if sum := sha256.Sum256(data[:headerHash]); !bytes.Equal(sum[:], data[headerHash:headerBytes]) {
		return fmt.Errorf("%w: the header's hash differs", ErrDamaged)
	}
	switch kind := head[kindWord]; {
	case kind > uint32(Points):
		return fmt.Errorf("%w: an index of kind %d", ErrDamaged, kind)
	case Kind(kind) != c.kind && (Kind(kind) == Areas || c.kind == Areas):
		return fmt.Errorf("%w: it holds %v, want %v", ErrKind, Kind(kind), c.wanted())
	default:
		c.kind = Kind(kind)
	}
	if err := c.split(head, data[headerBytes:body]); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// wanted names the kinds that the reader of a container takes: lines and points
// are stored alike.
func (c *container) wanted() string {
	if c.kind == Areas {
		return Areas.String()
	}
	return Lines.String() + " or " + Points.String()
}

// split finds the sections.
func (c *container) split(head []uint32, rest []byte) error {
	copy(c.head[:], head[ownWord:])
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
	for _, s := range c.sections {
		b, err := take(4 * uint64(head[at]))
		if err != nil {
			return err
		}
		*s = words(b)
		at++
	}
	var err error
	if *c.texts, err = take(uint64(head[at])); err != nil {
		return err
	}
	if len(rest) != 0 {
		return errors.New("bytes after the last section")
	}
	return nil
}
