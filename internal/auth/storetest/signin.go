package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// anna is the address that most rules sign in.
const anna = "anna@example.org"

func signInRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"the right code signs in":                                 rightCode,
		"a code works once":                                       codeOnce,
		"without a written mail no code works":                    noCodeYet,
		"a code works until ten minutes are over":                 codeExpiry,
		"a mail job that runs again replaces the code":            reissue,
		"a newer sign-in replaces the older":                      replacement,
		"a sign-in of another address does not":                   noReplacement,
		"three codes an hour":                                     hourlyLimit,
		"ten codes a day":                                         dailyLimit,
		"a refused sign-in neither counts nor replaces":           refusedCountsNothing,
		"limits see one address in every case":                    limitsFoldCase,
		"twenty sign-ins at once get three":                       beginRace,
		"a used, replaced or expired sign-in has nothing to send": nothingToSend,
		"one address is one person":                               onePerson,
		"sweeping keeps what the limits count":                    sweepSignIns,
	}
}

func rightCode(t *testing.T, k *kit) {
	a := k.ask(t, "  Anna@Example.ORG ")
	mail, err := k.here.Issue(t.Context(), a.job)
	must(t, err)
	want := auth.SignInMail{Email: anna, Language: "sv", Code: mail.Code, ExpiresAt: k.clock.Now().Add(10 * time.Minute)}
	if mail != want || !a.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("mail %+v, want %+v; asker was told %v", mail, want, a.ExpiresAt)
	}
	session, token, err := k.there.Confirm(t.Context(), a.ID, mail.Code)
	must(t, err)
	actor := k.actor(t, token)
	if actor.PersonID == "" || actor.PersonID != session.PersonID || len(actor.Grants) != 0 {
		t.Errorf("actor %+v of session %+v", actor, session)
	}
}

func codeOnce(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	_, _, err := k.here.Confirm(t.Context(), a.ID, code)
	must(t, err)
	_, _, err = k.there.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

func noCodeYet(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	_, _, err := k.here.Confirm(t.Context(), a.ID, "000000")
	wantProblem(t, err, problem.Invalid)
}

func codeExpiry(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	k.clock.advance(10*time.Minute - time.Microsecond)
	_, _, err := k.here.Confirm(t.Context(), a.ID, code)
	must(t, err)

	b := k.ask(t, "bo@example.org")
	code = k.code(t, b)
	k.clock.advance(10 * time.Minute)
	_, _, err = k.here.Confirm(t.Context(), b.ID, code)
	wantProblem(t, err, problem.Invalid)
}

func reissue(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	first := k.code(t, a)
	second := k.code(t, a)
	for second == first { // one in a million
		second = k.code(t, a)
	}
	_, _, err := k.here.Confirm(t.Context(), a.ID, first)
	wantProblem(t, err, problem.Invalid)
	_, _, err = k.here.Confirm(t.Context(), a.ID, second)
	must(t, err)
}

func replacement(t *testing.T, k *kit) {
	older := k.ask(t, anna)
	code := k.code(t, older)
	newer := k.ask(t, anna)
	_, _, err := k.here.Confirm(t.Context(), older.ID, code)
	wantProblem(t, err, problem.Invalid)
	_, _, err = k.here.Confirm(t.Context(), newer.ID, k.code(t, newer))
	must(t, err)
}

func noReplacement(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	k.ask(t, "bo@example.org")
	_, _, err := k.here.Confirm(t.Context(), a.ID, k.code(t, a))
	must(t, err)
}

// wantTooMany checks that a sign-in is refused, and until when.
func (k *kit) wantTooMany(t *testing.T, email string, after time.Duration) {
	t.Helper()
	_, err := k.there.Begin(t.Context(), email, "")
	p := problem.As(err)
	if p == nil || p.Kind != problem.TooMany || p.RetryAfter != after {
		t.Errorf("begin: %v, want %s with retry after %v", p, problem.TooMany, after)
	}
}

func hourlyLimit(t *testing.T, k *kit) {
	for range 3 {
		k.ask(t, anna)
		k.clock.advance(time.Minute)
	}
	k.wantTooMany(t, anna, 57*time.Minute)
	k.ask(t, "bo@example.org")
	k.clock.advance(57*time.Minute - time.Microsecond)
	k.wantTooMany(t, anna, time.Microsecond)
	k.clock.advance(time.Microsecond)
	k.ask(t, anna)
	k.wantTooMany(t, anna, time.Minute) // the second of the first three counts still
}

func dailyLimit(t *testing.T, k *kit) {
	for range 10 {
		k.ask(t, anna)
		k.clock.advance(time.Hour)
	}
	k.wantTooMany(t, anna, 14*time.Hour)
	k.clock.advance(14 * time.Hour)
	k.ask(t, anna)
	k.wantTooMany(t, anna, time.Hour)
}

func refusedCountsNothing(t *testing.T, k *kit) {
	k.ask(t, anna)
	k.ask(t, anna)
	last := k.ask(t, anna)
	jobs := len(k.jobs(t, auth.SignInMailJob))
	for range 5 {
		k.wantTooMany(t, anna, time.Hour)
	}
	if now := len(k.jobs(t, auth.SignInMailJob)); now != jobs {
		t.Errorf("refused sign-ins left %d jobs", now-jobs)
	}
	_, _, err := k.here.Confirm(t.Context(), last.ID, k.code(t, last))
	must(t, err)
	k.clock.advance(time.Hour)
	k.ask(t, anna)
}

func limitsFoldCase(t *testing.T, k *kit) {
	k.ask(t, "ANNA@example.org")
	k.ask(t, "Anna@Example.org")
	k.ask(t, anna)
	k.wantTooMany(t, "aNNa@EXAMPLE.org", time.Hour)
}

func beginRace(t *testing.T, k *kit) {
	var begun, refused atomic.Int64
	k.race(20, func(_ int, s *auth.Service) {
		switch _, err := s.Begin(t.Context(), anna, ""); {
		case err == nil:
			begun.Add(1)
		case problem.Is(err, problem.TooMany):
			refused.Add(1)
		default:
			t.Errorf("begin: %v", err)
		}
	})
	if begun.Load() != 3 || refused.Load() != 17 {
		t.Errorf("%d began and %d were refused, want 3 and 17", begun.Load(), refused.Load())
	}
	live := 0
	jobs := k.jobs(t, auth.SignInMailJob)
	for _, id := range jobs {
		if _, err := k.here.Issue(t.Context(), id); err == nil {
			live++
		}
	}
	if len(jobs) != 3 || live != 1 {
		t.Errorf("%d jobs and %d live codes, want 3 and 1", len(jobs), live)
	}
}

func nothingToSend(t *testing.T, k *kit) {
	want := func(id, why string) {
		t.Helper()
		if _, err := k.here.Issue(t.Context(), id); !errors.Is(err, auth.ErrNothingToSend) {
			t.Errorf("issue a sign-in that is %s: %v", why, err)
		}
	}
	want("0199a0b0-0000-7000-8000-000000000000", "unknown")
	replaced := k.ask(t, anna)
	a := k.ask(t, anna)
	want(replaced.job, "replaced")
	_, _, err := k.here.Confirm(t.Context(), a.ID, k.code(t, a))
	must(t, err)
	want(a.job, "used")
	b := k.ask(t, "bo@example.org")
	k.clock.advance(10 * time.Minute)
	want(b.job, "expired")
	c := k.ask(t, "cia@example.org")
	for range 5 {
		_, _, _ = k.here.Confirm(t.Context(), c.ID, "000000") // there is no code yet: each fails
	}
	want(c.job, "out of tries")
}

func onePerson(t *testing.T, k *kit) {
	first, _ := k.signIn(t, anna)
	second, _ := k.signIn(t, "Anna@example.org")
	other, _ := k.signIn(t, "bo@example.org")
	if first.PersonID != second.PersonID || first.PersonID == other.PersonID {
		t.Errorf("persons %s, %s and another %s", first.PersonID, second.PersonID, other.PersonID)
	}
	if first.ID == second.ID {
		t.Error("two sign-ins share a session")
	}
}

func sweepSignIns(t *testing.T, k *kit) {
	for range 10 {
		k.ask(t, anna)
		k.clock.advance(time.Hour)
	}
	must(t, k.here.Sweep(t.Context()))
	k.wantTooMany(t, anna, 14*time.Hour)
	k.clock.advance(14 * time.Hour)
	must(t, k.here.Sweep(t.Context()))
	k.ask(t, anna)
	k.wantTooMany(t, anna, time.Hour)
}
