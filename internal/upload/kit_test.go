package upload_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/blob/s3test"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/upload"
)

// site is one installation: a database, a blob store and a process on them.
type site struct {
	*upload.Service
	url    string
	folder string // of the blobs; "" where they are in S3
	ahead  atomic.Int64
}

// everywhere runs a rule on both databases and both blob stores.
func everywhere(t *testing.T, rule func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	databases := map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "kantsten.db") },
		"postgres": pgtest.URL,
	}
	for database, where := range databases {
		t.Run(database+" disk", func(t *testing.T) {
			t.Parallel()
			rule(t, onDisk(t, where(t)))
		})
		for kind, server := range s3test.Each(t) {
			t.Run(database+" "+kind, func(t *testing.T) {
				t.Parallel()
				rule(t, newSite(t, where(t), server.Setting))
			})
		}
	}
}

func onDisk(t testing.TB, databaseURL string) *site {
	t.Helper()
	folder := t.TempDir()
	s := newSite(t, databaseURL, "file://"+folder)
	s.folder = folder
	return s
}

// newSite is an installation whose blobs lie where the setting says.
func newSite(t testing.TB, databaseURL, blobs string) *site {
	t.Helper()
	s := &site{url: databaseURL}
	files, err := blob.Open(t.Context(), blobs, "")
	must(t, err)
	t.Cleanup(func() { must(t, files.Close()) })
	db := s.open(t)
	must(t, db.Migrate(t.Context()))
	s.Service = s.process(t, db, files)
	return s
}

func (s *site) open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), s.url)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// process is one of the installation's processes.
func (s *site) process(t testing.TB, db *store.DB, files blob.Store) *upload.Service {
	t.Helper()
	photos := &photo.Library{Processor: &photo.Processor{}, Blobs: files, Rows: store.Photos{DB: db}, Now: s.now}
	return &upload.Service{Rows: store.Uploads{DB: db}, Blobs: files, Photos: photos, Key: bytes.Repeat([]byte("k"), 32), Dir: t.TempDir(), Now: s.now}
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// another is one more process of the same installation.
func (s *site) another(t testing.TB) *upload.Service {
	t.Helper()
	return s.process(t, s.open(t), s.Blobs)
}

// begin creates an upload.
func (s *site) begin(t testing.TB, length int64) (secret string) {
	t.Helper()
	begun, err := s.Create(t.Context(), upload.Creation{Length: length})
	must(t, err)
	return begun.Secret
}

// send sends a chunk and returns where the upload then stands.
func send(t testing.TB, s *upload.Service, secret string, offset int64, data []byte) (upload.Progress, error) {
	t.Helper()
	return s.Append(t.Context(), secret, chunk(offset, bytes.NewReader(data)))
}

func chunk(offset int64, body io.Reader) upload.Chunk {
	return upload.Chunk{Offset: offset, Length: upload.Unknown, Size: upload.Unknown, Body: body}
}

// stands returns where an upload stands.
func stands(t testing.TB, s *upload.Service, secret string) upload.Upload {
	t.Helper()
	u, err := s.Find(t.Context(), secret)
	must(t, err)
	return u
}

// originals counts the blobs of original bytes.
func (s *site) originals(t testing.TB) (n int) {
	t.Helper()
	for _, err := range s.Blobs.List(context.WithoutCancel(t.Context()), "uploads/") {
		must(t, err)
		n++
	}
	return n
}

var errCut = errors.New("the connection is cut")

// cut is a body that breaks off after some bytes.
func cut(data []byte) io.Reader { return io.MultiReader(bytes.NewReader(data), broken{}) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// aPhoto is a JPEG.
func aPhoto(t testing.TB) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range 320 * 240 {
		m.SetRGBA(i%320, i/320, color.RGBA{uint8(i), uint8(i / 7), uint8(i / 320), 255})
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, m, nil))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
