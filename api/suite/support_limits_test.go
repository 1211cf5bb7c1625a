package suite

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
)

// meToo is one call of a row: who says it, about which of two reports, and how it ends.
type meToo struct {
	from, voice, key string // an address; empty for no voice, no key
	other            bool   // about the other report
	want             string
}

// How a call ends.
const (
	counts   = "a new voice"
	known    = "a voice that was counted before"
	repeat   = "a repeat, which is free"
	reused   = "the key is another call's"
	overAddr = "the address is over its share"
	overNet  = "the network is over its share"
)

// TestMeTooShares writes down what a "me too" costs. An address has three in an hour,
// a network six.
func TestMeTooShares(t *testing.T) {
	const home, next, third, far = "192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"
	tests := []struct {
		name  string
		calls []meToo
		left  int // of home's share
	}{
		{"each new voice costs one", []meToo{
			{from: home, voice: "anna", want: counts}, {from: home, voice: "bo", want: counts}, {from: home, voice: "cia", want: counts},
			{from: home, voice: "dan", want: overAddr}, {from: far, voice: "dan", want: counts},
		}, 0},
		{"the same voice again costs one too", []meToo{
			{from: home, voice: "anna", want: counts}, {from: home, voice: "anna", want: known}, {from: home, voice: "anna", want: known},
			{from: home, voice: "anna", want: overAddr},
		}, 0},
		{"also about another report", []meToo{
			{from: home, voice: "anna", want: counts}, {from: home, voice: "anna", other: true, want: counts},
		}, 1},
		{"the same call again by its key is free", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "anna", key: "k", want: repeat},
			{from: home, voice: "anna", key: "k", want: repeat}, {from: home, voice: "anna", key: "k", want: repeat},
		}, 2},
		{"though the share is used up", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "bo", want: counts}, {from: home, voice: "cia", want: counts},
			{from: home, voice: "anna", key: "k", want: repeat}, {from: home, voice: "dan", want: overAddr},
			{from: home, voice: "anna", key: "k", want: repeat}, {from: home, voice: "anna", want: overAddr},
		}, 0},
		{"and from wherever it comes", []meToo{
			{from: far, voice: "anna", key: "k", want: counts}, {from: home, voice: "anna", key: "k", want: repeat},
		}, 3},
		{"a key may be the voice", []meToo{
			{from: home, key: "k", want: counts}, {from: home, key: "k", want: repeat}, {from: home, key: "l", want: counts},
		}, 1},
		{"a new key is a new call, though of a counted voice", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "anna", key: "l", want: known},
			{from: home, voice: "anna", key: "l", want: repeat},
		}, 1},
		{"a key of another voice is refused, which costs one", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "bo", key: "k", want: reused},
			{from: home, key: "k", want: reused},
		}, 0},
		{"the same key about another report is another call", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "anna", key: "k", other: true, want: counts},
		}, 1},
		{"a network has a share of its own", []meToo{
			{from: home, voice: "anna", key: "k", want: counts}, {from: home, voice: "bo", want: counts}, {from: home, voice: "cia", want: counts},
			{from: next, voice: "dan", want: counts}, {from: next, voice: "dan", want: known}, {from: next, voice: "eva", want: counts},
			{from: third, voice: "fia", want: overNet}, {from: third, voice: "anna", want: overNet},
			{from: third, voice: "anna", key: "k", want: repeat}, {from: far, voice: "fia", want: counts},
		}, 0},
	}
	onBoth(t, func(t *testing.T, s *system) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				gate := s.gated(nil)
				c, reports := s.behind(t, gate), [2]string{s.filed(t, inSundsvall, nil).Id, s.filed(t, inSundsvall, nil).Id}
				for i, call := range tt.calls {
					if got := say(t, c, call, reports); got != call.want {
						t.Errorf("call %d, %+v: %s", i, call, got)
					}
				}
				quota := limit.Count{Name: string(limit.Support), Key: home, Quota: 3}
				if got := gate.Limiter.Look(s.now(), quota)[0].Remaining; got != tt.left {
					t.Errorf("%d are left, want %d", got, tt.left)
				}
			})
		}
		t.Run("a solved challenge lets one call through", func(t *testing.T) { solvedMeToo(t, s) })
	})
}

// about says "me too" as a row has it. Names are written out to the length that the
// contract asks for.
func about(c *apitest.Client, call meToo, reports [2]string) apitest.Response {
	id := reports[0]
	if call.other {
		id = reports[1]
	}
	var body any
	if call.voice != "" {
		body = fields{"voice": "the-voice-of-" + call.voice + "'s-phone"}
	}
	if call.key != "" {
		c = c.With("Idempotency-Key", "a-key-of-one-call-"+call.key)
	}
	return from(c, call.from).Send(http.MethodPost, "/v1/reports/"+id+"/support", body)
}

// say tells how a call ends.
func say(t testing.TB, c *apitest.Client, call meToo, reports [2]string) string {
	t.Helper()
	res := about(c, call, reports)
	switch res.Status {
	case http.StatusTooManyRequests:
		switch p := res.WantProblem(problem.TooMany); {
		case p.Challenge == nil:
			return "refused without a challenge"
		case p.Challenge.Bits == 8: // the two harder ones are an address's own
			return overAddr
		default:
			return overNet
		}
	case http.StatusUnprocessableEntity:
		if res.WantProblem(problem.Invalid).Has("Idempotency-Key", "reused") {
			return reused
		}
		return res.String()
	}
	var got api.Support
	res.Want(http.StatusOK).JSON(&got)
	switch replayed := res.Header.Get("Idempotency-Replayed") == "true"; {
	case replayed && !got.Counted:
		return repeat
	case got.Counted && !replayed:
		return counts
	case !replayed:
		return known
	}
	return "a repeat that counts"
}

func solvedMeToo(t *testing.T, s *system) {
	c := s.behind(t, s.gated(nil))
	reports := [2]string{s.filed(t, inSundsvall, nil).Id}
	for i := range 3 {
		about(c, meToo{from: "192.0.2.1", voice: fmt.Sprint(i)}, reports).Want(http.StatusOK)
	}
	more := meToo{from: "192.0.2.1", voice: "more", key: "solved"}
	solution := about(c, more, reports).WantProblem(problem.TooMany).Challenge.Solve(t)
	solved := c.With("Challenge-Solution", solution)
	if got := say(t, solved, more, reports); got != counts {
		t.Errorf("with the solution: %s", got)
	}
	if got := say(t, c, more, reports); got != repeat {
		t.Errorf("the same call again, without: %s", got)
	}
	if got := say(t, solved, meToo{from: "192.0.2.1", voice: "another"}, reports); got != overAddr {
		t.Errorf("another call by the same solution: %s", got)
	}
}
