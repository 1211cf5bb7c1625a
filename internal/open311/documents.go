package open311

import (
	"cmp"
	"strings"
	"time"
)

// Specification is how a discovery document names GeoReport v2. Clients compare
// it byte by byte: http, and no slash at the end.
const Specification = "http://wiki.open311.org/GeoReport_v2"

// Discovery says where the endpoints are.
type Discovery struct {
	// Changeset is when anything below last changed.
	Changeset  time.Time
	Contact    string // how to reach the people who run it
	KeyService string // how to get an api_key
	Endpoints  []Endpoint
}

// Endpoint is one GeoReport server.
type Endpoint struct {
	URL string // absolute, as seen from outside
	// Changeset is when its services last changed.
	Changeset time.Time
	Type      string   // "production" or "test"
	Formats   []string // media types; none means both
}

func (d Discovery) document() (string, node) {
	return "discovery", node{kind: object, fields: []field{
		{"changeset", instant(d.Changeset)},
		{"contact", text(d.Contact)},
		{"key_service", text(d.KeyService)},
		{"endpoints", list("endpoint", d.Endpoints, Endpoint.node)},
	}}
}

func (e Endpoint) node() node {
	formats := e.Formats
	if len(formats) == 0 {
		formats = []string{"text/xml", "application/json"}
	}
	return node{kind: object, fields: []field{
		{"specification", text(Specification)},
		{"url", text(e.URL)},
		{"changeset", instant(e.Changeset)},
		{"type", text(e.Type)},
		{"formats", list("format", formats, text)},
	}}
}

// Services is the answer of GET services.
type Services []Service

// Service is one category that can be reported.
type Service struct {
	Code        string
	Name        string
	Description string
	Metadata    bool     // it has a definition with at least one attribute
	Type        string   // "" means realtime: the id is known at once
	Keywords    []string // without commas
	Group       string
}

func (s Services) document() (string, node) { return "services", list("service", s, Service.node) }

func (s Service) node() node {
	return node{kind: object, fields: []field{
		{"service_code", text(s.Code)},
		{"service_name", text(s.Name)},
		{"description", text(s.Description)},
		{"metadata", boolean(s.Metadata)},
		{"type", text(cmp.Or(s.Type, "realtime"))},
		{"keywords", text(strings.Join(s.Keywords, ","))},
		{"group", text(s.Group)},
	}}
}

// ServiceDefinition is the answer of GET services/[service_code].
type ServiceDefinition struct {
	ServiceCode string
	// Attributes in the order in which they are asked.
	Attributes []Attribute
}

// Attribute is one question of a service.
type Attribute struct {
	// Variable is false for a notice, which takes no answer.
	Variable bool
	Code     string
	// Datatype is string, number, datetime, text, singlevaluelist or
	// multivaluelist.
	Datatype string
	// Required is not written for a notice.
	Required bool
	// DatatypeDescription says how to answer, Description is the question.
	DatatypeDescription string
	Description         string
	// Values are written for the two lists only.
	Values []Value
}

// Value is one choice of a list.
type Value struct{ Key, Name string }

func (d ServiceDefinition) document() (string, node) {
	attributes := node{kind: array, item: "attribute", items: make([]node, len(d.Attributes))}
	for i, a := range d.Attributes {
		attributes.items[i] = a.node(i + 1)
	}
	return "service_definition", node{kind: object, fields: []field{
		{"service_code", text(d.ServiceCode)},
		{"attributes", attributes},
	}}
}

// node writes the attribute; order is its place, counted from 1.
func (a Attribute) node(order int) node {
	n := node{kind: object, fields: []field{
		{"variable", boolean(a.Variable)},
		{"code", text(a.Code)},
		{"datatype", text(a.Datatype)},
		{"required", boolean(a.Required && a.Variable)},
		{"datatype_description", text(a.DatatypeDescription)},
		{"order", integer(order)},
		{"description", text(a.Description)},
	}}
	if a.Datatype == "singlevaluelist" || a.Datatype == "multivaluelist" {
		n.fields = append(n.fields, field{"values", list("value", a.Values, Value.node)})
	}
	return n
}

func (v Value) node() node {
	return node{kind: object, fields: []field{{"key", text(v.Key)}, {"name", text(v.Name)}}}
}
