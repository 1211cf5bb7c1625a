package upload_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/upload"
)

func TestTheSweepTakesWhatIsOver(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		data := aPhoto(t)
		old, done := s.begin(t, 1000), s.begin(t, int64(len(data)))
		_, err := send(t, s.Service, old, 0, data[:500])
		must(t, err)
		p, err := send(t, s.Service, done, 0, data)
		must(t, err)
		left := "uploads/" + stands(t, s.Service, old).ID + "/left"
		must(t, s.Sweep(t.Context()))
		if u := stands(t, s.Service, old); u.Received != 500 || s.originals(t) != 1 {
			t.Fatal("the sweep takes what is not over")
		}
		s.ahead.Store(int64(upload.Lifetime))
		fresh := s.begin(t, 1000)
		for _, secret := range []string{old, done} {
			if _, err := s.Find(t.Context(), secret); !problem.Is(err, problem.NotFound) {
				t.Errorf("after its time: %v", err)
			}
		}
		must(t, s.Sweep(t.Context()))
		if n := s.originals(t); n != 0 {
			t.Errorf("%d original files are left", n)
		}
		// What a process stored of an ended upload, and was killed.
		must(t, s.Blobs.Put(t.Context(), left, strings.NewReader("x"), octets))
		s.ahead.Add(int64(upload.Lifetime) - int64(time.Hour))
		must(t, s.Sweep(t.Context()))
		if n := s.originals(t); n != 0 {
			t.Errorf("%d parts of no upload are left", n)
		}
		if stands(t, s.Service, fresh).State != upload.Open {
			t.Error("an upload went before its time")
		}
		if s.renditions(t, p.PhotoID) == 0 {
			t.Error("the photo went with its upload")
		}
	})
}

func TestTheSweepTakesInterruptedParts(t *testing.T) {
	t.Parallel()
	s := onDisk(t, filepath.Join(t.TempDir(), "kantsten.db"))
	for name, age := range map[string]time.Duration{"old": 2 * time.Hour, "new": 0} {
		folder := filepath.Join(s.folder, "uploads", "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e")
		must(t, os.MkdirAll(folder, 0o750))
		path := filepath.Join(folder, ".tmp-"+name)
		must(t, os.WriteFile(path, []byte("x"), 0o600))
		must(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
	}
	must(t, s.Sweep(t.Context()))
	found, err := filepath.Glob(filepath.Join(s.folder, "uploads", "*", ".tmp-*"))
	if err != nil || len(found) != 1 || filepath.Base(found[0]) != ".tmp-new" {
		t.Errorf("%q, %v", found, err)
	}
}

func TestOriginalsAreInNoBackup(t *testing.T) {
	everywhere(t, func(t *testing.T, s *site) {
		const original = "the owner's own bytes"
		secret := s.begin(t, 1000)
		_, err := send(t, s.Service, secret, 0, []byte(original))
		must(t, err)
		folder := filepath.Join(t.TempDir(), "backup")
		_, err = backup.Taker{Database: store.Backups{DB: s.open(t)}, Blobs: s.Blobs, Now: s.now}.Take(t.Context(), folder)
		must(t, err)
		id := stands(t, s.Service, secret).ID
		err = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.Contains(path, id) || bytes.Contains(data, []byte(original)) || bytes.Contains(data, []byte(id)) {
				t.Errorf("%s holds something of the upload", path)
			}
			return err
		})
		must(t, err)
	})
}
