package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// What is done to a case takes as many statements with forty voices as with two: a
// case that a whole town has reported is merged, worked on and taken apart as fast as
// any, and holds its lock as shortly.
func TestACaseTakesAsManyStatementsWhateverItsVoices(t *testing.T) {
	const few, many = 2, 40
	tests := []struct {
		name   string
		merges int // how many more there are afterwards
		do     func(t *testing.T, c counted, big bigCase)
	}{
		{"one more voice", 1, func(t *testing.T, c counted, big bigCase) { c.merge(t, c.file(t), big.id) }},
		{"a case becomes a voice, with its voices", 1, func(t *testing.T, c counted, big bigCase) { c.merge(t, big.id, big.other) }},
		{"a report becomes a voice by way of one", 1, func(t *testing.T, c counted, big bigCase) { c.merge(t, big.other, big.voices[0]) }},
		{"a voice leaves", -1, func(t *testing.T, c counted, big bigCase) { unmergeSoon(t, c.Service, big.voices[len(big.voices)-1]) }},
		{"a voice leaves, with all that was merged into it", 0, func(t *testing.T, c counted, big bigCase) {
			c.merge(t, big.id, big.other)
			unmergeSoon(t, c.Service, big.id)
		}},
		{"the case is withdrawn, and another has its voices", -1, func(t *testing.T, c counted, big bigCase) {
			_, err := c.Withdraw(t.Context(), reporter, big.id, 0)
			must(t, err)
		}},
		{"the voices follow a change of status", 0, func(t *testing.T, c counted, big bigCase) { c.change(t, big.id) }},
		{"somebody supports a voice", 0, func(t *testing.T, c counted, big bigCase) {
			_, err := c.Support(t.Context(), auth.Actor{}, big.voices[0], "one more phone", report.Key{})
			must(t, err)
		}},
	}
	onBoth(t, func(t *testing.T, db *database) {
		c := counted{n: new(atomic.Int64)}
		same, err := store.OpenCounted(t.Context(), db.url, c.n)
		must(t, err)
		t.Cleanup(func() { must(t, same.Close()) })
		c.database, c.Service = &database{DB: same, url: db.url}, rules(t, same)
		c.revision, err = store.BoundarySets{DB: same}.Revision(t.Context())
		must(t, err)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				took := map[int]int64{}
				for _, voices := range []int{few, many} {
					big := c.bigCase(t, voices)
					merges, before := db.count(t, `SELECT count(*) FROM merges`), c.n.Load()
					tt.do(t, c, big)
					took[voices] = c.n.Load() - before
					if n := db.count(t, `SELECT count(*) FROM merges`) - merges; n != tt.merges {
						t.Errorf("%d reports more are merged, want %d", n, tt.merges)
					}
				}
				if took[few] == 0 || took[few] != took[many] {
					t.Errorf("%d statements with %d voices, %d with %d", took[few], few, took[many], many)
				}
			})
		}
	})
}

// reporter has filed all reports of these cases by an account.
var reporter = auth.Actor{Kind: auth.PersonKind, PersonID: "reporter"}

// counted are the rules over a database that counts.
type counted struct {
	*report.Service
	database *database
	n        *atomic.Int64
	revision int64
}

// bigCase is a case with many voices, each with supporters, and a report beside it.
type bigCase struct {
	id, other string
	voices    []string
}

func (c counted) bigCase(t *testing.T, voices int) bigCase {
	t.Helper()
	big := bigCase{id: c.file(t), other: c.file(t)}
	for i := range voices {
		v := c.file(t)
		_, err := c.Support(t.Context(), auth.Actor{}, v, fmt.Sprint("phone ", i), report.Key{})
		must(t, err)
		c.merge(t, v, big.id)
		big.voices = append(big.voices, v)
	}
	return big
}

func (c counted) file(t *testing.T) string {
	t.Helper()
	f := filing()
	f.Revision, f.Report.PersonID = c.revision, reporter.PersonID
	return create(t, c.database, f).ID
}

func (c counted) merge(t *testing.T, id, into string) {
	t.Helper()
	r, err := c.Store.Report(t.Context(), id)
	must(t, err)
	_, err = c.Merge(t.Context(), handler, id, report.Merging{Into: into, Version: r.Version})
	must(t, err)
}

func (c counted) change(t *testing.T, id string) {
	t.Helper()
	r, err := c.Store.Report(t.Context(), id)
	must(t, err)
	_, err = c.ChangeStatus(t.Context(), handler, id, report.StatusChange{To: report.InProgress, Version: r.Version, Origin: report.OriginAPI})
	must(t, err)
}
