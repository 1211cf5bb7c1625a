package routing

import (
	"encoding/json"
	"testing"

	"github.com/kantsten/kantsten/internal/tenant"
)

// Rules that are accepted can be stored, read again and routed by: for a point
// that somebody owns, none of them makes routing fail.
func FuzzRules(f *testing.F) {
	f.Add([]byte(`[{"id":"a","outcome":"stay","layer":"municipality-owner","within_m":5,"owners":["22*"],"contact":true,"note":{"sv":"x"}}]`), 17.05, 30.0)
	f.Add([]byte(`[{"id":"a","outcome":"jurisdiction","to":"2262","services":["pothole"],"area":"2281"},{"id":"b","layer":"x","outcome":"owner"}]`), 17.0999, 0.0)
	f.Add([]byte(`[null,{"within_m":-1e308,"owners":[""],"note":{"":""}}]`), 17.15, 1e5)
	f.Add(defaults, 17.1, 12.0)
	f.Fuzz(func(t *testing.T, b []byte, lon, accuracyM float64) {
		var rules []Rule
		if json.Unmarshal(b, &rules) != nil || !(accuracyM >= 0 && accuracyM <= 1e5) {
			return // a position is checked before it comes here
		}
		s := *over(t, Set{}).Boundaries.Now()
		s.jurisdictions = map[string]tenant.Jurisdiction{"2281": {Code: "2281"}, "2262": {Code: "2262"}, "trafikverket": {Code: "trafikverket"}}
		if s.faults(installation, rules) != nil {
			return
		}
		list := NewRuleList(rules)
		again, err := ReadRuleList(list.SHA256, list.JSON())
		if err != nil {
			t.Fatal(err)
		}
		s.lists = map[string]RuleList{installation: again}
		s.reachM = reaches(s.lists)
		for layer := range s.reachM {
			s.layers[layer] = s.layers[Municipality] // whatever the layer is called, it has owners
		}
		found, err := s.locate(Question{Service: "pothole", Lat: 62.05, Lon: lon, AccuracyM: accuracyM})
		if err != nil {
			t.Fatal(err)
		}
		if found.Owner == nil {
			return
		}
		route, err := found.route()
		if err != nil || route.Jurisdiction == "" {
			t.Fatalf("%+v, %v", route, err)
		}
		for _, c := range found.Choices {
			trace, err := ReadTrace(found.trace(c).JSON())
			if err != nil || trace.Explain("sv") == "" || trace.Explain("en") == "" {
				t.Fatalf("%+v, %v", trace, err)
			}
		}
		_ = found.Question("sv")
	})
}

// What a file of rules in the database was changed into is noticed.
func FuzzReadRuleList(f *testing.F) {
	good := Defaults()
	f.Add(good.JSON())
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ReadRuleList(good.SHA256, b); err == nil && string(l.JSON()) != string(good.JSON()) {
			t.Errorf("%s is taken for the defaults", b)
		}
	})
}
