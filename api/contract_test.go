package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Requests are checked in the validator's 3.0 mode, so what they use must be
// known to it: a keyword that only 3.1 has would be ignored without a word.
func TestRequestsUseNoKeywordThatIsIgnored(t *testing.T) {
	t.Parallel()
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	looked := map[*openapi3.Schema]bool{}
	for key, op := range contract.operations {
		for _, p := range op.parameters {
			walkSchema(t, key+" "+p.Name, p.Schema, looked)
		}
		if op.body != nil {
			for _, media := range op.body.Content {
				walkSchema(t, key, media.Schema, looked)
			}
		}
	}
	if len(looked) < 50 {
		t.Errorf("only %d schemas were looked at", len(looked))
	}
}

// Whoever changes what is there says which version the change was made on, so
// that nobody replaces what they have never seen.
func TestEveryChangeNamesItsVersion(t *testing.T) {
	t.Parallel()
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	otherwise := map[string]string{
		"patchUpload": "goes on at Upload-Offset, which a second writer misses: 409",
	}
	changes := 0
	for key, op := range contract.operations {
		method, id := op.route.Method, op.route.Operation.OperationID
		if method != http.MethodPut && method != http.MethodPatch {
			continue
		}
		changes++
		named := slices.ContainsFunc(op.parameters, func(p *openapi3.Parameter) bool { return p.In == openapi3.ParameterInHeader && p.Name == "If-Match" })
		if excepted := otherwise[id] != ""; named == excepted {
			t.Errorf("%s: If-Match is a parameter: %v", key, named)
		}
		for _, status := range []int{http.StatusPreconditionFailed, http.StatusPreconditionRequired} {
			if named && op.route.Operation.Responses.Status(status) == nil {
				t.Errorf("%s does not say when it answers %d", key, status)
			}
		}
		delete(otherwise, id)
	}
	if changes < 8 || len(otherwise) > 0 {
		t.Errorf("%d changes were looked at; not met: %v", changes, otherwise)
	}
}

func walkSchema(t *testing.T, where string, ref *openapi3.SchemaRef, looked map[*openapi3.Schema]bool) {
	t.Helper()
	if ref == nil || looked[ref.Value] {
		return
	}
	s := ref.Value
	looked[s] = true
	if s.Const != nil || len(s.PrefixItems) > 0 || s.Contains != nil || len(s.PatternProperties) > 0 ||
		len(s.DependentSchemas) > 0 || s.PropertyNames != nil || s.If != nil || s.Then != nil || s.Else != nil ||
		len(s.DependentRequired) > 0 || s.UnevaluatedItems.Schema != nil || s.UnevaluatedProperties.Schema != nil || s.ContentSchema != nil {
		t.Errorf("%s uses a keyword that the 3.0 mode ignores", where)
	}
	for name, p := range s.Properties {
		walkSchema(t, where+"/"+name, p, looked)
	}
	walkSchema(t, where+"/items", s.Items, looked)
	walkSchema(t, where+"/*", s.AdditionalProperties.Schema, looked)
	for _, sub := range append(append(append(openapi3.SchemaRefs{}, s.OneOf...), s.AnyOf...), s.AllOf...) {
		walkSchema(t, where+"/…", sub, looked)
	}
}

// BenchmarkEdge is the price of everything that the edge does to file a report
// and to read a list, with handlers that do nothing.
func BenchmarkEdge(b *testing.B) {
	_, h, _ := newEdge(b, &echo{})
	body := []byte(`{"service":"pothole","lat":62.3908,"lon":17.3069,"accuracy_m":8,"description":"Deep hole in the right lane, just after the bus stop.","attributes":{"size":"large"},"contact":{"email":"kim@example.se"},"language":"sv"}`)
	serve := func(b *testing.B, method, target string, body []byte, want int) {
		b.ReportAllocs()
		for b.Loop() {
			req := httptest.NewRequestWithContext(b.Context(), method, target, bytes.NewReader(body))
			req.Header.Set("Content-Type", jsonType)
			req.Header.Set("Idempotency-Key", someID)
			rec := httptest.NewRecorder()
			if h.ServeHTTP(rec, req); rec.Code != want {
				b.Fatalf("got %d: %s", rec.Code, rec.Body)
			}
		}
	}
	b.Run("postReport", func(b *testing.B) { serve(b, http.MethodPost, "/v1/reports", body, http.StatusCreated) })
	b.Run("listReports", func(b *testing.B) {
		serve(b, http.MethodGet, "/v1/reports?bbox=17.2,62.35,17.4,62.42&status=received", nil, http.StatusOK)
	})
	b.Run("checkReport", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeNewReport(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
