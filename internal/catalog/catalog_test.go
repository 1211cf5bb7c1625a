package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestTextFallsBackToSwedishThenEnglishThenAny(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text       Text
		lang, want string
	}{
		{Text{"sv": "grop", "en": "hole"}, "en", "hole"},
		{Text{"sv": "grop", "en": "hole"}, "fi", "grop"},
		{Text{"sv": "", "en": "hole"}, "sv", "hole"},
		{Text{"se": "bohtu", "fi": "kuoppa"}, "sv", "kuoppa"}, // neither: the same at every call
		{Text{"fi": ""}, "fi", ""},
		{nil, "sv", ""},
	}
	for _, tt := range tests {
		if got := tt.text.In(tt.lang); got != tt.want {
			t.Errorf("%v.In(%q) = %q, want %q", tt.text, tt.lang, got, tt.want)
		}
	}
}

// The codes are part of the API: this list may grow, never change.
func TestBaseHasTheTwentyServices(t *testing.T) {
	t.Parallel()
	if _, err := parse(baseJSON); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"pothole", "street-light", "litter", "graffiti", "winter-road", "sign", "playground", "tree-park",
		"drain-water", "abandoned-vehicle", "traffic-signal", "cycle-path", "snow-ice", "bridge", "bin",
		"bench-furniture", "dead-animal", "dangerous-object", "public-toilet", "other",
	}
	var got []string
	for _, s := range Base().Services() {
		got = append(got, s.Code)
		if one, ok := Base().Service(s.Code); !ok || one.Code != s.Code {
			t.Errorf("Service(%q) = %q, %v", s.Code, one.Code, ok)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("services = %v, want %v", got, want)
	}
	if _, ok := Base().Service("Pothole"); ok {
		t.Error("codes must be matched exactly")
	}
}

func TestBaseSpeaksBothLanguagesEverywhere(t *testing.T) {
	t.Parallel()
	for _, s := range Base().Services() {
		texts := map[string]Text{"name": s.Name, "description": s.Description, "group": s.GroupName}
		for _, a := range s.Attributes {
			texts[a.Code], texts[a.Code+" hint"] = a.Name, a.Hint
			for _, v := range a.Values {
				texts[a.Code+"="+v.Key] = v.Name
			}
			if a.Required {
				t.Errorf("%s: %s is required; a crew can act without it", s.Code, a.Code)
			}
		}
		for what, text := range texts {
			if text["sv"] == "" || text["en"] == "" || len(text) != 2 {
				t.Errorf("%s: %s = %v, want Swedish and English", s.Code, what, text)
			}
		}
		for _, lang := range languages {
			if len(s.KeywordsIn(lang)) < 2 {
				t.Errorf("%s: too few keywords in %s", s.Code, lang)
			}
		}
		if !slices.Equal(s.KeywordsIn("fi"), s.Keywords["sv"]) {
			t.Errorf("%s: keywords do not fall back to Swedish", s.Code)
		}
	}
}

func TestParseRefusesABrokenCatalogue(t *testing.T) {
	t.Parallel()
	const groups = `"groups": {"g": {"sv": "G", "en": "G"}}`
	const name = `"name": {"sv": "N", "en": "N"}, "description": {"sv": "D", "en": "D"}, "group": "g", "order": 1`
	attribute := func(rest string) string {
		return `{` + groups + `, "services": [{"code": "a", ` + name + `, "attributes": [{"name": {"sv": "N", "en": "N"}, "hint": {"sv": "H", "en": "H"}, ` + rest + `}]}]}`
	}
	tests := []struct{ rule, doc, want string }{
		{"not JSON", `{`, "parse catalogue"},
		{"unknown member", `{"extra": 1}`, "unknown field"},
		{"duplicate code", `{` + groups + `, "services": [{"code": "a", ` + name + `}, {"code": "a", ` + name + `}]}`, "unique"},
		{"code like a number", `{` + groups + `, "services": [{"code": "001", ` + name + `}]}`, "/services/0/code"},
		{"upper case", `{` + groups + `, "services": [{"code": "A", ` + name + `}]}`, "/services/0/code"},
		{"no English", `{` + groups + `, "services": [{"code": "a", "name": {"sv": "N"}, "description": {"sv": "D", "en": "D"}, "group": "g"}]}`, "/services/0/name/en"},
		{"trailing space", `{` + groups + `, "services": [{"code": "a", "name": {"sv": "N ", "en": "N"}, "description": {"sv": "D", "en": "D"}, "group": "g"}]}`, "/services/0/name/sv"},
		{"unknown group", `{"services": [{"code": "a", ` + name + `}]}`, "/services/0/group"},
		{"FixMyStreet's word", `{` + groups + `, "services": [{"code": "a", ` + name + `, "keywords": {"en": ["Private"]}}]}`, "must not use the words"},
		{"comma in a keyword", `{` + groups + `, "services": [{"code": "a", ` + name + `, "keywords": {"en": ["a,b"]}}]}`, "commas"},
		{"unknown datatype", attribute(`"code": "x", "datatype": "boolean"`), "/attributes/0/datatype"},
		{"list without values", attribute(`"code": "x", "datatype": "singlevaluelist"`), "at least one value"},
		{"values without a list", attribute(`"code": "x", "datatype": "string", "values": [{"key": "k", "name": {"sv": "K", "en": "K"}}]`), "only the two list"},
		{"required notice", attribute(`"code": "x", "datatype": "string", "required": true, "variable": false`), "cannot be required"},
		{"bracket in a code", attribute(`"code": "x[]", "datatype": "string"`), "/attributes/0/code"},
		{"value without a key", attribute(`"code": "x", "datatype": "singlevaluelist", "values": [{"name": {"sv": "K", "en": "K"}}]`), "/values/0/key"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if _, err := parse([]byte(tt.doc)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}
