package suite

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// onARoad lies in Sundsvall, on a private road some 20 m wide.
var onARoad = place{62.3, 17.2}

func TestRules(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		s.loadRoads(t)
		admin, operator := s.staff(t, auth.Administrator, sundsvall), s.staff(t, auth.Operator, "")
		t.Run("a private road", func(t *testing.T) { ownersContact(t, s, operator.WithTest(t)) })
		t.Run("rules are changed at their version", func(t *testing.T) { rulesAtVersion(t, s, admin.WithTest(t)) })
		t.Run("the rules of the installation", func(t *testing.T) { installationRules(t, s, operator.WithTest(t)) })
		t.Run("rules that are refused", func(t *testing.T) { badRules(t, s, admin.WithTest(t), operator.WithTest(t)) })
	})
}

func TestQuestions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("near a border one question is asked", func(t *testing.T) { askedNearBorder(t, s) })
		t.Run("the answer decides", func(t *testing.T) { answerDecides(t, s) })
		t.Run("who does not want it gives it back", func(t *testing.T) { givenBack(t, s) })
	})
}

// loadRoads makes an association the owner of a road.
func (s *system) loadRoads(t *testing.T) {
	t.Helper()
	roads := &geo.Builder{}
	must(t, roads.Add(rectangle("Ankarvik", "Ankarvikens vägförening", orb.Bound{Min: orb.Point{17.1998, 62.2}, Max: orb.Point{17.2002, 62.4}})))
	b := s.server.Router.Boundaries
	set, _, err := b.Import(t.Context(), roads, routing.About{Layer: "road-owner", Source: "roads"}, s.now())
	must(t, err)
	must(t, b.Activate(t.Context(), set.ID, s.now()))
}

func ownersContact(t *testing.T, s *system, operator *apitest.Client) {
	l := s.locate(t, onARoad, "&service=pothole")
	if l.Jurisdiction.Code != sundsvall || l.Owner == nil || l.Owner.Name != "Ankarvikens vägförening" || l.Owner.Contact != "" {
		t.Errorf("before the association is here: %+v, owner %+v", l.Jurisdiction, l.Owner)
	}
	operator.Send(http.MethodPut, "/v1/jurisdictions/Ankarvik", fields{"name": "Ankarviks vägförening", "channel": "none", "contact": "styrelsen@example.org"}).Want(http.StatusCreated)
	must(t, s.server.Router.Refresh(t.Context())) // as the program does each second
	l = s.locate(t, onARoad, "&service=pothole")
	if l.Jurisdiction.Code != "Ankarvik" || l.Owner == nil || l.Owner.Name != "Ankarviks vägförening" || l.Owner.Contact != "styrelsen@example.org" {
		t.Errorf("once it is here: %+v, owner %+v", l.Jurisdiction, l.Owner)
	}
	var j api.Jurisdiction
	if s.in(t).Get("/v1/jurisdictions/Ankarvik").Want(http.StatusOK).JSON(&j); j.Contact != "styrelsen@example.org" {
		t.Errorf("its contact is %q", j.Contact)
	}
	var why api.Routing
	r := s.filed(t, onARoad, nil)
	s.in(t).With("Accept-Language", "sv").Get("/v1/reports/" + r.Id + "/routing").Want(http.StatusOK).JSON(&why)
	if r.Jurisdiction.Code != "Ankarvik" || why.Reason != "rule" || why.Rule != "road-association" || why.RuleList == "" || why.Area.Code != sundsvall ||
		len(why.Features) != 1 || len(why.Layers) != 1 || why.Layers[0].BoundarySet == "" || why.Owner == nil || !strings.Contains(why.Explanation, "Platsen ligger i Sundsvall (2281)") {
		t.Errorf("it was routed so: %+v", why)
	}
}

const ofSundsvall = "/v1/jurisdictions/sundsvall.se/rules"

func rulesAtVersion(t *testing.T, s *system, admin *apitest.Client) {
	var now, put api.RoutingRules
	res := admin.Get(ofSundsvall).Want(http.StatusOK)
	if res.JSON(&now); len(now.Rules) != 0 || now.Version != 1 || res.Header.Get("ETag") != `"1"` || len(now.Defaults) != 0 {
		t.Errorf("before any: %+v", now)
	}
	rule := fields{
		"id": "ours", "services": []string{"pothole"}, "layer": "road-owner", "within_m": 2.5, "owners": []string{"ankar*"},
		"outcome": "stay", "contact": true, "note": fields{"sv": "Kommunen lagar vägen.", "en": "The municipality mends the road."},
	}
	body := fields{"rules": []fields{rule}}
	admin.Send(http.MethodPut, ofSundsvall, body).Want(http.StatusPreconditionRequired)
	at := func(version string) *apitest.Client { return admin.With("If-Match", version) }
	res = at(`"1"`).Send(http.MethodPut, ofSundsvall, body).Want(http.StatusOK)
	if res.JSON(&put); put.Version != 2 || res.Header.Get("ETag") != `"2"` || put.Sha256 == now.Sha256 || len(put.Rules) != 1 {
		t.Errorf("put: %+v", put)
	}
	var met struct{ Current api.RoutingRules }
	if err := json.Unmarshal(at(`"1"`).Send(http.MethodPut, ofSundsvall, body).Want(http.StatusPreconditionFailed).Body, &met); err != nil || met.Current.Sha256 != put.Sha256 {
		t.Errorf("the refusal shows %+v, %v", met.Current, err)
	}
	sameFields(t, "the rules", admin.Get(ofSundsvall).Want(http.StatusOK), body)

	r := s.filed(t, onARoad, nil)
	var why api.Routing
	s.in(t).With("Accept-Language", "en").Get("/v1/reports/" + r.Id + "/routing").Want(http.StatusOK).JSON(&why)
	if r.Jurisdiction.Code != sundsvall || why.Rule != "ours" || why.RuleList != put.Sha256 || why.Note != "The municipality mends the road." || why.Owner == nil {
		t.Errorf("it goes to %s: %+v", r.Jurisdiction.Code, why)
	}
	if l := s.locate(t, onARoad, "&service=pothole"); l.Note != "Kommunen lagar vägen." || l.Jurisdiction.Code != sundsvall {
		t.Errorf("locate says %+v", l)
	}
	// As many as the contract allows, each with much to say.
	rule["note"] = fields{"sv": strings.Repeat("å", 500), "en": strings.Repeat("x", 500)}
	many := make([]fields, 500)
	for i := range many {
		many[i] = maps.Clone(rule)
		many[i]["id"] = fmt.Sprint("ours-", i)
	}
	at(`"2"`).Send(http.MethodPut, ofSundsvall, fields{"rules": many}).Want(http.StatusOK)
	at(`"3"`).Send(http.MethodPut, ofSundsvall, fields{"rules": []fields{}}).Want(http.StatusOK)
	if r := s.filed(t, onARoad, nil); r.Jurisdiction.Code != "Ankarvik" {
		t.Errorf("without the rule it goes to %s", r.Jurisdiction.Code)
	}
}

// sameFields compares what an answer says with what was sent.
func sameFields(t *testing.T, what string, res apitest.Response, sent fields) {
	t.Helper()
	var got fields
	res.JSON(&got)
	for field, want := range sent {
		a, _ := json.Marshal(got[field])
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s: %s is %s, want %s", what, field, a, b)
		}
	}
}

func installationRules(t *testing.T, s *system, operator *apitest.Client) {
	var now api.RoutingRules
	operator.Get("/v1/rules").Want(http.StatusOK).JSON(&now)
	if len(now.Rules) != 0 || now.Version != 1 || len(now.Defaults) == 0 || now.Defaults[0].Id != "state-road" {
		t.Errorf("before any: %+v", now)
	}
	body := fields{"rules": []fields{{"id": "bins", "area": sundsvall, "services": []string{"bin"}, "outcome": "jurisdiction", "to": "stockholm.se"}}}
	operator.With("If-Match", `"1"`).Send(http.MethodPut, "/v1/rules", body).Want(http.StatusOK)
	if l := s.locate(t, inSundsvall, "&service=bin"); l.Jurisdiction.Code != stockholm {
		t.Errorf("a bin in Sundsvall is %s's", l.Jurisdiction.Code)
	}
	if l := s.locate(t, inSundsvall, ""); l.Jurisdiction.Code != sundsvall {
		t.Errorf("Sundsvall is %s's", l.Jurisdiction.Code)
	}
}

func badRules(t *testing.T, s *system, admin, operator *apitest.Client) {
	var many []fields
	for i := range 501 {
		many = append(many, fields{"id": fmt.Sprint("r", i), "outcome": "stay"})
	}
	before := s.count(t, "SELECT count(*) FROM rule_lists")
	for name, tt := range map[string]struct {
		field string
		rules any
	}{
		"no list":                     {"/rules", nil},
		"a rule that is null":         {"/rules/0", []any{nil}},
		"501 rules":                   {"/rules", many},
		"no id":                       {"/rules/0/id", []fields{{"outcome": "stay"}}},
		"no outcome":                  {"/rules/0/outcome", []fields{{"id": "a"}}},
		"an outcome that is none":     {"/rules/0/outcome", []fields{{"id": "a", "outcome": "drop"}}},
		"a field that is none":        {"/rules/0/whom", []fields{{"id": "a", "outcome": "stay", "whom": "x"}}},
		"a distance without end":      {"/rules/0/within_m", []fields{{"id": "a", "outcome": "stay", "layer": "x", "within_m": 1e308}}},
		"owners that are no texts":    {"/rules/0/owners/0", []fields{{"id": "a", "outcome": "stay", "layer": "x", "owners": []any{7}}}},
		"an owner with a NUL":         {"/rules/0/owners/0", []fields{{"id": "a", "outcome": "stay", "layer": "x", "owners": []any{"\x00"}}}},
		"a layer with a path":         {"/rules/0/layer", []fields{{"id": "a", "outcome": "stay", "layer": "../x"}}},
		"an unknown service":          {"/rules/0/services/0", []fields{{"id": "a", "outcome": "stay", "services": []any{"unicorn"}}}},
		"an unknown recipient":        {"/rules/0/to", []fields{{"id": "a", "outcome": "jurisdiction", "to": "9999"}}},
		"a note of 1001 letters":      {"/rules/0/note/sv", []fields{{"id": "a", "outcome": "stay", "note": fields{"sv": strings.Repeat("x", 1001)}}}},
		"the same id twice":           {"/rules/1/id", []fields{{"id": "a", "outcome": "stay"}, {"id": "a", "outcome": "stay"}}},
		"another jurisdiction's area": {"/rules/0/area", []fields{{"id": "a", "outcome": "stay", "area": "9999"}}},
	} {
		for path, c := range map[string]*apitest.Client{ofSundsvall: admin, "/v1/rules": operator} {
			t.Run(name+" "+path, func(t *testing.T) {
				res := c.WithTest(t).With("If-Match", `"1"`).Send(http.MethodPut, path, fields{"rules": tt.rules})
				if p := res.WantProblem(problem.Invalid); !slices.ContainsFunc(p.Errors, func(f problem.FieldError) bool { return f.Field == tt.field }) {
					t.Errorf("%+v, want a fault of %s", p.Errors, tt.field)
				}
			})
		}
	}
	admin.Get("/v1/jurisdictions/9999/rules").Want(http.StatusNotFound)
	if after := s.count(t, "SELECT count(*) FROM rule_lists"); after != before {
		t.Errorf("%d lists were stored", after-before)
	}
}

var nearBorder = place{62.3, 17.4996} // 20 m west of it

func askedNearBorder(t *testing.T, s *system) {
	for language, want := range map[string]string{
		"sv": "Var är felet: i Sundsvall eller i Stockholm?", "en": "Where is the fault: in Sundsvall or in Stockholm?",
	} {
		var l api.Location
		s.in(t).With("Accept-Language", language).Get(fmt.Sprintf("/v1/locate?lat=%v&lon=%v&accuracy=50", nearBorder.lat, nearBorder.lon)).Want(http.StatusOK).JSON(&l)
		if l.Question == nil || l.Question.Text != want || len(l.Question.Answers) != 2 || l.Question.Answers[1].Code != stockholm {
			t.Errorf("%s: %+v", language, l.Question)
		}
	}
	for _, more := range []string{"", "&accuracy=8"} {
		if l := s.locate(t, nearBorder, more); l.Question != nil || !l.Certain {
			t.Errorf("%q: without a doubt %+v is asked", more, l.Question)
		}
	}
}

func answerDecides(t *testing.T, s *system) {
	said := s.filed(t, nearBorder, fields{"accuracy_m": 50, "answer": stockholm})
	silent := s.filed(t, nearBorder, fields{"accuracy_m": 50})
	if said.Jurisdiction.Code != stockholm || silent.Jurisdiction.Code != sundsvall {
		t.Errorf("with an answer %s, without %s", said.Jurisdiction.Code, silent.Jurisdiction.Code)
	}
	for _, tt := range []struct {
		id, answer, runnerUp string
	}{{said.Id, stockholm, sundsvall}, {silent.Id, "", stockholm}} {
		var why api.Routing
		s.in(t).Get("/v1/reports/" + tt.id + "/routing").Want(http.StatusOK).JSON(&why)
		if !why.Asked || why.Certain || why.Answer != tt.answer || why.RunnerUp != tt.runnerUp || len(why.Candidates) != 2 {
			t.Errorf("%q: %+v", tt.answer, why)
		}
	}
	res := s.in(t).Send(http.MethodPost, "/v1/reports", pothole(nearBorder, fields{"accuracy_m": 50, "answer": goteborg}))
	if p := res.WantProblem(problem.Invalid); len(p.Errors) != 1 || p.Errors[0].Field != "/answer" || !strings.Contains(p.Errors[0].Detail, "2281 (Sundsvall), 0180 (Stockholm)") {
		t.Errorf("%+v", p)
	}
}

func givenBack(t *testing.T, s *system) {
	r := s.filed(t, nearBorder, fields{"accuracy_m": 50})
	back := func(where string) (now api.Report) {
		t.Helper()
		version := fmt.Sprintf(`"%d"`, read(t, s.in(t), r.Id).Version)
		s.staff(t, auth.Handler, where).With("If-Match", version).Send(http.MethodPost, "/v1/reports/"+r.Id+"/hand-over", fields{"text": "Not ours"}).Want(http.StatusOK).JSON(&now)
		return now
	}
	if now := back(sundsvall); now.Jurisdiction.Code != stockholm || now.Delivery != "delivered" {
		t.Errorf("given back it is at %s, %s", now.Jurisdiction.Code, now.Delivery)
	}
	if now := back(stockholm); now.Delivery != "held" {
		t.Errorf("given back twice it is at %s, %s", now.Jurisdiction.Code, now.Delivery)
	}
}
