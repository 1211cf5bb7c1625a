package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 123_456_000, time.UTC)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// filing is a plain report to 2281 with its first update, event and job.
func filing() report.Filing {
	r := report.Report{
		ID: newID(), Jurisdiction: "2281", Service: "pothole", Status: report.Received, Delivery: report.Delivered,
		Lat: 62.3908, Lon: 17.3069, Description: "Ett djupt hål", Address: "Storgatan 1", Language: "sv",
		Origin: report.OriginAPI, CreatedAt: noon, UpdatedAt: noon, Version: 1,
	}
	return report.Filing{Report: r, Year: 2026, Changes: changes(r.ID)}
}

// changes is one update with its event and its job.
func changes(reportID string) report.Changes {
	u := report.Update{
		ID: newID(), ReportID: reportID, Kind: report.Commented, Status: report.Received, Text: "en rad",
		Author: report.ByReporter, Origin: report.OriginAPI, CreatedAt: noon,
	}
	return report.Changes{
		Updates: []report.Update{u},
		Events: []report.Event{{
			ID: newID(), Kind: report.EventCommented, ReportID: reportID, UpdateID: u.ID, Jurisdiction: "2281", CreatedAt: noon,
		}},
		Jobs: []job.Job{{ID: newID(), Kind: "later", Payload: json.RawMessage(`{}`), RunAt: noon, CreatedAt: noon}},
	}
}

// create files a report by what is in force now.
func create(t testing.TB, db *database, f report.Filing) report.Report {
	t.Helper()
	var err error
	f.Revision, err = store.BoundarySets{DB: db.DB}.Revision(t.Context())
	must(t, err)
	filed, err := store.Reports{DB: db.DB}.Create(t.Context(), f)
	must(t, err)
	return filed.Report
}

// addPhoto stores an unclaimed photo.
func addPhoto(t testing.TB, db *database, at time.Time) string {
	t.Helper()
	id := uuid.NewString()
	must(t, store.Photos{DB: db.DB}.AddPhoto(t.Context(), photo.Kept{
		ID: id, Width: 2048, Height: 1536, SHA256: map[int]string{2048: "aa", 320: "bb"}, Likeness: 1<<63 + 5, CreatedAt: at,
	}))
	return id
}

// sameJSON compares by what can be seen, times included.
func sameJSON(t testing.TB, what string, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	must(t, err)
	w, err := json.Marshal(want)
	must(t, err)
	if string(g) != string(w) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestAReportComesBackAsItWasFiled(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		f := filing()
		accuracy := 8.5
		f.Report.AccuracyM, f.Report.Private, f.Report.Outside = &accuracy, true, true
		f.Report.Attributes = map[string]catalog.Answer{}
		f.Report.Description = "Hål med \"citat\", 'apostrof', emoji 🕳 och å Å ß"
		f.Report.BoundarySet, f.Report.PersonID, f.Report.TokenEpoch = "", newID(), 3
		f.Contact = report.Contact{Name: "Anna Ö", Email: "anna@example.org", Phone: "+46 70"}
		f.Photos = []string{addPhoto(t, db, noon), addPhoto(t, db, noon), addPhoto(t, db, noon)}
		f.Updates[0].Trace = json.RawMessage(`{"rule":"area"}`)
		filed := create(t, db, f)
		if filed.Reference != "2281-2026-000001" {
			t.Errorf("reference %q", filed.Reference)
		}
		want := f.Report
		want.Reference, want.Attributes, want.PhotoCount = filed.Reference, nil, len(f.Photos)
		for _, id := range f.Photos {
			want.Photos = append(want.Photos, report.Photo{
				ID: id, UpdateID: f.Updates[0].ID, Width: 2048, Height: 1536, SHA256: map[int]string{2048: "aa", 320: "bb"}, CreatedAt: noon,
				Likeness: 1<<63 + 5, Folder: id, State: report.PhotoShown,
			})
		}
		filed.Attributes = nil
		sameJSON(t, "the answer", filed, want)
		for _, name := range []string{filed.ID, filed.Reference} {
			got, err := s.Report(t.Context(), name)
			must(t, err)
			sameJSON(t, "read by "+name, got, want)
		}
		page, err := s.Reports(t.Context(), report.Query{Limit: 1, IncludeHidden: true})
		must(t, err)
		want.Origin, want.PersonID, want.BoundarySet, want.TokenEpoch = "", "", "", 0 // no list tells them
		sameJSON(t, "listed", page.Reports, []report.Report{want})
		us, err := s.Updates(t.Context(), filed.ID, false)
		must(t, err)
		sameJSON(t, "history", us, f.Updates)
		contact, err := s.Contact(t.Context(), filed.ID)
		must(t, err)
		contacts, err := s.Contacts(t.Context(), []string{filed.ID, newID()})
		must(t, err)
		if contact != f.Contact || !maps.Equal(contacts, map[string]report.Contact{filed.ID: f.Contact}) {
			t.Errorf("contact %+v, contacts %+v", contact, contacts)
		}
	})
}

func TestNoReport(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		for _, name := range []string{newID(), "2281-2026-000001", "", "' OR 1=1 --"} {
			if _, err := s.Report(t.Context(), name); !problem.Is(err, problem.NotFound) {
				t.Errorf("report %q: %v", name, err)
			}
			if _, err := s.Update(t.Context(), name, nothing); !problem.Is(err, problem.NotFound) {
				t.Errorf("update %q: %v", name, err)
			}
			if _, err := s.Support(t.Context(), name, report.Voice{Hash: "v"}, report.Key{}, report.Event{}); !problem.Is(err, problem.NotFound) {
				t.Errorf("support %q: %v", name, err)
			}
			if _, err := s.Erase(t.Context(), name, nothing); !problem.Is(err, problem.NotFound) {
				t.Errorf("erase %q: %v", name, err)
			}
		}
		for _, hostile := range []string{"\x00", "a\x00b", "\xff\xfe"} {
			if _, err := s.Report(t.Context(), hostile); problem.As(err) == nil {
				t.Errorf("report %q: %v, want a problem", hostile, err)
			}
			_, err := s.Reports(t.Context(), report.Query{Text: hostile, Jurisdiction: hostile, Limit: 5})
			if err != nil && !problem.Is(err, problem.BadRequest) {
				t.Errorf("list by %q: %v", hostile, err)
			}
		}
	})
}

func nothing(*report.Report) (report.Changes, error) { return report.Changes{}, nil }

func TestTheSameKeyIsTheSameReport(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		key := report.Key{Scope: "POST /v1/reports", Key: "0123456789abcdef", Fingerprint: "f1"}
		if _, ok, err := s.Replay(t.Context(), key); ok || err != nil {
			t.Errorf("a new key is known already: %v", err)
		}
		f := filing()
		f.Key, f.Photos = key, []string{addPhoto(t, db, noon)}
		first := create(t, db, f)
		again := filing()
		again.Key, again.Key.Fingerprint = key, "f2"
		filed, err := s.Create(t.Context(), again)
		must(t, err)
		if !filed.Replayed || filed.Fingerprint != "f1" || filed.Report.ID != first.ID || len(filed.Report.Photos) != 1 {
			t.Errorf("the second time gave %+v", filed)
		}
		other := filing()
		other.Key, other.Key.Scope = key, "POST /open311/v2/requests"
		if r := create(t, db, other); r.ID != other.Report.ID || r.Reference != "2281-2026-000002" {
			t.Errorf("another scope's key gave %s of %s", r.Reference, r.ID)
		}
		replay, ok, err := s.Replay(t.Context(), key)
		must(t, err)
		if !ok || replay != (report.Replay{Fingerprint: "f1", Resource: first.ID, Replayed: true}) {
			t.Errorf("replay %+v, %v", replay, ok)
		}
	})
}

func TestAKeyLivesForThirtyDays(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		f := filing() // at noon
		f.Key = report.Key{Scope: "s", Key: "k", Fingerprint: "f"}
		create(t, db, f)
		for _, tt := range []struct {
			after time.Duration
			known bool
		}{{0, true}, {30*24*time.Hour - time.Second, true}, {30 * 24 * time.Hour, true}, {30*24*time.Hour + time.Second, false}} {
			must(t, s.SweepKeys(t.Context(), noon.Add(tt.after)))
			if _, known, err := s.Replay(t.Context(), f.Key); known != tt.known || err != nil {
				t.Errorf("swept after %v it is known: %v (%v)", tt.after, known, err)
			}
		}
	})
}

func TestOneKeyAtOnceMakesOneReport(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		key := report.Key{Scope: "s", Key: "k", Fingerprint: "f"}
		ids := make([]string, 20)
		race(len(ids), func(i int) {
			f := filing()
			f.Key = key
			filed, err := processes[i%2].Create(context.Background(), f)
			if err != nil {
				t.Error(err)
			}
			ids[i] = filed.Report.ID
		})
		if len(slices.Compact(ids)) != 1 {
			t.Errorf("one key made %d reports", len(slices.Compact(ids)))
		}
		for table, want := range map[string]int{"reports": 1, "updates": 1, "events": 1, "jobs": 1, "idempotency_keys": 1} {
			if n := db.count(t, `SELECT count(*) FROM `+table); n != want {
				t.Errorf("%d rows in %s, want %d", n, table, want)
			}
		}
	})
}

// race runs act n times at once.
func race(n int, act func(i int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			act(i)
		})
	}
	close(gate)
	wg.Wait()
}

// Every fourth filing fails late, by a photo that is not there, and every fourth
// by the boundaries: neither burns a number, in either of two processes.
func TestReferencesHaveNoGaps(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		var mu sync.Mutex
		given := map[string]int{}
		series := func(i int) (string, int) { return []string{"2281", "0180"}[i/2%2], 2025 + i/4%2 }
		race(200, func(i int) {
			f := filing()
			f.Report.Jurisdiction, f.Year = series(i / 4)
			switch i % 4 {
			case 0:
				f.Photos = []string{newID()}
			case 1:
				f.Revision = -1
			}
			filed, err := processes[i%2].Create(context.Background(), f)
			switch {
			case i%4 == 0 && !problem.Is(err, problem.Invalid), i%4 == 1 && !errors.Is(err, report.ErrRoutingChanged):
				t.Errorf("a filing that cannot succeed: %v", err)
			case i%4 > 1 && err != nil:
				t.Errorf("file: %v", err)
			case err == nil:
				mu.Lock()
				given[filed.Report.Reference]++
				mu.Unlock()
			}
		})
		wanted := map[string]int{}
		for i := range 50 {
			j, year := series(i)
			for range 2 {
				wanted[fmt.Sprintf("%s-%d", j, year)]++
			}
		}
		for prefix, n := range wanted {
			for number := 1; number <= n; number++ {
				if ref := fmt.Sprintf("%s-%06d", prefix, number); given[ref] != 1 {
					t.Errorf("%s was given %d times", ref, given[ref])
				}
			}
		}
		if len(given) != 100 {
			t.Errorf("%d references, want 100", len(given))
		}
		for table, want := range map[string]int{"reports": 100, "updates": 100, "events": 100, "jobs": 100} {
			if n := db.count(t, `SELECT count(*) FROM `+table); n != want {
				t.Errorf("%d rows in %s, want %d", n, table, want)
			}
		}
	})
}

func TestANewReportIsToldWhereSomebodyFollowsThePlace(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		here := filing()
		for _, f := range []notify.Follower{
			{ID: newID(), SecretHash: "here", Area: &notify.Area{Lat: here.Report.Lat, Lon: here.Report.Lon, RadiusM: 500}, Active: true, CreatedAt: noon},
			{ID: newID(), SecretHash: "elsewhere", Area: &notify.Area{Lat: 55.6, Lon: 13, RadiusM: 500}, Active: true, CreatedAt: noon},
		} {
			_, err := store.Followers{DB: db.DB}.Follow(t.Context(), f, report.Key{}, nil, nil)
			must(t, err)
		}
		far := filing()
		far.Report.Lat, far.Report.Lon = 65.58, 22.15
		for name, tt := range map[string]struct {
			filing report.Filing
			want   int
		}{
			"followed":           {here, 1},
			"followed by nobody": {far, 0},
		} {
			tell := job.Job{ID: newID(), Kind: report.JobTell, Payload: json.RawMessage(`{}`), RunAt: noon, CreatedAt: noon}
			tt.filing.Jobs = []job.Job{tell}
			create(t, db, tt.filing)
			got, err := store.Jobs{DB: db.DB}.Claim(t.Context(), []string{report.JobTell}, 10, time.Minute, noon)
			must(t, err)
			if len(got) != tt.want {
				t.Errorf("%s: %d jobs, want %d", name, len(got), tt.want)
			}
		}
	})
}

// Page by page, in the order in which they were filed, and neither what is closed
// nor the voices of a case.
func TestOpenReportsAreGoneThroughPageByPage(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		var want []string
		for i := range 7 {
			r := create(t, db, filing())
			_, err := s.Update(t.Context(), r.ID, func(r *report.Report) (report.Changes, error) {
				switch i {
				case 2:
					r.Status, r.ClosedAt = report.Fixed, noon
				case 4:
					r.CaseID = want[0]
				case 5:
					r.Status, r.Delivery, r.Private = report.InProgress, report.Held, true
				}
				return changes(r.ID), nil
			})
			must(t, err)
			if i != 2 && i != 4 {
				want = append(want, r.ID)
			}
		}
		for _, limit := range []int{1, 2, 5, 100} {
			var got []string
			for after := ""; ; after = got[len(got)-1] {
				page, err := s.OpenReports(t.Context(), after, limit)
				must(t, err)
				if len(page) > limit || len(page) == 0 {
					break
				}
				for _, r := range page {
					if r.Jurisdiction != "2281" || r.Lat != 62.3908 || r.ClosedAt != (time.Time{}) {
						t.Errorf("%+v", r)
					}
					got = append(got, r.ID)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", limit, got, want)
			}
		}
	})
}
