package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzOpen311 sends anything to anywhere below the prefix, with a key that is
// good: there is always a document that can be read, and never a failure of our
// own.
func FuzzOpen311(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	for _, seed := range [][5]string{
		{"GET", "/v2/services.xml", "jurisdiction_id=2281", "", ""},
		{"GET", "/v2/services/pothole.json", "lat=62.39&long=17.3", "", ""},
		{"GET", "/v2/requests.json", "status=open,closed&start_date=2026-01-01&service_request_id=a,b", "", ""},
		{"GET", "/v2/requests/2281-2026-000001.xml", "", "", ""},
		{"GET", "/discovery.json", "", "", ""},
		{"PUT", "//v2/tokens/%2F.json/", "%", "", ""},
		{"POST", "/v2/requests.xml", "", form, "service_code=pothole&lat=62.39&long=17.3&description=%00"},
		{"POST", "/v2/requests.json", "", form, "service_code=bin&lat=62.39&long=17.3&attribute[bin-colour][]=%E5"},
		{"POST", "/v2/requests.json", "", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=lat\r\n\r\n62\r\n--b--"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	sys := newSystem(f)
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/open311", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/open311"+path, query+"&api_key="+sys.AnyKey
		r.Header["Content-Type"] = []string{contentType}
		w := httptest.NewRecorder()
		sys.HTTP.Config.Handler.ServeHTTP(w, r)
		a := answer{w.Code, w.Header(), w.Body.Bytes()}
		switch {
		case a.Status >= 500:
			t.Fatalf("%s %q?%q: %d %s", method, path, query, a.Status, a.Body)
		case path != "" && path[0] != '/': // beside the prefix
		case a.Status == http.StatusNoContent && method == http.MethodOptions:
		case a.Status >= 400:
			a.faults(t)
		default:
			a.document(t)
		}
	})
}
