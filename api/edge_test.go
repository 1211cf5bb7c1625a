package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/kantsten/kantsten/internal/problem"
)

// Every route is a call of the contract or one of the few that stand beside it.
func TestRoutesEqualTheContract(t *testing.T) {
	t.Parallel()
	edge := Edge{BaseURL: "https://report.example.se"}
	engine, err := edge.engine(&echo{}, nil) // fails if they disagree
	if err != nil {
		t.Fatal(err)
	}
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	beside := map[string]bool{
		"/": true, "/openapi.json": true, "/docs": true, "/docs/init.js": true, "/docs/swagger-ui.css": true,
		"/docs/swagger-ui-bundle.js": true, "/docs/favicon-32x32.png": true, "/problems/:kind": true,
	}
	for _, r := range engine.Routes() {
		if contract.operations[r.Method+" "+r.Path] == nil && !beside[r.Path] {
			t.Errorf("%s %s is in neither list", r.Method, r.Path)
		}
	}
}

func TestRouteOutsideTheContractIsRefused(t *testing.T) {
	t.Parallel()
	edge := Edge{}
	_, err := edge.Handler(&echo{}, Route{Method: http.MethodGet, Path: "/v1/secret", Handler: func(*gin.Context) {}})
	if err == nil || !strings.Contains(err.Error(), "GET /v1/secret is not in the contract") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// The generated code is what the generator makes of the contract today.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile("oapi-codegen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out, elsewhere := filepath.Join(dir, "v1.gen.go"), filepath.Join(dir, "config.yaml")
	config = bytes.Replace(config, []byte("output: v1.gen.go"), []byte("output: "+out), 1)
	if err := os.WriteFile(elsewhere, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "oapi-codegen", "-config", elsewhere, "../openapi/v1.yaml")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("generate: %v\n%s", err, msg)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("v1.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("v1.gen.go is not what openapi/v1.yaml makes: run go generate ./api")
	}
}

func TestKindsBecomeProblems(t *testing.T) {
	t.Parallel()
	want := map[problem.Kind]int{
		problem.BadRequest: 400, problem.Unauthenticated: 401, problem.Forbidden: 403, problem.NotFound: 404,
		problem.NotAcceptable: 406, problem.Conflict: 409, problem.Gone: 410, problem.Stale: 412, problem.TooLarge: 413,
		problem.UnsupportedMedia: 415, problem.Invalid: 422, problem.VersionRequired: 428, problem.TooMany: 429, problem.Unavailable: 503,
		problem.ProtocolVersion: 412, problem.ChecksumMismatch: 460,
	}
	if len(want) != len(problemKinds) {
		t.Errorf("the table has %d kinds, want %d", len(problemKinds), len(want))
	}
	const ref = "2281-2026-000001"
	for kind, status := range want {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c, _, _ := newEdge(t, &echo{fail: map[string]error{ref: &problem.Error{Kind: kind, Detail: "because", RetryAfter: 1500 * time.Millisecond}}})
			res := c.Get("/v1/reports/" + ref).Want(status)
			p := res.WantProblem(kind)
			if p.Detail != "because" || p.Instance != "urn:uuid:"+res.Header.Get("X-Request-Id") {
				t.Errorf("got %+v", p)
			}
			later := kind == problem.TooMany || kind == problem.Unavailable
			if got := res.Header.Get("Retry-After"); (got == "2") != later { // 1.5 s is rounded up
				t.Errorf("Retry-After = %q", got)
			}
			page := c.Get(p.Type).Want(http.StatusOK)
			if !strings.Contains(string(page.Body), string(kind)) {
				t.Errorf("%s does not describe the kind", p.Type)
			}
		})
	}
}

func TestInternalErrorsStayPrivate(t *testing.T) {
	t.Parallel()
	c, _, log := newEdge(t, &echo{})
	tests := []struct{ name, path, logged string }{
		{"an error", "/v1/push-key", "hunter2"},
		{"a panic", "/v1/services", "invalid memory address"}, // the echo has no such call
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := c.WithTest(t).Get(tt.path).Want(http.StatusInternalServerError)
			if strings.Contains(string(res.Body), tt.logged) {
				t.Errorf("the answer tells: %s", res.Body)
			}
			if id := res.Header.Get("X-Request-Id"); !strings.Contains(log.String(), tt.logged) || !strings.Contains(log.String(), id) {
				t.Errorf("the log lacks the cause or the request id %s:\n%s", id, log)
			}
		})
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	const theirs = "0198c0de-0000-7000-8000-000000000000"
	got := c.With("X-Request-Id", theirs).Get("/v1/api-info").Want(http.StatusOK).Header.Get("X-Request-Id")
	id, err := uuid.Parse(got)
	if err != nil || id.Version() != 7 || got == theirs {
		t.Errorf("X-Request-Id = %q, want an UUIDv7 of our own", got)
	}
}

// The log holds patterns, never what stood in their place.
func TestLogHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	c, _, log := newEdge(t, &echo{})
	c.With("Follow-Token", "secret-token").Get("/v1/reports/2281-2026-000777").Want(http.StatusOK)
	c.Get("/v1/reports?q=kimkim&bbox=17.2,62.3,17.4,62.4").Want(http.StatusOK)
	c.Get("/v1/nowhere-kimkim?email=kim@example.se").Want(http.StatusNotFound)
	c.Send("KIMKIM", "/v1/api-info", nil).Want(http.StatusMethodNotAllowed)
	got := log.String()
	for _, private := range []string{"000777", "secret-token", "kimkim", "KIMKIM", "17.2", "example.se", "127.0.0.1"} {
		if strings.Contains(got, private) {
			t.Errorf("the log holds %q:\n%s", private, got)
		}
	}
	for _, wanted := range []string{`"route":"/v1/reports/:id"`, `"status":200`, `"method":"GET"`, `"took_ms":`, `"bytes":`} {
		if !strings.Contains(got, wanted) {
			t.Errorf("the log lacks %s:\n%s", wanted, got)
		}
	}
}

func TestNoRouteAndNoMethodAreProblems(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	c.Get("/v1/nowhere").Want(http.StatusNotFound).WantProblem(problem.NotFound)
	c.Get("/v1/api-info/").Want(http.StatusNotFound) // no redirect: a redirected POST loses its body
	res := c.Send(http.MethodPatch, "/v1/reports/2281-2026-000001", nil).Want(http.StatusMethodNotAllowed)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		if allow := res.Header.Get("Allow"); !strings.Contains(allow, method) {
			t.Errorf("Allow = %q lacks %s", allow, method)
		}
	}
	res = c.Send(http.MethodHead, "/v1/sign-in", nil).Want(http.StatusMethodNotAllowed)
	if allow := res.Header.Get("Allow"); allow != http.MethodPost {
		t.Errorf("Allow = %q where there is nothing to read", allow)
	}
}

func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	t.Parallel()
	c, _, log := newEdge(t, &echo{})
	res := c.Send(http.MethodHead, "/v1/reports/2281-2026-000001", nil).Want(http.StatusOK)
	if len(res.Body) != 0 || res.Header.Get("ETag") != `"3"` {
		t.Errorf("HEAD gives %d bytes and ETag %q", len(res.Body), res.Header.Get("ETag"))
	}
	if !strings.Contains(log.String(), `"method":"HEAD"`) {
		t.Error("the log does not say HEAD")
	}
}

// Any web page may read what anyone may read; nothing else crosses origins.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	const allow = "Access-Control-Allow-Origin"
	if got := c.Get("/v1/reports").Header.Get(allow); got != "*" {
		t.Errorf("an anonymous GET has %s %q, want *", allow, got)
	}
	for _, name := range credentialHeaders {
		res := c.With(name, "secret").Get("/v1/reports")
		if res.Header.Get(allow) != "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a GET with %s may be read elsewhere or stored: %v", name, res.Header)
		}
	}
	if got := c.Send(http.MethodPost, "/v1/reports", aReport("", "")).Header.Get(allow); got != "" {
		t.Errorf("a POST has %s %q", allow, got)
	}
	res := c.With("Origin", "https://elsewhere.example").With("Access-Control-Request-Method", "PUT").
		Send(http.MethodOptions, "/v1/reports", nil).Want(http.StatusNoContent)
	if got := res.Header.Get("Access-Control-Allow-Methods"); got != "GET, HEAD" {
		t.Errorf("a preflight allows %q", got)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	for _, path := range []string{"/v1/api-info", "/v1/nowhere", "/docs", "/openapi.json"} {
		h := c.Get(path).Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s has %v", path, h)
		}
	}
}

// gin reuses its context for the next request, so a handler must not get it.
func TestHandlersGetTheRequestsContext(t *testing.T) {
	t.Parallel()
	var isGin, hasID bool
	c, _, _ := newEdge(t, &echo{context: func(ctx context.Context) {
		_, isGin = ctx.(*gin.Context)
		hasID = RequestID(ctx) != ""
	}})
	c.Get("/v1/api-info").Want(http.StatusOK)
	if isGin || !hasID {
		t.Errorf("gin's context: %v, request id: %v", isGin, hasID)
	}
}

// A call that needs credentials is refused without looking at anything else.
func TestCredentialsAreNeeded(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer("{id}", "2281-2026-000001", "{code}", "2281", "{service}", "pothole", "{secret}", "0123456789abcdef")
	protected := 0
	for _, op := range contract.operations {
		if op.anonymous {
			continue
		}
		protected++
		res := c.Send(op.route.Method, replace.Replace(op.route.Path), "nonsense").Want(http.StatusUnauthorized)
		res.WantProblem(problem.Unauthenticated)
		if res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: no WWW-Authenticate", op.route.Method, op.route.Path)
		}
	}
	if protected < 15 {
		t.Errorf("only %d calls are protected", protected)
	}
	c.With("Authorization", "Bearer x").Get("/v1/session").Want(http.StatusOK) // whether it is known is Identify's to say
}

func TestIdentifyDecidesBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	type who struct{}
	edge := Edge{
		Log: newDiscard(),
		Identify: func(ctx context.Context, r *http.Request) (context.Context, error) {
			if r.Header.Get("Authorization") == "Bearer known" {
				return context.WithValue(ctx, who{}, "known"), nil
			}
			return nil, problem.New(problem.Unauthenticated, "the token is not known")
		},
	}
	var seen any
	h, err := edge.Handler(&echo{context: func(ctx context.Context) { seen = ctx.Value(who{}) }})
	if err != nil {
		t.Fatal(err)
	}
	body := &countingReader{left: 1 << 30}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/reports", body))
	if rec.Code != http.StatusUnauthorized || body.read.Load() != 0 {
		t.Errorf("got %d after %d bytes, want 401 after none", rec.Code, body.read.Load())
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/api-info", nil)
	req.Header.Set("Authorization", "Bearer known")
	h.ServeHTTP(httptest.NewRecorder(), req)
	if seen != "known" {
		t.Errorf("the handler sees %v", seen)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		want   int64
		ok     bool
	}{
		{``, 0, true},
		{`"3"`, 3, true},
		{`W/"3"`, 3, true},
		{` "12" `, 12, true},
		{`*`, 0, false}, // would overwrite a change that nobody has seen
		{`3`, 0, false},
		{`"3`, 0, false},
		{`"3", "4"`, 0, false},
		{`""`, 0, false},
		{`"0"`, 0, false},
		{`"-3"`, 0, false},
		{`w/"3"`, 0, false}, // RFC 9110: case-sensitive
		{`"99999999999999999999"`, 0, false},
	}
	for _, tt := range tests {
		got, err := parseVersion(tt.header)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("parseVersion(%s) = %d, %v; want %d, ok %v", tt.header, got, err, tt.want, tt.ok)
		}
		if err != nil && !problem.Is(err, problem.BadRequest) {
			t.Errorf("parseVersion(%s): %v is no bad request", tt.header, err)
		}
	}
}

func TestChangesNameTheirVersion(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	staff := c.With("Authorization", "Bearer x")
	put := func(ifMatch string) (status int, current string) {
		res := staff.With("If-Match", ifMatch).Send(http.MethodPut, "/v1/reports/2281-2026-000001/status", `{"status":"fixed"}`)
		var p struct {
			Current struct{ Version int }
		}
		res.JSON(&p)
		return res.Status, string(res.Body)
	}
	for _, tt := range []struct {
		ifMatch string
		want    int
	}{{`"3"`, 200}, {`W/"3"`, 200}, {"", 428}, {`"2"`, 412}, {"*", 400}} {
		status, body := put(tt.ifMatch)
		if status != tt.want {
			t.Errorf("If-Match %s gives %d, want %d", tt.ifMatch, status, tt.want)
		}
		if shows := strings.Contains(body, `"current":{"version":3}`); shows != (tt.want == 412 || tt.want == 428) {
			t.Errorf("If-Match %s answers %s", tt.ifMatch, body)
		}
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	both := []string{jsonType, geoJSONType}
	tests := []struct {
		accept string
		offers []string
		want   string // "" is 406
	}{
		{"", both, jsonType},
		{"application/geo+json", both, geoJSONType},
		{"*/*", both, jsonType},
		{"application/*", both, jsonType},
		{"application/json;q=0.5, application/geo+json", both, geoJSONType},
		{"application/geo+json;q=0, */*", both, jsonType},
		{"text/html,application/xhtml+xml,*/*;q=0.8", both, jsonType}, // a browser
		{"application/xml", both, ""},
		{"nonsense", both, ""},
		{"application/json;q=nonsense", both, ""},
		{"application/xml", []string{jsonType}, jsonType}, // one format: no use in refusing
		{"*/*", nil, ""},
	}
	for _, tt := range tests {
		got, err := negotiate(tt.accept, tt.offers)
		if got != tt.want || (err != nil) != (tt.want == "" && len(tt.offers) > 0) {
			t.Errorf("negotiate(%q, %v) = %q, %v; want %q", tt.accept, tt.offers, got, err, tt.want)
		}
	}
	c, _, _ := newEdge(t, &echo{})
	res := c.With("Accept", geoJSONType).Get("/v1/reports").Want(http.StatusOK)
	if got := res.Header.Get("Content-Type"); got != geoJSONType {
		t.Errorf("Content-Type = %q", got)
	}
	c.With("Accept", "application/xml").Get("/v1/reports").Want(http.StatusNotAcceptable)
}
