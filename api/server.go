package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/atlas"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
	"github.com/kantsten/kantsten/internal/upload"
)

// Server is the v1 API: each method decodes nothing and decides nothing, but
// makes one call into the domain and puts the answer into its wire shape.
type Server struct {
	Reports   *report.Service
	Router    *routing.Router
	Atlas     *atlas.Atlas
	Tenants   *tenant.Service
	Directory *tenant.Directory
	Photos    *photo.Library
	Resumable *upload.Service
	Blobs     blob.Store
	Shown     PhotoRows
	Auth      *auth.Service
	Links     auth.LinkKey
	Followers *notify.Followers
	Parked    ParkedJobs
	PushKey   string // VAPID public key, base64url
	BaseURL   string // without a trailing slash
	Version   string
	UploadDir string // private folder for photos on their way
	Now       func() time.Time
	Committed func() // starts the jobs that a call has left
}

var _ V1 = (*Server)(nil)

// PhotoRows tells which report shows a photo.
type PhotoRows interface {
	// PhotoShown returns how the version of a photo that lies in a folder may be
	// seen; false if there is none, and was none.
	PhotoShown(ctx context.Context, folder string) (shown photo.Shown, ok bool, err error)
}

// ParkedJobs is the work that was given up.
type ParkedJobs interface {
	// Parked returns up to n parked jobs after an id, oldest first.
	Parked(ctx context.Context, after string, n int) ([]job.GivenUp, error)
	// Unpark makes a parked job due at once; problem.NotFound if there is none.
	Unpark(ctx context.Context, id string, now time.Time) (job.GivenUp, error)
}

// Identify finds out who is asking, from what the request shows. Showing nothing
// is fine; showing something that is not valid is an error, so that a client
// with an ended session learns of it.
func (s *Server) Identify(ctx context.Context, r *http.Request) (context.Context, error) {
	actor, err := s.actor(ctx, r.Header)
	if err != nil {
		return nil, err
	}
	actor.FollowToken = r.Header.Get("Follow-Token")
	return withToken(auth.With(ctx, actor), bearer(r.Header)), nil
}

func (s *Server) actor(ctx context.Context, h http.Header) (auth.Actor, error) {
	if h.Get("Authorization") != "" {
		token := bearer(h)
		if token == "" {
			return auth.Actor{}, problem.New(problem.Unauthenticated, "Authorization is read as Bearer and a token only")
		}
		return s.Auth.Authenticate(ctx, token)
	}
	if key := h.Get("X-API-Key"); key != "" {
		return s.Auth.AuthenticateKey(ctx, key)
	}
	return auth.Actor{}, nil
}

// bearer returns the token of an Authorization header, RFC 6750; the scheme's
// case does not matter.
func bearer(h http.Header) string {
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

const tokenKey contextKey = iota + 100

func withToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey, token)
}

// tokenFrom returns the session token of the request, for calls on the session
// itself.
func tokenFrom(ctx context.Context) string {
	token, _ := ctx.Value(tokenKey).(string)
	return token
}

// Current shows the state that a refused change met, as the caller may see it.
func (s *Server) Current(ctx context.Context, current any) any {
	switch now := current.(type) {
	case report.Report:
		if shown, err := s.toReport(ctx, now); err == nil {
			return shown
		}
	case routing.RulesInForce:
		return toRules(now)
	case tenant.Jurisdiction:
		return toJurisdiction(now, mayConfigure(ctx, now.Code) == nil)
	}
	return nil // the problem itself is worth more than its illustration
}
