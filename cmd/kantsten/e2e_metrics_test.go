package main_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
)

// TestWhatToWatchIsCounted reads the numbers of a running program after one of
// each has happened: a request, a job, a push message and a photo.
func TestWhatToWatchIsCounted(t *testing.T) {
	t.Parallel()
	watch := freeAddr(t)
	p := newPlace(t, "", "KANTSTEN_METRICS_ADDR="+watch, "KANTSTEN_EGRESS_ALLOW=127.0.0.0/8")
	s := p.serve("--demo")
	d := &day{T: t, place: p, server: s, access: p.access(), phone: s.api().With("X-Forwarded-For", phoneAddress)}
	d.phone.Form("/v1/reports",
		apitest.Part{Name: "report", ContentType: "application/json", Data: newReport(t)},
		apitest.Part{Name: "photo", FileName: "hål.jpg", ContentType: "image/jpeg", Data: phonePhoto(t)},
	).Want(http.StatusCreated).JSON(&d.report)
	service, sub := d.follow()
	d.staff("crew", "2281").With("If-Match", version(d.report)).
		Send(http.MethodPut, d.status(), map[string]string{"status": "in-progress", "text": crewText}).Want(http.StatusOK)
	select {
	case <-service.Messages():
	case <-time.After(patience):
		t.Fatalf("no push message came; refusals: %q", service.Refusals())
	}
	d.phone.Get("/v1/reports?q=Cykeln&near=62.3908,17.3069&radius=500").Want(http.StatusOK)
	s.get("/nowhere/" + reporterEmail)

	var text string
	eventually(t, "the push message is counted", func() bool { // which is done a moment after it came
		_, text, _ = s.fetch("http://" + watch + "/metrics")
		return counted(t, text, "kantsten_job_seconds", `kind="push"`, `outcome="done"`) > 0
	})
	for _, want := range [][]string{
		{"kantsten_request_seconds", `method="POST"`, `route="/v1/reports"`, `status="201"`},
		{"kantsten_request_seconds", `method="PUT"`, `route="/v1/reports/:id/status"`, `status="200"`},
		{"kantsten_photo_seconds", `format="jpeg"`, `result="ok"`},
		{"kantsten_photo_wait_seconds"},
	} {
		if counted(t, text, want[0], want[1:]...) == 0 {
			t.Errorf("%v is not counted:\n%s", want, ours(text))
		}
	}
	for _, secret := range append(personal(), d.report.ID, d.report.Reference, d.report.FollowToken, sub.Endpoint, "nowhere") {
		if strings.Contains(text, secret) {
			t.Errorf("the numbers say %q:\n%s", secret, ours(text))
		}
	}
	if status, body := s.get("/metrics"); status != http.StatusNotFound || strings.Contains(body, "kantsten_") {
		t.Errorf("the main address answers /metrics: %d %.200s", status, body)
	}
}

// counted adds up a histogram's counts over all series with the labels.
func counted(t *testing.T, text, name string, labels ...string) (sum int) {
	t.Helper()
	series := regexp.MustCompile(`(?m)^` + name + `_count(?:\{(.*)\})? (\d+)$`)
lines:
	for _, found := range series.FindAllStringSubmatch(text, -1) {
		for _, label := range labels {
			if !strings.Contains(","+found[1]+",", ","+label+",") {
				continue lines
			}
		}
		n, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// ours leaves out the numbers of Go and of the process.
func ours(text string) string {
	return strings.Join(regexp.MustCompile(`(?m)^kantsten_.*_count.*$`).FindAllString(text, -1), "\n")
}
