package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kantsten/kantsten/internal/limit"
)

// Edge is what stands between the network and the handlers. The zero value of a
// field switches that part off, except Log, which must be set.
type Edge struct {
	// Log gets one line a request and every internal error.
	Log *slog.Logger
	// BaseURL is where the installation is reached from outside, without a
	// trailing slash. Absolute addresses come from it, never from the Host header.
	BaseURL string
	// Identify finds out who is asking and returns a context that carries it.
	// An error (401 for a token that is not known) ends the request. It runs before
	// the body is read.
	Identify func(ctx context.Context, r *http.Request) (context.Context, error)
	// Gate limits how often a caller may create something.
	Gate *limit.Gate
	// Answered reports whether the caller used an idempotency key before, for a call
	// by its name in the contract on what the path names: a repeat is free.
	Answered func(ctx context.Context, operation, name, key string) (bool, error)
	// Current turns the state that a conflict carries into its wire shape, as
	// the caller may see it; without it no state is shown.
	Current func(ctx context.Context, current any) any
	// Observe is told about every finished request, for metrics. route is the
	// pattern ("/v1/reports/:id"), or "" where none matched.
	Observe func(method, route string, status, bytes int, took time.Duration)
}

// V1 serves the whole contract: the calls that are generated from it, and those
// that the contract has and are routed by hand.
type V1 interface {
	StrictServerInterface
	// Uploads are the routes of resumable uploads.
	Uploads(e *Edge) []Route
}

// Route is a way into the server that stands beside the v1 contract.
type Route struct {
	Method  string
	Path    string // gin's notation: "/photos/:id/:size"
	Handler gin.HandlerFunc
	// MaxBody caps the request body in bytes; 0 means the default of 64 KiB.
	MaxBody int64
}

// Handler builds the server: v1 by the contract, the documentation, and the
// given routes beside them. It fails if the contract and the routes disagree.
func (e *Edge) Handler(v1 V1, beside ...Route) (http.Handler, error) {
	engine, err := e.engine(v1, beside)
	if err != nil {
		return nil, err
	}
	return overrideMethod(headAsGet(engine)), nil
}

func (e *Edge) engine(v1 V1, beside []Route) (*gin.Engine, error) {
	contract, err := loadContract()
	if err != nil {
		return nil, err
	}
	docs, err := e.docRoutes(contract)
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode) // else gin prints every route to standard output
	engine := gin.New()
	if err := engine.SetTrustedProxies(nil); err != nil { // addresses are read by limit.Client
		return nil, fmt.Errorf("trust no proxies: %w", err)
	}
	engine.HandleMethodNotAllowed = true
	engine.ContextWithFallback = true
	engine.RedirectTrailingSlash = false // a redirected POST loses its body
	engine.Use(requestID, e.logRequest, e.recoverPanic, securityHeaders, crossOrigin)
	engine.NoRoute(e.noRoute)
	engine.NoMethod(e.noMethod)
	for _, r := range slices.Concat(docs, v1.Uploads(e), beside) {
		engine.Handle(r.Method, r.Path, limitBody(r.MaxBody), r.Handler)
	}
	e.registerV1(engine, contract, v1)
	return engine, contract.agreesWith(engine.Routes())
}

// registerV1 puts the contract's checks before the generated handlers.
func (e *Edge) registerV1(engine *gin.Engine, contract *contract, v1 StrictServerInterface) {
	fail := func(c *gin.Context, err error) { e.writeProblem(c, err) }
	strict := NewStrictHandlerWithOptions(v1, nil, StrictGinServerOptions{
		RequestErrorHandlerFunc:  func(c *gin.Context, err error) { fail(c, unreadable(err)) },
		HandlerErrorFunc:         fail,
		ResponseErrorHandlerFunc: fail,
	})
	group := engine.Group("", e.enforce(contract))
	RegisterHandlersWithOptions(group, strict, GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { fail(c, unreadable(err)) },
	})
}
