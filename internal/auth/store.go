package auth

import (
	"context"
	"fmt"
	"time"
)

// Store is what a Service needs of a database. Each method is one transaction,
// alone responsible for being free of races between any number of processes;
// the conditions written beside them hold on SQLite (whose single writer begins
// "immediate") and on PostgreSQL at READ COMMITTED. Rules live in Service: the
// store only counts, compares and writes what it is given. Times are UTC
// microseconds. "ok" is false, with a nil error, where the condition found no
// row; then nothing was written.
type Store interface {
	SignInStore
	SessionStore
	KeyStore
	StaffStore

	// Sweep deletes what no longer counts: sign-ins created at or before
	// signInsBefore and sign_in_addresses whose last_at is, and sessions and
	// invitations with expires_at <= now.
	Sweep(ctx context.Context, signInsBefore, now time.Time) error
}

// SignInStore keeps sign-ins by code. A row is live while used_at IS NULL AND
// expires_at > now; "used" is also what a newer one has replaced.
type SignInStore interface {
	// BeginSignIn adds a sign-in and its job. In this order:
	//
	//  1. serialise by address: INSERT INTO sign_in_addresses (email, last_at)
	//     … ON CONFLICT (email) DO UPDATE SET last_at = excluded.last_at, whose
	//     row lock PostgreSQL holds until the commit;
	//  2. for each limit: SELECT created_at FROM sign_ins WHERE email = row.Email
	//     AND created_at > row.CreatedAt - limit.Window ORDER BY created_at DESC
	//     LIMIT 1 OFFSET limit.Count - 1. A row means the limit is reached until
	//     that created_at + limit.Window: return *[TooManyError] with the latest
	//     such time and write nothing;
	//  3. replace: UPDATE sign_ins SET used_at = row.CreatedAt WHERE email =
	//     row.Email AND used_at IS NULL;
	//  4. insert the row (tries 0, code_hash '', used_at NULL) and the job.
	BeginSignIn(ctx context.Context, row SignInRow, limits []Limit, job Job) error

	// SetCode gives a live row its code, replacing an earlier one and leaving the
	// tries as they are: UPDATE sign_ins SET code_hash = code WHERE id = id AND
	// used_at IS NULL AND expires_at > now AND tries < maxTries RETURNING.
	SetCode(ctx context.Context, id string, code Hash, maxTries int, now time.Time) (row SignInRow, ok bool, err error)

	// TakeTry counts one try before anything is compared, and is committed
	// whatever comes of it: UPDATE sign_ins SET tries = tries + 1 WHERE
	// secret_hash = secret AND tries < maxTries AND used_at IS NULL AND
	// expires_at > now RETURNING.
	TakeTry(ctx context.Context, secret Hash, maxTries int, now time.Time) (row SignInRow, ok bool, err error)

	// FinishSignIn uses a row up and makes the session: UPDATE sign_ins SET
	// used_at = f.Session.CreatedAt WHERE id = f.ID AND code_hash = f.Code AND
	// used_at IS NULL AND expires_at > f.Session.CreatedAt RETURNING email; with
	// no row, ok is false. Then the person of that address: INSERT INTO persons
	// (id, email) VALUES (f.NewPersonID, email) ON CONFLICT (email) DO UPDATE SET
	// email = excluded.email RETURNING id. Then the session of that person. The
	// answer is the person with all grants.
	FinishSignIn(ctx context.Context, f FinishSignIn) (p Person, ok bool, err error)
}

// SessionStore keeps sessions.
type SessionStore interface {
	// Session finds the session with this token where revoked_at IS NULL AND
	// expires_at > now, and the person with all grants, in one SELECT.
	Session(ctx context.Context, token Hash, now time.Time) (s Session, p Person, ok bool, err error)
	// RevokeSession sets revoked_at where it is NULL. An unknown token is no error.
	RevokeSession(ctx context.Context, token Hash, now time.Time) error
	// RevokeSessions does so for all sessions of a person.
	RevokeSessions(ctx context.Context, personID string, now time.Time) error
}

// KeyStore keeps API keys.
type KeyStore interface {
	// CreateKey inserts a key with the hash of its secret.
	CreateKey(ctx context.Context, k Key, secret Hash) error
	// Key finds the key with this secret, whether revoked or not.
	Key(ctx context.Context, secret Hash) (k Key, ok bool, err error)
	// Keys lists the keys of a jurisdiction, "" for those of none, revoked ones
	// included, by id.
	Keys(ctx context.Context, jurisdiction string) ([]Key, error)
	// RevokeKey sets revoked_at WHERE id = id AND jurisdiction = jurisdiction AND
	// revoked_at IS NULL.
	RevokeKey(ctx context.Context, id, jurisdiction string, now time.Time) (ok bool, err error)
}

// StaffStore keeps grants and the invitations to them. An invitation is open
// while ended_at IS NULL AND expires_at > now. Jurisdiction "" holds operators.
type StaffStore interface {
	// CreateInvite ends the open invitations of the same address, role and
	// jurisdiction (ended_at = inv.CreatedAt), inserts this one with the hash of
	// its secret ("" where there is none yet) and the jobs.
	CreateInvite(ctx context.Context, inv Invitation, secret Hash, jobs []Job) error
	// SetInviteSecret gives an open invitation its secret: UPDATE invites SET
	// secret_hash = secret WHERE id = id AND ended_at IS NULL AND expires_at >
	// now RETURNING.
	SetInviteSecret(ctx context.Context, id string, secret Hash, now time.Time) (inv Invitation, ok bool, err error)
	// AcceptInvite uses an invitation up: UPDATE invites SET ended_at =
	// a.Session.CreatedAt WHERE secret_hash = a.Secret AND ended_at IS NULL AND
	// expires_at > a.Session.CreatedAt RETURNING; with no row, ok is false. Then
	// the person of its address as in FinishSignIn, the grant (ON CONFLICT DO
	// NOTHING) and the session. The answer is the person with all grants.
	AcceptInvite(ctx context.Context, a AcceptInvite) (p Person, ok bool, err error)
	// CancelInvite sets ended_at WHERE id = id AND jurisdiction = jurisdiction AND
	// ended_at IS NULL.
	CancelInvite(ctx context.Context, id, jurisdiction string, now time.Time) (ok bool, err error)
	// Invites lists the open invitations to a jurisdiction, by id.
	Invites(ctx context.Context, jurisdiction string, now time.Time) ([]Invitation, error)

	// Staff lists who holds a grant in a jurisdiction, by e-mail address and role.
	Staff(ctx context.Context, jurisdiction string) ([]StaffMember, error)
	// Dismiss deletes one grant of a person; with none, ok is false. It also ends
	// the open invitations of their address to that jurisdiction, lest the grant
	// comes back by an old link, and revokes all their sessions. Invitations come
	// first, then grants, then sessions, as in AcceptInvite: two that lock in one
	// order cannot deadlock.
	Dismiss(ctx context.Context, personID string, g Grant, now time.Time) (ok bool, err error)
}

// Job is work that a write causes; it is stored in the same transaction. Its
// payload is an id and nothing else, so no job holds an address or a secret.
type Job struct {
	Kind string
	ID   string
}

// The kinds of job, and the method that each calls with its id.
const (
	SignInMailJob = "sign-in-mail" // Service.Issue
	InviteMailJob = "invite-mail"  // Service.IssueInvite
)

// SignInRow is a sign-in as it is stored.
type SignInRow struct {
	ID        string // UUIDv7; what jobs carry
	Secret    Hash   // of the sign-in id that only the asker has
	Email     string // normalised
	Language  string // BCP 47, or "" where unknown
	Code      Hash   // keyed; "" until the mail is written
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Limit is how many sign-ins of one address may begin within a window.
type Limit struct {
	Count  int
	Window time.Duration
}

// TooManyError says that a limit is reached. It is returned by BeginSignIn.
type TooManyError struct {
	RetryAt time.Time
}

// Error says until when.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("too many sign-ins until %s", e.RetryAt.Format(time.RFC3339))
}

// FinishSignIn is what a right code causes. Session.PersonID is left empty: it
// becomes the id of the person who is found or made.
type FinishSignIn struct {
	ID          string // of the sign-in
	Code        Hash   // that was compared; a code issued since then does not count
	NewPersonID string // for an address that was never verified before
	Session     Session
	Token       Hash
}

// AcceptInvite is what an accepted invitation causes; see [FinishSignIn].
type AcceptInvite struct {
	Secret      Hash
	NewPersonID string
	Session     Session
	Token       Hash
}

// Person is somebody with a verified address.
type Person struct {
	ID     string
	Email  string
	Grants []Grant
}

// StaffMember is a person in one role of one jurisdiction.
type StaffMember struct {
	PersonID string
	Email    string
	Role     Role
}
