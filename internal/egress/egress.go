// Package egress is the one HTTP client for addresses that outsiders can steer:
// push endpoints, webhooks, media URLs, Open311 servers.
//
// A [Client] reaches public addresses over https only. It decides on the address
// that it is about to dial, after the name was resolved and for every redirect
// anew, so a name that changes its answer between [Client.Check] and the request
// gains nothing. Loopback, private, link-local, shared (CGNAT), multicast,
// reserved, translated (NAT64, 6to4, Teredo) and IPv4-mapped forms of these are
// refused, as are ports below 1024 other than 443. An operator's allow-list
// ([Config.Allow]) excepts networks from all of this, and http is spoken only
// there. No proxy is ever used: a proxy would resolve names out of our sight.
//
// Every exchange is bounded in time, in bytes and in redirects. Errors returned
// by [Client.Do] and by reading a body name neither URL, host nor address, so
// they may be logged and stored; the cause stays reachable by errors.Is and
// errors.As.
//
// Limits: the guard knows addresses, not owners. A public address that belongs
// to the operator's own network must be kept out by that network's firewall.
package egress

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// The limits where [Config] names none.
const (
	DefaultTimeout          = 10 * time.Second
	DefaultMaxResponseBytes = 1 << 20
)

const (
	maxHeaderBytes  = 64 << 10
	idleTimeout     = 90 * time.Second
	maxIdlePerHost  = 8
	maxConnsPerHost = 32 // one push service gets thousands of messages: bounded, or a burst opens a socket each
)

// Config says what a [Client] may do. The zero value reaches public https
// addresses with the default limits and follows no redirect.
type Config struct {
	// Allow lists networks that may be reached although they are not public,
	// on any port and over http too.
	Allow []netip.Prefix
	// OnlyAllowed refuses everything that Allow does not list: for an
	// installation that must not reach the outside, such as a demo.
	OnlyAllowed bool
	// Timeout bounds a whole exchange, from resolving the name to the last byte
	// of the body. Default [DefaultTimeout].
	Timeout time.Duration
	// MaxResponseBytes bounds a response's body after decompression. Default
	// [DefaultMaxResponseBytes].
	MaxResponseBytes int64
	// MaxRedirects is how many redirects are followed. With 0 the redirect
	// itself is the response.
	MaxRedirects int
	// RootCAs are the authorities to trust instead of the system's.
	RootCAs *x509.CertPool
	// Resolver resolves names instead of the system's.
	Resolver *net.Resolver
}

// Client sends requests within the limits of its [Config]. It is safe for
// concurrent use and keeps connections open: make few and keep them.
type Client struct {
	guard    guard
	resolver *net.Resolver
	timeout  time.Duration
	http     *http.Client
}

// New makes a client.
func New(cfg Config) *Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxResponseBytes <= 0 {
		cfg.MaxResponseBytes = DefaultMaxResponseBytes
	}
	if cfg.Resolver == nil {
		cfg.Resolver = &net.Resolver{}
	}
	g := newGuard(cfg.Allow, cfg.OnlyAllowed)
	return &Client{
		guard:    g,
		resolver: cfg.Resolver,
		timeout:  cfg.Timeout,
		http: &http.Client{
			Timeout:       cfg.Timeout,
			CheckRedirect: redirectsUpTo(cfg.MaxRedirects),
			Transport: &gate{
				secure:   newTransport(cfg, g.controlSecure),
				plain:    newTransport(cfg, g.controlPlain),
				maxBytes: cfg.MaxResponseBytes,
			},
		},
	}
}

// Do sends a request. Its errors are [*Error]. Besides the network's it fails with [ErrRefused]
// for an address that may not be reached and [ErrRedirects] for too many
// redirects; reading the body fails with [ErrTooLarge] beyond the limit.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	res, err := c.http.Do(req) //nolint:gosec // G704: reaching steered addresses safely is what this package is for
	if err != nil {
		return nil, discreet(err)
	}
	return res, nil
}

// HTTPClient returns the same client for libraries that want that type. All
// rules hold; only the errors of its own methods name the URL, as net/http's do:
// they must not be logged.
func (c *Client) HTTPClient() *http.Client { return c.http }

// newTransport makes a transport whose every connection passes control.
func newTransport(cfg Config, control controlFunc) *http.Transport {
	dialer := &net.Dialer{Timeout: cfg.Timeout, Resolver: cfg.Resolver, Control: control}
	return &http.Transport{
		Proxy:                  nil, // see the package comment
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    cfg.Timeout,
		ResponseHeaderTimeout:  cfg.Timeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxConnsPerHost:        maxConnsPerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

func redirectsUpTo(limit int) func(*http.Request, []*http.Request) error {
	return func(_ *http.Request, via []*http.Request) error {
		switch {
		case limit <= 0:
			return http.ErrUseLastResponse
		case len(via) > limit:
			return ErrRedirects
		}
		return nil
	}
}

// gate is the one way out: it checks each hop's URL, sends it over the transport
// of its scheme and caps what comes back.
type gate struct {
	secure, plain *http.Transport
	maxBytes      int64
}

// RoundTrip implements [http.RoundTripper].
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	transport := g.secure
	if req.URL.Scheme == "http" {
		transport = g.plain
	}
	if fault := urlFault(req.URL); fault != nil {
		closeBody(req)
		return nil, fmt.Errorf("%w: %s", ErrRefused, fault.Detail)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = &cappedBody{body: res.Body, left: g.maxBytes}
	return res, nil
}

// CloseIdleConnections closes what is kept open; net/http calls it by this name.
func (g *gate) CloseIdleConnections() {
	g.secure.CloseIdleConnections()
	g.plain.CloseIdleConnections()
}

// closeBody keeps the promise of [http.RoundTripper] to close the body also on errors.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
