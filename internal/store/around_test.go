package store_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

func TestAroundGivesTheNearestThatAFilterInGoGives(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		rs := manyReports(t, db, 3000)
		rnd := rand.New(rand.NewPCG(5, 6)) // #nosec G404 -- test data
		for i := range 60 {
			a := report.Around{
				Lat: 62.35 + rnd.Float64()*0.1, Lon: 17.2 + rnd.Float64()*0.2, RadiusM: math.Pow(10, 1+3*rnd.Float64()),
				Statuses: report.Statuses()[rnd.IntN(3):][:3], Photos: i%2 == 0, Limit: 1 + rnd.IntN(50),
			}
			found, err := store.Reports{DB: db.DB}.Around(t.Context(), a)
			must(t, err)
			var got []string
			for _, n := range found {
				got = append(got, n.ID)
			}
			want := nearest(a, rs)
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Fatalf("question %d %+v: %d reports, want %d", i, a, len(got), len(want))
			}
		}
	})
}

// nearest is what Around is to give, in Go.
func nearest(a report.Around, rs []report.Report) (ids []string) {
	at := orb.Point{a.Lon, a.Lat}
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(x, y report.Report) int {
		return cmp.Compare(metresApart(at, orb.Point{x.Lon, x.Lat}), metresApart(at, orb.Point{y.Lon, y.Lat}))
	})
	for _, r := range rs {
		if len(ids) < a.Limit && matches(report.Query{Near: &at, RadiusM: a.RadiusM, Statuses: a.Statuses}, r) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func TestAroundShowsWhatAReportIsComparedBy(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		f, metres := filing(), 7.5
		f.Report.AccuracyM = &metres
		for _, hash := range []photo.Likeness{1, 1 << 63} { // the highest bit too: it is stored as a sign
			k := photo.Kept{ID: newID(), Likeness: hash, CreatedAt: noon}
			must(t, store.Photos{DB: db.DB}.AddPhoto(t.Context(), k))
			f.Photos = append(f.Photos, k.ID)
		}
		with := create(t, db, f)
		g := filing()
		g.Report.Lat += 0.0001
		bare := create(t, db, g)
		for _, photos := range []bool{true, false} {
			found, err := store.Reports{DB: db.DB}.Around(t.Context(), report.Around{
				Lat: f.Report.Lat, Lon: f.Report.Lon, RadiusM: 100, Statuses: report.Statuses(), Photos: photos, Limit: 10,
			})
			must(t, err)
			if len(found) != 2 {
				t.Fatalf("%d reports are found", len(found))
			}
			slices.SortFunc(found, func(a, b report.Neighbour) int { return cmp.Compare(a.Lat, b.Lat) })
			slices.Sort(found[0].Hashes)
			if want := []photo.Likeness{1, 1 << 63}; photos && !slices.Equal(found[0].Hashes, want) || !photos && found[0].Hashes != nil || found[1].Hashes != nil {
				t.Errorf("photos %v: hashes %v and %v", photos, found[0].Hashes, found[1].Hashes)
			}
			for i, want := range []report.Report{with, bare} {
				got := found[i].Report
				want = report.Report{
					ID: want.ID, Reference: want.Reference, Service: want.Service, Status: want.Status, Lat: want.Lat, Lon: want.Lon,
					AccuracyM: want.AccuracyM, Address: want.Address, Description: want.Description, CreatedAt: want.CreatedAt,
				}
				sameJSON(t, "neighbour", got, want)
			}
		}
	})
}

// Without the index, every report of the country would be read each time that
// somebody opens the form.
func TestAroundReadsTheIndexOfPlaces(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, sqliteURL(t))
	manyReports(t, db, 100)
	steps, err := store.Reports{DB: db.DB}.PlanAround(t.Context(), report.Around{
		Lat: 62.39, Lon: 17.3, RadiusM: 100, Statuses: report.Statuses(), Photos: true, Limit: 200,
	})
	must(t, err)
	plan := strings.Join(steps, "\n")
	if strings.Contains(plan, "SCAN reports") || strings.Contains(plan, "SCAN p") || strings.Contains(plan, "SCAN r\n") ||
		!strings.Contains(plan, "USING COVERING INDEX reports_place") || !strings.Contains(plan, "INDEX photos_of") {
		t.Errorf("the plan is\n%s", plan)
	}
}
