package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/problem"
)

const (
	staffSessionLife    = 12 * time.Hour
	residentSessionLife = 30 * 24 * time.Hour
)

// Session is one signed-in browser or app.
type Session struct {
	ID        string // UUIDv7
	PersonID  string
	CreatedAt time.Time
	// ExpiresAt is the end of a resident's session. That of staff ends earlier,
	// however old the grant is: see [Service.Authenticate].
	ExpiresAt time.Time
}

// sessionStart is a session about to be stored.
type sessionStart struct {
	session     Session
	token       string
	hash        Hash
	newPersonID string
}

func (s *Service) newSession() (sessionStart, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return sessionStart{}, fmt.Errorf("make a session id: %w", err)
	}
	personID, err := uuid.NewV7()
	if err != nil {
		return sessionStart{}, fmt.Errorf("make a person id: %w", err)
	}
	token, hash := newToken(sessionPrefix)
	now := s.now()
	return sessionStart{
		session:     Session{ID: id.String(), CreatedAt: now, ExpiresAt: now.Add(residentSessionLife)},
		token:       token,
		hash:        hash,
		newPersonID: personID.String(),
	}, nil
}

// of is the session as the person sees it: theirs, and as long as they may.
func (s Session) of(p Person) Session {
	s.PersonID = p.ID
	if end := s.CreatedAt.Add(staffSessionLife); len(p.Grants) > 0 && end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
	return s
}

// Authenticate returns the person behind a session token, with the grants of
// this moment. A session ends 30 days after its start, and 12 hours after it
// for whoever holds a staff grant now, also one given since. Everything that is
// not a live session gets the same Unauthenticated error.
func (s *Service) Authenticate(ctx context.Context, token string) (Actor, error) {
	_, person, err := s.Whose(ctx, token)
	if err != nil {
		return Actor{}, err
	}
	return Actor{Kind: PersonKind, PersonID: person.ID, Grants: person.Grants}, nil
}

// Whose returns the live session of a token and the person whose it is, for that
// person to see.
func (s *Service) Whose(ctx context.Context, token string) (Session, Person, error) {
	hash, ok := hashToken(sessionPrefix, token)
	if !ok {
		return Session{}, Person{}, errNoSession()
	}
	now := s.now()
	session, person, ok, err := s.Store.Session(ctx, hash, now)
	if err != nil {
		return Session{}, Person{}, fmt.Errorf("find a session: %w", err)
	}
	if session = session.of(person); !ok || !now.Before(session.ExpiresAt) {
		return Session{}, Person{}, errNoSession()
	}
	return session, person, nil
}

func errNoSession() error {
	return problem.New(problem.Unauthenticated, "the session is unknown or has ended; sign in again")
}

// SignOut ends the session of a token. What is no session any more is no error.
func (s *Service) SignOut(ctx context.Context, token string) error {
	hash, ok := hashToken(sessionPrefix, token)
	if !ok {
		return nil
	}
	if err := s.Store.RevokeSession(ctx, hash, s.now()); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// SignOutEverywhere ends every session of the actor, for a lost phone.
func (s *Service) SignOutEverywhere(ctx context.Context, actor Actor) error {
	if err := actor.May(SignOut, Resource{}); err != nil {
		return err
	}
	if err := s.Store.RevokeSessions(ctx, actor.PersonID, s.now()); err != nil {
		return fmt.Errorf("sign out everywhere: %w", err)
	}
	return nil
}
