package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Runner claims jobs and has them carried out. Store and Handlers must be set;
// the fields may not change once Run was called.
type Runner struct {
	Store Store
	// Handlers by kind; only these kinds are claimed.
	Handlers map[string]Handler
	// Log gets failures by id and kind. Default: nothing is logged.
	Log *slog.Logger
	// Now tells the time. Default time.Now.
	Now func() time.Time
	// PollInterval is how soon a job is seen of which nobody spoke: one that
	// became due, or was stored by another process. Default 250 ms.
	PollInterval time.Duration
	// Lease is how long a job of a process that died stays untouched. It is
	// extended every third of it for as long as a handler runs. Default 60 s.
	Lease time.Duration
	// Grace is how long running handlers may go on after Run's context ended.
	// Default 20 s.
	Grace time.Duration
	// Observe, when set, is told of every attempt: how it ended and how long the
	// handler took. It is called by one goroutine and must not block.
	Observe func(kind string, outcome Outcome, took time.Duration)

	once sync.Once
	wake chan struct{}
}

const (
	maxClaim      = 100
	maxStoreCall  = 10 * time.Second
	abandonWait   = time.Second // from cancelling a handler to leaving it behind
	claimErrPause = time.Second
)

// Wake tells the runner that jobs were committed, so that it looks at once. It
// never blocks and may be called at any time by any goroutine.
func (r *Runner) Wake() {
	select {
	case r.wakeUp() <- struct{}{}:
	default: // a wake-up is already waiting and will see these jobs too
	}
}

func (r *Runner) wakeUp() chan struct{} {
	r.once.Do(func() { r.wake = make(chan struct{}, 1) })
	return r.wake
}

// Run carries out jobs until ctx ends, then claims no more, gives back what has
// not begun, lets what runs finish for up to Grace and cancels the rest. It
// returns an error only if it could not begin or had to leave handlers behind.
func (r *Runner) Run(ctx context.Context) error {
	l, err := r.newLoop()
	if err != nil {
		return err
	}
	defer close(l.gone)
	// What has begun is not broken off by the end of ctx: that is what Grace is for.
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	poll := time.NewTimer(0)
	defer poll.Stop()
	extend := time.NewTicker(l.lease / 3)
	defer extend.Stop()
	for {
		look := false
		select {
		case <-ctx.Done():
			return l.drain(base, cancel, extend.C)
		case <-r.wakeUp():
			look = true
		case <-poll.C:
			look = true
		case <-extend.C:
			l.extend(base)
		case a := <-l.results:
			l.collect(base, a)
			look = l.more
		}
		if l.settle(base) && look {
			poll.Reset(l.claim(base))
		} else if look {
			poll.Reset(claimErrPause)
		}
	}
}

func (r *Runner) newLoop() (*loop, error) {
	if r.Store == nil || len(r.Handlers) == 0 {
		return nil, errors.New("run jobs: no store or no handlers")
	}
	l := &loop{
		store: r.Store, log: r.Log, now: r.Now, observe: r.Observe,
		poll: r.PollInterval, lease: r.Lease, grace: r.Grace,
		handlers: map[string]Handler{},
		results:  make(chan attempt),
		gone:     make(chan struct{}),
		pending:  map[string][]Job{},
		running:  map[string]int{},
		held:     map[string]*hold{},
	}
	for kind, h := range r.Handlers {
		if h.Run == nil {
			return nil, fmt.Errorf("run jobs: no function for kind %q", kind)
		}
		l.handlers[kind] = h.withDefaults()
		l.kinds = append(l.kinds, kind)
	}
	slices.Sort(l.kinds)
	setDefault(&l.poll, 250*time.Millisecond)
	setDefault(&l.lease, time.Minute)
	setDefault(&l.grace, 20*time.Second)
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.observe == nil {
		l.observe = func(string, Outcome, time.Duration) {}
	}
	return l, nil
}
