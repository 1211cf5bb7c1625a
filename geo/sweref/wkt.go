package sweref

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Real definitions have about 2,000 bytes and are nested 7 deep.
const (
	maxWKTBytes = 64 << 10
	maxWKTDepth = 32
)

// node is one KEYWORD["name", 1.5, CHILD[…], north] of a definition. WKT 1, as
// OGC and ESRI write it, and WKT 2 (ISO 19162) have that grammar in common.
type node struct {
	keyword  string // upper case
	texts    []string
	numbers  []float64
	children []node // bare words too, without content
}

// wktParser reads well-known text.
type wktParser struct {
	text string
	pos  int
}

func parseWKT(wkt string) (node, error) {
	if len(wkt) > maxWKTBytes {
		return node{}, fmt.Errorf("more than %d bytes", maxWKTBytes)
	}
	// Names may be in any encoding: they are only looked at for ASCII.
	p := &wktParser{text: strings.Trim(strings.ToValidUTF8(wkt, "\ufffd"), "\ufeff\x00 \t\r\n")}
	root, err := p.node(0)
	if err == nil && p.peek() == ',' { // ESRI writes heights behind, not around
		p.pos++
		var heights node
		if heights, err = p.node(0); err == nil && heights.keyword != "VERTCS" {
			err = fmt.Errorf("%.20q follows after it", heights.keyword)
		}
	}
	if err == nil && p.peek() != 0 {
		err = p.unexpected("the end")
	}
	return root, err
}

// peek returns the next byte that is not white space, or 0 at the end.
func (p *wktParser) peek() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *wktParser) unexpected(want string) error {
	if p.peek() == 0 {
		return fmt.Errorf("it ends where %s should be", want)
	}
	return fmt.Errorf("%.10q at byte %d where %s should be", p.text[p.pos:], p.pos, want)
}

// node reads a keyword and its content, if any.
func (p *wktParser) node(depth int) (node, error) {
	if depth > maxWKTDepth {
		return node{}, fmt.Errorf("nested more than %d deep", maxWKTDepth)
	}
	p.peek()
	from := p.pos
	for p.pos < len(p.text) && isWordByte(p.text[p.pos]) {
		p.pos++
	}
	if from == p.pos {
		return node{}, p.unexpected("a keyword")
	}
	n := node{keyword: strings.ToUpper(p.text[from:p.pos])}
	closing, bracket := map[byte]byte{'[': ']', '(': ')'}[p.peek()]
	if !bracket {
		return n, nil
	}
	for {
		p.pos++
		if err := p.item(&n, depth); err != nil {
			return node{}, err
		}
		switch p.peek() {
		case ',':
		case closing:
			p.pos++
			return n, nil
		default:
			return node{}, p.unexpected("a comma or bracket")
		}
	}
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// item reads a text, a number or another node.
func (p *wktParser) item(n *node, depth int) error {
	switch c := p.peek(); {
	case c == '"':
		return p.quoted(n)
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		from := p.pos
		for p.pos < len(p.text) && (isWordByte(p.text[p.pos]) || strings.IndexByte("+-.:", p.text[p.pos]) >= 0) {
			p.pos++
		}
		if v, err := strconv.ParseFloat(p.text[from:p.pos], 64); err == nil {
			n.numbers = append(n.numbers, v)
		} else {
			n.texts = append(n.texts, p.text[from:p.pos]) // a date
		}
		return nil
	}
	child, err := p.node(depth + 1)
	n.children = append(n.children, child)
	return err
}

// quoted reads a text, in which a quotation mark is doubled.
func (p *wktParser) quoted(n *node) error {
	var b strings.Builder
	for {
		p.pos++
		end := strings.IndexByte(p.text[p.pos:], '"')
		if end < 0 {
			return errors.New("a text has no end")
		}
		b.WriteString(p.text[p.pos : p.pos+end])
		if p.pos += end + 1; p.pos == len(p.text) || p.text[p.pos] != '"' {
			n.texts = append(n.texts, b.String())
			return nil
		}
		b.WriteByte('"')
	}
}

// child returns the first child with one of the keywords.
func (n node) child(keywords ...string) (node, bool) {
	for _, c := range n.children {
		for _, k := range keywords {
			if c.keyword == k {
				return c, true
			}
		}
	}
	return node{}, false
}

// all calls f for the node and everything in it, until f returns an error.
func (n node) all(f func(node) error) error {
	if err := f(n); err != nil {
		return err
	}
	for _, c := range n.children {
		if err := c.all(f); err != nil {
			return err
		}
	}
	return nil
}

func (n node) name() string {
	if len(n.texts) > 0 {
		return n.texts[0]
	}
	return ""
}

// plain reduces a name to its letters and digits, as those who write definitions
// do not agree on the rest: "SWEREF99_TM", "SWEREF 99 TM".
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && isWordByte(byte(r)) && r != '_' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// epsg returns the code that the definition itself claims, or 0.
func (n node) epsg() int {
	id, ok := n.child("AUTHORITY", "ID")
	if !ok || !strings.EqualFold(id.name(), "EPSG") {
		return 0
	}
	if len(id.numbers) > 0 {
		if c := id.numbers[0]; c > 0 && c < 1e6 {
			return int(c)
		}
		return 0
	}
	if len(id.texts) < 2 {
		return 0
	}
	code, err := strconv.Atoi(id.texts[1])
	if err != nil || code < 0 {
		return 0
	}
	return code
}
