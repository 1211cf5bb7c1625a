package suite

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// What people write that is nobody else's business.
const (
	aNumber   = "070-174 06 05"
	thePhone  = "Hål! Ring mig på " + aNumber
	theNumber = "850709-9805"
)

func TestHeldWords(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler, crew := s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Crew, sundsvall)
		t.Run("what would be held is shown before", func(t *testing.T) { checked(t, s) })
		t.Run("words are held and accepted", func(t *testing.T) { wordsAreHeld(t, s, crew) })
		t.Run("nobody else sees held words", func(t *testing.T) { heldWordsAreNowhere(t, s) })
		t.Run("a handler shows them as they are", func(t *testing.T) { shownAsTheyAre(t, s, handler) })
		t.Run("a handler changes them", func(t *testing.T) { shownChanged(t, s, handler, crew) })
		t.Run("comments are held too", func(t *testing.T) { commentsAreHeld(t, s, handler, crew) })
		t.Run("staff answer for their own words", func(t *testing.T) { staffWordsAreShown(t, s, crew) })
		t.Run("a private report needs no holding", func(t *testing.T) { privateIsNotHeld(t, s) })
		t.Run("other systems are told", func(t *testing.T) { open311IsTold(t, s) })
		t.Run("erasing ends it", func(t *testing.T) { erasedIsNotHeld(t, s, handler) })
	})
}

func checked(t *testing.T, s *system) {
	check := func(body fields) (list api.FoundList) {
		s.in(t).Send(http.MethodPost, "/v1/reports/check", body).Want(http.StatusOK).JSON(&list)
		return list
	}
	got := check(fields{"alts": []string{"Ett hål", " Bilen ABC 123"}, "description": "🕳 " + thePhone, "address": "Storgatan 12, bil ABC 123", "attributes": fields{"size": "mejla a@b.se"}, "text": "se www.example.org"})
	want := []api.Found{
		{Field: "/description", Kind: "phone", Start: 19, End: 32},
		{Field: "/address", Kind: "plate", Start: 18, End: 25},
		{Field: "/text", Kind: "link", Start: 3, End: 18},
		{Field: "/attributes/size", Kind: "email", Start: 6, End: 12},
		{Field: "/alts/1", Kind: "plate", Start: 6, End: 13},
	}
	if !slices.Equal(got.Found, want) {
		t.Errorf("%+v, want %+v", got.Found, want)
	}
	if got := check(fields{"description": "Hål vid Storgatan 12, lampa 12345"}); got.Found == nil || len(got.Found) != 0 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`{}`, `{"description": 1}`, `{"unknown": "x"}`, `{"description": "` + strings.Repeat("a", 4001) + `"}`} {
		s.in(t).Send(http.MethodPost, "/v1/reports/check", bad).WantProblem(problem.Invalid)
	}
}

// heldReport files what is held: a phone number, an address of e-mail and a plate.
func heldReport(t testing.TB, s *system) api.FiledReport {
	t.Helper()
	return s.filed(t, inSundsvall, fields{"description": thePhone, "address": "hos kim@hemma.example.org", "language": "sv"})
}

func wordsAreHeld(t *testing.T, s *system, crew *apitest.Client) {
	body := pothole(inSundsvall, fields{"description": thePhone})
	c := s.in(t).With("Idempotency-Key", s.key())
	var r api.FiledReport
	want := []api.Found{{Field: "/description", Kind: "phone", Start: 17, End: 30}}
	for range 2 { // and so says the repeat
		if r = file(t, c, body); !r.TextHeld || r.Description != thePhone || !slices.Equal(r.Found, want) || r.Status != "received" {
			t.Errorf("filed %+v", r)
		}
	}
	for who, see := range map[string]*apitest.Client{"reporter": s.reporter(t, r), "crew": crew} {
		if got := read(t, see, r.Id); !got.TextHeld || got.Description != thePhone || !slices.Equal(got.Found, want) {
			t.Errorf("%s sees %+v", who, got)
		}
	}
	if got := queue(t, crew, "")[r.Id]; !got.TextHeld || got.Description != thePhone || !slices.Equal(got.Found, want) {
		t.Errorf("the queue shows %+v", got)
	}
	s.filed(t, inSundsvall, nil)
	if r := s.filed(t, inSundsvall, nil); r.TextHeld || r.Found != nil {
		t.Errorf("an ordinary text is held: %+v", r)
	}
}

// Public are lists, maps, neighbours, history, searches and Open311.
func heldWordsAreNowhere(t *testing.T, s *system) {
	r := heldReport(t, s)
	c := s.behind(t, s.gated(nil))
	foreign, resident := s.staff(t, auth.Handler, stockholm), s.resident(t)
	for _, path := range []string{
		"/v1/reports/" + r.Id, "/v1/reports/" + r.Reference + "/updates", "/v1/reports/" + r.Id + "/routing", "/v1/reports?limit=100",
		"/v1/reports?jurisdiction=2281&limit=100&q=070-174", "/v1/reports?jurisdiction=2281&q=kim@hemma", "/v1/locate?lat=62.3908&lon=17.3069", "/v1/locate?lat=62.3908&lon=17.3069&service=pothole&q=ring+mig",
		"/open311/v2/requests.json?jurisdiction_id=2281", "/open311/v2/requests/" + r.Reference + ".xml",
	} {
		for who, see := range map[string]*apitest.Client{"anyone": c, "foreign staff": foreign, "a resident": resident} {
			if strings.HasPrefix(path, "/open311") && who != "anyone" {
				continue
			}
			res := see.WithTest(t).Get(path).Want(http.StatusOK)
			for _, word := range []string{aNumber, "Ring mig", "hemma.example"} {
				if bytes.Contains(res.Body, []byte(word)) {
					t.Errorf("%s shows %s to %s", path, word, who)
				}
			}
		}
	}
	geo := s.in(t).With("Accept", "application/geo+json").Get("/v1/reports?limit=100").Want(http.StatusOK)
	if bytes.Contains(geo.Body, []byte(aNumber)) || !bytes.Contains(geo.Body, []byte(`"text_held":true`)) {
		t.Error("GeoJSON shows the words, or does not say that they are held")
	}
	var found api.ReportList
	s.in(t).Get("/v1/reports?jurisdiction=2281&q=" + "hemma.example").Want(http.StatusOK).JSON(&found)
	if len(found.Reports) != 0 {
		t.Error("a search for held words finds their report")
	}
	if got := read(t, s.Client, r.Id); !got.TextHeld || got.Description != "" || got.Address != "" || got.Found != nil {
		t.Errorf("anyone sees %+v", got)
	}
}

func moderate(c *apitest.Client, id string, version int64, body fields) apitest.Response {
	return atVersion(c, version).Send(http.MethodPut, "/v1/reports/"+id+"/text", body)
}

func shownAsTheyAre(t *testing.T, s *system, handler *apitest.Client) {
	r, handler := heldReport(t, s), handler.WithTest(t)
	handler.Send(http.MethodPut, "/v1/reports/"+r.Id+"/text", fields{}).WantProblem(problem.VersionRequired)
	moderate(handler, r.Id, 7, fields{}).WantProblem(problem.Stale)
	var got api.Report
	if moderate(handler, r.Id, 1, fields{}).Want(http.StatusOK).JSON(&got); got.TextHeld || got.Version != 2 {
		t.Errorf("%+v", got)
	}
	if got := read(t, s.Client, r.Id); got.TextHeld || got.Description != thePhone || got.Address == "" {
		t.Errorf("anyone sees %+v", got)
	}
	var found api.ReportList
	s.in(t).Get("/v1/reports?jurisdiction=2281&q=hemma.example").Want(http.StatusOK).JSON(&found)
	if len(found.Reports) != 1 {
		t.Errorf("a search finds %d", len(found.Reports))
	}
	moderate(handler, r.Id, 2, fields{}).WantProblem(problem.Conflict)
	entries := history(t, handler, r.Id)
	if last := entries[len(entries)-1]; last.Kind != "moderation" || !last.Internal || last.Author != "staff" {
		t.Errorf("the history says %+v", last)
	}
	if n := len(history(t, s.Client, r.Id)); n != len(entries)-1 {
		t.Errorf("anyone reads %d entries of %d", n, len(entries))
	}
}

func shownChanged(t *testing.T, s *system, handler, crew *apitest.Client) {
	r, handler := s.filed(t, inSundsvall, fields{"description": "Jag är " + theNumber + ". Hål.", "address": "hos a@b.se", "attributes": fields{"size": "large"}}), handler.WithTest(t)
	moderate(crew.WithTest(t), r.Id, 1, fields{}).WantProblem(problem.Forbidden)
	moderate(handler, r.Id, 1, fields{"text": strings.Repeat("a", 4001)}).WantProblem(problem.Invalid)
	moderate(handler, r.Id, 1, fields{"text": "\u0000"}).WantProblem(problem.Invalid)
	moderate(handler, r.Id, 1, fields{"update": "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e"}).WantProblem(problem.Invalid)
	moderate(handler, r.Id, 1, fields{"update": "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", "address": ""}).WantProblem(problem.Invalid)
	moderate(handler, r.Id, 1, fields{"text": " Hål. ", "address": "", "drop_attributes": []string{"size"}}).Want(http.StatusOK)
	got := read(t, s.Client, r.Id)
	if got.TextHeld || got.Description != "Hål." || got.Address != "" || got.Attributes != nil {
		t.Errorf("anyone sees %+v", got)
	}
	if n := s.count(t, "SELECT count(*) FROM reports WHERE description LIKE '%"+theNumber+"%' OR search LIKE '%"+theNumber+"%'"); n != 0 {
		t.Error("what was taken out is still there")
	}
}

func commentsAreHeld(t *testing.T, s *system, handler, crew *apitest.Client) {
	r, handler := s.filed(t, inSundsvall, nil), handler.WithTest(t)
	resident := s.resident(t)
	comment := func(c *apitest.Client) (u api.Update) {
		c.WithTest(t).Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "Ring " + aNumber}).Want(http.StatusCreated).JSON(&u)
		if !u.TextHeld || u.Text == "" || len(u.Found) != 1 || u.Found[0] != (api.Found{Field: "/text", Kind: "phone", Start: 5, End: 18}) {
			t.Errorf("the answer says %+v", u)
		}
		return u
	}
	byReporter, byResident := comment(s.reporter(t, r)), comment(resident)
	sees := func(c *apitest.Client, id string) bool {
		us := history(t, c, r.Id)
		at := slices.IndexFunc(us, func(u api.Update) bool { return u.Id == id })
		if at < 0 || us[at].TextHeld != true {
			t.Fatalf("update %d of %+v", at, us)
		}
		return us[at].Text != ""
	}
	for _, tt := range []struct {
		who                          string
		c                            *apitest.Client
		ofTheReporter, ofTheResident bool
	}{
		{"anyone", s.Client, false, false}, {"the reporter", s.reporter(t, r), true, false}, {"the resident", resident, false, true},
		{"crew", crew, true, true}, {"foreign staff", s.staff(t, auth.Handler, stockholm), false, false},
	} {
		if a, b := sees(tt.c, byReporter.Id), sees(tt.c, byResident.Id); a != tt.ofTheReporter || b != tt.ofTheResident {
			t.Errorf("%s sees the reporter's %v, the resident's %v", tt.who, a, b)
		}
	}
	if q := queue(t, crew, "")[r.Id]; q.HeldUpdates != 2 {
		t.Errorf("the queue says %d", q.HeldUpdates)
	}
	if got := read(t, s.Client, r.Id); got.HeldUpdates != 0 {
		t.Error("anyone is told how many wait")
	}
	moderate(handler, r.Id, 3, fields{"update": byResident.Id, "text": "Ring [borttaget]"}).Want(http.StatusOK)
	moderate(handler, r.Id, 4, fields{"update": byReporter.Id}).Want(http.StatusOK)
	moderate(handler, r.Id, 5, fields{"update": byReporter.Id}).WantProblem(problem.Conflict)
	texts := map[string]string{}
	for _, u := range history(t, s.Client, r.Id) {
		texts[u.Id] = u.Text
	}
	if texts[byResident.Id] != "Ring [borttaget]" || texts[byReporter.Id] != "Ring "+aNumber || read(t, crew, r.Id).HeldUpdates != 0 {
		t.Errorf("anyone reads %q", texts)
	}
	setStatus(t, crew, r.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	setStatus(t, s.reporter(t, r), r.Id, fields{"status": "acknowledged", "text": "Nej, ring " + aNumber}).Want(http.StatusOK)
	if us := history(t, s.Client, r.Id); us[len(us)-1].Text != "" || !us[len(us)-1].TextHeld {
		t.Errorf("reopening says %+v", us[len(us)-1])
	}
}

func staffWordsAreShown(t *testing.T, s *system, crew *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	var u api.Update
	crew.WithTest(t).Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "Växeln: 060-19 10 00"}).Want(http.StatusCreated).JSON(&u)
	if us := history(t, s.Client, r.Id); u.TextHeld || us[len(us)-1].Text == "" {
		t.Errorf("%+v", us[len(us)-1])
	}
}

func privateIsNotHeld(t *testing.T, s *system) {
	if r := s.filed(t, inSundsvall, fields{"description": thePhone, "private": true}); r.TextHeld || r.Found != nil {
		t.Errorf("%+v", r)
	}
}

// A system that files reads back that its words wait. A link to its own page, as
// FixMyStreet writes it, is no reason.
func open311IsTold(t *testing.T, s *system) {
	c := s.behind(t, s.gated(nil))
	made := s.madeKey(t, sundsvall, auth.ScopeOpen311)
	for text, held := range map[string]bool{"Hål, ring " + aNumber: true, "title: Hål\r\n\r\nurl: https://fms.example.org/report/1": false} {
		form := url.Values{"api_key": {made}, "service_code": {"pothole"}, "lat": {fmt.Sprint(inSundsvall.lat)}, "long": {fmt.Sprint(inSundsvall.lon)}, "description": {text}}
		res := c.With("Content-Type", "application/x-www-form-urlencoded").Send(http.MethodPost, "/open311/v2/requests.json", form.Encode()).Want(http.StatusOK)
		var filed []struct {
			ID     string `json:"service_request_id"`
			Notice string `json:"service_notice"`
		}
		res.JSON(&filed)
		var read []struct {
			Description string `json:"description"`
			Notice      string `json:"service_notice"`
		}
		c.Get("/open311/v2/requests/" + filed[0].ID + ".json").Want(http.StatusOK).JSON(&read)
		if hidden := read[0].Description == ""; hidden != held || strings.Contains(filed[0].Notice, "personuppgifter") != held || (read[0].Notice != "") != held {
			t.Errorf("%q: %+v, %+v", text, filed[0], read[0])
		}
	}
}

func erasedIsNotHeld(t *testing.T, s *system, handler *apitest.Client) {
	r := heldReport(t, s)
	s.reporter(t, r).Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": aNumber}).Want(http.StatusCreated)
	s.reporter(t, r).Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).Want(http.StatusNoContent)
	if got := read(t, handler, r.Id); got.TextHeld || got.HeldUpdates != 0 || got.Description != "" {
		t.Errorf("%+v", got)
	}
}
