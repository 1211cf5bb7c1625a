package open311

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
)

// Errors is the document of a failure: one for each fault, the first of which
// must be understood alone, because many clients show no other.
type Errors []Error

// Error is one fault.
type Error struct {
	Code        int    // an HTTP status
	Description string // for people
}

func (e Errors) document() (string, node) {
	return "errors", list("error", e, func(one Error) node {
		return node{kind: object, fields: []field{
			{"code", integer(one.Code)},
			{"description", text(cmp.Or(legal(one.Description), http.StatusText(one.Code), "The request failed."))},
		}}
	})
}

// Status returns the HTTP status of the answer: the first fault's, 500 if there
// is none.
func (e Errors) Status() int {
	if len(e) == 0 {
		return http.StatusInternalServerError
	}
	return e[0].Code
}

// add appends a fault of the client's input.
func (e *Errors) add(format string, args ...any) {
	*e = append(*e, Error{http.StatusBadRequest, fmt.Sprintf(format, args...)})
}

// statusOf says which status GeoReport gives a kind: it knows 403 for the key,
// 404 for what does not exist and 400 for all else that a client did; those of
// the transport stay.
var statusOf = map[problem.Kind]int{
	problem.Unauthenticated:  http.StatusForbidden,
	problem.Forbidden:        http.StatusForbidden,
	problem.NotFound:         http.StatusNotFound,
	problem.Gone:             http.StatusNotFound,
	problem.TooLarge:         http.StatusRequestEntityTooLarge,
	problem.UnsupportedMedia: http.StatusUnsupportedMediaType,
	problem.TooMany:          http.StatusTooManyRequests,
	problem.Unavailable:      http.StatusServiceUnavailable,
}

// parameterOf gives the GeoReport name of a field that the v1 API calls
// otherwise.
var parameterOf = map[string]string{
	"service": "service_code", "jurisdiction": "jurisdiction_id", "lon": "long",
	"address": "address_string", "photos": "media_url",
}

// FromProblem returns the errors document of a problem: one error for each
// field at fault, else one in all. Of nil, which stands for every failure that
// is not the client's to see, it is "internal" with 500.
func FromProblem(p *problem.Error) Errors {
	if p == nil {
		return Errors{{http.StatusInternalServerError, "Something went wrong here. Please try again later."}}
	}
	status := cmp.Or(statusOf[p.Kind], http.StatusBadRequest)
	if len(p.Fields) == 0 {
		return Errors{{status, p.Detail}}
	}
	all := make(Errors, 0, len(p.Fields))
	for _, f := range p.Fields {
		all = append(all, fromField(f, status))
	}
	return all
}

// fromField names the parameter and says what is wrong. An unknown service or
// jurisdiction does not exist: 404. A missing one reads "size required".
func fromField(f problem.FieldError, status int) Error {
	name := f.Field[strings.LastIndex(f.Field, "/")+1:]
	name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~") // RFC 6901, in this order
	if !strings.HasPrefix(f.Field, "/attributes/") {
		name = cmp.Or(parameterOf[name], name)
		if f.Code == "unknown" && (name == "service_code" || name == "jurisdiction_id") {
			status = http.StatusNotFound
		}
	}
	if f.Code == "required" {
		return Error{status, fmt.Sprintf("%s required: %s", name, f.Detail)}
	}
	return Error{status, strings.TrimPrefix(fmt.Sprintf("%s: %s", name, f.Detail), ": ")}
}
