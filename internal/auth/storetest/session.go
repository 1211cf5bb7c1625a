package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func sessionRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"a resident's session lasts 30 days":                 residentSession,
		"a staff session lasts 12 hours":                     staffSession,
		"a role given later shortens the sessions of before": grantShortens,
		"signing out ends one session":                       signOut,
		"signing out everywhere ends all of one person":      signOutEverywhere,
		"an unknown token is no session":                     unknownToken,
		"sweeping keeps live sessions":                       sweepSessions,
	}
}

// wantEnd checks that a session ends life after now, to the microsecond.
func (k *kit) wantEnd(t *testing.T, session auth.Session, token string, life time.Duration) {
	t.Helper()
	if want := k.clock.Now().Add(life); !session.ExpiresAt.Equal(want) {
		t.Errorf("session says it ends at %v, want %v", session.ExpiresAt, want)
	}
	k.clock.advance(life - time.Microsecond)
	k.actor(t, token)
	k.clock.advance(time.Microsecond)
	k.wantNoSession(t, token)
}

func (k *kit) wantNoSession(t *testing.T, token string) {
	t.Helper()
	_, err := k.there.Authenticate(t.Context(), token)
	wantProblem(t, err, problem.Unauthenticated)
}

func residentSession(t *testing.T, k *kit) {
	session, token := k.signIn(t, anna)
	k.wantEnd(t, session, token, 30*24*time.Hour)
}

func staffSession(t *testing.T, k *kit) {
	crew := auth.Grant{Role: auth.Crew, Jurisdiction: Home}
	session, token := k.appoint(t, anna, crew)
	k.wantEnd(t, session, token, 12*time.Hour)

	session, token = k.signIn(t, anna)
	if actor := k.actor(t, token); !slices.Equal(actor.Grants, []auth.Grant{crew}) {
		t.Errorf("grants %v, want %v", actor.Grants, crew)
	}
	k.wantEnd(t, session, token, 12*time.Hour)
}

func grantShortens(t *testing.T, k *kit) {
	_, old := k.signIn(t, anna)
	k.clock.advance(11 * time.Hour)
	_, fresh := k.appoint(t, anna, auth.Grant{Role: auth.Crew, Jurisdiction: Home})
	if actor := k.actor(t, old); len(actor.Grants) != 1 {
		t.Errorf("grants %v in the older session, want one", actor.Grants)
	}
	k.clock.advance(time.Hour)
	k.wantNoSession(t, old)
	k.actor(t, fresh)
}

func signOut(t *testing.T, k *kit) {
	_, phone := k.signIn(t, anna)
	_, desk := k.signIn(t, anna)
	must(t, k.here.SignOut(t.Context(), phone))
	k.wantNoSession(t, phone)
	k.actor(t, desk)
	must(t, k.here.SignOut(t.Context(), phone))
	must(t, k.here.SignOut(t.Context(), "nonsense"))
}

func signOutEverywhere(t *testing.T, k *kit) {
	_, phone := k.signIn(t, anna)
	_, desk := k.signIn(t, anna)
	_, bo := k.signIn(t, "bo@example.org")
	must(t, k.here.SignOutEverywhere(t.Context(), k.actor(t, phone)))
	k.wantNoSession(t, phone)
	k.wantNoSession(t, desk)
	k.actor(t, bo)
}

func unknownToken(t *testing.T, k *kit) {
	k.wantNoSession(t, "kst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
}

func sweepSessions(t *testing.T, k *kit) {
	_, old := k.signIn(t, anna)
	k.clock.advance(29 * 24 * time.Hour)
	_, token := k.signIn(t, anna)
	must(t, k.here.Sweep(t.Context()))
	k.actor(t, old)
	k.clock.advance(24 * time.Hour)
	must(t, k.here.Sweep(t.Context()))
	k.wantNoSession(t, old)
	k.actor(t, token)
}
