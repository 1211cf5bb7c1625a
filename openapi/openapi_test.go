package openapi_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/kantsten/kantsten/openapi"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.V1())
	if err != nil {
		t.Fatalf("load the contract: %v", err)
	}
	return doc
}

// The contracts are valid OpenAPI documents, and their examples obey their schemas.
func TestContractsAreValid(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"v1": openapi.V1(), "Open311": openapi.Open311()} {
		doc, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			t.Fatalf("load %s: %v", name, err)
		}
		if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rules that a validator of OpenAPI does not know.
func TestContractKeepsItsConventions(t *testing.T) {
	t.Parallel()
	doc := load(t)
	path := regexp.MustCompile(`^(/v1(/[a-z]+(-[a-z]+)*|/\{[a-z]+\})+|/tiles/\{layer\}/\{z\}/\{x\}/\{y\}\.mvt)$`)
	for p, item := range doc.Paths.Map() {
		if !path.MatchString(p) {
			t.Errorf("path %s: want lower-case words joined by hyphens", p)
		}
		for method, op := range item.Operations() {
			checkOperation(t, p, method, op)
		}
	}
	for name, s := range doc.Components.Schemas {
		checkSchema(t, name, s.Value, map[*openapi3.Schema]bool{})
	}
}

func checkOperation(t *testing.T, path, method string, op *openapi3.Operation) {
	t.Helper()
	if op.Summary == "" || len(op.Tags) != 1 {
		t.Errorf("%s %s: want a summary and one tag", method, path)
	}
	if op.Responses.Default() == nil {
		t.Errorf("%s %s: want a default problem response", method, path)
	}
	prefix := map[string][]string{"GET": {"get", "list"}}[method]
	if prefix == nil {
		prefix = []string{strings.ToLower(method)}
	}
	for _, p := range prefix {
		if strings.HasPrefix(op.OperationID, p) {
			return
		}
	}
	t.Errorf("%s %s: operationId %q should begin with one of %v", method, path, op.OperationID, prefix)
}

var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// checkSchema looks at a schema and the ones inside it. A "number" without a
// format would become a float32 in Go and lose metres.
func checkSchema(t *testing.T, where string, s *openapi3.Schema, seen map[*openapi3.Schema]bool) {
	t.Helper()
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	if s.Type.Includes("number") && s.Format != "double" {
		t.Errorf("%s: a number needs format: double", where)
	}
	for name, p := range s.Properties {
		// expirationTime is the browser's own word in a PushSubscription.
		if !snake.MatchString(name) && name != "expirationTime" {
			t.Errorf("%s/%s: want snake_case", where, name)
		}
		checkSchema(t, where+"/"+name, p.Value, seen)
	}
	for _, sub := range append(append(openapi3.SchemaRefs{s.Items}, s.AllOf...), s.OneOf...) {
		if sub != nil {
			checkSchema(t, where+"/…", sub.Value, seen)
		}
	}
}

// What a client sends is closed (a misspelt field is refused) and bounded.
func TestRequestBodiesAreClosedAndBounded(t *testing.T) {
	t.Parallel()
	for p, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for media, content := range op.RequestBody.Value.Content {
				checkBounded(t, method+" "+p+" "+media, content.Schema.Value)
			}
		}
	}
}

func checkBounded(t *testing.T, where string, s *openapi3.Schema) {
	t.Helper()
	switch {
	case s.Type.Includes("object") && len(s.Properties) > 0 && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has):
		t.Errorf("%s: want additionalProperties: false", where)
	case s.Type.Is("string") && s.Format != "binary" && s.Format != "date-time" && s.MaxLength == nil && len(s.Enum) == 0:
		t.Errorf("%s: want a maxLength", where)
	case s.Type.Is("array") && s.MaxItems == nil:
		t.Errorf("%s: want maxItems", where)
	}
	for name, p := range s.Properties {
		checkBounded(t, where+"/"+name, p.Value)
	}
	if s.Items != nil {
		checkBounded(t, where+"/items", s.Items.Value)
	}
	if ap := s.AdditionalProperties.Schema; ap != nil {
		checkBounded(t, where+"/*", ap.Value)
	}
}
