package suite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Stockholm wherever the tests run

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/blob/s3test"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/notify/pushtest"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
	"github.com/kantsten/kantsten/internal/upload"
)

const baseURL = "https://report.example.se"

// system is the whole server on a temporary folder and a database of its own.
type system struct {
	*apitest.Client // without credentials
	t               testing.TB
	url             string // of the database
	dir             string
	// kept is all that the media storage holds, by name, read around the program.
	kept func(t testing.TB) map[string][]byte

	db     *store.DB
	server *api.Server
	pushes *pushtest.Service
	codes  codes
	runner *job.Runner

	ahead atomic.Int64 // nanoseconds by which the system's clock is fast
	made  atomic.Int64 // makes e-mail addresses and keys unique
}

// onBoth runs rules on SQLite and on PostgreSQL, each on a system of its own that
// keeps its photos in a folder.
func onBoth(t *testing.T, rules func(t *testing.T, s *system)) {
	t.Helper()
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules(t, newSystem(t, database(t), ""))
		})
	}
}

// onEveryStorage runs rules as onBoth does, and with the photos in S3: in the test's
// process, and where make check runs them, on a real server. What the storage does
// and what the database does never meet, so each server is tried with one of them.
func onEveryStorage(t *testing.T, rules func(t *testing.T, s *system)) {
	t.Helper()
	onBoth(t, rules)
	for kind, server := range s3test.Each(t) {
		t.Run("sqlite "+kind, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, databases["sqlite"](t), server.Setting)
			s.kept = server.Objects
			rules(t, s)
		})
	}
}

// databases give an empty one.
var databases = map[string]func(testing.TB) string{
	"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "kantsten.db") },
	"postgres": pgtest.URL,
}

// newSystem is a system on an empty database; media is the setting of the storage,
// or "" for a folder of its own.
func newSystem(t *testing.T, url, media string) *system {
	t.Helper()
	s := &system{t: t, url: url, dir: t.TempDir(), pushes: pushtest.Start(t)}
	ctx := t.Context()
	var err error
	s.db, err = store.Open(ctx, url)
	must(t, err)
	t.Cleanup(func() { _ = s.db.Close() }) // a test may have closed it already
	must(t, s.db.Migrate(ctx))
	if media == "" {
		folder := filepath.Join(s.dir, "media")
		media, s.kept = "file://"+folder, func(t testing.TB) map[string][]byte { return filesIn(t, folder) }
	}
	blobs, err := blob.Open(ctx, media, "")
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	secrets, err := auth.LoadSecrets(ctx, store.Secrets{DB: s.db}, "")
	must(t, err)
	s.wireDomain(blobs, secrets)
	s.wireNotices(secrets)
	s.loadBoundaries(ctx)
	s.start()
	return s
}

// wireDomain wires the services as the program does.
func (s *system) wireDomain(blobs blob.Store, secrets auth.Secrets) {
	sweden, err := time.LoadLocation("Europe/Stockholm")
	must(s.t, err)
	uploads := filepath.Join(s.dir, "uploads")
	must(s.t, os.Mkdir(uploads, 0o700))
	tenants := &tenant.Service{Store: store.Tenants{DB: s.db}, Now: s.now, Committed: s.wake}
	photos := &photo.Library{Processor: &photo.Processor{Zone: sweden, HEIC: decoderOfHEIC(s.t)}, Blobs: blobs, Rows: store.Photos{DB: s.db}, Now: s.now}
	router := &routing.Router{Boundaries: &routing.Boundaries{
		Sets: store.BoundarySets{DB: s.db}, Blobs: blobs, CacheDir: filepath.Join(s.dir, "boundaries"), Log: slog.New(slog.DiscardHandler),
	}}
	s.server = &api.Server{
		Reports: &report.Service{
			Store: store.Reports{DB: s.db}, Router: router, Tenants: tenants, Photos: photos,
			Follow: secrets.FollowKeys, Sweden: sweden, Now: s.now, Committed: s.wake,
		},
		Router: router, Atlas: &atlas.Atlas{Boundaries: router.Boundaries}, Tenants: tenants, Directory: &tenant.Directory{Store: store.Tenants{DB: s.db}, Now: s.now},
		Photos: photos, Blobs: blobs,
		Resumable: &upload.Service{Rows: store.Uploads{DB: s.db}, Blobs: blobs, Photos: photos, Key: secrets.LinkKey, Dir: uploads, Now: s.now},
		Shown:     store.Photos{DB: s.db},
		Auth:      &auth.Service{Store: store.Auth{DB: s.db}, CodeKey: secrets.CodeKey, Now: s.now},
		Links:     secrets.LinkKey, Parked: store.Jobs{DB: s.db}, PushKey: secrets.VAPIDPublic,
		BaseURL: baseURL, Version: "test", UploadDir: uploads, Now: s.now, Committed: s.wake,
	}
}

// wireNotices wires what reaches people. Codes are shown to the test, other mail
// is written into the folder mail.
func (s *system) wireNotices(secrets auth.Secrets) {
	guard := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	followers := &notify.Followers{
		Store: store.Followers{DB: s.db}, Reports: s.server.Reports, Places: s.server.Router, Egress: guard, Now: s.now,
		CodeKey: secrets.CodeKey, SecretKey: secrets.LinkKey, Committed: s.wake,
	}
	s.server.Followers = followers
	folder, err := notify.NewFolder(filepath.Join(s.dir, "mail"), "Kantsten <no-reply@report.example.se>", slog.New(slog.DiscardHandler), s.now)
	must(s.t, err)
	notifier := &notify.Notifier{
		Store: store.Followers{DB: s.db}, Followers: followers, Reports: s.server.Reports, Tenants: s.server.Tenants,
		Auth: s.server.Auth, Photos: s.server.Photos, Mailer: folder, Folder: folder, MailDomain: "report.example.se",
		Pusher: &notify.Pusher{
			Keys: notify.VAPID{Public: secrets.VAPIDPublic, Private: secrets.VAPIDPrivate}, Subject: baseURL, Client: guard,
		},
		Links: notify.Links{
			Report: func(r report.Report) string { return baseURL + "/v1/reports/" + r.Reference },
			Photo:  func(p report.Photo) string { return s.server.LastingPhotoURL(p, photo.Large) },
			Invite: func(secret string) string { return baseURL + "/invitation#" + secret },
		},
		Show: s.codes.keep, Now: s.now, Committed: s.wake,
	}
	handlers := notifier.Handlers()
	handlers[report.JobCheckPhoto] = s.server.Reports.CheckHandler()
	s.runner = &job.Runner{Store: store.Jobs{DB: s.db}, Handlers: handlers, Now: s.now, Log: slog.New(slog.DiscardHandler)}
}

// start runs the jobs and serves HTTP until the test ends.
func (s *system) start() {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.runner.Run(ctx) // a handler that does not end fails the test that waits for it
	}()
	s.t.Cleanup(func() { stop(); <-done })
	s.Client = serve(s.t, s.server)
}

func serve(t testing.TB, server *api.Server) *apitest.Client {
	t.Helper()
	return apitest.New(t, handlerOf(t, server))
}

func handlerOf(t testing.TB, server *api.Server) http.Handler {
	t.Helper()
	edge := &api.Edge{Log: slog.New(slog.DiscardHandler), BaseURL: baseURL, Identify: server.Identify, Current: server.Current}
	handler, err := edge.Handler(server, server.Media(edge))
	must(t, err)
	return edge.Before(handler, api.TilesPrefix, &api.Tiles{Server: server, Edge: edge})
}

// another serves reports and sign-in as one more process on the same database.
func (s *system) another(t testing.TB) *apitest.Client {
	t.Helper()
	db, err := store.Open(t.Context(), s.url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	server, reports := *s.server, *s.server.Reports
	reports.Store = store.Reports{DB: db}
	server.Reports = &reports
	server.Auth = &auth.Service{Store: store.Auth{DB: db}, CodeKey: s.server.Auth.CodeKey, Now: s.now}
	return serve(t, &server)
}

// in returns the system as a subtest sees it: what fails there, fails there.
func (s *system) in(t testing.TB) *apitest.Client { return s.WithTest(t) }

func (s *system) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// pass lets time pass for the system.
func (s *system) pass(d time.Duration) { s.ahead.Add(int64(d)) }

func (s *system) wake() { s.runner.Wake() }

// count returns the number that a query gives, asked beside the store.
func (s *system) count(t testing.TB, query string) (n int) {
	t.Helper()
	s.scan(t, query, &n)
	return n
}

// text is count for a text.
func (s *system) text(t testing.TB, query string) (text string) {
	t.Helper()
	s.scan(t, query, &text)
	return text
}

func (s *system) scan(t testing.TB, query string, into any) {
	t.Helper()
	driver, dsn := "sqlite", "file:"+s.url+"?_pragma=busy_timeout(10000)"
	if strings.HasPrefix(s.url, "postgres") {
		driver, dsn = "pgx", s.url
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.QueryRowContext(t.Context(), query).Scan(into))
}

// blobs counts what the media storage holds whose name begins so, unfinished files
// too.
func (s *system) blobs(t testing.TB, prefix string) (n int) {
	t.Helper()
	for name := range s.kept(t) {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// filesIn reads the files below a folder, by their path in it. What is deleted
// meanwhile is not there.
func filesIn(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	all, files := map[string][]byte{}, os.DirFS(folder)
	must(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[name], err = fs.ReadFile(files, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			delete(all, name)
			return nil
		}
		return err
	}))
	return all
}

// codes are the secrets that would have been e-mailed, by kind and address.
type codes struct {
	mu   sync.Mutex
	sent map[string]string
}

func (c *codes) keep(code notify.ShownCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = map[string]string{}
	}
	c.sent[code.Kind+" "+code.Email] = code.Secret
}

// take waits for a secret and forgets it.
func (c *codes) take(t testing.TB, kind, email string) (secret string) {
	t.Helper()
	eventually(t, "a "+kind+" to "+email, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		secret = c.sent[kind+" "+email]
		delete(c.sent, kind+" "+email)
		return secret != ""
	})
	return secret
}

// eventually waits for what a job does, which takes as long as the machine needs.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("%s has not come in a minute", what)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
