package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

// elsewhere is another system's server of pictures on loopback, which the
// system may reach only if allowed.
func (sys *system) elsewhere(t *testing.T, allowed bool) string {
	t.Helper()
	picture := jpegBytes(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/photo.jpg":
			_, _ = w.Write(picture)
		case "/moved.jpg":
			http.Redirect(w, r, "/photo.jpg", http.StatusFound)
		case "/text.jpg":
			_, _ = w.Write([]byte("<html>not a picture"))
		case "/large.jpg":
			_, _ = w.Write(bytes.Repeat(picture, 1+(1<<20)/len(picture)))
		case "/busy.jpg":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(other.Close)
	config := egress.Config{MaxRedirects: 1, MaxResponseBytes: 1 << 20}
	if allowed {
		config.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	sys.Server.Reports.Egress = egress.New(config)
	return other.URL
}

// work claims the jobs that fetch pictures and carries them out as the runner
// would; it returns what each came to.
func (sys *system) work(t *testing.T) []error {
	t.Helper()
	jobs, err := store.Jobs{DB: sys.DB}.Claim(t.Context(), []string{report.JobFetchMedia}, 10, time.Hour, sys.now())
	must(t, err)
	var results []error
	for _, j := range jobs {
		results = append(results, sys.Server.Reports.MediaHandler().Run(t.Context(), j))
	}
	return results
}

func TestOpen311MediaURLBecomesAPhoto(t *testing.T) { onBothDatabases(t, open311MediaURLBecomesAPhoto) }

func open311MediaURLBecomesAPhoto(t *testing.T, sys *system) {
	other := sys.elsewhere(t, true)
	form := sys.pothole("media_url", other+"/photo.jpg")
	form.Add("media_url", other+"/moved.jpg")
	id := sys.filed(t, form)
	if got := sys.row(t, id)["media_url"]; got != nil {
		t.Errorf("rule 79: before it is fetched, media_url is %v", got)
	}
	for _, err := range sys.work(t) {
		must(t, err)
	}
	shown, _ := sys.row(t, id)["media_url"].(string)
	if !strings.HasPrefix(shown, baseURL+"/photos/") {
		t.Fatalf("media_url %q is not ours", shown)
	}
	if a := sys.send(sys.request("GET", strings.TrimPrefix(shown, baseURL), nil)); a.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the photo is %d %s", a.Status, a.Header.Get("Content-Type"))
	}
	r, err := sys.Server.Reports.Read(t.Context(), crew(), id)
	must(t, err)
	// A worker that died after it added the picture leaves its job to another.
	for i := range 2 {
		must(t, sys.Server.Reports.FetchMedia(t.Context(), report.FetchMediaJob{ReportID: r.ID, Position: i}))
	}
	if r, err = sys.Server.Reports.Read(t.Context(), crew(), id); err != nil || len(r.Photos) != 2 {
		t.Errorf("%d photos, %v; want 2", len(r.Photos), err)
	}
}

func TestOpen311MediaURLThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		allowed    bool
		permanent  bool
	}{
		{"rule 79: a private address", "/photo.jpg", false, true},
		{"not there", "/gone.jpg", true, true},
		{"not a picture", "/text.jpg", true, true},
		{"too large", "/large.jpg", true, true},
		{"not now", "/busy.jpg", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBothDatabases(t, func(t *testing.T, sys *system) {
				address := sys.elsewhere(t, tt.allowed) + tt.path
				id := sys.filed(t, sys.pothole("media_url", address))
				results := sys.work(t)
				if len(results) != 1 || results[0] == nil || job.IsPermanent(results[0]) != tt.permanent {
					t.Fatalf("got %v, want an error that is permanent: %v", results, tt.permanent)
				}
				if text := results[0].Error(); strings.Contains(text, "127.0.0.1") || strings.Contains(text, ".jpg") {
					t.Errorf("the error names the address: %s", text)
				}
				if got := sys.row(t, id)["media_url"]; got != nil {
					t.Errorf("media_url is %v", got)
				}
			})
		})
	}
}

func TestOpen311MediaURLOfAnErasedReportIsForgotten(t *testing.T) {
	onBothDatabases(t, open311MediaURLOfAnErasedReportIsForgotten)
}

func open311MediaURLOfAnErasedReportIsForgotten(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole("media_url", sys.elsewhere(t, true)+"/photo.jpg"))
	r, err := sys.Server.Reports.Read(t.Context(), crew(), id)
	must(t, err)
	sys.erase(t, id)
	if _, ok, err := (store.Reports{DB: sys.DB}).MediaURL(t.Context(), r.ID, 0); ok || err != nil {
		t.Errorf("the address is still there: %v, %v", ok, err)
	}
	for _, err := range sys.work(t) {
		must(t, err)
	}
	if got := sys.row(t, id)["media_url"]; got != nil {
		t.Errorf("media_url is %v", got)
	}
}

// erase does what a handler of Sundsvall does on the reporter's wish.
func (sys *system) erase(t *testing.T, id string) {
	t.Helper()
	handler := auth.Actor{
		Kind: auth.PersonKind, PersonID: crew().PersonID,
		Grants: []auth.Grant{{Role: auth.Handler, Jurisdiction: "2281"}},
	}
	must(t, sys.Server.Reports.Erase(t.Context(), handler, id))
}

// A picture that arrives when its report has just been erased is not added.
func TestOpen311MediaURLErasedWhileItIsFetched(t *testing.T) {
	onBothDatabases(t, open311MediaURLErasedWhileItIsFetched)
}

func open311MediaURLErasedWhileItIsFetched(t *testing.T, sys *system) {
	var id string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		sys.erase(t, id)
		_, _ = w.Write(jpegBytes(t))
	}))
	t.Cleanup(other.Close)
	sys.elsewhere(t, true)
	id = sys.filed(t, sys.pothole("media_url", other.URL+"/photo.jpg"))
	if results := sys.work(t); len(results) != 1 || results[0] == nil || job.IsPermanent(results[0]) {
		t.Fatalf("the first attempt gives %v, want an error that is not permanent", results)
	}
	r, err := sys.Server.Reports.Read(t.Context(), crew(), id)
	must(t, err)
	must(t, sys.Server.Reports.FetchMedia(t.Context(), report.FetchMediaJob{ReportID: r.ID}))
	if got := sys.row(t, id)["media_url"]; got != nil {
		t.Errorf("an erased report shows %v", got)
	}
}
