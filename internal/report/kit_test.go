package report_test

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// kit is the service over a real database and three square jurisdictions
// beside each other: 1001 on the web, 1002 by e-mail, 1003 without a channel.
type kit struct {
	*report.Service
	db         *store.DB
	blobs      *blob.Disk
	boundaries *routing.Boundaries
	clock      *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onEachDatabase runs a rule on SQLite and on PostgreSQL: one whose statements or
// locks the other rules do not try.
func onEachDatabase(t *testing.T, rule func(t *testing.T, k *kit)) {
	t.Helper()
	t.Parallel()
	for name, newKit := range map[string]func(*testing.T) *kit{
		"SQLite":     newKit,
		"PostgreSQL": func(t *testing.T) *kit { return newKitOn(t, pgtest.URL(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, newKit(t))
		})
	}
}

// newKit is on SQLite.
func newKit(t *testing.T) *kit {
	t.Helper()
	return newKitOn(t, filepath.Join(t.TempDir(), "kantsten.db"))
}

func newKitOn(t *testing.T, databaseURL string) *kit {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), databaseURL)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(t.Context()))
	blobs, err := blob.OpenDisk(filepath.Join(dir, "media"))
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	sweden, err := time.LoadLocation("Europe/Stockholm")
	must(t, err)
	c := &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	boundaries := &routing.Boundaries{
		Sets: store.BoundarySets{DB: db}, Blobs: blobs, CacheDir: filepath.Join(dir, "cache"), Log: slog.New(slog.DiscardHandler),
	}
	k := &kit{db: db, blobs: blobs, boundaries: boundaries, clock: c, Service: &report.Service{
		Store: store.Reports{DB: db}, Router: &routing.Router{Boundaries: boundaries},
		Tenants: &tenant.Service{Store: store.Tenants{DB: db}, Now: c.Now},
		Photos:  &photo.Library{Processor: &photo.Processor{}, Blobs: blobs, Rows: store.Photos{DB: db}, Now: c.Now},
		Follow:  auth.FollowKeys{Current: auth.FollowKey{ID: 1, Key: []byte(strings.Repeat("k", 32))}},
		Sweden:  sweden, Now: c.Now,
	}}
	k.activate(t)
	for code, channel := range map[string]tenant.Channel{"1001": tenant.Web, "1002": tenant.Email} {
		j, err := k.Tenants.Get(t.Context(), code)
		must(t, err)
		j.Channel, j.Email = channel, "gata@example.invalid"
		_, err = k.Tenants.Put(t.Context(), j)
		must(t, err)
	}
	return k
}

// activate imports the three squares as one more boundary set.
func (k *kit) activate(t *testing.T) {
	t.Helper()
	areas := &geo.Builder{}
	for i, code := range []string{"1001", "1002", "1003"} {
		west := 17 + float64(i)
		must(t, areas.Add(geo.Feature{Code: code, Name: "Ruta " + code, Geometry: orb.MultiPolygon{{
			{{west, 62}, {west + 1, 62}, {west + 1, 63}, {west, 63}, {west, 62}},
		}}}))
	}
	set, _, err := k.boundaries.Import(t.Context(), areas, routing.About{Source: "squares", Licence: "CC0", ValidFrom: "2026-01-01"}, k.clock.Now())
	must(t, err)
	must(t, k.boundaries.Activate(t.Context(), set.ID, k.clock.Now()))
}

// inSquare is a complete submission to the n-th square.
func inSquare(n int) report.Submission {
	return report.Submission{
		Service: "pothole", Lat: 62.5, Lon: 16.5 + float64(n), Description: "Ett djupt hål", Origin: report.OriginAPI,
		Attributes: map[string]any{"size": "large"},
	}
}

func (k *kit) submit(t *testing.T, sub report.Submission) report.Submitted {
	t.Helper()
	done, err := k.Submit(t.Context(), auth.Actor{}, sub)
	must(t, err)
	return done
}

// staff is somebody who holds a role in a jurisdiction.
func staff(role auth.Role, jurisdiction string) auth.Actor {
	return auth.Actor{
		Kind: auth.PersonKind, PersonID: "person-" + string(role) + jurisdiction,
		Grants: []auth.Grant{{Role: role, Jurisdiction: jurisdiction}},
	}
}

// follower is whoever shows the follow token.
func follower(s report.Submitted) auth.Actor { return auth.Actor{FollowToken: s.FollowToken} }

// change moves a report at its present version.
func (k *kit) change(t *testing.T, r report.Report, ch report.StatusChange) (report.Report, error) {
	t.Helper()
	now, err := k.Store.Report(t.Context(), r.ID)
	must(t, err)
	ch.Version, ch.Origin = now.Version, report.OriginAPI
	return k.ChangeStatus(t.Context(), staff(auth.Crew, now.Jurisdiction), r.ID, ch)
}

// photo stores an unclaimed photo with a file.
func (k *kit) photo(t *testing.T) string {
	t.Helper()
	id := uuid.NewString()
	sum := strings.Repeat("ab", 32)
	must(t, store.Photos{DB: k.db}.AddPhoto(t.Context(), photo.Kept{
		ID: id, Width: 320, Height: 240, SHA256: map[int]string{320: sum}, CreatedAt: k.clock.Now(),
	}))
	must(t, k.blobs.Put(t.Context(), photo.Name(id, 320, sum), strings.NewReader("jpeg"), photo.ContentType))
	return id
}

// jobs claims all jobs of a kind and returns their payloads.
func (k *kit) jobs(t *testing.T, kind string) (payloads []string) {
	t.Helper()
	js, err := store.Jobs{DB: k.db}.Claim(t.Context(), []string{kind}, 1000, time.Hour, k.clock.Now())
	must(t, err)
	for _, j := range js {
		payloads = append(payloads, string(j.Payload))
	}
	return payloads
}

func decode[T any](t *testing.T, payload string) (v T) {
	t.Helper()
	must(t, json.Unmarshal([]byte(payload), &v))
	return v
}

// photoFiles counts the files of all photos.
func (k *kit) photoFiles(t *testing.T) (n int) {
	t.Helper()
	for _, err := range k.blobs.List(t.Context(), "photos/") {
		must(t, err)
		n++
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantProblem(t testing.TB, what string, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}
