// Package catalog holds the services that can be reported and the attributes
// that each of them asks for.
//
// A [Catalogue] is a fixed list: the base catalogue ships inside the program,
// and [Catalogue.For] derives the catalogue of one jurisdiction from it, by
// overrides that switch off, rename, extend or add services. Nothing here
// changes a catalogue once it is made, so one may be shared by any number of
// goroutines; what the methods return shares its slices and maps with the
// catalogue and must only be read.
//
// [Service.Check] decides whether a reporter's answers fit a service. It is the
// only such place, for the v1 API and for Open311 alike.
//
// The package knows no database and no HTTP. It does not know which
// jurisdiction has which overrides; that is data of the tenant.
package catalog

import (
	"cmp"
	"slices"
)

// Text is a short text in several languages: language code → text. Every text
// of a valid catalogue has "sv" and "en".
type Text map[string]string

// languages that every text of a catalogue must have, in the order in which
// they stand in for a missing one.
var languages = [...]string{"sv", "en"}

// In returns the text in lang, else in Swedish, else in English, else in
// whichever language comes first by its code; "" if there is no text at all.
func (t Text) In(lang string) string {
	if s := t[lang]; s != "" {
		return s
	}
	for _, l := range languages {
		if s := t[l]; s != "" {
			return s
		}
	}
	first := ""
	for l, s := range t {
		if s != "" && (first == "" || l < first) {
			first = l
		}
	}
	return t[first]
}

// Datatype is what kind of answer an attribute takes; the six of Open311.
type Datatype string

// The datatypes of GeoReport v2.
const (
	String          Datatype = "string"          // one line
	Number          Datatype = "number"          // a finite decimal number
	Datetime        Datatype = "datetime"        // ISO 8601, with or without a time of day
	LongText        Datatype = "text"            // several lines
	SingleValueList Datatype = "singlevaluelist" // one of Values
	MultiValueList  Datatype = "multivaluelist"  // any of Values
)

// IsList reports whether the answer is chosen among values.
func (d Datatype) IsList() bool { return d == SingleValueList || d == MultiValueList }

// known reports whether d is one of the six.
func (d Datatype) known() bool {
	switch d {
	case String, Number, Datetime, LongText, SingleValueList, MultiValueList:
		return true
	}
	return false
}

// Value is one choice of a list attribute.
type Value struct {
	Key  string `json:"key"`
	Name Text   `json:"name"`
}

// Attribute is one question that a service asks.
type Attribute struct {
	// Code names the attribute in reports; unique within its service.
	Code string `json:"code"`
	// Name is the question or label (Open311: description).
	Name Text `json:"name"`
	// Hint says how to answer (Open311: datatype_description).
	Hint     Text     `json:"hint"`
	Datatype Datatype `json:"datatype"`
	// Required refuses a report without an answer. No base service has one:
	// a crew can act on a position and a photo.
	Required bool `json:"required,omitempty"`
	// Variable is false for a notice that is shown and takes no answer.
	Variable bool `json:"variable"`
	// Values are the choices, for the two list datatypes only.
	Values []Value `json:"values,omitempty"`
}

// has reports whether key is one of the attribute's choices.
func (a Attribute) has(key string) bool {
	return slices.ContainsFunc(a.Values, func(v Value) bool { return v.Key == key })
}

// Service is a category of fault that can be reported.
type Service struct {
	// Code is the Open311 service_code: short lower-case letters and hyphens.
	// It never changes and is never reused.
	Code        string `json:"code"`
	Name        Text   `json:"name"`
	Description Text   `json:"description"`
	// Group is the key of the group that the service is listed under, and
	// GroupName its name.
	Group     string `json:"group"`
	GroupName Text   `json:"group_name,omitempty"`
	// Keywords are words to search by, by language.
	Keywords map[string][]string `json:"keywords,omitempty"`
	// Attributes are asked in this order.
	Attributes []Attribute `json:"attributes,omitempty"`
	// Order sorts the services of a catalogue, lowest first, then by code.
	Order int `json:"order"`
}

// KeywordsIn returns the keywords in lang, else in Swedish, else in English.
func (s Service) KeywordsIn(lang string) []string {
	for _, l := range append([]string{lang}, languages[:]...) {
		if k := s.Keywords[l]; len(k) > 0 {
			return k
		}
	}
	return nil
}

// Attribute returns the attribute with the code.
func (s Service) Attribute(code string) (Attribute, bool) {
	i := slices.IndexFunc(s.Attributes, func(a Attribute) bool { return a.Code == code })
	if i < 0 {
		return Attribute{}, false
	}
	return s.Attributes[i], true
}

// Catalogue is a fixed list of services in a stable order.
type Catalogue struct {
	services []Service
	byCode   map[string]int // code → place in services
	groups   map[string]Text
}

// newCatalogue sorts the services and fills in the names of their groups.
func newCatalogue(services []Service, groups map[string]Text) *Catalogue {
	slices.SortStableFunc(services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Code, b.Code))
	})
	c := &Catalogue{services: services, byCode: make(map[string]int, len(services)), groups: groups}
	for i := range services {
		if name := groups[services[i].Group]; name != nil {
			services[i].GroupName = name
		}
		c.byCode[services[i].Code] = i
	}
	return c
}

// Service returns the service with the code; false if the catalogue has none,
// be it unknown or switched off.
func (c *Catalogue) Service(code string) (Service, bool) {
	i, ok := c.byCode[code]
	if !ok {
		return Service{}, false
	}
	return c.services[i], true
}

// Services returns all services, by order and then by code.
func (c *Catalogue) Services() []Service { return slices.Clone(c.services) }
