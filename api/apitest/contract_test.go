package apitest

import (
	"net/http"
	"strings"
	"testing"
)

// A test kit that lets broken answers through would make every test of the API
// worthless, so these answers must be caught.
func TestBrokenAnswersAreCaught(t *testing.T) {
	t.Parallel()
	const problem = `{"type":"/problems/not-found","title":"Not Found","status":404,"instance":"urn:uuid:x"}`
	const job = `{"id":"0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e","kind":"deliver","attempts":1,"created_at":"2026-01-31T12:00:00Z"}`
	tests := []struct {
		name, method, path, contentType, body string
		status                                int
		breaks                                string // part of the error, "" for an answer that keeps the contract
	}{
		{"a good list", "GET", "/v1/jobs/parked?limit=1", "application/json", `{"jobs":[` + job + `]}`, 200, ""},
		{"a member missing", "GET", "/v1/jobs/parked", "application/json", `{}`, 200, "jobs"},
		{"a wrong type far in", "GET", "/v1/jobs/parked", "application/json", `{"jobs":[` + strings.Replace(job, "1,", `"1",`, 1) + `]}`, 200, "attempts"},
		{"a time that is none", "GET", "/v1/jobs/parked", "application/json", `{"jobs":[` + strings.Replace(job, "2026-01-31T", "2026-01-31 ", 1) + `]}`, 200, "created_at"},
		{"null for a list", "GET", "/v1/jobs/parked", "application/json", `{"jobs":null}`, 200, "jobs"},
		{"a wrong media type", "GET", "/v1/jobs/parked", "text/html", `<p>`, 200, "Content-Type"},
		{"a status of another call", "GET", "/v1/jobs/parked", "application/json", `{"jobs":[]}`, 201, "Content-Type"},
		{"a header missing", "PUT", "/v1/reports/2281-2026-000001/status", "application/json", `{}`, 200, "ETag"},
		{"a good problem", "GET", "/v1/reports/x", "application/problem+json", problem, 404, ""},
		{"a failure in plain JSON", "GET", "/v1/reports/x", "application/json", problem, 404, "Content-Type"},
		{"a problem without its type", "GET", "/v1/reports/x", "application/problem+json", `{"title":"a","status":404,"instance":"x"}`, 404, "type"},
		{"a problem with another status", "GET", "/v1/reports/x", "application/problem+json", problem, 403, "status"},
		{"a problem where nothing is", "GET", "/v1/nowhere", "text/plain", "404", 404, "Content-Type"},
		{"a page outside the contract", "GET", "/docs", "text/html", "<p>", 200, ""},
		{"null where the contract has it", "GET", "/v1/locate", "application/json", `{"jurisdiction":null,"certain":false,"candidates":[],"services":[],"nearby":[],"boundaries":"demo"}`, 200, ""},
		{"a number where null may be", "GET", "/v1/locate", "application/json", `{"jurisdiction":1,"certain":false,"candidates":[],"services":[],"nearby":[],"boundaries":"demo"}`, 200, "jurisdiction"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://report.example.se"+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = check(req, Response{Status: tt.status, Header: http.Header{"Content-Type": {tt.contentType}}, Body: []byte(tt.body)})
			if tt.breaks == "" {
				if err != nil {
					t.Errorf("a good answer is refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.breaks) {
				t.Errorf("got %v, want an error about %s", err, tt.breaks)
			}
		})
	}
}

func TestTheMoreLiteralPathIsFound(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"POST /v1/subscriptions/confirm":    "/v1/subscriptions/confirm",
		"DELETE /v1/subscriptions/confirm":  "/v1/subscriptions/{secret}",
		"GET /v1/reports/2281-2026-000001":  "/v1/reports/{id}",
		"DELETE /v1/jurisdictions/a/keys/b": "/v1/jurisdictions/{code}/keys/{id}",
	} {
		method, path, _ := strings.Cut(path, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://report.example.se"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		route, _ := find(doc, req)
		if route == nil || route.Path != want {
			t.Errorf("%s %s: got %+v, want %s", method, path, route, want)
		}
	}
}
