package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oddAreas has areas whose properties are named as nobody would guess, with a code
// that a spreadsheet has robbed of its zero, beside others that mislead.
const oddAreas = `{"type":"FeatureCollection","features":[
	{"type":"Feature","properties":{"objekt":7,"lan":"22","enhet":"2281","benamnt":"Sundsvall","namn2":"x"},
	 "geometry":{"type":"Polygon","coordinates":[[[17,62],[18,62],[18,63],[17,63],[17,62]]]}},
	{"type":"Feature","properties":{"objekt":8,"lan":"01","enhet":180,"benamnt":"Stockholm","namn2":"y"},
	 "geometry":{"type":"Polygon","coordinates":[[[17.8,59.2],[18.2,59.2],[18.2,59.4],[17.8,59.4],[17.8,59.2]]]}}]}`

// TestBoundariesByNamedProperties: what cannot be guessed is said by flags.
func TestBoundariesByNamedProperties(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	path := filepath.Join(t.TempDir(), "odd.geojson")
	if err := os.WriteFile(path, []byte(oddAreas), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]string{nil, {"--code", "nonsense", "--name", "benamnt"}, {"--code", "enhet", "--name", "nonsense"}} {
		got := p.call(append([]string{"boundaries", "import", path}, wrong...)...)
		if got.code == 0 || !strings.Contains(got.stderr, "property") {
			t.Errorf("import %v: exit code %d\n%s%s", wrong, got.code, got.stdout, got.stderr)
		}
	}
	if list := p.do("jurisdiction", "list"); list != "" {
		t.Errorf("a refused import left jurisdictions:\n%s", list)
	}
	if said := p.do("boundaries", "import", "--code", "enhet", "--name", "benamnt", path); !strings.Contains(said, "is active: 2 areas") {
		t.Errorf("import by named properties says %q", said)
	}
	if list := p.do("jurisdiction", "list"); list != "0180\tStockholm\tnone\t\n2281\tSundsvall\tnone\t\n" {
		t.Errorf("the jurisdictions are:\n%s", list)
	}
}

// TestBoundariesFromAnAddress: what is loaded answers, and the key in the address
// is shown to nobody.
func TestBoundariesFromAnAddress(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/areas.geojson" || r.URL.Query().Get("key") != "operators-own" {
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		http.ServeFile(w, r, square(t, "2281", "Sundsvall"))
	}))
	t.Cleanup(site.Close)
	p := newPlace(t, "")
	for address, says := range map[string]string{
		site.URL + "/nowhere.geojson?key=operators-own": "404",
		"http://" + freeAddr(t) + "/areas.geojson":      "fetch the boundaries",
	} {
		if got := p.call("boundaries", "import", address); got.code != 1 || !strings.Contains(got.stderr, says) {
			t.Errorf("import %s: exit code %d\n%s%s", address, got.code, got.stdout, got.stderr)
		}
	}
	p.do("boundaries", "import", site.URL+"/areas.geojson?key=operators-own")
	s := p.serve()
	var at struct{ Jurisdiction struct{ Code string } }
	s.api().Get("/v1/locate?lat=62.3908&lon=17.3069").Want(http.StatusOK).JSON(&at)
	if at.Jurisdiction.Code != "2281" {
		t.Errorf("Sundsvall lies in %q", at.Jurisdiction.Code)
	}
	list := p.do("boundaries", "list")
	if _, info := s.get("/v1/api-info"); strings.Contains(list+info+s.said.String(), "operators-own") || !strings.Contains(list, "areas.geojson") {
		t.Errorf("the source is not its name alone:\n%s\n%s\n%s", list, info, s.said)
	}
}
