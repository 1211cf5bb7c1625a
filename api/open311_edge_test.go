package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/routing"
)

func TestOpen311PathsAndMethods(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	const isXML, isJSON = "text/xml; charset=utf-8", "application/json; charset=utf-8"
	tests := []struct {
		name, method, path string
		status             int
		contentType        string
	}{
		{"rule 12: no extension", "GET", "/v2/services", 404, isXML},
		{"rule 12: an unknown one", "GET", "/v2/services.html", 404, isXML},
		{"rule 12: in capitals", "GET", "/v2/services.XML", 200, isXML},
		{"rule 21: two slashes", "GET", "/v2//requests.json", 200, isJSON},
		{"rule 21: a slash behind", "GET", "/v2/requests.json/", 200, isJSON},
		{"rule 21: many slashes", "GET", "///v2///services///pothole.json//", 200, isJSON},
		{"rule 19: a callback is ignored", "GET", "/v2/services.json?callback=f", 200, isJSON},
		{"nothing below the prefix", "GET", "", 404, isXML},
		{"nothing below the version", "GET", "/v2/", 404, isXML},
		{"another version", "GET", "/v3/services.json", 404, isJSON},
		{"a resource beside the version", "GET", "/services.json", 404, isJSON},
		{"another resource", "GET", "/v2/secrets.json", 404, isJSON},
		{"too deep", "GET", "/v2/requests/1/2.json", 404, isJSON},
		{"up and away", "GET", "/v2/../../etc/passwd.json", 404, isJSON},
		{"rule 41: an unknown service", "GET", "/v2/services/unicorn.xml", 404, isXML},
		{"rule 41: an unknown request", "GET", "/v2/requests/unicorn.xml", 404, isXML},
		{"rule 90: an unknown token", "GET", "/v2/tokens/unicorn.xml", 404, isXML},
		{"rule 90: in JSON", "GET", "/v2/tokens/unicorn.json", 404, isJSON},
		{"rule 68: a broken escape", "GET", "/v2/services/100%25zz.json", 404, isJSON},
		{"rule 20: POST where it is not taken", "POST", "/v2/services.json", 405, isJSON},
		{"rule 20: PUT", "PUT", "/v2/requests/1.xml", 405, isXML},
		{"rule 20: DELETE", "DELETE", "/v2/requests.json", 405, isJSON},
		{"rule 20: an invented method", "BREW", "/v2/requests.json", 405, isJSON},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := sys.send(sys.request(tt.method, "/open311"+tt.path, nil))
			if a.Status != tt.status || a.Header.Get("Content-Type") != tt.contentType {
				t.Fatalf("%d %s, want %d %s: %.200s", a.Status, a.Header.Get("Content-Type"), tt.status, tt.contentType, a.Body)
			}
			if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("X-Request-Id") == "" || a.Header.Get("X-Content-Type-Options") == "" {
				t.Errorf("rule 18 and the edge: headers %v", a.Header)
			}
			if a.Header.Get("Content-Encoding") != "" {
				t.Errorf("rule 22: %s without being asked", a.Header.Get("Content-Encoding"))
			}
			if tt.status == 200 {
				a.document(t)
				return
			}
			a.faults(t)
			if allow := a.Header.Get("Allow"); (allow != "") != (tt.status == 405) {
				t.Errorf("rule 20: Allow is %q", allow)
			}
		})
	}
}

func TestOpen311Options(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	for path, methods := range map[string]string{
		"/v2/requests.json": "GET, HEAD, OPTIONS, POST", "/v2/services.xml": "GET, HEAD, OPTIONS",
	} {
		req := sys.request("OPTIONS", "/open311"+path, nil)
		req.Header.Set("Origin", "https://elsewhere.example")
		req.Header.Set("Access-Control-Request-Method", "POST")
		a := sys.send(req)
		if a.Status != 204 || a.Header.Get("Access-Control-Allow-Methods") != methods ||
			a.Header.Get("Access-Control-Allow-Headers") == "" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("rule 18: %s: %d %v", path, a.Status, a.Header)
		}
	}
}

func TestOpen311HeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	for _, path := range []string{"/v2/services.xml", "/v2/requests/unicorn.json"} {
		head, get := sys.send(sys.request("HEAD", "/open311"+path, nil)), sys.get(path)
		if head.Status != get.Status || len(head.Body) > 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("rule 20: %s: HEAD is %d %v, GET %d", path, head.Status, head.Header, get.Status)
		}
	}
}

func TestOpen311OddHeadersOnGetDoNotMatter(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	for _, h := range [][]string{ // rule 16
		{"Accept", "image/png"}, {"Content-Type", "text/xml"}, {"Accept", "application/json"}, {"Authorization", "Basic eDp5"},
	} {
		if a := sys.get("/v2/services.xml", h...); a.Status != 200 {
			t.Errorf("%v: status %d", h, a.Status)
		} else {
			spark(t, a.Body)
		}
	}
}

// v1 is still reached behind Open311.
func TestOpen311StandsBeforeV1(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	for path, status := range map[string]int{"/v1/api-info": 200, "/openapi.json": 200, "/open311x": 404} {
		a := sys.send(sys.request("GET", path, nil))
		if a.Status != status || !strings.HasSuffix(a.Header.Get("Content-Type"), "json") {
			t.Errorf("%s: %d %s", path, a.Status, a.Header.Get("Content-Type"))
		}
	}
}

// malformed are requests that nobody can take, each a body with its type.
func malformed(t *testing.T) map[string][2]string {
	t.Helper()
	const form, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	part := func(s string) string { return "--b\r\nContent-Disposition: form-data; " + s }
	return map[string][2]string{
		"nothing":                     {form, ""},
		"no type":                     {"", "x"},
		"only separators":             {form, "&&&&==&="},
		"no UTF-8":                    {form, "lat=\xff\xfe&long=\x80"},
		"broken escapes":              {form, "lat=%&long=%z&service_code=%%%"},
		"a NUL":                       {form, "service_code=%00&lat=%00&long=%00"},
		"JSON, said to be a form":     {form, `{"service_code":"pothole"}`},
		"JSON":                        {"application/json", `{"service_code":"pothole"}`},
		"XML":                         {"text/xml", "<request/>"},
		"no type at all":              {"nonsense", "lat=1"},
		"a type with a slash only":    {"/", "lat=1"},
		"multipart without boundary":  {"multipart/form-data", "x"},
		"multipart, empty boundary":   {"multipart/form-data; boundary=", "x"},
		"multipart, huge boundary":    {"multipart/form-data; boundary=" + strings.Repeat("b", 300), "x"},
		"multipart, empty":            {multi, ""},
		"multipart, not begun":        {multi, "hello"},
		"multipart, cut in a header":  {multi, part("na")},
		"multipart, cut in a part":    {multi, part("name=lat\r\n\r\n62")},
		"multipart, without its end":  {multi, part("name=lat\r\n\r\n62\r\n--b\r\n")},
		"multipart, no name":          {multi, part("\r\n\r\n62\r\n--b--\r\n")},
		"multipart, 1,001 parts":      {multi, strings.Repeat(part("name=a\r\n\r\nx\r\n"), 1001) + "--b--\r\n"},
		"multipart, a header of 2 MB": {multi, "--b\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n--b--\r\n"},
		"multipart, a field of 1 MB":  {multi, part("name=description\r\n\r\n") + strings.Repeat("x", 1<<20) + "\r\n--b--\r\n"},
		"mixed multipart":             {"multipart/mixed; boundary=b", part("name=lat\r\n\r\n62\r\n--b--\r\n")},
		"a form of 1 MB":              {form, "description=" + strings.Repeat("x", 1<<20)},
		"a million parameters":        {form, strings.Repeat("a&", 120_000)},
		"a long number":               {form, "service_code=pothole&lat=" + strings.Repeat("6", 100_000) + "&long=17"},
		"brackets":                    {form, "attribute[[[[]]]]=1&attribute[=1&attribute]=1&attribute[]=1"},
		"a long code":                 {form, "service_code=" + strings.Repeat("x", 100_000) + "&lat=62.39&long=17.3"},
		"escape sequences":            {form, "service_code=%1b%5B2J&lat=62.39&long=17.3&first_name=%1b"},
		"markup":                      {form, "service_code=%3C%2Ferror%3E%26%3C!%5BCDATA%5B&lat=62.39&long=17.3"},
		"other line ends":             {form, "service_code=a%0Ab&lat=62%0D&long=%0A17x"},
	}
}

// Rule 135, with a key that is good: none of them may be stored, none may crash.
func TestOpen311MalformedRequestsGetADocument(t *testing.T) {
	onBothDatabases(t, open311MalformedRequestsGetADocument)
}

func open311MalformedRequestsGetADocument(t *testing.T, sys *system) {
	all := malformed(t)
	if len(all) < 30 {
		t.Fatalf("only %d requests", len(all))
	}
	for name, what := range all {
		for format, contentType := range map[string]string{"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"} {
			t.Run(name+" in "+format, func(t *testing.T) {
				req := sys.request("POST", "/open311/v2/requests."+format+"?api_key="+sys.AnyKey, strings.NewReader(what[1]))
				req.Header["Content-Type"] = []string{what[0]}
				a := sys.send(req)
				if a.Status < 400 || a.Status > 499 || a.Header.Get("Content-Type") != contentType {
					t.Fatalf("%d %s: %.200s", a.Status, a.Header.Get("Content-Type"), a.Body)
				}
				a.faults(t)
			})
		}
	}
	if ids := sys.ids(t, ""); len(ids) > 0 {
		t.Errorf("malformed requests have left %v", ids)
	}
}

// Rule 40: the transport's own refusals.
func TestOpen311TransportFaults(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	all := malformed(t)
	for name, status := range map[string]int{
		"JSON": 415, "XML": 415, "mixed multipart": 415, "a form of 1 MB": 413, "multipart, a field of 1 MB": 413,
		"multipart without boundary": 400, "multipart, cut in a part": 400, "no type": 403, "nothing": 403,
	} {
		req := sys.request("POST", "/open311/v2/requests.json", strings.NewReader(all[name][1]))
		req.Header["Content-Type"] = []string{all[name][0]}
		a := sys.send(req)
		if a.Status != status {
			t.Errorf("%s: status %d, want %d: %s", name, a.Status, status, a.Body)
		}
		a.faults(t)
	}
}

// Rule 87: what is too much is refused before it is all read. The handler is asked
// without a network, which could lose the answer.
func TestOpen311EndlessBody(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	for _, contentType := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=b"} {
		for _, declared := range []int64{1 << 30, -1} {
			body := &io.LimitedReader{R: endless{}, N: 1 << 30}
			req := httptest.NewRequestWithContext(t.Context(), "POST", "/open311/v2/requests.json", io.MultiReader(
				strings.NewReader("--b\r\nContent-Disposition: form-data; name=media; filename=x.jpg\r\n\r\n"), body))
			req.Header.Set("Content-Type", contentType)
			req.ContentLength = declared
			rec := httptest.NewRecorder()
			sys.HTTP.Config.Handler.ServeHTTP(rec, req)
			a := answer{rec.Code, rec.Header(), rec.Body.Bytes()}
			if read := 1<<30 - body.N; a.Status != http.StatusRequestEntityTooLarge || read > 64<<20 {
				t.Errorf("%s of %d bytes: status %d after %d bytes", contentType, declared, a.Status, read)
			}
			a.faults(t)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Rule 40: a failure of our own is a document too, and tells nothing.
func TestOpen311FailuresOfOurOwn(t *testing.T) {
	t.Parallel()
	sys := newSystem(t)
	good := sys.pothole()
	sys.Server.Router.Boundaries = &routing.Boundaries{} // as before any are loaded
	if all := list(t, sys.both(t, "/v2/services", "?lat="+sundsvallLat+"&long="+sundsvallLong)); len(all) == 0 {
		t.Error("no services while no boundaries are loaded")
	}
	sys.unbroken(t, good, http.StatusServiceUnavailable)
	sys.Server.Reports.Router = nil // a bug: the handler panics
	sys.unbroken(t, good, http.StatusInternalServerError)
	if log := sys.Log.String(); !strings.Contains(log, "msg=panic") || !strings.Contains(log, "route=/open311/v2/requests.:format") {
		t.Errorf("the panic is not logged with its route: %s", log)
	}
}

// unbroken posts and wants an errors document of the status in either format.
func (sys *system) unbroken(t *testing.T, form url.Values, status int) {
	t.Helper()
	for _, format := range []string{"xml", "json"} {
		a := sys.postTo("/v2/requests."+format, form)
		if a.Status != status {
			t.Errorf("rule 40: status %d, want %d", a.Status, status)
		}
		if text := strings.Join(a.faults(t), " "); strings.Contains(text, "nil") || strings.Contains(text, "pointer") {
			t.Errorf("the answer tells %q", text)
		}
		if (a.Header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
}

// Rule 134, and the log holds nothing personal either.
func TestOpen311KeepsSecrets(t *testing.T) { onBothDatabases(t, open311KeepsSecrets) }

func open311KeepsSecrets(t *testing.T, sys *system) {
	const guess = "kak_a-key-that-is-none-of-ours"
	var seen bytes.Buffer
	form := sys.pothole("first_name", "Anna", "email", "anna@example.org")
	for _, a := range []answer{
		sys.post(form), sys.postTo("/v2/requests.xml", sys.pothole("lat", "x")), sys.postTo("/v2/requests.json?api_key="+sys.AnyKey, nil),
		sys.post(sys.pothole("api_key", guess)), sys.get("/v2/requests.json?api_key=" + guess), sys.get("/v2/" + guess + ".json?api_key=" + guess),
		sys.get("/v2/requests.json?status=" + sys.AnyKey), sys.postTo("/v2/services.json?api_key="+sys.AnyKey, form),
		sys.postTo("/v2/requests.json", sys.pothole("service_code", "unicorn")),
	} {
		_, _ = seen.Write(a.Body) // a buffer never fails
	}
	log := sys.Log.String()
	for _, secret := range []string{sys.AnyKey, guess, "Anna", "anna@"} {
		if strings.Contains(seen.String(), secret) || strings.Contains(log, secret) {
			t.Errorf("%q is told:\n%s\n%s", secret, seen.String(), log)
		}
	}
	for _, personal := range []string{sundsvallLat, "hål", "unicorn", "127.0.0.1"} {
		if strings.Contains(log, personal) {
			t.Errorf("%q stands in the log:\n%s", personal, log)
		}
	}
	if !strings.Contains(log, "method=POST route=/open311/v2/requests.:format status=200") {
		t.Errorf("the log lacks the pattern:\n%s", log)
	}
}
