package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
)

// PostSignIn serves POST /v1/sign-in.
func (s *Server) PostSignIn(ctx context.Context, req PostSignInRequestObject) (PostSignInResponseObject, error) {
	pending, err := s.Auth.Begin(ctx, req.Body.Email, languageOf(req.Params.AcceptLanguage))
	if err != nil {
		return nil, err
	}
	s.wake()
	return PostSignIn202JSONResponse{SignInId: pending.ID, ExpiresAt: pending.ExpiresAt}, nil
}

// PostSignInConfirm serves POST /v1/sign-in/confirm.
func (s *Server) PostSignInConfirm(ctx context.Context, req PostSignInConfirmRequestObject) (PostSignInConfirmResponseObject, error) {
	_, token, err := s.Auth.Confirm(ctx, req.Body.SignInId, req.Body.Code)
	if err != nil {
		return nil, err
	}
	wire, err := s.newSession(ctx, token)
	if err != nil {
		return nil, err
	}
	return PostSignInConfirm200JSONResponse(wire), nil
}

// PostInvitationAccept serves POST /v1/invitations/accept.
func (s *Server) PostInvitationAccept(ctx context.Context, req PostInvitationAcceptRequestObject) (PostInvitationAcceptResponseObject, error) {
	_, token, err := s.Auth.Accept(ctx, req.Body.Secret)
	if err != nil {
		return nil, err
	}
	wire, err := s.newSession(ctx, token)
	if err != nil {
		return nil, err
	}
	return PostInvitationAccept200JSONResponse(wire), nil
}

func (s *Server) newSession(ctx context.Context, token string) (NewSession, error) {
	session, err := s.session(ctx, token)
	return NewSession{Token: token, ExpiresAt: session.ExpiresAt, Person: session.Person}, err
}

func (s *Server) session(ctx context.Context, token string) (Session, error) {
	session, person, err := s.Auth.Whose(ctx, token)
	if err != nil {
		return Session{}, err
	}
	entries, err := s.Directory.Entries(ctx)
	if err != nil {
		return Session{}, err
	}
	wire := Session{ExpiresAt: session.ExpiresAt, Person: Person{Id: person.ID, Email: person.Email, Memberships: []Membership{}}}
	for _, g := range person.Grants {
		wire.Person.Memberships = append(wire.Person.Memberships, Membership{
			Jurisdiction: g.Jurisdiction, Name: entries[g.Jurisdiction].Name, Role: Role(g.Role),
		})
	}
	return wire, nil
}

// GetSession serves GET /v1/session.
func (s *Server) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	wire, err := s.session(ctx, tokenFrom(ctx))
	if err != nil {
		return nil, err
	}
	return GetSession200JSONResponse(wire), nil
}

// DeleteSession serves DELETE /v1/session.
func (s *Server) DeleteSession(ctx context.Context, _ DeleteSessionRequestObject) (DeleteSessionResponseObject, error) {
	if err := auth.From(ctx).May(auth.SignOut, auth.Resource{}); err != nil {
		return nil, err
	}
	if err := s.Auth.SignOut(ctx, tokenFrom(ctx)); err != nil {
		return nil, err
	}
	return DeleteSession204Response{}, nil
}
