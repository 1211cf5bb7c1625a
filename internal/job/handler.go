package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Handler carries out the jobs of one kind.
type Handler struct {
	// Run does the work. Its context ends at Timeout, when the lease is lost and
	// when a stopping process has no more time. It must not put personal data
	// into its errors; see the package comment.
	Run func(ctx context.Context, j Job) error
	// Workers is how many jobs of this kind run at once in this process. Default 4.
	Workers int
	// Timeout bounds one attempt. Default 30 s.
	Timeout time.Duration
	// Backoff says when a failed job is tried again.
	Backoff Backoff
}

// Backoff spaces the attempts of a failing job: First, doubling up to Max, each
// by up to a fifth longer or shorter so that jobs that failed together do not
// return together.
type Backoff struct {
	First time.Duration // default 1 s
	Max   time.Duration // default 1 h
	// GiveUp is the age at which a failing job is parked, by its CreatedAt, but
	// never before MinAttempts: a job that was created long before it was due,
	// or slept through a long outage of this very process, gets its tries too.
	GiveUp      time.Duration // default 72 h
	MinAttempts int           // default 10, about 9 minutes with the other defaults
	// MaxAttempts parks a job unrun that was claimed more often, which is met
	// only by one that takes the process down with it. Default twice what the
	// other settings allow, and 50: 194, where the defaults reach about 85.
	MaxAttempts int
}

const (
	maxReasonBytes = 300
	maxRetryAfter  = 24 * time.Hour // a hostile server may name any time
	jitter         = 0.2
)

func (h Handler) withDefaults() Handler {
	setDefault(&h.Workers, 4)
	setDefault(&h.Timeout, 30*time.Second)
	setDefault(&h.Backoff.First, time.Second)
	setDefault(&h.Backoff.Max, time.Hour)
	setDefault(&h.Backoff.GiveUp, 72*time.Hour)
	setDefault(&h.Backoff.MinAttempts, 10)
	setDefault(&h.Backoff.MaxAttempts, 50+2*int(h.Backoff.GiveUp/h.Backoff.Max))
	return h
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// delay returns the time to the attempt after the given one (counted from 1);
// spread is in [-1, 1) and places it within the jitter.
func (b Backoff) delay(attempt int, spread float64) time.Duration {
	d := b.First
	for i := 1; i < attempt && d < b.Max; i++ {
		d *= 2
	}
	d = time.Duration(float64(min(d, b.Max)) * (1 + jitter*spread))
	return max(min(d, b.Max), b.First)
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Retried Outcome = "retried"
	Parked  Outcome = "parked"
	Lost    Outcome = "lost" // failed after its lease; whoever has it now decides
)

// verdict is what the store is told about an attempt.
type verdict struct {
	outcome Outcome
	at      time.Time // of the next attempt, for Retried
	reason  string
}

// judge decides what follows from an attempt's result.
func (h Handler) judge(j Job, err error, now time.Time, spread float64) verdict {
	if err == nil {
		return verdict{outcome: Done}
	}
	v := verdict{outcome: Parked, reason: reason(err)}
	if IsPermanent(err) {
		return v
	}
	delay := max(h.Backoff.delay(j.Attempts, spread), min(AskedDelay(err), maxRetryAfter))
	v.at = now.Add(delay)
	if j.Attempts < h.Backoff.MinAttempts || !v.at.After(j.CreatedAt.Add(h.Backoff.GiveUp)) {
		v.outcome = Retried
	}
	return v
}

// spread returns a random number in [-1, 1).
func spread() float64 {
	return 2*rand.Float64() - 1 //nolint:gosec // G404: this spaces retries, it guards nothing
}

// panicError is an attempt that panicked. A panic's value may quote input, so
// only the runtime's own are kept as text.
type panicError struct {
	text  string
	stack []byte
}

func (e *panicError) Error() string { return e.text }

// attempt runs the handler once. A panic in it is a failed attempt.
func (h Handler) attempt(ctx context.Context, j Job) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			p := &panicError{text: fmt.Sprintf("panic: %T", v), stack: debug.Stack()}
			if re, ok := v.(runtime.Error); ok {
				p.text = "panic: " + re.Error()
			}
			err = p
		}
	}()
	if err = h.Run(ctx, j); err != nil && ctx.Err() != nil {
		// Says why the context ended, which the handler's error often does not.
		return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return err
}

// reason writes an error as a line that every database stores.
func reason(err error) string {
	line := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, err.Error())
	if len(line) > maxReasonBytes {
		line = strings.ToValidUTF8(line[:maxReasonBytes], "") // may have cut a letter
	}
	return line
}
