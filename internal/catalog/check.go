package catalog

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/problem"
)

// Mode says what becomes of answers to questions that a service does not ask.
type Mode int

const (
	// Strict refuses them: the v1 API.
	Strict Mode = iota
	// Lenient keeps a bounded number of them as plain text: Open311 clients
	// send their own extra attributes (FixMyStreet: uprn, easting, …).
	Lenient
)

// Limits on answers, in Unicode characters.
const (
	maxLine  = 500  // string, and every value of a list
	maxText  = 4000 // text
	maxExtra = 50   // unknown attributes kept when lenient

	maxRefused = 20 // unknown attributes named in an answer when strict
)

// Check normalises the answers to the service's attributes and returns what is
// wrong with them, in the order of the attributes. The keys are attribute
// codes; a value is a string, a number, or a list of strings, as JSON or a form
// gives it, and one that is empty, only space or null is no answer. Only checked
// answers are returned; the fields of the errors are pointers like
// "/attributes/size".
func (s Service) Check(answers map[string]any, mode Mode) (map[string]Answer, []problem.FieldError) {
	checked := make(map[string]Answer)
	var f faults
	for _, a := range s.Attributes {
		if !a.Variable {
			continue
		}
		values, err := texts(answers[a.Code])
		at := pointer("/attributes", a.Code)
		switch {
		case err != nil:
			f.add(at, "type", "must be text, a number or a list of texts")
		case len(values) > 0:
			if answer, ok := f.answer(at, a, values); ok {
				checked[a.Code] = answer
			}
		case a.Required:
			f.add(at, "required", "must be answered: "+a.Name.In("en"))
		}
	}
	s.others(answers, mode, checked, &f)
	return checked, f
}

// others handles what the service does not ask, in the order of the codes.
func (s Service) others(answers map[string]any, mode Mode, checked map[string]Answer, f *faults) {
	kept, refused := 0, 0
	for _, code := range slices.Sorted(maps.Keys(answers)) {
		a, known := s.Attribute(code)
		if known && a.Variable {
			continue
		}
		if mode == Strict {
			if refused++; refused <= maxRefused {
				f.add(pointer("/attributes", cut(strings.ToValidUTF8(code, "\uFFFD"), maxNameLength)), "unknown", "the service does not ask this")
			}
			continue
		}
		if answer, ok := extra(code, answers[code]); ok && !known && kept < maxExtra {
			checked[code] = answer
			kept++
		}
	}
}

// extra returns an answer that nobody asked for as plain text, cut to the limit;
// false if it is empty or not fit to keep.
func extra(code string, raw any) (Answer, bool) {
	values, err := texts(raw)
	if err != nil || len(values) == 0 || !plain(code, maxNameLength) {
		return Answer{}, false
	}
	text := newlines(strings.Join(values, ", "))
	if !clean(text) {
		return Answer{}, false
	}
	return TextAnswer(cut(text, maxLine)), true
}

// answer checks the values given for one attribute, of which there is at least one.
func (f *faults) answer(at string, a Attribute, values []string) (Answer, bool) {
	for _, v := range values {
		if code, detail := problem.TextFault(v); code != "" {
			f.add(at, code, detail)
			return Answer{}, false
		}
	}
	if a.Datatype == MultiValueList {
		return f.choices(at, a, values)
	}
	if len(values) > 1 {
		f.add(at, "too-many", "takes one answer only")
		return Answer{}, false
	}
	return f.single(at, a, values[0])
}

// single checks one clean, non-empty value for an attribute that takes one.
func (f *faults) single(at string, a Attribute, v string) (Answer, bool) {
	before := len(*f)
	answer := Answer{text: strings.TrimSpace(v)}
	var ok bool
	switch a.Datatype {
	case Number:
		if answer.text, ok = number(answer.text); !ok {
			f.add(at, "not-a-number", "must be a number such as 12 or 2.5")
		}
		answer.number = true
	case Datetime:
		if answer.text, ok = datetime(answer.text); !ok {
			f.add(at, "not-a-time", "must be a date or time by ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z")
		}
	case SingleValueList:
		if !a.has(answer.text) {
			f.add(at, "not-listed", "must be one of "+keys(a))
		}
	case LongText:
		answer.text = newlines(v)
		if utf8.RuneCountInString(answer.text) > maxText {
			f.add(at, "too-long", "must be at most 4000 characters")
		}
	default:
		f.line(at, answer.text)
	}
	return answer, len(*f) == before
}

// line checks a trimmed text of one line.
func (f *faults) line(at, v string) {
	if hasLineBreak(v) {
		f.add(at, "line-break", "must be one line")
	}
	if utf8.RuneCountInString(v) > maxLine {
		f.add(at, "too-long", "must be at most 500 characters")
	}
}

// choices checks the values of a multivaluelist and returns them in the order
// of the list, each once.
func (f *faults) choices(at string, a Attribute, values []string) (Answer, bool) {
	chosen := make(map[string]bool, len(a.Values))
	for _, v := range values {
		v = strings.TrimSpace(v)
		if !a.has(v) {
			f.add(at, "not-listed", "must be among "+keys(a))
			return Answer{}, false
		}
		chosen[v] = true
	}
	answer := Answer{list: make([]string, 0, len(chosen))}
	for _, v := range a.Values {
		if chosen[v.Key] {
			answer.list = append(answer.list, v.Key)
		}
	}
	return answer, true
}

// keys lists the keys of an attribute's values for an error message.
func keys(a Attribute) string {
	const most = 20
	all := make([]string, 0, most)
	for _, v := range a.Values {
		if len(all) == most {
			return strings.Join(all, ", ") + " and others"
		}
		all = append(all, v.Key)
	}
	return strings.Join(all, ", ")
}

// clean reports whether s can be kept as text.
func clean(s string) bool {
	code, _ := problem.TextFault(s)
	return code == ""
}

// hasLineBreak reports line breaks, Unicode's two separators among them.
func hasLineBreak(s string) bool { return strings.ContainsAny(s, "\n\r\u2028\u2029") }

// newlines turns CRLF and lone CR into LF.
func newlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// cut returns at most limit characters of s.
func cut(s string, limit int) string {
	for i := range s {
		if limit == 0 {
			return s[:i]
		}
		limit--
	}
	return s
}
