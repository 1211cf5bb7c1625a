package photo

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/egress"
)

// loopback is where tests' servers stand.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func detector(address string, timeout time.Duration) *Detector {
	return &Detector{URL: address, Client: egress.New(egress.Config{Allow: loopback, Timeout: timeout, MaxResponseBytes: MaxDetected})}
}

// answering is a detector that answers a text.
func answering(t *testing.T, status int, mediaType, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDetectorGetsThePictureAndNothingElse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "jpeg" || r.ContentLength != 4 || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "image/jpeg" || len(r.Cookies()) > 0 {
			t.Errorf("%s %q %v", r.Method, body, r.Header)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"model": "faces 3", "areas": [{"x": 0.5, "y": 0, "width": 0.25, "height": 1, "score": 0.9}]}`)
	}))
	t.Cleanup(server.Close)
	areas, err := detector(server.URL, time.Minute).Detect(t.Context(), strings.NewReader("jpeg"), 4)
	if err != nil || !slices.Equal(areas, []Area{{0.5, 0, 0.25, 1}}) {
		t.Errorf("%v, %v", areas, err)
	}
}

func TestAnswersOfADetectorThatAreRefused(t *testing.T) {
	t.Parallel()
	const isJSON = "application/json"
	tests := []struct {
		name   string
		status int
		kind   string
		body   string
		again  bool // it is worth asking again
	}{
		{"HTML", 200, "text/html", "<html>", false},
		{"HTML that calls itself JSON", 200, isJSON, "<html>", false},
		{"no type", 200, "", `{"areas": []}`, false},
		{"nothing", 200, isJSON, "", false},
		{"no areas", 200, isJSON, `{}`, false},
		{"null", 200, isJSON, `{"areas": null}`, false},
		{"a list alone", 200, isJSON, `[]`, false},
		{"something after it", 200, isJSON, `{"areas": []} {}`, false},
		{"words for numbers", 200, isJSON, `{"areas": [{"x": "NaN", "y": 0, "width": 1, "height": 1}]}`, false},
		{"a number without end", 200, isJSON, `{"areas": [{"x": 1e999, "y": 0, "width": 1, "height": 1}]}`, false},
		{"pixels", 200, isJSON, `{"areas": [{"x": 100, "y": 80, "width": 20, "height": 20}]}`, false},
		{"a size left out", 200, isJSON, `{"areas": [{"x": 0.1, "y": 0.1}]}`, false},
		{"ten thousand", 200, isJSON, `{"areas": [` + strings.Repeat(`{},`, 9_999) + `{}]}`, false},
		{"too many bytes", 200, isJSON, `{"areas": []` + strings.Repeat(" ", MaxDetected) + `}`, false},
		{"not found", 404, isJSON, `{"areas": []}`, false},
		{"no content", 204, isJSON, "", false},
		{"overload", 503, isJSON, `{"areas": []}`, true},
		{"haste", 429, isJSON, `{"areas": []}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			areas, err := detector(answering(t, tt.status, tt.kind, tt.body), time.Minute).Detect(t.Context(), strings.NewReader("jpeg"), 4)
			if err == nil || LastingFault(err) == tt.again {
				t.Errorf("%v, %v: worth another try %v", areas, err, !LastingFault(err))
			}
			if err != nil && (strings.Contains(err.Error(), "127.0.0.1") || len(err.Error()) > 200) {
				t.Errorf("the error tells where it went, or all that came: %v", err)
			}
		})
	}
}

func TestDetectorThatSendsAGibibyte(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"areas": [`)
		chunk := []byte(strings.Repeat(" ", 64<<10))
		for sent.Load() < 1<<30 {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	_, err := detector(server.URL, time.Minute).Detect(t.Context(), strings.NewReader("jpeg"), 4)
	if !errors.Is(err, egress.ErrTooLarge) || !LastingFault(err) {
		t.Errorf("error %v", err)
	}
	server.Close()
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
}

func TestDetectorThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	_, err := detector(server.URL, 50*time.Millisecond).Detect(t.Context(), strings.NewReader("jpeg"), 4)
	if err == nil || LastingFault(err) {
		t.Errorf("error %v, which is worth another try", err)
	}
}

func TestDetectorIsNotFollowedElsewhere(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"areas": []}`)
	}))
	t.Cleanup(inside.Close)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		server := httptest.NewServer(http.RedirectHandler(inside.URL, status))
		t.Cleanup(server.Close)
		if _, err := detector(server.URL, time.Minute).Detect(t.Context(), strings.NewReader("jpeg"), 4); err == nil || !LastingFault(err) {
			t.Errorf("%d: error %v", status, err)
		}
	}
	strict := &Detector{URL: inside.URL, Client: egress.New(egress.Config{})}
	if _, err := strict.Detect(t.Context(), strings.NewReader("jpeg"), 4); !errors.Is(err, egress.ErrRefused) || !LastingFault(err) {
		t.Errorf("loopback that is not on the allow-list: error %v", err)
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the picture came to another address %d times", n)
	}
}

// FuzzParseAreas holds whatever a detector says to: a list that may be masked, or
// an error.
func FuzzParseAreas(f *testing.F) {
	for _, seed := range []string{
		`{"areas": []}`, `{"areas": [{"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}]}`, `{"areas": [{"x": -0, "y": 1e-300, "width": 1, "height": 1}]}`,
		`{"areas": [null]}`, `[]`, `{"areas": [[]]}`, `{"AREAS": [{}]}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		areas, err := parseAreas(body)
		if err != nil {
			return
		}
		img := noise(40, 30, 4)
		for _, a := range areas {
			r := a.pixels(img.Rect)
			if r.Empty() || !r.In(img.Rect) {
				t.Fatalf("%v is %v", a, r)
			}
			pixelate(img, r)
		}
	})
}
