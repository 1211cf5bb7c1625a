package api

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// jsonText writes JSON by appending, byte for byte as encoding/json would, and
// leaves to encoding/json whatever is not plain. It is for the few answers that
// hold the same shape a hundred times: reflection is most of their cost.
type jsonText struct {
	b   []byte
	err error // the first; the text is worth nothing then
}

// key writes the comma that a member needs, and its name, which is plain ASCII.
func (t *jsonText) key(name string) {
	if last := t.b[len(t.b)-1]; last != '{' && last != '[' {
		t.b = append(t.b, ',')
	}
	t.b = append(t.b, '"')
	t.b = append(t.b, name...)
	t.b = append(t.b, '"', ':')
}

func (t *jsonText) raw(s string) { t.b = append(t.b, s...) }

func (t *jsonText) text(name, v string) {
	t.key(name)
	t.quoted(v)
}

// quoted writes a string. Everything but printable ASCII and Swedish letters has
// its rules, which encoding/json knows.
func (t *jsonText) quoted(v string) {
	if !plainText(v) {
		t.any(v)
		return
	}
	t.b = append(t.b, '"')
	t.b = append(t.b, v...)
	t.b = append(t.b, '"')
}

// plainText reports whether a string stands in JSON as it is: of ASCII what is
// printable and needs no escape, also not in HTML; of the rest the letters with
// accents of Latin-1 (U+00C0 to U+00FF), which UTF-8 begins with 0xC3.
func plainText(v string) bool {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == 0xC3 && i+1 < len(v) && v[i+1]&0xC0 == 0x80:
			i++
		case c < ' ' || c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

func (t *jsonText) textIf(name, v string) {
	if v != "" {
		t.text(name, v)
	}
}

func (t *jsonText) whole(name string, v int64) {
	t.key(name)
	t.b = strconv.AppendInt(t.b, v, 10)
}

func (t *jsonText) wholeIf(name string, v int) {
	if v != 0 {
		t.whole(name, int64(v))
	}
}

func (t *jsonText) yes(name string, v bool) {
	t.key(name)
	t.b = strconv.AppendBool(t.b, v)
}

func (t *jsonText) yesIf(name string, v bool) {
	if v {
		t.yes(name, v)
	}
}

func (t *jsonText) number(name string, v float64) {
	t.key(name)
	t.float(v)
}

func (t *jsonText) numberIf(name string, v float64) {
	if v != 0 {
		t.number(name, v)
	}
}

// float writes a number; very small and very large ones have exponents.
func (t *jsonText) float(v float64) {
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) || v != v {
		t.any(v)
		return
	}
	t.b = strconv.AppendFloat(t.b, v, 'f', -1, 64)
}

// at writes a time by RFC 3339.
func (t *jsonText) at(name string, v time.Time) {
	t.key(name)
	t.b = append(t.b, '"')
	b, err := v.AppendText(t.b)
	if err != nil {
		t.fail(err)
		return
	}
	t.b = append(b, '"')
}

func (t *jsonText) atIf(name string, v time.Time) {
	if !v.IsZero() {
		t.at(name, v)
	}
}

// value writes a member that is not plain.
func (t *jsonText) value(name string, v any) {
	t.key(name)
	t.any(v)
}

func (t *jsonText) any(v any) {
	b, err := json.Marshal(v)
	t.b = append(t.b, b...)
	t.fail(err)
}

func (t *jsonText) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}
