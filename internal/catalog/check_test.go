package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// everything has an attribute of each datatype; two must be answered.
func everything() Service {
	values := []Value{{Key: "a", Name: both("A")}, {Key: "b", Name: both("B")}, {Key: "c", Name: both("C")}}
	attribute := func(code string, d Datatype) Attribute {
		a := Attribute{Code: code, Name: both(code), Hint: both("hint"), Datatype: d, Variable: true}
		if d.IsList() {
			a.Values = values
		}
		return a
	}
	line, one := attribute("line", String), attribute("one", SingleValueList)
	line.Required, one.Required = true, true
	notice := attribute("notice", String)
	notice.Variable = false
	return Service{Code: "all", Attributes: []Attribute{
		line, one, attribute("many", MultiValueList), attribute("number", Number),
		attribute("time", Datetime), attribute("long", LongText), notice,
	}}
}

func TestCheckOneAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code string
		raw  any
		want string // JSON of the answer, or "!" and the code of the fault; "" for no answer
	}{
		{"line", " lamp 12 ", `"lamp 12"`},
		{"line", "", "!required"},
		{"line", nil, "!required"},
		{"line", " \t", "!required"}, // only space is no answer
		{"line", []string{}, "!required"},
		{"line", []any{"", "x"}, `"x"`}, // an empty field of the form beside the real one
		{"line", "a\nb", "!line-break"},
		{"line", "a\u2028b", "!line-break"},
		{"line", "a\x00b", "!control-character"},
		{"line", "a\u0085b", "!control-character"},
		{"line", "\xe5", "!not-utf-8"},
		{"line", strings.Repeat("å", 500), `"` + strings.Repeat("å", 500) + `"`},
		{"line", strings.Repeat("å", 501), "!too-long"},
		{"line", []string{"a", "b"}, "!too-many"},
		{"line", true, "!type"},
		{"line", map[string]any{}, "!type"},
		{"line", []any{[]any{}}, "!type"},
		{"line", 12.0, `"12"`}, // JSON clients send house and lamp numbers as numbers
		{"line", json.Number("12"), `"12"`},
		{"line", 12, `"12"`},
		{"line", []any{nil, "x"}, `"x"`},
		{"one", "b", `"b"`},
		{"one", []string{"b"}, `"b"`}, // a form cannot tell one from a list
		{"one", "B", "!not-listed"},
		{"one", "d", "!not-listed"},
		{"many", "a", `["a"]`}, // an array for one, too
		{"many", []string{"c", "a", "c"}, `["a","c"]`},
		{"many", []any{"a", "x"}, "!not-listed"},
		{"many", []string{""}, ""},
		{"number", "2.50", `2.5`},
		{"number", " -0 ", `0`},
		{"number", 3.0, `3`},
		{"number", "1e2", `100`},
		{"number", "2,5", "!not-a-number"},
		{"number", "1e999", "!not-a-number"},
		{"number", "NaN", "!not-a-number"},
		{"number", math.Inf(1), "!not-a-number"},
		{"number", "0x10", "!not-a-number"},
		{"number", "1_000", "!not-a-number"},
		{"time", "2026-01-31", `"2026-01-31"`},
		{"time", "2026-01-31T12:00", `"2026-01-31T12:00:00"`}, // datetime-local has no zone
		{"time", "2026-01-31 12:00:05", `"2026-01-31T12:00:05"`},
		{"time", "2026-01-31T12:00:00.5+02:00", `"2026-01-31T10:00:00Z"`},
		{"time", "2026-01-31t12:00z", `"2026-01-31T12:00:00Z"`},
		{"time", "2026-02-30", "!not-a-time"},
		{"time", "31/1 2026", "!not-a-time"},
		{"time", "0026-01-31", "!not-a-time"},
		{"long", " a\r\n b\rc", `" a\n b\nc"`},
		{"long", strings.Repeat("å\r\n", 2000), `"` + strings.Repeat(`å\n`, 2000) + `"`},
		{"long", strings.Repeat("å", 4001), "!too-long"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%d %s", i, tt.code), func(t *testing.T) {
			t.Parallel()
			answers := map[string]any{"line": "x", "one": "a"}
			answers[tt.code] = tt.raw
			checked, faults := everything().Check(answers, Strict)
			got := ""
			if a, ok := checked[tt.code]; ok {
				b, err := json.Marshal(a)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if len(faults) > 0 {
				got += "!" + faults[0].Code
				if faults[0].Field != "/attributes/"+tt.code {
					t.Errorf("field = %q", faults[0].Field)
				}
			}
			if got != tt.want {
				t.Errorf("%v gives %s, want %s", tt.raw, got, tt.want)
			}
		})
	}
}

func TestCheckNamesEveryFaultInTheOrderOfTheAttributes(t *testing.T) {
	t.Parallel()
	_, faults := everything().Check(map[string]any{"number": "x", "zzz": "1", "a/b~": "1", "notice": "1"}, Strict)
	want := "/attributes/line required; /attributes/one required; /attributes/number not-a-number; " +
		"/attributes/a~1b~0 unknown; /attributes/notice unknown; /attributes/zzz unknown; "
	got := ""
	for _, f := range faults {
		got += f.Field + " " + f.Code + "; "
	}
	if got != want {
		t.Errorf("faults = %s\nwant     %s", got, want)
	}
}

func TestCheckStrictNamesAFewOfManyUnknown(t *testing.T) {
	t.Parallel()
	answers := map[string]any{"line": "x", "one": "a", strings.Repeat("z", 5000): 1.0, "\xff": 1.0}
	for i := range 1000 {
		answers[fmt.Sprintf("a%d", i)] = "x"
	}
	_, faults := everything().Check(answers, Strict)
	if len(faults) != maxRefused {
		t.Errorf("%d faults, want %d", len(faults), maxRefused)
	}
}

func TestCheckLenientKeepsUnknownAsBoundedText(t *testing.T) {
	t.Parallel()
	answers := map[string]any{
		"line": "x", "one": "a", "notice": "ignored", // a notice takes no answer
		"!easting": []string{"617", "618"}, "!empty": "", "!control": "\x01", "!shape": map[string]any{},
		"!long": strings.Repeat("å", 600), "bad\ncode": "x", "\xff": "x",
	}
	for i := range 100 {
		answers[fmt.Sprintf("u%03d", i)] = "x"
	}
	checked, faults := everything().Check(answers, Lenient)
	if len(faults) > 0 {
		t.Fatalf("faults = %v", faults)
	}
	if got := checked["!easting"].String(); got != "617, 618" {
		t.Errorf("easting = %q", got)
	}
	if got := utf8.RuneCountInString(checked["!long"].String()); got != maxLine {
		t.Errorf("long = %d characters, want %d", got, maxLine)
	}
	for _, code := range []string{"notice", "!empty", "!control", "!shape", "bad\ncode", "\xff", "u099"} {
		if a, ok := checked[code]; ok {
			t.Errorf("%q is kept: %v", code, a)
		}
	}
	if got := len(checked); got != 2+maxExtra {
		t.Errorf("%d answers, want the 2 asked and %d more", got, maxExtra)
	}
}

func TestAnswerSurvivesJSON(t *testing.T) {
	t.Parallel()
	var seen []Answer
	for _, doc := range []string{`"x"`, `""`, `2.5`, `"2.5"`, `["a","b"]`, `["a"]`, `[]`, `1e+30`} {
		var a Answer
		if err := json.Unmarshal([]byte(doc), &a); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(a)
		if err != nil || string(b) != doc {
			t.Errorf("%s became %s (%v)", doc, b, err)
		}
		for _, other := range seen {
			if a.Equal(other) {
				t.Errorf("%s equals %v", doc, other)
			}
		}
		if seen = append(seen, a); !a.Equal(a) {
			t.Errorf("%s does not equal itself", doc)
		}
	}
	for _, doc := range []string{`true`, `{}`, `[1]`, `1e999`} {
		var a Answer
		if err := json.Unmarshal([]byte(doc), &a); err == nil {
			t.Errorf("%s was read as %v", doc, a)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("line", "lamp 12", "one", "a", true)
	f.Add("number", "1e999", "time", "2026-01-31T12:00+0200", false)
	f.Add("long", "a\r\nb\x00", "x/y~", "\xff\u2028", true)
	f.Fuzz(func(t *testing.T, code1, v1, code2, v2 string, strict bool) {
		mode := Lenient
		if strict {
			mode = Strict
		}
		answers := map[string]any{code1: v1, code2: []string{v2, v1}}
		checked, faults := everything().Check(answers, mode)
		for _, fault := range faults {
			if !strings.HasPrefix(fault.Field, "/attributes/") || !utf8.ValidString(fault.Field) || fault.Code == "" || fault.Detail == "" {
				t.Errorf("fault = %+v", fault)
			}
		}
		again := map[string]any{}
		for code, a := range checked {
			b, err := json.Marshal(a)
			if err != nil || !json.Valid(b) {
				t.Fatalf("%s: %q (%v)", code, b, err)
			}
			for _, v := range a.Values() {
				if !clean(v) || utf8.RuneCountInString(v) > maxText {
					t.Errorf("%s: %q is kept", code, v)
				}
			}
			again[code] = a.Values()
		}
		// What is normal stays as it is.
		twice, _ := everything().Check(again, mode)
		for code, a := range checked {
			if twice[code].String() != a.String() {
				t.Errorf("%s: %q became %q", code, a, twice[code])
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s, _ := Base().Service("pothole")
	answers := map[string]any{"size": "large", "depth-cm": 12.0, "place": "edge", "blocked": "no"}
	for b.Loop() {
		if _, faults := s.Check(answers, Strict); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
