package suite

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/notify/pushtest"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestSubscriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("by push", func(t *testing.T) { byPush(t, s) })
		t.Run("an area by push", func(t *testing.T) { areaByPush(t, s) })
		t.Run("by e-mail", func(t *testing.T) { byMail(t, s) })
		t.Run("a private report", func(t *testing.T) { followPrivate(t, s) })
		t.Run("a message that was given up", func(t *testing.T) { givenUp(t, s) })
		t.Run("what cannot be followed", func(t *testing.T) { cannotBeFollowed(t, s) })
	})
}

// browser subscribes a new browser at the push service.
func (s *system) browser(t *testing.T) (pushtest.Subscription, fields) {
	var key api.PushKey
	s.in(t).Get("/v1/push-key").Want(http.StatusOK).JSON(&key)
	sub := s.pushes.Subscribe(t, key.PublicKey)
	return sub, fields{"endpoint": sub.Endpoint, "expirationTime": nil, "keys": fields{"p256dh": sub.P256dh, "auth": sub.Auth}}
}

// follow follows something and wants to be told which subscription that is.
func (s *system) follow(t *testing.T, what fields) (sub api.Subscription) {
	t.Helper()
	s.in(t).Send(http.MethodPost, "/v1/subscriptions", what).Want(http.StatusCreated).JSON(&sub)
	return sub
}

// pushed waits for the next message that the push service takes.
func (s *system) pushed(t *testing.T, to pushtest.Subscription) map[string]string {
	t.Helper()
	select {
	case m := <-s.pushes.Messages():
		if m.Endpoint != to.Endpoint {
			t.Fatalf("a message went to %s, want %s", m.Endpoint, to.Endpoint)
		}
		var message map[string]string
		if err := json.Unmarshal(m.Payload, &message); err != nil {
			t.Fatalf("the message is %q: %v", m.Payload, err)
		}
		return message
	case <-time.After(time.Minute):
		t.Fatalf("no message has come in a minute; refusals %q", s.pushes.Refusals())
		return nil
	}
}

func byPush(t *testing.T, s *system) {
	crew := s.staff(t, auth.Crew, sundsvall)
	r := s.filed(t, inSundsvall, fields{"description": "By Kim's door", "address": "Storgatan 1", "contact": fields{"name": "Kim Karlsson"}})
	browser, push := s.browser(t)
	sub := s.follow(t, fields{"report": r.Reference, "push": push, "language": "en"})
	if sub.Status != "active" || sub.Secret == "" || !sub.ExpiresAt.IsZero() {
		t.Errorf("followed: %+v", sub)
	}
	setStatus(t, crew, r.Id, fields{"status": "in-progress", "text": "We called Kim."}).Want(http.StatusOK)
	message := s.pushed(t, browser)
	all, err := json.Marshal(message)
	must(t, err)
	if !strings.Contains(message["body"], r.Reference) || !strings.Contains(string(all), "in progress") {
		t.Errorf("the message is %s", all)
	}
	for _, personal := range []string{"Kim", "Storgatan", "62.39", r.FollowToken, sub.Secret} {
		if strings.Contains(string(all), personal) {
			t.Errorf("%q stands in %s", personal, all)
		}
	}
	// A note for staff and the end of the subscription: nothing more comes.
	note := fields{"text": "Mind the dog.", "internal": true}
	crew.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", note).Want(http.StatusCreated)
	for range 2 {
		s.in(t).Send(http.MethodDelete, "/v1/subscriptions/"+sub.Secret, nil).Want(http.StatusNoContent)
	}
	other, otherPush := s.browser(t)
	s.follow(t, fields{"report": r.Id, "push": otherPush})
	setStatus(t, crew, r.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	if got := s.pushed(t, other); !strings.Contains(got["body"], r.Reference) { // the first to come is already the other's
		t.Errorf("the other browser got %v", got)
	}
	if n := s.count(t, "SELECT count(*) FROM subscriptions WHERE endpoint = '"+browser.Endpoint+"'"); n != 0 {
		t.Error("the address of an ended subscription is still there")
	}
}

func areaByPush(t *testing.T, s *system) {
	browser, push := s.browser(t)
	s.follow(t, fields{"area": fields{"lat": 61.9, "lon": 17.2, "radius_m": 500}, "services": []string{"litter"}, "push": push})
	s.filed(t, place{61.9, 17.2}, nil)                                    // another service
	s.filed(t, place{61.91, 17.2}, fields{"service": "litter"})           // 1.1 km away
	near := s.filed(t, place{61.9018, 17.2}, fields{"service": "litter"}) // 200 m away
	if got := s.pushed(t, browser); !strings.Contains(got["body"], near.Reference) {
		t.Errorf("the message is %v, want one about %s", got, near.Reference)
	}
}

func byMail(t *testing.T, s *system) {
	crew := s.staff(t, auth.Crew, sundsvall)
	r, email := s.filed(t, inSundsvall, nil), s.address("follower")
	sub := s.follow(t, fields{"report": r.Id, "email": strings.ToUpper(email)})
	if sub.Status != "pending" || sub.ExpiresAt.Before(s.now()) {
		t.Errorf("followed: %+v", sub)
	}
	code := s.codes.take(t, notify.JobFollowMail, email)
	confirm := func(id, code string) int {
		return s.in(t).Send(http.MethodPost, "/v1/subscriptions/confirm", fields{"id": id, "code": code}).Status
	}
	setStatus(t, crew, r.Id, fields{"status": "acknowledged"}).Want(http.StatusOK) // nobody hears of that yet
	if confirm(sub.Id, wrong(code)) != http.StatusUnprocessableEntity || confirm(r.Id, code) != http.StatusUnprocessableEntity {
		t.Error("a wrong code is taken")
	}
	if confirm(sub.Id, code) != http.StatusOK || confirm(sub.Id, code) != http.StatusUnprocessableEntity {
		t.Error("the code does not work, or works twice")
	}
	setStatus(t, crew, r.Id, fields{"status": "fixed"}).Want(http.StatusOK)
	var mails []string
	eventually(t, "the mail", func() bool {
		mails, _ = filepath.Glob(filepath.Join(s.dir, "mail", "*.eml"))
		return len(mails) > 0
	})
	mail, err := os.ReadFile(mails[0])
	must(t, err)
	if len(mails) != 1 || !strings.Contains(string(mail), "To: <"+email+">") || !strings.Contains(string(mail), r.Reference) {
		t.Errorf("%d mails, the first is\n%s", len(mails), mail)
	}
	// Too many unconfirmed ones of one address are refused, until later.
	res := s.in(t)
	for range 10 {
		if got := res.Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "email": "victim@example.org"}); got.Status == http.StatusTooManyRequests {
			if got.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			return
		}
	}
	t.Error("an address can be asked for ever")
}

func followPrivate(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, fields{"private": true})
	_, push := s.browser(t)
	what := fields{"report": r.Reference, "push": push}
	s.in(t).Send(http.MethodPost, "/v1/subscriptions", what).WantProblem(problem.NotFound)
	s.reporter(t, r).Send(http.MethodPost, "/v1/subscriptions", what).Want(http.StatusCreated)
}

// What a push service refuses for good is parked for the operator, who may have
// it tried again.
func givenUp(t *testing.T, s *system) {
	operator, crew := s.staff(t, auth.Operator, ""), s.staff(t, auth.Crew, sundsvall)
	r := s.filed(t, inSundsvall, fields{"contact": fields{"email": "kim@example.org"}})
	browser, push := s.browser(t)
	s.follow(t, fields{"report": r.Id, "push": push})
	s.pushes.Answer(http.StatusBadRequest, "")
	setStatus(t, crew, r.Id, fields{"status": "in-progress"}).Want(http.StatusOK)
	var list api.JobList
	eventually(t, "the parked job", func() bool {
		res := operator.WithTest(t).Get("/v1/jobs/parked").Want(http.StatusOK)
		if res.JSON(&list); strings.Contains(string(res.Body), "kim@") || strings.Contains(string(res.Body), browser.Endpoint) {
			t.Errorf("personal data in %s", res)
		}
		return len(list.Jobs) > 0
	})
	job := list.Jobs[0]
	if len(list.Jobs) != 1 || job.Kind != "push" || job.Attempts < 1 || job.Error == "" {
		t.Errorf("parked are %+v", list.Jobs)
	}
	s.pushes.Answer(0, "")
	operator.Send(http.MethodPost, "/v1/jobs/"+job.Id+"/retry", nil).Want(http.StatusAccepted)
	if got := s.pushed(t, browser); !strings.Contains(got["body"], r.Reference) {
		t.Errorf("the message is %v", got)
	}
	operator.Send(http.MethodPost, "/v1/jobs/"+job.Id+"/retry", nil).WantProblem(problem.NotFound)
}

func cannotBeFollowed(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	_, push := s.browser(t)
	area := fields{"lat": 62.1, "lon": 17, "radius_m": 100}
	endpoint := func(url string) fields { return fields{"endpoint": url, "keys": push["keys"]} }
	before := s.count(t, "SELECT count(*) FROM subscriptions")
	tests := []struct {
		name, field string
		what        fields
	}{
		{"nothing", "/report", fields{"push": push}},
		{"both", "/area", fields{"report": r.Id, "area": area, "push": push}},
		{"by nothing", "/push", fields{"report": r.Id}},
		{"by both", "/email", fields{"report": r.Id, "push": push, "email": "kim@example.org"}},
		{"a report by services", "/services", fields{"report": r.Id, "services": []string{"pothole"}, "push": push}},
		{"too wide an area", "/area/radius_m", fields{"area": fields{"lat": 62, "lon": 17, "radius_m": 20_001}, "push": push}},
		{"an area at a pole", "/area/lat", fields{"area": fields{"lat": 89, "lon": 17, "radius_m": 100}, "push": push}},
		{"an area at sea", "/area/lat", fields{"area": fields{"lat": 0, "lon": 0, "radius_m": 100}, "push": push}},
		{"a service that nobody has", "/services/0", fields{"area": area, "services": []string{"unicorn"}, "push": push}},
		{"a push service inside", "/push/endpoint", fields{"report": r.Id, "push": endpoint("https://10.0.0.1/push")}},
		{"a push service in the cloud's cellar", "/push/endpoint", fields{"report": r.Id, "push": endpoint("https://169.254.169.254/latest")}},
		{"a push service by another protocol", "/push/endpoint", fields{"report": r.Id, "push": endpoint("ftp://push.example.net/x")}},
		{"a key that is no point", "/push/keys/p256dh", fields{"report": r.Id, "push": fields{"endpoint": push["endpoint"], "keys": fields{"p256dh": strings.Repeat("A", 87), "auth": strings.Repeat("A", 22)}}}},
		{"an address that is none", "/email", fields{"report": r.Id, "email": "kim"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problemAt(t, s.in(t).Send(http.MethodPost, "/v1/subscriptions", tt.what), http.StatusUnprocessableEntity, tt.field)
		})
	}
	s.in(t).Send(http.MethodPost, "/v1/subscriptions", fields{"report": "2281-1999-000001", "push": push}).WantProblem(problem.NotFound)
	if n := s.count(t, "SELECT count(*) FROM subscriptions"); n != before {
		t.Errorf("%d subscriptions were stored", n-before)
	}
}
