package report_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestAReportGoesToWhoeverOwnsThePlace(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for n, want := range []struct {
		jurisdiction string
		delivery     report.Delivery
		jobs         int
	}{{"1001", report.Delivered, 0}, {"1002", report.Queued, 1}, {"1003", report.Held, 0}} {
		done := k.submit(t, inSquare(n+1))
		r := done.Report
		if r.Jurisdiction != want.jurisdiction || r.Delivery != want.delivery || r.Reference != want.jurisdiction+"-2026-000001" || r.Outside {
			t.Errorf("square %d: %s, %s, %s", n+1, r.Jurisdiction, r.Delivery, r.Reference)
		}
		if jobs := k.jobs(t, report.JobDeliver); len(jobs) != want.jobs {
			t.Errorf("square %d: deliver jobs %v", n+1, jobs)
		}
		if jobs := k.jobs(t, report.JobTell); len(jobs) != 0 { // nobody follows the place
			t.Errorf("square %d: tell jobs %v", n+1, jobs)
		}
		_, traces, err := k.Routing(t.Context(), auth.Actor{}, r.Reference)
		must(t, err)
		trace, err := routing.ReadTrace(traces[0])
		must(t, err)
		if trace.Rule != routing.RuleArea || trace.Owner.Code != want.jurisdiction || trace.BoundarySet != r.BoundarySet {
			t.Errorf("square %d: trace %+v", n+1, trace)
		}
	}
	sub := inSquare(1)
	sub.Lon = 16.9999 // some 5 m outside
	if r := k.submit(t, sub).Report; !r.Outside || r.Jurisdiction != "1001" {
		t.Errorf("just outside: %+v", r)
	}
}

func TestABadSubmissionNamesEveryField(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	accuracy := -1.0
	for name, tt := range map[string]struct {
		change func(*report.Submission)
		fields []string
	}{
		"nowhere":      {func(s *report.Submission) { s.Lat, s.Lon = 91, -181 }, []string{"/lat", "/lon"}},
		"far outside":  {func(s *report.Submission) { s.Lat, s.Description = 10, "\x00" }, []string{"/description", "/lat", "/lon"}},
		"no service":   {func(s *report.Submission) { s.Service = "" }, []string{"/service"}},
		"odd service":  {func(s *report.Submission) { s.Service = "dragon"; s.AccuracyM = &accuracy }, []string{"/accuracy_m", "/service"}},
		"odd answer":   {func(s *report.Submission) { s.Attributes = map[string]any{"size": "gigantic"} }, []string{"/attributes/size"}},
		"odd contact":  {func(s *report.Submission) { s.Contact.Email = "anna" }, []string{"/contact/email"}},
		"lost photo":   {func(s *report.Submission) { s.PhotoIDs = []string{"0199a0b0-0000-7000-8000-000000000000"} }, []string{"/photos/0"}},
		"many photos":  {func(s *report.Submission) { s.PhotoIDs = make([]string, 11) }, []string{"/photos"}},
		"not a photo":  {func(s *report.Submission) { s.NewPhotos = []io.ReadSeeker{strings.NewReader("GIF89a")} }, []string{"photo/0"}},
		"all of these": {func(s *report.Submission) { s.Service, s.Address, s.Contact.Phone = "", "\x1b", "x" }, []string{"/address", "/contact/phone", "/service"}},
	} {
		sub := inSquare(1)
		tt.change(&sub)
		_, err := k.Submit(t.Context(), auth.Actor{}, sub)
		var fields []string
		if p := problem.As(err); p != nil {
			for _, f := range p.Fields {
				fields = append(fields, f.Field)
			}
		}
		if slices.Sort(fields); !slices.Equal(fields, tt.fields) {
			t.Errorf("%s: fields %v, want %v (%v)", name, fields, tt.fields, err)
		}
	}
	page, err := k.List(t.Context(), report.Query{Jurisdiction: "1001"})
	must(t, err)
	if len(page.Reports) != 0 {
		t.Errorf("%d reports were stored", len(page.Reports))
	}
}

func TestTheSameSubmissionAgainIsTheSameReport(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	sub := inSquare(1)
	sub.Key = report.Key{Scope: "POST /v1/reports", Key: "0123456789abcdef", Fingerprint: "a"}
	first, again := k.submit(t, sub), k.submit(t, sub)
	if first.Replayed || !again.Replayed || first.Report.ID != again.Report.ID || first.FollowToken != again.FollowToken {
		t.Errorf("first %+v, again %+v", first, again)
	}
	sub.Key.Fingerprint = "b"
	_, err := k.Submit(t.Context(), auth.Actor{}, sub)
	wantProblem(t, "another submission with the same key", err, problem.Invalid)
}

// Between finding out who is responsible and storing, the boundaries change.
func TestAReportIsLocatedAgainWhenBoundariesChange(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	old := k.boundaries.Active().ID
	router := k.Router
	asked := 0
	k.Router = routerAfter{router, func() {
		if asked++; asked == 1 {
			k.activate(t)
		}
	}}
	sub := inSquare(1)
	sub.PhotoIDs = []string{k.photo(t)}
	r := k.submit(t, sub).Report
	if asked != 2 || r.BoundarySet == old || r.BoundarySet != k.boundaries.Active().ID || len(r.Photos) != 1 || r.Reference != "1001-2026-000001" {
		t.Errorf("asked %d times; %+v", asked, r)
	}
}

func TestTheReportersAnswerDecidesNearABorder(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	accuracy := 100.0
	sub := inSquare(1)
	sub.Lon, sub.AccuracyM, sub.Answer = 17.9999, &accuracy, "1002"
	if r := k.submit(t, sub).Report; r.Jurisdiction != "1002" || r.Reference != "1002-2026-000001" {
		t.Errorf("%+v", r)
	}
	sub.Answer = "1003"
	_, err := k.Submit(t.Context(), auth.Actor{}, sub)
	if p := problem.As(err); p == nil || p.Fields[0].Field != "/answer" || !strings.Contains(p.Detail, "1001 (Ruta 1001), 1002 (Ruta 1002)") {
		t.Errorf("an answer that was not offered: %v", err)
	}
}

// Between finding out who is responsible and storing, a rule changes that.
func TestAReportIsRoutedAgainWhenRulesChange(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	asked := 0
	k.Router = routerAfter{k.Router, func() {
		if asked++; asked == 1 {
			// By another process, so that this one has still the rules before.
			other := &routing.Boundaries{Sets: k.boundaries.Sets, Blobs: k.boundaries.Blobs, CacheDir: t.TempDir(), Log: k.boundaries.Log}
			_, err := other.PutRules(t.Context(), "1001", []routing.Rule{{ID: "moved", Outcome: routing.ToJurisdiction, To: "1002"}}, 1, k.clock.Now())
			must(t, err)
		}
	}}
	if r := k.submit(t, inSquare(1)).Report; asked != 2 || r.Jurisdiction != "1002" {
		t.Errorf("asked %d times; %+v", asked, r)
	}
}

// Who may send reports from one place only may send there what lies there, though
// a rule passes it on.
func TestARuleDoesNotMakeAPlaceAnother(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	_, err := k.boundaries.PutRules(t.Context(), "1001", []routing.Rule{{ID: "moved", Outcome: routing.ToJurisdiction, To: "1002"}}, 1, k.clock.Now())
	must(t, err)
	sub := inSquare(1)
	for within, ok := range map[string]bool{"1001": true, "1002": true, "1003": false} {
		sub.Within = within
		if _, err := k.Submit(t.Context(), auth.Actor{}, sub); (err == nil) != ok {
			t.Errorf("within %s: %v", within, err)
		}
	}
}

// routerAfter does something just after each answer.
type routerAfter struct {
	report.Router
	do func()
}

func (r routerAfter) Route(ctx context.Context, q routing.Question) (routing.Route, error) {
	route, err := r.Router.Route(ctx, q)
	r.do()
	return route, err
}

// Another process has activated boundaries, and this one would learn of it by
// its next look at the database only.
func TestAReportIsFiledUnderBoundariesThatAnotherProcessActivated(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	mine := k.boundaries
	k.boundaries = &routing.Boundaries{Sets: mine.Sets, Blobs: mine.Blobs, CacheDir: t.TempDir(), Log: mine.Log}
	k.activate(t)
	if r := k.submit(t, inSquare(1)).Report; r.BoundarySet != k.boundaries.Active().ID {
		t.Errorf("filed under set %s", r.BoundarySet)
	}
}

// The jurisdiction gets a channel after it was decided to hold the report for
// want of one. Nobody would release it later.
func TestAReportIsNotHeldForWantOfAChannelThatHasCome(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Store = storeBefore{k.Store, sync.OnceFunc(func() { k.mailTo(t, "1003") })}
	r := k.submit(t, inSquare(3)).Report
	if jobs := k.jobs(t, report.JobDeliver); r.Delivery != report.Queued || len(jobs) != 1 || r.Reference != "1003-2026-000001" {
		t.Errorf("%s is %s with jobs %v", r.Reference, r.Delivery, jobs)
	}
}

func TestAReportIsNotHandedOverToBeHeldForWantOfAChannelThatHasCome(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	r := k.submit(t, inSquare(1)).Report
	k.Store = storeBefore{k.Store, sync.OnceFunc(func() { k.mailTo(t, "1003") })}
	r, _, err := k.HandOver(t.Context(), staff(auth.Handler, "1001"), r.ID, report.Passing{To: "1003", Text: "er väg", Version: r.Version})
	must(t, err)
	if jobs := k.jobs(t, report.JobDeliver); r.Delivery != report.Queued || len(jobs) != 1 || r.Version != 2 {
		t.Errorf("%s at version %d with jobs %v", r.Delivery, r.Version, jobs)
	}
}

// mailTo gives a jurisdiction the channel email.
func (k *kit) mailTo(t *testing.T, code string) {
	t.Helper()
	j, err := k.Tenants.Get(t.Context(), code)
	must(t, err)
	j.Channel, j.Email = tenant.Email, "gata@example.invalid"
	_, err = k.Tenants.Put(t.Context(), j)
	must(t, err)
}

// storeBefore does something just before each Create and AddOnce.
type storeBefore struct {
	report.Store
	do func()
}

func (s storeBefore) Create(ctx context.Context, f report.Filing) (report.Filed, error) {
	s.do()
	return s.Store.Create(ctx, f)
}

func (s storeBefore) AddOnce(ctx context.Context, name string, key report.Key, change func(*report.Report) (report.Changes, error)) (report.Report, report.Replay, error) {
	s.do()
	return s.Store.AddOnce(ctx, name, key, change)
}
