package storetest

import (
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func keyRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"a key acts in its jurisdiction by its scopes":  keyActs,
		"a key of no jurisdiction files everywhere":     nationalKey,
		"a revoked key is no key":                       revokeKey,
		"keys are listed and revoked by their own side": foreignKey,
		"an unknown key is no key":                      unknownKey,
	}
}

func (k *kit) key(t *testing.T, jurisdiction string, scopes ...auth.Scope) (auth.Key, string) {
	t.Helper()
	key, secret, err := k.here.CreateKey(t.Context(), auth.Itself(),
		auth.KeyRequest{Jurisdiction: jurisdiction, Name: "case system", Scopes: scopes})
	must(t, err)
	return key, secret
}

func keyActs(t *testing.T, k *kit) {
	key, secret := k.key(t, Home, auth.ScopeReportsWrite, auth.ScopeReportsRead, auth.ScopeReportsWrite)
	actor, err := k.there.AuthenticateKey(t.Context(), secret)
	must(t, err)
	if actor.Kind != auth.KeyKind || actor.KeyID != key.ID || actor.PersonID != "" {
		t.Errorf("actor %+v of key %s", actor, key.ID)
	}
	home, foreign := auth.Resource{Jurisdiction: Home}, auth.Resource{Jurisdiction: Foreign}
	if !actor.Can(auth.ChangeStatus, home) || actor.Can(auth.ChangeStatus, foreign) || actor.Can(auth.ReadContact, home) {
		t.Errorf("actor %+v does not act by its scopes in its jurisdiction", actor)
	}
}

func nationalKey(t *testing.T, k *kit) {
	_, secret := k.key(t, "", auth.ScopeOpen311)
	actor, err := k.there.AuthenticateKey(t.Context(), secret)
	must(t, err)
	if !actor.Can(auth.FileByKey, auth.Resource{Jurisdiction: Home}) || !actor.Can(auth.FileByKey, auth.Resource{Jurisdiction: Foreign}) {
		t.Errorf("actor %+v does not file everywhere", actor)
	}
}

func revokeKey(t *testing.T, k *kit) {
	key, secret := k.key(t, Home, auth.ScopeOpen311)
	_, other := k.key(t, Home, auth.ScopeOpen311)
	must(t, k.here.RevokeKey(t.Context(), auth.Itself(), Home, key.ID))
	_, err := k.there.AuthenticateKey(t.Context(), secret)
	wantProblem(t, err, problem.Unauthenticated)
	_, err = k.there.AuthenticateKey(t.Context(), other)
	must(t, err)
	wantProblem(t, k.here.RevokeKey(t.Context(), auth.Itself(), Home, key.ID), problem.NotFound)
}

func foreignKey(t *testing.T, k *kit) {
	key, secret := k.key(t, Home, auth.ScopeOpen311)
	_, token := k.appoint(t, "admin@example.org", auth.Grant{Role: auth.Administrator, Jurisdiction: Foreign})
	foreigner := k.actor(t, token)
	wantProblem(t, k.here.RevokeKey(t.Context(), foreigner, Home, key.ID), problem.Forbidden)
	wantProblem(t, k.here.RevokeKey(t.Context(), foreigner, Foreign, key.ID), problem.NotFound)
	_, err := k.here.Keys(t.Context(), foreigner, Home)
	wantProblem(t, err, problem.Forbidden)
	keys, err := k.here.Keys(t.Context(), foreigner, Foreign)
	must(t, err)
	if len(keys) != 0 {
		t.Errorf("%s lists %v, want nothing", Foreign, keys)
	}
	keys, err = k.here.Keys(t.Context(), auth.Itself(), Home)
	must(t, err)
	if len(keys) != 1 || keys[0].ID != key.ID || keys[0].Name != "case system" ||
		!keys[0].CreatedAt.Equal(k.clock.Now()) || !keys[0].RevokedAt.IsZero() {
		t.Errorf("%s lists %+v, want %+v", Home, keys, key)
	}
	_, err = k.there.AuthenticateKey(t.Context(), secret)
	must(t, err)
}

func unknownKey(t *testing.T, k *kit) {
	_, err := k.here.AuthenticateKey(t.Context(), "ksk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	wantProblem(t, err, problem.Unauthenticated)
}
