package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// loop is the state of one Run. One goroutine owns it; handlers run in their own
// and report over results. While that goroutine talks to the store, results
// gather, and are then settled together.
type loop struct {
	store   Store
	log     *slog.Logger
	now     func() time.Time
	observe func(string, Outcome, time.Duration)

	poll, lease, grace time.Duration

	handlers map[string]Handler
	kinds    []string

	results chan attempt
	gone    chan struct{} // closed when nobody reads results any more

	pending   map[string][]Job // claimed beyond a kind's workers, waiting for one
	running   map[string]int   // by kind
	held      map[string]*hold // every job under our lease, until it is settled
	unsettled []settlement     // finished, but not yet known to the store
	more      bool             // the last claim left jobs behind
}

// hold is a lease of ours.
type hold struct {
	until  time.Time
	lost   bool
	cancel context.CancelCauseFunc // of the handler; nil until it begins
}

// attempt is what a handler's goroutine reports.
type attempt struct {
	job  Job
	err  error
	took time.Duration
}

// storeContext bounds a call to the store so that leases are extended in time.
// The end of ctx does not break it off: a claim that was cut might be committed.
func (l *loop) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(maxStoreCall, l.lease/4))
}

// free returns the kinds that could begin more jobs, and how many in all.
func (l *loop) free() (kinds []string, n int) {
	for _, k := range l.kinds {
		if w := l.handlers[k].Workers - l.running[k]; w > 0 && len(l.pending[k]) == 0 {
			kinds = append(kinds, k)
			n += w
		}
	}
	return kinds, n
}

// claim leases as many jobs as there are free workers and begins them. It
// returns when to look again.
func (l *loop) claim(ctx context.Context) time.Duration {
	kinds, free := l.free()
	if free == 0 {
		l.more = true // unknown, so look as soon as a worker is free
		return l.poll
	}
	free = min(free, maxClaim)
	call, cancel := l.storeContext(ctx)
	defer cancel()
	now := l.now() // before the call: our idea of the lease ends no later than the store's
	jobs, err := l.store.Claim(call, kinds, free, l.lease, now)
	if err != nil {
		l.log.Error("claim jobs", "err", err)
		return claimErrPause
	}
	l.more = len(jobs) == free || len(kinds) < len(l.kinds)
	for _, j := range jobs {
		l.accept(j, now.Add(l.lease))
	}
	l.begin(ctx)
	if _, still := l.free(); still > 0 && len(jobs) == free {
		return 0 // one kind's backlog took what was meant for the others
	}
	return l.poll
}

// accept takes a claimed job in.
func (l *loop) accept(j Job, until time.Time) {
	if h := l.held[j.ID]; h != nil {
		// Our own lease had run out, but the handler still runs or its verdict
		// is still on its way: the job is ours again, and not to be run twice.
		h.until, h.lost = until, false
		return
	}
	l.held[j.ID] = &hold{until: until}
	if limit := l.handlers[j.Kind].Backoff.MaxAttempts; j.Attempts > limit {
		l.finish(j, verdict{outcome: Parked, reason: fmt.Sprintf("claimed more than %d times without an end", limit)}, 0)
		return
	}
	l.pending[j.Kind] = append(l.pending[j.Kind], j)
}

// begin starts pending jobs while there are free workers.
func (l *loop) begin(ctx context.Context) {
	for kind, jobs := range l.pending {
		h := l.handlers[kind]
		for len(jobs) > 0 && l.running[kind] < h.Workers {
			l.start(ctx, h, jobs[0])
			jobs = jobs[1:]
		}
		l.pending[kind] = jobs
	}
}

func (l *loop) start(ctx context.Context, h Handler, j Job) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.held[j.ID].cancel = cancel
	l.running[j.Kind]++
	go func() {
		began := time.Now()
		err := h.attempt(ctx, j)
		select {
		case l.results <- attempt{job: j, err: err, took: time.Since(began)}:
		case <-l.gone:
		}
	}()
}

// collect takes in a result and all others that are ready.
func (l *loop) collect(ctx context.Context, a attempt) {
	for {
		l.conclude(a)
		select {
		case a = <-l.results:
		default:
			l.begin(ctx)
			return
		}
	}
}

// conclude decides about one attempt.
func (l *loop) conclude(a attempt) {
	l.running[a.job.Kind]--
	h := l.held[a.job.ID]
	h.cancel(nil)
	v := l.handlers[a.job.Kind].judge(a.job, a.err, l.now(), spread())
	if errors.Is(a.err, ErrStopping) && v.outcome == Retried {
		v.at = l.now() // it did nothing wrong: whoever comes next may begin at once
	}
	if v.outcome != Done && l.expired(a.job.ID) {
		v = verdict{outcome: Lost, reason: v.reason}
	}
	if p, ok := errors.AsType[*panicError](a.err); ok {
		l.log.Error("job panicked", "job", a.job.ID, "kind", a.job.Kind, "stack", string(p.stack))
	}
	l.finish(a.job, v, a.took)
}

// finish logs a verdict and queues it for the store.
func (l *loop) finish(j Job, v verdict, took time.Duration) {
	l.observe(j.Kind, v.outcome, took)
	if v.outcome != Done {
		l.log.Warn("job failed", "job", j.ID, "kind", j.Kind, "attempt", j.Attempts, "outcome", v.outcome, "reason", v.reason)
	}
	l.unsettled = append(l.unsettled, settlement{j.ID, v})
}
