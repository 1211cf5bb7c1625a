package geo

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxJSONDepth  = 64       // arrays and objects inside each other
	maxJSONString = 64 << 10 // bytes of a string that is kept
	maxJSONNumber = 64       // characters
)

// scanner reads JSON (RFC 8259) a token at a time and holds none of it. Its
// methods stop at the first error and then return zero values, so that callers
// check err only where they would loop.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int   // of the next byte in buf
	read int64 // bytes read before buf
	left int64 // bytes that may still be read
	text []byte
	err  error
}

// newScanner reads plain or gzip text, told apart by its first bytes.
func newScanner(r io.Reader, maxBytes int64) (*scanner, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	s := &scanner{r: in, left: maxBytes}
	head, _ := in.Peek(3) // a shorter file shows when it is read
	if len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		s.r = z
	}
	s.buf = make([]byte, 0, 64<<10)
	if s.fill() && len(s.buf) >= 3 && string(s.buf[:3]) == "\ufeff" {
		s.pos = 3
	}
	return s, nil
}

// fill reads more; it returns false at the end of the input and after an error.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	s.read += int64(len(s.buf))
	s.pos = 0
	n := 0
	for n == 0 {
		var err error
		n, err = s.r.Read(s.buf[:cap(s.buf)])
		s.buf = s.buf[:n]
		if n == 0 && err != nil {
			if !errors.Is(err, io.EOF) {
				s.err = fmt.Errorf("after %d bytes: %w", s.read, err)
			}
			return false
		}
	}
	if s.left -= int64(n); s.left < 0 {
		s.fail("is longer than allowed")
		s.buf = s.buf[:0]
		return false
	}
	return true
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: "+format, append([]any{s.read + int64(s.pos)}, args...)...)
	}
}

// next returns the next byte that is not white space without consuming it, or 0
// at the end of the input.
func (s *scanner) next() byte {
	for s.err == nil {
		for s.pos < len(s.buf) {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\n', '\r':
				s.pos++
			case 0:
				s.fail("a zero byte")
				return 0
			default:
				return c
			}
		}
		if !s.fill() {
			break
		}
	}
	return 0
}

// raw consumes the next byte, white space or not.
func (s *scanner) raw() byte {
	if s.pos == len(s.buf) && !s.fill() {
		s.fail("unexpected end")
		return 0
	}
	c := s.buf[s.pos]
	s.pos++
	return c
}

// expect consumes one character.
func (s *scanner) expect(want byte) {
	if c := s.next(); c != want {
		s.unexpected(c, strconv.QuoteRune(rune(want)))
		return
	}
	s.pos++
}

func (s *scanner) unexpected(c byte, want string) {
	if c == 0 {
		s.fail("unexpected end, want %s", want)
	} else {
		s.fail("unexpected %q, want %s", c, want)
	}
}

// more iterates over the values of an array or object that ends with closing.
// first is true before the first value.
func (s *scanner) more(closing byte, first bool) bool {
	c := s.next()
	switch {
	case s.err != nil:
		return false
	case c == closing:
		s.pos++
		return false
	case first:
		return true
	case c != ',':
		s.unexpected(c, "',' or "+strconv.QuoteRune(rune(closing)))
		return false
	}
	s.pos++
	if c = s.next(); c == closing {
		s.fail("a comma before %q", closing)
	}
	return s.err == nil
}

// object calls member for each member of an object, which must consume the value.
func (s *scanner) object(member func(name string)) {
	s.expect('{')
	for first := true; s.more('}', first); first = false {
		name := s.string()
		s.expect(':')
		if s.err == nil {
			member(name)
		}
	}
}

// number reads a finite number.
func (s *scanner) number() float64 {
	text := s.numberText()
	if s.err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		s.fail("number %s is out of range", text)
	}
	return v
}

// numberText reads a number as it is written; it is valid until the next token.
func (s *scanner) numberText() []byte {
	c := s.next()
	s.text = s.text[:0]
	for s.err == nil && isNumberByte(c) {
		s.text = append(s.text, c)
		s.pos++
		if len(s.text) > maxJSONNumber {
			s.fail("a number of more than %d characters", maxJSONNumber)
		}
		if s.pos == len(s.buf) && !s.fill() {
			break
		}
		c = s.buf[s.pos]
	}
	if s.err == nil && !isNumber(s.text) {
		if len(s.text) == 0 {
			s.unexpected(c, "a number")
		} else {
			s.fail("%q is not a number", s.text)
		}
	}
	return s.text
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// isNumber checks the grammar of RFC 8259, section 6.
func isNumber(b []byte) bool {
	digits := func() (n int) {
		for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
			b, n = b[1:], n+1
		}
		return n
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	zero := len(b) > 0 && b[0] == '0'
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; digits() == 0 {
			return false
		}
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		if b = b[1:]; len(b) > 0 && (b[0] == '-' || b[0] == '+') {
			b = b[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return len(b) == 0
}

// string reads a string of at most maxJSONString bytes.
func (s *scanner) string() string {
	s.text = s.text[:0]
	s.eachStringByte(func(b ...byte) {
		if s.text = append(s.text, b...); len(s.text) > maxJSONString {
			s.fail("a string of more than %d bytes", maxJSONString)
		}
	})
	if s.err == nil && !utf8.Valid(s.text) {
		s.fail("a string that is not UTF-8")
	}
	if s.err != nil {
		return ""
	}
	return string(s.text)
}

// eachStringByte reads a string of any length.
func (s *scanner) eachStringByte(put func(b ...byte)) {
	s.expect('"')
	for s.err == nil {
		switch c := s.raw(); {
		case c == '"' || s.err != nil:
			return
		case c < 0x20:
			s.fail("a control character in a string")
		case c == '\\':
			s.escape(put)
		default:
			put(c)
		}
	}
}

func (s *scanner) escape(put func(b ...byte)) {
	switch c := s.raw(); c {
	case '"', '\\', '/':
		put(c)
	case 'b':
		put('\b')
	case 'f':
		put('\f')
	case 'n':
		put('\n')
	case 'r':
		put('\r')
	case 't':
		put('\t')
	case 'u':
		r := s.hex()
		if utf16.IsSurrogate(r) {
			if s.raw() != '\\' || s.raw() != 'u' {
				s.fail("half a surrogate pair")
				return
			}
			if r = utf16.DecodeRune(r, s.hex()); r == utf8.RuneError {
				s.fail("half a surrogate pair")
			}
		}
		put(utf8.AppendRune(nil, r)...)
	default:
		s.fail("unknown escape %q", c)
	}
}

func (s *scanner) hex() (r rune) {
	for range 4 {
		c := s.raw()
		v, err := strconv.ParseUint(string(c), 16, 8)
		if err != nil {
			s.fail("%q is not a hexadecimal digit", c)
			return 0
		}
		r = r<<4 | rune(v)
	}
	return r
}

// word consumes a literal such as null.
func (s *scanner) word(want string) {
	s.next()
	for i := range len(want) {
		if c := s.raw(); c != want[i] {
			s.fail("unexpected %q, want %s", c, want)
			return
		}
	}
}

// skip consumes any value; depth counts those that it stands in.
func (s *scanner) skip(depth int) {
	if depth > maxJSONDepth {
		s.fail("values are nested more than %d deep", maxJSONDepth)
		return
	}
	switch c := s.next(); c {
	case '{':
		s.object(func(string) { s.skip(depth + 1) })
	case '[':
		s.pos++
		for first := true; s.more(']', first); first = false {
			s.skip(depth + 1)
		}
	case '"':
		s.eachStringByte(func(...byte) {})
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.numberText()
	}
}
