package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// addJobs files one report that leaves these jobs.
func addJobs(t testing.TB, db *database, jobs ...job.Job) {
	t.Helper()
	f := filing()
	f.Jobs = nil
	r := create(t, db, f)
	_, err := store.Reports{DB: db.DB}.Update(t.Context(), r.ID, func(*report.Report) (report.Changes, error) {
		return report.Changes{Jobs: jobs}, nil
	})
	must(t, err)
}

// aJob is due i seconds after noon.
func aJob(kind, key string, i int) job.Job {
	return job.Job{
		ID: newID(), Kind: kind, Key: key, Payload: json.RawMessage(`{"id":1}`),
		RunAt: noon.Add(time.Duration(i) * time.Second), CreatedAt: noon,
	}
}

func TestJobsAreClaimedLongestDueFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Jobs{DB: db.DB}
		js := []job.Job{aJob("tell", "", 3), aJob("tell", "", 1), aJob("mail", "", 0), aJob("tell", "", 2), aJob("tell", "", 9)}
		addJobs(t, db, js...)
		now := noon.Add(5 * time.Second)
		if none, err := s.Claim(t.Context(), nil, 10, time.Minute, now); err != nil || len(none) != 0 {
			t.Errorf("who can do nothing claimed %v: %v", none, err)
		}
		got, err := s.Claim(t.Context(), []string{"tell"}, 2, time.Minute, now)
		must(t, err)
		slices.SortFunc(got, func(a, b job.Job) int { return a.CreatedAt.Compare(b.CreatedAt) })
		want := map[string]bool{js[1].ID: true, js[3].ID: true}
		for _, j := range got {
			if !want[j.ID] || j.Attempts != 1 || !j.RunAt.Equal(now.Add(time.Minute)) || string(j.Payload) != `{"id":1}` {
				t.Errorf("claimed %+v", j)
			}
		}
		rest, err := s.Claim(t.Context(), []string{"tell", "mail"}, 10, time.Minute, now)
		must(t, err)
		if len(got) != 2 || len(rest) != 2 {
			t.Errorf("claimed %d and %d, want 2 and 2: one is not due", len(got), len(rest))
		}
	})
}

func TestALeaseEndsAndIsExtended(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Jobs{DB: db.DB}
		addJobs(t, db, aJob("tell", "", 0), aJob("tell", "", 0))
		claim := func(at time.Time) []job.Job {
			js, err := s.Claim(t.Context(), []string{"tell"}, 10, time.Minute, at)
			must(t, err)
			return js
		}
		first := claim(noon)
		if js := claim(noon.Add(time.Minute - 1000)); len(first) != 2 || len(js) != 0 {
			t.Errorf("%d claimed, %d again under their lease", len(first), len(js))
		}
		must(t, s.Extend(t.Context(), []string{first[0].ID, newID()}, noon.Add(time.Hour)))
		must(t, s.Extend(t.Context(), nil, noon))
		again := claim(noon.Add(time.Minute))
		if len(again) != 1 || again[0].ID != first[1].ID || again[0].Attempts != 2 {
			t.Errorf("after the lease: %+v", again)
		}
		must(t, s.Retry(t.Context(), first[0].ID, noon.Add(2*time.Minute), "busy"))
		must(t, s.Done(t.Context(), []string{first[1].ID, newID()}))
		must(t, s.Done(t.Context(), nil))
		if js := claim(noon.Add(2 * time.Minute)); len(js) != 1 || js[0].ID != first[0].ID {
			t.Errorf("retried: %+v", js)
		}
		if n := db.count(t, `SELECT count(*) FROM jobs`); n != 1 {
			t.Errorf("%d jobs are left, want 1", n)
		}
	})
}

func TestTwoClaimersNeverShareAJob(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Jobs{{DB: db.DB}, {DB: db.open(t)}}
		var js []job.Job
		for i := range 200 {
			js = append(js, aJob("tell", "", i%7))
		}
		addJobs(t, db, js...)
		var mu sync.Mutex
		claimed := map[string]int{}
		race(16, func(i int) {
			for {
				got, err := processes[i%2].Claim(context.Background(), []string{"tell"}, 7, time.Hour, noon.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if len(got) > 7 {
					t.Errorf("claimed %d, asked for 7", len(got))
				}
				mu.Lock()
				for _, j := range got {
					claimed[j.ID]++
				}
				all := len(claimed) == len(js)
				mu.Unlock()
				if err != nil || all {
					return
				}
			}
		})
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("job %s was claimed %d times", id, n)
			}
		}
	})
}

func TestAKeyIsUniqueAmongUnfinishedJobsOfAKind(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Jobs{DB: db.DB}
		first := aJob("poll", "2281", 0)
		addJobs(t, db, first, aJob("poll", "2281", 0), aJob("poll", "0180", 0), aJob("tell", "2281", 0), aJob("poll", "", 0), aJob("poll", "", 0))
		if n := db.count(t, `SELECT count(*) FROM jobs`); n != 5 {
			t.Errorf("%d jobs, want 5", n)
		}
		must(t, s.Done(t.Context(), []string{first.ID}))
		second := aJob("poll", "2281", 0)
		addJobs(t, db, second)
		must(t, s.Park(t.Context(), second.ID, "gone"))
		third := aJob("poll", "2281", 0)
		addJobs(t, db, third)
		if _, err := s.Unpark(t.Context(), second.ID, noon); !problem.Is(err, problem.Conflict) {
			t.Errorf("unpark beside another one: %v", err)
		}
		must(t, s.Done(t.Context(), []string{third.ID}))
		back, err := s.Unpark(t.Context(), second.ID, noon.Add(time.Hour))
		must(t, err)
		if back.ID != second.ID || back.Attempts != 0 || !back.RunAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("unparked %+v", back)
		}
	})
}

func TestParkedJobsWaitForAnOperator(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Jobs{DB: db.DB}
		js := []job.Job{aJob("tell", "", 0), aJob("tell", "", 0), aJob("tell", "", 0)}
		addJobs(t, db, js...)
		for i, j := range js[:2] {
			_, err := s.Claim(t.Context(), []string{"tell"}, 3, 0, noon)
			must(t, err)
			must(t, s.Park(t.Context(), j.ID, fmt.Sprint("reason ", i)))
		}
		must(t, s.Retry(t.Context(), js[0].ID, noon, "too late"))
		must(t, s.Extend(t.Context(), []string{js[0].ID}, noon))
		parked, err := s.Parked(t.Context(), "", 1)
		must(t, err)
		more, err := s.Parked(t.Context(), parked[0].ID, 10)
		must(t, err)
		if len(parked) != 1 || len(more) != 1 || parked[0].ID != js[0].ID || parked[0].Reason != "reason 0" || parked[0].Attempts != 1 {
			t.Errorf("parked %+v and %+v", parked, more)
		}
		got, err := s.Claim(t.Context(), []string{"tell"}, 10, time.Minute, noon.Add(time.Hour))
		must(t, err)
		if len(got) != 1 || got[0].ID != js[2].ID {
			t.Errorf("claimed %+v, want the one that is not parked", got)
		}
		if _, err := s.Unpark(t.Context(), js[2].ID, noon); !problem.Is(err, problem.NotFound) {
			t.Errorf("unpark what is not parked: %v", err)
		}
	})
}

// Released reports get a job each; a job that waits already is enough.
func TestHeldReportsAreReleased(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Tenants{DB: db.DB}
		j, err := s.PutJurisdiction(t.Context(), sundsvall())
		must(t, err)
		held := func(returns int) report.Report {
			f := filing()
			f.Report.Delivery, f.Report.Returns, f.AtVersion, f.Jobs = report.Held, returns, j.Version, nil
			return create(t, db, f)
		}
		delivery := func(r report.Report, want report.Delivery, version int64) {
			t.Helper()
			got, err := store.Reports{DB: db.DB}.Report(t.Context(), r.ID)
			must(t, err)
			if got.Delivery != want || got.Version != version {
				t.Errorf("%s at version %d, want %s at %d", got.Delivery, got.Version, want, version)
			}
		}
		a, b, refused := held(0), held(1), held(2)
		waiting := aJob(report.JobDeliver, a.ID, 0)
		addJobs(t, db, waiting)
		j.Channel, j.Email = "email", "gata@sundsvall.invalid"
		j, err = s.PutJurisdiction(t.Context(), j)
		must(t, err)
		delivery(a, report.Queued, 2)
		delivery(b, report.Queued, 2)
		delivery(refused, report.Held, 1)
		if n := db.count(t, `SELECT count(*) FROM jobs WHERE kind = 'deliver'`); n != 2 {
			t.Errorf("%d deliver jobs, want one for each of two reports", n)
		}
		if n := db.count(t, `SELECT count(*) FROM jobs WHERE payload = '{"report_id":"`+b.ID+`"}'`); n != 1 {
			t.Errorf("the payload does not name the report")
		}
		c := held(0)
		j.Channel = "web"
		_, err = s.PutJurisdiction(t.Context(), j)
		must(t, err)
		delivery(c, report.Delivered, 2)
		delivery(a, report.Queued, 2)
	})
}
