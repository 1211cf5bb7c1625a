package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/kantsten/kantsten/internal/catalog"
)

// jsonTypes are the fields of all documents by what their values are in JSON
// (rules 9, 10 and 108): ids and codes are texts however much they look like
// numbers, and what is empty is null, never {} or [].
func jsonTypes() map[string][]string {
	types := map[string][]string{
		"text": {
			// services and their definitions
			"service_code", "service_name", "type", "group", "code", "datatype", "key", "name",
			// requests
			"service_request_id", "status", "requested_datetime", "updated_datetime",
			// discovery
			"changeset", "contact", "key_service", "specification", "url",
		},
		"text or null": {
			"description", "keywords", "datatype_description", "status_notes", "service_notice", "agency_responsible",
			"expected_datetime", "address", "address_id", "zipcode", "media_url", "account_id",
		},
		"truth":  {"metadata", "variable", "required"},
		"number": {"lat", "long", "order"},
		"list":   {"attributes", "values", "endpoints", "formats"},
	}
	byField := map[string][]string{}
	for kind, fields := range types {
		for _, f := range fields {
			byField[f] = append(byField[f], kind)
		}
	}
	return byField
}

// typeFaults says which values of a JSON document are of another type than their
// field's, and which fields no rule knows (rule 107: no extensions).
func typeFaults(doc any) (faults []string) {
	known := jsonTypes()
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				look(item)
			}
		case map[string]any:
			for _, field := range slices.Sorted(maps.Keys(v)) {
				want := known[field]
				if len(v) == 2 && field == "code" && v["description"] != nil { // an error (rule 11)
					want = []string{"number"}
				}
				if got := jsonType(v[field]); !slices.Contains(want, got) && !slices.Contains(want, got+" or null") && (got != "null" || !slices.Contains(want, "text or null")) {
					faults = append(faults, fmt.Sprintf("%s is a %s, want %v", field, got, want))
				}
				look(v[field])
			}
		}
	}
	look(doc)
	return faults
}

func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "truth"
	case json.Number:
		return "number"
	case []any:
		return "list"
	}
	return "object"
}

// Every document that a test reads goes through typeFaults; here is that it sees.
func TestOpen311WrongTypesAreSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		doc   map[string]any
		wrong bool
	}{
		{"an id that is a text", map[string]any{"service_request_id": "7"}, false},
		{"an id that is a number", map[string]any{"service_request_id": json.Number("7")}, true},
		{"a code that is a number", map[string]any{"service_code": json.Number("1"), "service_name": "x"}, true},
		{"an attribute's code that is a number", map[string]any{"code": json.Number("1"), "description": "x", "datatype": "string"}, true},
		{"an error's code that is a number", map[string]any{"code": json.Number("404"), "description": "x"}, false},
		{"an error's code that is a text", map[string]any{"code": "404", "description": "x"}, true},
		{"no postcode", map[string]any{"zipcode": nil}, false},
		{"a postcode that is a number", map[string]any{"zipcode": json.Number("85231")}, true},
		{"no address, as an object", map[string]any{"address": map[string]any{}}, true},
		{"no id", map[string]any{"service_request_id": nil}, true},
		{"a position in words", map[string]any{"lat": "62.39"}, true},
		{"a truth in words", map[string]any{"metadata": "true"}, true},
		{"an agency that is an object", map[string]any{"agency_responsible": map[string]any{"recipient": "x"}}, true},
		{"a field of some extension", map[string]any{"extended_attributes": map[string]any{}}, true},
		{"one below", map[string]any{"values": []any{map[string]any{"key": json.Number("1"), "name": "x"}}}, true},
	} {
		if faults := typeFaults([]any{tt.doc}); (len(faults) > 0) != tt.wrong {
			t.Errorf("%s: %q", tt.name, faults)
		}
	}
}

// Rules 9, 10, 61, 107 and 108: every field of every resource has its type.
func TestOpen311ValuesKeepTheirTypes(t *testing.T) { onBothDatabases(t, open311ValuesKeepTheirTypes) }

func open311ValuesKeepTheirTypes(t *testing.T, sys *system) {
	sys.filed(t, sys.pothole("address_string", "12", "description", "7", "attribute[size]", "small"))
	sys.filed(t, sys.pothole("service_code", "bin", "attribute[bin-colour]", "0"))
	met := map[string]bool{}
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				collect(item)
			}
		case map[string]any:
			for field, below := range v {
				met[field] = true
				collect(below)
			}
		}
	}
	paths := []string{"/discovery", "/v2/services", "/v2/requests"}
	for _, s := range catalog.Base().Services() {
		paths = append(paths, "/v2/services/"+s.Code)
	}
	for _, path := range paths {
		doc := sys.both(t, path, "")
		collect(doc)
		if faults := typeFaults(doc); len(faults) > 0 {
			t.Errorf("%s: %q", path, faults)
		}
	}
	a := sys.both(t, "/v2/services/pothole", "").(map[string]any)
	for _, at := range list(t, a["attributes"]) {
		for _, field := range []string{"variable", "code", "datatype", "required", "datatype_description", "order", "description"} {
			if _, ok := at[field]; !ok {
				t.Errorf("rule 61: %v has no %s", at["code"], field)
			}
		}
	}
	for field := range jsonTypes() {
		later := slices.Contains([]string{"service_notice", "expected_datetime", "agency_responsible", "account_id", "status_notes"}, field) // where there is something to say
		if !met[field] && !later {
			t.Errorf("no document has %s", field)
		}
	}
}

// Rules 55 and 56: a group is one text; codes stay as they are, are told apart,
// and none can be taken for a number. A code that is changed here breaks every
// program that has it stored.
func TestOpen311CodesAreStable(t *testing.T) { onBothDatabases(t, open311CodesAreStable) }

func open311CodesAreStable(t *testing.T, sys *system) {
	want := []string{
		"abandoned-vehicle", "bench-furniture", "bin", "bridge", "cycle-path", "dangerous-object", "dead-animal", "drain-water", "graffiti", "litter",
		"other", "playground", "pothole", "public-toilet", "sign", "snow-ice", "street-light", "traffic-signal", "tree-park", "winter-road",
	}
	var got []string
	for _, s := range list(t, sys.both(t, "/v2/services", "")) {
		code := s["service_code"].(string)
		got = append(got, code)
		if _, err := strconv.ParseFloat(code, 64); err == nil {
			t.Errorf("rule 56: %s is a number to some", code)
		}
		if group, ok := s["group"].(string); !ok || group == "" {
			t.Errorf("rule 55: the group of %s is %v", code, s["group"])
		}
		def := sys.both(t, "/v2/services/"+code, "").(map[string]any)
		if def["service_code"] != code {
			t.Errorf("rule 56: %s comes back as %v", code, def["service_code"])
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("rule 56: the codes are %q, want %q", got, want)
	}
	id := sys.filed(t, sys.pothole("service_code", "winter-road"))
	if code := sys.row(t, id)["service_code"]; code != "winter-road" {
		t.Errorf("rule 56: filed as winter-road, read as %v", code)
	}
}
