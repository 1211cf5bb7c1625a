package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// handler works for both jurisdictions of these tests.
var handler = auth.Actor{Kind: auth.PersonKind, PersonID: "handler", Grants: []auth.Grant{
	{Role: auth.Handler, Jurisdiction: "2281"}, {Role: auth.Handler, Jurisdiction: "0180"},
}}

// rules are the real rules over a database, with two jurisdictions that have queues.
func rules(t testing.TB, db *store.DB) *report.Service {
	t.Helper()
	tenants := store.Tenants{DB: db}
	for _, code := range []string{"2281", "0180"} {
		if _, err := tenants.Jurisdiction(t.Context(), code); err == nil {
			continue
		}
		_, err := tenants.PutJurisdiction(t.Context(), tenant.Jurisdiction{Code: code, Name: code, Channel: tenant.Web, UpdatedAt: noon})
		must(t, err)
	}
	return &report.Service{
		Store: store.Reports{DB: db}, Tenants: &tenant.Service{Store: tenants, Now: func() time.Time { return noon }},
		Follow: auth.FollowKeys{Current: auth.FollowKey{ID: 1, Key: []byte(strings.Repeat("k", 32))}},
		Sweden: time.UTC, Now: func() time.Time { return noon },
	}
}

// A hundred people report one hole and support each other's reports, while
// handlers merge each report into any of those before it. In the end there is one
// case with a hundred voices; and when all are unmerged, each is what it was.
func TestAHundredReportsOfOneHoleAreOneCase(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		const people, phones = 100, 10
		processes := []crew{{rules(t, db.DB)}, {rules(t, db.open(t))}}
		revision, err := store.BoundarySets{DB: db.DB}.Revision(t.Context())
		must(t, err)
		filed := &shelf{}
		race(people, func(i int) {
			s := processes[i%2]
			f := filing()
			f.Revision = revision
			done, err := s.Store.Create(context.Background(), f)
			if err != nil {
				t.Error(err)
				return
			}
			r := done.Report
			if _, err := s.Support(context.Background(), auth.Actor{}, r.ID, fmt.Sprint("phone ", i%phones), report.Key{}); err != nil {
				t.Error(err)
			}
			earlier, ok := filed.put(r.ID)
			if !ok {
				return
			}
			if err := s.interfere(i, r.ID, earlier); err != nil {
				t.Error(err)
			}
			if err := s.mergeSoon(r.ID, earlier); err != nil {
				t.Error(err)
			}
		})
		db.noDeadlocks(t)
		queue, _, err := processes[0].Queue(t.Context(), handler, report.Query{Jurisdiction: "2281"})
		must(t, err)
		if len(queue.Reports) != 1 || queue.Reports[0].Joined != people-1 || queue.Reports[0].SupportedBy != phones || queue.Reports[0].Voices() != people+phones {
			t.Fatalf("the queue holds %d, of which the first has %+v", len(queue.Reports), queue.Reports[0])
		}
		voices, _, err := processes[1].ReportVoices(t.Context(), handler, queue.Reports[0].Reference, people, "")
		must(t, err)
		if len(voices.Reports) != people-1 {
			t.Errorf("the case has %d voices beside its own", len(voices.Reports))
		}
		race(people, func(i int) { unmergeSoon(t, processes[i%2].Service, filed.ids[i]) })
		db.noDeadlocks(t)
		for _, id := range filed.ids {
			if r, err := processes[0].Store.Report(t.Context(), id); err != nil || r.CaseID != "" || r.SupportedBy != 1 || r.Joined != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if n := db.count(t, `SELECT count(*) FROM merges`); n != 0 {
			t.Errorf("%d merges are left", n)
		}
	})
}

type crew struct{ *report.Service }

// interfere works on a report, of which others make a voice or a case meanwhile.
func (c crew) interfere(i int, own, id string) error {
	ctx := context.Background()
	r, err := c.Store.Report(ctx, id)
	if err != nil {
		return err
	}
	switch i % 4 {
	case 3: // the other way round
		_, err = c.Merge(ctx, handler, id, report.Merging{Into: own, Version: r.Version})
	case 0:
		_, err = c.ChangeStatus(ctx, handler, id, report.StatusChange{To: report.InProgress, Version: r.Version, Origin: report.OriginAPI})
	case 1:
		_, err = c.AddComment(ctx, handler, id, report.Comment{Text: "x", Internal: i%2 == 0, Origin: report.OriginAPI})
	}
	if problem.Is(err, problem.Stale) || problem.Is(err, problem.Conflict) {
		return nil
	}
	return err
}

// mergeSoon makes one case of two reports and of all that belongs to them, whatever
// others make of them meanwhile.
func (c crew) mergeSoon(id, into string) error {
	ctx := context.Background()
	for {
		r, err := c.caseOf(ctx, id)
		if err != nil {
			return err
		}
		other, err := c.caseOf(ctx, into)
		if err != nil || r.ID == other.ID {
			return err
		}
		_, err = c.Merge(ctx, handler, r.ID, report.Merging{Into: into, Version: r.Version})
		if err != nil && !problem.Is(err, problem.Stale) && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
}

func (c crew) caseOf(ctx context.Context, id string) (report.Report, error) {
	r, err := c.Store.Report(ctx, id)
	if err == nil && r.CaseID != "" {
		r, err = c.Store.Report(ctx, r.CaseID)
	}
	return r, err
}

// noDeadlocks looks whether PostgreSQL had to undo a transaction because of another:
// the store tries again then, which nobody would notice.
func (d *database) noDeadlocks(t *testing.T) {
	t.Helper()
	if d.sqlite() {
		return
	}
	if n := d.count(t, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// shelf keeps ids in the order in which they came.
type shelf struct {
	mu  sync.Mutex
	ids []string
}

// put adds an id and returns any of those before it.
func (s *shelf) put(id string) (earlier string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok = len(s.ids) > 0; ok {
		earlier = s.ids[rand.IntN(len(s.ids))] // #nosec G404 -- any will do
	}
	s.ids = append(s.ids, id)
	return earlier, ok
}

// unmergeSoon unmerges a report at the version that it has, which others move on.
func unmergeSoon(t *testing.T, s *report.Service, id string) {
	for {
		r, err := s.Store.Report(context.Background(), id)
		if err == nil {
			_, err = s.Unmerge(context.Background(), handler, id, "", r.Version)
		}
		if !problem.Is(err, problem.Stale) {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// Two handlers who merge two reports into each other at once lock them in one order.
func TestMergesInBothDirectionsDoNotWaitForEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		pair := []string{create(t, db, filing()).ID, create(t, db, filing()).ID}
		no := problem.New(problem.Conflict, "no")
		race(20, func(i int) {
			for range 20 {
				_, err := processes[i/2%2].Merge(context.Background(), pair[i%2], pair[1-i%2], func(r, c *report.Report) (report.Changes, error) {
					if r.ID != pair[i%2] || c.ID != pair[1-i%2] {
						t.Errorf("%s into %s", r.ID, c.ID)
					}
					return report.Changes{}, no
				})
				if !problem.Is(err, problem.Conflict) {
					t.Error(err)
				}
			}
		})
		db.noDeadlocks(t)
	})
}
