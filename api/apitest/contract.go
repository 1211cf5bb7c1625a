package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/kantsten/kantsten/openapi"
)

const problemType = "application/problem+json"

// document is the contract, read once and never changed. It is marked as 3.0
// because the validator's 3.1 mode compiles a schema for every value it looks
// at; the contract uses nothing that the 3.0 mode does not check.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.V1())
	if err != nil {
		return nil, fmt.Errorf("load the contract: %w", err)
	}
	doc.OpenAPI = "3.0.3"
	return doc, nil
})

// check holds an answer against the contract.
func check(req *http.Request, res Response) error {
	doc, err := document()
	if err != nil {
		return err
	}
	if res.Status >= http.StatusBadRequest && req.Method != http.MethodHead && strings.HasPrefix(req.URL.Path, "/v1/") {
		if err := checkProblem(doc, res); err != nil {
			return err
		}
	}
	route, path := find(doc, req)
	if route == nil {
		return nil // not a call of the contract, or not with this method
	}
	options := &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true}
	return openapi3filter.ValidateResponse(req.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: path, Route: route},
		Status:                 res.Status,
		Header:                 res.Header,
		Body:                   io.NopCloser(bytes.NewReader(res.Body)),
		Options:                options,
	})
}

// checkProblem holds for every failure under /v1, also where there is no route.
func checkProblem(doc *openapi3.T, res Response) error {
	if got := res.Header.Get("Content-Type"); got != problemType {
		return fmt.Errorf("a failure has Content-Type %q, want %q", got, problemType)
	}
	var value any
	if err := json.Unmarshal(res.Body, &value); err != nil {
		return fmt.Errorf("read the problem document: %w", err)
	}
	if err := doc.Components.Schemas["Problem"].Value.VisitJSON(value); err != nil {
		return fmt.Errorf("the problem document: %w", err)
	}
	if status, _ := value.(map[string]any)["status"].(float64); int(status) != res.Status {
		return fmt.Errorf("the problem says status %v, the answer has %d", status, res.Status)
	}
	return nil
}

// find returns the contract's route of a request and its path parameters. A
// path without parameters comes before one with them.
func find(doc *openapi3.T, req *http.Request) (route *routers.Route, params map[string]string) {
	for path, item := range doc.Paths.Map() {
		op := item.GetOperation(req.Method)
		found := match(path, req.URL.Path)
		if op == nil || found == nil || (route != nil && len(found) > len(params)) {
			continue
		}
		route, params = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: req.Method, Operation: op}, found
	}
	return route, params
}

// match returns the parameters of a path that has the pattern's form, nil if it
// has another.
func match(pattern, path string) map[string]string {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil
	}
	params := map[string]string{}
	for i, w := range want {
		name, isParam := strings.CutPrefix(w, "{")
		name, extension, _ := strings.Cut(name, "}")
		switch {
		case isParam && strings.HasSuffix(got[i], extension):
			params[name] = strings.TrimSuffix(got[i], extension)
		case w != got[i]:
			return nil
		}
	}
	return params
}
