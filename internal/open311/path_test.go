package open311

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, path string
		want       Resource
		id         string
		format     Format
	}{
		{"42: discovery", "/discovery.xml", DiscoveryResource, "", XML},
		{"1: the extension is the format", "/services.json", ServicesResource, "", JSON},
		{"12: in any case", "/requests.XML", RequestsResource, "", XML},
		{"21: double slash", "//requests.json", RequestsResource, "", JSON},
		{"21: slash at the end", "/requests.json/", RequestsResource, "", JSON},
		{"no slash before", "services/pothole.xml", ServiceResource, "pothole", XML},
		{"113: ids keep their case and their hyphens", "/requests/2026-00007A.json", RequestResource, "2026-00007A", JSON},
		{"68: space and å", "/services/Klotter%20%C3%A5.xml", ServiceResource, "Klotter å", XML},
		{"68: slash in a code", "/services/a%2Fb.xml", ServiceResource, "a/b", XML},
		{"68: plus is no space in a path", "/services/a+b.xml", ServiceResource, "a+b", XML},
		{"68: only the last extension", "/services/a.json.xml", ServiceResource, "a.json", XML},
		{"68: dot in a code", "/services/v1.2.json", ServiceResource, "v1.2", JSON},
		{"escaped extension", "/services/bin%2Exml", ServiceResource, "bin", XML},
		{"90: tokens", "/tokens/123.xml", TokenResource, "123", XML},
		{"bad escape", "/services/100%.json", ServiceResource, "100%", JSON},
		{"17: Latin-1", "/services/gr%E5.json", ServiceResource, "grå", JSON},
		{"NUL", "/services/a%00.json", ServiceResource, "a\uFFFD", JSON},

		{"12: no extension", "/services", NoResource, "", XML},
		{"12: unknown extension", "/services.html", NoResource, "", XML},
		{"12: JSON for an unknown resource", "/facilities.json", NoResource, "", JSON},
		{"nothing", "", NoResource, "", XML},
		{"slashes", "///", NoResource, "", XML},
		{"extension alone", "/.json", NoResource, "", JSON},
		{"no id", "/requests/.json", NoResource, "", JSON},
		{"113: the draft's path", "/request/1.xml", NoResource, "", XML},
		{"no list of tokens", "/tokens.xml", NoResource, "", XML},
		{"no single discovery", "/discovery/a.xml", NoResource, "", XML},
		{"too deep", "/requests/1/2.json", NoResource, "", JSON},
		{"a slash that is escaped is none", "/services%2Fbin.xml", NoResource, "", XML},
		{"dots", "/../services.xml", NoResource, "", XML},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			r, id, f, ok := Route(tt.path)
			if r != tt.want || id != tt.id || f != tt.format || ok != (tt.want != NoResource) {
				t.Errorf("Route(%q) = %v, %q, %s, %v, want %v, %q, %s", tt.path, r, id, f, ok, tt.want, tt.id, tt.format)
			}
		})
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("//services/a%2Fb.json.XML/")
	f.Add("/requests/%zz%E5%00.json")
	f.Fuzz(func(t *testing.T, path string) {
		r, id, format, ok := Route(path)
		if ok == (r == NoResource) || format != XML && format != JSON {
			t.Errorf("%v %s %v", r, format, ok)
		}
		if !utf8.ValidString(id) || strings.ContainsRune(id, 0) {
			t.Errorf("id = %q", id)
		}
	})
}

// Any id, escaped as clients do, is found again.
func FuzzRouteFindsTheID(f *testing.F) {
	f.Add("Klotter å/gata.json")
	f.Add("..")
	f.Fuzz(func(t *testing.T, id string) {
		if id == "" || name(utf8Text(id)) != id {
			return // never an id
		}
		for _, format := range []Format{XML, JSON} {
			r, got, f, ok := Route("/services/" + url.PathEscape(id) + "." + string(format))
			if !ok || r != ServiceResource || got != id || f != format {
				t.Errorf("%q became %q (%v, %s, %v)", id, got, r, f, ok)
			}
		}
	})
}
