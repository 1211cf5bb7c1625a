// Package storetest checks that an auth.Store keeps the promises on which
// sign-in, sessions, API keys and invitations rest, the races included. It runs
// against every store through auth.Service, as requests do.
package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// Fixture is one empty database under test. The jurisdictions Home and Foreign
// exist in it, where its schema asks for that.
type Fixture struct {
	Store auth.Store
	// Peer is the same database as another process sees it; Store itself where
	// there is no second way in.
	Peer auth.Store
	// Jobs lists every job that was stored through either.
	Jobs func(ctx context.Context) ([]auth.Job, error)
}

// The jurisdictions that the suite uses.
const (
	Home    = "2281"
	Foreign = "0180"
)

// Run runs the suite. open is called once for each rule.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	groups := []map[string]func(*testing.T, *kit){
		signInRules(), guessRules(), sessionRules(), keyRules(), inviteRules(), staffRules(),
	}
	for _, rules := range groups {
		for name, rule := range rules {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				rule(t, newKit(t, open(t)))
			})
		}
	}
}

// kit is two processes on one database and one clock.
type kit struct {
	Fixture
	clock *clock
	here  *auth.Service
	there *auth.Service
}

func newKit(t *testing.T, f Fixture) *kit {
	t.Helper()
	c := &clock{now: time.Date(2026, 1, 31, 12, 0, 0, 123_456_000, time.UTC)}
	key := []byte("a code key that both processes share")
	return &kit{
		Fixture: f,
		clock:   c,
		here:    &auth.Service{Store: f.Store, CodeKey: key, Now: c.Now},
		there:   &auth.Service{Store: f.Peer, CodeKey: key, Now: c.Now},
	}
}

// clock stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is read by every goroutine of a race.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newJob returns the id of the one job of a kind that act causes.
func (k *kit) newJob(t *testing.T, kind string, act func()) string {
	t.Helper()
	before := k.jobs(t, kind)
	act()
	added := slices.DeleteFunc(k.jobs(t, kind), func(id string) bool { return slices.Contains(before, id) })
	if len(added) != 1 {
		t.Fatalf("new %s jobs %v, want one", kind, added)
	}
	return added[0]
}

// jobs lists the ids of the jobs of one kind.
func (k *kit) jobs(t *testing.T, kind string) []string {
	t.Helper()
	all, err := k.Jobs(t.Context())
	must(t, err)
	var ids []string
	for _, job := range all {
		if job.Kind == kind {
			ids = append(ids, job.ID)
		}
	}
	return ids
}

// asked is a sign-in that has begun.
type asked struct {
	auth.PendingSignIn
	job string
}

// ask begins a sign-in.
func (k *kit) ask(t *testing.T, email string) asked {
	t.Helper()
	var a asked
	a.job = k.newJob(t, auth.SignInMailJob, func() {
		var err error
		a.PendingSignIn, err = k.here.Begin(t.Context(), email, "sv")
		must(t, err)
	})
	return a
}

// code runs the mail job of a sign-in.
func (k *kit) code(t *testing.T, a asked) string {
	t.Helper()
	mail, err := k.there.Issue(t.Context(), a.job)
	must(t, err)
	return mail.Code
}

// signIn signs an address in and returns the token.
func (k *kit) signIn(t *testing.T, email string) (auth.Session, string) {
	t.Helper()
	a := k.ask(t, email)
	session, token, err := k.here.Confirm(t.Context(), a.ID, k.code(t, a))
	must(t, err)
	return session, token
}

// appoint invites by the command line and accepts.
func (k *kit) appoint(t *testing.T, email string, g auth.Grant) (auth.Session, string) {
	t.Helper()
	_, secret, err := k.here.Invite(t.Context(), auth.Itself(), auth.InviteRequest{Grant: g, Email: email})
	must(t, err)
	session, token, err := k.there.Accept(t.Context(), secret)
	must(t, err)
	return session, token
}

// actor authenticates a token that has to be good.
func (k *kit) actor(t *testing.T, token string) auth.Actor {
	t.Helper()
	actor, err := k.there.Authenticate(t.Context(), token)
	must(t, err)
	return actor
}

// wantProblem checks the kind of an error.
func wantProblem(t *testing.T, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Errorf("error %v, want %s", err, kind)
	}
}

// must stops the rule where its preparation fails.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// race runs act n times at once, alternating between the two processes.
func (k *kit) race(n int, act func(i int, s *auth.Service)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		s := k.here
		if i%2 == 1 {
			s = k.there
		}
		wg.Go(func() {
			<-gate
			act(i, s)
		})
	}
	close(gate)
	wg.Wait()
}
