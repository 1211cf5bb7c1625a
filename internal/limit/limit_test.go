package limit_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kantsten/kantsten/internal/limit"
)

func noon() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// bucket is the model: so many calls, which come back one by one.
type bucket struct {
	quota int
	used  float64 // calls
	at    time.Time
}

func (b *bucket) leak(now time.Time) {
	b.used = max(0, b.used-float64(b.quota)*now.Sub(b.at).Hours())
	b.at = now
}

// Whatever is asked, taken and given back in whatever order, the limiter says what
// a leaking bucket says. Quotas divide the hour, so that both count exactly.
func TestTheLimiterIsALeakingBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, now, model := limit.NewLimiter(), noon(), map[limit.Count]*bucket{}
		quota := rapid.SampledFrom([]int{1, 2, 3, 30, 60, 3600})
		counts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) limit.Count {
			return limit.Count{Name: rapid.SampledFrom([]string{"reports", "photos"}).Draw(t, "name"), Key: rapid.StringMatching(`[a-c]`).Draw(t, "key"), Quota: quota.Draw(t, "quota")}
		}), 1, 6).Draw(t, "counts")
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second)
			c := counts[rapid.IntRange(0, len(counts)-1).Draw(t, "which")]
			c.Name += fmt.Sprint(c.Quota) // a name has one quota
			b := model[c]
			if b == nil {
				b = &bucket{quota: c.Quota, at: now}
				model[c] = b
			}
			b.leak(now)
			const rounding = 1e-6
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				l.GiveBack(now, c)
				b.used = max(0, b.used-1)
				continue
			}
			want := b.used+1 <= float64(c.Quota)+rounding
			ok, left := l.Take(now, c)
			if ok != want {
				t.Fatalf("%+v after %v calls: %v", c, b.used, ok)
			}
			if ok {
				b.used++
			}
			if want := int(float64(c.Quota) - b.used + rounding); left[0].Remaining != want {
				t.Fatalf("%+v: %d left, want %d", c, left[0].Remaining, want)
			}
			if ok2, _ := l.Take(now.Add(left[0].Next), c); !ok2 {
				t.Fatalf("%+v does not pass after %v", c, left[0].Next)
			}
			l.GiveBack(now, c)
		}
	})
}

func TestAQuotaCanBeUsedAtOnceAndComesBackEvenly(t *testing.T) {
	t.Parallel()
	l, now, c := limit.NewLimiter(), noon(), limit.Count{Name: "reports", Key: "a", Quota: 30}
	for i := range 30 {
		ok, left := l.Take(now, c)
		if !ok || left[0].Remaining != 29-i || left[0].Reset != time.Duration(i+1)*2*time.Minute {
			t.Fatalf("call %d: %v, %+v", i, ok, left)
		}
	}
	if ok, left := l.Take(now, c); ok || left[0].Next != 2*time.Minute {
		t.Errorf("the 31st: %v, %+v", ok, left)
	}
	if ok, _ := l.Take(now.Add(2*time.Minute), c); !ok {
		t.Error("one has not come back after two minutes")
	}
	if ok, _ := l.Take(now.Add(2*time.Minute), c); ok {
		t.Error("two have come back after two minutes")
	}
}

// A call that one quota refuses does not use the other up.
func TestACallIsCountedAgainstAllOrNone(t *testing.T) {
	t.Parallel()
	l, now := limit.NewLimiter(), noon()
	small, large := limit.Count{Name: "s", Key: "a", Quota: 1}, limit.Count{Name: "l", Key: "a", Quota: 10}
	for range 20 {
		l.Take(now, small, large)
	}
	if left := l.Look(now, large); left[0].Remaining != 9 {
		t.Errorf("%d left, want 9", left[0].Remaining)
	}
}

func TestFiftyAtOnceNeverGetMoreThanTheQuota(t *testing.T) {
	t.Parallel()
	l, now := limit.NewLimiter(), noon()
	address, network := limit.Count{Name: "a", Key: "x", Quota: 100}, limit.Count{Name: "n", Key: "x", Quota: 333}
	var passed atomic.Int64
	var all sync.WaitGroup
	for g := range 50 {
		all.Go(func() {
			address := address
			address.Key = fmt.Sprint(g % 5)
			for range 100 {
				if ok, _ := l.Take(now, address, network); ok {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 333 {
		t.Errorf("%d passed, want the network's 333", n)
	}
}

// Millions of addresses take no memory, and do not make it forget whom it has to
// remember most.
func TestManyAddressesTakeNoMemory(t *testing.T) {
	t.Parallel()
	l, now := limit.NewLimiter(), noon()
	full := limit.Count{Name: "reports", Key: "the one", Quota: 30}
	for range 30 {
		l.Take(now, full)
	}
	allocated := heap()
	for i := range 2_000_000 {
		l.Take(now, limit.Count{Name: "reports", Key: fmt.Sprint(i), Quota: 30})
	}
	if grown := heap() - allocated; grown > 1<<20 {
		t.Errorf("2,000,000 addresses took %d bytes", grown)
	}
	if ok, _ := l.Take(now, full); ok {
		t.Error("who was over their share is forgotten")
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) // #nosec G115 -- below 2^63
}

func BenchmarkTake(b *testing.B) {
	l, now := limit.NewLimiter(), noon()
	for b.Loop() {
		l.Take(now, limit.Count{Name: "reports", Key: "192.0.2.1", Quota: 30}, limit.Count{Name: "reports-network", Key: "192.0.2.0/24", Quota: 300})
	}
}
