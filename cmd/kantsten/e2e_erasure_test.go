package main_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
)

// Who is erased. The name stands in all that the reporter writes and sends.
const (
	erasedName  = "Personlina Spårlös-Testsson"
	erasedEmail = "personlina@testsson.example"
	erasedPhone = "+46701740699"
)

// erasedWords are what is looked for: parts of the above, in lower case.
func erasedWords() []string {
	return []string{"personlina", "spårlös", "testsson", erasedEmail, "701740699"}
}

// erasure is a municipality that gets its reports by e-mail, and one of them.
type erasure struct {
	*testing.T
	place       *place
	databaseURL string // "" for SQLite
	server      *server
	reporter    *apitest.Client // with the follow token
	report      filed
}

// TestErasureLeavesNoTrace: once a report was delivered, answered and followed,
// its reporter ends all that is known of them.
func TestErasureLeavesNoTrace(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		p.do("boundaries", "import", square(t, "2281", "Sundsvall"))
		e := &erasure{T: t, place: p, databaseURL: databaseURL, server: p.serve()}
		e.file()
		e.deliver()
		e.comment()
		e.follow()
		e.answer()
		e.noJobs()
		e.isFindable()
		e.reporter.Send(http.MethodDelete, e.path("/personal-data"), nil).Want(http.StatusNoContent)
		e.noJobs()
		e.isGone("while the program runs")
		e.stays()
		e.server.terminate()
		if code := e.server.exitCode(); code != 0 {
			t.Errorf("the program ended with %d", code)
		}
		e.isGone("after its end")
	})
}

func (e *erasure) path(below string) string { return "/v1/reports/" + e.report.Reference + below }

// file files a report that nobody takes yet.
func (e *erasure) file() {
	e.Helper()
	body, err := json.Marshal(map[string]any{
		"service": "sign", "lat": 62.3908, "lon": 17.3069, "language": "en",
		"address": "Outside " + erasedName, "description": "It fell down, says " + erasedName,
		"attributes": map[string]string{"text": "Here lives " + erasedName},
		"contact":    map[string]string{"name": erasedName, "email": erasedEmail, "phone": erasedPhone},
	})
	if err != nil {
		e.Fatal(err)
	}
	e.server.api().With("Idempotency-Key", "a-report-to-be-erased").Form("/v1/reports",
		apitest.Part{Name: "report", ContentType: "application/json", Data: body},
		apitest.Part{Name: "photo", FileName: erasedName + ".jpg", ContentType: "image/jpeg", Data: photoBy(e, erasedName)},
	).Want(http.StatusCreated).JSON(&e.report)
	if e.report.Delivery != "held" || len(e.report.Photos) != 1 {
		e.Fatalf("the report is %q with %d photos, want held with one", e.report.Delivery, len(e.report.Photos))
	}
	e.reporter = e.server.api().With("Follow-Token", e.report.FollowToken)
}

// deliver gives the municipality its channel, which lets the report go.
func (e *erasure) deliver() {
	e.Helper()
	e.place.do("jurisdiction", "add", "2281", "Sundsvall", "--channel", "email", "--email", "gata@sundsvall.example")
	eventually(e, "the report is with the municipality", func() bool {
		to := e.mailsTo("gata@sundsvall.example")
		return len(to) == 1 && strings.Contains(to[0], erasedName) && strings.Contains(to[0], erasedPhone)
	})
}

func (e *erasure) comment() {
	e.Helper()
	e.reporter.Send(http.MethodPost, e.path("/updates"), map[string]string{"text": "Still there. Yours, " + erasedName}).
		Want(http.StatusCreated)
}

// follow follows by e-mail, with the code that was sent.
func (e *erasure) follow() {
	e.Helper()
	var asked struct{ ID, Status string }
	e.reporter.Send(http.MethodPost, "/v1/subscriptions", map[string]string{"report": e.report.ID, "email": erasedEmail, "language": "en"}).
		Want(http.StatusCreated).JSON(&asked)
	var code []string
	eventually(e, "the code to follow has come", func() bool {
		for _, mail := range e.mailsTo(erasedEmail) {
			if found := regexp.MustCompile(`address is (\d{6})`).FindStringSubmatch(mail); found != nil {
				code = found
			}
		}
		return code != nil
	})
	e.server.api().Send(http.MethodPost, "/v1/subscriptions/confirm", map[string]string{"id": asked.ID, "code": code[1]}).
		Want(http.StatusOK)
}

// answer has the municipality begin, of which the follower hears.
func (e *erasure) answer() {
	e.Helper()
	handler := accept(e.T, e.server, e.place.invite(e.T, "--role", "handler", "--jurisdiction", "2281", "handler@sundsvall.example"))
	tag := handler.Get(e.path("")).Want(http.StatusOK).Header.Get("ETag")
	handler.With("If-Match", tag).Send(http.MethodPut, e.path("/status"), map[string]string{"status": "in-progress", "text": "On our way"}).
		Want(http.StatusOK)
	eventually(e, "the follower has heard of it", func() bool { return len(e.mailsTo(erasedEmail)) == 2 })
}

// isFindable shows that the search sees what it is for.
func (e *erasure) isFindable() {
	e.Helper()
	found := e.traces()
	for _, column := range []string{
		"contacts.name", "contacts.email", "contacts.phone", "reports.description", "reports.search",
		"reports.address", "reports.attributes", "updates.text", "subscriptions.email",
	} {
		if !slices.Contains(found, column) {
			e.Errorf("the reporter is not found in %s", column)
		}
	}
	kinds := []string{"mail/"}
	if e.databaseURL == "" {
		kinds = append(kinds, "kantsten.db")
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(found, func(where string) bool { return strings.HasPrefix(where, kind) }) {
			e.Errorf("the reporter is not found in %s…", kind)
		}
	}
	for _, where := range found {
		if strings.HasPrefix(where, "blobs/") || strings.HasPrefix(where, "uploads/") || strings.HasPrefix(where, "jobs.") || where == "the log" {
			e.Errorf("the reporter is found in %s, which should never have held them", where)
		}
	}
	if e.Failed() {
		e.Fatalf("they are found in %q only", found)
	}
}

func (e *erasure) isGone(when string) {
	e.Helper()
	if found := e.traces(); len(found) > 0 {
		e.Errorf("%s the reporter is still found in %q", when, found)
	}
}

// stays checks that the fact of the report and of the work outlive the reporter.
func (e *erasure) stays() {
	e.Helper()
	var now filed
	e.server.api().Get(e.path("")).Want(http.StatusOK).JSON(&now)
	if now.Status != "in-progress" || now.Description != "" || len(now.Photos) != 0 || now.Jurisdiction.Code != "2281" {
		e.Errorf("what stays is %+v", now)
	}
	for size, url := range e.report.Photos[0].Renditions {
		if status, _, _ := e.server.fetch(url); status == http.StatusOK {
			e.Errorf("the photo of %s pixels is still served", size)
		}
	}
	e.reporter.Send(http.MethodPost, e.path("/updates"), map[string]string{"text": "again"}).Want(http.StatusUnauthorized)
	if left := e.place.files(e.T, "blobs/photos"); len(left) > 0 {
		e.Errorf("files of the photo are left: %q", left)
	}
}
