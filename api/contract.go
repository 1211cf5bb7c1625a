package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"
	"github.com/kantsten/kantsten/openapi"
)

// contract is the v1 document, prepared once so that checking a request costs
// microseconds.
//
// The validator's 3.1 mode compiles a JSON schema anew for every value that it
// looks at (milliseconds for a report), so requests are checked in its 3.0
// mode, which also understands type lists with "null". The contract's requests
// use no keyword that only 3.1 has; a test sees to that.
type contract struct {
	doc        *openapi3.T
	operations map[string]*operation // by method, space, gin's path
}

// operation is one call of the contract.
type operation struct {
	route      *routers.Route
	parameters []*openapi3.Parameter
	body       *openapi3.RequestBody // nil where there is none
	json       *openapi3.Schema      // of the application/json body; nil where there is none
	maxBody    int64                 // bytes
	maxJSON    int64                 // of that a JSON body; more than most where the contract says so by x-max-bytes
	anonymous  bool                  // works without credentials
	offers     []string              // media types of the successful answer, best first
}

// loadContract reads the embedded document, once in the life of the process;
// the result is never changed.
var loadContract = sync.OnceValues(func() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.V1())
	if err != nil {
		return nil, fmt.Errorf("load the v1 contract: %w", err)
	}
	lenient := *doc
	lenient.OpenAPI = "3.0.3" // see contract
	c := &contract{doc: doc, operations: map[string]*operation{}}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			route := &routers.Route{Spec: &lenient, Path: path, PathItem: item, Method: method, Operation: op}
			c.operations[method+" "+ginPath(path)] = newOperation(route)
		}
	}
	return c, nil
})

// ginPath turns "/v1/reports/{id}" into "/v1/reports/:id".
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func newOperation(route *routers.Route) *operation {
	op := &operation{
		route: route, maxBody: maxJSONBody, maxJSON: maxJSONBody,
		anonymous: worksAnonymously(route), offers: successTypes(route.Operation),
	}
	for _, p := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		op.parameters = append(op.parameters, p.Value)
	}
	if body := route.Operation.RequestBody; body != nil {
		op.body = body.Value
		if m := op.body.Content[jsonType]; m != nil {
			op.json = m.Schema.Value
		}
		if n, ok := op.body.Extensions["x-max-bytes"].(float64); ok {
			op.maxJSON = int64(n)
		}
		if m := op.body.Content[multipartType]; m != nil {
			op.maxBody = maxMultipart(m.Schema.Value)
		}
	}
	return op
}

// maxMultipart is how much of a multipart body is read: its photos, its JSON
// and some room for the parts' headers.
func maxMultipart(schema *openapi3.Schema) int64 {
	photos := int64(1)
	if p := schema.Properties["photo"]; p != nil && p.Value.MaxItems != nil {
		photos = maxPhotos
	}
	return photos*maxPhotoBytes + 2*maxJSONBody
}

// worksAnonymously reports whether an operation's security allows no credentials.
func worksAnonymously(route *routers.Route) bool {
	security := route.Spec.Security
	if route.Operation.Security != nil {
		security = *route.Operation.Security
	}
	return len(security) == 0 || slices.ContainsFunc(security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 })
}

// successTypes returns what a successful answer can be, JSON first.
func successTypes(op *openapi3.Operation) []string {
	var types []string
	for status, r := range op.Responses.Map() {
		if strings.HasPrefix(status, "2") {
			for media := range r.Value.Content {
				types = append(types, media)
			}
		}
	}
	slices.Sort(types)
	types = slices.Compact(types)
	if i := slices.Index(types, jsonType); i > 0 {
		types = slices.Insert(slices.Delete(types, i, i+1), 0, jsonType)
	}
	return types
}

// agreesWith fails when a route under /v1 is not in the contract, or the other
// way round.
func (c *contract) agreesWith(routes gin.RoutesInfo) error {
	var errs []error
	served := map[string]bool{}
	for _, r := range routes {
		key := r.Method + " " + r.Path
		served[key] = true
		if strings.HasPrefix(r.Path, "/v1/") && c.operations[key] == nil {
			errs = append(errs, fmt.Errorf("route %s is not in the contract", key))
		}
	}
	for key := range c.operations {
		_, path, _ := strings.Cut(key, " ")
		if !served[key] && !below(path, TilesPrefix) { // those are served by a [Front]
			errs = append(errs, fmt.Errorf("the contract's %s is not served", key))
		}
	}
	return errors.Join(errs...)
}

// The settings of checks by the contract. They are never changed. Times must
// exist: the validator's own pattern knows a 31st of February.
var (
	timeFormats = openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"date-time": timestamp{},
		"date":      calendarDate{},
	})
	yesOrNo       = []openapi3.SchemaValidationOption{openapi3.FailFast(), timeFormats}
	everyFault    = []openapi3.SchemaValidationOption{openapi3.MultiErrors(), timeFormats}
	filterOptions = openapi3filter.Options{MultiError: true, SchemaValidationOptions: []openapi3.SchemaValidationOption{timeFormats}}
)

// rfc3339 is the form of a timestamp; time.Parse alone would also take an hour
// of one digit and a comma before the fraction.
var rfc3339 = regexp.MustCompile(openapi3.FormatOfStringDateTime)

// timestamp is an RFC 3339 time that exists.
type timestamp struct{}

// Validate implements the validator's interface.
func (timestamp) Validate(value string) error {
	if !rfc3339.MatchString(value) {
		return errors.New("not in the form of RFC 3339")
	}
	_, err := time.Parse(time.RFC3339, value)
	return err
}

// calendarDate is a day that exists.
type calendarDate struct{}

// Validate implements the validator's interface.
func (calendarDate) Validate(value string) error {
	_, err := time.Parse(time.DateOnly, value)
	return err
}

// isPath reports whether a parameter stands in the path.
func isPath(p *openapi3.Parameter) bool { return p.In == openapi3.ParameterInPath }

// credentialsGiven reports whether a request carries what op needs.
func (op *operation) credentialsGiven(r *http.Request) bool { return op.anonymous || !anonymous(r) }
