package suite

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/store"
)

func TestShares(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("every creating call says what is left", func(t *testing.T) { saysWhatIsLeft(t, s) })
		t.Run("who is over their share gets a challenge", func(t *testing.T) { challenged(t, s) })
		t.Run("a network over its share gets one too", func(t *testing.T) { networkChallenged(t, s) })
		t.Run("a solution is good once, here, for this, now", func(t *testing.T) { solvedOnce(t, s) })
		t.Run("a repeat costs nothing", func(t *testing.T) { repeatIsFree(t, s) })
		t.Run("a forged address is not believed", func(t *testing.T) { forgedAddress(t, s) })
		t.Run("this machine is free", func(t *testing.T) { loopbackIsFree(t, s) })
		t.Run("a key has a share of its own", func(t *testing.T) { keyShare(t, s) })
		t.Run("staff of one office do not share", func(t *testing.T) { staffShare(t, s) })
		t.Run("fifty at once never file more", func(t *testing.T) { fiftyAtOnce(t, s) })
	})
}

// gated is the system behind a gate. Addresses come from X-Forwarded-For, which
// this machine is trusted to write.
func (s *system) gated(change func(*limit.Gate)) *limit.Gate {
	g := &limit.Gate{
		Quotas: limit.Quotas{
			PerAddress: map[limit.Kind]int{
				limit.Reports: 3, limit.Photos: 3, limit.Comments: 3, limit.Support: 3, limit.Subscriptions: 3, limit.SignIn: 3, limit.Other: 3,
			},
			NetworkTimes: 2, PerKey: 3,
		},
		Limiter: limit.NewLimiter(), Challenges: limit.Challenges{Key: []byte(strings.Repeat("k", 32))},
		Spent: store.Spent{DB: s.db}, Bits: 6, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: s.now,
	}
	if change != nil {
		change(g)
	}
	return g
}

// behind serves the system behind a gate.
func (s *system) behind(t testing.TB, g *limit.Gate) *apitest.Client {
	t.Helper()
	edge := &api.Edge{
		Log: slog.New(slog.DiscardHandler), BaseURL: baseURL, Identify: s.server.Identify, Current: s.server.Current,
		Gate: g, Answered: s.server.Answered,
	}
	handler, err := edge.Handler(s.server)
	must(t, err)
	return apitest.New(t, edge.Before(handler, api.Open311Prefix, &api.Open311{Server: s.server, Gate: g}))
}

func from(c *apitest.Client, address string) *apitest.Client {
	return c.With("X-Forwarded-For", address)
}

func filing(c *apitest.Client) apitest.Response {
	return c.Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil))
}

// used files until the share of an address is used up, and returns the refusal.
func used(t testing.TB, c *apitest.Client) apitest.Problem {
	t.Helper()
	for range 100 {
		if res := filing(c); res.Status != http.StatusCreated {
			return res.WantProblem(problem.TooMany)
		}
	}
	t.Fatal("100 reports passed")
	return apitest.Problem{}
}

func saysWhatIsLeft(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	r := s.filed(t, inSundsvall, nil)
	reporter := c.With("Follow-Token", r.FollowToken)
	about := "/v1/reports/" + r.Id
	for kind, res := range map[string]apitest.Response{
		"reports":       filing(c).Want(http.StatusCreated),
		"comments":      reporter.Send(http.MethodPost, about+"/updates", fields{"text": "x"}).Want(http.StatusCreated),
		"photos":        reporter.Form(about+"/photos", photoPart(phonePhoto(t, 1))).Want(http.StatusCreated),
		"support":       c.Send(http.MethodPost, about+"/support", fields{"voice": "a-voice-of-one-phone"}).Want(http.StatusOK),
		"subscriptions": c.Send(http.MethodPost, "/v1/subscriptions", fields{"email": s.address("x"), "report": r.Id}).Want(http.StatusCreated),
		"sign-in":       c.Send(http.MethodPost, "/v1/sign-in", fields{"email": s.address("x")}).Want(http.StatusAccepted),
	} {
		if got, want := res.Header.Get("RateLimit"), fmt.Sprintf(`"%[1]s";r=2;t=1200, "%[1]s-network";r=5;t=600`, kind); got != want {
			t.Errorf("RateLimit: %s, want %s", got, want)
		}
		if got, want := res.Header.Get("RateLimit-Policy"), fmt.Sprintf(`"%[1]s";q=3;w=3600, "%[1]s-network";q=6;w=3600`, kind); got != want {
			t.Errorf("RateLimit-Policy: %s, want %s", got, want)
		}
	}
	begun := c.With("Tus-Resumable", "1.0.0").With("Upload-Length", "1000").Send(http.MethodPost, "/v1/uploads", nil).Want(http.StatusCreated)
	if got := begun.Header.Get("RateLimit"); !strings.HasPrefix(got, `"photos";r=1`) {
		t.Errorf("an upload: %s", got)
	}
	if h := c.Send(http.MethodPost, "/v1/reports", "{").Want(http.StatusBadRequest).Header; !strings.Contains(h.Get("RateLimit"), "r=1") {
		t.Errorf("what is refused is not counted: %s", h.Get("RateLimit"))
	}
	if h := c.Get(about).Header.Get("RateLimit"); h != "" {
		t.Errorf("reading is counted: %s", h)
	}
	if h := c.Send(http.MethodPost, "/v1/reports/check", fields{"text": "x"}).Want(http.StatusOK).Header.Get("RateLimit"); h != "" {
		t.Errorf("checking is counted: %s", h)
	}
}

func challenged(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	p := used(t, c)
	if p.Challenge == nil || p.Challenge.Bits != 8 || p.Challenge.Header != "Challenge-Solution" {
		t.Fatalf("%+v", p.Challenge)
	}
	res := filing(c)
	if after, _ := strconv.Atoi(res.Header.Get("Retry-After")); after < 1 || after > 1200 || !strings.Contains(res.Header.Get("RateLimit"), `"reports";r=0`) {
		t.Errorf("Retry-After %q, RateLimit %q", res.Header.Get("Retry-After"), res.Header.Get("RateLimit"))
	}
	filing(from(c, "198.51.100.1")).Want(http.StatusCreated) // the others do not notice
	filing(c.With("Challenge-Solution", p.Challenge.Solve(t))).Want(http.StatusCreated)
	s.pass(20 * time.Minute)
	filing(c).Want(http.StatusCreated)
	filing(c).WantProblem(problem.TooMany)
}

func networkChallenged(t *testing.T, s *system) {
	for network, address := range map[string]string{"a carrier's /24": "192.0.2.%d", "a household's /64": "2001:db8:1:1::%d"} {
		c := s.behind(t, s.gated(nil))
		for i := range 6 {
			filing(from(c, fmt.Sprintf(address, i+1))).Want(http.StatusCreated)
		}
		next := from(c, fmt.Sprintf(address, 99))
		p := filing(next).WantProblem(problem.TooMany)
		if p.Challenge == nil || p.Challenge.Bits != 6 {
			t.Errorf("%s: %+v", network, p.Challenge)
		}
		filing(next.With("Challenge-Solution", p.Challenge.Solve(t))).Want(http.StatusCreated)
	}
}

func solvedOnce(t *testing.T, s *system) {
	c, other := from(s.behind(t, s.gated(nil)), "192.0.2.1"), from(s.behind(t, s.gated(nil)), "192.0.2.1")
	used(t, other)
	solution := used(t, c).Challenge.Solve(t)
	photo := func(c *apitest.Client) apitest.Response {
		return c.Form("/v1/photos", photoPart(phonePhoto(t, 1)))
	}
	for range 3 {
		photo(c).Want(http.StatusCreated)
	}
	refused := func(res apitest.Response, code string) {
		t.Helper()
		if p := res.WantProblem(problem.TooMany); !p.Has("Challenge-Solution", code) || p.Challenge == nil {
			t.Errorf("%+v, want %s", p, code)
		}
	}
	refused(photo(c.With("Challenge-Solution", solution)), "unknown")
	far := from(c, "198.51.100.1")
	used(t, far)
	refused(filing(far.With("Challenge-Solution", solution)), "unknown")
	refused(filing(c.With("Challenge-Solution", "x"+solution[1:])), "unknown")
	refused(filing(c.With("Challenge-Solution", strings.Repeat("A.", 60))), "unknown")
	c.With("Challenge-Solution", strings.Repeat("A", 5000)).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil)).WantProblem(problem.Invalid)

	var passed atomic.Int64 // both processes, all at once
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			process := []*apitest.Client{c, other}[i%2]
			if filing(process.With("Challenge-Solution", solution)).Status == http.StatusCreated {
				passed.Add(1)
			}
		})
	}
	if all.Wait(); passed.Load() != 1 {
		t.Errorf("one solution let %d calls through", passed.Load())
	}
	refused(filing(c.With("Challenge-Solution", solution)), "reused")

	late := used(t, c).Challenge.Solve(t)
	s.pass(10 * time.Minute)
	for _, sweep := range []bool{false, true} {
		if sweep {
			must(t, store.Spent{DB: s.db}.Sweep(t.Context(), s.now()))
		}
		used(t, c)
		refused(filing(c.With("Challenge-Solution", late)), "expired")
		refused(filing(c.With("Challenge-Solution", solution)), "expired")
	}
	if n := s.count(t, "SELECT count(*) FROM spent_challenges"); n != 0 {
		t.Errorf("%d challenges are left after the sweep", n)
	}
}

func repeatIsFree(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	keyed := c.With("Idempotency-Key", s.key())
	first := filing(keyed).Want(http.StatusCreated)
	for range 10 {
		filing(keyed).Want(http.StatusCreated)
	}
	filing(c).Want(http.StatusCreated)
	filing(c).Want(http.StatusCreated)
	filing(c).WantProblem(problem.TooMany)
	var a, b api.FiledReport
	first.JSON(&a)
	res := filing(keyed).Want(http.StatusCreated) // though the share is used up
	if res.JSON(&b); a.Id != b.Id || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed %s, want %s", b.Id, a.Id)
	}
	filing(c.With("Idempotency-Key", s.key())).WantProblem(problem.TooMany)
	solution := filing(c).WantProblem(problem.TooMany).Challenge.Solve(t)
	filing(keyed.With("Challenge-Solution", solution)).Want(http.StatusCreated)
	filing(c.With("Challenge-Solution", solution)).Want(http.StatusCreated) // the repeat has not used it up
	keyed.Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, fields{"description": "another"})).WantProblem(problem.Invalid)
	otherNameIsFree(t, s)
}

// A repeat that names the report by its other name is a repeat.
func otherNameIsFree(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	reporter := from(s.behind(t, s.gated(nil)), "192.0.2.1").With("Follow-Token", r.FollowToken)
	comment := func(c *apitest.Client, name string) apitest.Response {
		return c.Send(http.MethodPost, "/v1/reports/"+name+"/updates", fields{"text": "x"})
	}
	keyed := reporter.With("Idempotency-Key", s.key())
	for _, c := range []*apitest.Client{keyed, reporter, reporter} {
		comment(c, r.Id).Want(http.StatusCreated)
	}
	comment(reporter, r.Reference).WantProblem(problem.TooMany)
	if res := comment(keyed, r.Reference).Want(http.StatusCreated); res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("by its reference it is no repeat: %s", res)
	}
}

func forgedAddress(t *testing.T, s *system) {
	c := s.behind(t, s.gated(func(g *limit.Gate) { g.Proxies, g.Loopback = nil, true }))
	passed := 0
	for i := range 10 {
		if filing(from(c, fmt.Sprintf("203.0.113.%d", i))).Status == http.StatusCreated {
			passed++
		}
	}
	if passed != 3 {
		t.Errorf("%d passed, want this machine's 3", passed)
	}
}

func loopbackIsFree(t *testing.T, s *system) {
	c := s.behind(t, s.gated(nil))
	for range 10 {
		if h := filing(c).Want(http.StatusCreated).Header; !strings.Contains(h.Get("RateLimit"), `"reports";r=3;t=0`) {
			t.Fatalf("RateLimit: %s", h.Get("RateLimit"))
		}
	}
}

func keyShare(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	made := s.madeKey(t, sundsvall, auth.ScopeOpen311)
	post := func(extension, id string) apitest.Response {
		form := url.Values{"api_key": {made}, "service_code": {"pothole"}, "lat": {fmt.Sprint(inSundsvall.lat)}, "long": {fmt.Sprint(inSundsvall.lon)}, "description": {"hål"}}
		if id != "" {
			form.Set("attribute[fixmystreet_id]", id)
		}
		return c.With("Content-Type", "application/x-www-form-urlencoded").Send(http.MethodPost, "/open311/v2/requests."+extension, form.Encode())
	}
	if h := post("json", "1").Want(http.StatusOK).Header; h.Get("RateLimit") != `"key";r=2;t=1200` || h.Get("RateLimit-Policy") != `"key";q=3;w=3600` {
		t.Errorf("%v", h)
	}
	for range 5 {
		post("json", "1").Want(http.StatusOK) // repeats
	}
	post("xml", "").Want(http.StatusOK)
	post("xml", "").Want(http.StatusOK)
	for _, format := range []string{"xml", "json"} {
		res := post(format, "")
		if res.Status != http.StatusTooManyRequests || !strings.Contains(string(res.Body), "429") || res.Header.Get("Retry-After") == "" ||
			!strings.Contains(res.Header.Get("RateLimit"), "r=0") || strings.Contains(string(res.Body), "challenge") {
			t.Errorf("%s: %v\n%s", format, res.Header, res)
		}
	}
	post("json", "1").Want(http.StatusOK) // a repeat still
	filing(c).Want(http.StatusCreated)    // its address was not counted
}

func staffShare(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	r := s.filed(t, inSundsvall, nil)
	comment := func(c *apitest.Client) apitest.Response {
		return c.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "x"})
	}
	for range 3 {
		crew := c.With("Authorization", "Bearer "+s.invited(t, auth.Crew, sundsvall, s.address("crew")).Token)
		for range 3 {
			comment(crew).Want(http.StatusCreated)
		}
		if p := comment(crew).WantProblem(problem.TooMany); p.Challenge != nil {
			t.Errorf("one person is no crowd: %+v", p)
		}
	}
}

func fiftyAtOnce(t *testing.T, s *system) {
	c := from(s.behind(t, s.gated(nil)), "192.0.2.1")
	before := s.count(t, "SELECT count(*) FROM reports")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { filing(c) })
	}
	all.Wait()
	if n := s.count(t, "SELECT count(*) FROM reports") - before; n != 3 {
		t.Errorf("%d reports, want 3", n)
	}
}

// madeKey is an API key itself.
func (s *system) madeKey(t testing.TB, jurisdiction string, scopes ...auth.Scope) string {
	t.Helper()
	_, secret, err := s.server.Auth.CreateKey(t.Context(), auth.Itself(), auth.KeyRequest{Jurisdiction: jurisdiction, Name: "test", Scopes: scopes})
	must(t, err)
	return secret
}
