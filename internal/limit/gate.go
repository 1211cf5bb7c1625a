package limit

import (
	"context"
	"math/bits"
	"net/http"
	"net/netip"
	"time"
)

// Kind is what a call creates; each kind has a quota of its own.
type Kind string

// The kinds.
const (
	Reports       Kind = "reports"
	Photos        Kind = "photos"
	Comments      Kind = "comments"
	Support       Kind = "support"
	Subscriptions Kind = "subscriptions"
	SignIn        Kind = "sign-in"
	Other         Kind = "other"
)

// Quotas are how many calls an address may make in an hour. 0 is no limit.
type Quotas struct {
	PerAddress map[Kind]int
	// NetworkTimes is how many times as much a network may as one address.
	NetworkTimes int
	// PerKey is how many creating calls of any kind an API key, or a member of
	// staff who is signed in, may make.
	PerKey int
}

// Spent remembers which challenges were used, for all processes.
type Spent interface {
	// Spend returns false if the name was spent before. It is remembered until a
	// time.
	Spend(ctx context.Context, name string, until time.Time) (first bool, err error)
}

// Gate decides on calls that create something.
type Gate struct {
	Quotas     Quotas
	Limiter    *Limiter
	Challenges Challenges
	Spent      Spent
	// Bits is how hard the challenge of a network is that has just used up its
	// share; that of a single address is two bits harder.
	Bits int
	// Proxies are those whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Loopback counts callers on this machine too.
	Loopback bool
	Now      func() time.Time
}

// Call is what is to be let through.
type Call struct {
	Kind Kind
	Name string // of the operation, which a challenge is bound to
	// Program names an API key or a member of staff; empty for anybody else, who is
	// counted by address.
	Program  string
	Solution string // to a challenge; empty for none
	// Known tells whether the call repeats one that was answered before, which is
	// free. It is asked where a quota is used up only; nil for never.
	Known   func(context.Context) (bool, error)
	Request *http.Request
}

// Pass is what was decided on a call.
type Pass struct {
	OK bool
	// Left is what is left of each quota that the call counts against.
	Left []Left
	// RetryAfter is when a call would pass without a challenge.
	RetryAfter time.Duration
	// Challenge is what lets a call through that is not OK; nil for programs.
	Challenge *Challenge
	// Fault is what is wrong with the solution that came along, nil if nothing is.
	Fault error

	taken []Count
	gate  *Gate
}

// Sender names whom to count what a request leaves behind by: a program by itself,
// anybody else by the address, and with IPv6 by the network that one household or
// phone has. It is empty for whom no quota holds.
func (g *Gate) Sender(r *http.Request, program string) string {
	from, known := Client(r, g.Proxies)
	switch {
	case !known || from.IsLoopback() && !g.Loopback:
		return ""
	case program != "":
		return program
	case from.Is4():
		return from.String()
	}
	return Network(from).String()
}

// Ask decides on a call and counts it. An error is the store's.
func (g *Gate) Ask(ctx context.Context, c Call) (Pass, error) {
	now := g.Now()
	from, known := Client(c.Request, g.Proxies)
	counts := g.counts(c, from)
	p := Pass{OK: true, gate: g}
	if len(counts) == 0 || !known || from.IsLoopback() && !g.Loopback {
		p.Left = g.Limiter.Look(now, counts...)
		return p, nil
	}
	if p.OK, p.Left = g.Limiter.Take(now, counts...); p.OK {
		p.taken = counts
		return p, nil
	}
	if c.Known != nil {
		known, err := c.Known(ctx)
		if p.OK = known; known || err != nil {
			return p, err
		}
	}
	for _, l := range p.Left {
		p.RetryAfter = max(p.RetryAfter, l.Next)
	}
	if c.Program != "" {
		return p, nil
	}
	return p, g.challenge(ctx, &p, c, Network(from), now)
}

// counts are the quotas of a call, without those that are no limit.
func (g *Gate) counts(c Call, from netip.Addr) []Count {
	if c.Program != "" {
		return limited(Count{"key", c.Program, g.Quotas.PerKey})
	}
	n := g.Quotas.PerAddress[c.Kind]
	return limited(
		Count{string(c.Kind), from.String(), n},
		Count{string(c.Kind) + "-network", Network(from).String(), n * g.Quotas.NetworkTimes})
}

func limited(all ...Count) []Count {
	var some []Count
	for _, c := range all {
		if c.Quota > 0 {
			some = append(some, c)
		}
	}
	return some
}

// challenge lets a call through that brings a solution, or asks for one.
func (g *Gate) challenge(ctx context.Context, p *Pass, c Call, from netip.Prefix, now time.Time) error {
	solved := Count{"solved", from.String(), max(1, g.Quotas.PerAddress[c.Kind])}
	if c.Solution != "" {
		name, expires, err := g.Challenges.Check(c.Solution, c.Name, from, now)
		if err == nil {
			first, err := g.Spent.Spend(ctx, name, expires)
			if err != nil {
				return err
			}
			if p.OK = first; first {
				g.Limiter.Add(now, solved)
				return nil
			}
			p.Fault = ErrSpent
		} else {
			p.Fault = err
		}
	}
	ch := g.Challenges.New(c.Name, from, g.bits(p.Left, g.Limiter.Added(now, solved), solved.Quota), now)
	p.Challenge = &ch
	return nil
}

// bits is how hard a challenge is. It rises by one, which is twice the work, as
// often as the challenges that the network has solved of late double a quota.
// Asking for challenges makes none harder: nobody can spoil a network for the
// others without doing the work.
func (g *Gate) bits(left []Left, solved, quota int) int {
	n := g.Bits
	if left[0].Remaining == 0 { // the address's own, which is the smaller one
		n += 2
	}
	return min(n+bits.Len(uint(max(0, solved)/quota)), MaxBits) // #nosec G115 -- not negative
}

// GiveBack takes the call out of the counts, as one that was a repeat or came to
// nothing by our fault.
func (p Pass) GiveBack() {
	if len(p.taken) > 0 {
		p.gate.Limiter.GiveBack(p.gate.Now(), p.taken...)
	}
}
