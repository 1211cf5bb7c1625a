package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/problem"
)

const inviteLife = 7 * 24 * time.Hour

// Invitation offers a staff role to an address.
type Invitation struct {
	ID        string // UUIDv7
	Grant     Grant
	Email     string // normalised
	Language  string // BCP 47, or "" where unknown
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InviteRequest asks for an invitation.
type InviteRequest struct {
	Grant    Grant
	Email    string
	Language string
}

// Invite offers a role to an address by a link that works once, within seven
// days. A later one to the same role replaces it.
//
// Whoever opens the link becomes the person of that address. So the secret goes
// to the address alone, by the job that Issues it, and is empty here: an
// administrator who saw it could sign in as anybody, with the rights they hold
// elsewhere. Only Kantsten itself (its command line, which needs the machine)
// gets the secret in hand, and no mail is sent then: that is how the first
// operator comes in. Errors: Invalid, or what [Actor.May] says about ManageStaff.
func (s *Service) Invite(ctx context.Context, actor Actor, req InviteRequest) (Invitation, string, error) {
	if err := actor.May(ManageStaff, Resource{Jurisdiction: req.Grant.Jurisdiction}); err != nil {
		return Invitation{}, "", err
	}
	email, err := NormaliseEmail(req.Email)
	if err != nil {
		return Invitation{}, "", err
	}
	if err := checkLanguage(req.Language); err != nil {
		return Invitation{}, "", err
	}
	if !req.Grant.Grantable() {
		return Invitation{}, "", problem.Field("/role", "unknown",
			"crew, handler and administrator belong to a jurisdiction, operator to none")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Invitation{}, "", fmt.Errorf("make an invitation id: %w", err)
	}
	now := s.now()
	inv := Invitation{
		ID: id.String(), Grant: req.Grant, Email: email, Language: req.Language,
		CreatedAt: now, ExpiresAt: now.Add(inviteLife),
	}
	secret, hash, jobs := "", Hash(""), []Job{{Kind: InviteMailJob, ID: inv.ID}}
	if actor.Kind == ProgramKind {
		secret, hash = newToken(invitePrefix)
		jobs = nil
	}
	if err := s.Store.CreateInvite(ctx, inv, hash, jobs); err != nil {
		return Invitation{}, "", fmt.Errorf("store invitation %s: %w", inv.ID, err)
	}
	return inv, secret, nil
}

// InviteMail is what a mailer needs to send an invitation. It must not be stored
// or logged.
type InviteMail struct {
	Email     string
	Language  string
	Grant     Grant
	Secret    string
	ExpiresAt time.Time
}

// IssueInvite makes the secret of an invitation when its mail is about to be
// written; a job that runs again replaces it. The error is [ErrNothingToSend]
// where the invitation is no longer open.
func (s *Service) IssueInvite(ctx context.Context, id string) (InviteMail, error) {
	secret, hash := newToken(invitePrefix)
	inv, ok, err := s.Store.SetInviteSecret(ctx, id, hash, s.now())
	if err != nil {
		return InviteMail{}, fmt.Errorf("issue invitation %s: %w", id, err)
	}
	if !ok {
		return InviteMail{}, ErrNothingToSend
	}
	return InviteMail{
		Email: inv.Email, Language: inv.Language, Grant: inv.Grant,
		Secret: secret, ExpiresAt: inv.ExpiresAt,
	}, nil
}

// Accept turns an invitation into a session, once, and gives its role to the
// person of its address, whose address thereby counts as verified. The token is
// shown only here. Every invitation that is not open gets the same Invalid error
// about "/secret".
func (s *Service) Accept(ctx context.Context, secret string) (Session, string, error) {
	hash, ok := hashToken(invitePrefix, secret)
	if !ok {
		return Session{}, "", errNoInvitation()
	}
	start, err := s.newSession()
	if err != nil {
		return Session{}, "", err
	}
	person, ok, err := s.Store.AcceptInvite(ctx, AcceptInvite{
		Secret:      hash,
		NewPersonID: start.newPersonID,
		Session:     start.session,
		Token:       start.hash,
	})
	if err != nil {
		return Session{}, "", fmt.Errorf("accept an invitation: %w", err)
	}
	if !ok {
		return Session{}, "", errNoInvitation()
	}
	return start.session.of(person), start.token, nil
}

func errNoInvitation() error {
	return problem.Field("/secret", "invalid", "the invitation is unknown, used or expired; ask for a new one")
}

// Invites lists the open invitations to a jurisdiction, "" for operators.
func (s *Service) Invites(ctx context.Context, actor Actor, jurisdiction string) ([]Invitation, error) {
	if err := actor.May(ManageStaff, Resource{Jurisdiction: jurisdiction}); err != nil {
		return nil, err
	}
	invites, err := s.Store.Invites(ctx, jurisdiction, s.now())
	if err != nil {
		return nil, fmt.Errorf("list the invitations to %q: %w", jurisdiction, err)
	}
	return invites, nil
}

// CancelInvite ends an open invitation to a jurisdiction. NotFound where there
// is none.
func (s *Service) CancelInvite(ctx context.Context, actor Actor, jurisdiction, id string) error {
	if err := actor.May(ManageStaff, Resource{Jurisdiction: jurisdiction}); err != nil {
		return err
	}
	ok, err := s.Store.CancelInvite(ctx, id, jurisdiction, s.now())
	if err != nil {
		return fmt.Errorf("cancel an invitation to %q: %w", jurisdiction, err)
	}
	if !ok {
		return problem.New(problem.NotFound, "there is no such invitation")
	}
	return nil
}
