package open311

import (
	"encoding/json"
	"fmt"
	"io"
)

// Format is one of the two encodings, named as in the extension of a URL.
type Format string

// The two formats of GeoReport v2.
const (
	XML  Format = "xml"
	JSON Format = "json"
)

// ContentType returns the value of the Content-Type header. Validators compare
// it as a string.
func (f Format) ContentType() string {
	if f == JSON {
		return "application/json; charset=utf-8"
	}
	return "text/xml; charset=utf-8"
}

// Document is one of the answers of GeoReport v2: [Discovery], [Services],
// [ServiceDefinition], [Requests], [Created], [Tokens] or [Errors].
type Document interface {
	// document returns the name of the XML root, which JSON leaves out, and
	// what it holds.
	document() (root string, n node)
}

// Encode writes the document, whole, in the format; anything but [JSON] is XML.
// The only errors are those of w.
func Encode(w io.Writer, f Format, d Document) error {
	root, n := d.document()
	var b []byte
	if f == JSON {
		b = appendJSON(nil, n)
	} else {
		b = append(b, `<?xml version="1.0" encoding="utf-8"?>`+"\n"...)
		b = appendXML(b, root, n)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write %s document: %w", root, err)
	}
	return nil
}

// appendXML writes without encoding/xml, which turns line breaks into character
// references: legal, but more than simple readers know.
func appendXML(b []byte, name string, n node) []byte {
	b = append(append(b, '<'), name...)
	if n.kind == null || n.kind == array && len(n.items) == 0 {
		return append(b, "/>"...)
	}
	b = append(b, '>')
	switch n.kind {
	case object:
		for _, f := range n.fields {
			b = appendXML(b, f.name, f.node)
		}
	case array:
		for _, item := range n.items {
			b = appendXML(b, n.item, item)
		}
	default:
		b = appendEscaped(b, n.text)
	}
	b = append(append(b, "</"...), name...)
	return append(b, '>')
}

// appendEscaped escapes markup, and CR: an XML reader turns a bare one into LF.
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '\r':
			b = append(b, "&#xD;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

func appendJSON(b []byte, n node) []byte {
	switch n.kind {
	case str:
		return append(b, quote(n.text)...)
	case literal:
		return append(b, n.text...)
	case object:
		b = append(b, '{')
		for i, f := range n.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), f.name...), `":`...) // our own names: nothing to escape
			b = appendJSON(b, f.node)
		}
		return append(b, '}')
	case array:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// quote returns s as a JSON string. A string cannot fail to be one.
func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return b
}
