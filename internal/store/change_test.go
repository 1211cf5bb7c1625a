package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

func TestAChangeIsStoredWithWhatItCausesOrNotAtAll(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		r := create(t, db, filing())
		boom := errors.New("no")
		fails := map[string]func(*report.Report) (report.Changes, error){
			"the rule says no": func(r *report.Report) (report.Changes, error) {
				r.Status = report.Fixed
				return changes(r.ID), boom
			},
			"an event that is there already": func(r *report.Report) (report.Changes, error) {
				r.Status = report.Fixed
				c := changes(r.ID)
				c.Events = append(c.Events, c.Events[0])
				return c, nil
			},
			"a panic": func(*report.Report) (report.Changes, error) { panic("a rule") },
			"a photo that nobody uploaded": func(r *report.Report) (report.Changes, error) {
				c := changes(r.ID)
				c.Photos = []string{newID()}
				return c, nil
			},
			"an update of a report that is not there": func(*report.Report) (report.Changes, error) {
				return changes(newID()), nil
			},
		}
		for name, change := range fails {
			if _, err := s.Update(t.Context(), r.ID, change); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		same, err := s.Update(t.Context(), r.ID, nothing)
		must(t, err)
		if same.Version != 1 || same.Status != report.Received {
			t.Errorf("what failed changed the report to version %d, %s", same.Version, same.Status)
		}
		for _, table := range []string{"updates", "events", "jobs"} {
			if n := db.count(t, `SELECT count(*) FROM `+table); n != 1 {
				t.Errorf("%d rows in %s, want those of the filing only", n, table)
			}
		}
		r, err = s.Update(t.Context(), r.Reference, func(r *report.Report) (report.Changes, error) {
			r.Status, r.ClosedAt = report.Fixed, noon
			return changes(r.ID), nil
		})
		must(t, err)
		if r.Version != 2 || r.Status != report.Fixed || db.count(t, `SELECT count(*) FROM events`) != 2 {
			t.Errorf("the change gave version %d, %s", r.Version, r.Status)
		}
	})
}

func TestOfChangesAtOnceEachSeesTheOneBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		r := create(t, db, filing())
		var won atomic.Int64
		race(20, func(i int) {
			_, err := processes[i%2].Update(context.Background(), r.ID, func(now *report.Report) (report.Changes, error) {
				if now.Version != r.Version {
					return report.Changes{}, problem.New(problem.Stale, "not %d", r.Version)
				}
				now.Assignee = fmt.Sprint(i)
				return changes(r.ID), nil
			})
			if err == nil {
				won.Add(1)
			} else if !problem.Is(err, problem.Stale) {
				t.Error(err)
			}
		})
		race(20, func(i int) {
			_, err := processes[i%2].Update(context.Background(), r.ID, func(now *report.Report) (report.Changes, error) {
				now.Returns++
				return changes(r.ID), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		got, err := processes[0].Report(t.Context(), r.ID)
		must(t, err)
		if won.Load() != 1 || got.Version != 22 || got.Returns != 20 {
			t.Errorf("%d won, version %d, %d returns; want 1, 22, 20", won.Load(), got.Version, got.Returns)
		}
	})
}

func TestAddOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		r, other := create(t, db, filing()), create(t, db, filing())
		key := report.Key{Scope: "comment", Key: "k", Fingerprint: "f"}
		var first atomic.Int64
		ids := make([]string, 20)
		race(len(ids), func(i int) {
			var mine string
			_, replay, err := processes[i%2].AddOnce(context.Background(), r.ID, key, func(r *report.Report) (report.Changes, error) {
				c := changes(r.ID)
				mine = c.Updates[0].ID
				return c, nil
			})
			if err != nil {
				t.Error(err)
			}
			if ids[i] = replay.Resource; !replay.Replayed {
				first.Add(1)
				ids[i] = mine
			}
		})
		if first.Load() != 1 || len(slices.Compact(ids)) != 1 {
			t.Errorf("%d were first, with %v", first.Load(), slices.Compact(ids))
		}
		// A key that was used on another report changes nothing here.
		same, replay, err := processes[0].AddOnce(t.Context(), other.ID, key, func(r *report.Report) (report.Changes, error) {
			r.Status = report.Fixed
			return changes(r.ID), nil
		})
		must(t, err)
		if !replay.Replayed || replay.Resource != ids[0] || same.Status != report.Received || same.Version != 1 {
			t.Errorf("the same key elsewhere gave %+v and version %d, %s", replay, same.Version, same.Status)
		}
		if n := db.count(t, `SELECT count(*) FROM updates`); n != 3 {
			t.Errorf("%d updates, want 3", n)
		}
	})
}

func TestAVoiceCountsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		r := create(t, db, filing())
		var counted atomic.Int64
		race(50, func(i int) {
			done, err := processes[i%2].Support(context.Background(), r.ID, report.Voice{Hash: fmt.Sprint("voice ", i%5)}, report.Key{},
				report.Event{ID: newID(), Kind: report.EventSupported, ReportID: r.ID, Jurisdiction: "2281", CreatedAt: noon})
			if err != nil {
				t.Error(err)
			}
			if done.Counted {
				counted.Add(1)
			}
		})
		got, err := processes[0].Report(t.Context(), r.ID)
		must(t, err)
		if counted.Load() != 5 || got.SupportedBy != 5 || got.Version != 1 || db.count(t, `SELECT count(*) FROM events`) != 6 {
			t.Errorf("%d counted, supported by %d, version %d", counted.Load(), got.SupportedBy, got.Version)
		}
	})
}

func TestNotesAreForStaff(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Reports{DB: db.DB}
		r := create(t, db, filing())
		still := true
		_, err := s.Update(t.Context(), r.ID, func(r *report.Report) (report.Changes, error) {
			c := changes(r.ID)
			c.Updates[0].Internal, c.Updates[0].StillBad = true, &still
			return c, nil
		})
		must(t, err)
		public, err := s.Updates(t.Context(), r.ID, false)
		must(t, err)
		all, err := s.Updates(t.Context(), r.ID, true)
		must(t, err)
		if len(public) != 1 || len(all) != 2 || all[1].StillBad == nil || !*all[1].StillBad {
			t.Errorf("%d public and %d in all", len(public), len(all))
		}
	})
}
