package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/problem"
)

// maxKeyNameRunes is enough to say which program uses a key.
const maxKeyNameRunes = 100

// Key is an API key. Its secret is shown once, when it is made.
type Key struct {
	ID           string // UUIDv7
	Jurisdiction string // "" files everywhere and does nothing else
	Name         string // what uses it, for whoever has to revoke it
	Scopes       []Scope
	CreatedAt    time.Time
	RevokedAt    time.Time // zero while it is valid
}

// KeyRequest asks for a key.
type KeyRequest struct {
	Jurisdiction string
	Name         string
	Scopes       []Scope
}

// CreateKey makes an API key for a jurisdiction that the caller has looked up,
// or for none. The secret is shown only here. Errors: Invalid, or what
// [Actor.May] says about ManageKeys.
func (s *Service) CreateKey(ctx context.Context, actor Actor, req KeyRequest) (Key, string, error) {
	if err := actor.May(ManageKeys, Resource{Jurisdiction: req.Jurisdiction}); err != nil {
		return Key{}, "", err
	}
	if err := problem.Invalidity(req.problems()); err != nil {
		return Key{}, "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Key{}, "", fmt.Errorf("make a key id: %w", err)
	}
	scopes := slices.Clone(req.Scopes)
	slices.Sort(scopes)
	key := Key{
		ID:           id.String(),
		Jurisdiction: req.Jurisdiction,
		Name:         strings.TrimSpace(req.Name),
		Scopes:       slices.Compact(scopes),
		CreatedAt:    s.now(),
	}
	secret, hash := newToken(keyPrefix)
	if err := s.Store.CreateKey(ctx, key, hash); err != nil {
		return Key{}, "", fmt.Errorf("store key %s: %w", key.ID, err)
	}
	return key, secret, nil
}

// problems names every field that is wrong.
func (r KeyRequest) problems() []problem.FieldError {
	var found []problem.FieldError
	add := func(field, code, detail string) {
		found = append(found, problem.FieldError{Field: field, Code: code, Detail: detail})
	}
	switch name := strings.TrimSpace(r.Name); {
	case name == "":
		add("/name", "required", "say what will use the key")
	case utf8.RuneCountInString(name) > maxKeyNameRunes:
		add("/name", "too-long", fmt.Sprintf("a name has at most %d characters", maxKeyNameRunes))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		add("/name", "format", "a name is one line of text")
	}
	if len(r.Scopes) == 0 {
		add("/scopes", "required", "a key without a scope may do nothing")
	}
	for i, scope := range r.Scopes {
		switch field := fmt.Sprintf("/scopes/%d", i); {
		case i >= len(Scopes()):
			add("/scopes", "too-long", "each scope once")
			return found
		case !slices.Contains(Scopes(), scope):
			add(field, "unknown", "there is no such scope")
		case r.Jurisdiction == "" && scope != ScopeOpen311:
			add(field, "not-allowed", "a key of no jurisdiction can only file reports")
		}
	}
	return found
}

// AuthenticateKey returns the program behind an API key. Everything that is not
// a valid key gets the same Unauthenticated error.
func (s *Service) AuthenticateKey(ctx context.Context, secret string) (Actor, error) {
	hash, ok := hashToken(keyPrefix, secret)
	if !ok {
		return Actor{}, errNoKey()
	}
	key, ok, err := s.Store.Key(ctx, hash)
	if err != nil {
		return Actor{}, fmt.Errorf("find an API key: %w", err)
	}
	if !ok || !key.RevokedAt.IsZero() {
		return Actor{}, errNoKey()
	}
	return Actor{
		Kind:   KeyKind,
		KeyID:  key.ID,
		Grants: []Grant{{Role: System, Jurisdiction: key.Jurisdiction}},
		Scopes: key.Scopes,
	}, nil
}

func errNoKey() error {
	return problem.New(problem.Unauthenticated, "the API key is unknown or revoked")
}

// Keys lists the keys of a jurisdiction, revoked ones included.
func (s *Service) Keys(ctx context.Context, actor Actor, jurisdiction string) ([]Key, error) {
	if err := actor.May(ManageKeys, Resource{Jurisdiction: jurisdiction}); err != nil {
		return nil, err
	}
	keys, err := s.Store.Keys(ctx, jurisdiction)
	if err != nil {
		return nil, fmt.Errorf("list the keys of %q: %w", jurisdiction, err)
	}
	return keys, nil
}

// RevokeKey ends a key of a jurisdiction at once. NotFound where that
// jurisdiction has no such valid key.
func (s *Service) RevokeKey(ctx context.Context, actor Actor, jurisdiction, id string) error {
	if err := actor.May(ManageKeys, Resource{Jurisdiction: jurisdiction}); err != nil {
		return err
	}
	ok, err := s.Store.RevokeKey(ctx, id, jurisdiction, s.now())
	if err != nil {
		return fmt.Errorf("revoke a key of %q: %w", jurisdiction, err)
	}
	if !ok {
		return problem.New(problem.NotFound, "there is no such key")
	}
	return nil
}
