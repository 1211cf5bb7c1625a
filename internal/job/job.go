// Package job does durable work: what a transaction causes is stored with it as
// jobs, and a [Runner] carries them out afterwards, until they are done or an
// operator has to look.
//
//	           Claim                    Done
//	waiting ───────────▶ leased ────────────────────▶ done
//	   ▲                   │  │
//	   │  Retry, or the    │  │ Park: permanent failure, or
//	   └── lease runs out ─┘  └─ failing for too long ──▶ parked
//
// A job runs at least once: a process that dies leaves its lease to run out, and
// then another claims the job. While the lease is held and extended nobody else
// runs it. Handlers therefore must bear being run again, and should pass the
// job's ID on as an idempotency key where the other side takes one.
//
// Handlers must not put personal data (names, addresses, endpoints, free text)
// into their errors: the text, cut to 300 bytes, is stored with the job, shown to
// operators and logged. The same holds for Payload, which carries ids only;
// what is personal is read when the job runs.
//
// Limits: jobs have no order among each other, and a lease is only as good as
// the clocks: those of the processes that share a store may differ by a few
// seconds, not by half a lease. A handler that ignores its context cannot be
// stopped; it keeps its place until it returns.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Job is one piece of work.
type Job struct {
	// ID is a UUIDv7.
	ID string
	// Kind names the handler.
	Kind string
	// Key, when not empty, is unique among the unfinished jobs of a kind:
	// storing a second one with the same key does nothing.
	Key string
	// Payload is the handler's input; ids, never personal data.
	Payload json.RawMessage
	// RunAt is the earliest time of the next attempt.
	RunAt time.Time
	// Attempts counts how often the job was claimed, this time included.
	Attempts int
	// CreatedAt is when the job was stored.
	CreatedAt time.Time
}

// New makes a job that runs as soon as it is committed. It fails if the payload
// cannot be written as JSON.
func New(kind, key string, payload any, now time.Time) (Job, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return Job{}, fmt.Errorf("encode payload of %s job: %w", kind, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Job{}, fmt.Errorf("make id of %s job: %w", kind, err)
	}
	return Job{ID: id.String(), Kind: kind, Key: key, Payload: body, RunAt: now, CreatedAt: now}, nil
}

// Store keeps jobs. Storing new ones is not part of it: that happens inside the
// transaction that causes them.
type Store interface {
	// Claim leases up to n jobs of the kinds that are due at now and under no
	// lease, the longest due first, until now+lease, and counts the attempt in
	// what it stores and returns.
	Claim(ctx context.Context, kinds []string, n int, lease time.Duration, now time.Time) ([]Job, error)
	// Done finishes jobs, all in one statement. Ids that are not there are no error.
	Done(ctx context.Context, ids []string) error
	// Retry ends the lease and makes the job due at a time, keeping the reason.
	Retry(ctx context.Context, id string, at time.Time, reason string) error
	// Park ends the lease and takes the job out of the running, for operators to
	// see with its reason.
	Park(ctx context.Context, id string, reason string) error
	// Extend moves the end of leases. Ids that are not there are no error.
	Extend(ctx context.Context, ids []string, until time.Time) error
}

// GivenUp is a parked job, with the reason for operators to see.
type GivenUp struct {
	Job
	Reason string
}

// ErrLeaseLost is the cause of a handler's cancelled context when its lease ran
// out because the store could not be reached: another process may have the job.
var ErrLeaseLost = errors.New("job lease lost")

// ErrStopping is the cause of a handler's cancelled context when the process
// stops and the grace period is over.
var ErrStopping = errors.New("job runner is stopping")

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks an error that no later attempt can mend: the job is parked at
// once. Of nil it makes nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type retryAfterError struct {
	error
	after time.Duration
}

func (e retryAfterError) Unwrap() error { return e.error }

// RetryAfter marks an error whose cause asked to be left alone for d. The next
// attempt is no sooner than that, up to a day, and no sooner than the handler's
// backoff. Of nil it makes nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return retryAfterError{err, d}
}

// IsPermanent reports whether err was marked by [Permanent].
func IsPermanent(err error) bool {
	_, ok := errors.AsType[permanentError](err)
	return ok
}

// AskedDelay returns the time that err was marked with by [RetryAfter], 0 if it
// was not.
func AskedDelay(err error) time.Duration {
	if e, ok := errors.AsType[retryAfterError](err); ok {
		return e.after
	}
	return 0
}
