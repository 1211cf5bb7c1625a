package notify

import (
	"context"
	"time"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
)

// Follower is a subscription as it is stored: who hears of one report, or of
// every new public report in an area. It holds addresses, so it stands in no
// log, no job and no answer.
type Follower struct {
	ID         string // UUIDv7
	SecretHash string // SHA-256 of the secret that ends it, hex
	Report     string // id; empty for an area
	Area       *Area
	Services   []string     // of an area; none for all
	Push       Subscription // zero for e-mail
	Email      string       // normalised; empty for push
	Language   string       // BCP 47, or empty where unknown
	Active     bool
	CodeHash   string    // keyed; empty until the mail is written
	ExpiresAt  time.Time // of a pending one's code; zero once active
	CreatedAt  time.Time
}

// The channels of a follower, which are also the kinds of the jobs that send.
const (
	ChannelPush = "push"
	ChannelMail = "mail"
)

// Channel says how the follower hears.
func (f Follower) Channel() string {
	if f.Email != "" {
		return ChannelMail
	}
	return ChannelPush
}

// AskLimit bounds how often one address can be asked to confirm. Address is a
// keyed hash: the limit outlives the rows that it counts, and must not keep an
// address that never agreed to be kept.
type AskLimit struct {
	Address string
	Count   int
	Since   time.Time // begin of the oldest window that still counts
	Now     time.Time
}

// FollowerStore keeps followers. Each method that writes is one transaction.
type FollowerStore interface {
	// Replay returns what an idempotency key stands for, if it was used.
	Replay(ctx context.Context, key report.Key) (report.Replay, bool, error)
	// Follow stores a follower with the tiles of its area and its jobs. A key
	// that is there already makes it store nothing and return what the key
	// stands for. A limit that is reached makes it store nothing and return
	// *[TooOftenError].
	Follow(ctx context.Context, f Follower, key report.Key, limit *AskLimit, jobs []job.Job) (report.Replay, error)
	// Follower returns one, active or not; ok is false where there is none.
	Follower(ctx context.Context, id string) (f Follower, ok bool, err error)
	// SetFollowCode gives a live pending follower its code, replacing an earlier
	// one and leaving the tries as they are.
	SetFollowCode(ctx context.Context, id, codeHash string, maxTries int, now time.Time) (f Follower, ok bool, err error)
	// TakeFollowTry counts one try of a live pending follower before anything is
	// compared, and is committed whatever comes of it.
	TakeFollowTry(ctx context.Context, id string, maxTries int, now time.Time) (f Follower, ok bool, err error)
	// Activate makes a live pending follower with this code active, once, and
	// lets the count of its address begin anew.
	Activate(ctx context.Context, id, codeHash, address string, now time.Time) (ok bool, err error)
	// Unfollow deletes the follower with this secret. None is no error.
	Unfollow(ctx context.Context, secretHash string) error
	// Drop deletes a follower whose push service says that it is gone.
	Drop(ctx context.Context, id string) error
	// SweepFollowers deletes what was not confirmed in time, and counts of
	// addresses whose window began at or before askedBefore.
	SweepFollowers(ctx context.Context, askedBefore, now time.Time) error

	// Update returns one entry of a report's history.
	Update(ctx context.Context, id string) (u report.Update, ok bool, err error)
	// Tell stores one job for each receiver of an update and finishes the tell
	// job itself, in one transaction; a tell job that is not there any more
	// makes it store nothing, so that nobody is told twice.
	Tell(ctx context.Context, t Telling) error
	// SetDelivery moves the delivery of r on, if r still lies with the same
	// jurisdiction in the same state; ok is false where it was handed over or
	// moved on meanwhile. It is report.ErrChannelChanged to hold a report by a
	// version of the jurisdiction that is not the current one.
	SetDelivery(ctx context.Context, r report.Report, to report.Delivery, atVersion int64) (ok bool, err error)
}

// Telling is what followers are to hear of.
type Telling struct {
	JobID    string // of the tell job
	UpdateID string
	Report   report.Report
	Areas    bool // to followers of the areas around it instead of its own
	Voices   bool // to followers of what was merged into it too
	Now      time.Time
}

// TooOftenError says that an address was asked too often. It is returned by
// [FollowerStore].Follow.
type TooOftenError struct {
	RetryAt time.Time
}

// Error says until when.
func (e *TooOftenError) Error() string {
	return "an address was asked too often until " + e.RetryAt.Format(time.RFC3339)
}
