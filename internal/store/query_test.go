package store_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// manyReports files n reports of all sorts: half of them in one town, the rest
// over the country. All from one seed, so that a failure comes again.
func manyReports(t testing.TB, db *database, n int) []report.Report {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- test data
	filings := make([]report.Filing, n)
	for i := range filings {
		filings[i] = anyFiling(rnd, i)
	}
	rs, err := store.Reports{DB: db.DB}.FileAll(t.Context(), filings)
	must(t, err)
	slices.SortFunc(rs, func(a, b report.Report) int { return cmp.Compare(b.ID, a.ID) })
	return rs
}

func anyFiling(rnd *rand.Rand, i int) report.Filing {
	f := filing()
	r := &f.Report
	r.Lat, r.Lon = 55+rnd.Float64()*14, 11+rnd.Float64()*13
	if rnd.IntN(2) == 0 {
		r.Lat, r.Lon = 62.35+rnd.Float64()*0.1, 17.2+rnd.Float64()*0.2
	}
	r.Jurisdiction = []string{"2281", "0180", "1480"}[rnd.IntN(3)]
	r.Service = []string{"pothole", "litter", "street-light"}[rnd.IntN(3)]
	r.Status = report.Statuses()[rnd.IntN(7)]
	r.Delivery = []report.Delivery{report.Held, report.Delivered}[rnd.IntN(2)]
	r.Assignee = []string{"", "anna", "bo"}[rnd.IntN(3)]
	r.Private = rnd.IntN(10) == 0
	r.Description = []string{"100% hål", "a_b \\ c", "Ån svämmar ÖVER", "plain"}[rnd.IntN(4)] + fmt.Sprint(" nr ", i)
	r.CreatedAt = noon.Add(time.Duration(i) * time.Second)
	r.UpdatedAt = noon.Add(time.Duration(rnd.IntN(300)) * time.Microsecond) // many share one
	f.Updates, f.Events, f.Jobs = nil, nil, nil
	return f
}

// anyQuery restricts by a random choice of the filters.
func anyQuery(rnd *rand.Rand, rs []report.Report) report.Query {
	q := report.Query{Limit: 1 + rnd.IntN(40)}
	some := func(n int) bool { return rnd.IntN(n) == 0 }
	lat, lon := 62.35+rnd.Float64()*0.1, 17.2+rnd.Float64()*0.2
	switch rnd.IntN(4) {
	case 0: // a street, a town, the country
		side := math.Pow(10, -3+4*rnd.Float64())
		q.Box = &orb.Bound{Min: orb.Point{lon - side, lat - side}, Max: orb.Point{lon + side, lat + side/2}}
	case 1:
		q.Near, q.RadiusM = &orb.Point{lon, lat}, math.Pow(10, 1+4*rnd.Float64())
	}
	if some(4) {
		q.Jurisdiction = "2281"
	}
	if some(4) {
		q.Services = []string{"pothole", "litter"}[:1+rnd.IntN(2)]
	}
	if some(4) {
		q.Statuses = report.Statuses()[rnd.IntN(3):][:3]
	}
	if some(8) {
		q.Names = []string{rs[rnd.IntN(len(rs))].ID, rs[rnd.IntN(len(rs))].Reference, "2281-2026-999999"}
	}
	if some(8) {
		q.Assignee = "anna"
	}
	if some(8) {
		q.FiledFrom = noon.Add(time.Duration(rnd.IntN(len(rs))) * time.Second)
	}
	if some(8) {
		q.FiledBefore = noon.Add(time.Duration(rnd.IntN(len(rs))) * time.Second)
	}
	if some(4) {
		q.UpdatedAfter = noon.Add(time.Duration(rnd.IntN(300)) * time.Microsecond)
	}
	if some(6) {
		q.Text = []string{"%", "_", "\\", "å", "Å", "över", "nr 7", "2281-2026-00000"}[rnd.IntN(8)]
	}
	q.Triage, q.IncludeHidden = some(6), some(2)
	return q
}

// matches is the same question asked in Go, of one report.
func matches(q report.Query, r report.Report) bool {
	text := strings.ToLower(r.Description + "\n" + r.Address + "\n" + r.Reference)
	at := orb.Point{r.Lon, r.Lat}
	return (q.Box == nil || q.Box.Contains(at)) &&
		(q.Near == nil || metresApart(*q.Near, at) <= q.RadiusM) &&
		(q.Jurisdiction == "" || q.Jurisdiction == r.Jurisdiction) &&
		(q.Services == nil || slices.Contains(q.Services, r.Service)) &&
		(q.Statuses == nil || slices.Contains(q.Statuses, r.Status)) &&
		(q.Names == nil || slices.Contains(q.Names, r.ID) || slices.Contains(q.Names, r.Reference)) &&
		(q.Assignee == "" || q.Assignee == r.Assignee) &&
		(q.FiledFrom.IsZero() || !r.CreatedAt.Before(q.FiledFrom)) &&
		(q.FiledBefore.IsZero() || r.CreatedAt.Before(q.FiledBefore)) &&
		(q.UpdatedAfter.IsZero() || r.UpdatedAt.After(q.UpdatedAfter)) &&
		(!q.Triage || r.Delivery == report.Held) &&
		(q.IncludeHidden || !r.Private) &&
		strings.Contains(text, strings.ToLower(q.Text))
}

// metresApart is the distance in the plane that touches the first point, as the
// store documents it.
func metresApart(a, b orb.Point) float64 {
	dx := (b.Lon() - a.Lon()) * 111_195 * math.Cos(a.Lat()*math.Pi/180)
	dy := (b.Lat() - a.Lat()) * 111_195
	return math.Hypot(dx, dy)
}

// wanted is the whole answer to a query, in its order.
func wanted(q report.Query, rs []report.Report) []string {
	var found []report.Report
	for _, r := range rs {
		if matches(q, r) {
			found = append(found, r)
		}
	}
	if !q.UpdatedAfter.IsZero() {
		slices.SortFunc(found, func(a, b report.Report) int {
			return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
	ids := make([]string, len(found))
	for i, r := range found {
		ids[i] = r.ID
	}
	return ids
}

// pages reads all pages of a query, and no more than most.
func pages(t testing.TB, db *database, q report.Query, most int) (ids []string, n int) {
	t.Helper()
	for n = 1; n <= most; n++ {
		page, err := store.Reports{DB: db.DB}.Reports(t.Context(), q)
		must(t, err)
		if len(page.Reports) > q.Limit {
			t.Errorf("%d reports on a page of %d", len(page.Reports), q.Limit)
		}
		for _, r := range page.Reports {
			ids = append(ids, r.ID)
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	return ids, n
}

func TestListsGiveWhatAFilterInGoGives(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		rs := manyReports(t, db, 5000)
		rnd := rand.New(rand.NewPCG(3, 4)) // #nosec G404 -- test data
		for i := range 80 {
			q := anyQuery(rnd, rs)
			// Always through the index of places; by walking where that finds
			// enough; by walking where it finds enough soon; and by what was the
			// newest a while ago.
			l := []int{0, 1 << 30, 500, -1}[i%4]
			if l >= 0 {
				db.SetWalk(l)
			}
			want := wanted(q, rs)
			got, _ := pages(t, db, q, 5)
			if full := min(len(want), 5*q.Limit); !slices.Equal(got, want[:full]) {
				t.Fatalf("query %d %+v walking %d: %d reports, want %d", i, q, l, len(got), full)
			}
		}
	})
}

func TestPagesHaveNoGapsWhileReportsArrive(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		rs := manyReports(t, db, 60)
		box := orb.Bound{Min: orb.Point{10, 50}, Max: orb.Point{25, 70}}
		for name, q := range map[string]report.Query{
			"newest first": {Limit: 13, IncludeHidden: true}, "box": {Limit: 13, IncludeHidden: true, Box: &box},
			"by change": {Limit: 13, IncludeHidden: true, UpdatedAfter: noon.Add(-1)},
		} {
			want := wanted(q, rs)
			var got []string
			for more := true; more; more = q.Cursor != "" {
				page, err := store.Reports{DB: db.DB}.Reports(t.Context(), q)
				must(t, err)
				for _, r := range page.Reports {
					got = append(got, r.ID)
				}
				q.Cursor = page.Next
				late := filing()
				late.Report.UpdatedAt = noon.Add(-time.Hour) // before what is read by change
				create(t, db, late)
			}
			if !slices.Equal(got, want) || len(got) < 4*q.Limit {
				t.Errorf("%s: %d reports in all, want %d", name, len(got), len(want))
			}
			rs = everything(t, db)
		}
	})
}

// everything reads all reports, newest first.
func everything(t testing.TB, db *database) []report.Report {
	t.Helper()
	page, err := store.Reports{DB: db.DB}.Reports(t.Context(), report.Query{Limit: 10_000, IncludeHidden: true})
	must(t, err)
	return page.Reports
}

// Ten thousand reports that changed in the same microsecond are as good as ten.
func TestReportsThatChangedAtOnceAreAllRead(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		for range 10 {
			create(t, db, filing())
		}
		ids, n := pages(t, db, report.Query{Limit: 3, UpdatedAfter: noon.Add(-time.Microsecond)}, 10)
		if slices.Sort(ids); len(slices.Compact(ids)) != 10 || n != 4 {
			t.Errorf("%d reports on %d pages, want 10 on 4", len(slices.Compact(ids)), n)
		}
		if ids, _ := pages(t, db, report.Query{Limit: 3, UpdatedAfter: noon}, 10); len(ids) != 0 {
			t.Errorf("%d reports changed after their change", len(ids))
		}
	})
}

func TestTextIsTakenLiterally(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		f := filing()
		f.Report.Description, f.Report.Address = `100% av_gata \ Ångström`, "ÖSTRA ESPLANADEN"
		r := create(t, db, f)
		create(t, db, filing())
		for text, found := range map[string]bool{
			"100%": true, "0% av": true, "v_g": true, `\`: true, "ångström": true, "ÅNG": true, "östra": true, r.Reference: true,
			"v%g": false, "100_": false, `\\`: false, "angstrom": false, "%%": false,
		} {
			ids, _ := pages(t, db, report.Query{Limit: 5, Text: text, Jurisdiction: "2281"}, 1)
			if got := slices.Contains(ids, r.ID); got != found {
				t.Errorf("%q found = %v, want %v", text, got, found)
			}
		}
	})
}

func TestOnlyACursorOfTheListIsTaken(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		create(t, db, filing())
		id := newID()
		byChange := fmt.Sprint(noon.UnixMicro(), "_", id)
		for cursor, ok := range map[string]bool{
			"0_" + id: true, byChange: false, "_" + id: false, "0_": false, "0": false, "_": false, "x_" + id: false, "0_" + id + "x": false,
			"-1_" + id: false, "99999999999999999999_" + id: false, "0_" + strings.Repeat("\x00", 36): false,
			"0_" + strings.Repeat("'", 36): false, "0_{" + id[:34] + "}": false, "\xff": false,
		} {
			_, err := store.Reports{DB: db.DB}.Reports(t.Context(), report.Query{Limit: 5, Cursor: cursor})
			if ok != (err == nil) || !ok && !problem.Is(err, problem.Invalid) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		q := report.Query{Limit: 5, UpdatedAfter: noon, Cursor: byChange}
		_, err := store.Reports{DB: db.DB}.Reports(t.Context(), q)
		must(t, err)
		q.Cursor = "0_" + id // would begin before the time that was asked for
		if _, err := (store.Reports{DB: db.DB}).Reports(t.Context(), q); !problem.Is(err, problem.Invalid) {
			t.Errorf("a cursor from before: %v", err)
		}
	})
}

func TestOddBoxesAreEmptyNotBroken(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		create(t, db, filing())
		nan := math.NaN()
		for name, box := range map[string]orb.Bound{
			"inside out":     {Min: orb.Point{18, 63}, Max: orb.Point{17, 62}},
			"not a number":   {Min: orb.Point{nan, nan}, Max: orb.Point{nan, nan}},
			"off the map":    {Min: orb.Point{200, 100}, Max: orb.Point{300, 200}},
			"at the pole":    {Min: orb.Point{-180, 89}, Max: orb.Point{180, 90}},
			"of no size":     {Min: orb.Point{1, 1}, Max: orb.Point{1, 1}},
			"without bounds": {Min: orb.Point{math.Inf(1), math.Inf(1)}, Max: orb.Point{math.Inf(-1), math.Inf(-1)}},
		} {
			ids, _ := pages(t, db, report.Query{Limit: 5, Box: &box}, 1)
			if len(ids) != 0 {
				t.Errorf("a box %s holds %d reports", name, len(ids))
			}
		}
		world := orb.Bound{Min: orb.Point{-180, -90}, Max: orb.Point{180, 90}}
		if ids, _ := pages(t, db, report.Query{Limit: 5, Box: &world}, 1); len(ids) != 1 {
			t.Errorf("the world holds %d reports, want 1", len(ids))
		}
	})
}
