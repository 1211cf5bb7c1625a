package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
)

// enter finds or makes the person of a verified address, stores their session
// and returns their id.
func (t *tx) enter(ctx context.Context, email, newID string, s auth.Session, token auth.Hash) (id string, err error) {
	if err := t.row(ctx, `INSERT INTO persons (id, email, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id`,
		newID, email, micros(s.CreatedAt)).Scan(&id); err != nil {
		return "", fmt.Errorf("find or make a person: %w", err)
	}
	if _, err := t.exec(ctx, `INSERT INTO sessions (id, person, token_hash, created_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, NULL)`,
		s.ID, id, token, micros(s.CreatedAt), micros(s.ExpiresAt)); err != nil {
		return "", fmt.Errorf("insert session %s: %w", s.ID, err)
	}
	return id, nil
}

func (t *tx) person(ctx context.Context, id string) (auth.Person, error) {
	var p auth.Person
	var grants string
	err := t.row(ctx, `SELECT p.id, p.email, `+grantList+` FROM persons p WHERE p.id = $1`, id).Scan(&p.ID, &p.Email, &grants)
	if err != nil {
		return p, fmt.Errorf("read person %s: %w", id, err)
	}
	p.Grants = readGrants(grants)
	return p, nil
}

// readGrants takes a grantList apart: "crew 2281,operator ".
func readGrants(list string) []auth.Grant {
	var grants []auth.Grant
	for _, g := range splitList(list) {
		role, jurisdiction, _ := strings.Cut(g, " ")
		grants = append(grants, auth.Grant{Role: auth.Role(role), Jurisdiction: jurisdiction})
	}
	return grants
}

// Session finds the live session with a token, and its person.
func (s Auth) Session(ctx context.Context, token auth.Hash, now time.Time) (session auth.Session, p auth.Person, ok bool, err error) {
	var grants string
	var created, expires int64
	ok, err = s.one(ctx, `SELECT s.id, s.created_at, s.expires_at, p.id, p.email, `+grantList+`
		FROM sessions s JOIN persons p ON p.id = s.person
		WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2`,
		[]any{token, micros(now)}, &session.ID, &created, &expires, &p.ID, &p.Email, &grants)
	if err != nil || !ok {
		return auth.Session{}, auth.Person{}, false, err
	}
	session.PersonID, p.Grants = p.ID, readGrants(grants)
	session.CreatedAt, session.ExpiresAt = fromMicros(created), fromMicros(expires)
	return session, p, true, nil
}

// RevokeSession ends a session. An unknown token is no error.
func (s Auth) RevokeSession(ctx context.Context, token auth.Hash, now time.Time) error {
	_, err := s.change(ctx, `UPDATE sessions SET revoked_at = $2 WHERE token_hash = $1 AND revoked_at IS NULL`, token, micros(now))
	return err
}

// RevokeSessions ends all sessions of a person.
func (s Auth) RevokeSessions(ctx context.Context, personID string, now time.Time) error {
	_, err := s.change(ctx, revokeSessions, personID, micros(now))
	return err
}

const revokeSessions = `UPDATE sessions SET revoked_at = $2 WHERE person = $1 AND revoked_at IS NULL`

// change runs one statement as a transaction, and reports whether it touched a row.
func (s Auth) change(ctx context.Context, query string, args ...any) (ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, query, args...)
		ok = n > 0
		return err
	})
	return ok && err == nil, err
}
