// Package apitest is a client for tests of the v1 API. It talks HTTP to a real
// server and holds every answer against the contract: status, headers and body,
// problem documents too. A test that gets an answer which the contract does not
// describe fails, whatever else it looks at.
package apitest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

// Client sends requests and checks what comes back. It may be used from
// several goroutines of one test.
type Client struct {
	t      testing.TB
	base   string
	http   *http.Client
	header http.Header
}

// New serves a handler on a loopback port for as long as the test runs.
func New(t testing.TB, h http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return At(t, server.URL)
}

// At talks to a server that runs already, such as the built program.
func At(t testing.TB, base string) *Client {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{t: t, base: strings.TrimSuffix(base, "/"), http: client, header: http.Header{}}
}

// With returns a client that also sends a header; an empty value takes it away.
func (c *Client) With(name, value string) *Client {
	other := *c
	other.header = c.header.Clone()
	other.header.Del(name)
	if value != "" {
		other.header.Set(name, value)
	}
	return &other
}

// WithTest returns a client that reports to another test, such as a subtest.
func (c *Client) WithTest(t testing.TB) *Client {
	other := *c
	other.t = t
	return &other
}

// Base returns the address of the server.
func (c *Client) Base() string { return c.base }

// Get reads a path, which may have a query.
func (c *Client) Get(path string) Response {
	c.t.Helper()
	return c.Send(http.MethodGet, path, nil)
}

// Send sends a request. A body that is an io.Reader, bytes or a string is sent
// as it is; anything else as JSON. The content type is JSON unless With set another.
func (c *Client) Send(method, path string, body any) Response {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case io.Reader:
		r = b
	case []byte:
		r = bytes.NewReader(b)
	case string:
		r = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			c.t.Fatalf("write the body of %s %s: %v", method, path, err)
		}
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, r)
	if err != nil {
		c.t.Fatalf("make the request %s %s: %v", method, path, err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.Do(req)
}

// Part is one part of a multipart body.
type Part struct {
	Name, FileName, ContentType string
	Data                        []byte
}

// Form posts a multipart/form-data body.
func (c *Client) Form(path string, parts ...Part) Response {
	c.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := multipart.FileContentDisposition(p.Name, p.FileName)
		if p.FileName == "" {
			disposition = strings.TrimSuffix(disposition, `; filename=""`)
		}
		h.Set("Content-Disposition", disposition)
		if p.ContentType != "" {
			h.Set("Content-Type", p.ContentType)
		}
		part, err := w.CreatePart(h)
		if err == nil {
			_, err = part.Write(p.Data)
		}
		if err != nil {
			c.t.Fatalf("write part %s: %v", p.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		c.t.Fatalf("end the multipart body: %v", err)
	}
	return c.With("Content-Type", w.FormDataContentType()).Send(http.MethodPost, path, &body)
}

// Do sends a request with the client's headers and checks the answer.
func (c *Client) Do(req *http.Request) Response {
	c.t.Helper()
	for name, values := range c.header {
		req.Header[name] = values
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := unpacked(req, res)
	if err != nil {
		c.t.Fatalf("%s %s: read the answer: %v", req.Method, req.URL.Path, err)
	}
	r := Response{t: c.t, what: req.Method + " " + req.URL.RequestURI(), Status: res.StatusCode, Header: res.Header, Body: body}
	if err := check(req, r); err != nil {
		c.t.Errorf("%s: the answer breaks the contract: %v\n%s", r.what, err, r)
	}
	return r
}

// unpacked reads a body, and unpacks one that the test itself has asked for by
// Accept-Encoding; net/http does so only if it asked.
func unpacked(req *http.Request, res *http.Response) ([]byte, error) {
	if res.Header.Get("Content-Encoding") != "gzip" || req.Method == http.MethodHead {
		return io.ReadAll(res.Body)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Response is an answer that keeps the contract.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	t    testing.TB
	what string
}

// String shows the answer in failures, cut after some hundred bytes.
func (r Response) String() string {
	const most = 800
	body := string(r.Body)
	if len(body) > most {
		body = body[:most] + "…"
	}
	return http.StatusText(r.Status) + " " + r.Header.Get("Content-Type") + "\n" + body
}

// Want ends the test unless the answer has the status.
func (r Response) Want(status int) Response {
	r.t.Helper()
	if r.Status != status {
		r.t.Fatalf("%s: got %d, want %d\n%s", r.what, r.Status, status, r)
	}
	return r
}

// JSON decodes the answer's body.
func (r Response) JSON(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		r.t.Fatalf("%s: decode the answer: %v\n%s", r.what, err, r)
	}
}

// Problem is an RFC 9457 document as a client reads it.
type Problem struct {
	Type     string               `json:"type"`
	Title    string               `json:"title"`
	Status   int                  `json:"status"`
	Detail   string               `json:"detail"`
	Instance string               `json:"instance"`
	Errors   []problem.FieldError `json:"errors"`
	Current  json.RawMessage      `json:"current"`
	// Challenge lets a call through that was one too many; nil where there is none.
	Challenge *Challenge `json:"challenge"`
}

// Has reports whether the problem names the field with the code.
func (p Problem) Has(field, code string) bool {
	for _, e := range p.Errors {
		if e.Field == field && e.Code == code {
			return true
		}
	}
	return false
}

// WantProblem ends the test unless the answer is a problem of the kind, and
// returns it.
func (r Response) WantProblem(kind problem.Kind) Problem {
	r.t.Helper()
	var p Problem
	if got := r.Header.Get("Content-Type"); got != problemType {
		r.t.Fatalf("%s: Content-Type is %q, want %q\n%s", r.what, got, problemType, r)
	}
	r.JSON(&p)
	if want := "/problems/" + string(kind); p.Type != want {
		r.t.Fatalf("%s: problem %q, want %q\n%s", r.what, p.Type, want, r)
	}
	return p
}
