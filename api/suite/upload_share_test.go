package suite

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

// small is how long the uploads of these tests are, and eachReserves what one takes
// of a share: its length and a block for each of a thousand parts.
const (
	small        = 100
	eachReserves = small + 1000*4096
)

// TestSharesOfUploads holds that nobody fills the disk with what they never finish.
func TestSharesOfUploads(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		s.server.Resumable.Share = 3 * eachReserves
		t.Run("who counts as one", func(t *testing.T) { whoIsOne(t, s) })
		t.Run("what gives a share back", func(t *testing.T) { shareComesBack(t, s) })
		t.Run("what is refused leaves nothing", func(t *testing.T) { refusalLeavesNothing(t, s) })
		t.Run("a length that is told later counts as the longest", func(t *testing.T) { laterIsLongest(t, s) })
		t.Run("a repeat reserves nothing", func(t *testing.T) { repeatReservesNothing(t, s) })
		t.Run("many at once reserve no more", func(t *testing.T) { manyAtOnce(t, s) })
		t.Run("nobody is known by what is stored", func(t *testing.T) { senderIsHashed(t, s) })
		t.Run("where there is no share", func(t *testing.T) { noShare(t, s) })
	})
}

// ungated is the system with shares of uploads and no quotas beside them.
func (s *system) ungated(t testing.TB) *apitest.Client {
	return s.behind(t, s.gated(func(g *limit.Gate) { g.Quotas = limit.Quotas{} }))
}

func beginSmall(c *apitest.Client, headers ...string) apitest.Response {
	return begin(with(with(c, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(small)), headers...), nil)
}

// filled begins uploads until the share is used up, and returns their paths.
func filled(t testing.TB, c *apitest.Client) (paths []string) {
	t.Helper()
	for range 3 {
		paths = append(paths, pathOf(t, beginSmall(c).Want(http.StatusCreated)))
	}
	full(t, c)
	return paths
}

// full fails unless a sender may begin no more.
func full(t testing.TB, c *apitest.Client) {
	t.Helper()
	res := beginSmall(c)
	p := res.WantProblem(problem.TooMany)
	after, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || after < 1 || time.Duration(after)*time.Second > upload.Lifetime || p.Challenge != nil || !strings.Contains(p.Detail, "POST /v1/photos") {
		t.Errorf("Retry-After %q, %+v", res.Header.Get("Retry-After"), p)
	}
}

func whoIsOne(t *testing.T, s *system) {
	c := s.ungated(t)
	person := func(role auth.Role) *apitest.Client {
		return c.With("Authorization", "Bearer "+s.invited(t, role, sundsvall, s.address("crew")).Token)
	}
	key := func() *apitest.Client { return c.With("X-API-Key", s.madeKey(t, sundsvall, auth.ScopeOpen311)) }
	resident := c.With("Authorization", "Bearer "+s.signedIn(t, s.address("resident")).Token)
	staff, program := person(auth.Crew), key()
	for _, tt := range []struct {
		name         string
		first, other *apitest.Client
		same         bool
	}{
		{"one address", from(c, "192.0.2.1"), from(c, "192.0.2.1"), true},
		{"its neighbour in the /24", from(c, "192.0.2.2"), from(c, "192.0.2.3"), false},
		{"two addresses of one /64", from(c, "2001:db8:1:1::1"), from(c, "2001:db8:1:1:2:3:4:5"), true},
		{"the /64 beside it", from(c, "2001:db8:1:2::1"), from(c, "2001:db8:1:3::1"), false},
		{"an address written in another way", from(c, "192.0.2.4"), from(c, "::ffff:192.0.2.4"), true},
		{"a resident who signs in from there", from(c, "192.0.2.5"), from(resident, "192.0.2.5"), true},
		{"one of the staff, wherever they are", from(staff, "192.0.2.9"), from(staff, "198.51.100.9"), true},
		{"one key, wherever it is used", from(program, "192.0.2.8"), from(program, "198.51.100.8"), true},
		{"two keys of one address", from(key(), "192.0.2.8"), from(key(), "192.0.2.8"), false},
		{"two of the staff in one office", from(person(auth.Crew), "192.0.2.6"), from(person(auth.Crew), "192.0.2.6"), false},
		{"staff and the public of one address", from(c, "192.0.2.7"), from(person(auth.Crew), "192.0.2.7"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			filled(t, tt.first.WithTest(t))
			if tt.same {
				full(t, tt.other.WithTest(t))
			} else {
				beginSmall(tt.other.WithTest(t)).Want(http.StatusCreated)
			}
		})
	}
}

func shareComesBack(t *testing.T, s *system) {
	c, photo := s.ungated(t), pngPhoto(t, 71)
	tus := s.tus(t)
	for i, tt := range []struct {
		name string
		end  func(t *testing.T, path string)
	}{
		{"its sender ends it", func(t *testing.T, path string) {
			tus.WithTest(t).Send(http.MethodDelete, path, nil).Want(http.StatusNoContent)
		}},
		{"its photo is refused", func(t *testing.T, path string) {
			chunk(tus.WithTest(t), path, 0, make([]byte, small)).WantProblem(problem.Invalid)
		}},
		{"its time is over, before anybody sweeps", func(*testing.T, string) { s.pass(upload.Lifetime) }},
		{"its time is over, and it is swept", func(t *testing.T, _ string) {
			s.pass(upload.Lifetime)
			must(t, s.server.Resumable.Sweep(t.Context()))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := from(c, fmt.Sprintf("203.0.113.%d", i)).WithTest(t)
			paths := filled(t, c)
			chunk(tus.WithTest(t), paths[0], 0, []byte("x")).Want(http.StatusNoContent)
			full(t, c) // going on with one takes and gives nothing
			tt.end(t, paths[1])
			beginSmall(c).Want(http.StatusCreated)
		})
	}
	t.Run("it is finished", func(t *testing.T) {
		c := from(c, "203.0.113.99").WithTest(t)
		s.server.Resumable.Share = int64(2*eachReserves + 1000*4096 + len(photo))
		defer func() { s.server.Resumable.Share = 3 * eachReserves }()
		path := pathOf(t, beginSmall(c, "Upload-Length", strconv.Itoa(len(photo))).Want(http.StatusCreated))
		beginSmall(c).Want(http.StatusCreated)
		beginSmall(c).Want(http.StatusCreated)
		full(t, c)
		chunk(tus.WithTest(t), path, 0, photo[:len(photo)-1]).Want(http.StatusNoContent)
		full(t, c)
		chunk(tus.WithTest(t), path, len(photo)-1, photo[len(photo)-1:]).Want(http.StatusNoContent)
		beginSmall(c).Want(http.StatusCreated)
	})
}

func refusalLeavesNothing(t *testing.T, s *system) {
	c := from(s.ungated(t), "198.51.100.20")
	filled(t, c)
	before, keys := s.count(t, "SELECT count(*) FROM uploads"), s.count(t, "SELECT count(*) FROM idempotency_keys")
	key := s.key()
	beginSmall(c, "Idempotency-Key", key).WantProblem(problem.TooMany)
	begin(with(c, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Content-Type", octets, "Idempotency-Key", s.key()), make([]byte, 50)).WantProblem(problem.TooMany)
	if n, k := s.count(t, "SELECT count(*) FROM uploads"), s.count(t, "SELECT count(*) FROM idempotency_keys"); n != before || k != keys {
		t.Errorf("%d uploads and %d keys are left", n-before, k-keys)
	}
	s.pass(upload.Lifetime)
	if res := beginSmall(c, "Idempotency-Key", key).Want(http.StatusCreated); res.Header.Get("Idempotency-Replayed") != "" {
		t.Error("what was refused is repeated")
	}
}

// Nobody gets around it by leaving the length open and telling it later.
func laterIsLongest(t *testing.T, s *system) {
	s.server.Resumable.Share = 2 * upload.MaxReserved
	defer func() { s.server.Resumable.Share = 3 * eachReserves }()
	c := with(from(s.ungated(t), "198.51.100.21"), "Tus-Resumable", "1.0.0", "Upload-Defer-Length", "1")
	for range 2 {
		begin(c, nil).Want(http.StatusCreated)
	}
	begin(c, nil).WantProblem(problem.TooMany)
	beginSmall(c, "Upload-Defer-Length", "").WantProblem(problem.TooMany)
}

func repeatReservesNothing(t *testing.T, s *system) {
	c := from(s.ungated(t), "198.51.100.22")
	key := s.key()
	first := beginSmall(c, "Idempotency-Key", key).Want(http.StatusCreated)
	for range 5 {
		repeated(t, beginSmall(c, "Idempotency-Key", key), first, 0)
	}
	beginSmall(c).Want(http.StatusCreated)
	beginSmall(c).Want(http.StatusCreated)
	full(t, c)
	repeated(t, beginSmall(c, "Idempotency-Key", key), first, 0)
}

func manyAtOnce(t *testing.T, s *system) {
	processes := []*apitest.Client{from(s.ungated(t), "198.51.100.23"), from(s.ungated(t), "198.51.100.23")}
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			switch res := beginSmall(processes[i%2]); res.Status {
			case http.StatusCreated:
				passed.Add(1)
			case http.StatusTooManyRequests:
			default:
				t.Errorf("%s", res)
			}
		})
	}
	if all.Wait(); passed.Load() != 3 {
		t.Errorf("%d uploads were begun, want 3", passed.Load())
	}
}

func senderIsHashed(t *testing.T, s *system) {
	beginSmall(from(s.ungated(t), "198.51.100.24")).Want(http.StatusCreated)
	if n := s.count(t, "SELECT count(*) FROM uploads WHERE sender LIKE '%.%' OR sender LIKE '%:%' OR sender <> '' AND length(sender) <> 32"); n != 0 {
		t.Errorf("%d addresses are stored", n)
	}
	if n := s.count(t, "SELECT count(*) FROM uploads WHERE state = 'done' AND sender <> ''"); n != 0 {
		t.Errorf("of %d finished uploads it is told who sent them", n)
	}
}

func noShare(t *testing.T, s *system) {
	for range 5 {
		beginSmall(s.ungated(t)).Want(http.StatusCreated) // this machine is free
	}
	s.server.Resumable.Share = 0
	c := from(s.ungated(t), "198.51.100.25")
	for range 5 {
		beginSmall(c).Want(http.StatusCreated)
	}
}
