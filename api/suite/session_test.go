package suite

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestSignIn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("by an e-mailed code", func(t *testing.T) { byCode(t, s) })
		t.Run("five tries in all", func(t *testing.T) { fiveTries(t, s) })
		t.Run("three codes an hour", func(t *testing.T) { threeAnHour(t, s) })
		t.Run("credentials that are none", func(t *testing.T) { noCredentials(t, s) })
		t.Run("sessions end", func(t *testing.T) { sessionsEnd(t, s) })
		t.Run("invitations", func(t *testing.T) { invitations(t, s) })
		t.Run("staff comes and goes", func(t *testing.T) { staffComesAndGoes(t, s) })
		t.Run("keys are shown once and revoked", func(t *testing.T) { keysShownOnce(t, s) })
	})
}

func (s *system) ask(t *testing.T, email string) (asked api.SignIn) {
	t.Helper()
	s.in(t).Send(http.MethodPost, "/v1/sign-in", fields{"email": email}).Want(http.StatusAccepted).JSON(&asked)
	return asked
}

func (s *system) confirm(t *testing.T, id, code string) apitest.Response {
	t.Helper()
	return s.in(t).Send(http.MethodPost, "/v1/sign-in/confirm", fields{"sign_in_id": id, "code": code})
}

// wrong is a code of six digits that is not the right one.
func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func byCode(t *testing.T, s *system) {
	email := s.address("kim")
	asked := s.ask(t, strings.ToUpper(email))
	code := s.codes.take(t, auth.SignInMailJob, email)
	problemAt(t, s.confirm(t, asked.SignInId, wrong(code)), http.StatusUnprocessableEntity, "/code")
	var session api.NewSession
	s.confirm(t, asked.SignInId, code).Want(http.StatusOK).JSON(&session)
	if session.Person.Email != email || len(session.Person.Memberships) != 0 || session.ExpiresAt.Before(s.now().Add(29*24*time.Hour)) {
		t.Errorf("signed in: %+v", session)
	}
	problemAt(t, s.confirm(t, asked.SignInId, code), http.StatusUnprocessableEntity, "/code") // once
	c := s.bearing(t, session)
	var who api.Session
	c.Get("/v1/session").Want(http.StatusOK).JSON(&who)
	if who.Person.Id != session.Person.Id {
		t.Errorf("the session is %+v", who)
	}
	c.Send(http.MethodDelete, "/v1/session", nil).Want(http.StatusNoContent)
	c.Get("/v1/session").Want(http.StatusUnauthorized)
	c.Get("/v1/reports").WantProblem(problem.Unauthenticated) // a client must learn that its session has ended
	again := s.signedIn(t, email)
	if again.Person.Id != session.Person.Id || again.Token == session.Token {
		t.Errorf("the second time: %+v", again)
	}
	for _, bad := range []string{"", "kim", "kim@", "a b@example.org", strings.Repeat("k", 250) + "@example.org"} {
		problemAt(t, s.in(t).Send(http.MethodPost, "/v1/sign-in", fields{"email": bad}), http.StatusUnprocessableEntity, "/email")
	}
	late := s.ask(t, s.address("late"))
	s.pass(11 * time.Minute)
	problemAt(t, s.confirm(t, late.SignInId, "123456"), http.StatusUnprocessableEntity, "/code")
}

// Guessing from many places at once gains nothing: five tries are taken in all,
// and the right code is too late after them.
func fiveTries(t *testing.T, s *system) {
	email := s.address("guessed")
	asked := s.ask(t, email)
	code := s.codes.take(t, auth.SignInMailJob, email)
	processes := []*apitest.Client{s.in(t), s.another(t)}
	guess := fields{"sign_in_id": asked.SignInId, "code": wrong(code)}
	var wg sync.WaitGroup
	var refused atomic.Int64
	for i := range 50 {
		wg.Go(func() {
			if processes[i%2].Send(http.MethodPost, "/v1/sign-in/confirm", guess).Status == http.StatusUnprocessableEntity {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if refused.Load() != 50 {
		t.Errorf("%d of 50 wrong codes were refused", refused.Load())
	}
	problemAt(t, s.confirm(t, asked.SignInId, code), http.StatusUnprocessableEntity, "/code")
	if n := s.count(t, "SELECT max(tries) FROM sign_ins"); n != 5 {
		t.Errorf("%d tries were counted", n)
	}
}

func threeAnHour(t *testing.T, s *system) {
	email := s.address("often")
	var last api.SignIn
	for range 3 {
		last = s.ask(t, email)
	}
	res := s.in(t).Send(http.MethodPost, "/v1/sign-in", fields{"email": email}).Want(http.StatusTooManyRequests)
	if after := res.Header.Get("Retry-After"); after == "" || after == "0" {
		t.Errorf("Retry-After %q", after)
	}
	s.ask(t, s.address("another"))               // is free
	eventually(t, "the last code", func() bool { // the earlier ones are void
		code := s.codes.take(t, auth.SignInMailJob, email)
		return s.confirm(t, last.SignInId, code).Status == http.StatusOK
	})
	for hour := range 3 { // ten a day: three in the first hour, and seven more
		s.pass(61 * time.Minute)
		for range []int{3, 3, 1}[hour] {
			s.ask(t, email)
		}
	}
	s.in(t).Send(http.MethodPost, "/v1/sign-in", fields{"email": email}).Want(http.StatusTooManyRequests)
	s.pass(24 * time.Hour)
	s.ask(t, email)
}

func noCredentials(t *testing.T, s *system) {
	session := s.signedIn(t, s.address("kim"))
	c := s.in(t)
	for _, header := range []string{
		"Bearer", "Bearer ", "Basic a2ltOmtpbQ==", session.Token, "Bearer " + session.Token + "A", "Bearer " + session.Token[:46],
		"Bearer kst_" + strings.Repeat("A", 43), "Bearer " + strings.Repeat("x", 5000), "Bearer \t" + session.Token + " x",
	} {
		res := c.With("Authorization", header).Get("/v1/session").Want(http.StatusUnauthorized)
		if res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%.20q: no WWW-Authenticate", header)
		}
		c.With("Authorization", header).Get("/v1/reports").Want(http.StatusUnauthorized)
	}
	for _, key := range []string{"x", "ksk_" + strings.Repeat("A", 43), session.Token} {
		c.With("X-API-Key", key).Get("/v1/reports").Want(http.StatusUnauthorized)
		c.With("X-API-Key", key).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil)).Want(http.StatusUnauthorized)
	}
	c.With("Authorization", "bearer "+session.Token).Get("/v1/session").Want(http.StatusOK) // RFC 9110: the scheme's case does not matter
}

func sessionsEnd(t *testing.T, s *system) {
	resident, crew := s.resident(t), s.staff(t, auth.Crew, sundsvall)
	s.pass(12*time.Hour + time.Minute)
	crew.Get("/v1/session").Want(http.StatusUnauthorized)
	resident.Get("/v1/session").Want(http.StatusOK)
	s.pass(30 * 24 * time.Hour)
	resident.Get("/v1/session").Want(http.StatusUnauthorized)
}

func invitations(t *testing.T, s *system) {
	admin := s.staff(t, auth.Administrator, sundsvall)
	email := s.address("colleague")
	var invited api.Staff
	res := admin.Send(http.MethodPost, "/v1/jurisdictions/sundsvall.se/staff", fields{"email": email, "role": "handler"}).Want(http.StatusCreated)
	res.JSON(&invited)
	link := s.codes.take(t, auth.InviteMailJob, email)
	_, secret, _ := strings.Cut(link, "#")
	if invited.State != "invited" || invited.Email != email || invited.Role != "handler" || secret == "" || strings.Contains(res.String(), secret) {
		t.Errorf("invited %+v by %s", invited, link)
	}
	accept := func(secret string) apitest.Response {
		return s.in(t).Send(http.MethodPost, "/v1/invitations/accept", fields{"secret": secret})
	}
	var session api.NewSession
	accept(secret).Want(http.StatusOK).JSON(&session)
	if ms := session.Person.Memberships; len(ms) != 1 || ms[0].Jurisdiction != sundsvall || ms[0].Name != "Sundsvall" || ms[0].Role != "handler" ||
		session.ExpiresAt.After(s.now().Add(12*time.Hour)) {
		t.Errorf("accepted: %+v", session)
	}
	for _, bad := range []string{secret, "ksi_" + strings.Repeat("A", 43), strings.Repeat("A", 43)} {
		problemAt(t, accept(bad), http.StatusUnprocessableEntity, "/secret")
	}
	for _, role := range []string{"operator", "king", ""} {
		problemAt(t, admin.Send(http.MethodPost, "/v1/jurisdictions/2281/staff", fields{"email": email, "role": role}), http.StatusUnprocessableEntity, "/role")
	}
	admin.Send(http.MethodPost, "/v1/jurisdictions/9999/staff", fields{"email": email, "role": "crew"}).Want(http.StatusNotFound)
	admin.Send(http.MethodPost, "/v1/jurisdictions/2281/staff", fields{"email": s.address("late"), "role": "crew"}).Want(http.StatusCreated)
}

func staffComesAndGoes(t *testing.T, s *system) {
	admin := s.staff(t, auth.Administrator, stockholm)
	states := func() map[string]string {
		var list api.StaffList
		admin.WithTest(t).Get("/v1/jurisdictions/0180/staff").Want(http.StatusOK).JSON(&list)
		byEmail := map[string]string{}
		for _, m := range list.Staff {
			byEmail[m.Email] = string(m.State) + " " + string(m.Role)
		}
		return byEmail
	}
	email, waiting := s.address("crew"), s.address("waiting")
	session := s.invited(t, auth.Crew, stockholm, email)
	var invited api.Staff
	admin.Send(http.MethodPost, "/v1/jurisdictions/0180/staff", fields{"email": waiting, "role": "crew"}).Want(http.StatusCreated).JSON(&invited)
	_, secret, _ := strings.Cut(s.codes.take(t, auth.InviteMailJob, waiting), "#")
	if got := states(); got[email] != "active crew" || got[waiting] != "invited crew" || len(got) != 3 {
		t.Errorf("staff is %v", got)
	}
	crew := s.bearing(t, session)
	crew.Get("/v1/queue").Want(http.StatusOK)
	for _, id := range []string{session.Person.Id, invited.Id} {
		s.staff(t, auth.Administrator, sundsvall).Send(http.MethodDelete, "/v1/jurisdictions/2281/staff/"+id, nil).Want(http.StatusNotFound)
		admin.Send(http.MethodDelete, "/v1/jurisdictions/0180/staff/"+id, nil).Want(http.StatusNoContent)
		admin.Send(http.MethodDelete, "/v1/jurisdictions/0180/staff/"+id, nil).Want(http.StatusNotFound)
	}
	crew.Get("/v1/queue").Want(http.StatusUnauthorized) // at once
	if got := states(); len(got) != 1 {
		t.Errorf("left are %v", got)
	}
	problemAt(t, s.in(t).Send(http.MethodPost, "/v1/invitations/accept", fields{"secret": secret}), http.StatusUnprocessableEntity, "/secret")
}

func keysShownOnce(t *testing.T, s *system) {
	admin := s.staff(t, auth.Administrator, sundsvall)
	var made api.MadeKey
	admin.Send(http.MethodPost, "/v1/jurisdictions/2281/keys", fields{"name": "Case system", "scopes": []string{"reports:read"}}).Want(http.StatusCreated).JSON(&made)
	listed := func() bool {
		res := admin.WithTest(t).Get("/v1/jurisdictions/2281/keys").Want(http.StatusOK)
		if strings.Contains(string(res.Body), made.Key) {
			t.Error("the list shows a key")
		}
		return strings.Contains(string(res.Body), made.Id)
	}
	c := s.in(t).With("X-API-Key", made.Key)
	c.Get("/v1/queue").Want(http.StatusOK)
	if !listed() {
		t.Error("the key is not listed")
	}
	s.staff(t, auth.Administrator, stockholm).Send(http.MethodDelete, "/v1/jurisdictions/0180/keys/"+made.Id, nil).Want(http.StatusNotFound)
	admin.Send(http.MethodDelete, "/v1/jurisdictions/2281/keys/"+made.Id, nil).Want(http.StatusNoContent)
	c.Get("/v1/queue").Want(http.StatusUnauthorized)
	if listed() {
		t.Error("a revoked key is listed")
	}
	admin.Send(http.MethodDelete, "/v1/jurisdictions/2281/keys/"+made.Id, nil).Want(http.StatusNotFound)
	for field, bad := range map[string]fields{
		"/scopes/0": {"name": "x", "scopes": []string{"everything"}}, "/scopes": {"name": "x", "scopes": []string{}}, "/name": {"name": "", "scopes": []string{"open311"}},
	} {
		problemAt(t, admin.Send(http.MethodPost, "/v1/jurisdictions/2281/keys", bad), http.StatusUnprocessableEntity, field)
	}
	nothingInTheDatabase(t, s, made.Key)
}

// nothingInTheDatabase looks for a secret in the files of the database, where it
// is one file.
func nothingInTheDatabase(t *testing.T, s *system, secret string) {
	t.Helper()
	names, err := filepath.Glob(s.url + "*")
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		if strings.Contains(string(data), secret) {
			t.Errorf("the secret stands in %s", fmt.Sprint(filepath.Base(name)))
		}
	}
}
