package open311

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Params are the parameters of a query or a form, each with its values in the
// order in which they came.
type Params map[string][]string

// maxParams bounds how many parameters are read; what comes after is ignored.
const maxParams = 2000

// ParseQuery reads a query or a form as browsers do: ";" is data, a "%" that no
// two hexadecimal digits follow stands for itself, and bytes that are not UTF-8
// are Latin-1. Line breaks become LF.
func ParseQuery(raw string) Params { return parsePairs(raw, utf8Text) }

// parsePairs reads a form whose decoded bytes become text by toText.
func parsePairs(raw string, toText func(string) string) Params {
	p := make(Params)
	n := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if n++; n > maxParams {
			break
		}
		key, value, _ := strings.Cut(pair, "=")
		p.add(toText(decode(key)), toText(decode(value)))
	}
	return p
}

// add appends a value that is UTF-8.
func (p Params) add(key, value string) { p[key] = append(p[key], newlines(value)) }

// Get returns the first value that is not empty, without space around it. An
// empty parameter is an absent one.
func (p Params) Get(key string) string { return strings.TrimSpace(p.first(key)) }

// first returns the first value that is more than space, as it is.
func (p Params) first(key string) string {
	for _, v := range p[key] {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}

// Name returns the first value that is not empty, as a code or an id that a
// database can take.
func (p Params) Name(key string) string { return name(p.Get(key)) }

// Position returns lat and long; false unless both are degrees on the earth.
func (p Params) Position() (lat, long float64, ok bool) {
	var faults Errors
	lat, hasLat := p.coordinate("lat", 90, &faults)
	long, hasLong := p.coordinate("long", 180, &faults)
	return lat, long, hasLat && hasLong
}

// List returns the values of a parameter that may be repeated, hold commas, or
// both; without the empty ones.
func (p Params) List(key string) []string {
	var all []string
	for _, v := range p[key] {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// decode undoes the escaping of a form: "+" is space, %XX a byte.
func decode(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2]))) // #nosec G115 -- two digits are one byte
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// unhex returns the value of a hexadecimal digit, -1 of anything else.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// utf8Text returns s, taken as Latin-1 if it is not UTF-8.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return latin1(s)
}

// latin1 returns the UTF-8 of a text in ISO 8859-1, where a byte is its own
// code point.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// newlines turns CRLF and lone CR into LF.
func newlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// isControl reports a control character that no text may hold.
func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\n' }

// name returns a code or id as a database can take it: control characters
// become U+FFFD, and what is too long for any of them as well. Neither is ever
// found.
func name(s string) string {
	const limit = 200
	if len(s) > limit {
		return string(utf8.RuneError)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
