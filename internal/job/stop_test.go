package job

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestStopLetsRunningJobsFinishAndGivesBackTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		store := newMemory(append(makeJobs(t, "a", 10), makeJobs(t, "b", 1)...)...)
		var began, ended atomic.Int64
		h := Handler{Workers: 2, Run: func(ctx context.Context, _ Job) error {
			began.Add(1)
			time.Sleep(10 * time.Second)
			if ctx.Err() == nil {
				ended.Add(1)
			}
			return nil
		}}
		stop := start(t, &Runner{Store: store, Handlers: map[string]Handler{"a": h, "b": h}})
		time.Sleep(time.Second)
		stopped := time.Now()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(stopped); d != 9*time.Second {
			t.Errorf("stopping took %v, want the 9 s that the handlers needed", d)
		}
		if began.Load() != ended.Load() {
			t.Errorf("%d began, %d ended undisturbed", began.Load(), ended.Load())
		}
		leased := 0
		for id := range store.jobs {
			if r := store.get(id); !r.done && r.leased.After(time.Now()) {
				leased++
			}
		}
		if leased != 0 {
			t.Errorf("%d jobs stayed leased by nobody", leased)
		}
	})
}

func TestStopCancelsHandlersAfterTheGracePeriod(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		j := makeJobs(t, "a", 1)[0]
		store := newMemory(j)
		stop := start(t, &Runner{Store: store, Grace: 3 * time.Second, Handlers: map[string]Handler{"a": {
			Run: func(ctx context.Context, _ Job) error {
				<-ctx.Done()
				return ctx.Err()
			},
		}}})
		time.Sleep(time.Second)
		stopped := time.Now()
		if err := stop(); err != nil || time.Since(stopped) != 3*time.Second {
			t.Errorf("stop = %v after %v, want nil after 3 s", err, time.Since(stopped))
		}
		r := store.get(j.ID)
		if r.parked || r.leased.After(time.Now()) || r.RunAt.After(time.Now()) || !strings.Contains(r.reason, ErrStopping.Error()) {
			t.Errorf("job = %+v, want it due at once for whoever comes next", r)
		}
	})
}

func TestStopLeavesAStuckHandlerBehind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		release := make(chan struct{})
		stop := start(t, &Runner{Store: newMemory(makeJobs(t, "a", 1)...), Grace: time.Second, Handlers: map[string]Handler{"a": {
			Run: func(context.Context, Job) error {
				<-release
				return nil
			},
		}}})
		time.Sleep(time.Second)
		if err := stop(); err == nil {
			t.Error("stop = nil, want an error that says that a handler did not end")
		}
		close(release) // its goroutine must be able to end although nobody listens
	})
}
