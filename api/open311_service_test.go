package api_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestOpen311Discovery(t *testing.T) { onBothDatabases(t, open311Discovery) }

func open311Discovery(t *testing.T, sys *system) {
	root, _ := spark(t, sys.get("/discovery.xml").Body)
	if root != "discovery" {
		t.Errorf("rule 45: the root is <%s>", root)
	}
	for _, path := range []string{"/discovery", "/v2/discovery"} { // rule 43: both places
		doc := sys.both(t, path, "").(map[string]any) // rule 45: an object
		for _, name := range []string{"changeset", "contact", "key_service"} {
			if s, ok := doc[name].(string); !ok || s == "" {
				t.Errorf("rule 44: %s = %v", name, doc[name])
			}
		}
		endpoints := list(t, doc["endpoints"])
		types := []any{}
		for _, e := range endpoints {
			types = append(types, e["type"])
			if e["specification"] != "http://wiki.open311.org/GeoReport_v2" {
				t.Errorf("rule 46: specification = %v", e["specification"])
			}
			if e["url"] != baseURL+"/open311/v2" {
				t.Errorf("rule 50: url = %v", e["url"])
			}
			if f := e["formats"].([]any); !slices.Equal(f, []any{"text/xml", "application/json"}) {
				t.Errorf("rule 48: formats = %v", f)
			}
			if at, err := time.Parse(time.RFC3339, e["changeset"].(string)); err != nil || at.After(sys.now()) {
				t.Errorf("rule 49: changeset %v is in the future or no time: %v", e["changeset"], err)
			}
		}
		if !slices.Equal(types, []any{"production", "test"}) {
			t.Errorf("rule 47: types %v", types)
		}
	}
}

func TestOpen311ChangesetMovesWithTheServices(t *testing.T) {
	onBothDatabases(t, open311ChangesetMovesWithTheServices)
}

func open311ChangesetMovesWithTheServices(t *testing.T, sys *system) {
	before := sys.both(t, "/discovery", "").(map[string]any)["changeset"].(string)
	sys.pass(time.Hour)
	sys.configure(func(j *tenant.Jurisdiction) { j.Services = nil })
	after := sys.both(t, "/discovery", "").(map[string]any)["changeset"].(string)
	if after <= before {
		t.Errorf("rule 49: changeset %s, then %s", before, after)
	}
}

func TestOpen311Services(t *testing.T) { onBothDatabases(t, open311Services) }

func open311Services(t *testing.T, sys *system) {
	root, _ := spark(t, sys.get("/v2/services.xml").Body)
	if root != "services" {
		t.Errorf("rule 51: the root is <%s>", root)
	}
	names := map[any]bool{}
	all := list(t, sys.both(t, "/v2/services", ""))
	if len(all) != len(catalog.Base().Services()) {
		t.Errorf("%d services without a jurisdiction, want the base catalogue", len(all))
	}
	for _, s := range all {
		code := s["service_code"].(string)
		if len(s) != 7 {
			t.Errorf("rule 51: %s has the fields %v", code, s)
		}
		def := sys.both(t, "/v2/services/"+code, "").(map[string]any) // rule 60: an object
		attributes := list(t, def["attributes"])
		if s["metadata"] != (len(attributes) > 0) {
			t.Errorf("rule 52: %s has metadata %v and %d attributes", code, s["metadata"], len(attributes))
		}
		if s["type"] != "realtime" {
			t.Errorf("rule 53: type %v", s["type"])
		}
		if k, ok := s["keywords"].(string); !ok || strings.Contains(k, "private") {
			t.Errorf("rule 54: keywords %v", s["keywords"])
		}
		name := s["service_name"].(string)
		if names[name] || strings.TrimSpace(name) != name || name == "" {
			t.Errorf("rule 57: service_name %q is empty, padded or twice there", name)
		}
		names[name] = true
	}
}

func TestOpen311Definitions(t *testing.T) { onBothDatabases(t, open311Definitions) }

func open311Definitions(t *testing.T, sys *system) {
	datatypes := []any{"string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"}
	for _, s := range list(t, sys.both(t, "/v2/services", "")) {
		def := sys.both(t, "/v2/services/"+s["service_code"].(string), "").(map[string]any)
		if def["service_code"] != s["service_code"] {
			t.Errorf("rule 60: service_code %v", def["service_code"])
		}
		for i, a := range list(t, def["attributes"]) {
			if asText(a["order"]) != strconv.Itoa(i+1) {
				t.Errorf("rule 64: order %v at %d", a["order"], i+1)
			}
			if !slices.Contains(datatypes, a["datatype"]) {
				t.Errorf("rule 62: datatype %v", a["datatype"])
			}
			if a["variable"] == false && a["required"] != false {
				t.Errorf("rule 63: a notice is required: %v", a)
			}
			if a["description"] == nil || a["datatype_description"] == nil {
				t.Errorf("rule 66: %v", a)
			}
			isList := strings.HasSuffix(a["datatype"].(string), "list")
			if _, ok := a["values"]; ok != isList {
				t.Errorf("rule 65: values of a %v: %v", a["datatype"], a["values"])
			}
			if isList && len(list(t, a["values"])) == 0 {
				t.Errorf("rule 65: no values: %v", a)
			}
		}
	}
}

func TestOpen311ServicesOfAPlace(t *testing.T) { onBothDatabases(t, open311ServicesOfAPlace) }

func open311ServicesOfAPlace(t *testing.T, sys *system) {
	tests := []struct {
		name, query    string
		bin, inCatalog bool // the bin's colour is asked for; playground is offered
	}{
		{"no jurisdiction: the base catalogue", "", false, true},
		{"a jurisdiction", "?jurisdiction_id=2281", true, false},
		{"rule 23: its alias", "?jurisdiction_id=sundsvall.se", true, false},
		{"rule 26: an empty one is none", "?jurisdiction_id=", false, true},
		{"another jurisdiction", "?jurisdiction_id=2262", false, true},
		{"rule 59: a position", "?lat=" + sundsvallLat + "&long=" + sundsvallLong, true, false},
		{"a jurisdiction counts more than a position", "?jurisdiction_id=2262&lat=" + sundsvallLat + "&long=" + sundsvallLong, false, true},
		{"a position in the sea is ignored", "?lat=0&long=0", false, true},
		{"a position that is none is ignored", "?lat=NaN&long=x", false, true},
		{"half a position is ignored", "?lat=" + sundsvallLat, false, true},
		{"rule 33: unknown parameters are ignored", "?deviceid=1&q=%zz&api_key=wrong", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codes := []string{}
			for _, s := range list(t, sys.both(t, "/v2/services", tt.query)) {
				codes = append(codes, s["service_code"].(string))
			}
			if slices.Contains(codes, "playground") != tt.inCatalog {
				t.Errorf("services are %v", codes)
			}
			def := sys.both(t, "/v2/services/bin", tt.query).(map[string]any)
			asked := slices.ContainsFunc(list(t, def["attributes"]), func(a map[string]any) bool { return a["code"] == "bin-colour" })
			if asked != tt.bin {
				t.Errorf("the bin's colour is asked for: %v", asked)
			}
		})
	}
}

func TestOpen311SpeaksTheReadersLanguage(t *testing.T) {
	onBothDatabases(t, open311SpeaksTheReadersLanguage)
}

func open311SpeaksTheReadersLanguage(t *testing.T, sys *system) {
	for _, tt := range []struct{ accept, want string }{
		{"", "Potthål och skador i vägen"},
		{"en-GB,en;q=0.8", "Potholes and damaged roads"},
		{"fi", "Potthål och skador i vägen"},
		{";;;q=nonsense", "Potthål och skador i vägen"},
	} {
		doc := sys.get("/v2/services.json", "Accept-Language", tt.accept).document(t)
		if got := list(t, doc)[0]["service_name"]; got != tt.want {
			t.Errorf("Accept-Language %q gives %v", tt.accept, got)
		}
	}
}

// A service that a jurisdiction offers alone, without any question.
func TestOpen311ServiceWithoutAttributes(t *testing.T) {
	onBothDatabases(t, open311ServiceWithoutAttributes)
}

func open311ServiceWithoutAttributes(t *testing.T, sys *system) {
	both := func(s string) catalog.Text { return catalog.Text{"sv": s, "en": s} }
	sys.configure(func(j *tenant.Jurisdiction) {
		j.Services = []catalog.Override{{Code: "boat", New: &catalog.Service{
			Name: both("Båt"), Description: both("En båt"), Group: "other",
			Keywords: map[string][]string{"sv": {"Private", "båt, eka"}, "en": {"boat"}},
		}}}
	})
	def := sys.both(t, "/v2/services/boat", "?jurisdiction_id=2281").(map[string]any)
	if len(list(t, def["attributes"])) != 0 {
		t.Errorf("rule 67: %v", def)
	}
	for _, s := range list(t, sys.both(t, "/v2/services", "?jurisdiction_id=2281")) {
		if s["service_code"] != "boat" {
			continue
		}
		if s["metadata"] != false {
			t.Errorf("rule 52: metadata %v", s["metadata"])
		}
		if s["keywords"] != "båt  eka" {
			t.Errorf("rule 54: keywords %q", s["keywords"])
		}
	}
	id := sys.filed(t, sys.pothole("service_code", "boat"))
	if got := sys.row(t, id)["service_name"]; got != "Båt" {
		t.Errorf("service_name %v", got)
	}
	sys.configure(func(j *tenant.Jurisdiction) { j.Services = nil })
	if got := sys.row(t, id)["service_name"]; got != "boat" {
		t.Errorf("a service that is gone is named %v, want its code", got)
	}
	if a := sys.get("/v2/services/" + url.PathEscape("Klotter å/gata. 2") + ".json"); a.Status != 404 {
		t.Errorf("rules 41, 68: status %d", a.Status)
	}
}
