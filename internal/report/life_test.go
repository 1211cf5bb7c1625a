package report_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestChangingStatus(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.submit(t, inSquare(1)).Report
	other := k.submit(t, inSquare(1)).Report
	secret := inSquare(1)
	secret.Private = true
	hidden := k.submit(t, secret).Report
	crew := staff(auth.Crew, "1001")
	to := func(ch report.StatusChange, who auth.Actor) error {
		_, err := k.ChangeStatus(t.Context(), who, r.ID, ch)
		return err
	}
	wantProblem(t, "anybody", to(report.StatusChange{To: report.InProgress, Version: 1}, auth.Actor{}), problem.Unauthenticated)
	wantProblem(t, "another's crew", to(report.StatusChange{To: report.InProgress, Version: 1}, staff(auth.Crew, "1002")), problem.Forbidden)
	wantProblem(t, "no version", to(report.StatusChange{To: report.InProgress}, crew), problem.VersionRequired)
	wantProblem(t, "an old version", to(report.StatusChange{To: report.InProgress, Version: 7}, crew), problem.Stale)
	for name, ch := range map[string]report.StatusChange{
		"no such status":            {To: "nonsense"},
		"planned for no day":        {To: report.Planned},
		"planned for a bad day":     {To: report.Planned, PlannedFor: "2026-02-30"},
		"closed without words":      {To: report.Closed, Reason: report.NoAction},
		"closed without a reason":   {To: report.Closed, Text: "nej"},
		"a duplicate of nothing":    {To: report.Closed, Reason: report.Duplicate, Text: "samma"},
		"a duplicate of a stranger": {To: report.Closed, Reason: report.Duplicate, Text: "samma", DuplicateOf: "1001-2026-999999"},
		"a duplicate of itself":     {To: report.Closed, Reason: report.Duplicate, Text: "samma", DuplicateOf: r.Reference},
		"a duplicate of a secret":   {To: report.Closed, Reason: report.Duplicate, Text: "samma", DuplicateOf: hidden.Reference},
		"fixed for a reason":        {To: report.Fixed, Reason: report.NoAction},
	} {
		ch.Version = 1
		wantProblem(t, name, to(ch, crew), problem.Invalid)
	}
	must(t, to(report.StatusChange{To: report.InProgress, Version: 1}, crew))
	must(t, to(report.StatusChange{To: report.InProgress, Version: 1}, crew)) // the same again, from a bad network
	must(t, to(report.StatusChange{To: report.InProgress, Version: 1, Text: "på väg"}, crew))
	must(t, to(report.StatusChange{To: report.Closed, Reason: report.Duplicate, Text: "samma", DuplicateOf: other.Reference, Version: 3}, crew))
	wantProblem(t, "from closed to fixed", to(report.StatusChange{To: report.Fixed, Version: 4}, crew), problem.Conflict)
	got, us, err := k.History(t.Context(), auth.Actor{}, r.Reference)
	must(t, err)
	var kinds []report.UpdateKind
	for _, u := range us {
		kinds = append(kinds, u.Kind)
	}
	want := []report.UpdateKind{report.WasFiled, report.StatusChanged, report.Commented, report.StatusChanged}
	if got.DuplicateOf != other.ID || got.ClosedAt.IsZero() || got.Version != 4 || !slices.Equal(kinds, want) {
		t.Errorf("%+v with history %v", got, kinds)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	done := k.submit(t, inSquare(1))
	id := done.Report.ID
	say := func(who auth.Actor, c report.Comment) (report.Update, error) {
		added, err := k.AddComment(t.Context(), who, id, c)
		return added.Update, err
	}
	_, err := say(auth.Actor{}, report.Comment{Text: "hej"})
	wantProblem(t, "anybody", err, problem.Unauthenticated)
	_, err = say(follower(done), report.Comment{})
	wantProblem(t, "nothing", err, problem.Invalid)
	_, err = say(follower(done), report.Comment{Text: "intern", Internal: true})
	wantProblem(t, "a reporter's internal note", err, problem.Forbidden)
	_, err = say(staff(auth.Crew, "1001"), report.Comment{Text: "ägarens bil", Internal: true, PhotoIDs: []string{k.photo(t)}})
	wantProblem(t, "an internal photo, which everybody would see", err, problem.Invalid)
	key := report.Key{Scope: "comment " + id, Key: "0123456789abcdef", Fingerprint: "a"}
	first, err := say(follower(done), report.Comment{Text: "det växer", PhotoIDs: []string{k.photo(t)}, Key: key})
	must(t, err)
	again, err := say(follower(done), report.Comment{Text: "det växer", Key: key})
	must(t, err)
	if first.ID != again.ID || first.Author != report.ByReporter || first.Kind != report.PhotoAdded {
		t.Errorf("first %+v, again %+v", first, again)
	}
	resident, err := say(auth.Actor{Kind: auth.PersonKind, PersonID: "p"}, report.Comment{Text: "här med"})
	must(t, err)
	note, err := say(staff(auth.Crew, "1001"), report.Comment{Text: "ta med asfalt", Internal: true})
	must(t, err)
	if resident.Author != report.ByResident || note.Author != report.ByStaff {
		t.Errorf("authors %s and %s", resident.Author, note.Author)
	}
	_, public, err := k.History(t.Context(), auth.Actor{}, id)
	must(t, err)
	_, all, err := k.History(t.Context(), staff(auth.Crew, "1001"), id)
	must(t, err)
	if len(public) != 3 || len(all) != 4 {
		t.Errorf("%d updates in public, %d for staff", len(public), len(all))
	}
}

// A phone that got no answer sends the photo again. It is answered before the
// photo is looked at: this one could not be decoded.
func TestACommentThatComesAgainKeepsNoSecondPhoto(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	done := k.submit(t, inSquare(1))
	c := report.Comment{PhotoIDs: []string{k.photo(t)}, Key: report.Key{Scope: "photo", Key: "0123456789abcdef", Fingerprint: "a"}}
	first, err := k.AddComment(t.Context(), follower(done), done.Report.ID, c)
	must(t, err)
	c.PhotoIDs, c.NewPhotos = nil, []io.ReadSeeker{strings.NewReader("no photo")}
	again, err := k.AddComment(t.Context(), follower(done), done.Report.ID, c)
	must(t, err)
	if !again.Replayed || again.Update.ID != first.Update.ID || len(again.Report.Photos) != 1 {
		t.Errorf("again: %+v", again)
	}
	c.Key.Fingerprint = "b"
	_, err = k.AddComment(t.Context(), follower(done), done.Report.ID, c)
	wantProblem(t, "another photo with the same key", err, problem.Invalid)
}

func TestTwoReturnsGoToTriage(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.submit(t, inSquare(1)).Report
	give := func(who auth.Actor, to string) {
		t.Helper()
		now, err := k.Store.Report(t.Context(), r.ID)
		must(t, err)
		r, _, err = k.HandOver(t.Context(), who, r.ID, report.Passing{To: to, Text: "inte vår", Version: now.Version})
		must(t, err)
	}
	wantState := func(jurisdiction string, d report.Delivery, returns int) {
		t.Helper()
		if r.Jurisdiction != jurisdiction || r.Delivery != d || r.Returns != returns || r.Reference != "1001-2026-000001" {
			t.Errorf("%s at %s, %s, %d returns; want %s, %s, %d", r.Reference, r.Jurisdiction, r.Delivery, r.Returns, jurisdiction, d, returns)
		}
	}
	give(staff(auth.Handler, "1001"), "1002")
	wantState("1002", report.Queued, 0)
	give(staff(auth.Handler, "1002"), "1001")
	wantState("1001", report.Delivered, 1)
	give(staff(auth.Handler, "1001"), "1002")
	wantState("1002", report.Held, 2)
	operator := staff(auth.Operator, "")
	page, contacts, err := k.Queue(t.Context(), operator, report.Query{Triage: true})
	must(t, err)
	if len(page.Reports) != 1 || contacts != nil {
		t.Errorf("triage holds %d reports, with contacts %v", len(page.Reports), contacts)
	}
	give(operator, "1001") // what the operator decides is no return
	wantState("1001", report.Delivered, 0)
	_, _, err = k.HandOver(t.Context(), operator, r.ID, report.Passing{To: "1002", Version: r.Version})
	wantProblem(t, "an operator outside triage", err, problem.Forbidden)
	_, _, err = k.HandOver(t.Context(), staff(auth.Handler, "1001"), r.ID, report.Passing{To: "9999", Version: r.Version})
	wantProblem(t, "to nobody", err, problem.Invalid)
	_, _, err = k.HandOver(t.Context(), staff(auth.Crew, "1001"), r.ID, report.Passing{To: "1002", Version: r.Version})
	wantProblem(t, "by a crew", err, problem.Forbidden)
}

// Near the border, who did not want it may say "not ours" and no more.
func TestAReportThatIsGivenBackGoesToTheNextInQuestion(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	accuracy := 100.0
	sub := inSquare(1)
	sub.Lon, sub.AccuracyM = 17.9999, &accuracy // 5 m from 1002
	r := k.submit(t, sub).Report
	giveBack := func(who auth.Actor) error {
		t.Helper()
		now, err := k.Store.Report(t.Context(), r.ID)
		must(t, err)
		passed, _, err := k.HandOver(t.Context(), who, r.ID, report.Passing{Text: "inte vår", Version: now.Version})
		if err == nil {
			r = passed
		}
		return err
	}
	wantState := func(jurisdiction string, d report.Delivery, returns int) {
		t.Helper()
		if r.Jurisdiction != jurisdiction || r.Delivery != d || r.Returns != returns {
			t.Errorf("at %s, %s, %d returns; want %s, %s, %d", r.Jurisdiction, r.Delivery, r.Returns, jurisdiction, d, returns)
		}
	}
	must(t, giveBack(staff(auth.Handler, "1001")))
	wantState("1002", report.Queued, 1)
	must(t, giveBack(staff(auth.Handler, "1002")))
	wantState("1002", report.Held, 2) // nobody is left
	operator := staff(auth.Operator, "")
	wantProblem(t, "the operator has to say who gets it", giveBack(operator), problem.Invalid)

	// A change of its holder's settings must not bring it back there.
	j, err := k.Tenants.Get(t.Context(), "1002")
	must(t, err)
	j.Channel = tenant.Web
	_, err = k.Tenants.Put(t.Context(), j)
	must(t, err)
	r, err = k.Store.Report(t.Context(), r.ID)
	must(t, err)
	wantState("1002", report.Held, 2)
	_, _, err = k.HandOver(t.Context(), operator, r.ID, report.Passing{To: "1001", Version: r.Version})
	must(t, err)

	_, us, err := k.History(t.Context(), auth.Itself(), r.ID)
	must(t, err)
	var rules []string
	for _, u := range us {
		if len(u.Trace) > 0 {
			trace, err := routing.ReadTrace(u.Trace)
			must(t, err)
			rules = append(rules, trace.Rule+" "+trace.Owner.Code)
		}
	}
	if want := []string{"area 1001", "returned 1002", "triage 1002", "hand-over 1001"}; !slices.Equal(rules, want) {
		t.Errorf("the traces tell of %q, want %q", rules, want)
	}
	_, public, err := k.History(t.Context(), auth.Actor{}, r.ID)
	must(t, err)
	if len(public) != len(us)-1 {
		t.Errorf("%d of %d updates are public: all but the one by which nothing changed for the public", len(public), len(us))
	}
}

func TestAReportThatNobodyElseComesIntoQuestionForGoesToTriage(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.submit(t, inSquare(1)).Report
	r, _, err := k.HandOver(t.Context(), staff(auth.Handler, "1001"), r.ID, report.Passing{Version: r.Version})
	if err != nil || r.Jurisdiction != "1001" || r.Delivery != report.Held || r.Assignee != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheReporterReopensWithinThirtyDays(t *testing.T) {
	t.Parallel()
	bad := true
	for name, tt := range map[string]struct {
		after  time.Duration
		who    func(report.Submitted) auth.Actor
		status report.Status
	}{
		"the reporter on the last day":  {30 * 24 * time.Hour, follower, report.Acknowledged},
		"the reporter a moment later":   {30*24*time.Hour + time.Microsecond, follower, report.Fixed},
		"a resident, which is a remark": {0, func(report.Submitted) auth.Actor { return auth.Actor{Kind: auth.PersonKind, PersonID: "p"} }, report.Fixed},
		"the crew, at any time":         {400 * 24 * time.Hour, func(report.Submitted) auth.Actor { return staff(auth.Crew, "1001") }, report.Acknowledged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			done := k.submit(t, inSquare(1))
			_, err := k.change(t, done.Report, report.StatusChange{To: report.Fixed})
			must(t, err)
			k.clock.advance(tt.after)
			added, err := k.AddComment(t.Context(), tt.who(done), done.Report.ID, report.Comment{Text: "hålet är kvar", StillBad: &bad})
			must(t, err)
			r, u := added.Report, added.Update
			if r.Status != tt.status || r.ClosedAt.IsZero() != r.Status.Open() || u.StillBad == nil || !*u.StillBad {
				t.Errorf("%s, closed at %v, want %s; update %+v", r.Status, r.ClosedAt, tt.status, u)
			}
		})
	}
}

func TestWithdrawing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	done := k.submit(t, inSquare(1))
	other := k.submit(t, inSquare(1))
	_, err := k.Withdraw(t.Context(), auth.Actor{}, done.Report.ID, 0)
	wantProblem(t, "anybody", err, problem.Unauthenticated)
	_, err = k.Withdraw(t.Context(), follower(other), done.Report.ID, 0)
	wantProblem(t, "another report's token", err, problem.Unauthenticated)
	for range 2 { // the second time changes nothing
		r, err := k.Withdraw(t.Context(), follower(done), done.Report.Reference, 0)
		must(t, err)
		if r.Status != report.Closed || r.CloseReason != report.Withdrawn || r.Version != 2 {
			t.Errorf("%s, %s, version %d", r.Status, r.CloseReason, r.Version)
		}
	}
	_, us, err := k.History(t.Context(), auth.Actor{}, done.Report.ID)
	must(t, err)
	if last := us[len(us)-1]; len(us) != 2 || last.Text == "" || last.Author != report.ByReporter {
		t.Errorf("history %+v", us)
	}
}

func TestErasing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	sub := inSquare(1)
	id := k.photo(t)
	sub.PhotoIDs, sub.Contact = []string{id}, report.Contact{Name: "Anna", Email: "anna@example.org"}
	done := k.submit(t, sub)
	wantProblem(t, "anybody", k.Erase(t.Context(), auth.Actor{}, done.Report.ID), problem.Unauthenticated)
	must(t, k.Erase(t.Context(), follower(done), done.Report.ID))
	r, us, err := k.History(t.Context(), staff(auth.Crew, "1001"), done.Report.ID)
	must(t, err)
	contact, err := k.Contact(t.Context(), staff(auth.Crew, "1001"), r)
	must(t, err)
	if r.Description != "" || len(r.Attributes) != 0 || len(r.Photos) != 0 || !contact.Empty() || us[len(us)-1].Kind != report.TextRemoved {
		t.Errorf("what is left: %+v, %+v, %+v", r, contact, us)
	}
	if r.Lat != sub.Lat || r.Service != "pothole" || r.Reference != done.Report.Reference {
		t.Errorf("facts are gone: %+v", r)
	}
	wantProblem(t, "the token afterwards", k.Erase(t.Context(), follower(done), done.Report.ID), problem.Unauthenticated)
	jobs := k.jobs(t, report.JobEraseFiles)
	if len(jobs) != 1 {
		t.Fatalf("erase-files jobs %v", jobs)
	}
	if k.photoFiles(t) != 1 {
		t.Error("the photo has no file to remove")
	}
	must(t, k.Photos.Remove(t.Context(), decode[report.EraseFilesJob](t, jobs[0]).PhotoIDs))
	if n := k.photoFiles(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestPrivateReportsAreHidden(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	sub := inSquare(1)
	sub.Private = true
	done := k.submit(t, sub)
	id := done.Report.ID
	for name, who := range map[string]auth.Actor{
		"anybody": {}, "a resident": {Kind: auth.PersonKind, PersonID: "p"}, "another's crew": staff(auth.Crew, "1002"),
		"an operator": staff(auth.Operator, ""), "another report's reporter": follower(k.submit(t, inSquare(1))),
	} {
		_, err := k.Read(t.Context(), who, id)
		wantProblem(t, name+" reads", err, problem.NotFound)
		_, err = k.AddComment(t.Context(), who, id, report.Comment{Text: "hej"})
		wantProblem(t, name+" comments", err, problem.NotFound)
		_, err = k.ChangeStatus(t.Context(), who, id, report.StatusChange{To: report.Fixed, Version: 1})
		wantProblem(t, name+" changes", err, problem.NotFound)
		_, err = k.Support(t.Context(), who, id, "voice", report.Key{})
		wantProblem(t, name+" supports", err, problem.NotFound)
		_, err = k.Withdraw(t.Context(), who, id, 0)
		wantProblem(t, name+" withdraws", err, problem.NotFound)
		wantProblem(t, name+" erases", k.Erase(t.Context(), who, id), problem.NotFound)
	}
	for name, who := range map[string]auth.Actor{"the reporter": follower(done), "the crew": staff(auth.Crew, "1001")} {
		if _, err := k.Read(t.Context(), who, done.Report.Reference); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	page, err := k.List(t.Context(), report.Query{})
	must(t, err)
	queue, contacts, err := k.Queue(t.Context(), staff(auth.Crew, "1001"), report.Query{Jurisdiction: "1001"})
	must(t, err)
	if len(page.Reports) != 1 || len(queue.Reports) != 2 || contacts == nil {
		t.Errorf("%d listed, %d in the queue", len(page.Reports), len(queue.Reports))
	}
}

func TestOneVoiceForEachPerson(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.submit(t, inSquare(1)).Report
	anna := auth.Actor{Kind: auth.PersonKind, PersonID: "anna"}
	for i, tt := range []struct {
		who     auth.Actor
		client  string
		counted bool
	}{
		{anna, "", true}, {anna, "phone", false}, {auth.Actor{}, "phone", true}, {auth.Actor{}, "phone", false}, {auth.Actor{}, "tablet", true},
	} {
		if done, err := k.Support(t.Context(), tt.who, r.ID, tt.client, report.Key{}); err != nil || done.Counted != tt.counted {
			t.Errorf("voice %d counted = %v, want %v (%v)", i, done.Counted, tt.counted, err)
		}
	}
}
