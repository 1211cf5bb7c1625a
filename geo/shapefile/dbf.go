package shapefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/geo"
)

// The format is that of dBASE III, with what later versions added to its header:
// a byte for the encoding.
const (
	tableHeaderBytes = 32
	fieldBytes       = 32
	fieldsEnd        = '\r'
)

// table reads the rows of a .dbf.
type table struct {
	in       *input
	count    int // rows, by its header
	read     int
	driver   byte // language driver, 0 if none
	fields   []field
	row      []byte
	encoding encoding
}

// field is a column of the types that are of use: text and numbers.
type field struct {
	rawName  []byte
	name     string
	numeric  bool
	from, to int // in a row
}

// row is what is kept of one.
type row struct {
	deleted    bool
	properties []geo.Property
}

func openTable(m *member, maxBytes int64) (*table, error) {
	in, err := m.input(maxBytes)
	if err != nil {
		return nil, err
	}
	t := &table{in: in}
	if err := t.header(m.size); err != nil {
		in.close()
		return nil, err
	}
	return t, nil
}

func (t *table) close() { t.in.close() }

func (t *table) header(size int64) error {
	h := make([]byte, tableHeaderBytes)
	if err := t.in.fill(h); err != nil {
		return err
	}
	count := int64(binary.LittleEndian.Uint32(h[4:]))
	headerLength, rowLength := int64(binary.LittleEndian.Uint16(h[8:])), int64(binary.LittleEndian.Uint16(h[10:]))
	t.driver = h[29]
	switch {
	case headerLength < tableHeaderBytes+1 || rowLength < 1:
		return fmt.Errorf("its header claims %d bytes, and %d a row", headerLength, rowLength)
	case headerLength+count*rowLength > size:
		return fmt.Errorf("it claims %d rows of %d bytes, but has %d bytes", count, rowLength, size)
	}
	t.count = int(count)
	t.row = make([]byte, rowLength)
	rest := make([]byte, headerLength-tableHeaderBytes)
	if err := t.in.fill(rest); err != nil {
		return err
	}
	return t.columns(rest)
}

// columns reads the descriptions of the fields. Those of types that hold neither
// text nor a number only take their place.
func (t *table) columns(b []byte) error {
	at := 1 // after the mark of deletion
	for ; len(b) > 0 && b[0] != fieldsEnd; b = b[fieldBytes:] {
		if len(b) < fieldBytes {
			return errors.New("its header ends in the middle of a field")
		}
		name, _, _ := bytes.Cut(b[:11], []byte{0})
		kind, length := b[11], int(b[16])
		if kind == 'C' {
			length += int(b[17]) << 8 // as Clipper writes long texts; others have 0 there
		}
		if at+length > len(t.row) {
			return fmt.Errorf("its field %.11q ends at byte %d of a row of %d", name, at+length, len(t.row))
		}
		if kind == 'C' || kind == 'N' || kind == 'F' {
			t.fields = append(t.fields, field{rawName: bytes.Clone(name), numeric: kind != 'C', from: at, to: at + length})
		}
		at += length
	}
	if len(b) == 0 {
		return errors.New("its header has no end of the fields")
	}
	return nil
}

// nextRow reads one row as it is.
func (t *table) nextRow() error {
	if t.read == t.count {
		return io.EOF
	}
	if err := t.in.fill(t.row); err != nil {
		return err
	}
	t.read++
	if mark := t.row[0]; mark != ' ' && mark != '*' {
		return fmt.Errorf("it begins with %q, want a space or an asterisk", mark)
	}
	return nil
}

// next reads one row; io.EOF says that there is none.
func (t *table) next() (row, error) {
	if err := t.nextRow(); err != nil {
		return row{}, err
	}
	if t.row[0] == '*' {
		return row{deleted: true}, nil
	}
	properties := make([]geo.Property, 0, len(t.fields))
	for _, f := range t.fields {
		raw := trim(t.row[f.from:f.to])
		value := ""
		if f.numeric {
			value = number(raw)
		} else {
			value = t.encoding.decode(raw)
		}
		properties = append(properties, geo.Property{Name: f.name, Value: value, Numeric: f.numeric})
	}
	return row{properties: properties}, nil
}

// trim takes the padding away.
func trim(raw []byte) []byte { return bytes.Trim(raw, " \x00") }

// number returns a whole number in digits, as those of a code may be written with
// decimals or an exponent ("1.14000000000e+002"), other numbers as they stand, and
// nothing for what is none, such as asterisks for one that did not fit.
func number(raw []byte) string {
	text := string(raw)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return ""
	}
	const exact = 1 << 53
	if strings.Trim(text, "0123456789") != "" && v == math.Trunc(v) && math.Abs(v) < exact {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text
}

// drain reads the rest, which has an archive check its checksum.
func (t *table) drain() error {
	n, err := io.Copy(io.Discard, io.LimitReader(t.in.Reader, t.in.limit-t.in.pos+1))
	if t.in.pos += n; err == nil && t.in.pos > t.in.limit {
		return fmt.Errorf("more than %d bytes", t.in.limit)
	}
	return err
}

// rows opens the table and finds out how its text is encoded.
func (l *layer) rows(maxBytes int64) (*table, error) {
	t, err := openTable(l.dbf, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("the .dbf: %w", err)
	}
	if t.encoding, err = l.encoding(t.driver, maxBytes); err != nil {
		t.close()
		return nil, err
	}
	for i, f := range t.fields {
		t.fields[i].name = t.encoding.decode(trim(f.rawName))
	}
	return t, nil
}

// allUTF8 tells whether the text of all rows, and the names of the fields, are UTF-8.
// What is cut off at the end of a field does not count.
func (l *layer) allUTF8(maxBytes int64) (bool, error) {
	t, err := openTable(l.dbf, maxBytes)
	if err != nil {
		return false, err
	}
	defer t.close()
	for _, f := range t.fields {
		if !utf8.Valid(withoutCut(trim(f.rawName))) {
			return false, nil
		}
	}
	for {
		err := t.nextRow()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("row %d: %w", t.read, err)
		}
		for _, f := range t.fields {
			if !f.numeric && t.row[0] != '*' && !utf8.Valid(withoutCut(trim(t.row[f.from:f.to]))) {
				return false, nil
			}
		}
	}
}
