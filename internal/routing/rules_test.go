package routing_test

import (
	"strings"
	"testing"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestTheRulesOfAllOfSweden(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.jurisdiction(t, tenant.Jurisdiction{Code: "Ankarvik", Name: "Ankarvikens vägförening"})
	for name, tt := range map[string]struct {
		service    string
		lon        float64
		want, rule string
	}{
		"a hole in a state road is the road authority's":           {"pothole", stateRoad, "trafikverket", "state-road"},
		"14 m beside it counts as on it":                           {"pothole", stateRoad + 24*metre, "trafikverket", "state-road"},
		"17 m beside it does not":                                  {"pothole", stateRoad + 27*metre, "2281", routing.RuleArea},
		"litter at a state road is the municipality's":             {"litter", stateRoad, "2281", "beside-a-state-road"},
		"of a fault of any kind the service is not known":          {"", stateRoad, "2281", "beside-a-state-road"},
		"a municipal road is the municipality's":                   {"pothole", townRoad, "2281", "municipal-road"},
		"so is a private one, but its owner's contact is given":    {"pothole", privateRoad, "2281", "private-road"},
		"an association that is here gets its own":                 {"pothole", 17.08, "Ankarvik", "road-association"},
		"no road is near":                                          {"pothole", 17.05, "2281", routing.RuleArea},
		"the state road in the next municipality is the state's":   {"street-light", 17.12, "trafikverket", "state-road"},
		"outside every area, the nearest one's rules and its area": {"pothole", 17 - 30*metre, "2281", routing.RuleNearest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := w.route(t, routing.Question{Service: tt.service, Lon: tt.lon})
			if trace.Owner.Code != tt.want || trace.Rule != tt.rule || trace.Missing != "" {
				t.Errorf("%s by %q (%+v), want %s by %q", trace.Owner.Code, trace.Rule, trace, tt.want, tt.rule)
			}
			if trace.Contact != (tt.rule == "private-road" || tt.rule == "road-association") {
				t.Errorf("contact is given: %v", trace.Contact)
			}
		})
	}
}

// "Street lighting on a state road belongs to the state road authority, but in
// 2281 the municipality has taken it over."
func TestAMunicipalityTakesLightsOver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.rules(t, "2281", routing.Rule{
		ID: "lights", Services: []string{"street-light"}, Layer: "road-owner", WithinM: 15, Owners: []string{"STAT*"}, Outcome: routing.Stay,
	})
	for name, tt := range map[string]struct {
		service    string
		lon        float64
		want, rule string
	}{
		"a light there":                   {"street-light", stateRoad, "2281", "lights"},
		"a hole there":                    {"pothole", stateRoad, "trafikverket", "state-road"},
		"a light in another municipality": {"street-light", 17.12, "trafikverket", "state-road"},
	} {
		if trace := w.route(t, routing.Question{Service: tt.service, Lon: tt.lon}); trace.Owner.Code != tt.want || trace.Rule != tt.rule {
			t.Errorf("%s: %s by %q, want %s by %q", name, trace.Owner.Code, trace.Rule, tt.want, tt.rule)
		}
	}
}

func TestTheFirstRuleThatAppliesDecides(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	to := func(id, to string) routing.Rule {
		return routing.Rule{ID: id, Services: []string{"bench-furniture"}, Outcome: routing.ToJurisdiction, To: to}
	}
	want := func(what, code, rule string) {
		t.Helper()
		if trace := w.route(t, routing.Question{Service: "bench-furniture", Lon: stateRoad}); trace.Owner.Code != code || trace.Rule != rule {
			t.Errorf("%s: %s by %q, want %s by %q", what, trace.Owner.Code, trace.Rule, code, rule)
		}
	}
	want("the defaults come last", "2281", "beside-a-state-road")
	w.rules(t, "", to("first", "2262"), to("second", "trafikverket"))
	want("before them those of the installation, in their order", "2262", "first")
	w.rules(t, "2281", to("own", "trafikverket.se"))
	want("and first those of the municipality", "trafikverket", "own")
	w.rules(t, "2281")
	elsewhere := to("elsewhere", "2281")
	elsewhere.Area = "2262"
	w.rules(t, "", elsewhere, to("here", "2262"))
	want("a rule about another area does not apply", "2262", "here")
}

// Routing never fails for a point that somebody owns.
func TestARuleThatNamesNobodyLeavesTheReportWithTheMunicipality(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	trace := w.route(t, routing.Question{Service: "pothole", Lon: 17.08})
	if trace.Owner.Code != "2281" || trace.Rule != "road-association" || trace.Missing != "Ankarvik" || trace.Area != nil {
		t.Errorf("an owner that is no jurisdiction: %+v", trace)
	}
	for lang, words := range map[string]string{"sv": "Regeln pekar ut Ankarvik", "en": "The rule names Ankarvik"} {
		if text := trace.Explain(lang); !strings.Contains(text, words) {
			t.Errorf("%q lacks %q", text, words)
		}
	}
	w.jurisdiction(t, tenant.Jurisdiction{Code: "trafikverket", Name: "Trafikverket", Services: without("pothole")})
	if trace := w.route(t, routing.Question{Service: "pothole", Lon: stateRoad}); trace.Owner.Code != "2281" || trace.Missing != "trafikverket" {
		t.Errorf("a recipient that does not take holes: %+v", trace)
	}
	if trace := w.route(t, routing.Question{Service: "sign", Lon: stateRoad}); trace.Owner.Code != "trafikverket" {
		t.Errorf("a recipient that takes signs: %+v", trace)
	}
}

func TestAnInexactPositionIsAskedAbout(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for name, tt := range map[string]struct {
		service       string
		lon, accuracy float64
		choices       string
		sv            string // empty for no question
	}{
		"well inside": {"pothole", 17.05, 50, "2281", ""},
		"20 m from the border, within 30 m": {"pothole", theBorder - 20*metre, 30, "2281 2262",
			"Var är felet: i Sundsvall eller i Timrå?"},
		"20 m from the border, within 10 m": {"pothole", theBorder - 20*metre, 10, "2281", ""},
		"on the state road, within 5 m":     {"pothole", stateRoad, 5, "trafikverket", ""},
		"on the state road, within 20 m": {"pothole", stateRoad, 20, "trafikverket 2281",
			"Var är felet: på det som hör till Statlig väg (Trafikverket) eller någon annanstans i Sundsvall?"},
		"30 m beside it, within 35 m": {"pothole", stateRoad + 40*metre, 35, "2281 trafikverket",
			"Var är felet: någon annanstans i Sundsvall eller på det som hör till Statlig väg (Trafikverket)?"},
		"litter is the municipality's on the road and beside it": {"litter", stateRoad, 20, "2281", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := w.Locate(routing.Question{Service: tt.service, Lat: 62.05, Lon: tt.lon, AccuracyM: tt.accuracy})
			must(t, err)
			var codes []string
			for _, c := range found.Choices {
				codes = append(codes, c.Code)
			}
			if got := strings.Join(codes, " "); got != tt.choices || found.Certain != (tt.sv == "") {
				t.Errorf("choices %s, certain %v; want %s", got, found.Certain, tt.choices)
			}
			ask := found.Question("sv")
			if (ask != nil) != (tt.sv != "") || ask != nil && (ask.Text != tt.sv || len(ask.Answers) != len(codes)) {
				t.Errorf("the question is %+v, want %q", ask, tt.sv)
			}
		})
	}
}

// Of lines and points the nearest is meant, so long as it is near enough.
func TestLinesAndPointsOwnWhatIsNear(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.places(t, "road-owner", street("1", "Trafikverkets väg", stateRoad), street("2", "Gata", stateRoad+20*metre))
	w.places(t, "lamp-owner", lamp("trafikverket", "", 17.05), lamp("other", "", 17.05+30*metre))
	w.rules(t, "", routing.Rule{
		ID: "lamps", Services: []string{"street-light"}, Layer: "lamp-owner", WithinM: 10, Owners: []string{"trafikverket"}, Outcome: routing.ToOwner,
	})
	for name, tt := range map[string]struct {
		service       string
		lon, accuracy float64
		choices, rule string
	}{
		"on the road of the state":                         {"pothole", stateRoad, 0, "trafikverket", "state-road"},
		"9 m from it, 11 m from the street":                {"pothole", stateRoad + 9*metre, 0, "trafikverket", "state-road"},
		"11 m from it, 9 m from the street":                {"pothole", stateRoad + 11*metre, 0, "2281", "municipal-road"},
		"16 m beside it, where no street is":               {"pothole", stateRoad - 16*metre, 0, "2281", routing.RuleArea},
		"9 m from it, within 10 m":                         {"pothole", stateRoad + 9*metre, 10, "trafikverket", "state-road"},
		"9 m from it, within 12 m the street may be meant": {"pothole", stateRoad + 9*metre, 12, "trafikverket 2281", "state-road"},
		"less exact than the rule is, it may be beside it": {"pothole", stateRoad - 5*metre, 16, "trafikverket 2281", "state-road"},
		"16 m beside it, within 16.5 m":                    {"pothole", stateRoad - 16*metre, 16.5, "2281 trafikverket", routing.RuleArea},
		"a lamp post of the state":                         {"street-light", 17.05 + 8*metre, 0, "trafikverket", "lamps"},
		"12 m from it":                                     {"street-light", 17.05 + 12*metre, 0, "2281", routing.RuleArea},
		"somebody else's is nearer":                        {"street-light", 17.05 + 20*metre, 0, "2281", routing.RuleArea},
		"litter under it":                                  {"litter", 17.05, 0, "2281", routing.RuleArea},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := w.Locate(routing.Question{Service: tt.service, Lat: 62.05, Lon: tt.lon, AccuracyM: tt.accuracy})
			must(t, err)
			var codes []string
			for _, c := range found.Choices {
				codes = append(codes, c.Code)
			}
			if got := strings.Join(codes, " "); got != tt.choices || found.Choices[0].Rule != tt.rule {
				t.Errorf("%s by %q, want %s by %q", got, found.Choices[0].Rule, tt.choices, tt.rule)
			}
		})
	}
}

func TestAMunicipalityIsAnArea(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	places := &geo.NearBuilder{}
	must(t, places.Add(street("2281", "Sundsvall", 17)))
	for _, layer := range []string{"", routing.Municipality} {
		if _, _, err := w.Boundaries.ImportPlaces(t.Context(), places, routing.About{Layer: layer}, noon); err == nil {
			t.Errorf("layer %q takes lines", layer)
		}
	}
}

// A set that cannot be loaded leaves everything as it was, and so do the rules
// that came with it.
func TestASetThatCannotBeLoadedLeavesThePresentOne(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	before := w.Boundaries.Now()
	must(t, w.sets.AddSet(t.Context(), routing.Set{
		ID: "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", Layer: "lamp-owner", Kind: routing.Points, Index: "boundaries/none", SHA256: strings.Repeat("ab", 32), CreatedAt: noon,
	}))
	must(t, w.sets.ActivateSet(t.Context(), routing.Switch{Activation: routing.Activation{
		ID: "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5f", Layer: "lamp-owner", Set: "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", At: noon,
	}}))
	if err := w.Boundaries.Refresh(t.Context()); err == nil || w.Boundaries.Now() != before {
		t.Errorf("refresh: %v, the same snapshot: %v", err, w.Boundaries.Now() == before)
	}
}

func TestAnAnswerDecides(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	q := routing.Question{Service: "pothole", Lat: 62.05, Lon: theBorder - 20*metre, AccuracyM: 30}
	silent := w.route(t, q)
	if silent.Owner.Code != "2281" || silent.Certain || !silent.Asked || silent.Answer != "" || silent.RunnerUp != "2262" {
		t.Errorf("without an answer: %+v", silent)
	}
	q.Answer = "2262"
	said := w.route(t, q)
	if said.Owner.Code != "2262" || said.Answer != "2262" || said.Certain || said.RunnerUp != "2281" {
		t.Errorf("with one: %+v", said)
	}
	for text, words := range map[string]string{
		silent.Explain("sv"): "kunde säga var felet är men gjorde det inte", silent.Explain("en"): "If it is not theirs, it goes to Timrå (2262) next.",
		said.Explain("sv"): "valde Timrå", said.Explain("en"): "chose Timrå",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q lacks %q", text, words)
		}
	}
	q.Answer = "0180"
	_, err := w.Route(t.Context(), q)
	wantFault(t, err, "/answer", "unknown")
	if p := problem.As(err); !strings.Contains(p.Detail, "2281 (Sundsvall), 2262 (Timrå)") {
		t.Errorf("%q does not name the choices", p.Detail)
	}
	q.AccuracyM, q.Answer = 0, "2281" // the position has become exact since the question
	if trace := w.route(t, q); trace.Owner.Code != "2281" || !trace.Certain {
		t.Errorf("an answer where there is no doubt: %+v", trace)
	}
}

func TestAPrivateRoadIsExplained(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	trace := w.route(t, routing.Question{Service: "pothole", Lon: privateRoad})
	for lang, words := range map[string][]string{
		"sv": {"Platsen ligger i Sundsvall (2281), 0 m från det som hör till Enskild väg (private)", "Vägen är enskild"},
		"en": {"0 m from what belongs to Enskild väg (private)", "This is a private road"},
	} {
		for _, word := range words {
			if text := trace.Explain(lang); !strings.Contains(text, word) {
				t.Errorf("%q lacks %q", text, word)
			}
		}
	}
	if name, contact := w.Boundaries.Now().Contact("trafikverket.se"); name != "Trafikverket" || contact != "0771-921 921" {
		t.Errorf("the contact of the road authority is %q, %q", name, contact)
	}
	if name, contact := w.Boundaries.Now().Contact("private"); name != "" || contact != "" {
		t.Errorf("nobody has the contact %q, %q", name, contact)
	}
}

func TestWhatRulesMayNotSay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	good := routing.Rule{ID: "a", Outcome: routing.Stay}
	for name, tt := range map[string]struct {
		of    string
		spoil func(*routing.Rule)
		field string
		code  string
	}{
		"no id":                         {"", func(r *routing.Rule) { r.ID = "" }, "/rules/1/id", "pattern"},
		"an id in capitals":             {"", func(r *routing.Rule) { r.ID = "A" }, "/rules/1/id", "pattern"},
		"an id that means no rule":      {"", func(r *routing.Rule) { r.ID = "area" }, "/rules/1/id", "reserved"},
		"an id twice":                   {"", func(r *routing.Rule) { r.ID = "first" }, "/rules/1/id", "duplicate"},
		"an area that is not":           {"", func(r *routing.Rule) { r.Area = "9999" }, "/rules/1/area", "unknown"},
		"an alias for an area":          {"", func(r *routing.Rule) { r.Area = "trafikverket.se" }, "/rules/1/area", "unknown"},
		"somebody else's area":          {"2281", func(r *routing.Rule) { r.Area = "2262" }, "/rules/1/area", "elsewhere"},
		"a service that is not":         {"2281", func(r *routing.Rule) { r.Services = []string{"pothole", "ufo"} }, "/rules/1/services/1", "unknown"},
		"the layer of the areas":        {"", func(r *routing.Rule) { r.Layer = routing.Municipality }, "/rules/1/layer", "unknown"},
		"a layer with a slash":          {"", func(r *routing.Rule) { r.Layer = "a/b" }, "/rules/1/layer", "pattern"},
		"owners of no layer":            {"", func(r *routing.Rule) { r.Owners = []string{"x"} }, "/rules/1/layer", "required"},
		"501 m":                         {"", func(r *routing.Rule) { r.Layer, r.WithinM = "road", 501 }, "/rules/1/within_m", "out-of-range"},
		"less than nothing":             {"", func(r *routing.Rule) { r.Layer, r.WithinM = "road", -1 }, "/rules/1/within_m", "out-of-range"},
		"an owner without a name":       {"", func(r *routing.Rule) { r.Layer, r.Owners = "road", []string{""} }, "/rules/1/owners/0", "length"},
		"a star in the middle":          {"", func(r *routing.Rule) { r.Layer, r.Owners = "road", []string{"a*b"} }, "/rules/1/owners/0", "pattern"},
		"an owner that ends the line":   {"", func(r *routing.Rule) { r.Layer, r.Owners = "road", []string{"a\x00"} }, "/rules/1/owners/0", "control-character"},
		"101 owners":                    {"", func(r *routing.Rule) { r.Layer, r.Owners = "road", make([]string, 101) }, "/rules/1/owners", "too-many"},
		"an outcome that is none":       {"", func(r *routing.Rule) { r.Outcome = "drop" }, "/rules/1/outcome", "unknown"},
		"a recipient that is not":       {"", func(r *routing.Rule) { r.Outcome, r.To = routing.ToJurisdiction, "9999" }, "/rules/1/to", "unknown"},
		"a recipient that stays":        {"", func(r *routing.Rule) { r.To = "2281" }, "/rules/1/to", "unexpected"},
		"the owner of nothing":          {"", func(r *routing.Rule) { r.Outcome = routing.ToOwner }, "/rules/1/layer", "required"},
		"a note in no language":         {"", func(r *routing.Rule) { r.Note = catalog.Text{"": "x"} }, "/rules/1/note", "unknown"},
		"a note of 1001 letters":        {"", func(r *routing.Rule) { r.Note = catalog.Text{"sv": strings.Repeat("ö", 1001)} }, "/rules/1/note/sv", "length"},
		"a note that rings a bell":      {"", func(r *routing.Rule) { r.Note = catalog.Text{"sv": "\a"} }, "/rules/1/note/sv", "control-character"},
		"a note that is not UTF-8":      {"", func(r *routing.Rule) { r.Note = catalog.Text{"sv": "\xff"} }, "/rules/1/note/sv", "not-utf-8"},
		"a contact of nobody":           {"", func(r *routing.Rule) { r.Contact = true }, "/rules/1/layer", "required"},
		"another municipality's own":    {"2281", func(r *routing.Rule) { r.Services = []string{"sauna"} }, "/rules/1/services/0", "unknown"},
		"500 m but no number, to begin": {"", func(r *routing.Rule) { r.WithinM = 500 }, "/rules/1/layer", "required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, rule := good, good
			first.ID = "first"
			tt.spoil(&rule)
			_, err := w.Boundaries.PutRules(t.Context(), tt.of, []routing.Rule{first, rule}, 1, noon)
			wantFault(t, err, tt.field, tt.code)
		})
	}
	_, err := w.Boundaries.PutRules(t.Context(), "", make([]routing.Rule, 501), 1, noon)
	wantFault(t, err, "/rules", "too-many")
	if _, err := w.Boundaries.PutRules(t.Context(), "", []routing.Rule{good}, 2, noon); !problem.Is(err, problem.Stale) {
		t.Errorf("at another version: %v", err)
	}
}

// The defaults pass what everybody's rules have to, but for the road authority
// that an installation need not have.
func TestTheDefaultsAreRulesLikeOthers(t *testing.T) {
	t.Parallel()
	if _, err := newTown(t).Boundaries.PutRules(t.Context(), "", routing.Defaults().Rules, 1, noon); err != nil {
		t.Error(err)
	}
}
