package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// The errors that callers test for.
var (
	// ErrRefused: the address, port or URL may not be reached from here.
	ErrRefused = errors.New("address refused")
	// ErrTooLarge: the response's body is longer than the limit.
	ErrTooLarge = errors.New("response too large")
	// ErrRedirects: the server redirects more often than the limit.
	ErrRedirects = errors.New("too many redirects")
	// ErrAnswer: the other side answers [Client.Fetch] with a status that will stay.
	ErrAnswer = errors.New("refused by the other side")
)

// Error is what [Client.Do] and the bodies of its responses fail with: an error
// whose own text may name a URL, host or address, under a text that names none.
type Error struct {
	text  string
	cause error
}

// Error returns the text without the cause.
func (e *Error) Error() string { return e.text }

// Unwrap returns the cause, whose text is not for logs.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether the request ran out of time, as [net.Error] does.
func (e *Error) Timeout() bool { return timedOut(e.cause) }

// discreet puts an error of net/http under a text that is fit for logs.
func discreet(err error) error {
	var done *Error
	if errors.As(err, &done) {
		return done
	}
	return &Error{text: class(err), cause: err}
}

// class says what happened in words that hold nothing of the request.
func class(err error) string {
	for _, own := range []error{ErrRefused, ErrTooLarge, ErrRedirects} {
		if errors.Is(err, own) {
			return own.Error()
		}
	}
	var (
		dns   *net.DNSError
		cert  *tls.CertificateVerificationError
		errno syscall.Errno
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "request cancelled"
	case timedOut(err):
		return "request timed out"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "host name not found"
	case errors.As(err, &dns):
		return "host name lookup failed"
	case errors.As(err, &cert):
		return "certificate not trusted"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed early"
	}
	return "request failed"
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// cappedBody is a response body that ends in [ErrTooLarge] instead of growing
// past its limit, unlike [io.LimitReader], which would pass a cut body as whole.
type cappedBody struct {
	body io.ReadCloser
	left int64
}

// Read implements [io.Reader].
func (b *cappedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	// One byte more than may come tells a body that fits from one that does not.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		n, b.left = int(b.left), 0
		return n, ErrTooLarge
	}
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = discreet(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (b *cappedBody) Close() error { return b.body.Close() }
