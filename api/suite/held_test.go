package suite

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestHeldReports(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		operator := s.staff(t, auth.Operator, "")
		t.Run("what nobody receives is the operator's triage", func(t *testing.T) {
			r := s.filed(t, inGoteborg, fields{"contact": fields{"name": "Kim"}, "private": true})
			if r.Delivery != "held" || r.Jurisdiction.Code != goteborg || r.Jurisdiction.Channel != "none" {
				t.Errorf("filed: %s, %+v", r.Delivery, r.Jurisdiction)
			}
			if q, ok := queue(t, operator, "")[r.Id]; !ok || q.Contact != nil {
				t.Errorf("triage has it %v, with contact %+v", ok, q.Contact)
			}
			if read(t, operator, r.Id).Contact != nil {
				t.Error("the operator reads a contact")
			}
			operator.WithTest(t).Get("/v1/queue?jurisdiction=1480").WantProblem(problem.Forbidden)
		})
		t.Run("the operator acts in triage", func(t *testing.T) {
			r := s.filed(t, inGoteborg, nil)
			setStatus(t, operator, r.Id, fields{"status": "acknowledged"}).Want(http.StatusOK)
			var got api.Report
			atVersion(operator.WithTest(t), 2).Send(http.MethodPost, "/v1/reports/"+r.Id+"/hand-over", fields{"to": sundsvall}).Want(http.StatusOK).JSON(&got)
			if got.Delivery != "delivered" || got.Reference != r.Reference {
				t.Errorf("handed over: %+v", got)
			}
			if queue(t, operator, "")[r.Id].Id != "" {
				t.Error("it is still in triage")
			}
		})
		t.Run("a channel releases what was held", func(t *testing.T) { channelReleases(t, s, operator) })
	})
}

func channelReleases(t *testing.T, s *system, operator *apitest.Client) {
	byMail := s.filed(t, inGoteborg, fields{"description": "By mail"})
	who := operator // sets the channel up; from then on it is the administrators'
	configure := func(settings fields) {
		t.Helper()
		settings["name"] = "Göteborg"
		c := who.WithTest(t)
		version := c.Get("/v1/jurisdictions/1480").Want(http.StatusOK).Header.Get("ETag")
		c.With("If-Match", version).Send(http.MethodPut, "/v1/jurisdictions/1480", settings).Want(http.StatusOK)
		c.With("If-Match", version).Send(http.MethodPut, "/v1/jurisdictions/1480", settings).Want(http.StatusPreconditionFailed)
		c.With("If-Match", "").Send(http.MethodPut, "/v1/jurisdictions/1480", settings).Want(http.StatusPreconditionRequired)
		s.pass(2 * time.Second)
	}
	delivery := func(id string) api.Delivery { return read(t, s.Client, id).Delivery }
	problemAt(t, operator.WithTest(t).With("If-Match", `"1"`).Send(http.MethodPut, "/v1/jurisdictions/1480", fields{"name": "Göteborg", "channel": "email"}),
		http.StatusUnprocessableEntity, "/email")

	configure(fields{"channel": "email", "email": "gatukontoret@goteborg.example"})
	eventually(t, "the delivery by mail", func() bool { return delivery(byMail.Id) == "sent" })
	mails, err := filepath.Glob(filepath.Join(s.dir, "mail", "*.eml"))
	must(t, err)
	if len(mails) == 0 || len(queue(t, operator, "")) != 0 {
		t.Errorf("%d mails, triage %v", len(mails), queue(t, operator, ""))
	}
	// The address is the administrators' and the operator's to see.
	const path = "/v1/jurisdictions/1480"
	for who, sees := range map[*apitest.Client]bool{operator: true, s.staff(t, auth.Administrator, goteborg): true, s.Client: false, s.staff(t, auth.Administrator, sundsvall): false, s.staff(t, auth.Handler, goteborg): false} {
		if got := strings.Contains(string(who.WithTest(t).Get(path).Want(http.StatusOK).Body), "gatukontoret@"); got != sees {
			t.Errorf("the address is seen: %v, want %v", got, sees)
		}
	}

	who = s.staff(t, auth.Administrator, goteborg)
	configure(fields{"channel": "none"})
	byWeb := s.filed(t, inGoteborg, nil).Id
	if got := delivery(byWeb); got != "held" || delivery(byMail.Id) != "sent" {
		t.Errorf("without a channel again: %s", got)
	}
	configure(fields{"channel": "web"})
	if got := delivery(byWeb); got != "delivered" {
		t.Errorf("released: %s", got)
	}
	if q := queue(t, s.staff(t, auth.Crew, goteborg), ""); q[byWeb].Id == "" {
		t.Error("the crew does not have what was released")
	}
}
