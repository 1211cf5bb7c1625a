package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// town is the model: what a voice shows is its case's, and what it was is never
// touched. The database copies and restores instead, and must come to the same.
type town struct {
	*report.Service
	db   *database
	rnd  *rand.Rand
	all  []*house
	said []string
}

// house is one report in the model.
type house struct {
	report.Report
	below      *house // what it was merged into
	own        report.Work
	supporters map[string]bool
	contact    report.Contact
	photos     []string // ids
}

func (h *house) root() *house {
	for h.below != nil {
		h = h.below
	}
	return h
}

func (t *town) in(root *house) (all []*house) {
	for _, h := range t.all {
		if h.root() == root {
			all = append(all, h)
		}
	}
	return all
}

// Random days of merges, unmerges, work, hand-overs, withdrawals and support come
// to what the model says, report for report and list for list.
func TestMergesComeToWhatTheModelSays(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		service := rules(t, db.DB)
		for seed := range uint64(16) {
			town := &town{Service: service, db: db, rnd: rand.New(rand.NewPCG(seed, 1))} // #nosec G404 -- to be repeated
			for range 8 {
				town.file(t)
			}
			for range 50 {
				town.act(t)
				town.check(t)
				if t.Failed() {
					t.Fatalf("seed %d:\n%s", seed, strings.Join(town.said, "\n"))
				}
			}
			town.clear(t)
		}
	})
}

func (t *town) file(tb testing.TB) {
	f := filing()
	f.Report.Private = t.rnd.IntN(3) == 0
	f.Report.PersonID = []string{"", "", "anna", "bo"}[t.rnd.IntN(4)]
	f.Contact = report.Contact{Name: fmt.Sprint("reporter ", len(t.all))}
	if t.rnd.IntN(4) == 0 {
		f.Contact = report.Contact{}
	}
	for range t.rnd.IntN(3) {
		f.Photos = append(f.Photos, addPhoto(tb, t.db, noon))
	}
	r := create(tb, t.db, f)
	t.all = append(t.all, &house{Report: r, own: r.Work(), supporters: map[string]bool{}, contact: f.Contact, photos: f.Photos})
}

// photographed adds a photo, which stays with the report that it was added to.
func (t *town) photographed(tb testing.TB, h *house) {
	id := addPhoto(tb, t.db, noon)
	_, err := t.AddComment(tb.Context(), handler, h.ID, report.Comment{PhotoIDs: []string{id}})
	must(tb, err)
	h.photos = append(h.photos, id)
}

func (t *town) act(tb testing.TB) {
	h := t.all[t.rnd.IntN(len(t.all))]
	now, err := t.Store.Report(tb.Context(), h.ID)
	must(tb, err)
	n := slices.Index(t.all, h)
	switch act := t.rnd.IntN(16); {
	case act < 7:
		other := t.all[t.rnd.IntN(len(t.all))]
		t.said = append(t.said, fmt.Sprintf("merge %d into %d", n, slices.Index(t.all, other)))
		_, err = t.Merge(tb.Context(), handler, h.ID, report.Merging{Into: other.Reference, Version: now.Version})
		t.merged(tb, h, other, err)
	case act < 9:
		t.said = append(t.said, fmt.Sprintf("unmerge %d", n))
		_, err = t.Unmerge(tb.Context(), handler, h.ID, "", now.Version)
		must(tb, err)
		h.leave()
	case act < 11:
		t.said = append(t.said, fmt.Sprintf("%d changes its status", n))
		t.work(tb, h, now)
	case act < 12:
		to := map[string]string{"2281": "0180", "0180": "2281"}[now.Jurisdiction]
		t.said = append(t.said, fmt.Sprintf("%d goes to %s", n, to))
		got, _, err := t.HandOver(tb.Context(), handler, h.ID, report.Passing{To: to, Version: now.Version})
		t.worked(tb, h, got, err)
	case act < 13:
		t.said = append(t.said, fmt.Sprintf("%d is withdrawn", n))
		_, err = t.Withdraw(tb.Context(), handler, h.ID, 0)
		must(tb, err)
		t.withdrawn(h)
	case act < 14:
		t.said = append(t.said, fmt.Sprintf("%d gets a photo", n))
		t.photographed(tb, h)
	default:
		t.support(tb, h)
	}
}

// merged says what a merge comes to, and when it is refused.
func (t *town) merged(tb testing.TB, h, other *house, err error) {
	c := other.root()
	shown, of := h.root().own, c.own
	refused := h == other || c == h || h.below != nil || shown.Jurisdiction != of.Jurisdiction || c.Private && !h.Private ||
		shown.Delivery == report.Held || of.Delivery == report.Held || shown.CloseReason == report.Withdrawn ||
		of.CloseReason == report.Withdrawn || of.CloseReason == report.Duplicate
	if h.below != nil && h.root() == c {
		must(tb, err) // it is there already: nothing happens
		return
	}
	if refused != (err != nil) || err != nil && !problem.Is(err, problem.Conflict) && !problem.Is(err, problem.Invalid) {
		tb.Errorf("refused: %v, want %v", err, refused)
	}
	if !refused {
		h.below = c
	}
}

// leave makes a voice what it was, where the case is now.
func (h *house) leave() {
	if at := h.root().own.Jurisdiction; h.below != nil && h.own.Jurisdiction != at {
		h.own.Jurisdiction, h.own.Assignee, h.own.Returns, h.own.Delivery = at, "", 0, report.Delivered
	}
	h.below = nil
}

func (t *town) work(tb testing.TB, h *house, now report.Report) {
	ch := []report.StatusChange{
		{To: report.Planned, PlannedFor: "2026-05-01"}, {To: report.InProgress}, {To: report.Fixed}, {To: report.Acknowledged},
		{To: report.Closed, Reason: report.NoAction, Text: "x"}, {To: report.Closed, Reason: report.Duplicate, Text: "x"},
	}[t.rnd.IntN(6)]
	if ch.Reason == report.Duplicate {
		ch.DuplicateOf = t.all[t.rnd.IntN(len(t.all))].ID
	}
	ch.Version, ch.Origin = now.Version, report.OriginAPI
	got, err := t.ChangeStatus(tb.Context(), handler, h.ID, ch)
	if err == nil && h.below == nil && t.rnd.IntN(2) == 0 {
		got, err = t.Assign(tb.Context(), handler, h.ID, "somebody", got.Version)
	}
	t.worked(tb, h, got, err)
}

// worked takes work over as it is: only voices are to be what the model says.
func (t *town) worked(tb testing.TB, h *house, got report.Report, err error) {
	switch {
	case h.below != nil && !problem.Is(err, problem.Conflict):
		tb.Errorf("work on a voice: %v", err)
	case h.below == nil && err == nil:
		h.own = got.Work()
	case h.below == nil && !problem.Is(err, problem.Conflict) && !problem.Is(err, problem.Invalid):
		tb.Error(err)
	}
}

func (t *town) withdrawn(h *house) {
	if !h.root().own.Status.Open() {
		return // what is closed cannot be withdrawn
	}
	h.leave()
	if !h.own.Status.Open() {
		return
	}
	before := h.own
	h.own.Status, h.own.CloseReason, h.own.PlannedFor, h.own.DuplicateOf = report.Closed, report.Withdrawn, "", ""
	h.own.ClosedAt, h.own.Returns = noon, 0
	var heir *house
	for _, private := range []bool{true, false} {
		for _, c := range slices.Backward(t.all) {
			if c.below == h && c.Private == private {
				heir = c
			}
		}
	}
	for _, c := range t.all {
		if c.below == h {
			c.below = heir
		}
	}
	if heir != nil {
		heir.below, heir.own = nil, before
	}
}

func (t *town) support(tb testing.TB, h *house) {
	who, phone := auth.Actor{}, fmt.Sprint("phone ", t.rnd.IntN(4))
	name := phone
	if t.rnd.IntN(2) == 0 {
		who.Kind, who.PersonID = auth.PersonKind, []string{"anna", "bo", "cia"}[t.rnd.IntN(3)]
		name = who.PersonID
	}
	t.said = append(t.said, name+" supports "+h.Reference)
	before := t.people(h.root())
	done, err := t.Support(tb.Context(), who, h.ID, phone, report.Key{})
	if h.Private && (who.PersonID == "" || who.PersonID != h.PersonID) {
		if !problem.Is(err, problem.NotFound) {
			tb.Errorf("support of a private report: %v", err)
		}
		return
	}
	if h.Private { // its own reporter, who may see it but not support it
		if err == nil {
			tb.Error("a private report was supported")
		}
		return
	}
	must(tb, err)
	if name != h.PersonID {
		h.supporters[name] = true
	}
	if done.Counted != (t.people(h.root()) > before) {
		tb.Errorf("%s counted: %v", name, done.Counted)
	}
}

// supporters and reporters of a case, each person once.
func (t *town) counts(root *house) (supporters, others int) {
	reporters, voices := map[string]bool{}, map[string]bool{}
	for _, h := range t.in(root) {
		if h.PersonID != "" {
			reporters[h.PersonID] = true
		} else {
			reporters[h.ID] = true
		}
		for v := range h.supporters {
			voices[v] = true
		}
	}
	for v := range voices {
		if !reporters[v] {
			supporters++
		}
	}
	return supporters, len(reporters) - 1
}

func (t *town) people(root *house) int {
	supporters, others := t.counts(root)
	return supporters + others
}

// check compares everything that can be seen.
func (t *town) check(tb testing.TB) {
	queues := map[string][]string{"2281": {}, "0180": {}}
	public := []string{}
	for _, h := range slices.Backward(t.all) {
		root := h.root()
		got, err := t.Store.Report(tb.Context(), h.ID)
		must(tb, err)
		want := h.Report
		want.Version, want.UpdatedAt = got.Version, got.UpdatedAt
		wantWork := root.own
		sameJSON(tb, "the work on "+h.Reference, got.Work(), wantWork)
		if root != h {
			want.CaseID = root.ID
		} else {
			queues[root.own.Jurisdiction] = append(queues[root.own.Jurisdiction], h.ID)
			if !h.Private {
				public = append(public, h.ID)
			}
			want.SupportedBy, want.Joined = t.counts(h)
			if got.SupportedBy != want.SupportedBy || got.Joined != want.Joined {
				tb.Errorf("%s has %d supporters and %d others, want %d and %d", h.Reference, got.SupportedBy, got.Joined, want.SupportedBy, want.Joined)
			}
		}
		if got.CaseID != want.CaseID || got.Private != want.Private || got.Reference != want.Reference || got.PersonID != want.PersonID || got.Description != want.Description {
			tb.Errorf("%s is %+v, want %+v", h.Reference, got, want)
		}
		h.hasPhotos(tb, got)
	}
	for code, ids := range queues {
		t.lists(tb, "the queue of "+code, report.Query{Jurisdiction: code, IncludeHidden: true, Limit: 100}, ids)
	}
	t.lists(tb, "the list", report.Query{Limit: 100}, public)
	t.listsVoices(tb)
	t.keepTheirOwn(tb)
}

// hasPhotos compares the photos of a report, whatever it is a voice of.
func (h *house) hasPhotos(tb testing.TB, got report.Report) {
	var photos []string
	for _, p := range got.Photos {
		photos = append(photos, p.ID)
	}
	if !slices.Equal(photos, h.photos) || got.PhotoCount != len(h.photos) {
		tb.Errorf("%s has the %d photos %v, want %v", h.Reference, got.PhotoCount, photos, h.photos)
	}
}

// keepTheirOwn compares how each reporter can be reached, and how many photos the
// voices of each case have.
func (t *town) keepTheirOwn(tb testing.TB) {
	var ids []string
	for _, h := range t.all {
		ids = append(ids, h.ID)
	}
	contacts, err := t.Store.Contacts(tb.Context(), ids)
	must(tb, err)
	counts, err := t.Store.VoicePhotos(tb.Context(), ids)
	must(tb, err)
	for _, h := range t.all {
		if contacts[h.ID] != h.contact {
			tb.Errorf("%s was filed by %+v, want %+v", h.Reference, contacts[h.ID], h.contact)
		}
		want := report.VoicePhotos{}
		for _, v := range t.in(h) {
			if v != h {
				want.All += len(v.photos)
			}
		}
		if counts[h.ID] != want {
			tb.Errorf("the voices of %s have %+v photos, want %+v", h.Reference, counts[h.ID], want)
		}
	}
}

func (t *town) listsVoices(tb testing.TB) {
	for _, h := range t.all {
		voices := []string{}
		for _, v := range slices.Backward(t.in(h)) {
			if v != h {
				voices = append(voices, v.ID)
			}
		}
		t.lists(tb, "the voices of "+h.Reference, report.Query{Case: h.ID, IncludeHidden: true, Limit: 100}, voices)
	}
}

func (t *town) lists(tb testing.TB, what string, q report.Query, want []string) {
	page, err := t.Store.Reports(tb.Context(), q)
	must(tb, err)
	got := []string{}
	for _, r := range page.Reports {
		got = append(got, r.ID)
	}
	if !slices.Equal(got, want) {
		tb.Errorf("%s holds %v, want %v", what, got, want)
	}
}

// clear takes the reports of one day out of the way of the next.
func (t *town) clear(tb testing.TB) {
	must(tb, t.db.InTx(tb.Context(), func(exec func(string, ...any) error) error {
		for _, table := range []string{"merges", "voices", "photos", "contacts", "updates", "reports"} {
			if err := exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		return nil
	}))
}
