package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// town is an installation: real services over a real database and real files.
// Until it is opened for service it is an empty place.
type town struct {
	data  string
	db    *store.DB
	blobs *blob.Disk

	reports    *report.Service
	photos     *photo.Library
	auth       *auth.Service
	followers  *notify.Followers
	boundaries *routing.Boundaries
	tenants    *tenant.Service
	secrets    auth.Secrets
}

// kinds are the databases.
var kinds = []string{"sqlite", "postgres"}

func emptyPlace(t testing.TB, kind string) *town {
	t.Helper()
	data := t.TempDir()
	url := filepath.Join(data, "kantsten.db")
	if kind == "postgres" {
		url = pgtest.URL(t)
	}
	db, err := store.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	blobs, err := blob.OpenDisk(filepath.Join(data, "blobs"))
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	p := &town{data: data, db: db, blobs: blobs}
	p.wire()
	return p
}

func (p *town) wire() {
	sweden := time.FixedZone("Sweden", 3600)
	p.boundaries = &routing.Boundaries{
		Sets: store.BoundarySets{DB: p.db}, Blobs: p.blobs, CacheDir: filepath.Join(p.data, "boundaries"),
		Log: slog.New(slog.DiscardHandler),
	}
	p.tenants = &tenant.Service{Store: store.Tenants{DB: p.db}, Now: time.Now}
	p.photos = &photo.Library{
		Processor: &photo.Processor{Limits: photo.Limits{Memory: 256 << 20}, Zone: sweden},
		Blobs:     p.blobs, Rows: store.Photos{DB: p.db}, Now: time.Now,
	}
	p.auth = &auth.Service{Store: store.Auth{DB: p.db}, CodeKey: p.secrets.CodeKey, Now: time.Now}
	p.reports = &report.Service{
		Store: store.Reports{DB: p.db}, Router: &routing.Router{Boundaries: p.boundaries}, Tenants: p.tenants,
		Photos: p.photos, Follow: p.secrets.FollowKeys, Sweden: sweden, Now: time.Now,
	}
	p.followers = &notify.Followers{
		Store: store.Followers{DB: p.db}, Reports: p.reports, Places: &routing.Router{Boundaries: p.boundaries}, Egress: egress.New(egress.Config{}), Now: time.Now,
		CodeKey: p.secrets.CodeKey, SecretKey: p.secrets.LinkKey,
	}
}

// serve does what the program does when it starts.
func (p *town) serve(t testing.TB) {
	t.Helper()
	must(t, p.db.Migrate(t.Context()))
	var err error
	p.secrets, err = auth.LoadSecrets(t.Context(), store.Secrets{DB: p.db}, "")
	must(t, err)
	p.wire()
	must(t, p.boundaries.Refresh(t.Context()))
}

// newTown is an installation with two municipalities that take reports.
func newTown(t testing.TB, kind string) *town {
	t.Helper()
	p := emptyPlace(t, kind)
	p.serve(t)
	areas := &geo.Builder{}
	for i, code := range []string{"2281", "0180"} {
		west := 17 + float64(i)
		must(t, areas.Add(geo.Feature{Code: code, Name: "Kommun " + code, Geometry: orb.MultiPolygon{{{
			{west, 62}, {west + 1, 62}, {west + 1, 63}, {west, 63}, {west, 62},
		}}}}))
	}
	set, _, err := p.boundaries.Import(t.Context(), areas, routing.About{Source: "test"}, time.Now())
	must(t, err)
	must(t, p.boundaries.Activate(t.Context(), set.ID, time.Now()))
	for _, code := range []string{"2281", "0180"} {
		j, err := p.tenants.Get(t.Context(), code)
		must(t, err)
		j.Channel = tenant.Web
		_, err = p.tenants.Put(t.Context(), j)
		must(t, err)
	}
	return p
}

// picture is a small photo; every n makes another one.
func picture(t testing.TB, n int) io.ReadSeeker {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for i := range 48 * 32 {
		img.Set(i%48, i/48, color.RGBA{R: uint8(i * n), G: uint8(i / 7), B: uint8(n), A: 255})
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, nil))
	return bytes.NewReader(b.Bytes())
}

// submission is the n-th report; every third has a photo.
func submission(t testing.TB, n int) report.Submission {
	s := report.Submission{
		Service: "pothole", Lat: 62.1 + float64(n%800)/1000, Lon: 17.5 + float64(n%2) + 1.0/3, Language: "sv", Origin: report.OriginAPI,
		Description: fmt.Sprintf("Hål nummer %d, \"citat\" <b>, \u2028 och 🕳", n), Private: n%5 == 0,
		Contact: report.Contact{Name: fmt.Sprintf("Person %d", n), Email: fmt.Sprintf("p%d@example.org", n), Phone: "070"},
		Key:     report.Key{Scope: "test", Key: fmt.Sprintf("key-%020d", n), Fingerprint: "f"},
	}
	if n%3 == 0 {
		s.NewPhotos = []io.ReadSeeker{picture(t, n)}
	}
	return s
}

func (p *town) file(t testing.TB, s report.Submission) report.Submitted {
	t.Helper()
	done, err := p.reports.Submit(context.Background(), auth.Actor{}, s)
	if err != nil || done.Replayed {
		t.Error(err, done.Replayed) // may be called beside the test's own goroutine
	}
	return done
}

// remembered is all that there is to see of one report.
type remembered struct {
	Report  report.Report
	Contact report.Contact
	History []report.Update
	Photos  map[string][]byte
}

func (p *town) remember(t testing.TB, id string) []byte {
	t.Helper()
	rows := store.Reports{DB: p.db}
	r, err := rows.Report(t.Context(), id)
	must(t, err)
	m := remembered{Report: r, Photos: map[string][]byte{}}
	m.Contact, err = rows.Contact(t.Context(), id)
	must(t, err)
	m.History, err = rows.Updates(t.Context(), id, true)
	must(t, err)
	for i, u := range m.History {
		if len(u.Trace) == 0 {
			m.History[i].Trace = nil // what JSON can hold
		}
	}
	for _, ph := range r.Photos {
		for size, hash := range ph.SHA256 {
			name := photo.Name(ph.ID, size, hash)
			m.Photos[name] = p.content(t, name)
		}
	}
	b, err := json.Marshal(m)
	must(t, err)
	return b
}

func (p *town) content(t testing.TB, name string) []byte {
	t.Helper()
	o, err := p.blobs.Get(t.Context(), name)
	must(t, err)
	b, err := io.ReadAll(o)
	must(t, err)
	must(t, o.Close())
	return b
}

func (p *town) taker() backup.Taker {
	return backup.Taker{Database: store.Backups{DB: p.db}, Blobs: p.blobs, Program: "test", Now: time.Now}
}

func (p *town) restorer() backup.Restorer {
	return backup.Restorer{Database: store.Backups{DB: p.db}, Blobs: p.blobs, Erase: p.reports.EraseAgain}
}

// take takes a backup into a new folder.
func (p *town) take(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "backup")
	_, err := p.taker().Take(t.Context(), folder)
	must(t, err)
	return folder
}

// filers file reports from n goroutines until they are stopped.
type filers struct {
	mu   sync.Mutex
	done []report.Submitted
	quit chan struct{}
	all  sync.WaitGroup
}

func (p *town) startFiling(t testing.TB, n int) *filers {
	f := &filers{quit: make(chan struct{})}
	var begun sync.WaitGroup
	for i := range n {
		begun.Add(1)
		f.all.Go(func() {
			for k := 0; ; k++ {
				done := p.file(t, submission(t, 1_000_000*(i+1)+k))
				f.mu.Lock()
				f.done = append(f.done, done)
				f.mu.Unlock()
				if k == 0 {
					begun.Done()
				}
				select {
				case <-f.quit:
					return
				default:
				}
			}
		})
	}
	begun.Wait()
	return f
}

// acknowledged are the reports that have been answered so far.
func (f *filers) acknowledged() []report.Submitted {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]report.Submitted(nil), f.done...)
}

func (f *filers) stop() {
	close(f.quit)
	f.all.Wait()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
