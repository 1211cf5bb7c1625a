package suite

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestCrewWork(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		crew := s.staff(t, auth.Crew, sundsvall)
		handler := s.staff(t, auth.Handler, sundsvall)
		foreign := s.staff(t, auth.Administrator, stockholm)
		t.Run("every status to every other", func(t *testing.T) { statusMatrix(t, s, crew) })
		t.Run("what a status needs", func(t *testing.T) { statusNeeds(t, s, crew) })
		t.Run("nothing is overwritten unseen", func(t *testing.T) { nothingOverwritten(t, s, crew) })
		t.Run("the same again", func(t *testing.T) { sameAgain(t, s, crew) })
		t.Run("a foreign municipality", func(t *testing.T) { foreignIsKeptOut(t, s, crew, foreign) })
		t.Run("the queue", func(t *testing.T) { queueHoldsOurs(t, s, crew, handler) })
		t.Run("a hand-over", func(t *testing.T) { handOver(t, s, handler, foreign) })
		t.Run("a hand-over that comes again", func(t *testing.T) { handOverAgain(t, s, handler) })
		t.Run("two returns go to triage", func(t *testing.T) { twoReturns(t, s, handler, foreign) })
		t.Run("an assignee", func(t *testing.T) { assignee(t, s, handler) })
		t.Run("the reporter reopens", func(t *testing.T) { reporterReopens(t, s, crew) })
	})
}

// reach files a report and brings it to a status.
func reach(t testing.TB, s *system, crew *apitest.Client, status string) api.FiledReport {
	t.Helper()
	r := s.filed(t, inSundsvall, nil)
	if status != "received" {
		change(t, crew, r.Id, 1, becoming(status)).Want(http.StatusOK)
	}
	return r
}

// change asks for a status on a version.
func change(t testing.TB, c *apitest.Client, id string, version int64, to fields) apitest.Response {
	t.Helper()
	return atVersion(c.WithTest(t), version).Send(http.MethodPut, "/v1/reports/"+id+"/status", to)
}

// becoming is a change to a status with all that it needs.
func becoming(status string) fields {
	change := fields{"status": status}
	switch status {
	case "planned":
		change["planned_for"] = "2026-12-24"
	case "closed":
		change["reason"], change["text"] = "no-action", "There is no hole."
	}
	return change
}

func statusMatrix(t *testing.T, s *system, crew *apitest.Client) {
	open := []string{"received", "acknowledged", "planned", "in-progress", "waiting-for-reporter"}
	closed := []string{"fixed", "closed"}
	all := append(append([]string{}, open...), closed...)
	for _, from := range all {
		isClosed := from == "fixed" || from == "closed"
		for _, to := range all {
			want := http.StatusOK
			switch {
			case from == to: // nothing happens, but for a close, which has a text
			case to == "received", isClosed && to != "acknowledged":
				want = http.StatusConflict
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				r := reach(t, s, crew, from)
				version := int64(2)
				if from == "received" {
					version = 1
				}
				res := change(t, crew, r.Id, version, becoming(to)).Want(want)
				now := read(t, s.Client, r.Id)
				if want == http.StatusConflict {
					p := res.WantProblem(problem.Conflict)
					sameReport(t, p, now)
					to = from
				}
				if now.Status != api.Status(to) || now.ClosedAt.IsZero() != (to != "fixed" && to != "closed") || (now.PlannedFor != "") != (to == "planned") {
					t.Errorf("the report is %s, planned for %q, closed at %v", now.Status, now.PlannedFor, now.ClosedAt)
				}
			})
		}
	}
}

// sameReport wants a problem that shows the report as it is now.
func sameReport(t testing.TB, p apitest.Problem, now api.Report) {
	t.Helper()
	var shown api.Report
	if err := json.Unmarshal(p.Current, &shown); err != nil || shown.Id != now.Id || shown.Version != now.Version || shown.Status != now.Status {
		t.Errorf("current is %s (%v), want version %d, %s", p.Current, err, now.Version, now.Status)
	}
}

func statusNeeds(t *testing.T, s *system, crew *apitest.Client) {
	r, other := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	private := s.filed(t, inStockholm, fields{"private": true})
	tests := []struct {
		name   string
		change fields
		field  string
	}{
		{"planned without a date", fields{"status": "planned"}, "/planned_for"},
		{"planned for no day", fields{"status": "planned", "planned_for": "2026-02-31"}, "/planned_for"},
		{"a date without planned", fields{"status": "fixed", "planned_for": "2026-05-01"}, "/planned_for"},
		{"closed without a reason", fields{"status": "closed", "text": "x"}, "/reason"},
		{"closed without words", fields{"status": "closed", "reason": "no-action"}, "/text"},
		{"closed with blanks for words", fields{"status": "closed", "reason": "no-action", "text": " \n"}, "/text"},
		{"closed for a reason that is none", fields{"status": "closed", "reason": "tired", "text": "x"}, "/reason"},
		{"a reason without closed", fields{"status": "fixed", "reason": "no-action"}, "/reason"},
		{"a duplicate of nothing", fields{"status": "closed", "reason": "duplicate", "text": "x"}, "/duplicate_of"},
		{"a duplicate of what is not there", fields{"status": "closed", "reason": "duplicate", "text": "x", "duplicate_of": "2281-1999-000001"}, "/duplicate_of"},
		{"a duplicate of what one may not see", fields{"status": "closed", "reason": "duplicate", "text": "x", "duplicate_of": private.Id}, "/duplicate_of"},
		{"a duplicate of itself", fields{"status": "closed", "reason": "duplicate", "text": "x", "duplicate_of": r.Reference}, "/duplicate_of"},
		{"a duplicate that is not closed", fields{"status": "fixed", "duplicate_of": other.Id}, "/duplicate_of"},
		{"no status", fields{"text": "x"}, "/status"},
		{"an unknown status", fields{"status": "done"}, "/status"},
		{"a bell in the text", fields{"status": "fixed", "text": "\a"}, "/text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problemAt(t, setStatus(t, crew, r.Id, tt.change), http.StatusUnprocessableEntity, tt.field)
		})
	}
	if got := read(t, s.Client, r.Id); got.Version != 1 {
		t.Errorf("a refused change left version %d", got.Version)
	}
	var got api.Report
	setStatus(t, crew, r.Id, fields{"status": "closed", "reason": "duplicate", "text": "The same.", "duplicate_of": other.Reference}).Want(http.StatusOK).JSON(&got)
	if got.DuplicateOf != other.Id {
		t.Errorf("a duplicate of %q, want the id %s", got.DuplicateOf, other.Id)
	}
}

func nothingOverwritten(t *testing.T, s *system, crew *apitest.Client) {
	r := s.filed(t, inSundsvall, fields{"contact": fields{"name": "Kim Karlsson"}})
	path, begin := "/v1/reports/"+r.Id+"/status", fields{"status": "in-progress"}
	now := read(t, crew, r.Id)
	sameReport(t, crew.Send(http.MethodPut, path, begin).Want(http.StatusPreconditionRequired).WantProblem(problem.VersionRequired), now)
	atVersion(crew, 1).Send(http.MethodPut, path, begin).Want(http.StatusOK)
	now = read(t, crew, r.Id)
	for _, stale := range []string{`"1"`, `W/"1"`, `"99"`} {
		p := crew.With("If-Match", stale).Send(http.MethodPut, path, fields{"status": "fixed"}).Want(http.StatusPreconditionFailed).WantProblem(problem.Stale)
		sameReport(t, p, now)
		if !strings.Contains(string(p.Current), "Kim") {
			t.Error("the crew does not see the contact in the current state")
		}
	}
	for _, bad := range []string{"*", "2", `"two"`, `"2", "3"`, `"-1"`, `"0"`} {
		crew.With("If-Match", bad).Send(http.MethodPut, path, fields{"status": "fixed"}).Want(http.StatusBadRequest)
	}
	res := crew.With("If-Match", `W/"2"`).Send(http.MethodPut, path, fields{"status": "fixed"}).Want(http.StatusOK)
	if res.Header.Get("ETag") != `"3"` {
		t.Errorf("ETag %s", res.Header.Get("ETag"))
	}
}

func sameAgain(t *testing.T, s *system, crew *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	path := "/v1/reports/" + r.Id + "/status"
	c := atVersion(crew.WithTest(t), 1)
	var got api.Report
	for range 3 { // a bad network: the first answer was lost, the version is old by now
		c.Send(http.MethodPut, path, fields{"status": "in-progress"}).Want(http.StatusOK).JSON(&got)
		if got.Version != 2 || got.Status != "in-progress" {
			t.Errorf("%s at version %d", got.Status, got.Version)
		}
	}
	c.Send(http.MethodPut, path, fields{"status": "in-progress", "text": "We need sand."}).Want(http.StatusOK).JSON(&got)
	us := history(t, s.Client, r.Id)
	if got.Version != 3 || len(us) != 3 || us[2].Kind != "comment" || us[2].Text != "We need sand." || us[2].Author != "staff" {
		t.Errorf("version %d, history %+v", got.Version, us)
	}
}

func foreignIsKeptOut(t *testing.T, s *system, crew, foreign *apitest.Client) {
	r := s.filed(t, inSundsvall, fields{"contact": fields{"name": "Kim Karlsson", "email": "kim@example.org"}})
	var note api.Update
	crew.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "Ask the neighbour.", "internal": true}).Want(http.StatusCreated).JSON(&note)
	if !note.Internal || note.Author != "staff" {
		t.Errorf("the note is %+v", note)
	}
	if us := history(t, crew, r.Id); len(us) != 2 || us[1].Text != "Ask the neighbour." {
		t.Errorf("the crew reads %+v", us)
	}
	for _, c := range []*apitest.Client{s.Client, foreign, s.reporter(t, r), s.staff(t, auth.Operator, "")} {
		if us := history(t, c.WithTest(t), r.Id); len(us) != 1 {
			t.Errorf("others read %+v", us)
		}
	}
	foreign = atVersion(foreign.WithTest(t), 2)
	foreign.Send(http.MethodPut, "/v1/reports/"+r.Id+"/status", fields{"status": "fixed"}).WantProblem(problem.Forbidden)
	foreign.Send(http.MethodPut, "/v1/reports/"+r.Id+"/assignee", fields{"assignee": ""}).WantProblem(problem.Forbidden)
	foreign.Send(http.MethodPost, "/v1/reports/"+r.Id+"/hand-over", fields{"to": stockholm}).WantProblem(problem.Forbidden)
	foreign.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "x", "internal": true}).WantProblem(problem.Forbidden)
	foreign.Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).WantProblem(problem.Forbidden)
	foreign.Get("/v1/queue?jurisdiction=2281").WantProblem(problem.Forbidden)
	// A problem shows the state as the caller may see it, too.
	stale := foreign.With("If-Match", `"1"`).Send(http.MethodPut, "/v1/reports/"+r.Id+"/status", fields{"status": "fixed"})
	if strings.Contains(string(stale.Body), "Kim") {
		t.Errorf("a refusal shows %s", stale)
	}
	if got := read(t, s.Client, r.Id); got.Status != "received" || got.Version != 2 {
		t.Errorf("the report is %s at version %d", got.Status, got.Version)
	}
}

// queue reads a queue to its end and returns the reports by id.
func queue(t testing.TB, c *apitest.Client, query string) map[string]api.Report {
	t.Helper()
	all := map[string]api.Report{}
	for cursor := ""; ; {
		var list api.ReportList
		c.WithTest(t).Get("/v1/queue?limit=100" + query + cursor).Want(http.StatusOK).JSON(&list)
		for _, r := range list.Reports {
			all[r.Id] = r
		}
		if list.Next == "" {
			return all
		}
		cursor = "&cursor=" + list.Next
	}
}

func queueHoldsOurs(t *testing.T, s *system, crew, handler *apitest.Client) {
	ours := s.filed(t, inSundsvall, fields{"private": true, "contact": fields{"phone": "070-174 06 05"}})
	theirs := s.filed(t, inStockholm, nil)
	done := reach(t, s, crew, "fixed")
	got := queue(t, crew, "")
	if q, ok := got[ours.Id]; !ok || q.Contact == nil || q.Contact.Phone != "070-174 06 05" || got[theirs.Id].Id != "" || got[done.Id].Id != "" {
		t.Errorf("the queue holds ours %v (%+v), theirs %v, what is done %v", ok, q.Contact, got[theirs.Id].Id != "", got[done.Id].Id != "")
	}
	if q := queue(t, crew, "&status=fixed"); q[done.Id].Id == "" || q[ours.Id].Id != "" {
		t.Error("status does not choose")
	}
	var me api.Session
	handler.WithTest(t).Get("/v1/session").Want(http.StatusOK).JSON(&me)
	atVersion(handler.WithTest(t), 1).Send(http.MethodPut, "/v1/reports/"+ours.Id+"/assignee", fields{"assignee": me.Person.Id}).Want(http.StatusOK)
	if q := queue(t, handler, "&assignee=me"); len(q) != 1 || q[ours.Id].Assignee == nil || q[ours.Id].Assignee.Id != me.Person.Id {
		t.Errorf("mine are %+v", q)
	}
	if q := queue(t, crew, "&assignee=me"); len(q) != 0 {
		t.Errorf("the crew has %+v", q)
	}
	if q := queue(t, crew, "&assignee=none"); q[ours.Id].Id != "" {
		t.Error("what is assigned is with nobody too")
	}
	problemAt(t, crew.WithTest(t).Get("/v1/queue?jurisdiction=nowhere"), http.StatusUnprocessableEntity, "jurisdiction")
}

func handOver(t *testing.T, s *system, handler, foreign *apitest.Client) {
	r := s.filed(t, inSundsvall, fields{"contact": fields{"name": "Kim"}})
	path := "/v1/reports/" + r.Id + "/hand-over"
	handler.WithTest(t).Send(http.MethodPost, path, fields{"to": stockholm}).Want(http.StatusPreconditionRequired)
	atVersion(handler.WithTest(t), 9).Send(http.MethodPost, path, fields{"to": stockholm}).Want(http.StatusPreconditionFailed)
	problemAt(t, atVersion(handler.WithTest(t), 1).Send(http.MethodPost, path, fields{"to": "9999"}), http.StatusUnprocessableEntity, "/to")
	var got api.Report
	atVersion(handler.WithTest(t), 1).Send(http.MethodPost, path, fields{"to": "stockholm.se", "text": "It is their street."}).Want(http.StatusOK).JSON(&got)
	if got.Jurisdiction.Code != stockholm || got.Id != r.Id || got.Reference != r.Reference || got.Status != "received" || got.Contact != nil {
		t.Errorf("handed over: %+v", got)
	}
	if q := queue(t, foreign, ""); q[r.Id].Contact == nil {
		t.Error("the recipient does not have it")
	}
	if q := queue(t, handler, ""); q[r.Id].Id != "" {
		t.Error("the sender still has it")
	}
	setStatus(t, handler, r.Id, fields{"status": "fixed"}).WantProblem(problem.Forbidden)
	setStatus(t, foreign, r.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	us := history(t, s.Client, r.Id)
	if len(us) != 3 || us[1].Kind != "hand-over" || us[1].HandedTo != stockholm || us[1].Text != "It is their street." {
		t.Errorf("history %+v", us)
	}
	var why api.Routing
	s.in(t).Get("/v1/reports/" + r.Id + "/routing").Want(http.StatusOK).JSON(&why)
	if why.Reason != "hand-over" || len(why.Steps) != 2 || why.Jurisdiction.Code != stockholm {
		t.Errorf("routing %+v", why)
	}
}

// A hand-over whose answer was lost is answered again, although the report has
// left the sender's hands by then.
func handOverAgain(t *testing.T, s *system, handler *apitest.Client) {
	for _, private := range []bool{false, true} {
		r := s.filed(t, inSundsvall, fields{"private": private})
		path := "/v1/reports/" + r.Id + "/hand-over"
		c := atVersion(handler.WithTest(t), 1).With("Idempotency-Key", s.key())
		again(t, "a hand-over", func() apitest.Response {
			return c.Send(http.MethodPost, path, fields{"to": stockholm}).Want(http.StatusOK)
		})
		problemAt(t, c.Send(http.MethodPost, path, fields{"to": goteborg}), http.StatusUnprocessableEntity, "Idempotency-Key")
	}
}

func twoReturns(t *testing.T, s *system, handler, foreign *apitest.Client) {
	r := s.filed(t, inSundsvall, fields{"contact": fields{"name": "Kim"}})
	give := func(c *apitest.Client, to string) (got api.Report) {
		t.Helper()
		version := read(t, s.Client, r.Id).Version
		atVersion(c.WithTest(t), version).Send(http.MethodPost, "/v1/reports/"+r.Id+"/hand-over", fields{"to": to}).Want(http.StatusOK).JSON(&got)
		return got
	}
	operator := s.staff(t, auth.Operator, "")
	give(handler, stockholm)
	if got := give(foreign, sundsvall); got.Delivery != "delivered" {
		t.Errorf("after one return: %s", got.Delivery)
	}
	if queue(t, operator, "")[r.Id].Id != "" {
		t.Error("one return is in triage")
	}
	if got := give(handler, stockholm); got.Delivery != "held" {
		t.Errorf("after two returns: %s", got.Delivery)
	}
	if q, ok := queue(t, operator, "")[r.Id]; !ok || q.Contact != nil {
		t.Errorf("triage has it %v with contact %+v", ok, q.Contact)
	}
	if got := read(t, operator, r.Id); got.Contact != nil {
		t.Errorf("the operator reads %+v", got.Contact)
	}
	if got := give(operator, sundsvall); got.Delivery != "delivered" || got.Jurisdiction.Code != sundsvall {
		t.Errorf("after triage: %+v", got)
	}
	setStatus(t, operator, r.Id, fields{"status": "fixed"}).WantProblem(problem.Forbidden) // out of triage, out of reach
}

func assignee(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	colleague := s.invited(t, auth.Crew, sundsvall, s.address("colleague")).Person.Id
	stranger := s.invited(t, auth.Crew, stockholm, s.address("stranger")).Person.Id
	path, c := "/v1/reports/"+r.Id+"/assignee", handler.WithTest(t)
	c.Send(http.MethodPut, path, fields{"assignee": colleague}).Want(http.StatusPreconditionRequired)
	atVersion(c, 9).Send(http.MethodPut, path, fields{"assignee": colleague}).Want(http.StatusPreconditionFailed)
	for _, nobody := range []string{stranger, r.Id} {
		problemAt(t, atVersion(c, 1).Send(http.MethodPut, path, fields{"assignee": nobody}), http.StatusUnprocessableEntity, "/assignee")
	}
	var got api.Report
	atVersion(c, 1).Send(http.MethodPut, path, fields{"assignee": colleague}).Want(http.StatusOK).JSON(&got)
	if got.Assignee == nil || got.Assignee.Id != colleague {
		t.Errorf("assigned to %+v", got.Assignee)
	}
	if got := read(t, s.Client, r.Id); got.Assignee != nil || len(history(t, s.Client, r.Id)) != 1 {
		t.Error("anyone sees who works on it")
	}
	var free api.Report
	atVersion(c, 2).Send(http.MethodPut, path, fields{"assignee": ""}).Want(http.StatusOK).JSON(&free)
	if free.Assignee != nil {
		t.Errorf("given to nobody: %+v", free.Assignee)
	}
}

func reporterReopens(t *testing.T, s *system, crew *apitest.Client) {
	byStatus, byWord, late := reach(t, s, crew, "fixed"), reach(t, s, crew, "closed"), reach(t, s, crew, "fixed")
	setStatus(t, s.Client, byStatus.Id, fields{"status": "acknowledged"}).WantProblem(problem.Unauthenticated)
	setStatus(t, s.resident(t), byStatus.Id, fields{"status": "acknowledged"}).WantProblem(problem.Forbidden)
	setStatus(t, s.reporter(t, byStatus), byStatus.Id, fields{"status": "in-progress"}).WantProblem(problem.Forbidden)
	var got api.Report
	setStatus(t, s.reporter(t, byStatus), byStatus.Id, fields{"status": "acknowledged", "text": "It is back."}).Want(http.StatusOK).JSON(&got)
	us := history(t, s.Client, byStatus.Id)
	if last := us[len(us)-1]; got.Status != "acknowledged" || !got.ClosedAt.IsZero() || last.Author != "reporter" || last.Text != "It is back." {
		t.Errorf("reopened: %+v, %+v", got, last)
	}
	notFixed := fields{"fixed": false, "text": "Not at all."}
	s.reporter(t, byWord).Send(http.MethodPost, "/v1/reports/"+byWord.Id+"/updates", notFixed).Want(http.StatusCreated)
	if got := read(t, s.Client, byWord.Id); got.Status != "acknowledged" || got.CloseReason != "" {
		t.Errorf("after \"not fixed\": %s, %s", got.Status, got.CloseReason)
	}
	s.pass(31 * 24 * time.Hour)
	setStatus(t, s.reporter(t, late), late.Id, fields{"status": "acknowledged"}).WantProblem(problem.Forbidden)
	var u api.Update
	s.reporter(t, late).Send(http.MethodPost, "/v1/reports/"+late.Id+"/updates", notFixed).Want(http.StatusCreated).JSON(&u)
	if got := read(t, s.Client, late.Id); got.Status != "fixed" || u.Kind != "comment" || u.Fixed == nil || *u.Fixed {
		t.Errorf("a month later: %s, %+v", got.Status, u)
	}
	setStatus(t, s.staff(t, auth.Crew, sundsvall), late.Id, fields{"status": "acknowledged"}).Want(http.StatusOK) // staff at any time
}
