package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestOneCaseManyVoices(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler := s.staff(t, auth.Handler, sundsvall)
		t.Run("one item with a count", func(t *testing.T) { oneItem(t, s, handler) })
		t.Run("unmerging restores", func(t *testing.T) { unmergingRestores(t, s, handler) })
		t.Run("each person once", func(t *testing.T) { eachPersonOnce(t, s, handler) })
		t.Run("what cannot be merged", func(t *testing.T) { cannotBeMerged(t, s, handler) })
		t.Run("a private voice of a public case", func(t *testing.T) { privateVoice(t, s, handler) })
		t.Run("a private voice of a private case", func(t *testing.T) { privateCase(t, s, handler) })
		t.Run("all are told", func(t *testing.T) { allAreTold(t, s, handler) })
		t.Run("the case is withdrawn", func(t *testing.T) { caseWithdrawn(t, s, handler) })
		t.Run("the case is handed over", func(t *testing.T) { caseHandedOver(t, s, handler) })
		t.Run("a voice says that it is not fixed", func(t *testing.T) { voiceReopens(t, s, handler) })
	})
}

// merge makes a report a voice of another at the version that it has.
func merge(t testing.TB, handler *apitest.Client, id, into string) apitest.Response {
	t.Helper()
	return atVersion(handler.WithTest(t), read(t, handler, id).Version).
		Send(http.MethodPost, "/v1/reports/"+id+"/merge", fields{"into": into, "text": "The same hole."})
}

func unmerge(t testing.TB, handler *apitest.Client, id string) (r api.Report) {
	t.Helper()
	atVersion(handler.WithTest(t), read(t, handler, id).Version).
		Send(http.MethodPost, "/v1/reports/"+id+"/unmerge", nil).Want(http.StatusOK).JSON(&r)
	return r
}

// listed are the ids of a list of reports.
func listed(t testing.TB, c *apitest.Client, path string) (ids []string) {
	t.Helper()
	var list api.ReportList
	c.WithTest(t).Get(path).Want(http.StatusOK).JSON(&list)
	for _, r := range list.Reports {
		ids = append(ids, r.Id)
	}
	return ids
}

func oneItem(t *testing.T, s *system, handler *apitest.Client) {
	at := place{62.2011, 17.2011}
	c, v, w := s.filed(t, at, nil), s.filed(t, at, fields{"description": "Ett hål."}), s.filed(t, at, nil)
	var voice api.Report
	merge(t, handler, v.Id, c.Reference).Want(http.StatusOK).JSON(&voice)
	merge(t, handler, w.Id, v.Id).Want(http.StatusOK) // into a voice is into its case
	if voice.Case != c.Id || voice.Reference != v.Reference || voice.Description != "Ett hål." || voice.Version != 2 {
		t.Errorf("the voice is %+v", voice)
	}
	again := atVersion(handler.WithTest(t), 1).Send(http.MethodPost, "/v1/reports/"+v.Id+"/merge", fields{"into": c.Id}).Want(http.StatusOK)
	if again.Header.Get("ETag") != `"2"` {
		t.Errorf("merging again made version %s", again.Header.Get("ETag"))
	}
	q := queue(t, handler, "")
	if got := q[c.Id]; got.Voices != 3 || got.Version != 1 || q[v.Id].Id != "" || q[w.Id].Id != "" {
		t.Errorf("the queue holds %+v, and voices %v, %v", got, q[v.Id].Id, q[w.Id].Id)
	}
	around := fmt.Sprintf("/v1/reports?near=%v,%v&radius=5", at.lat, at.lon)
	if ids := listed(t, s.Client, around); !slices.Equal(ids, []string{c.Id}) {
		t.Errorf("the map shows %v", ids)
	}
	all := []string{w.Id, v.Id, c.Id}
	if ids := listed(t, s.Client, around+"&merged=true"); !slices.Equal(ids, all) {
		t.Errorf("merged=true lists %v, want %v", ids, all)
	}
	for _, name := range []string{c.Id, c.Reference} {
		if ids := listed(t, s.Client, "/v1/reports/"+name+"/voices"); !slices.Equal(ids, all[:2]) {
			t.Errorf("the voices of %s are %v", name, ids)
		}
	}
	setStatus(t, handler, c.Id, fields{"status": "planned", "planned_for": "2026-12-24", "text": "Before Christmas."}).Want(http.StatusOK)
	if got := read(t, s.Client, v.Id); got.Status != "planned" || got.PlannedFor == "" || got.Case != c.Id || got.Version != 3 {
		t.Errorf("the voice shows %+v", got)
	}
	us := history(t, s.Client, v.Id)
	if len(us) != 3 || us[1].Kind != "merge" || us[1].DuplicateOf != c.Id || us[1].Text != "The same hole." || us[2].Text != "Before Christmas." || us[2].Case != c.Id {
		t.Errorf("its history is %+v", us)
	}
	for _, work := range []apitest.Response{
		setStatus(t, handler, v.Id, fields{"status": "fixed"}),
		atVersion(handler.WithTest(t), 3).Send(http.MethodPut, "/v1/reports/"+v.Id+"/assignee", fields{"assignee": ""}),
		atVersion(handler.WithTest(t), 3).Send(http.MethodPost, "/v1/reports/"+v.Id+"/hand-over", fields{"to": stockholm}),
	} {
		work.WantProblem(problem.Conflict)
	}
}

// asItWas is a report without what counts and dates its changes, and until when
// the addresses of private photos work.
func asItWas(t *testing.T, r api.Report) string {
	r.Version, r.UpdatedAt = 0, r.CreatedAt
	for _, p := range r.Photos {
		for size, address := range p.Renditions {
			p.Renditions[size], _, _ = strings.Cut(address, "?")
		}
	}
	all, err := json.Marshal(r)
	must(t, err)
	return string(all)
}

func unmergingRestores(t *testing.T, s *system, handler *apitest.Client) {
	at := place{62.2022, 17.2022}
	c, w := s.filed(t, at, nil), s.filed(t, at, nil)
	v := s.filedWithPhoto(t, at, fields{"contact": fields{"name": "Kim"}}, 601)
	sibling := s.filedWithPhoto(t, at, fields{"private": true, "contact": fields{"email": "bo@example.se"}}, 602)
	merge(t, handler, sibling.Id, c.Id).Want(http.StatusOK)
	var me api.Session
	handler.WithTest(t).Get("/v1/session").Want(http.StatusOK).JSON(&me)
	atVersion(handler.WithTest(t), 1).Send(http.MethodPut, "/v1/reports/"+v.Id+"/assignee", fields{"assignee": me.Person.Id}).Want(http.StatusOK)
	setStatus(t, handler, v.Id, fields{"status": "planned", "planned_for": "2026-12-24"}).Want(http.StatusOK)
	s.in(t).Send(http.MethodPost, "/v1/reports/"+v.Id+"/support", fields{"voice": "a-voice-of-one-phone"}).Want(http.StatusOK)
	merge(t, handler, w.Id, v.Id).Want(http.StatusOK)
	around := fmt.Sprintf("/v1/reports?near=%v,%v&radius=5", at.lat, at.lon)
	see := func() (seen []string) {
		for _, r := range []api.FiledReport{c, v, w, sibling} {
			seen = append(seen, asItWas(t, read(t, handler, r.Id)), asItWas(t, queue(t, handler, "")[r.Id]), asItWas(t, read(t, s.reporter(t, r), r.Id)))
		}
		return append(seen, fmt.Sprint(listed(t, s.Client, around), listed(t, handler, "/v1/reports/"+v.Id+"/voices")))
	}
	before := see()
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	for _, r := range []api.FiledReport{v, sibling} { // each keeps its own
		if got := read(t, s.reporter(t, r), r.Id); len(got.Photos) != 1 || got.Photos[0].Id != r.Photos[0].Id || len(read(t, s.Client, c.Id).Photos) != 0 {
			t.Errorf("as a voice it shows %+v", got.Photos)
		}
	}
	if got := read(t, s.Client, c.Id); got.Voices != 5 || read(t, s.Client, w.Id).Case != c.Id {
		t.Errorf("the case has %d voices", got.Voices)
	}
	setStatus(t, handler, c.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	if got := read(t, s.Client, w.Id); got.Status != "fixed" || got.ClosedAt.IsZero() {
		t.Errorf("the voice of a voice is %s", got.Status)
	}
	setStatus(t, handler, c.Id, fields{"status": "acknowledged"}).Want(http.StatusOK)
	unmerge(t, handler, v.Id)
	unmerge(t, handler, v.Id) // again: nothing happens
	after := see()
	for i := range before {
		if after[i] != before[i] && !strings.Contains(after[i], `"status":"acknowledged"`) { // the case itself has moved on
			t.Errorf("it was\n%s\nand is\n%s", before[i], after[i])
		}
	}
	if us := history(t, s.Client, v.Id); us[len(us)-1].Kind != "unmerge" || us[len(us)-1].Status != "planned" {
		t.Errorf("the history ends with %+v", us[len(us)-1])
	}
}

func eachPersonOnce(t *testing.T, s *system, handler *apitest.Client) {
	kim := s.resident(t)
	c, v := s.filed(t, inSundsvall, nil), file(t, kim, pothole(inSundsvall, nil))
	support := func(c *apitest.Client, id, voice string) (got api.Support) {
		c.WithTest(t).Send(http.MethodPost, "/v1/reports/"+id+"/support", fields{"voice": voice}).Want(http.StatusOK).JSON(&got)
		return got
	}
	support(kim, c.Id, "a-voice-of-kim's-phone")
	support(s.Client, c.Id, "a-voice-of-one-phone")
	support(s.Client, v.Id, "a-voice-of-one-phone")
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	if got := read(t, s.Client, c.Id); got.SupportCount != 1 || got.Voices != 3 { // the reporter, Kim, the phone
		t.Errorf("%d support it, %d voices", got.SupportCount, got.Voices)
	}
	if got := support(s.Client, v.Id, "a-voice-of-another-phone"); got.SupportCount != 2 || !got.Counted {
		t.Errorf("supporting a voice: %+v", got)
	}
	if got := support(s.Client, c.Id, "a-voice-of-another-phone"); got.SupportCount != 2 || got.Counted {
		t.Errorf("the same phone to the case: %+v", got)
	}
	unmerge(t, handler, v.Id)
	if of, on := read(t, s.Client, c.Id), read(t, s.Client, v.Id); of.SupportCount != 3 || on.SupportCount != 2 {
		t.Errorf("apart %d and %d support them", of.SupportCount, on.SupportCount)
	}
}

func cannotBeMerged(t *testing.T, s *system, handler *apitest.Client) {
	c, v := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	other, private := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, fields{"private": true})
	withdrawn, duplicate := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	s.reporter(t, withdrawn).Send(http.MethodDelete, "/v1/reports/"+withdrawn.Id, nil).Want(http.StatusOK)
	setStatus(t, handler, duplicate.Id, fields{"status": "closed", "reason": "duplicate", "text": "x", "duplicate_of": other.Id}).Want(http.StatusOK)
	for _, tt := range []struct{ why, id, into, field string }{
		{"into itself", other.Id, other.Reference, "/into"},
		{"into what is not there", other.Id, "2281-1999-000001", "/into"},
		{"into what one may not see", other.Id, s.filed(t, inStockholm, fields{"private": true}).Id, "/into"},
		{"a public one into a private one", other.Id, private.Id, "/into"},
		{"into its own voice", c.Id, v.Id, ""},
		{"a voice into another case", v.Id, other.Id, ""},
		{"across jurisdictions", other.Id, s.filed(t, inStockholm, nil).Id, ""},
		{"what was withdrawn", withdrawn.Id, other.Id, ""},
		{"into what was withdrawn", other.Id, withdrawn.Id, ""},
		{"into a duplicate", other.Id, duplicate.Id, ""},
	} {
		t.Run(tt.why, func(t *testing.T) {
			if res := merge(t, handler, tt.id, tt.into); tt.field != "" {
				problemAt(t, res, http.StatusUnprocessableEntity, tt.field)
			} else {
				sameReport(t, res.Want(http.StatusConflict).WantProblem(problem.Conflict), read(t, handler, tt.id))
			}
		})
	}
	path, body := "/v1/reports/"+other.Id+"/merge", fields{"into": c.Id}
	handler.WithTest(t).Send(http.MethodPost, path, body).Want(http.StatusPreconditionRequired)
	atVersion(handler.WithTest(t), 9).Send(http.MethodPost, path, body).Want(http.StatusPreconditionFailed)
	problemAt(t, setStatus(t, handler, c.Id, fields{"status": "closed", "reason": "duplicate", "text": "x", "duplicate_of": v.Id}), http.StatusUnprocessableEntity, "/duplicate_of")
	if got := read(t, s.Client, other.Id); got.Version != 1 || got.Case != "" {
		t.Errorf("what was refused left %+v", got)
	}
}

func privateVoice(t *testing.T, s *system, handler *apitest.Client) {
	c, v := s.filed(t, inSundsvall, nil), s.filedWithPhoto(t, inSundsvall, fields{"private": true, "description": "By Kim's door."}, 603)
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	s.in(t).Get("/v1/reports/" + v.Id).WantProblem(problem.NotFound)
	for _, path := range []string{"", "/updates", "/voices", "/routing", "/photos"} {
		res := s.in(t).Get("/v1/reports/" + c.Id + path).Want(http.StatusOK)
		for _, secret := range []string{v.Id, v.Reference, "Kim", "The same hole.", v.Photos[0].Id} {
			if strings.Contains(string(res.Body), secret) {
				t.Errorf("%s shows %q: %s", path, secret, res)
			}
		}
	}
	if ids := listed(t, handler, "/v1/reports/"+c.Id+"/voices"); !slices.Equal(ids, []string{v.Id}) {
		t.Errorf("the staff sees the voices %v", ids)
	}
	setStatus(t, handler, c.Id, fields{"status": "in-progress", "text": "We are there."}).Want(http.StatusOK)
	reporter := s.reporter(t, v)
	if got, us := read(t, reporter, v.Id), history(t, reporter, v.Id); got.Case != c.Id || got.Status != "in-progress" || us[len(us)-1].Text != "We are there." {
		t.Errorf("its reporter sees %+v, %+v", got, us)
	}
}

func privateCase(t *testing.T, s *system, handler *apitest.Client) {
	c, v := s.filed(t, inSundsvall, fields{"private": true}), s.filed(t, inSundsvall, fields{"private": true})
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	setStatus(t, handler, c.Id, fields{"status": "in-progress", "text": "We called Kim."}).Want(http.StatusOK)
	s.reporter(t, c).Send(http.MethodPost, "/v1/reports/"+c.Id+"/updates", fields{"text": "Kim is at home."}).Want(http.StatusCreated)
	reporter := s.reporter(t, v)
	for _, path := range []string{"", "/updates", "/voices", "/routing"} {
		res := reporter.Get("/v1/reports/" + v.Id + path).Want(http.StatusOK)
		for _, secret := range []string{c.Id, c.Reference, "Kim"} {
			if strings.Contains(string(res.Body), secret) {
				t.Errorf("%s shows %q: %s", path, secret, res)
			}
		}
	}
	if got, us := read(t, reporter, v.Id), history(t, reporter, v.Id); got.Status != "in-progress" || len(us) != 3 || us[2].Status != "in-progress" {
		t.Errorf("its reporter sees %+v, %+v", got, us)
	}
	if us := history(t, handler, v.Id); us[2].Text != "We called Kim." || read(t, handler, v.Id).Case != c.Id {
		t.Errorf("the staff reads %+v", us)
	}
}

func allAreTold(t *testing.T, s *system, handler *apitest.Client) {
	c, v, w := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	merge(t, handler, w.Id, v.Id).Want(http.StatusOK)
	for _, r := range []api.FiledReport{c, v, w} { // who follows from now on, hears of what comes from now on
		eventually(t, "nothing left to tell of "+r.Reference, func() bool {
			return s.count(t, `SELECT count(*) FROM updates u JOIN jobs j ON j.payload LIKE '%' || u.id || '%'
				WHERE j.kind = 'tell' AND j.key = '' AND u.report = '`+r.Id+"'") == 0
		})
	}
	followers := map[string]api.FiledReport{}
	languages := map[string]string{c.Id: "sv", v.Id: "en", w.Id: "sv"}
	for _, r := range []api.FiledReport{c, v, w} {
		browser, push := s.browser(t)
		s.follow(t, fields{"report": r.Id, "push": push, "language": languages[r.Id]})
		followers[browser.Endpoint] = r
	}
	hears := func(want map[string]string) { // by report, what stands in the message
		t.Helper()
		for range len(want) {
			m := <-s.pushes.Messages()
			r := followers[m.Endpoint]
			if text := string(m.Payload); !strings.Contains(text, r.Reference) || want[r.Id] == "" || !strings.Contains(text, want[r.Id]) {
				t.Errorf("the follower of %s hears %s, want %q", r.Reference, text, want[r.Id])
			}
			delete(want, r.Id)
		}
	}
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	hears(map[string]string{v.Id: "Merged", w.Id: "förts ihop"})
	setStatus(t, handler, c.Id, fields{"status": "in-progress"}).Want(http.StatusOK)
	hears(map[string]string{c.Id: "pågår", v.Id: "in progress", w.Id: "pågår"})
	unmerge(t, handler, v.Id)
	hears(map[string]string{v.Id: "on its own", w.Id: "eget ärende"})
	setStatus(t, handler, c.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	hears(map[string]string{c.Id: "åtgärdad"})
	if n := s.count(t, "SELECT count(*) FROM jobs WHERE kind = 'tell' AND key = 'joined "+c.Id+"'"); n != 1 {
		t.Errorf("%d jobs tell later that others joined", n)
	}
}

func caseWithdrawn(t *testing.T, s *system, handler *apitest.Client) {
	c, hidden := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, fields{"private": true})
	heir, last := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	for _, v := range []string{last.Id, hidden.Id, heir.Id} {
		merge(t, handler, v, c.Id).Want(http.StatusOK)
	}
	setStatus(t, handler, c.Id, fields{"status": "in-progress"}).Want(http.StatusOK)
	var got api.Report
	s.reporter(t, c).Send(http.MethodDelete, "/v1/reports/"+c.Id, nil).Want(http.StatusOK).JSON(&got)
	if got.Status != "closed" || got.CloseReason != "withdrawn" || got.Voices != 1 {
		t.Errorf("the withdrawn report is %+v", got)
	}
	now := queue(t, handler, "")[heir.Id]
	if now.Status != "in-progress" || now.Voices != 3 || read(t, handler, last.Id).Case != heir.Id || read(t, handler, hidden.Id).Case != heir.Id {
		t.Errorf("the case is %+v", now)
	}
	s.reporter(t, last).Send(http.MethodDelete, "/v1/reports/"+last.Id, nil).Want(http.StatusOK).JSON(&got)
	if got.Status != "closed" || got.Case != "" || read(t, handler, heir.Id).Voices != 2 || read(t, handler, heir.Id).Status != "in-progress" {
		t.Errorf("the withdrawn voice is %+v", got)
	}
	s.reporter(t, heir).Send(http.MethodDelete, "/v1/reports/"+heir.Id+"/personal-data", nil).Want(http.StatusNoContent)
	if got := read(t, handler, heir.Id); got.Description != "" || got.Voices != 2 || got.Status != "in-progress" {
		t.Errorf("the erased case is %+v", got)
	}
}

func caseHandedOver(t *testing.T, s *system, handler *apitest.Client) {
	c, v := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	atVersion(handler.WithTest(t), 1).Send(http.MethodPost, "/v1/reports/"+c.Id+"/hand-over", fields{"to": stockholm, "text": "Theirs."}).Want(http.StatusOK)
	there := s.staff(t, auth.Handler, stockholm)
	if q := queue(t, there, ""); q[c.Id].Voices != 2 || q[v.Id].Id != "" {
		t.Errorf("the new queue holds %+v, %+v", q[c.Id], q[v.Id])
	}
	atVersion(handler.WithTest(t), 3).Send(http.MethodPost, "/v1/reports/"+v.Id+"/unmerge", nil).WantProblem(problem.Forbidden)
	got := unmerge(t, there, v.Id)
	if got.Jurisdiction.Code != stockholm || got.Status != "received" || queue(t, there, "")[v.Id].Id == "" {
		t.Errorf("unmerged there it is %+v", got)
	}
}

func voiceReopens(t *testing.T, s *system, handler *apitest.Client) {
	c, v := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, fields{"private": true})
	merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
	setStatus(t, handler, c.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	s.reporter(t, v).Send(http.MethodPost, "/v1/reports/"+v.Id+"/updates", fields{"text": "Still by my door.", "fixed": false}).Want(http.StatusCreated)
	us := history(t, s.Client, c.Id)
	if last := us[len(us)-1]; last.Status != "acknowledged" || last.Text != "" || last.Fixed == nil || *last.Fixed || read(t, s.Client, c.Id).Status != "acknowledged" {
		t.Errorf("the case's history ends with %+v", last)
	}
	if us := history(t, handler, c.Id); !slices.ContainsFunc(us, func(u api.Update) bool { return u.Voice == v.Id && u.Text == "Still by my door." }) {
		t.Errorf("the staff reads %+v", us)
	}
	if got := read(t, handler, v.Id); got.Status != "acknowledged" || got.Case != c.Id {
		t.Errorf("the voice is %+v", got)
	}
}
