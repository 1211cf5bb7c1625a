package main_test

import (
	"encoding/json"
	"encoding/xml"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/notify/pushtest"
	"github.com/kantsten/kantsten/internal/problem"
)

// What people of the day say about themselves. None of it may come up in a push
// message or in the log.
const (
	reporterName  = "Gullborg Tjärnqvist"
	reporterEmail = "gullborg@tjarnqvist.example"
	reporterPhone = "+46701740605"
	description   = "Cykeln fastnade i hålet utanför grinden hos Tjärnqvist"
	crewText      = "Vi lagar det i dag, hälsar Torbjörn Åmansson"
	// phoneAddress is where the resident's phone is, as the reverse proxy says.
	phoneAddress = "203.0.113.77"
)

// personal lists what must stay private.
func personal() []string {
	return []string{
		"Gullborg", "Tjärnqvist", "tjarnqvist", "46701740605", "Cykeln", "Torbjörn", "Åmansson", phoneAddress,
		photoMaker, "62.4017", "17.2982", "62.3908", "17.3069",
	}
}

// filed is a report as clients read it.
type filed struct {
	ID           string `json:"id"`
	Reference    string `json:"reference"`
	Status       string `json:"status"`
	Description  string `json:"description"`
	Delivery     string `json:"delivery"`
	Version      int    `json:"version"`
	FollowToken  string `json:"follow_token"`
	SupportCount int    `json:"support_count"`
	Jurisdiction struct{ Code, Name string }
	Photos       []struct {
		ID         string
		Renditions map[string]string
	}
}

// listed is a page of reports.
type listed struct {
	Reports []filed
	Next    string
}

// day is one day of the service, as far as it has come.
type day struct {
	*testing.T
	place  *place
	server *server
	access access
	phone  *apitest.Client // a resident's, without an account
	report filed
}

// TestADay plays a day on the built program.
func TestADay(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		settings := append(realBorders(t), "KANTSTEN_EGRESS_ALLOW=127.0.0.0/8", "KANTSTEN_TRUSTED_PROXIES=127.0.0.0/8",
			"KANTSTEN_LIMIT_REPORTS=0") // the day ends with more of them than a phone may file
		p := newPlace(t, databaseURL, settings...)
		s := p.serve("--demo")
		d := &day{T: t, place: p, server: s, access: p.access(), phone: s.api().With("X-Forwarded-For", phoneAddress)}
		d.fileOnceByThreeTries()
		d.support()
		push, sub := d.follow()
		d.otherCrewIsRefused()
		d.crewBegins(push, sub)
		d.staleChangeIsRefused()
		d.photoIsOnlyPixels()
		answered := d.burstUntilKilled()
		again := d.restart()
		d.everyAnswerHolds(again, answered)
		d.logsAreSilent(sub, s, again)
		// Last, and in a part of its own, so that what is above is seen even
		// where this fails.
		d.Run("Open311", func(t *testing.T) { d.open311(t, again) })
	})
}

// staff is a client of somebody on the demo's staff.
func (d *day) staff(role, jurisdiction string) *apitest.Client {
	return d.server.api().With("Authorization", d.access.token(d.T, role, jurisdiction))
}

// newReport is what the resident's phone sends beside the photo.
func newReport(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"service": "pothole", "lat": 62.3908, "lon": 17.3069, "accuracy_m": 8, "description": description, "language": "sv",
		"contact": map[string]string{"name": reporterName, "email": reporterEmail, "phone": reporterPhone},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fileOnceByThreeTries sends the same report three times, as a phone does that
// hears no answer: there is one.
func (d *day) fileOnceByThreeTries() {
	d.Helper()
	photo := phonePhoto(d)
	phone := d.phone.With("Idempotency-Key", "a-morning-in-sundsvall-1")
	for try := range 3 {
		res := phone.Form("/v1/reports",
			apitest.Part{Name: "report", ContentType: "application/json", Data: newReport(d)},
			apitest.Part{Name: "photo", FileName: "hål.jpg", ContentType: "image/jpeg", Data: photo},
		).Want(http.StatusCreated)
		var got filed
		res.JSON(&got)
		if replayed := res.Header.Get("Idempotency-Replayed") == "true"; replayed != (try > 0) {
			d.Errorf("try %d: Idempotency-Replayed is %v", try, replayed)
		}
		if try == 0 {
			d.report = got
			continue
		}
		if got.ID != d.report.ID || got.Reference != d.report.Reference || got.FollowToken != d.report.FollowToken {
			d.Errorf("try %d: report %s, %s; the first was %s, %s", try, got.ID, got.Reference, d.report.ID, d.report.Reference)
		}
	}
	if d.report.Jurisdiction.Code != "2281" || !strings.HasPrefix(d.report.Reference, "2281-") {
		d.Fatalf("routed to %q with reference %q, want 2281", d.report.Jurisdiction.Code, d.report.Reference)
	}
	var found listed
	d.phone.Get("/v1/reports?jurisdiction=2281&q=Cykeln+fastnade").Want(http.StatusOK).JSON(&found)
	if len(found.Reports) != 1 || found.Reports[0].ID != d.report.ID {
		d.Errorf("three tries made %d reports, want the one", len(found.Reports))
	}
}

// read reads the day's report as anyone may.
func (d *day) read() filed {
	d.Helper()
	var r filed
	d.phone.Get("/v1/reports/" + d.report.Reference).Want(http.StatusOK).JSON(&r)
	return r
}

func (d *day) support() {
	d.Helper()
	for _, first := range []bool{true, false} {
		var got struct {
			Count   int `json:"support_count"`
			Counted bool
		}
		d.phone.Send(http.MethodPost, "/v1/reports/"+d.report.Reference+"/support", map[string]string{"voice": "the-neighbour-s-own-phone"}).
			Want(http.StatusOK).JSON(&got)
		if got.Count != 1 || got.Counted != first {
			d.Errorf("support: %+v, want 1, counted %v", got, first)
		}
	}
	if n := d.read().SupportCount; n != 1 {
		d.Errorf("the report has %d supporters, want the neighbour", n)
	}
}

// follow subscribes a browser to the report.
func (d *day) follow() (*pushtest.Service, pushtest.Subscription) {
	d.Helper()
	var key struct {
		PublicKey string `json:"public_key"`
	}
	d.phone.Get("/v1/push-key").Want(http.StatusOK).JSON(&key)
	service := pushtest.Start(d)
	sub := service.Subscribe(d, key.PublicKey)
	var got struct{ Status string }
	d.phone.Send(http.MethodPost, "/v1/subscriptions", map[string]any{
		"report": d.report.Reference, "language": "sv",
		"push": map[string]any{"endpoint": sub.Endpoint, "keys": map[string]string{"p256dh": sub.P256dh, "auth": sub.Auth}},
	}).Want(http.StatusCreated).JSON(&got)
	if got.Status != "active" {
		d.Errorf("the subscription is %q", got.Status)
	}
	return service, sub
}

func (d *day) otherCrewIsRefused() {
	d.Helper()
	before := d.read()
	stockholm := d.staff("crew", "0180").With("If-Match", version(before))
	stockholm.Send(http.MethodPut, d.status(), map[string]string{"status": "fixed"}).
		Want(http.StatusForbidden).WantProblem(problem.Forbidden)
	if after := d.read(); after.Status != before.Status || after.Version != before.Version {
		d.Errorf("the crew of another municipality moved the report to %s, version %d", after.Status, after.Version)
	}
}

func (d *day) status() string { return "/v1/reports/" + d.report.Reference + "/status" }

func version(r filed) string {
	b, _ := json.Marshal(r.Version) // an int can be written
	return `"` + string(b) + `"`
}

// crewBegins moves the report and waits until the follower's browser has heard.
func (d *day) crewBegins(service *pushtest.Service, sub pushtest.Subscription) {
	d.Helper()
	crew := d.staff("crew", "2281")
	change := map[string]string{"status": "in-progress", "text": crewText}
	crew.Send(http.MethodPut, d.status(), change).Want(http.StatusPreconditionRequired).WantProblem(problem.VersionRequired)
	start := time.Now()
	crew.With("If-Match", version(d.report)).Send(http.MethodPut, d.status(), change).Want(http.StatusOK)
	answered := time.Now()
	select {
	case m := <-service.Messages():
		d.Logf("the push message came %v after the request and %v after its answer", m.At.Sub(start), m.At.Sub(answered))
		if m.Endpoint != sub.Endpoint {
			d.Errorf("the message went to %s", m.Endpoint)
		}
		d.saysWhatChanged(m.Payload)
	case <-time.After(patience):
		d.Fatalf("no push message came; refusals: %q", service.Refusals())
	}
}

// saysWhatChanged looks at a decrypted push message.
func (d *day) saysWhatChanged(payload []byte) {
	d.Helper()
	var got struct{ Title, Body, URL, Report, Status string }
	if err := json.Unmarshal(payload, &got); err != nil {
		d.Fatalf("the push message is no JSON: %v\n%s", err, payload)
	}
	if got.Report != d.report.ID || got.Status != "in-progress" || !strings.Contains(got.URL, d.report.Reference) ||
		!strings.Contains(got.Title, "Sundsvall") || !strings.Contains(got.Body, "pågår") {
		d.Errorf("the push message does not say what changed: %s", payload)
	}
	for _, secret := range personal() {
		if strings.Contains(string(payload), secret) {
			d.Errorf("the push message says %q: %s", secret, payload)
		}
	}
}

// staleChangeIsRefused changes by the version of before; d.report still has it.
func (d *day) staleChangeIsRefused() {
	d.Helper()
	p := d.staff("handler", "2281").With("If-Match", version(d.report)).
		Send(http.MethodPut, d.status(), map[string]string{"status": "fixed"}).
		Want(http.StatusPreconditionFailed).WantProblem(problem.Stale)
	var current filed
	if err := json.Unmarshal(p.Current, &current); err != nil {
		d.Fatalf("412 without the current report: %v\n%s", err, p.Current)
	}
	now := d.read()
	if now.Status != "in-progress" || current.Status != now.Status || current.Version != now.Version || now.Version == d.report.Version {
		d.Errorf("412 shows %s, version %d; it is %s, version %d", current.Status, current.Version, now.Status, now.Version)
	}
}

// photoIsOnlyPixels walks every rendition that is served, marker by marker.
func (d *day) photoIsOnlyPixels() {
	d.Helper()
	photos := d.read().Photos
	if len(photos) != 1 || len(photos[0].Renditions) == 0 {
		d.Fatalf("photos %+v, want one with renditions", photos)
	}
	for size, url := range photos[0].Renditions {
		status, body, header := d.server.fetch(url)
		if status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			d.Errorf("%s: %d %s, %s", size, status, header.Get("Content-Type"), header.Get("Cache-Control"))
			continue
		}
		if others, err := walkJPEG([]byte(body)); err != nil || len(others) > 0 {
			d.Errorf("%s: has the markers %v that are not about pixels; %v", size, others, err)
		}
		if strings.Contains(body, photoMaker) {
			d.Errorf("%s: names the phone's maker", size)
		}
		if _, err := jpeg.Decode(strings.NewReader(body)); err != nil {
			d.Errorf("%s: %v", size, err)
		}
	}
	inPlace(d.T, d.place, photoMaker)
}

// open311 reads the same report by the older interface.
func (d *day) open311(t *testing.T, s *server) {
	type request struct {
		ID          string  `xml:"service_request_id" json:"service_request_id"`
		Status      string  `xml:"status" json:"status"`
		Service     string  `xml:"service_code" json:"service_code"`
		Description string  `xml:"description" json:"description"`
		Lat         float64 `xml:"lat" json:"lat"`
		Long        float64 `xml:"long" json:"long"`
	}
	want := request{d.report.Reference, "open", "pothole", description, 62.3908, 17.3069}
	for _, path := range []string{"/open311/v2/requests/" + d.report.Reference, "/open311/v2/requests"} {
		query := "?service_request_id=" + d.report.Reference
		var asXML struct {
			XMLName  xml.Name  `xml:"service_requests"`
			Requests []request `xml:"request"`
		}
		status, body := s.get(path + ".xml" + query)
		if err := xml.Unmarshal([]byte(body), &asXML); status != http.StatusOK || err != nil || len(asXML.Requests) != 1 || asXML.Requests[0] != want {
			t.Errorf("%s.xml: %d, %v: %+v\n%.500s", path, status, err, asXML.Requests, body)
		}
		var asJSON []request
		status, body = s.get(path + ".json" + query)
		if err := json.Unmarshal([]byte(body), &asJSON); status != http.StatusOK || err != nil || len(asJSON) != 1 || asJSON[0] != want {
			t.Errorf("%s.json: %d, %v: %+v\n%.500s", path, status, err, asJSON, body)
		}
	}
}
