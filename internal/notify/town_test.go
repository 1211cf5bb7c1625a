package notify_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
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
)

// town is a whole installation but for its HTTP: two municipalities side by
// side, a push service and a mail server.
type town struct {
	url       string
	db        *store.DB
	jobs      store.Jobs
	reports   *report.Service
	router    *routing.Router
	tenants   *tenant.Service
	followers *notify.Followers
	notifier  *notify.Notifier
	pushes    *pushtest.Service
	mails     *mailServer
	blobs     blob.Store

	mu sync.Mutex
	at time.Time
}

// onBoth runs a rule on SQLite and on PostgreSQL, each in a town of its own.
func onBoth(t *testing.T, rule func(t *testing.T, w *town)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		rule(t, newTown(t, filepath.Join(t.TempDir(), "kantsten.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		rule(t, newTown(t, pgtest.URL(t)))
	})
}

func newTown(t testing.TB, url string) *town {
	t.Helper()
	w := &town{url: url, at: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), pushes: pushtest.Start(t), mails: startMail(t)}
	w.db = w.open(t)
	must(t, w.db.Migrate(t.Context()))
	disk, err := blob.OpenDisk(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, disk.Close()) })
	w.blobs, w.jobs = disk, store.Jobs{DB: w.db}
	w.tenants = &tenant.Service{Store: store.Tenants{DB: w.db}, Now: w.now}
	photos := &photo.Library{Processor: &photo.Processor{}, Blobs: disk, Rows: store.Photos{DB: w.db}, Now: w.now}
	sweden, err := time.LoadLocation("Europe/Stockholm")
	must(t, err)
	w.router = w.boundaries(t)
	w.reports = &report.Service{
		Store: store.Reports{DB: w.db}, Router: w.router, Tenants: w.tenants, Photos: photos, Sweden: sweden, Now: w.now,
		Follow: auth.FollowKeys{Current: auth.FollowKey{ID: 1, Key: bytes.Repeat([]byte{1}, 32)}},
	}
	w.followers = w.newFollowers(w.db)
	w.notifier = w.newNotifier(t, photos)
	return w
}

// newFollowers are those of one more process on a database handle.
func (w *town) newFollowers(db *store.DB) *notify.Followers {
	return &notify.Followers{
		Store: store.Followers{DB: db}, Reports: w.reports, Places: w.router, Egress: inside(), Now: w.now,
		CodeKey: bytes.Repeat([]byte{2}, 32), SecretKey: bytes.Repeat([]byte{3}, 32),
	}
}

func (w *town) newNotifier(t testing.TB, photos *photo.Library) *notify.Notifier {
	t.Helper()
	keys, err := notify.GenerateVAPID()
	must(t, err)
	mailer, err := notify.NewSMTP("smtp://"+w.mails.addr+"?tls=none", "Kantsten <no-reply@kantsten.example>", nil, w.now)
	must(t, err)
	const base = "https://kantsten.example"
	return &notify.Notifier{
		Store: store.Followers{DB: w.db}, Followers: w.followers, Reports: w.reports, Tenants: w.tenants, Photos: photos,
		Pusher: &notify.Pusher{Keys: keys, Subject: "push@kantsten.example", Client: inside()},
		Mailer: mailer, MailDomain: "kantsten.example", Now: w.now,
		Links: notify.Links{
			Report:   func(r report.Report) string { return base + "/reports/" + r.Reference },
			Photo:    func(p report.Photo) string { return base + "/photos/" + p.ID },
			Invite:   func(secret string) string { return base + "/invite#" + secret },
			Unfollow: func(secret string) string { return base + "/unfollow/" + secret },
		},
	}
}

// open opens the town's database, as one more process would.
func (w *town) open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), w.url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// count returns the number that a query gives, asked beside the store.
func (w *town) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(w.url, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, w.url)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

func (w *town) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *town) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// boundaries are two squares, Sundsvall west of Timrå.
func (w *town) boundaries(t testing.TB) *routing.Router {
	t.Helper()
	b := &routing.Boundaries{Sets: store.BoundarySets{DB: w.db}, Blobs: w.blobs, CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	areas := &geo.Builder{}
	square := func(code, name string, west, east float64) {
		ring := orb.Ring{{west, 62}, {east, 62}, {east, 63}, {west, 63}, {west, 62}}
		must(t, areas.Add(geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{ring}}}))
	}
	square("2281", "Sundsvall", 17, 18)
	square("2262", "Timrå", 18, 19)
	set, _, err := b.Import(t.Context(), areas, routing.About{Source: "two squares"}, w.now())
	must(t, err)
	must(t, b.Activate(t.Context(), set.ID, w.now()))
	return &routing.Router{Boundaries: b}
}

// channel sets how a municipality gets its reports.
func (w *town) channel(t *testing.T, code string, c tenant.Channel) {
	t.Helper()
	j, err := w.tenants.Get(t.Context(), code)
	must(t, err)
	j.Channel, j.Email = c, "gatukontoret@"+code+".example"
	_, err = w.tenants.Put(t.Context(), j)
	must(t, err)
}

// The words that reporters and crews write, which no notice may repeat.
const (
	wrote   = "Hålet utanför Kim Karlssons port"
	address = "Storgatan 1"
	crewSay = "Ringde Kim på 070-1234567"
)

func (w *town) submission() report.Submission {
	return report.Submission{
		Service: "pothole", Lat: 62.3908, Lon: 17.3069, Description: wrote, Address: address,
		Attributes: map[string]any{"size": "small"}, Origin: report.OriginAPI, Language: "sv",
		Contact: report.Contact{Name: "Kim Karlsson", Email: "kim@example.org", Phone: "070-1234567"},
	}
}

func (w *town) file(t testing.TB, change func(*report.Submission)) report.Submitted {
	t.Helper()
	sub := w.submission()
	if change != nil {
		change(&sub)
	}
	done, err := w.reports.Submit(t.Context(), auth.Actor{}, sub)
	must(t, err)
	return done
}

// becomes moves a report's status on, as its crew.
func (w *town) becomes(t *testing.T, r report.Report, to report.Status) {
	t.Helper()
	r, err := w.reports.Read(t.Context(), auth.Itself(), r.ID)
	must(t, err)
	_, err = w.reports.ChangeStatus(t.Context(), auth.Itself(), r.ID, report.StatusChange{To: to, Text: crewSay, Version: r.Version})
	must(t, err)
}

// claim leases what is due.
func (w *town) claim(t testing.TB) []job.Job {
	t.Helper()
	var kinds []string
	for kind := range w.notifier.Handlers() {
		kinds = append(kinds, kind)
	}
	js, err := w.jobs.Claim(t.Context(), kinds, 100, time.Minute, w.now())
	must(t, err)
	return js
}

// work carries out jobs until none is due.
func (w *town) work(t testing.TB) {
	t.Helper()
	handlers := w.notifier.Handlers()
	for {
		js := w.claim(t)
		if len(js) == 0 {
			return
		}
		for _, j := range js {
			if err := handlers[j.Kind].Run(t.Context(), j); err != nil {
				t.Fatalf("%s job: %v", j.Kind, err)
			}
			must(t, w.jobs.Done(t.Context(), []string{j.ID}))
		}
	}
}

// browser is a new browser's address.
func (w *town) browser(t *testing.T) (notify.PushAddress, pushtest.Subscription) {
	t.Helper()
	s := w.pushes.Subscribe(t, w.notifier.Pusher.Keys.Public)
	return notify.PushAddress(s), s
}

// follow follows by push in a new browser.
func (w *town) follow(t *testing.T, f notify.Follow) (notify.Followed, pushtest.Subscription) {
	t.Helper()
	push, s := w.browser(t)
	f.Push = &push
	done, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
	must(t, err)
	return done, s
}

// heard returns the push messages that have arrived.
func (w *town) heard() []pushtest.Message {
	var all []pushtest.Message
	for {
		select {
		case m := <-w.pushes.Messages():
			all = append(all, m)
		default:
			return all
		}
	}
}

func inside() *egress.Client {
	return egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mailServer is an SMTP server on loopback.
type mailServer struct {
	addr string

	mu    sync.Mutex
	mails []*message
}

// message is a mail as its receiver reads it.
type message struct {
	to, subject, text string
	header            netmail.Header
}

func startMail(t testing.TB) *mailServer {
	t.Helper()
	s := &mailServer{}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mail.test", true, log.New(io.Discard, "", 0)
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = l.Close() // Close knows the listener only once Serve has begun
		<-done
	})
	return s
}

// take returns what has arrived since the last call.
func (s *mailServer) take() []*message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.mails
	s.mails = nil
	return all
}

// only returns the one mail that has arrived.
func (s *mailServer) only(t *testing.T) *message {
	t.Helper()
	all := s.take()
	if len(all) != 1 {
		t.Fatalf("%d mails arrived, want 1", len(all))
	}
	return all[0]
}

type session struct {
	server *mailServer
	to     string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, &message{
		to: s.to, subject: subject, header: m.Header, text: strings.ReplaceAll(string(text), "\r\n", "\n"),
	})
	return nil
}
