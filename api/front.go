package api

import (
	"net/http"
	"time"
)

// Front is a part of the surface that finds its own way among paths that gin
// cannot route, such as those with an extension, and words its own refusals.
type Front interface {
	// Pattern names the route of a request for logs and metrics; "" where none
	// matches. It never holds what a caller chose.
	Pattern(r *http.Request) string
	// Serve answers a request, or returns why it could not and has then written
	// nothing but headers.
	Serve(w http.ResponseWriter, r *http.Request) error
	// Refuse answers with an error that Serve returned, or that a panic left. It
	// must not show what is not a *problem.Error.
	Refuse(w http.ResponseWriter, r *http.Request, err error)
}

// Before puts a front before next: prefix ("/open311") and all below it go to
// the front. A request there gets an id, a line in the log, the headers that
// every answer carries, and an answer even if something panics, as one to v1.
func (e *Edge) Before(next http.Handler, prefix string, f Front) http.Handler {
	front := headAsGet(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		r = withRequestID(r, w.Header())
		secure(w.Header())
		seen := &seenWriter{ResponseWriter: w}
		defer func() {
			e.logFinished(r, f.Pattern(r), seen.status, seen.bytes, time.Since(start))
		}()
		e.serveFront(seen, r, f)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if below(r.URL.EscapedPath(), prefix) {
			front.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// below reports whether path is prefix or stands below it.
func below(path, prefix string) bool {
	return len(path) >= len(prefix) && path[:len(prefix)] == prefix &&
		(len(path) == len(prefix) || path[len(prefix)] == '/')
}

func (e *Edge) serveFront(w *seenWriter, r *http.Request, f Front) {
	defer func() {
		if p := recover(); p != nil {
			f.Refuse(w, r, e.panicked(r.Context(), f.Pattern(r), p, w.status != 0))
		}
	}()
	err := f.Serve(w, r)
	if err == nil {
		return
	}
	e.logFailure(r.Context(), f.Pattern(r), asProblem(r.Context(), err), err)
	f.Refuse(w, r, err)
}

// seenWriter notes what was answered.
type seenWriter struct {
	http.ResponseWriter
	status, bytes int
}

// WriteHeader implements http.ResponseWriter.
func (w *seenWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *seenWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *seenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
