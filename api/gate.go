package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// solutionHeader carries the solution of a challenge.
const solutionHeader = "Challenge-Solution"

// kindOf is what a call creates; ok is false for a call that creates nothing.
func kindOf(method, operation string) (kind limit.Kind, ok bool) {
	if method != http.MethodPost {
		return "", false
	}
	switch operation {
	case "postReportCheck":
		return "", false
	case "postReport":
		return limit.Reports, true
	case "postPhoto", "postReportPhoto", "postUpload":
		return limit.Photos, true
	case "postReportUpdate":
		return limit.Comments, true
	case "postReportSupport":
		return limit.Support, true
	case "postSubscription", "postSubscriptionConfirm":
		return limit.Subscriptions, true
	case "postSignIn", "postSignInConfirm", "postInvitationAccept":
		return limit.SignIn, true
	}
	return limit.Other, true // what nobody has thought of is limited too
}

// gate counts a call of the contract by the name that it has there, and refuses
// what is over the caller's share.
func (e *Edge) gate(c *gin.Context, name string) (limit.Pass, error) {
	kind, creates := kindOf(c.Request.Method, name)
	if e.Gate == nil || !creates {
		return limit.Pass{}, nil
	}
	ctx, header := c.Request.Context(), c.Request.Header
	actor := auth.From(ctx)
	return pass(ctx, e.Gate, c.Writer.Header(), limit.Call{
		Kind: kind, Name: name, Program: program(actor), Solution: header.Get(solutionHeader), Request: c.Request,
		Known: e.known(name, c.Param("id"), header.Get("Idempotency-Key")),
	})
}

// sender names whom to count by what a call leaves behind; empty for whom no quota
// holds.
func (e *Edge) sender(c *gin.Context) string {
	if e.Gate == nil {
		return ""
	}
	return e.Gate.Sender(c.Request, program(auth.From(c.Request.Context())))
}

// known looks an idempotency key up.
func (e *Edge) known(operation, name, key string) func(context.Context) (bool, error) {
	if key == "" || e.Answered == nil {
		return nil
	}
	return func(ctx context.Context) (bool, error) { return e.Answered(ctx, operation, name, key) }
}

// Answered reports whether the caller has used an idempotency key before, for a call
// of the contract on what it names, if it names anything.
func (s *Server) Answered(ctx context.Context, operation, name, key string) (bool, error) {
	route, err := s.acting(ctx, operation, name, key)
	if err != nil {
		return false, err
	}
	return s.used(ctx, report.Key{Scope: strings.TrimSpace(route) + " " + caller(auth.From(ctx), key), Key: key})
}

// used reports whether an idempotency key was used before.
func (s *Server) used(ctx context.Context, key report.Key) (bool, error) {
	_, ok, err := s.Reports.Store.Replay(ctx, key)
	return ok, err
}

// program names whom to count by themselves: an API key, or a member of staff, of
// whom a whole office may share one address.
func program(a auth.Actor) string {
	switch {
	case a.Kind == auth.KeyKind:
		return "key " + a.KeyID
	case a.Kind == auth.PersonKind && len(a.Grants) > 0:
		return "person " + a.PersonID
	}
	return ""
}

// pass asks the gate and says in the answer's headers what is left.
func pass(ctx context.Context, g *limit.Gate, answer http.Header, c limit.Call) (limit.Pass, error) {
	p, err := g.Ask(ctx, c)
	if err != nil {
		return p, err
	}
	sayLeft(answer, p.Left)
	if !p.OK {
		return p, overShare(p)
	}
	return p, nil
}

// sayLeft sets the two fields of draft-ietf-httpapi-ratelimit-headers-10.
func sayLeft(h http.Header, left []limit.Left) {
	var policies, now []string
	for _, l := range left {
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d", l.Name, l.Quota, int(limit.Window.Seconds())))
		now = append(now, fmt.Sprintf("%q;r=%d;t=%d", l.Name, l.Remaining, wholeSeconds(l.Reset)))
	}
	if len(left) > 0 {
		h.Set("RateLimit-Policy", strings.Join(policies, ", "))
		h.Set("RateLimit", strings.Join(now, ", "))
	}
}

// wholeSeconds rounds up: whoever comes back then is not too early.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func overShare(p limit.Pass) error {
	refused := &problem.Error{
		Kind: problem.TooMany, RetryAfter: p.RetryAfter,
		Detail: "this is more than one caller may do in an hour; come back when Retry-After says",
	}
	if ch := p.Challenge; ch != nil {
		refused.Detail = "more has come from here than one caller may do in an hour: solve the challenge, and the call goes through, or come back when Retry-After says"
		refused.Challenge = &problem.Challenge{Token: ch.Token, Bits: ch.Bits, Expires: ch.Expires}
	}
	if p.Fault != nil {
		refused.Fields = []problem.FieldError{{Field: solutionHeader, Code: faultCode(p.Fault), Detail: p.Fault.Error()}}
	}
	return refused
}

// faultCode is the stable word for what is wrong with a solution.
func faultCode(fault error) string {
	switch {
	case errors.Is(fault, limit.ErrExpired):
		return "expired"
	case errors.Is(fault, limit.ErrSpent):
		return "reused"
	case errors.Is(fault, limit.ErrUnsolved):
		return "unsolved"
	}
	return codeUnknown
}

// settle gives a call back that was a repeat, or that failed by our own fault.
func settle(p limit.Pass, status int, answer http.Header) {
	if status >= http.StatusInternalServerError || answer.Get("Idempotency-Replayed") != "" {
		p.GiveBack()
	}
}

// challengeJSON is the challenge in a problem document.
type challengeJSON struct {
	Algorithm string    `json:"algorithm"`
	Token     string    `json:"token"`
	Bits      int       `json:"bits"`
	Header    string    `json:"header"`
	ExpiresAt time.Time `json:"expires_at"`
}

func toChallenge(ch *problem.Challenge) *challengeJSON {
	if ch == nil {
		return nil
	}
	return &challengeJSON{Algorithm: "sha-256", Token: ch.Token, Bits: ch.Bits, Header: solutionHeader, ExpiresAt: ch.Expires.UTC()}
}
