package job

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// settlement is a verdict on its way to the store.
type settlement struct {
	id string
	verdict
}

// settle tells the store what has finished, all successes in one call. What it
// cannot tell stays queued, under its lease. It reports whether nothing is left.
func (l *loop) settle(ctx context.Context) bool {
	var left, done []settlement
	for _, s := range l.unsettled {
		if s.outcome == Done {
			done = append(done, s)
		} else if err := l.tell(ctx, s); err != nil {
			l.log.Error("settle job", "job", s.id, "outcome", s.outcome, "err", err)
			left = append(left, s)
		}
	}
	if err := l.tellDone(ctx, done); err != nil {
		l.log.Error("settle jobs", "outcome", Done, "count", len(done), "err", err)
		left = append(left, done...)
	}
	l.unsettled = left
	return len(left) == 0
}

// tellDone finishes jobs. It does so after their lease too: the work is done,
// and whoever else has a job by now need not do it again.
func (l *loop) tellDone(ctx context.Context, done []settlement) error {
	if len(done) == 0 {
		return nil
	}
	ids := make([]string, len(done))
	for i, s := range done {
		ids[i] = s.id
	}
	ctx, cancel := l.storeContext(ctx)
	defer cancel()
	if err := l.store.Done(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		delete(l.held, id)
	}
	return nil
}

// tell settles one job that is not done. One whose lease is over is left to
// whoever has it now: to end that one's lease would have the job run twice.
func (l *loop) tell(ctx context.Context, s settlement) error {
	ctx, cancel := l.storeContext(ctx)
	defer cancel()
	var err error
	switch {
	case s.outcome == Lost || l.expired(s.id):
	case s.outcome == Retried:
		err = l.store.Retry(ctx, s.id, s.at, s.reason)
	case s.outcome == Parked:
		err = l.store.Park(ctx, s.id, s.reason)
	}
	if err == nil {
		delete(l.held, s.id)
	}
	return err
}

// expired reports whether another may hold the job by now.
func (l *loop) expired(id string) bool {
	h := l.held[id]
	return h.lost || !l.now().Before(h.until)
}

// extend keeps our leases. Handlers whose lease ran out although, because the
// store does not answer, are cancelled: another process may begin their job.
func (l *loop) extend(ctx context.Context) {
	var ids []string
	for id, h := range l.held {
		if !h.lost {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	call, cancel := l.storeContext(ctx)
	defer cancel()
	until := l.now().Add(l.lease)
	err := l.store.Extend(call, ids, until)
	if err != nil {
		l.log.Error("extend job leases", "count", len(ids), "err", err)
	}
	for _, id := range ids {
		h := l.held[id]
		switch {
		case l.expired(id):
			// Also when Extend went through: it may have come after another's claim.
			l.lose(id, h)
		case err == nil:
			h.until = until
		}
	}
}

// lose gives a lease up.
func (l *loop) lose(id string, h *hold) {
	l.log.Warn("job lease lost", "job", id)
	h.lost = true
	if h.cancel != nil {
		h.cancel(ErrLeaseLost)
		return
	}
	for kind, jobs := range l.pending {
		for i, j := range jobs {
			if j.ID == id {
				l.pending[kind] = append(jobs[:i:i], jobs[i+1:]...)
				delete(l.held, id)
				return
			}
		}
	}
}

// drain ends a Run whose context is over; cancel ends the handlers' context.
func (l *loop) drain(ctx context.Context, cancel context.CancelCauseFunc, extend <-chan time.Time) error {
	l.release()
	l.settle(ctx)
	grace := time.NewTimer(l.grace)
	defer grace.Stop()
	var abandon <-chan time.Time
	for l.busy() > 0 {
		select {
		case a := <-l.results:
			l.collect(ctx, a)
			l.settle(ctx)
		case <-extend:
			l.extend(ctx)
		case <-grace.C:
			cancel(ErrStopping)
			abandon = time.After(abandonWait)
		case <-abandon:
			return fmt.Errorf("stop jobs: %d handlers did not end", l.busy())
		}
	}
	if !l.settle(ctx) {
		return errors.New("stop jobs: the store did not take the last results")
	}
	return nil
}

// release gives back what was claimed and has not begun.
func (l *loop) release() {
	for kind, jobs := range l.pending {
		for _, j := range jobs {
			l.unsettled = append(l.unsettled, settlement{j.ID, verdict{outcome: Retried, at: l.now(), reason: "given back when stopping"}})
		}
		delete(l.pending, kind)
	}
}

// busy returns how many handlers run.
func (l *loop) busy() int {
	n := 0
	for _, r := range l.running {
		n += r
	}
	return n
}
