package open311

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// node is a piece of a document in the part of XML and JSON that GeoReport
// shares between both: no attributes, no mixed content.
type node struct {
	kind   kind
	text   string  // of a string or a literal
	fields []field // of an object
	item   string  // the XML name of each item of an array
	items  []node  // of an array
}

type kind int

const (
	null    kind = iota // an empty element; null
	str                 // text; a JSON string
	literal             // text; a JSON number or boolean
	object              // named children
	array               // children of one name; always a JSON array
)

// field is a named child of an object.
type field struct {
	name string
	node node
}

// text makes a string node; an empty text is an empty element and null.
func text(s string) node {
	if s = legal(s); s == "" {
		return node{}
	}
	return node{kind: str, text: s}
}

func boolean(b bool) node { return node{kind: literal, text: strconv.FormatBool(b)} }

func integer(i int) node { return node{kind: literal, text: strconv.Itoa(i)} }

// degrees writes a coordinate with a decimal point and without an exponent:
// clients exist that take only that for a number.
func degrees(f float64) node {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return node{}
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return node{kind: literal, text: s}
}

// instant writes a time to the second in UTC; the zero time is null.
func instant(t time.Time) node {
	if t.IsZero() {
		return node{}
	}
	return text(FormatTime(t))
}

// list makes an array of one node for each element.
func list[T any](item string, all []T, each func(T) node) node {
	n := node{kind: array, item: item, items: make([]node, len(all))}
	for i, e := range all {
		n.items[i] = each(e)
	}
	return n
}

// legal drops what XML 1.0 cannot hold (section 2.2), so that one odd text does
// not make a whole list unreadable. It does so for JSON as well: both encodings
// say the same.
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return r
		case r < ' ', r == 0xFFFE, r == 0xFFFF:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}
