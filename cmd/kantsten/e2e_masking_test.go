package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
)

const (
	maskRounds  = 5
	maskWriters = 3
	maskAnswers = 6 // at most so many in a round, until the process is killed
)

// maskArea is an area in shares, as the API has it.
type maskArea struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// secretArea is where a secret photo has its square.
var secretArea = maskArea{0.25, 0.25, 0.25, 0.25}

// maskable is a photo of a report as its handler reads it.
type maskable struct {
	ID         string
	Renditions map[string]string
	Masks      []maskArea
	Unmasked   string
}

// secret is a photo with something that a handler masks, and what was heard of it.
type secret struct {
	report   string
	photo    maskable   // as it was last answered
	sent     []maskArea // by the last call, answered or not
	unheard  bool       // the last call was not answered
	outdated []string   // addresses that an answer has ended
}

// masking is an installation whose handlers mask.
type masking struct {
	*testing.T
	place       *place
	databaseURL string // "" for SQLite
	keeps       bool   // what is masked is kept for handlers
	server      *server
	handler     string // the Authorization header
	secrets     []*secret
}

// TestMaskingSurvivesKills masks photos in bursts and kills the program at random
// moments. Either the old picture stands then, whole, or the masked one does; what
// was answered as masked nobody sees any more; and when the sweep has passed, no
// file shows it that no handler may see.
func TestMaskingSurvivesKills(t *testing.T) {
	t.Parallel()
	for name, keeps := range map[string]bool{"destroyed": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachDatabase(t, func(t *testing.T, databaseURL string) {
				p := newPlace(t, databaseURL)
				m := &masking{T: t, place: p, databaseURL: databaseURL, keeps: keeps, server: p.serve("--demo")}
				m.handler = p.access().token(t, "handler", "2281")
				m.rule()
				for range maskRounds {
					m.burstUntilKilled()
					m.server = p.serveAt(strings.TrimPrefix(m.server.base, "http://"), "--demo")
					m.eitherStands()
				}
				m.maskAll()
				m.aDayPasses()
				m.nothingIsLeft()
			})
		})
	}
}

// rule sets what becomes of what is masked.
func (m *masking) rule() {
	m.Helper()
	const path = "/v1/jurisdictions/2281"
	admin := m.server.api().WithTest(m.T).With("Authorization", m.place.access().token(m.T, "administrator", "2281"))
	now := admin.Get(path).Want(http.StatusOK)
	var body map[string]any
	now.JSON(&body)
	wanted := map[string]any{"name": body["name"], "channel": "web", "aliases": body["aliases"], "photos": map[string]any{"keep_unmasked": m.keeps}}
	admin.With("If-Match", now.Header.Get("ETag")).Send(http.MethodPut, path, wanted).Want(http.StatusOK)
}

// client is the handler.
func (m *masking) client() *apitest.Client {
	return m.server.api().WithTest(m.T).With("Authorization", m.handler)
}

// file files a report with a secret photo.
func (m *masking) file(photo []byte) *secret {
	m.Helper()
	var r struct {
		ID     string
		Photos []maskable
	}
	m.server.api().WithTest(m.T).Form("/v1/reports",
		apitest.Part{Name: "report", ContentType: "application/json", Data: []byte(`{"service": "litter", "lat": 62.3908, "lon": 17.3069}`)},
		apitest.Part{Name: "photo", FileName: "a.jpg", ContentType: "image/jpeg", Data: photo},
	).Want(http.StatusCreated).JSON(&r)
	if len(r.Photos) != 1 {
		m.Fatalf("%d photos", len(r.Photos))
	}
	return &secret{report: r.ID, photo: r.Photos[0]}
}

// burstUntilKilled masks new photos, each again and again, and kills the process
// at a random moment of it.
func (m *masking) burstUntilKilled() {
	m.Helper()
	picture := secretPicture(m.T)
	fresh := make([]*secret, maskWriters)
	for i := range fresh {
		fresh[i] = m.file(picture)
	}
	m.secrets = append(m.secrets, fresh...)
	took := make(chan time.Duration, maskWriters*100) // of each answer
	var writers sync.WaitGroup
	for _, s := range fresh {
		writers.Go(func() {
			for n := 0; ; n++ {
				began := time.Now()
				if !m.mask(s, n) {
					return
				}
				took <- time.Since(began)
			}
		})
	}
	over := make(chan struct{})
	go func() { writers.Wait(); close(over) }()
	// Anywhere in the middle of the next one, on a machine of any speed.
	one := 100 * time.Millisecond
	for range rand.N(maskAnswers) {
		select {
		case one = <-took:
		case <-over: // every writer has failed, and said so
		}
	}
	time.Sleep(rand.N(one))
	m.server.kill()
	<-over
}

// mask sends the n-th masking of a photo, each with one more area. It reports
// whether there was an answer.
func (m *masking) mask(s *secret, n int) (answered bool) {
	areas := []maskArea{secretArea}
	for i := range n {
		areas = append(areas, maskArea{float64(i%60) / 64, 0.75, 1.0 / 64, 0.125})
	}
	body, err := json.Marshal(map[string]any{"areas": areas})
	if err != nil {
		m.Error(err)
		return false
	}
	s.sent, s.unheard = areas, true
	req, err := http.NewRequestWithContext(m.Context(), http.MethodPut,
		m.server.base+"/v1/reports/"+s.report+"/photos/"+s.photo.ID+"/masks", bytes.NewReader(body))
	if err != nil {
		m.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", m.handler)
	req.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(n+1))) // nobody else changes the report
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // the process is dead
	}
	defer res.Body.Close()
	var p maskable
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		return false // it died while it answered
	}
	if res.StatusCode != http.StatusOK {
		m.Errorf("masking answers %d", res.StatusCode)
		return false
	}
	s.answered(p)
	return true
}

func (s *secret) answered(p maskable) {
	for _, address := range s.photo.Renditions {
		s.outdated = append(s.outdated, address)
	}
	s.photo, s.unheard = p, false
}

// eitherStands checks every photo after a restart.
func (m *masking) eitherStands() {
	m.Helper()
	masked, whole, unheardDone := 0, 0, 0
	for _, s := range m.secrets {
		var r struct{ Photos []maskable }
		m.client().Get("/v1/reports/" + s.report).Want(http.StatusOK).JSON(&r)
		if len(r.Photos) != 1 || r.Photos[0].ID != s.photo.ID {
			m.Fatalf("report %s has the photos %+v", s.report, r.Photos)
		}
		now := r.Photos[0]
		switch {
		case slices.Equal(now.Masks, s.photo.Masks):
			if now.Renditions["2048"] != s.photo.Renditions["2048"] {
				m.Errorf("photo %s has the masks that were answered and other files", s.photo.ID)
			}
		case s.unheard && slices.Equal(now.Masks, s.sent): // carried out, and not answered
			s.answered(now)
			unheardDone++
		default:
			m.Errorf("photo %s has %d masks; %d were answered and %d were sent", s.photo.ID, len(now.Masks), len(s.photo.Masks), len(s.sent))
		}
		s.unheard = false
		m.shows(now)
		for _, address := range s.outdated {
			m.server.api().WithTest(m.T).Get(pathOf(m.T, address)).Want(http.StatusGone)
		}
		if len(now.Masks) > 0 {
			masked++
		} else {
			whole++
		}
	}
	m.Logf("after the kill %d photos are masked (%d of them unheard), %d whole", masked, unheardDone, whole)
}

// shows fetches all renditions of a photo, which show the secret or not.
func (m *masking) shows(p maskable) {
	m.Helper()
	if len(p.Renditions) != 3 {
		m.Errorf("photo %s has %d renditions", p.ID, len(p.Renditions))
	}
	for size, address := range p.Renditions {
		res := m.server.api().WithTest(m.T).Get(pathOf(m.T, address)).Want(http.StatusOK)
		if got, err := showsSecret(res.Body); err != nil || got != (len(p.Masks) == 0) {
			m.Errorf("photo %s with %d masks, rendition %s: shows the secret %v, %v", p.ID, len(p.Masks), size, got, err)
		}
	}
	if kept := len(p.Masks) > 0 && m.keeps; kept != (p.Unmasked != "") {
		m.Errorf("photo %s with %d masks: what is kept is at %q", p.ID, len(p.Masks), p.Unmasked)
	} else if kept {
		res := m.client().Get(pathOf(m.T, p.Unmasked)).Want(http.StatusOK)
		if got, err := showsSecret(res.Body); !got || err != nil {
			m.Errorf("what is kept of photo %s shows the secret %v, %v", p.ID, got, err)
		}
	}
}

// maskAll masks what is not, so that every photo is masked in the end.
func (m *masking) maskAll() {
	m.Helper()
	for _, s := range m.secrets {
		if len(s.photo.Masks) == 0 && !m.mask(s, 0) {
			m.Errorf("photo %s cannot be masked", s.photo.ID)
		}
	}
	m.eitherStands()
}

// aDayPasses for what lies in the database and in the files: more than the sweep
// leaves unclaimed photos and unfinished files, and than any lease.
func (m *masking) aDayPasses() {
	m.Helper()
	m.server.kill()
	const ago = 25 * time.Hour
	m.place.grewOlder(m.databaseURL, ago)
	unfinished := 0
	then := time.Now().Add(-ago)
	m.walk(func(path string, entry fs.DirEntry) error {
		if strings.HasPrefix(entry.Name(), ".tmp-") {
			unfinished++
		}
		return os.Chtimes(path, then, then)
	})
	m.Logf("the kills left %d unfinished files", unfinished)
	m.server = m.place.serveAt(strings.TrimPrefix(m.server.base, "http://"), "--demo")
}

// walk visits what lies below the blob store's folder.
func (m *masking) walk(visit func(path string, entry fs.DirEntry) error) {
	m.Helper()
	err := filepath.WalkDir(filepath.Join(m.place.data, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		return ignoreGone(visit(path, entry))
	})
	if err != nil {
		m.Fatal(err)
	}
}

// ignoreGone: the program deletes files while they are looked at.
func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// nothingIsLeft waits for the sweep and looks at every file.
func (m *masking) nothingIsLeft() {
	m.Helper()
	allowed := map[string]bool{} // folders that keep what is not masked
	if m.keeps {
		for _, s := range m.secrets {
			folder, _, _ := strings.Cut(strings.TrimPrefix(pathOf(m.T, s.photo.Renditions["2048"]), "/photos/"), "/")
			allowed[filepath.Join("unmasked", folder)] = true
		}
	}
	var forbidden []string
	found := 0
	eventually(m.T, "no file shows a secret that nobody may see", func() bool {
		forbidden, found = m.secretFiles(allowed)
		return len(forbidden) == 0
	})
	if found != len(allowed) {
		m.Errorf("%d pictures are kept for handlers, want %d", found, len(allowed))
	}
	m.eitherStands() // and nothing is lost
}

// secretFiles looks for files that show a secret, or are not finished.
func (m *masking) secretFiles(allowed map[string]bool) (forbidden []string, found int) {
	m.Helper()
	root := filepath.Join(m.place.data, "blobs")
	m.walk(func(path string, entry fs.DirEntry) error {
		if entry.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(data, []byte("\xff\xd8")) && !strings.HasPrefix(entry.Name(), ".tmp-") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		shows, err := showsSecret(data)
		switch {
		case err == nil && !shows:
		case err == nil && allowed[filepath.Dir(name)]:
			found++
		default:
			forbidden = append(forbidden, name)
		}
		return nil
	})
	return forbidden, found
}
