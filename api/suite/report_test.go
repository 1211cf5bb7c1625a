package suite

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestFileAndRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		crew := s.staff(t, auth.Crew, sundsvall)
		foreign := s.staff(t, auth.Administrator, stockholm)
		t.Run("what was filed is read by address, id and reference", func(t *testing.T) { filedIsRead(t, s) })
		t.Run("contact details are for those who do the work", func(t *testing.T) { contactIsForTheWork(t, s, crew, foreign) })
		t.Run("the trace says why", func(t *testing.T) { traceSaysWhy(t, s) })
		t.Run("a private report is not there for others", func(t *testing.T) { privateIsHidden(t, s, crew, foreign) })
		t.Run("support counts a voice once", func(t *testing.T) { supportCountsOnce(t, s) })
		t.Run("withdrawing closes for good reason", func(t *testing.T) { withdrawing(t, s) })
		t.Run("erasing leaves facts only", func(t *testing.T) { erasing(t, s) })
		t.Run("a token opens its own report alone", func(t *testing.T) { tokenOpensItsOwn(t, s) })
	})
}

func filedIsRead(t *testing.T, s *system) {
	body := pothole(inSundsvall, fields{"accuracy_m": 8, "address": "Storgatan 12", "attributes": fields{"size": "large"}, "language": "en"})
	res := s.in(t).Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	var r api.FiledReport
	res.JSON(&r)
	if r.Status != "received" || r.Delivery != "delivered" || r.Jurisdiction.Code != sundsvall || r.Version != 1 || r.Attributes["size"] != "large" ||
		r.Address != "Storgatan 12" || r.Description != "A deep hole." || r.AccuracyM != 8 || r.ServiceName != "Potholes and damaged roads" || r.Outside {
		t.Errorf("filed %+v", r)
	}
	if !strings.HasPrefix(r.Reference, "2281-"+s.now().Format("2006")[:3]) || r.FollowToken == "" || res.Header.Get("ETag") != `"1"` {
		t.Errorf("reference %s, token %q, ETag %s", r.Reference, r.FollowToken, res.Header.Get("ETag"))
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Error("an answer with a secret may be stored on its way")
	}
	for _, path := range []string{here(t, res.Header.Get("Location")), "/v1/reports/" + r.Reference, "/v1/reports/" + r.Id} {
		read := s.in(t).Get(path).Want(http.StatusOK)
		var again map[string]any
		if read.JSON(&again); again["id"] != r.Id || again["reference"] != r.Reference || read.Header.Get("ETag") != `"1"` {
			t.Errorf("%s: %v", path, again)
		}
		if bytes.Contains(read.Body, []byte(r.FollowToken)) {
			t.Errorf("%s shows the follow token", path)
		}
	}
	s.in(t).Get("/v1/reports/2281-1999-000001").Want(http.StatusNotFound).WantProblem(problem.NotFound)
}

func contactIsForTheWork(t *testing.T, s *system, crew, foreign *apitest.Client) {
	contact := fields{"name": "Kim Karlsson", "email": "kim@example.org", "phone": "070-174 06 05"}
	r := s.filed(t, inSundsvall, fields{"contact": contact})
	if r.Contact != nil {
		t.Errorf("the answer to filing repeats %+v", r.Contact)
	}
	if got := read(t, crew, r.Id).Contact; got == nil || got.Email != "kim@example.org" || got.Phone != "070-174 06 05" {
		t.Errorf("the crew sees %+v", got)
	}
	withKey := s.apiKey(t, sundsvall, auth.ScopeReportsContact)
	if read(t, withKey, r.Id).Contact == nil {
		t.Error("a key with the scope does not see the contact")
	}
	others := map[string]*apitest.Client{
		"anyone": s.Client, "resident": s.resident(t), "foreign administrator": foreign,
		"operator": s.staff(t, auth.Operator, ""), "key without the scope": s.apiKey(t, sundsvall, auth.ScopeReportsRead),
	}
	for who, c := range others {
		for _, path := range []string{"", "/updates", "/routing", "/photos"} {
			body := c.WithTest(t).Get("/v1/reports/" + r.Id + path).Want(http.StatusOK).Body
			if bytes.Contains(body, []byte("Kim")) || bytes.Contains(body, []byte("kim@")) || bytes.Contains(body, []byte("070-174")) || bytes.Contains(body, []byte("701740605")) {
				t.Errorf("%s reads a contact at %q: %s", who, path, body)
			}
		}
	}
}

func traceSaysWhy(t *testing.T, s *system) {
	var why api.Routing
	r := s.filed(t, inSundsvall, nil)
	s.in(t).With("Accept-Language", "en").Get("/v1/reports/" + r.Id + "/routing").Want(http.StatusOK).JSON(&why)
	if why.Reason != "area" || why.Jurisdiction.Code != sundsvall || why.Channel != "web" || why.BoundarySet == "" || !why.Certain ||
		len(why.Steps) != 1 || why.Steps[0].Outcome != sundsvall || !strings.Contains(why.Explanation, "Sundsvall (2281)") {
		t.Errorf("the trace says %+v", why)
	}
	// Thirty metres off the coast belongs to nobody, so to the nearest.
	r = s.filed(t, place{62.6003, 17.2}, nil)
	s.in(t).Get("/v1/reports/" + r.Id + "/routing").Want(http.StatusOK).JSON(&why)
	if !r.Outside || why.Reason != "nearest" || why.Jurisdiction.Code != sundsvall || why.DistanceM < 25 || why.DistanceM > 45 {
		t.Errorf("off the coast: outside %v, %+v", r.Outside, why)
	}
}

func privateIsHidden(t *testing.T, s *system, crew, foreign *apitest.Client) {
	form := s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, fields{"private": true, "description": "Hidden away"})), photoPart(phonePhoto(t, 1))).Want(http.StatusCreated)
	var r api.FiledReport
	form.JSON(&r)
	for who, c := range map[string]*apitest.Client{"reporter": s.reporter(t, r), "crew": crew} {
		if got := read(t, c, r.Reference); !got.Private || got.Description != "Hidden away" {
			t.Errorf("%s reads %+v", who, got)
		}
	}
	other := s.filed(t, inSundsvall, nil)
	for _, c := range []*apitest.Client{s.Client, s.resident(t), foreign, s.staff(t, auth.Operator, ""), s.reporter(t, other)} {
		for _, path := range []string{"", "/updates", "/routing", "/photos"} {
			c.WithTest(t).Get("/v1/reports/" + r.Id + path).WantProblem(problem.NotFound)
		}
		c.WithTest(t).Send(http.MethodPost, "/v1/reports/"+r.Id+"/support", nil).WantProblem(problem.NotFound)
		c.WithTest(t).Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "email": "kim@example.org"}).WantProblem(problem.NotFound)
		for _, list := range []string{"/v1/reports?jurisdiction=2281", "/v1/reports?near=62.3908,17.3069&radius=50", "/v1/reports?jurisdiction=2281&q=hidden+away", "/v1/locate?lat=62.3908&lon=17.3069"} {
			if bytes.Contains(c.WithTest(t).Get(list).Want(http.StatusOK).Body, []byte(r.Id)) {
				t.Errorf("%s shows a private report", list)
			}
		}
	}
	privatePhotosNeedTheirLink(t, s, r)
}

func privatePhotosNeedTheirLink(t *testing.T, s *system, r api.FiledReport) {
	for size, address := range r.Photos[0].Renditions {
		path := here(t, address)
		res := s.in(t).Get(path).Want(http.StatusOK)
		if got := res.Header.Get("Cache-Control"); !strings.HasPrefix(got, "private") {
			t.Errorf("%s: Cache-Control %q", size, got)
		}
		u, err := url.Parse(path)
		must(t, err)
		q := u.Query()
		expires, signature := q.Get("expires"), q.Get("signature")
		s.in(t).Get(u.Path).Want(http.StatusNotFound)
		s.in(t).Get(u.Path + "?expires=9" + expires + "&signature=" + signature).Want(http.StatusNotFound)
		s.in(t).Get(u.Path + "?expires=" + expires + "&signature=" + strings.Repeat("A", 43)).Want(http.StatusNotFound)
	}
	large := here(t, r.Photos[0].Renditions["2048"])
	s.pass(2 * time.Hour)
	s.in(t).Get(large).Want(http.StatusNotFound)
	fresh := here(t, read(t, s.reporter(t, r), r.Id).Photos[0].Renditions["2048"])
	s.in(t).Get(fresh).Want(http.StatusOK)
}

func supportCountsOnce(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	resident := s.resident(t)
	steps := []struct {
		who     *apitest.Client
		body    any
		count   int
		counted bool
	}{
		{s.Client, fields{"voice": "a-voice-of-one-phone"}, 1, true},
		{s.Client, fields{"voice": "a-voice-of-one-phone"}, 1, false},
		{s.Client, fields{"voice": "a-voice-of-another-phone"}, 2, true},
		{resident, nil, 3, true},
		{resident, fields{"voice": "a-voice-of-a-third-phone"}, 3, false}, // a person is one voice, whatever the phone
		{s.With("Idempotency-Key", "a-key-that-is-a-voice"), nil, 4, true},
		{s.With("Idempotency-Key", "a-key-that-is-a-voice"), nil, 4, false},
		{s.reporter(t, r), fields{"voice": "a-voice-of-the-reporter"}, 4, false}, // who filed it counts already
	}
	problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports/"+r.Id+"/support", nil), http.StatusUnprocessableEntity, "/voice")
	for i, step := range steps {
		res := step.who.WithTest(t).Send(http.MethodPost, "/v1/reports/"+r.Reference+"/support", step.body).Want(http.StatusOK)
		var got api.Support
		if res.JSON(&got); got.SupportCount != step.count || got.Counted != step.counted {
			t.Errorf("step %d: %+v", i, got)
		}
		if replayed := res.Header.Get("Idempotency-Replayed"); (replayed == "true") != (i == 6) {
			t.Errorf("step %d: Idempotency-Replayed %q", i, replayed)
		}
	}
	if got := read(t, s.Client, r.Id); got.SupportCount != 4 || got.Version != 1 {
		t.Errorf("the report shows %d voices at version %d", got.SupportCount, got.Version)
	}
}

func withdrawing(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	reporter := s.reporter(t, r)
	p := atVersion(reporter, 7).Send(http.MethodDelete, "/v1/reports/"+r.Id, nil).Want(http.StatusPreconditionFailed).WantProblem(problem.Stale)
	if !strings.Contains(string(p.Current), r.Id) {
		t.Errorf("current is %s", p.Current)
	}
	var got api.Report
	for range 2 { // the second time changes nothing
		reporter.Send(http.MethodDelete, "/v1/reports/"+r.Reference, nil).Want(http.StatusOK).JSON(&got)
		if got.Status != "closed" || got.CloseReason != "withdrawn" || got.Version != 2 || got.ClosedAt.IsZero() {
			t.Errorf("withdrawn: %+v", got)
		}
	}
	us := history(t, s.Client, r.Id)
	if len(us) != 2 || us[1].Author != "reporter" || us[1].CloseReason != "withdrawn" || us[1].Text == "" {
		t.Errorf("history %+v", us)
	}
}

func erasing(t *testing.T, s *system) {
	const name = "Zebulon"
	form := s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, fields{
		"description": name + " was here", "address": "at " + name + "'s", "contact": fields{"name": name, "email": name + "@example.org"},
	})), photoPart(phonePhoto(t, 2))).Want(http.StatusCreated)
	var r api.FiledReport
	form.JSON(&r)
	reporter := s.reporter(t, r)
	reporter.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "It is me, " + name}).Want(http.StatusCreated)
	photo := here(t, r.Photos[0].Renditions["2048"])
	s.in(t).Get(photo).Want(http.StatusOK)
	reporter.Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).Want(http.StatusNoContent)
	got := read(t, s.Client, r.Id)
	if got.Description != "" || got.Address != "" || len(got.Photos) != 0 || got.Service != "pothole" || got.Status != "received" || got.Lat != inSundsvall.lat {
		t.Errorf("left over: %+v", got)
	}
	for _, path := range []string{"", "/updates", "/routing"} {
		if body := s.in(t).Get("/v1/reports/" + r.Id + path).Want(http.StatusOK).Body; bytes.Contains(body, []byte(name)) {
			t.Errorf("%q still shows %s", path, body)
		}
	}
	s.in(t).Get(photo).Want(http.StatusNotFound)
	eventually(t, "the end of the photo's files", func() bool { return s.blobs(t, "photos/"+r.Photos[0].Id) == 0 })
	reporter.Send(http.MethodDelete, "/v1/reports/"+r.Id, nil).Want(http.StatusUnauthorized) // the token has ended too
}

func tokenOpensItsOwn(t *testing.T, s *system) {
	mine, other := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	for _, token := range []string{mine.FollowToken, "nonsense", mine.FollowToken[:43], mine.FollowToken + "A", strings.Repeat("A", 44)} {
		c := s.in(t).With("Follow-Token", token)
		c.Send(http.MethodPost, "/v1/reports/"+other.Id+"/updates", fields{"text": "me"}).WantProblem(problem.Unauthenticated)
		c.Send(http.MethodDelete, "/v1/reports/"+other.Id, nil).WantProblem(problem.Unauthenticated)
		c.Send(http.MethodDelete, "/v1/reports/"+other.Id+"/personal-data", nil).WantProblem(problem.Unauthenticated)
	}
	var u api.Update
	s.reporter(t, mine).Send(http.MethodPost, "/v1/reports/"+mine.Id+"/updates", fields{"text": "It grows."}).Want(http.StatusCreated).JSON(&u)
	if u.Author != "reporter" || u.Text != "It grows." || u.Internal {
		t.Errorf("the update is %+v", u)
	}
}

func TestPhotos(t *testing.T) {
	onEveryStorage(t, func(t *testing.T, s *system) {
		t.Run("with the report", func(t *testing.T) { photosWithTheReport(t, s) })
		t.Run("ahead of the report", func(t *testing.T) { photoAhead(t, s) })
		t.Run("after the report", func(t *testing.T) { photoAfter(t, s) })
	})
}

func reportPart(t testing.TB, body any) apitest.Part {
	t.Helper()
	data, err := json.Marshal(body)
	must(t, err)
	return apitest.Part{Name: "report", ContentType: "application/json", Data: data}
}

func photosWithTheReport(t *testing.T, s *system) {
	var r api.FiledReport
	s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), photoPart(phonePhoto(t, 1)), photoPart(pngPhoto(t, 2))).Want(http.StatusCreated).JSON(&r)
	if len(r.Photos) != 2 {
		t.Fatalf("%d photos", len(r.Photos))
	}
	if us := history(t, s.Client, r.Id); len(us) != 1 || len(us[0].Photos) != 2 || us[0].Kind != "filed" {
		t.Errorf("the history shows %+v", us)
	}
	var list api.PhotoList
	s.in(t).Get("/v1/reports/" + r.Id + "/photos").Want(http.StatusOK).JSON(&list)
	for i, p := range list.Photos {
		if p.Id != r.Photos[i].Id || p.Width != 400 || p.Height != 300 || len(p.Renditions) != 3 {
			t.Errorf("photo %d: %+v", i, p)
		}
		for size, address := range p.Renditions {
			t.Run(size, func(t *testing.T) { servedForGood(t, s.in(t), here(t, address)) })
		}
	}
	some := "/photos/" + r.Photos[0].Id + "/"
	other := strings.Repeat("0", 64)
	s.in(t).Get(some + "2048-" + other).Want(http.StatusGone) // the photo is there, and not by this name
	s.in(t).Get("/photos/0b6f2d0e-5d0f-4d3c-9a53-0c8f1f8d2a11/2048-" + other).Want(http.StatusNotFound)
	for _, name := range []string{"2048", "..%2f..%2fuploads", "x"} {
		s.in(t).Get(some + name).Want(http.StatusNotFound)
	}
}

// servedForGood holds for a public rendition: a JPEG without a trace of its
// origin, which caches may keep and browsers may read in part.
func servedForGood(t *testing.T, c *apitest.Client, path string) {
	res := c.Get(path).Want(http.StatusOK)
	free(t, res.Body)
	sum := sha256.Sum256(res.Body)
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	want := map[string]string{
		"Content-Type": "image/jpeg", "ETag": etag, "Cache-Control": "public, max-age=86400, immutable",
		"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
	}
	for name, value := range want {
		if got := res.Header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if _, kind, err := image.DecodeConfig(bytes.NewReader(res.Body)); err != nil || kind != "jpeg" {
		t.Errorf("the rendition is %s: %v", kind, err)
	}
	if again := c.With("If-None-Match", etag).Get(path).Want(http.StatusNotModified); len(again.Body) != 0 {
		t.Error("304 has a body")
	}
	if part := c.With("Range", "bytes=0-1").Get(path).Want(http.StatusPartialContent); string(part.Body) != "\xff\xd8" {
		t.Errorf("the first two bytes are %x", part.Body)
	}
	rangesServed(t, c, path, res.Body, etag)
	head := c.Send(http.MethodHead, path, nil).Want(http.StatusOK)
	if len(head.Body) != 0 || head.Header.Get("ETag") != etag || head.Header.Get("Content-Length") != res.Header.Get("Content-Length") {
		t.Errorf("HEAD: %d bytes, %v", len(head.Body), head.Header)
	}
	c.Send(http.MethodDelete, path, nil).Want(http.StatusMethodNotAllowed)
}

// rangesServed holds for ranges of bytes as RFC 9110, section 14, has them.
func rangesServed(t *testing.T, c *apitest.Client, path string, whole []byte, etag string) {
	n := len(whole)
	tests := []struct {
		asked    string
		status   int
		from, to int // of what comes; to is behind the last byte
	}{
		{"bytes=10-19", http.StatusPartialContent, 10, 20},
		{"bytes=10-", http.StatusPartialContent, 10, n},
		{"bytes=-5", http.StatusPartialContent, n - 5, n},
		{"bytes=0-99999999", http.StatusPartialContent, 0, n},
		{fmt.Sprintf("bytes=%d-", n), http.StatusRequestedRangeNotSatisfiable, 0, 0},
		{"lines=1-2", http.StatusOK, 0, 0},         // a unit that nobody knows
		{"bytes=0-1,4-5,8-9", http.StatusOK, 0, 0}, // several, which a server may answer by the whole
		{"bytes=9-2", http.StatusRequestedRangeNotSatisfiable, 0, 0},
	}
	for _, tt := range tests {
		res := c.With("Range", tt.asked).Get(path).Want(tt.status)
		if tt.status != http.StatusPartialContent {
			continue
		}
		if got, want := res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", tt.from, tt.to-1, n); got != want || !bytes.Equal(res.Body, whole[tt.from:tt.to]) {
			t.Errorf("%s gives %q and %d bytes, want %q", tt.asked, got, len(res.Body), want)
		}
	}
	if res := c.With("Range", "bytes=0-1").With("If-Range", etag).Get(path); res.Status != http.StatusPartialContent {
		t.Errorf("a range of this version: %d", res.Status)
	}
	if res := c.With("Range", "bytes=0-1").With("If-Range", `"another"`).Get(path); res.Status != http.StatusOK || len(res.Body) != n {
		t.Errorf("a range of another version: %d, %d bytes", res.Status, len(res.Body))
	}
}

func photoAhead(t *testing.T, s *system) {
	var p api.Photo
	s.in(t).Form("/v1/photos", photoPart(phonePhoto(t, 3))).Want(http.StatusCreated).JSON(&p)
	checkSuggestion(t, p.Suggestion)
	signed := here(t, p.Renditions["320"])
	free(t, s.in(t).Get(signed).Want(http.StatusOK).Body)
	bare, _, _ := strings.Cut(signed, "?")
	s.in(t).Get(bare).Want(http.StatusNotFound) // nobody shows it yet
	r := s.filed(t, inSundsvall, fields{"photos": []string{p.Id}})
	if len(r.Photos) != 1 || r.Photos[0].Id != p.Id || r.Photos[0].Suggestion != nil {
		t.Errorf("the report shows %+v", r.Photos)
	}
	s.in(t).Get(bare).Want(http.StatusOK)
	for _, ids := range [][]string{{p.Id}, {"0198c0de-7b1a-4c3e-9f00-5a1d2b3c4d5e"}} { // taken, unknown
		problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, fields{"photos": ids})), http.StatusUnprocessableEntity, "/photos/0")
	}
}

// problemAt wants a problem of a status that names a field.
func problemAt(t testing.TB, res apitest.Response, status int, field string) apitest.Problem {
	t.Helper()
	var p apitest.Problem
	res.Want(status).JSON(&p)
	for _, e := range p.Errors {
		if e.Field == field {
			return p
		}
	}
	t.Errorf("errors are %v, want one at %q\n%s", p.Errors, field, res)
	return p
}

func photoAfter(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	reporter := s.reporter(t, r)
	var p api.Photo
	res := reporter.Form("/v1/reports/"+r.Id+"/photos", photoPart(phonePhoto(t, 4))).Want(http.StatusCreated)
	if res.JSON(&p); res.Header.Get("ETag") != `"2"` || p.Suggestion != nil {
		t.Errorf("ETag %s, photo %+v", res.Header.Get("ETag"), p)
	}
	free(t, s.in(t).Get(here(t, p.Renditions["1024"])).Want(http.StatusOK).Body)
	s.in(t).Form("/v1/reports/"+r.Id+"/photos", photoPart(phonePhoto(t, 4))).WantProblem(problem.Unauthenticated)
	us := history(t, s.Client, r.Id)
	if len(us) != 2 || us[1].Kind != "photo" || len(us[1].Photos) != 1 || us[1].Photos[0].Id != p.Id {
		t.Errorf("history %+v", us)
	}
}
