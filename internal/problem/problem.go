// Package problem holds the one error type that a client of Kantsten may see.
//
// Whatever goes wrong for a reason that the caller can understand or mend is an
// [*Error]: a kind, a sentence that is safe to show to anyone, and, for bad
// input, the fields at fault. Every other error is internal: it is logged with
// its cause and shown to the client as "internal" and nothing more.
//
// The package knows no HTTP. The api package turns a kind into a status code in
// one table, as an RFC 9457 document for the v1 API and as a GeoReport errors
// document for Open311.
package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of failure an error is. It is part of the API: the v1
// problem type is "/problems/" followed by the kind.
type Kind string

// The kinds, each with the HTTP status that the api package gives it.
const (
	BadRequest       Kind = "bad-request"           // 400: the request cannot be read
	Unauthenticated  Kind = "unauthenticated"       // 401: nobody is signed in, or the key is not known
	Forbidden        Kind = "forbidden"             // 403: known, but not allowed
	NotFound         Kind = "not-found"             // 404: there is no such thing, or none the caller may see
	NotAcceptable    Kind = "not-acceptable"        // 406: none of the offered formats is wanted
	Conflict         Kind = "conflict"              // 409: the state does not allow it
	Gone             Kind = "gone"                  // 410: it was here and is removed for good
	Stale            Kind = "stale"                 // 412: the caller's version is not the current one
	TooLarge         Kind = "too-large"             // 413: more bytes than are read
	UnsupportedMedia Kind = "unsupported-media"     // 415: a content type that is not read here
	Invalid          Kind = "invalid"               // 422: readable, but a field is wrong; Fields says which
	ProtocolVersion  Kind = "protocol-version"      // 412: a version of a protocol that is not spoken here
	ChecksumMismatch Kind = "checksum-mismatch"     // 460, by the tus protocol: not the bytes that were sent
	VersionRequired  Kind = "precondition-required" // 428: a change needs If-Match
	TooMany          Kind = "too-many-requests"     // 429: later; RetryAfter says when
	Unavailable      Kind = "unavailable"           // 503: not now; RetryAfter says when
)

// Error is a failure meant for the client. Detail is safe to show to anyone.
type Error struct {
	Kind   Kind
	Detail string
	// Fields names what is wrong in the input; only for Invalid and BadRequest, and
	// for TooMany where a challenge was not solved.
	Fields []FieldError
	// RetryAfter says when it is worth trying again; only for TooMany and Unavailable.
	RetryAfter time.Duration
	// Challenge is what the caller can do instead of waiting; only for TooMany, nil
	// where there is nothing.
	Challenge *Challenge
	// Current is the state that the request met, as the caller may see it, for
	// Stale, VersionRequired and Conflict; nil where there is none to show.
	Current any
	// Cause is logged and never shown.
	Cause error
}

// Challenge is a proof of work: find a suffix so that SHA-256 of Token, "." and the
// suffix begins with Bits zero bits, and send that text along.
type Challenge struct {
	Token   string
	Bits    int
	Expires time.Time
}

// FieldError is one thing that is wrong with the input.
type FieldError struct {
	// Field is an RFC 6901 JSON pointer into the body ("/attributes/size"), or
	// the plain name of a parameter, header or part.
	Field string `json:"field"`
	// Code is stable and meant for programs, which translate by it: "required",
	// "too-long", "unknown", "out-of-range", …
	Code string `json:"code"`
	// Detail says in English what would be right.
	Detail string `json:"detail"`
}

// Error returns the kind, the detail and the fields, for logs and tests.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Kind))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s (%s)", f.Field, f.Detail, f.Code)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of a kind with a formatted detail.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Field makes an Invalid error about one field.
func Field(field, code, format string, args ...any) *Error {
	f := FieldError{Field: field, Code: code, Detail: fmt.Sprintf(format, args...)}
	return Invalidity([]FieldError{f})
}

// Invalidity makes an Invalid error of the given fields, and nil of none, so
// that a validator can collect and return in one line. The result is typed: a
// caller that returns it as an error compares with nil first.
func Invalidity(fields []FieldError) *Error {
	switch len(fields) {
	case 0:
		return nil
	case 1:
		return &Error{Kind: Invalid, Detail: fields[0].Detail, Fields: fields}
	}
	return &Error{Kind: Invalid, Detail: fmt.Sprintf("%d fields are not right", len(fields)), Fields: fields}
}

// As returns the [*Error] in err's chain, nil if there is none.
func As(err error) *Error {
	var p *Error
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// Is reports whether err is an [*Error] of the kind.
func Is(err error, kind Kind) bool {
	p := As(err)
	return p != nil && p.Kind == kind
}
