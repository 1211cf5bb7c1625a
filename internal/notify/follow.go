package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

const (
	followCodeLife = 30 * time.Minute
	followMaxTries = 5
	askCount       = 5 // unconfirmed e-mail subscriptions of one address …
	askWindow      = time.Hour
)

// Followers keeps who follows what. All fields but Committed are required.
type Followers struct {
	Store   FollowerStore
	Reports ReportReader
	Places  Places
	// Egress judges push endpoints.
	Egress *egress.Client
	Now    func() time.Time
	// CodeKey keys the hashes of codes and addresses, SecretKey makes the
	// secrets; at least 32 bytes each, the same in every process.
	CodeKey, SecretKey []byte
	// Committed is called after a commit that left jobs; nil if nobody waits.
	Committed func()
}

// ReportReader reads a report by id or reference on behalf of an actor, who is
// told problem.NotFound of what they may not see. *report.Service is one.
type ReportReader interface {
	Read(ctx context.Context, actor auth.Actor, name string) (report.Report, error)
}

// Places knows where and what can be reported. *routing.Router is one.
type Places interface {
	// ReachesReports reports whether reports may be filed within a circle.
	ReachesReports(ctx context.Context, lat, lon, radiusM float64) (bool, error)
	// TakesService reports whether a service can be reported anywhere.
	TakesService(ctx context.Context, code string) (bool, error)
}

// Follow asks to be told of one report or of an area, by push or by e-mail.
type Follow struct {
	Report   string // id or reference; or Area
	Area     *Area
	Services []string     // only with Area; none for all
	Push     *PushAddress // or Email
	Email    string
	Language string // BCP 47, or empty
	Key      report.Key
}

// Area is a circle.
type Area struct {
	Lat, Lon float64 // WGS 84 degrees
	RadiusM  float64 // metres
}

// PushAddress is a browser's PushSubscription.
type PushAddress struct {
	Endpoint, P256dh, Auth string
}

// Followed is what the follower gets.
type Followed struct {
	ID        string
	Secret    string // ends it; empty from Confirm, whose caller need not be the one who has it
	Active    bool
	ExpiresAt time.Time // until when a pending one can be confirmed; zero once active
	Replayed  bool
}

// Follow starts a subscription. Push is active at once; an e-mail address hears
// nothing but its code until [Followers.Confirm]. The same key again gives the
// same id and secret. Errors: Invalid naming every field, NotFound for a report
// that actor may not see, TooMany for an address that was asked too often, Gone
// for the key of a subscription that has ended.
func (s *Followers) Follow(ctx context.Context, actor auth.Actor, f Follow) (Followed, error) {
	if done, ok, err := s.followedBefore(ctx, f.Key); ok || err != nil {
		return done, err
	}
	row, err := s.prepare(ctx, actor, f)
	if err != nil {
		return Followed{}, err
	}
	var limit *AskLimit
	var jobs []job.Job
	if !row.Active {
		limit = &AskLimit{Address: s.addressHash(row.Email), Count: askCount, Since: row.CreatedAt.Add(-askWindow), Now: row.CreatedAt}
		j, err := job.New(JobFollowMail, row.ID, idJob{ID: row.ID}, row.CreatedAt)
		if err != nil {
			return Followed{}, err
		}
		jobs = []job.Job{j}
	}
	first, err := s.Store.Follow(ctx, row, f.Key, limit, jobs)
	if tooOften, ok := errors.AsType[*TooOftenError](err); ok {
		return Followed{}, &problem.Error{
			Kind: problem.TooMany, Detail: "this address has been asked to confirm too often; try again later",
			RetryAfter: tooOften.RetryAt.Sub(row.CreatedAt),
		}
	}
	if err != nil {
		return Followed{}, fmt.Errorf("store subscription %s: %w", row.ID, err)
	}
	if first.Replayed {
		return s.replayed(ctx, first, f.Key)
	}
	s.wake()
	return s.followed(row)
}

// followedBefore answers a repeated idempotency key before any work is done.
func (s *Followers) followedBefore(ctx context.Context, key report.Key) (Followed, bool, error) {
	if key.Key == "" {
		return Followed{}, false, nil
	}
	first, ok, err := s.Store.Replay(ctx, key)
	if err != nil || !ok {
		return Followed{}, false, err
	}
	done, err := s.replayed(ctx, first, key)
	return done, true, err
}

func (s *Followers) replayed(ctx context.Context, first report.Replay, key report.Key) (Followed, error) {
	if first.Fingerprint != key.Fingerprint {
		return Followed{}, report.ErrKeyReused()
	}
	row, ok, err := s.Store.Follower(ctx, first.Resource)
	if err != nil {
		return Followed{}, fmt.Errorf("read subscription %s: %w", first.Resource, err)
	}
	if !ok {
		return Followed{}, problem.New(problem.Gone, "the subscription that this key made has ended")
	}
	done, err := s.followed(row)
	done.Replayed = true
	return done, err
}

func (s *Followers) followed(row Follower) (Followed, error) {
	secret, err := s.secret(row.ID)
	return Followed{ID: row.ID, Secret: secret, Active: row.Active, ExpiresAt: row.ExpiresAt}, err
}

// Confirm makes a pending subscription active by the code that was mailed, once.
// Wrong, expired, used up and unknown all get the same Invalid error about
// "/code". A try is counted in the database before the codes are compared.
func (s *Followers) Confirm(ctx context.Context, id, typed string) (Followed, error) {
	code, ok := auth.ReadCode(typed)
	if _, err := uuid.Parse(id); err != nil || !ok {
		return Followed{}, errWrongFollowCode()
	}
	now := s.now()
	row, ok, err := s.Store.TakeFollowTry(ctx, id, followMaxTries, now)
	if err != nil {
		return Followed{}, fmt.Errorf("take a try at subscription %s: %w", id, err)
	}
	hash := s.codeHash(id, code)
	if !ok || row.CodeHash == "" || !hmac.Equal([]byte(row.CodeHash), []byte(hash)) {
		return Followed{}, errWrongFollowCode()
	}
	if ok, err = s.Store.Activate(ctx, id, hash, s.addressHash(row.Email), now); err != nil {
		return Followed{}, fmt.Errorf("activate subscription %s: %w", id, err)
	}
	if !ok {
		return Followed{}, errWrongFollowCode()
	}
	return Followed{ID: id, Active: true}, nil
}

func errWrongFollowCode() error {
	return problem.Field("/code", "wrong-code", "the code is wrong or no longer valid; after %d tries or %d minutes follow anew",
		followMaxTries, int(followCodeLife.Minutes()))
}

// Unfollow ends the subscription that the secret belongs to and forgets its
// address. An unknown secret is no error: ending twice is harmless.
func (s *Followers) Unfollow(ctx context.Context, secret string) error {
	if len(secret) != secretChars {
		return nil
	}
	if err := s.Store.Unfollow(ctx, secretHash(secret)); err != nil {
		return fmt.Errorf("end a subscription: %w", err)
	}
	return nil
}

// Sweep deletes subscriptions that nobody confirmed in time. To be called every
// hour or so.
func (s *Followers) Sweep(ctx context.Context) error {
	now := s.now()
	if err := s.Store.SweepFollowers(ctx, now.Add(-askWindow), now); err != nil {
		return fmt.Errorf("sweep subscriptions: %w", err)
	}
	return nil
}

// FollowMail is what a mailer needs to send a code. It must not be stored or
// logged.
type FollowMail struct {
	Email     string
	Language  string
	Code      string
	Report    string // id of the report that it concerns; empty for an area
	ExpiresAt time.Time
}

// Issue makes the code of a pending subscription when its mail is about to be
// written: until then there is none, and afterwards only its keyed hash is kept.
// A job that runs again issues a new code in place of the old one, with the
// tries as they are. The error is [auth.ErrNothingToSend] where the subscription
// no longer waits for a code.
func (s *Followers) Issue(ctx context.Context, id string) (FollowMail, error) {
	code, err := auth.NewCode()
	if err != nil {
		return FollowMail{}, err
	}
	row, ok, err := s.Store.SetFollowCode(ctx, id, s.codeHash(id, code), followMaxTries, s.now())
	if err != nil {
		return FollowMail{}, fmt.Errorf("issue the code of subscription %s: %w", id, err)
	}
	if !ok {
		return FollowMail{}, auth.ErrNothingToSend
	}
	return FollowMail{Email: row.Email, Language: row.Language, Code: code, Report: row.Report, ExpiresAt: row.ExpiresAt}, nil
}

// secretChars is the length of a secret: 16 bytes of id and 32 of HMAC, base64url.
const secretChars = 64

// secret makes the secret that ends a subscription. It is computed, so that a
// repeated request and every mail can show it although only its hash is stored.
func (s *Followers) secret(id string) (string, error) {
	raw, err := uuid.Parse(id)
	if err != nil {
		return "", fmt.Errorf("make the secret of subscription %s: not a UUID", id)
	}
	return base64.RawURLEncoding.EncodeToString(append(raw[:], keyed(s.SecretKey, "subscription", id)...)), nil
}

func secretHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// codeHash keys the hash, as anyone could hash a million codes, and binds it to
// the row, so that equal codes of two rows do not look equal.
func (s *Followers) codeHash(id, code string) string {
	return hex.EncodeToString(keyed(s.CodeKey, "subscription-code\x00"+id+"\x00", code))
}

func (s *Followers) addressHash(email string) string {
	return hex.EncodeToString(keyed(s.CodeKey, "subscription-address\x00", email))
}

func keyed(key []byte, purpose, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(purpose + text)) // a hash never fails to write
	return mac.Sum(nil)
}

func (s *Followers) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (s *Followers) wake() {
	if s.Committed != nil {
		s.Committed()
	}
}
