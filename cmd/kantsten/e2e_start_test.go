package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/problem"
)

// square is a GeoJSON file of one municipality around Sundsvall's centre and of
// Stockholm, for tests that are not about borders.
func square(t *testing.T, code, name string) string {
	t.Helper()
	const areas = `{"type":"FeatureCollection","features":[` +
		`{"type":"Feature","properties":{"code":%q,"name":%q},` +
		`"geometry":{"type":"Polygon","coordinates":[[[17,62],[18,62],[18,63],[17,63],[17,62]]]}},` +
		`{"type":"Feature","properties":{"code":"0180","name":"Stockholm"},` +
		`"geometry":{"type":"Polygon","coordinates":[[[17.8,59.2],[18.2,59.2],[18.2,59.4],[17.8,59.4],[17.8,59.2]]]}}]}`
	path := filepath.Join(t.TempDir(), "areas-"+code+".geojson")
	if err := os.WriteFile(path, fmt.Appendf(nil, areas, code, name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// borders is the file of the real borders, or of two squares where they are absent.
func borders(t *testing.T) string {
	t.Helper()
	for _, setting := range realBorders(t) {
		return strings.TrimPrefix(setting, "KANTSTEN_BOUNDARIES=")
	}
	return square(t, "2281", "Sundsvall")
}

// invite calls the command and returns the secret of the link that it prints.
func (p *place) invite(t *testing.T, args ...string) string {
	t.Helper()
	said := p.do(append([]string{"staff", "invite"}, args...)...)
	link := regexp.MustCompile(`(?m)^https?://\S+/invitation#(\S+)$`).FindStringSubmatch(said)
	if link == nil || !strings.Contains(said, "One-time link, until ") {
		t.Fatalf("no one-time link in:\n%s", said)
	}
	return link[1]
}

// accept uses an invitation, once, and returns a client of who was invited.
func accept(t *testing.T, s *server, secret string) *apitest.Client {
	t.Helper()
	var got struct{ Token string }
	if status, _ := s.get(api.InvitationPath); status != http.StatusOK { // where the link leads
		t.Errorf("the page behind the one-time link: %d", status)
	}
	body := map[string]string{"secret": secret}
	s.api().Send(http.MethodPost, "/v1/invitations/accept", body).Want(http.StatusOK).JSON(&got)
	if again := s.api().Send(http.MethodPost, "/v1/invitations/accept", body); again.Status < http.StatusBadRequest {
		t.Errorf("the one-time link works twice: %s", again)
	}
	return s.api().With("Authorization", "Bearer "+got.Token)
}

// jurisdiction is how a municipality is set up.
type jurisdiction struct {
	Name, Channel string
	Version       int
}

// TestARealStart goes from an empty database to a municipality that works.
func TestARealStart(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		if said := p.do("migrate"); !strings.Contains(said, "current") {
			t.Errorf("migrate says %q", said)
		}
		p.do("migrate") // again changes nothing
		operatorLink := p.invite(t, "--role", "operator", "drift@kantsten.example")
		if said := p.do("boundaries", "import", borders(t), "--source", "the land survey"); !strings.Contains(said, "is active") {
			t.Errorf("boundaries import says %q", said)
		}
		s := p.serve()
		operator := accept(t, s, operatorLink)
		var report filed
		s.api().Send(http.MethodPost, "/v1/reports", newReport(t)).Want(http.StatusCreated).JSON(&report)
		if report.Jurisdiction.Code != "2281" || report.Delivery != "held" {
			t.Fatalf("a report to a municipality without a channel is %q for %q, want held for 2281", report.Delivery, report.Jurisdiction.Code)
		}
		if triage := queue(operator, ""); len(triage) != 1 || triage[0].ID != report.ID {
			t.Errorf("the operator's triage holds %+v, want the report", triage)
		}
		administrator := accept(t, s, p.invite(t, "--role", "administrator", "--jurisdiction", "2281", "chef@sundsvall.example"))
		p.do("jurisdiction", "add", "9999", "Atlantis") // which no file of borders has
		administrator.Get("/v1/queue?jurisdiction=9999").WantProblem(problem.Forbidden)
		openQueue(administrator)
		eventually(t, "the held report is in the municipality's queue", func() bool {
			own := queue(administrator, "")
			return len(own) == 1 && own[0].ID == report.ID && own[0].Delivery == "delivered"
		})
		if triage := queue(operator, ""); len(triage) != 0 {
			t.Errorf("the operator's triage still holds %+v", triage)
		}
	})
}

func queue(c *apitest.Client, query string) []filed {
	var page listed
	c.Get("/v1/queue" + query).Want(http.StatusOK).JSON(&page)
	return page.Reports
}

// openQueue gives Sundsvall the queue in the program itself.
func openQueue(administrator *apitest.Client) {
	var now jurisdiction
	res := administrator.Get("/v1/jurisdictions/2281").Want(http.StatusOK)
	res.JSON(&now)
	settings := map[string]string{"name": now.Name, "channel": "web"}
	administrator.Send(http.MethodPut, "/v1/jurisdictions/2281", settings).Want(http.StatusPreconditionRequired)
	administrator.With("If-Match", res.Header.Get("ETag")).Send(http.MethodPut, "/v1/jurisdictions/2281", settings).
		Want(http.StatusOK).JSON(&now)
}

// TestWithoutBoundariesNothingIsReady: a program that can take no report yet says so, and does
// not stop for it.
func TestWithoutBoundariesNothingIsReady(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	s := p.start(freeAddr(t))
	eventually(t, "the program lives", func() bool {
		status, _ := s.get("/healthz")
		return status == http.StatusOK
	})
	if status, body := s.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "boundaries import") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if res := s.api().Send(http.MethodPost, "/v1/reports", newReport(t)); res.Status < http.StatusBadRequest {
		t.Errorf("a report was taken without boundaries: %s", res)
	}
	p.do("boundaries", "import", square(t, "2281", "Sundsvall"))
	eventually(t, "the program has taken the boundaries over", func() bool {
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	})
	s.api().Send(http.MethodPost, "/v1/reports", newReport(t)).Want(http.StatusCreated)
}
