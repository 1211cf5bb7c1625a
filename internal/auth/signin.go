package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/problem"
)

const (
	codeLife   = 10 * time.Minute
	maxTries   = 5
	limitCount = 24 * time.Hour // the widest of the limits; rows are kept as long
)

// signInLimits are per address, whoever asks.
func signInLimits() []Limit {
	return []Limit{{Count: 3, Window: time.Hour}, {Count: 10, Window: limitCount}}
}

// PendingSignIn is what the asker gets: the id to show with the code. Nobody
// else has it, so a code that is read over a shoulder is of no use alone.
type PendingSignIn struct {
	ID        string // 256 random bits in base64url
	ExpiresAt time.Time
}

// Begin starts a sign-in: it stores a row and the job that mails the code. The
// work is the same whether the address is known or not, and so is the answer.
// A later sign-in of the same address replaces this one. Errors: Invalid for
// the address or the language, TooMany when a limit of the address is reached.
func (s *Service) Begin(ctx context.Context, email, language string) (PendingSignIn, error) {
	email, err := NormaliseEmail(email)
	if err != nil {
		return PendingSignIn{}, err
	}
	if err := checkLanguage(language); err != nil {
		return PendingSignIn{}, err
	}
	rowID, err := uuid.NewV7()
	if err != nil {
		return PendingSignIn{}, fmt.Errorf("make a sign-in id: %w", err)
	}
	secret, hash := newToken(signInPrefix)
	now := s.now()
	row := SignInRow{
		ID:        rowID.String(),
		Secret:    hash,
		Email:     email,
		Language:  language,
		CreatedAt: now,
		ExpiresAt: now.Add(codeLife),
	}
	err = s.Store.BeginSignIn(ctx, row, signInLimits(), Job{Kind: SignInMailJob, ID: row.ID})
	if tooMany := (*TooManyError)(nil); errors.As(err, &tooMany) {
		return PendingSignIn{}, &problem.Error{
			Kind:       problem.TooMany,
			Detail:     "too many codes were asked for this address; try again later",
			RetryAfter: tooMany.RetryAt.Sub(now),
		}
	}
	if err != nil {
		return PendingSignIn{}, fmt.Errorf("begin sign-in: %w", err)
	}
	return PendingSignIn{ID: secret, ExpiresAt: row.ExpiresAt}, nil
}

// ErrNothingToSend says that what a mail job was made for is used, replaced,
// expired or gone: the job is done.
var ErrNothingToSend = errors.New("nothing to send")

// SignInMail is what a mailer needs to send a code. It must not be stored or
// logged.
type SignInMail struct {
	Email     string
	Language  string
	Code      string
	ExpiresAt time.Time
}

// Issue makes the code of a sign-in when its mail is about to be written: until
// then there is none, and afterwards only its hash is kept. A job that runs
// again issues a new code in place of the old one, with the tries as they are.
// The error is [ErrNothingToSend] where the sign-in is no longer open.
func (s *Service) Issue(ctx context.Context, id string) (SignInMail, error) {
	code, err := NewCode()
	if err != nil {
		return SignInMail{}, err
	}
	row, ok, err := s.Store.SetCode(ctx, id, hashCode(s.CodeKey, id, code), maxTries, s.now())
	if err != nil {
		return SignInMail{}, fmt.Errorf("issue the code of sign-in %s: %w", id, err)
	}
	if !ok {
		return SignInMail{}, ErrNothingToSend
	}
	return SignInMail{Email: row.Email, Language: row.Language, Code: code, ExpiresAt: row.ExpiresAt}, nil
}

// Confirm turns a sign-in id and its code into a session, once. The token is
// shown only here. Wrong, expired, used up and unknown all get the same Invalid
// error about "/code". A try is counted in the database before the codes are
// compared, so guessing from many places at once gains nothing; what cannot be
// a code at all is no guess and is not counted.
func (s *Service) Confirm(ctx context.Context, signInID, typed string) (Session, string, error) {
	secret, isID := hashToken(signInPrefix, signInID)
	code, isCode := ReadCode(typed)
	if !isID || !isCode {
		return Session{}, "", errWrongCode()
	}
	row, ok, err := s.Store.TakeTry(ctx, secret, maxTries, s.now())
	if err != nil {
		return Session{}, "", fmt.Errorf("take a try at a sign-in: %w", err)
	}
	if !ok || !sameHash(row.Code, hashCode(s.CodeKey, row.ID, code)) {
		return Session{}, "", errWrongCode()
	}
	start, err := s.newSession()
	if err != nil {
		return Session{}, "", err
	}
	person, ok, err := s.Store.FinishSignIn(ctx, FinishSignIn{
		ID:          row.ID,
		Code:        row.Code,
		NewPersonID: start.newPersonID,
		Session:     start.session,
		Token:       start.hash,
	})
	if err != nil {
		return Session{}, "", fmt.Errorf("finish sign-in %s: %w", row.ID, err)
	}
	if !ok {
		return Session{}, "", errWrongCode()
	}
	return start.session.of(person), start.token, nil
}

// errWrongCode is the one answer to every sign-in that does not succeed.
func errWrongCode() error {
	return problem.Field("/code", "wrong-code",
		"the code is wrong or no longer valid; after %d tries or %d minutes ask for a new one",
		maxTries, int(codeLife.Minutes()))
}

// Sweep deletes sign-ins that no limit counts any more, and expired sessions and
// invitations. To be called every hour or so.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	if err := s.Store.Sweep(ctx, now.Add(-limitCount), now); err != nil {
		return fmt.Errorf("sweep sign-ins, sessions and invitations: %w", err)
	}
	return nil
}
