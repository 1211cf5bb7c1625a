// Package limit says how often a caller may do something, and lets whoever is
// over their share through for a little work.
//
// A [Limiter] counts in memory of a fixed size, however many addresses call. A
// [Gate] stands before what is created: it counts a call by its address and by its
// network (an IPv4 /24, an IPv6 /64), and where one of them has used up its share
// it asks for a proof of work ([Challenges]) instead of refusing, because a whole
// city may share one address of its carrier. A program with an API key is counted
// by its key and is refused: it is no crowd.
//
// Each process keeps its own counts. Sharing them would put a database write
// before every call, and so turn a flood on the very thing that has to be kept
// whole; the price is that n processes let through up to n times as much. What has
// to hold for all processes together, that a solved challenge is good for one
// call, is the [Spent] store's.
//
// Addresses are kept as hashes under a key that the process draws when it starts,
// in memory only; the network in a challenge is a hash under the installation's
// key.
//
// Limits: whoever holds many networks has as many shares. A counter of whom has
// used little may be forgotten while more callers than [Slots] come in an hour.
package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

// Window is the time that a quota is for.
const Window = time.Hour

// Slots is how many counters a limiter holds; they take 16 bytes each.
const Slots = sets * ways

const (
	sets = 1 << 15
	ways = 8
)

// Limiter counts by the generic cell rate algorithm: a quota of n in the window
// can be used at once, and comes back evenly, one every window/n. So no window
// sees more than twice the quota, and nobody waits for the end of one. Use may be
// concurrent. The zero value is not usable.
type Limiter struct {
	mu    sync.Mutex
	seed  maphash.Seed
	table *[sets][ways]counter
}

// counter is one caller's use of one quota. fullAt is when all of it will have
// come back; a counter whose time has passed counts nothing and is free.
type counter struct {
	key    uint64
	fullAt int64 // Unix nanoseconds
}

// NewLimiter makes a limiter. It takes 4 MiB and never more.
func NewLimiter() *Limiter {
	return &Limiter{seed: maphash.MakeSeed(), table: new([sets][ways]counter)}
}

// Count is one quota that a call is counted against.
type Count struct {
	Name  string // of the policy
	Key   string // whom it counts
	Quota int    // calls in the window; at least 1
}

// Left is what is left of one quota.
type Left struct {
	Count
	Remaining int           // calls that would pass now
	Reset     time.Duration // until all of the quota is there again
	Next      time.Duration // until the next call would pass; 0 if one would now
}

// Take counts a call against all of the given quotas, or, if one of them is used
// up, against none. It returns what is left of each.
func (l *Limiter) Take(now time.Time, counts ...Count) (ok bool, left []Left) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok = true
	for _, c := range counts {
		ok = ok && c.left(now, l.used(c, now)).Remaining > 0
	}
	for _, c := range counts {
		fullAt := l.used(c, now)
		if ok {
			fullAt = l.set(c, fullAt+c.interval())
		}
		left = append(left, c.left(now, fullAt))
	}
	return ok, left
}

// Look returns what is left of the quotas, and counts nothing.
func (l *Limiter) Look(now time.Time, counts ...Count) (left []Left) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range counts {
		left = append(left, c.left(now, l.used(c, now)))
	}
	return left
}

// GiveBack takes one call out of the count.
func (l *Limiter) GiveBack(now time.Time, counts ...Count) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range counts {
		if fullAt := l.used(c, now); fullAt > now.UnixNano() {
			l.set(c, fullAt-c.interval())
		}
	}
}

// Add counts a call that has passed without regard to the quota, and returns how
// many such calls are counted now; they are forgotten at the quota's pace.
func (l *Limiter) Add(now time.Time, c Count) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 64 * int64(Window) // so that a flood is forgotten within three days
	fullAt := min(l.used(c, now)+c.interval(), now.UnixNano()+most)
	return int((l.set(c, fullAt) - now.UnixNano() + c.interval() - 1) / c.interval())
}

// Added returns how many calls are counted.
func (l *Limiter) Added(now time.Time, c Count) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int((l.used(c, now) - now.UnixNano() + c.interval() - 1) / c.interval())
}

func (c Count) interval() int64 { return max(1, int64(Window)/int64(max(1, c.Quota))) }

func (c Count) left(now time.Time, fullAt int64) Left {
	used := fullAt - now.UnixNano()
	free := int64(max(1, c.Quota))*c.interval() - used
	left := Left{Count: c, Remaining: int(max(0, free/c.interval())), Reset: time.Duration(used)}
	if left.Remaining == 0 {
		left.Next = time.Duration(c.interval() - free)
	}
	return left
}

// hash tells one counter from another. That two share one by chance is one in
// 2^64 for a pair, and nobody outside can find such a pair.
func (l *Limiter) hash(c Count) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(c.Name) // a hash never fails to write
	_ = h.WriteByte(0)
	_, _ = h.WriteString(c.Key)
	return h.Sum64() | 1 // 0 is a slot that was never used
}

// used returns when all of a quota will be there again, now if it is.
func (l *Limiter) used(c Count, now time.Time) int64 {
	key := l.hash(c)
	for _, slot := range &l.table[key>>32%sets] {
		if slot.key == key {
			return max(slot.fullAt, now.UnixNano())
		}
	}
	return now.UnixNano()
}

// set writes a counter into its own slot, else into that which has the least to
// remember: a free one, or of whom has used least.
func (l *Limiter) set(c Count, fullAt int64) int64 {
	key := l.hash(c)
	set := &l.table[key>>32%sets]
	at := 0
	for i := range set {
		if set[i].key == key {
			at = i
			break
		}
		if set[i].fullAt < set[at].fullAt {
			at = i
		}
	}
	set[at] = counter{key, fullAt}
	return fullAt
}
