package limit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/limit"
)

// spent is one map for all gates that share it, as processes share a table.
type spent struct {
	mu    sync.Mutex
	names map[string]time.Time
}

func (s *spent) Spend(_ context.Context, name string, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]time.Time{}
	}
	_, was := s.names[name]
	s.names[name] = until
	return !was, nil
}

func newGate(now func() time.Time, s limit.Spent) *limit.Gate {
	return &limit.Gate{
		Quotas:  limit.Quotas{PerAddress: map[limit.Kind]int{limit.Reports: 3, limit.Photos: 6}, NetworkTimes: 2, PerKey: 5},
		Limiter: limit.NewLimiter(), Challenges: limit.Challenges{Key: []byte(strings.Repeat("k", 32))}, Spent: s, Bits: 6, Now: now,
	}
}

// from is a request from an address, with lines of X-Forwarded-For.
func from(peer string, forwarded ...string) *http.Request {
	if !strings.Contains(peer, "]:") && strings.Count(peer, ":") != 1 {
		peer = netip.AddrPortFrom(netip.MustParseAddr(peer), 40000).String()
	}
	return &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": forwarded}}
}

func filing(r *http.Request) limit.Call {
	return limit.Call{Kind: limit.Reports, Name: "postReport", Request: r}
}

func ask(t *testing.T, g *limit.Gate, c limit.Call) limit.Pass {
	t.Helper()
	p, err := g.Ask(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// solve finds a solution the plain way.
func solve(c *limit.Challenge) string {
	for i := 0; ; i++ {
		if text := fmt.Sprintf("%s.%d", c.Token, i); limit.ZeroBits(text) >= c.Bits {
			return text
		}
	}
}

func TestAnAddressOverItsShareGetsAHarderChallengeThanANetwork(t *testing.T) {
	t.Parallel()
	g := newGate(noon, &spent{})
	for range 3 {
		if p := ask(t, g, filing(from("192.0.2.1"))); !p.OK {
			t.Fatalf("%+v", p)
		}
	}
	p := ask(t, g, filing(from("192.0.2.1")))
	if p.OK || p.Challenge == nil || p.Challenge.Bits != 8 || p.RetryAfter != 20*time.Minute {
		t.Errorf("an address: %+v", p)
	}
	for i := range 3 {
		ask(t, g, filing(from(fmt.Sprintf("192.0.2.%d", 10+i))))
	}
	p = ask(t, g, filing(from("192.0.2.99")))
	if p.OK || p.Challenge == nil || p.Challenge.Bits != 6 || p.RetryAfter != 10*time.Minute {
		t.Errorf("a network: %+v", p)
	}
	if p := ask(t, g, filing(from("192.0.3.1"))); !p.OK {
		t.Errorf("the network beside it: %+v", p)
	}
	if p := ask(t, g, limit.Call{Kind: limit.Photos, Name: "postPhoto", Request: from("192.0.2.1")}); !p.OK {
		t.Errorf("another kind: %+v", p)
	}
}

func TestAHouseholdOfIPv6IsOneNetwork(t *testing.T) {
	t.Parallel()
	g, passed := newGate(noon, &spent{}), 0
	for i := range 100 {
		if ask(t, g, filing(from(fmt.Sprintf("2001:db8:1:2::%x", i)))).OK {
			passed++
		}
	}
	if passed != 6 {
		t.Errorf("%d passed, want the network's 6", passed)
	}
}

func TestAProgramIsCountedByItselfAndRefused(t *testing.T) {
	t.Parallel()
	g := newGate(noon, &spent{})
	call := limit.Call{Kind: limit.Reports, Name: "open311", Program: "key 1", Request: from("192.0.2.1")}
	for range 5 {
		if !ask(t, g, call).OK {
			t.Fatal("refused too early")
		}
	}
	if p := ask(t, g, call); p.OK || p.Challenge != nil || p.RetryAfter != 12*time.Minute {
		t.Errorf("%+v", p)
	}
	if p := ask(t, g, filing(from("192.0.2.1"))); !p.OK {
		t.Errorf("its address was counted: %+v", p)
	}
}

func TestLoopbackIsFreeUnlessSet(t *testing.T) {
	t.Parallel()
	for _, peer := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		g := newGate(noon, &spent{})
		for range 10 {
			if p := ask(t, g, filing(from(peer))); !p.OK || p.Left[0].Remaining != 3 {
				t.Fatalf("%s: %+v", peer, p)
			}
		}
		g.Loopback = true
		for range 3 {
			ask(t, g, filing(from(peer)))
		}
		if ask(t, g, filing(from(peer))).OK {
			t.Errorf("%s is not counted", peer)
		}
	}
}

func TestWhatIsGivenBackWasNotCounted(t *testing.T) {
	t.Parallel()
	g := newGate(noon, &spent{})
	for range 20 {
		p := ask(t, g, filing(from("192.0.2.1")))
		if !p.OK {
			t.Fatal("what was given back was counted")
		}
		p.GiveBack()
	}
}

// A solution lets one call through, for what it was made, where it was made, while
// it is fresh, in whichever process.
func TestASolutionIsGoodForOneCall(t *testing.T) {
	t.Parallel()
	now := noon()
	clock := func() time.Time { return now }
	both := &spent{}
	g, other := newGate(clock, both), newGate(clock, both)
	over := func(g *limit.Gate, r *http.Request) limit.Pass {
		for range 3 {
			ask(t, g, filing(r))
		}
		return ask(t, g, filing(r))
	}
	here := from("192.0.2.1")
	with := func(text string, c limit.Call) limit.Call { c.Solution = text; return c }
	text := solve(over(g, here).Challenge)
	over(other, here)

	for name, tt := range map[string]struct {
		call limit.Call
		want error
	}{
		"unsolved":          {with(over(g, here).Challenge.Token+".x", filing(here)), limit.ErrUnsolved},
		"another route":     {with(text, limit.Call{Kind: limit.Reports, Name: "postPhoto", Request: here}), limit.ErrForged},
		"another network":   {with(text, filing(from("198.51.100.1"))), limit.ErrForged},
		"not ours":          {with("B"+text[1:], filing(here)), limit.ErrForged},
		"no token":          {with("x", filing(here)), limit.ErrForged},
		"only dots":         {with("....", filing(here)), limit.ErrForged},
		"too long a suffix": {with(text+strings.Repeat("0", 100), filing(here)), limit.ErrForged},
	} {
		over(g, tt.call.Request)
		if name == "unsolved" && limit.ZeroBits(tt.call.Solution) >= 8 {
			continue // one in 256 is solved by chance
		}
		if p := ask(t, g, tt.call); p.OK || !errors.Is(p.Fault, tt.want) || p.Challenge == nil {
			t.Errorf("%s: %+v, want %v", name, p, tt.want)
		}
	}
	if p := ask(t, g, with(text, filing(here))); !p.OK {
		t.Errorf("a solution: %+v", p)
	}
	for _, g := range []*limit.Gate{g, other} {
		if p := ask(t, g, with(text, filing(here))); p.OK || !errors.Is(p.Fault, limit.ErrSpent) {
			t.Errorf("again: %+v", p)
		}
	}
	late := solve(ask(t, g, filing(here)).Challenge)
	now = now.Add(10 * time.Minute)
	if p := ask(t, g, with(late, filing(here))); p.OK || !errors.Is(p.Fault, limit.ErrExpired) {
		t.Errorf("too late: %+v", p)
	}
}

func TestChallengesGetHarderByWhatIsSolvedAndNotByWhatIsAsked(t *testing.T) {
	t.Parallel()
	g := newGate(noon, &spent{})
	call := filing(from("192.0.2.1"))
	for range 100 {
		ask(t, g, call)
	}
	if p := ask(t, g, call); p.Challenge.Bits != 8 {
		t.Errorf("asking made it %d bits", p.Challenge.Bits)
	}
	for range 6 {
		solved := call
		solved.Solution = solve(ask(t, g, call).Challenge)
		if !ask(t, g, solved).OK {
			t.Fatal("a solution is refused")
		}
	}
	if p := ask(t, g, call); p.Challenge.Bits != 10 {
		t.Errorf("after twice a quota it is %d bits, want 10", p.Challenge.Bits)
	}
}

// Only what a trusted proxy wrote is believed.
func TestClient(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48"), netip.MustParsePrefix("192.0.2.7/32")}
	for _, tt := range []struct {
		name string
		req  *http.Request
		want string
	}{
		{"no proxy", from("198.51.100.1"), "198.51.100.1"},
		{"forged, without a proxy", from("198.51.100.1", "203.0.113.5"), "198.51.100.1"},
		{"by a proxy", from("10.0.0.1", "203.0.113.5"), "203.0.113.5"},
		{"by a single proxy", from("192.0.2.7", "203.0.113.5"), "203.0.113.5"},
		{"forged before a proxy", from("10.0.0.1", "1.1.1.1, 203.0.113.5"), "203.0.113.5"},
		{"forged in a line of its own", from("10.0.0.1", "1.1.1.1", "203.0.113.5"), "203.0.113.5"},
		{"through two proxies", from("10.0.0.1", "203.0.113.5, 10.0.0.2"), "203.0.113.5"},
		{"forged before two proxies", from("10.0.0.1", "10.9.9.9, 203.0.113.5, 10.0.0.2"), "203.0.113.5"},
		{"from inside", from("10.0.0.1", "10.0.0.2"), "10.0.0.2"},
		{"nothing said", from("10.0.0.1"), "10.0.0.1"},
		{"nonsense", from("10.0.0.1", "unknown"), "10.0.0.1"},
		{"nonsense before an address", from("10.0.0.1", "<script>, 203.0.113.5"), "203.0.113.5"},
		{"with a port", from("10.0.0.1", "203.0.113.5:1234"), "203.0.113.5"},
		{"IPv6 with a port", from("10.0.0.1", "[2001:db8::1]:1234"), "2001:db8::1"},
		{"IPv6 in brackets", from("[2001:db8:ffff::1]:1", "[2001:db8::1]"), "2001:db8::1"},
		{"IPv4 in IPv6", from("[::ffff:10.0.0.1]:1", "::ffff:203.0.113.5"), "203.0.113.5"},
		{"a zone", from("[fe80::1%eth0]:1"), "fe80::1"},
	} {
		got, ok := limit.Client(tt.req, proxies)
		if !ok || got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
	if _, ok := limit.Client(&http.Request{RemoteAddr: "@"}, nil); ok {
		t.Error("a Unix socket has an address")
	}
}

func FuzzCheck(f *testing.F) {
	key := limit.Challenges{Key: []byte(strings.Repeat("k", 32))}
	network := netip.MustParsePrefix("192.0.2.0/24")
	f.Add("x.y")
	c := key.New("postReport", network, 1, noon())
	f.Add(solve(&c))
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := key.Check(text, "postReport", network, noon()); err == nil && limit.ZeroBits(text) == 0 {
			t.Errorf("%q is no work", text)
		}
	})
}

func FuzzClient(f *testing.F) {
	f.Add("10.0.0.1:1", "1.1.1.1, [::1]:2")
	proxies := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		a, ok := limit.Client(&http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}}, proxies)
		if ok && !limit.Network(a).Contains(a) {
			t.Errorf("%v is not in its network", a)
		}
	})
}

func TestWhoAnswersForWhatACallLeaves(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name, program string
		request       *http.Request
		loopback      bool
		want          string
	}{
		{"an address", "", from("192.0.2.1"), false, "192.0.2.1"},
		{"the same, written as IPv6", "", from("::ffff:192.0.2.1"), false, "192.0.2.1"},
		{"a household of IPv6", "", from("2001:db8:1:2:3:4:5:6"), false, "2001:db8:1:2::/64"},
		{"behind a proxy that is trusted", "", from("10.0.0.1", "192.0.2.1"), false, "192.0.2.1"},
		{"what the caller says of itself is not believed", "", from("192.0.2.1", "198.51.100.1"), false, "192.0.2.1"},
		{"what stands before the caller's address is not believed", "", from("10.0.0.1", "198.51.100.1, 192.0.2.1"), false, "192.0.2.1"},
		{"a program, wherever it is", "key 1", from("192.0.2.1"), false, "key 1"},
		{"this machine is free", "", from("127.0.0.1"), false, ""},
		{"so are programs on it", "key 1", from("127.0.0.1"), false, ""},
		{"unless set", "", from("127.0.0.1"), true, "127.0.0.1"},
		{"a socket without an address", "", &http.Request{RemoteAddr: "@"}, true, ""},
	} {
		g := &limit.Gate{Proxies: proxy, Loopback: tt.loopback}
		if got := g.Sender(tt.request, tt.program); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
