package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/internal/notify/pushtest"
)

const (
	burstWriters  = 8
	burstAnswered = 200 // answers before the process is killed
)

// attempt is a report of the burst: sent, and perhaps answered.
type attempt struct {
	key    string
	body   []byte
	answer filed // zero where none came
}

// burstUntilKilled files reports from several phones at once and kills the
// process in the middle of it. It returns all that was sent.
func (d *day) burstUntilKilled() []attempt {
	d.Helper()
	var (
		answered atomic.Int32
		mu       sync.Mutex
		sent     []attempt
		writers  sync.WaitGroup
	)
	enough := make(chan struct{})
	for w := range burstWriters {
		writers.Go(func() {
			for n := 0; ; n++ {
				a := newAttempt(w, n)
				status, err := a.send(d, d.server.base)
				mu.Lock()
				sent = append(sent, a)
				mu.Unlock()
				if err != nil {
					return // the process is dead
				}
				if status != http.StatusCreated {
					d.Errorf("a report of the burst got %d", status)
					return
				}
				if answered.Add(1) == burstAnswered {
					close(enough)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { writers.Wait(); close(over) }()
	select {
	case <-enough:
	case <-over: // every writer has met an error
	}
	d.server.kill()
	<-over
	d.Logf("killed after %d answers; %d reports were sent", answered.Load(), len(sent))
	if answered.Load() < burstAnswered {
		d.Fatalf("only %d reports were answered", answered.Load())
	}
	return sent
}

func newAttempt(writer, n int) attempt {
	body := fmt.Sprintf(`{"service":"litter","lat":62.39%02d,"lon":17.30%02d,"description":"Skräp %d av bil %d"}`, n%100, writer, n, writer)
	return attempt{key: fmt.Sprintf("burst-of-writer-%d-report-%d", writer, n), body: []byte(body)}
}

// send posts the report and keeps a complete answer.
func (a *attempt) send(t testing.TB, base string) (status int, err error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/reports", bytes.NewReader(a.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", a.key)
	req.Header.Set("X-Forwarded-For", phoneAddress)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var got filed
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return 0, err
	}
	if res.StatusCode == http.StatusCreated {
		a.answer = got
	}
	return res.StatusCode, nil
}

// restart starts the program anew on what the dead process left.
func (d *day) restart() *server {
	d.Helper()
	s := d.place.serveAt(strings.TrimPrefix(d.server.base, "http://"), "--demo")
	d.server, d.phone = s, s.api().With("X-Forwarded-For", phoneAddress)
	return s
}

// everyAnswerHolds checks that what was answered before the crash is there,
// once, and that what was not can be sent again and then is there, once.
func (d *day) everyAnswerHolds(s *server, sent []attempt) {
	d.Helper()
	before := all(d.T, s, "2281")
	for _, a := range sent {
		if a.answer.ID != "" && before[a.answer.ID].Reference != a.answer.Reference {
			d.Errorf("%s was answered with 201 and is %q now", a.answer.Reference, before[a.answer.ID].Reference)
		}
	}
	gapFree(d.T, before)
	for i := range sent {
		first := sent[i].answer
		if status, err := sent[i].send(d, s.base); err != nil || status != http.StatusCreated {
			d.Fatalf("%s sent again: %d, %v", sent[i].key, status, err)
		}
		if again := sent[i].answer; first.ID != "" && (again.ID != first.ID || again.Reference != first.Reference) {
			d.Errorf("%s sent again became %s", first.Reference, again.Reference)
		}
	}
	after := all(d.T, s, "2281")
	gapFree(d.T, after)
	texts := map[string]int{}
	for _, r := range after {
		texts[r.Description]++
	}
	for _, a := range sent {
		if n := texts[a.answer.Description]; n != 1 {
			d.Errorf("%q is there %d times", a.answer.Description, n)
		}
	}
	if r := after[d.report.ID]; r.Reference != d.report.Reference || r.Status != "in-progress" {
		d.Errorf("the morning's report is %q, %s", r.Reference, r.Status)
	}
}

// all reads every report of a jurisdiction, page by page, by id.
func all(t *testing.T, s *server, jurisdiction string) map[string]filed {
	t.Helper()
	found := map[string]filed{}
	for cursor := ""; ; {
		var page listed
		s.api().WithTest(t).Get("/v1/reports?limit=100&jurisdiction=" + jurisdiction + cursor).Want(http.StatusOK).JSON(&page)
		for _, r := range page.Reports {
			if _, twice := found[r.ID]; twice {
				t.Errorf("%s is listed twice", r.Reference)
			}
			found[r.ID] = r
		}
		if page.Next == "" {
			return found
		}
		cursor = "&cursor=" + page.Next
	}
}

// gapFree checks that references count from 1 without a gap.
func gapFree(t *testing.T, reports map[string]filed) {
	t.Helper()
	var numbers []int
	for _, r := range reports {
		n, err := strconv.Atoi(r.Reference[strings.LastIndexByte(r.Reference, '-')+1:])
		if err != nil {
			t.Fatalf("reference %q: %v", r.Reference, err)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			t.Fatalf("number %d stands where %d should: of %d reports", n, i+1, len(numbers))
		}
	}
}

// logsAreSilent searches all that the processes have said.
func (d *day) logsAreSilent(sub pushtest.Subscription, servers ...*server) {
	d.Helper()
	for _, s := range servers {
		said := s.said.String()
		if !strings.Contains(said, `"route":"/v1/reports"`) {
			d.Errorf("the log does not tell of the requests: %.500s", said)
		}
		for _, secret := range append(personal(), sub.Endpoint, sub.Auth, "Skräp") {
			if at := strings.Index(said, secret); at >= 0 {
				d.Errorf("the log says %q: %s", secret, said[max(0, at-200):min(len(said), at+200)])
			}
		}
		// The program's own address is no client's.
		rest := strings.ReplaceAll(said, strings.TrimPrefix(s.base, "http://"), "")
		if at := strings.Index(rest, "127.0.0.1"); at >= 0 {
			d.Errorf("the log names a client's address: %s", rest[max(0, at-200):min(len(rest), at+200)])
		}
	}
}

// inPlace fails when a text stands in any file of the data folder.
func inPlace(t *testing.T, p *place, text string) {
	t.Helper()
	files := os.DirFS(p.data)
	read := 0
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if bytes.Contains(b, []byte(text)) {
			t.Errorf("%s contains %q", path, text)
		}
		read++
		return err
	})
	if err != nil || read == 0 {
		t.Errorf("%d files of the data folder were searched; %v", read, err)
	}
}
