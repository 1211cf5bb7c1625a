package notify

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The limits of RFC 5321 section 4.5.3.1, in bytes.
const (
	maxAddress = 254
	maxLocal   = 64
	maxDomain  = 253
)

// ValidAddress reports whether mail can be sent to the address: a plain
// local@domain without name, comment or quotes, whose domain has a dot.
func ValidAddress(address string) bool {
	_, ok := parseAddress(address)
	return ok
}

// parseAddress returns an address as it goes over the wire: the domain in lower
// case and in ASCII ("anna@örebro.se" → "anna@xn--rebro-iua.se"). Letters before
// the @ must be ASCII: few servers take others (SMTPUTF8), and ours need not.
func parseAddress(address string) (string, bool) {
	local, domain, found := cutLast(address, "@")
	if !found || !utf8.ValidString(address) || len(address) > maxAddress || local == "" || len(local) > maxLocal || strings.ContainsFunc(local, notInLocal) {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(domain) > maxDomain || !strings.Contains(domain, ".") || strings.ContainsFunc(domain, notInDomain) {
		return "", false
	}
	wire := local + "@" + domain
	// The last word has the parser that go-mail uses too, so that what is sent
	// to is what was checked.
	parsed, err := mail.ParseAddress(wire)
	if err != nil || parsed.Address != wire || parsed.Name != "" || len(wire) > maxAddress {
		return "", false
	}
	return wire, true
}

// notInLocal tells what RFC 5322 does not allow in a dot-atom.
func notInLocal(r rune) bool {
	return !alphanumeric(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
}

func notInDomain(r rune) bool {
	return !alphanumeric(r) && r != '-' && r != '.'
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(sep):], true
}
