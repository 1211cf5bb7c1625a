package api_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Stockholm wherever the tests run

	"github.com/google/uuid"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

const baseURL = "https://report.example.se"

// system is the whole server over an empty database, reached by HTTP.
// Two municipalities lie side by side: Sundsvall (2281) takes reports in its own
// queue and asks for the colour of a bin; Timrå (2262) has no channel yet.
type system struct {
	t      testing.TB
	Server *api.Server
	HTTP   *httptest.Server
	DB     *store.DB
	Log    *safeBuffer
	// AnyKey files everywhere, SundsvallKey in 2281.
	AnyKey, SundsvallKey string

	ahead atomic.Int64 // nanoseconds by which the system's clock is fast
}

// Positions inside the two municipalities.
const (
	sundsvallLat, sundsvallLong = "62.3908", "17.3069"
	timraLat, timraLong         = "62.4869", "17.6500"
)

func newSystem(t testing.TB) *system {
	t.Helper()
	return newSystemAt(t, filepath.Join(t.TempDir(), "kantsten.db"))
}

// onBothDatabases runs a rule on a system over SQLite and on one over PostgreSQL.
func onBothDatabases(t *testing.T, rule func(t *testing.T, sys *system)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		rule(t, newSystem(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		rule(t, newSystemAt(t, pgtest.URL(t)))
	})
}

// newSystemAt makes the system over an empty database.
func newSystemAt(t testing.TB, database string) *system {
	t.Helper()
	sys := &system{t: t, Log: &safeBuffer{}}
	ctx, dir := t.Context(), t.TempDir()
	db, err := store.Open(ctx, database)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Migrate(ctx))
	sys.DB = db
	blobs, err := blob.OpenDisk(filepath.Join(dir, "media"))
	must(t, err)
	secrets, err := auth.LoadSecrets(ctx, store.Secrets{DB: db}, "")
	must(t, err)
	sys.Server = sys.serverOver(db, blobs, secrets, dir)
	sys.loadAreas(ctx)
	sys.AnyKey, sys.SundsvallKey = sys.key(""), sys.key("2281")
	sys.serve()
	return sys
}

// serverOver wires the services as the program does.
func (sys *system) serverOver(db *store.DB, blobs blob.Store, secrets auth.Secrets, dir string) *api.Server {
	sweden, err := time.LoadLocation("Europe/Stockholm")
	must(sys.t, err)
	tenants := &tenant.Service{Store: store.Tenants{DB: db}, Now: sys.now}
	photos := &photo.Library{Processor: &photo.Processor{}, Blobs: blobs, Rows: store.Photos{DB: db}, Now: sys.now}
	router := &routing.Router{Boundaries: &routing.Boundaries{
		Sets: store.BoundarySets{DB: db}, Blobs: blobs, CacheDir: filepath.Join(dir, "cache"), Log: slog.New(slog.DiscardHandler),
	}}
	return &api.Server{
		Reports: &report.Service{
			Store: store.Reports{DB: db}, Router: router, Tenants: tenants, Photos: photos,
			Follow: secrets.FollowKeys, Sweden: sweden, Now: sys.now,
		},
		Router: router, Atlas: &atlas.Atlas{Boundaries: router.Boundaries}, Tenants: tenants, Directory: &tenant.Directory{Store: store.Tenants{DB: db}, Now: sys.now},
		Photos: photos, Blobs: blobs, Shown: store.Photos{DB: db},
		Auth:  &auth.Service{Store: store.Auth{DB: db}, CodeKey: secrets.CodeKey, Now: sys.now},
		Links: secrets.LinkKey, Parked: store.Jobs{DB: db}, BaseURL: baseURL, UploadDir: dir, Now: sys.now,
	}
}

func (sys *system) loadAreas(ctx context.Context) {
	t, now := sys.t, sys.now()
	var areas geo.Builder
	must(t, areas.Add(square("2281", "Sundsvall", 17.0, 62.0)))
	must(t, areas.Add(square("2262", "Timrå", 17.5, 62.0)))
	b := sys.Server.Router.Boundaries
	set, _, err := b.Import(ctx, &areas, routing.About{Source: "two squares", Licence: "none", ValidFrom: "2026-01-01"}, now)
	must(t, err)
	must(t, b.Activate(ctx, set.ID, now))
	sys.configure(func(j *tenant.Jurisdiction) {
		j.Channel, j.Aliases = tenant.Web, []string{"sundsvall.se"}
		j.Services = []catalog.Override{
			{Code: "bin", Attributes: []catalog.Attribute{{
				Code: "bin-colour", Name: catalog.Text{"sv": "Korgens färg", "en": "Colour of the bin"},
				Hint: catalog.Text{"sv": "Som grön", "en": "Such as green"}, Datatype: catalog.String, Required: true, Variable: true,
			}}},
			{Code: "playground", Disabled: true},
		}
	})
}

// configure changes Sundsvall.
func (sys *system) configure(change func(*tenant.Jurisdiction)) {
	sys.t.Helper()
	j, err := sys.Server.Tenants.Get(context.Background(), "2281")
	must(sys.t, err)
	change(&j)
	_, err = sys.Server.Tenants.Put(context.Background(), j)
	must(sys.t, err)
	sys.pass(2 * time.Second) // the directory is up to a second old
}

// square is an area half a degree wide.
func square(code, name string, west, south float64) geo.Feature {
	const wide, high = 0.5, 0.6
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{{
		{west, south}, {west + wide, south}, {west + wide, south + high}, {west, south + high}, {west, south},
	}}}}
}

func (sys *system) key(jurisdiction string) string {
	sys.t.Helper()
	_, secret, err := sys.Server.Auth.CreateKey(context.Background(), auth.Itself(), auth.KeyRequest{
		Jurisdiction: jurisdiction, Name: "test", Scopes: []auth.Scope{auth.ScopeOpen311},
	})
	must(sys.t, err)
	return secret
}

// serve starts the edge with Open311 before v1, as the program does.
func (sys *system) serve() {
	edge := &api.Edge{Log: slog.New(slog.NewTextHandler(sys.Log, nil)), BaseURL: baseURL, Identify: sys.Server.Identify}
	v1, err := edge.Handler(sys.Server, sys.Server.Media(edge))
	must(sys.t, err)
	sys.HTTP = httptest.NewServer(edge.Before(v1, api.Open311Prefix, &api.Open311{Server: sys.Server}))
	sys.t.Cleanup(sys.HTTP.Close)
}

func (sys *system) now() time.Time { return time.Now().Add(time.Duration(sys.ahead.Load())) }

// pass lets time pass for the system.
func (sys *system) pass(d time.Duration) { sys.ahead.Add(int64(d)) }

// crew is somebody who works for Sundsvall.
func crew() auth.Actor {
	return auth.Actor{
		Kind: auth.PersonKind, PersonID: uuid.NewString(),
		Grants: []auth.Grant{{Role: auth.Crew, Jurisdiction: "2281"}},
	}
}

// change moves a report on as its crew does.
func (sys *system) change(reference string, ch report.StatusChange) report.Report {
	sys.t.Helper()
	r, err := sys.Server.Reports.Read(context.Background(), crew(), reference)
	must(sys.t, err)
	ch.Version = r.Version
	r, err = sys.Server.Reports.ChangeStatus(context.Background(), crew(), reference, ch)
	must(sys.t, err)
	return r
}

// answer is what came back, read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// send sends a request as it is given.
func (sys *system) send(req *http.Request) answer {
	sys.t.Helper()
	res, err := sys.HTTP.Client().Do(req)
	must(sys.t, err)
	defer func() { must(sys.t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	must(sys.t, err)
	return answer{res.StatusCode, res.Header, body}
}

// request makes a request to a path below the server's root.
func (sys *system) request(method, path string, body io.Reader) *http.Request {
	sys.t.Helper()
	req, err := http.NewRequestWithContext(sys.t.Context(), method, sys.HTTP.URL+path, body)
	must(sys.t, err)
	return req
}

// jpegBytes is a small real picture.
func jpegBytes(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		img.Set(i%64, i/64, color.RGBA{uint8(i % 251), uint8(i % 83), 90, 255})
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String returns what was written so far.
func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
