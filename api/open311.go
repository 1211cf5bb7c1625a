package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/open311"
	"github.com/kantsten/kantsten/internal/problem"
)

// Open311Prefix is where the Open311 server stands; its version 2 is below it.
const Open311Prefix = "/open311"

// Open311 is the GeoReport v2 server, in XML and JSON, over the same services as
// the v1 API. It is a [Front] because the format is the extension of the path.
//
// One endpoint serves all jurisdictions: jurisdiction_id is always optional.
// Whatever goes wrong, be it the path, the method or a panic, is answered by a
// GeoReport errors document in the format of the URL, XML where that has none.
//
// Limits: the core of GeoReport v2 only. Every id is known at once, so there are
// no tokens. A media_url is fetched after the answer, so it is shown a little later.
type Open311 struct {
	*Server
	// Contact and KeyService are sentences for people: how to reach whoever runs
	// this installation, and how to get an api_key.
	Contact, KeyService string
	// TestURL is the GeoReport endpoint of a test installation. Validators want
	// both types listed, so without one this endpoint is named as both.
	TestURL string
	// Gate limits how often a key may file; nil for no limit.
	Gate *limit.Gate
}

var _ Front = (*Open311)(nil)

// geoCall answers one request; id is what the path names. An [open311.Errors]
// is a document like the others.
type geoCall func(r *http.Request, id string) (open311.Document, error)

// target is what a path names.
type target struct {
	resource open311.Resource
	id       string
	format   open311.Format
}

// targetOf reads a path below the prefix. Discovery stands both at the prefix
// and at the version; clients look in either place.
func targetOf(r *http.Request) target {
	rest := strings.TrimLeft(strings.TrimPrefix(r.URL.EscapedPath(), Open311Prefix), "/")
	version, below, _ := strings.Cut(rest, "/")
	if version == "v2" {
		rest = below
	}
	resource, id, format, _ := open311.Route(rest)
	if version != "v2" && resource != open311.DiscoveryResource {
		resource = open311.NoResource
	}
	return target{resource, id, format}
}

// Pattern implements [Front].
func (o *Open311) Pattern(r *http.Request) string {
	return map[open311.Resource]string{
		open311.DiscoveryResource: "/open311/v2/discovery.:format",
		open311.ServicesResource:  "/open311/v2/services.:format",
		open311.ServiceResource:   "/open311/v2/services/:code.:format",
		open311.RequestsResource:  "/open311/v2/requests.:format",
		open311.RequestResource:   "/open311/v2/requests/:id.:format",
		open311.TokenResource:     "/open311/v2/tokens/:token.:format",
	}[targetOf(r).resource]
}

// operations says what a resource answers, by method.
func (o *Open311) operations(resource open311.Resource) map[string]geoCall {
	switch resource {
	case open311.DiscoveryResource:
		return map[string]geoCall{http.MethodGet: o.discovery}
	case open311.ServicesResource:
		return map[string]geoCall{http.MethodGet: o.services}
	case open311.ServiceResource:
		return map[string]geoCall{http.MethodGet: o.definition}
	case open311.RequestsResource:
		return map[string]geoCall{http.MethodGet: o.requests, http.MethodPost: o.post}
	case open311.RequestResource:
		return map[string]geoCall{http.MethodGet: o.request}
	case open311.TokenResource:
		return map[string]geoCall{http.MethodGet: noToken}
	}
	return nil
}

// noToken answers for tokens: every request has its id at once, so none exists.
func noToken(*http.Request, string) (open311.Document, error) {
	return nil, problem.New(problem.NotFound, "there is no such token: a request has its service_request_id at once")
}

// Serve implements [Front]. HEAD comes as GET.
func (o *Open311) Serve(w http.ResponseWriter, r *http.Request) error {
	openToAll(w.Header())
	at := targetOf(r)
	operations := o.operations(at.resource)
	if operations == nil {
		return problem.New(problem.NotFound, "there is nothing at this address; it may want .xml or .json at its end")
	}
	if answer, ok := operations[r.Method]; ok {
		doc, err := answer(r.WithContext(withAnswer(r.Context(), w.Header())), at.id)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Language", readerLanguage(r))
		return write(w, at.format, doc)
	}
	allow := "GET, HEAD, OPTIONS"
	if operations[http.MethodPost] != nil {
		allow += ", POST"
	}
	w.Header().Set("Allow", allow)
	if r.Method == http.MethodOptions {
		preflight(w, allow)
		return nil
	}
	return write(w, at.format, open311.Errors{{
		Code: http.StatusMethodNotAllowed, Description: "This address takes " + allow + ".",
	}})
}

// openToAll lets every web page read every answer: what identifies a caller is
// the api_key that the page itself sends, never a cookie.
func openToAll(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Language, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Language")
}

func preflight(w http.ResponseWriter, allow string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", allow)
	h.Set("Access-Control-Allow-Headers", "Accept, Accept-Language, Content-Type, Idempotency-Key")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// Refuse implements [Front].
func (o *Open311) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(r.Context(), err)
	if p != nil && p.Kind != problem.Unauthenticated { // GeoReport has no 401 and no challenge
		problemHeaders(w.Header(), p)
	}
	_ = write(w, targetOf(r).format, open311.FromProblem(p)) // whoever asked is gone
}

// write sends a document whole, an errors document with its status.
func write(w http.ResponseWriter, f open311.Format, doc open311.Document) error {
	var body bytes.Buffer
	if err := open311.Encode(&body, f, doc); err != nil {
		return err
	}
	status := http.StatusOK
	if errs, ok := doc.(open311.Errors); ok {
		status = errs.Status()
		w.Header().Set("Content-Language", "en")
	}
	if status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	w.Header().Set("Content-Type", f.ContentType())
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // whoever asked is gone
	return nil
}

// readerLanguage is the language in which the answer to r is written.
func readerLanguage(r *http.Request) string { return languageOf(r.Header.Get("Accept-Language")) }
