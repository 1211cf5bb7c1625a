package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/kantsten/kantsten/internal/problem"
)

const problemType = "application/problem+json"

// problemKind is what the API makes of a kind of failure.
type problemKind struct {
	kind    problem.Kind
	status  int
	meaning string // for the page /problems/{kind}
}

// problemKinds is the one table from kind to status.
var problemKinds = []problemKind{
	{problem.BadRequest, http.StatusBadRequest, "The request cannot be read: malformed JSON, a broken multipart body or a header that has no meaning. Mend the client; repeating the request does not help."},
	{problem.Unauthenticated, http.StatusUnauthorized, "The call needs somebody to be signed in, or the token or key is not known or has expired. Sign in and try again."},
	{problem.Forbidden, http.StatusForbidden, "You are known, but your role does not allow this."},
	{problem.NotFound, http.StatusNotFound, "There is no such thing, or none that you may see."},
	{problem.NotAcceptable, http.StatusNotAcceptable, "The Accept header names only formats that this call does not offer."},
	{problem.Conflict, http.StatusConflict, "The state of the thing does not allow this. The member current shows the state."},
	{problem.Gone, http.StatusGone, "It was here and has been removed for good."},
	{problem.Stale, http.StatusPreconditionFailed, "The change was made on a version that is no longer the current one. The member current shows what there is now: show it, and let the person decide again."},
	{problem.TooLarge, http.StatusRequestEntityTooLarge, "The body has more bytes than are read here."},
	{problem.UnsupportedMedia, http.StatusUnsupportedMediaType, "The Content-Type is not one that this call reads."},
	{problem.Invalid, http.StatusUnprocessableEntity, "The request can be read, but something in it is not right. The member errors names each field with a stable code."},
	{problem.ProtocolVersion, http.StatusPreconditionFailed, "The request speaks a version of a protocol that is not spoken here; for tus, the header Tus-Version lists those that are."},
	{problem.ChecksumMismatch, statusChecksumMismatch, "What arrived is not what the header Upload-Checksum says. None of it is kept; send the chunk again."},
	{problem.VersionRequired, http.StatusPreconditionRequired, "A change must name in If-Match the version that it was made on, as ETag gave it."},
	{problem.TooMany, http.StatusTooManyRequests, "Too many requests in a short time. Retry-After says in how many seconds to try again. Where the document has a challenge, nobody has to wait: find a suffix so that SHA-256 of its token, a full stop and the suffix begins with as many zero bits as bits says, and send that text in the header Challenge-Solution with the same call."},
	{problem.Unavailable, http.StatusServiceUnavailable, "The installation cannot do this right now. Nothing was stored; the same request may be repeated with the same Idempotency-Key."},
}

// lookupKind returns the table's row of a kind; ok is false for an unknown one.
func lookupKind(kind problem.Kind) (row problemKind, ok bool) {
	for _, k := range problemKinds {
		if k.kind == kind {
			return k, true
		}
	}
	return problemKind{}, false
}

// problemJSON is an RFC 9457 document.
type problemJSON struct {
	Type     string               `json:"type"`
	Title    string               `json:"title"`
	Status   int                  `json:"status"`
	Detail   string               `json:"detail,omitempty"`
	Instance string               `json:"instance"`
	Errors   []problem.FieldError `json:"errors,omitempty"`
	// Challenge lets a call through that was one too many.
	Challenge *challengeJSON `json:"challenge,omitempty"`
	Current   any            `json:"current,omitempty"`
}

// writeProblem answers with an error, unless an answer has begun already.
func (e *Edge) writeProblem(c *gin.Context, err error) {
	p := asProblem(c.Request.Context(), err)
	e.logFailure(c.Request.Context(), c.FullPath(), p, err)
	c.Abort()
	if c.Writer.Written() {
		return // too late to say anything; the log has it
	}
	e.sendProblem(c.Writer, c.Request, p)
}

// sendProblem is the only place where an error becomes a response of the v1 API
// and of the tiles. What is not a *problem.Error, here nil, stays private: it is
// logged with its cause and shown as "internal".
func (e *Edge) sendProblem(w http.ResponseWriter, r *http.Request, p *problem.Error) {
	doc := problemJSON{Type: "about:blank", Status: http.StatusInternalServerError, Detail: "something went wrong here; it is logged"}
	if row, ok := rowOf(p); ok {
		doc = problemJSON{Type: "/problems/" + string(p.Kind), Status: row.status, Detail: p.Detail, Errors: p.Fields}
		doc.Current, doc.Challenge = e.show(r.Context(), p.Current), toChallenge(p.Challenge)
		problemHeaders(w.Header(), p)
	}
	w.Header().Del("ETag")
	w.Header().Del("Location")
	sendDocument(w, r, doc)
}

func sendDocument(w http.ResponseWriter, r *http.Request, doc problemJSON) {
	doc.Title = titleOf(doc.Status)
	doc.Instance = "urn:uuid:" + RequestID(r.Context())
	body, err := json.Marshal(doc)
	if err != nil { // only Current can fail, and it is the least important part
		doc.Current = nil
		body, _ = json.Marshal(doc)
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(doc.Status)
	_, _ = w.Write(body) // whoever asked is gone
}

// statusChecksumMismatch is the tus protocol's own, which net/http has no words for.
const statusChecksumMismatch = 460

func titleOf(status int) string {
	if status == statusChecksumMismatch {
		return "Checksum Mismatch"
	}
	return http.StatusText(status)
}

func rowOf(p *problem.Error) (problemKind, bool) {
	if p == nil {
		return problemKind{}, false
	}
	return lookupKind(p.Kind)
}

// show turns the state that a domain error carries into its wire shape.
func (e *Edge) show(ctx context.Context, current any) any {
	if current == nil || e.Current == nil {
		return nil // a domain value is never shown as it is: it may hold what the caller may not see
	}
	return e.Current(ctx, current)
}

// asProblem finds what the client may see in err: a *problem.Error, a body
// that was cut at its limit, or that the server ran out of the request's time.
func asProblem(ctx context.Context, err error) *problem.Error {
	var tooLarge *http.MaxBytesError
	switch p := problem.As(err); {
	case p != nil:
		return p
	case errors.As(err, &tooLarge):
		return problem.New(problem.TooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return &problem.Error{Kind: problem.Unavailable, Detail: "the request was broken off", RetryAfter: time.Second, Cause: err}
	}
	return nil
}

// problemHeaders sets the headers that belong to a kind of failure.
func problemHeaders(h http.Header, p *problem.Error) {
	switch p.Kind {
	case problem.Unauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="kantsten"`)
	case problem.TooLarge:
		h.Set("Connection", "close") // the rest of the body is not read
	case problem.TooMany, problem.Unavailable:
		seconds := max(1, math.Ceil(p.RetryAfter.Seconds()))
		h.Set("Retry-After", strconv.FormatFloat(seconds, 'f', 0, 64))
	}
}

// logFailure logs what the client does not get to see.
func (e *Edge) logFailure(ctx context.Context, route string, p *problem.Error, err error) {
	level, msg := slog.LevelError, "request failed"
	if p != nil {
		if p.Cause == nil {
			return // the access log has the status; there is no more to know
		}
		level, msg, err = slog.LevelWarn, "request refused", p.Cause
	}
	e.Log.Log(ctx, level, msg, "request_id", RequestID(ctx), "route", route, "err", err)
}

// unreadable is what the generated code could not bind. The contract's checks
// run before it and name the field, so little is left: a header sent twice.
func unreadable(err error) error {
	if asProblem(context.Background(), err) != nil {
		return err
	}
	return &problem.Error{Kind: problem.BadRequest, Detail: "a parameter or the body cannot be read, or a header stands twice", Cause: err}
}

func (e *Edge) noRoute(c *gin.Context) {
	e.writeProblem(c, problem.New(problem.NotFound, "there is nothing at this address"))
}

// noMethod answers 405, which has no kind in the domain. gin has set Allow.
func (e *Edge) noMethod(c *gin.Context) {
	if allow := c.Writer.Header().Get("Allow"); strings.Contains(allow, http.MethodGet) {
		c.Header("Allow", allow+", "+http.MethodHead) // see headAsGet
	}
	sendNoMethod(c.Writer, c.Request)
}

func sendNoMethod(w http.ResponseWriter, r *http.Request) {
	sendDocument(w, r, problemJSON{
		Type: "about:blank", Status: http.StatusMethodNotAllowed,
		Detail: "this address does not take this method; Allow says which ones it takes",
	})
}
