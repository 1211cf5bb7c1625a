package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// oracle is a detector that answers as it is told, on a server of the test's.
type oracle struct {
	answer atomic.Pointer[http.HandlerFunc]
}

func (o *oracle) set(answer http.HandlerFunc) { o.answer.Store(&answer) }

// detectedBy gives the system a detector, which is waited for so long.
func (s *system) detectedBy(t *testing.T, timeout time.Duration, answer http.HandlerFunc) *oracle {
	t.Helper()
	o := &oracle{}
	o.set(answer)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && !bytes.HasPrefix(body, []byte("\xff\xd8")) {
			t.Errorf("the detector got %d bytes that are no JPEG", len(body))
		}
		(*o.answer.Load())(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // some wait for that
		server.Close()
	})
	s.server.Reports.Detector = &photo.Detector{URL: server.URL, Client: egress.New(egress.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: timeout, MaxResponseBytes: photo.MaxDetected,
	})}
	return o
}

// never answers, as long as anybody waits.
func never(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// finds answers as a detector does that finds areas.
func finds(areas ...fields) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(fields{"areas": append([]fields{}, areas...)})
	}
}

func says(mediaType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = io.WriteString(w, text)
	}
}

// checked waits until a photo is no longer checked, while time passes, and returns
// its state.
func (s *system) checked(t *testing.T, r api.FiledReport) (state string) {
	t.Helper()
	reporter := s.reporter(t, r)
	eventually(t, "the end of the check", func() bool {
		s.pass(time.Second / 2) // the lease of a minute has to outlast a try
		s.wake()
		state = string(read(t, reporter, r.Id).Photos[0].State)
		return state != "checking"
	})
	s.ahead.Store(0)
	return state
}

// However the detector fails, the jurisdiction's rule decides.
func TestTheRuleDecidesWhereTheDetectorFails(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		const isJSON = "application/json"
		o := s.detectedBy(t, 50*time.Millisecond, never)
		failures := map[string]http.HandlerFunc{
			"it never answers": never,
			"it never ends its answer": func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", isJSON)
				_, _ = io.WriteString(w, `{"areas": [`)
				_ = http.NewResponseController(w).Flush()
				never(w, r)
			},
			"it hangs up":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"it fails":                  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			"it says nonsense":          says(isJSON, `{"faces": 3}`),
			"it says HTML":              says("text/html", "<html>"),
			"it says what is cut":       says(isJSON, `{"areas": [{"x": 0.1`),
			"its areas are pixels":      finds(fields{"x": 160, "y": 160, "width": 80, "height": 80}),
			"its areas reach outside":   finds(fields{"x": 0.9, "y": 0.9, "width": 0.2, "height": 0.2}),
			"its areas are of no size":  finds(fields{"x": 0.5, "y": 0.5, "width": 0, "height": 0}),
			"its areas begin outside":   finds(fields{"x": -0.1, "y": 0, "width": 0.5, "height": 0.5}),
			"one of its areas is right": finds(secretPlace, fields{"x": 2, "y": 2, "width": 1, "height": 1}),
		}
		for _, rule := range []struct{ unchecked, want string }{{"hold", "held"}, {"publish", "shown"}} {
			s.rulePhotos(t, fields{"unchecked": rule.unchecked})
			for name, fails := range failures {
				o.set(fails)
				r := s.filedWithSecret(t, nil)
				if got := s.checked(t, r); got != rule.want {
					t.Errorf("%s: %s, where the rule is to %s", name, got, rule.unchecked)
				}
			}
		}
		s.rulePhotos(t, fields{"hold": true, "unchecked": "publish"})
		o.set(failures["it fails"])
		if got := s.checked(t, s.filedWithSecret(t, nil)); got != "held" {
			t.Errorf("%s, where all photos are held", got)
		}
	})
}

// What the detector has found is never shown: where it cannot be masked, the photo
// is held, also where the rule is to publish.
func TestWhatCannotBeMaskedIsHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		s.rulePhotos(t, fields{"unchecked": "publish"})
		s.detectedBy(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
			for name := range s.kept(t) { // the disk loses the picture while the detector looks
				if strings.Contains(name, "/2048-") {
					must(t, s.server.Blobs.Put(r.Context(), name, strings.NewReader("\xff\xd8 is no JPEG"), photo.ContentType))
				}
			}
			finds(secretPlace)(w, r)
		})
		if got := s.checked(t, s.filedWithSecret(t, nil)); got != "held" {
			t.Errorf("the photo is %s", got)
		}
	})
}

// A process that dies while it checks leaves its job to the next. After three of
// them the detector is asked once more, and what it finds is left to a handler.
func TestAPhotoWhoseCheckEndsProcesses(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		o := s.detectedBy(t, time.Minute, never)
		for _, tt := range []struct {
			name   string
			rule   string
			answer http.HandlerFunc
			want   string
		}{
			{"something is found", "publish", finds(secretPlace), "held"},
			{"nothing is found", "hold", finds(), "shown"},
			{"the detector fails, and the rule is to publish", "publish", says("text/plain", ""), "shown"},
			{"the detector fails, and the rule is to hold", "hold", says("text/plain", ""), "held"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s.rulePhotos(t, fields{"unchecked": tt.rule})
				began, ends := make(chan struct{}), make(chan struct{})
				defer close(ends)
				o.set(func(http.ResponseWriter, *http.Request) { close(began); <-ends }) // this process comes no further
				r := s.filedWithSecret(t, nil)
				<-began
				o.set(tt.answer)
				payload, err := json.Marshal(report.CheckPhotoJob{ReportID: r.Id, PhotoID: r.Photos[0].Id})
				must(t, err)
				must(t, s.server.Reports.CheckHandler().Run(t.Context(), job.Job{Payload: payload, Attempts: 4, CreatedAt: s.now()}))
				got := read(t, s.reporter(t, r), r.Id).Photos[0]
				if string(got.State) != tt.want || got.Renditions["2048"] != r.Photos[0].Renditions["2048"] && tt.want == "held" {
					t.Errorf("the photo is %s, at %s", got.State, got.Renditions["2048"])
				}
			})
		}
	})
}

// A photo whose job was given up, or is lost, does not wait for ever; one whose job
// is under way is left to it, for a day.
func TestNoPhotoWaitsForEver(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		s.detectedBy(t, time.Hour, never)
		for _, tt := range []struct {
			name    string
			rule    string
			becomes func(id string) // of the job
			after   time.Duration
			want    string
		}{
			{"given up, published", "publish", func(id string) { must(t, store.Jobs{DB: s.db}.Park(t.Context(), id, "test")) }, 16 * time.Minute, "shown"},
			{"given up, held", "hold", func(id string) { must(t, store.Jobs{DB: s.db}.Park(t.Context(), id, "test")) }, 16 * time.Minute, "held"},
			{"lost", "hold", func(id string) { must(t, store.Jobs{DB: s.db}.Done(t.Context(), []string{id})) }, 16 * time.Minute, "held"},
			{"lost a moment ago", "publish", func(id string) { must(t, store.Jobs{DB: s.db}.Done(t.Context(), []string{id})) }, 10 * time.Minute, "checking"},
			{"under way", "publish", func(string) {}, 23 * time.Hour, "checking"},
			{"under way for a day", "publish", func(string) {}, 25 * time.Hour, "shown"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s.rulePhotos(t, fields{"unchecked": tt.rule})
				r := s.filedWithSecret(t, nil)
				id := s.text(t, fmt.Sprintf("SELECT id FROM jobs WHERE kind = 'check-photo' AND key = '%s'", r.Photos[0].Id))
				tt.becomes(id)
				s.pass(tt.after)
				must(t, s.server.Reports.SettleUnchecked(t.Context()))
				s.ahead.Store(0)
				if got := s.text(t, "SELECT state FROM photos WHERE id = '"+r.Photos[0].Id+"'"); got != tt.want {
					t.Errorf("the photo is %s, want %s", got, tt.want)
				}
			})
		}
	})
}
