package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// maxJSONBody is how many bytes of a body are read where nothing else is said.
const maxJSONBody = 64 << 10

type contextKey int

const (
	requestIDKey contextKey = iota
	methodKey
	mediaTypeKey
)

// RequestID returns the id of the request that ctx belongs to, "" outside one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}

// requestID gives every request an id of our own; one sent by the caller is not
// believed, because ids are what operators search the log by.
func requestID(c *gin.Context) { c.Request = withRequestID(c.Request, c.Writer.Header()) }

func withRequestID(r *http.Request, answer http.Header) *http.Request {
	id := uuid.Must(uuid.NewV7()).String()
	answer.Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestIDKey, id))
}

func (e *Edge) logRequest(c *gin.Context) {
	defer e.logDone(c, time.Now()) // deferred, so that a broken-off request is logged too
	c.Next()
}

func (e *Edge) logDone(c *gin.Context, start time.Time) {
	e.logFinished(c.Request, c.FullPath(), c.Writer.Status(), max(0, c.Writer.Size()), time.Since(start))
}

// logFinished writes one line a request. It holds the route's pattern and never
// the path, the query or the caller's address: those are personal data.
func (e *Edge) logFinished(r *http.Request, route string, status, bytes int, took time.Duration) {
	ctx, method := r.Context(), knownMethod(methodOf(r))
	e.Log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("request_id", RequestID(ctx)),
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Int("bytes", bytes),
		slog.Float64("took_ms", float64(took.Microseconds())/1000))
	if e.Observe != nil {
		e.Observe(method, route, status, bytes, took)
	}
}

// knownMethod keeps a caller's invented method out of logs and metric labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// recoverPanic turns a panic into a 500, logged with its stack.
func (e *Edge) recoverPanic(c *gin.Context) {
	defer func() {
		if r := recover(); r != nil {
			e.writeProblem(c, e.panicked(c.Request.Context(), c.FullPath(), r, c.Writer.Written()))
		}
	}()
	c.Next()
}

// panicked logs a panic with its stack and returns the error to answer with. It
// panics on where there is no answer to give.
func (e *Edge) panicked(ctx context.Context, route string, r any, written bool) error {
	if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(r) // net/http's own way to break a connection off
	}
	e.Log.ErrorContext(ctx, "panic", "request_id", RequestID(ctx), "route", route,
		"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	if written {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	return fmt.Errorf("panic: %v", r)
}

func securityHeaders(c *gin.Context) { secure(c.Writer.Header()) }

// secure sets what every answer carries; a page sets its own policy.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Frame-Options", "DENY")
}

// credentialHeaders are the headers by which a caller can be known.
var credentialHeaders = []string{"Authorization", "X-API-Key", "Follow-Token"}

// anonymous reports whether a request carries no credentials.
func anonymous(r *http.Request) bool {
	for _, name := range credentialHeaders {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

// crossOrigin lets any web page read what anyone may read, and nothing more:
// only GET, only without credentials. It also keeps caches from serving one
// caller's answer to another.
func crossOrigin(c *gin.Context) {
	if !strings.HasPrefix(c.Request.URL.Path, "/v1/") {
		return
	}
	h := c.Writer.Header()
	if below(c.Request.URL.Path, uploadsPath) {
		crossOriginUploads(c)
		return
	}
	h.Add("Vary", "Accept, Accept-Language, Authorization, Follow-Token, X-API-Key")
	reading := c.Request.Method == http.MethodGet && anonymous(c.Request)
	if reading {
		h.Set("Cache-Control", "no-cache")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Content-Language, ETag, Retry-After, X-Request-Id")
	} else {
		h.Set("Cache-Control", "no-store")
	}
	if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "Accept, Accept-Language")
		h.Set("Access-Control-Max-Age", "86400")
		c.AbortWithStatus(http.StatusNoContent)
	}
}

// limitBody cuts the body at maxBytes when it is read; reading on is an error
// that becomes a 413.
func limitBody(maxBytes int64) gin.HandlerFunc {
	if maxBytes == 0 {
		maxBytes = maxJSONBody
	}
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBytes)
	}
}

// headAsGet answers HEAD by the handler of GET; net/http leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), methodKey, http.MethodHead))
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// methodOf returns the method that the caller used.
func methodOf(r *http.Request) string {
	if m, ok := r.Context().Value(methodKey).(string); ok {
		return m
	}
	return r.Method
}
