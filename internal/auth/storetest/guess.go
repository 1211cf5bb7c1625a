package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func guessRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"four wrong guesses leave a fifth try":                   fifthTry,
		"five wrong guesses end a sign-in":                       noSixthTry,
		"what cannot be a code is no try":                        noTry,
		"a new code gives no new tries":                          reissueKeepsTries,
		"a code replaced while it was compared is no code":       replacedMeanwhile,
		"a sign-in replaced while it was compared is none":       signInReplacedMeanwhile,
		"fifty guesses at once on two processes get five in all": guessRace,
		"fifty right codes at once make one session":             confirmRace,
	}
}

// wrong is the i-th code that is not the right one.
func wrong(code string, i int) string {
	var n int
	_, _ = fmt.Sscanf(code, "%06d", &n)
	return fmt.Sprintf("%06d", (n+1+i)%1_000_000)
}

func fifthTry(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	for i := range 4 {
		_, _, err := k.here.Confirm(t.Context(), a.ID, wrong(code, i))
		wantProblem(t, err, problem.Invalid)
	}
	_, _, err := k.there.Confirm(t.Context(), a.ID, code)
	must(t, err)
}

func noSixthTry(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	for i := range 5 {
		_, _, err := k.here.Confirm(t.Context(), a.ID, wrong(code, i))
		wantProblem(t, err, problem.Invalid)
	}
	_, _, err := k.there.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

func noTry(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	for _, typed := range []string{"", "12345", "1234567", "12345a", "-12345", "１２３４５６", "12345\x00"} {
		_, _, err := k.here.Confirm(t.Context(), a.ID, typed)
		wantProblem(t, err, problem.Invalid)
	}
	_, _, err := k.here.Confirm(t.Context(), a.ID, " "+code[:3]+" "+code[3:])
	must(t, err)
}

func reissueKeepsTries(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	for i := range 4 {
		_, _, err := k.here.Confirm(t.Context(), a.ID, wrong(k.code(t, a), i))
		wantProblem(t, err, problem.Invalid)
	}
	code := k.code(t, a)
	_, _, err := k.here.Confirm(t.Context(), a.ID, wrong(code, 0))
	wantProblem(t, err, problem.Invalid)
	_, _, err = k.here.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

// interrupted does something between the try and its consequence.
type interrupted struct {
	auth.Store
	meanwhile func()
}

// TakeTry lets the other thing happen after the try is taken.
func (i interrupted) TakeTry(ctx context.Context, secret auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	row, ok, err := i.Store.TakeTry(ctx, secret, maxTries, now)
	i.meanwhile()
	return row, ok, err
}

func replacedMeanwhile(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	k.here.Store = interrupted{k.Store, func() {
		for k.code(t, a) == code { // one in a million
		}
	}}
	_, _, err := k.here.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

func signInReplacedMeanwhile(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	k.here.Store = interrupted{k.Store, func() {
		_, err := k.there.Begin(t.Context(), anna, "")
		must(t, err)
	}}
	_, _, err := k.here.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

// tryCounter counts the tries that a store gave.
type tryCounter struct {
	auth.Store
	given *atomic.Int64
}

// TakeTry counts what it passes on.
func (c tryCounter) TakeTry(ctx context.Context, secret auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	row, ok, err := c.Store.TakeTry(ctx, secret, maxTries, now)
	if ok {
		c.given.Add(1)
	}
	return row, ok, err
}

func guessRace(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	var given, refused atomic.Int64
	k.here.Store = tryCounter{k.Store, &given}
	k.there.Store = tryCounter{k.Peer, &given}
	k.race(50, func(i int, s *auth.Service) {
		_, _, err := s.Confirm(t.Context(), a.ID, wrong(code, i))
		if problem.Is(err, problem.Invalid) {
			refused.Add(1)
		} else {
			t.Errorf("guess: %v", err)
		}
	})
	if given.Load() != 5 || refused.Load() != 50 {
		t.Errorf("%d tries and %d refusals, want 5 and 50", given.Load(), refused.Load())
	}
	_, _, err := k.here.Confirm(t.Context(), a.ID, code)
	wantProblem(t, err, problem.Invalid)
}

func confirmRace(t *testing.T, k *kit) {
	a := k.ask(t, anna)
	code := k.code(t, a)
	var sessions atomic.Int64
	k.race(50, func(_ int, s *auth.Service) {
		switch _, _, err := s.Confirm(t.Context(), a.ID, code); {
		case err == nil:
			sessions.Add(1)
		case !problem.Is(err, problem.Invalid):
			t.Errorf("confirm: %v", err)
		}
	})
	if sessions.Load() != 1 {
		t.Errorf("%d sessions, want 1", sessions.Load())
	}
}
