package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/problem"
)

// Limits on what a catalogue may hold, in characters or pieces. They keep a
// list of services small enough to send to a phone with every start.
const (
	maxCodeLength  = 64
	maxNameLength  = 100
	maxTextLength  = 500
	maxAttributes  = 50
	maxListValues  = 200
	maxKeywords    = 50
	maxServiceSets = 500 // overrides of one jurisdiction
)

// A service code is lower-case letters and digits with single hyphens, and
// begins with a letter: clients that guess types from the text turn "001" into 1
// and "12e3" into 12000.
var serviceCode = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// An attribute code or a value key may also use what other systems use, but
// nothing that has a meaning in attribute[CODE], in a pointer or in a URL.
var attributeCode = regexp.MustCompile(`^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$`)

// forbiddenKeywords are instructions, not words, to FixMyStreet, which reads
// them from the keywords of a service and hides it.
var forbiddenKeywords = [...]string{"private", "inactive", "staff", "waste_only"}

// faults collects what is wrong, each with a pointer to where it is.
type faults []problem.FieldError

func (f *faults) add(field, code, detail string) {
	*f = append(*f, problem.FieldError{Field: field, Code: code, Detail: detail})
}

// faults returns what is wrong with the catalogue as a whole.
func (c *Catalogue) faults() []problem.FieldError {
	var f faults
	seen := map[string]bool{}
	for i, s := range c.services {
		at := "/services/" + strconv.Itoa(i)
		f.service(at, s, c.groups)
		for _, l := range languages {
			f.unique(at+"/name/"+l, seen, "name:"+l+":"+s.Name[l])
		}
		f.unique(at+"/code", seen, "code:"+s.Code)
	}
	return f
}

// unique refuses a key that was seen before: clients match services on codes
// and names alike.
func (f *faults) unique(at string, seen map[string]bool, key string) {
	if seen[key] {
		f.add(at, "duplicate", "must be unique among the services")
	}
	seen[key] = true
}

func (f *faults) service(at string, s Service, groups map[string]Text) {
	if len(s.Code) > maxCodeLength || !serviceCode.MatchString(s.Code) {
		f.add(at+"/code", "format", "must be lower-case letters and digits with hyphens between, beginning with a letter, at most 64 characters")
	}
	f.text(at+"/name", s.Name, maxNameLength)
	f.text(at+"/description", s.Description, maxTextLength)
	if groups[s.Group] != nil {
		f.text(at+"/group", groups[s.Group], maxNameLength)
	} else {
		f.add(at+"/group", "unknown", "must be one of the groups of the base catalogue")
	}
	f.keywords(at+"/keywords", s.Keywords)
	f.attributes(at+"/attributes", s.Attributes)
}

func (f *faults) keywords(at string, keywords map[string][]string) {
	for _, lang := range slices.Sorted(maps.Keys(keywords)) {
		words := keywords[lang]
		if len(words) > maxKeywords {
			f.add(pointer(at, lang), "too-many", "at most 50 keywords in a language")
		}
		for _, w := range words {
			// Open311 joins keywords with commas.
			if !plain(w, maxNameLength) || strings.Contains(w, ",") {
				f.add(pointer(at, lang), "format", "a keyword must be one line of at most 100 characters, without commas")
			}
			if slices.Contains(forbiddenKeywords[:], strings.ToLower(w)) {
				f.add(pointer(at, lang), "reserved", "must not use the words private, inactive, staff or waste_only")
			}
		}
	}
}

func (f *faults) attributes(at string, attributes []Attribute) {
	if len(attributes) > maxAttributes {
		f.add(at, "too-many", "at most 50 attributes")
		return
	}
	seen := map[string]bool{}
	for i, a := range attributes {
		here := at + "/" + strconv.Itoa(i)
		f.code(here+"/code", a.Code, seen)
		f.text(here+"/name", a.Name, maxTextLength)
		f.text(here+"/hint", a.Hint, maxTextLength)
		if !a.Datatype.known() {
			f.add(here+"/datatype", "unknown", "must be string, number, datetime, text, singlevaluelist or multivaluelist")
		}
		if a.Required && !a.Variable {
			f.add(here+"/required", "conflict", "an attribute that takes no answer cannot be required")
		}
		f.values(here+"/values", a)
	}
}

func (f *faults) values(at string, a Attribute) {
	switch {
	case !a.Datatype.IsList():
		if len(a.Values) > 0 {
			f.add(at, "unexpected", "only the two list datatypes have values")
		}
		return
	case len(a.Values) == 0:
		f.add(at, "required", "a list needs at least one value")
	case len(a.Values) > maxListValues:
		f.add(at, "too-many", "at most 200 values")
		return
	}
	seen := map[string]bool{}
	for i, v := range a.Values {
		here := at + "/" + strconv.Itoa(i)
		f.code(here+"/key", v.Key, seen)
		f.text(here+"/name", v.Name, maxTextLength)
	}
}

func (f *faults) code(at, code string, seen map[string]bool) {
	if len(code) > maxCodeLength || !attributeCode.MatchString(code) {
		f.add(at, "format", "must be letters and digits with single . _ or - between, at most 64 characters")
	}
	if seen[code] {
		f.add(at, "duplicate", "must be unique")
	}
	seen[code] = true
}

// text asks for both languages, and for one trimmed line in each language given.
func (f *faults) text(at string, t Text, limit int) {
	for _, l := range languages {
		if t[l] == "" {
			f.add(at+"/"+l, "required", "must be given in Swedish and English")
		}
	}
	for _, l := range slices.Sorted(maps.Keys(t)) {
		if s := t[l]; s != "" && !plain(s, limit) {
			f.add(pointer(at, l), "format", "must be one line without space at its ends, at most "+strconv.Itoa(limit)+" characters")
		}
	}
}

// plain reports whether s is one line of at most limit characters of clean
// text, not empty and without space at either end.
func plain(s string, limit int) bool {
	return s != "" && s == strings.TrimSpace(s) && utf8.RuneCountInString(s) <= limit &&
		clean(s) && !hasLineBreak(s)
}

// pointer appends one token to an RFC 6901 JSON pointer.
func pointer(at, token string) string {
	return at + "/" + strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
