package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

// MaxURLBytes is the longest URL that [Client.Check] accepts. Push endpoints are
// the longest met in practice, at up to about 1,100 bytes (Windows).
const MaxURLBytes = 2048

// resolveRetry is when a submitter may try again after the name service failed.
const resolveRetry = 10 * time.Second

// Check judges a URL when it is submitted, so that its owner hears at once what
// would be refused later. It wants an absolute https URL without user, password
// and fragment whose host resolves to addresses that [Client.Do] may reach;
// http too where all of them are on the allow-list.
//
// A fault is an Invalid [*problem.Error] with one field error whose Field is
// empty: the caller writes in where the URL stood. Codes: "required",
// "too-long", "format", "scheme", "unresolvable", "refused". If the name service
// fails, the error is Unavailable.
func (c *Client) Check(ctx context.Context, rawURL string) error {
	u, fault := parse(rawURL)
	if fault != nil {
		return problem.Invalidity([]problem.FieldError{*fault})
	}
	addrs, err := c.resolve(ctx, u.Hostname())
	if err != nil {
		return err
	}
	port := portOf(u)
	for _, a := range addrs {
		if u.Scheme == "http" && !c.guard.allowed(a) {
			return problem.Field("", "scheme", "the URL must begin with https://")
		}
		if c.guard.refuse(netip.AddrPortFrom(a, port)) != nil {
			return problem.Field("", "refused", "the URL must lead to a public address, on port 443 or one from 1024 on")
		}
	}
	return nil
}

// resolve returns every address of a host, at least one.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", host)
	var dns *net.DNSError
	switch {
	case err == nil && len(addrs) > 0:
		return addrs, nil
	case err == nil, errors.As(err, &dns) && dns.IsNotFound:
		return nil, problem.Field("", "unresolvable", "the URL's host is not known to the name service")
	}
	p := problem.New(problem.Unavailable, "the URL's host cannot be looked up just now")
	p.RetryAfter, p.Cause = resolveRetry, err
	return nil, p
}

// parse reads a submitted URL. It is stricter than [url.Parse], and refuses
// whatever two parsers could understand differently.
func parse(raw string) (*url.URL, *problem.FieldError) {
	switch {
	case raw == "":
		return nil, fault("required", "a URL is needed")
	case len(raw) > MaxURLBytes:
		return nil, fault("too-long", "the URL may have at most 2,048 bytes")
	case strings.ContainsFunc(raw, notInURL):
		return nil, fault("format", "the URL holds a character that must be percent-encoded; international host names are written as xn--…")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fault("format", "this is not an absolute URL")
	}
	if strings.Contains(raw, "#") {
		return nil, fault("format", "the URL may hold no #fragment")
	}
	if f := urlFault(u); f != nil {
		return nil, f
	}
	return u, nil
}

// notInURL tells the characters that RFC 3986 does not let stand bare, and the
// backslash that browsers read as a slash.
func notInURL(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\"<>^{}|`+"`", r)
}

// urlFault says what forbids a URL before any name is resolved. It holds for
// submitted URLs and for every hop of a request, redirects too.
func urlFault(u *url.URL) *problem.FieldError {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return fault("scheme", "the URL must begin with https://")
	case u.Opaque != "" || host == "":
		return fault("format", "this is not an absolute URL")
	case u.User != nil:
		return fault("format", "the URL may hold no user name or password")
	case portOf(u) == 0:
		return fault("format", "the URL's port must be a number from 1 to 65535")
	case !hostOK(host):
		return fault("format", "the URL's host must be a name or an address in its usual form")
	}
	return nil
}

// hostOK refuses hosts that are neither names nor addresses in their one usual
// form: "2130706433", "0x7f.1" and "0177.0.0.1" mean 127.0.0.1 to some
// resolvers and something else to others. By the WHATWG URL standard ("ends in
// a number"), a host whose last label is a number is an IPv4 address.
func hostOK(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == "" // a zone names an interface of ours
	}
	const maxName = 253 // RFC 1035 section 2.3.4
	name := strings.TrimSuffix(host, ".")
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, notInName) {
		return false
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
	}
	return !isNumber(labels[len(labels)-1])
}

func notInName(r rune) bool {
	letter := r|0x20 >= 'a' && r|0x20 <= 'z'
	digit := r >= '0' && r <= '9'
	return !letter && !digit && r != '-' && r != '.' && r != '_'
}

// isNumber reports whether a resolver could read the label as part of an IPv4
// address: digits, or 0x and hexadecimal digits.
func isNumber(label string) bool {
	s := strings.ToLower(label)
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(s, "0123456789") == ""
}

// portOf returns the port that a URL leads to, 0 for none that exists.
func portOf(u *url.URL) uint16 {
	const httpPort = 80
	switch {
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"):
		return 0
	case u.Port() == "" && u.Scheme == "http":
		return httpPort
	case u.Port() == "":
		return httpsPort
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

func fault(code, detail string) *problem.FieldError {
	return &problem.FieldError{Code: code, Detail: detail}
}
