package job

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

// inBubble runs a test on a clock of its own that jumps to the next event.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Parallel()
	synctest.Test(t, f)
}

func TestRunsEveryJobOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newMemory(append(makeJobs(t, "a", 500), makeJobs(t, "b", 500)...)...)
		store.took = time.Millisecond
		var mu sync.Mutex
		ran, inA, mostA := map[string]int{}, 0, 0
		count := func(kind string) Handler {
			return Handler{Workers: 7, Run: func(_ context.Context, j Job) error {
				mu.Lock()
				ran[j.ID]++
				if kind == "a" {
					inA++
					mostA = max(mostA, inA)
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if kind == "a" {
					inA--
				}
				return nil
			}}
		}
		r := &Runner{Store: store, Handlers: map[string]Handler{"a": count("a"), "b": count("b")}}
		stop := start(t, r)
		time.Sleep(10 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(ran) != 1000 {
			t.Errorf("%d jobs ran, want 1000", len(ran))
		}
		for id, n := range ran {
			if n != 1 || !store.get(id).done {
				t.Errorf("job %s ran %d times, done: %v", id, n, store.get(id).done)
			}
		}
		if mostA != 7 {
			t.Errorf("%d jobs of a kind ran at once, want all its 7 workers and no more", mostA)
		}
		if store.dones > 250 || store.claims > 400 {
			t.Errorf("1,000 jobs took %d calls of Claim and %d of Done: they are not batched", store.claims, store.dones)
		}
	})
}

func TestIgnoresKindsWithoutHandler(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		other := makeJobs(t, "other", 1)[0]
		store := newMemory(other)
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error { return nil }}}})
		time.Sleep(time.Minute)
		_ = stop()
		if r := store.get(other.ID); r.Attempts != 0 {
			t.Errorf("a job without a handler was claimed %d times", r.Attempts)
		}
	})
}

func TestWakesAtOnceAndPollsOtherwise(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newMemory()
		ran := make(chan time.Time, 1)
		r := &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error {
			ran <- time.Now()
			return nil
		}}}}
		stop := start(t, r)
		defer func() { _ = stop() }()
		time.Sleep(time.Minute + 100*time.Millisecond) // 150 ms before the next poll

		began := time.Now()
		store.add(makeJobs(t, "a", 1)...)
		r.Wake()
		if d := (<-ran).Sub(began); d != 0 {
			t.Errorf("a job that was announced waited %v, want 0", d)
		}
		time.Sleep(100 * time.Millisecond)
		began = time.Now()
		store.add(makeJobs(t, "a", 1)...)
		if d := (<-ran).Sub(began); d <= 0 || d > 250*time.Millisecond {
			t.Errorf("a job of which nobody spoke waited %v, want up to 250 ms", d)
		}
		later := makeJobs(t, "a", 1)[0]
		later.RunAt = time.Now().Add(time.Hour)
		store.add(later)
		r.Wake()
		if d := (<-ran).Sub(later.RunAt); d < 0 || d > 250*time.Millisecond {
			t.Errorf("a job for later ran %v after its time, want 0 to 250 ms", d)
		}
	})
}

func TestWakeNeverBlocks(t *testing.T) {
	t.Parallel()
	r := &Runner{}
	for range 1000 {
		r.Wake() // nobody runs it
	}
}

func TestRetriesWithBackoffAndParksAfterThreeDays(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		var starts []time.Time
		outcomes := map[Outcome]int{}
		r := &Runner{
			Store:        store,
			PollInterval: time.Second, // 80 hours of polls take time even here
			Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error {
				starts = append(starts, time.Now())
				return errBroken
			}}},
			Observe: func(_ string, o Outcome, _ time.Duration) { outcomes[o]++ },
		}
		stop := start(t, r)
		time.Sleep(80 * time.Hour)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(starts); i++ {
			want := min(time.Second<<min(i-1, 20), time.Hour)
			if d := starts[i].Sub(starts[i-1]); d < want*8/10 || d > want*12/10+time.Second {
				t.Errorf("attempt %d came after %v, want about %v", i+1, d, want)
			}
		}
		rec := store.get(j.ID)
		if age := starts[len(starts)-1].Sub(j.CreatedAt); !rec.parked || age > 72*time.Hour || age < 70*time.Hour {
			t.Errorf("parked: %v, last attempt at age %v, want the last hours before 72 h", rec.parked, age)
		}
		if rec.reason != "broken" || outcomes[Parked] != 1 || outcomes[Retried] != len(starts)-1 {
			t.Errorf("reason %q, outcomes %v of %d attempts", rec.reason, outcomes, len(starts))
		}
		if len(starts) < 75 || len(starts) > 100 {
			t.Errorf("%d attempts in three days, want about 85", len(starts))
		}
	})
}

func TestPermanentFailureIsParkedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error {
			return Permanent(errBroken)
		}}}})
		time.Sleep(time.Hour)
		_ = stop()
		if r := store.get(j.ID); !r.parked || r.Attempts != 1 || r.reason != "broken" {
			t.Errorf("parked: %v after %d attempts for %q", r.parked, r.Attempts, r.reason)
		}
	})
}

func TestPanicIsAFailedAttempt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		jobs := makeJobs(t, "a", 2)
		store := newMemory(jobs...)
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(_ context.Context, j Job) error {
			if j.ID == jobs[0].ID {
				var none []int
				_ = none[j.Attempts]
			}
			panic("anna@example.org")
		}}}})
		time.Sleep(time.Minute)
		_ = stop()
		if r := store.get(jobs[0].ID); r.Attempts < 2 || !strings.HasPrefix(r.reason, "panic: runtime error: index out of range") {
			t.Errorf("%d attempts, reason %q", r.Attempts, r.reason)
		}
		if r := store.get(jobs[1].ID); r.reason != "panic: string" {
			t.Errorf("reason %q, want the type of the panic's value only", r.reason)
		}
	})
}

func TestAttemptTimesOut(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		var took time.Duration
		stop := start(t, &Runner{
			Store: store,
			Handlers: map[string]Handler{"a": {Timeout: 5 * time.Second, Run: func(ctx context.Context, _ Job) error {
				<-ctx.Done()
				return errBroken
			}}},
			Observe: func(_ string, _ Outcome, d time.Duration) { took = d },
		})
		time.Sleep(5500 * time.Millisecond)
		_ = stop()
		if r := store.get(j.ID); took != 5*time.Second || r.reason != "broken (context deadline exceeded)" {
			t.Errorf("attempt took %v and ended with %q", took, r.reason)
		}
	})
}

// Two processes share a store; the first dies in the middle of a job.
func TestJobOfADeadProcessRunsAgainWhenItsLeaseEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		if claimed, err := store.Claim(t.Context(), []string{"a"}, 1, time.Minute, time.Now()); err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err) // and never heard of again
		}
		died := time.Now()
		var ran time.Time
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error {
			ran = time.Now()
			return nil
		}}}})
		time.Sleep(2 * time.Minute)
		_ = stop()
		if d := ran.Sub(died); d < time.Minute || d > time.Minute+250*time.Millisecond {
			t.Errorf("ran again after %v, want once the lease of a minute is over", d)
		}
		if r := store.get(j.ID); !r.done || r.Attempts != 2 {
			t.Errorf("done: %v after %d attempts, want true after 2", r.done, r.Attempts)
		}
	})
}

func TestLongJobKeepsItsLease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		jobs := makeJobs(t, "a", 3)
		store := newMemory(jobs...)
		var runs atomic.Int64
		h := Handler{Timeout: time.Hour, Workers: 1, Run: func(context.Context, Job) error {
			runs.Add(1)
			time.Sleep(20 * time.Minute) // of twenty leases
			return nil
		}}
		stop1 := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": h}})
		stop2 := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": h}})
		time.Sleep(2 * time.Hour)
		_, _ = stop1(), stop2()
		if n := runs.Load(); n != 3 {
			t.Errorf("three jobs were run %d times", n)
		}
		for _, j := range jobs {
			if r := store.get(j.ID); !r.done || r.Attempts != 1 {
				t.Errorf("done: %v after %d attempts", r.done, r.Attempts)
			}
		}
	})
}

func TestHandlerIsCancelledWhenItsLeaseCannotBeKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		began := time.Now()
		var causes []error
		var after time.Duration
		outcomes := map[Outcome]int{}
		stop := start(t, &Runner{
			Store: store,
			Handlers: map[string]Handler{"a": {Timeout: time.Hour, Run: func(ctx context.Context, _ Job) error {
				if len(causes) > 0 {
					return nil
				}
				<-ctx.Done()
				causes, after = append(causes, context.Cause(ctx)), time.Since(began)
				return ctx.Err()
			}}},
			Observe: func(_ string, o Outcome, _ time.Duration) { outcomes[o]++ },
		})
		time.Sleep(time.Second)
		store.setDown(true)
		time.Sleep(5 * time.Minute)
		store.setDown(false)
		time.Sleep(5 * time.Second)
		_ = stop()
		if len(causes) != 1 || !errors.Is(causes[0], ErrLeaseLost) || after > 80*time.Second {
			t.Errorf("causes %v after %v, want ErrLeaseLost when the lease of a minute is over", causes, after)
		}
		if r := store.get(j.ID); !r.done || outcomes[Lost] != 1 || outcomes[Done] != 1 {
			t.Errorf("done: %v, outcomes %v, want one lost attempt and one that succeeded", r.done, outcomes)
		}
	})
}

func TestSuccessSurvivesAnOutageOfTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		runs := 0
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Run: func(context.Context, Job) error {
			runs++
			store.setDown(true)
			return nil
		}}}})
		time.Sleep(10 * time.Minute) // its lease runs out meanwhile
		store.setDown(false)
		time.Sleep(5 * time.Second)
		_ = stop()
		if r := store.get(j.ID); runs != 1 || !r.done {
			t.Errorf("%d runs, done: %v: what succeeded was done again or forgotten", runs, r.done)
		}
	})
}

// A handler that ignores its context outlives its lease; the job that comes back
// to the same process is the one that still runs.
func TestJobIsNotBegunTwiceInOneProcess(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		var runs, together atomic.Int64
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": {Timeout: time.Hour, Run: func(context.Context, Job) error {
			runs.Add(1)
			if together.Add(1) > 1 {
				t.Error("the job runs beside itself")
			}
			defer together.Add(-1)
			time.Sleep(10 * time.Minute)
			return nil
		}}}})
		time.Sleep(time.Second)
		store.setDown(true)
		time.Sleep(3 * time.Minute)
		store.setDown(false)
		time.Sleep(30 * time.Minute)
		_ = stop()
		if r := store.get(j.ID); runs.Load() != 1 || !r.done || r.Attempts != 2 {
			t.Errorf("%d runs, done: %v, claimed %d times, want 1 run of 2 claims", runs.Load(), r.done, r.Attempts)
		}
	})
}

func TestParksAJobThatTakesTheProcessDown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		j.Attempts = 5
		store := newMemory(j)
		runs := 0
		h := Handler{Backoff: Backoff{MaxAttempts: 5}, Run: func(context.Context, Job) error { runs++; return nil }}
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": h}})
		time.Sleep(time.Minute)
		_ = stop()
		if r := store.get(j.ID); runs != 0 || !r.parked {
			t.Errorf("%d runs, parked: %v", runs, r.parked)
		}
	})
}

func TestRunRefusesToBeginWithoutItsParts(t *testing.T) {
	t.Parallel()
	work := map[string]Handler{"a": {Run: func(context.Context, Job) error { return nil }}}
	for name, r := range map[string]*Runner{
		"no store":    {Handlers: work},
		"no handlers": {Store: newMemory()},
		"no function": {Store: newMemory(), Handlers: map[string]Handler{"a": {}}},
	} {
		if err := r.Run(t.Context()); err == nil {
			t.Errorf("%s: Run = nil, want an error", name)
		}
	}
}
