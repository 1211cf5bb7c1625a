package auth

import (
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
)

// The longest address and its parts in bytes (RFC 5321, section 4.5.3.1; the
// path of 256 holds two angle brackets).
const (
	maxEmailBytes  = 254
	maxLocalBytes  = 64
	maxDomainBytes = 253
	maxLabelBytes  = 63
)

// NormaliseEmail trims an address, checks its form and lower-cases it, so that
// one mailbox is one person and one set of limits. RFC 5321 lets a host tell
// Anna@ from anna@, but phones capitalise the first letter, and whoever could
// vary the case could evade the limits; as the mail goes to the lower-case form
// too, nobody can take an address over by its case. Quoted local parts, address
// literals and non-ASCII letters are refused. The error is a *[problem.Error]
// about the field "/email".
func NormaliseEmail(address string) (string, error) {
	// Measured before trimming: a megabyte of spaces is not an address.
	if len(address) > 2*maxEmailBytes {
		return "", problem.Field("/email", "too-long", "an address has at most %d characters", maxEmailBytes)
	}
	address = lowerASCII(strings.Trim(address, " \t\r\n"))
	switch {
	case address == "":
		return "", problem.Field("/email", "required", "an e-mail address is needed")
	case len(address) > maxEmailBytes:
		return "", problem.Field("/email", "too-long", "an address has at most %d characters", maxEmailBytes)
	case !isEmail(address):
		return "", problem.Field("/email", "format", "an e-mail address looks like name@example.org, in ASCII letters")
	}
	return address, nil
}

// isEmail reports whether a lower-case address is a dot-atom at a domain of two
// labels or more (RFC 5322, section 3.2.3; RFC 1123, section 2.1).
func isEmail(address string) bool {
	local, domain, found := strings.Cut(address, "@")
	if !found || len(local) > maxLocalBytes || len(domain) > maxDomainBytes {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || !consistsOf(atom, "!#$%&'*+-/=?^_`{|}~") {
			return false
		}
	}
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		labels++
		if label == "" || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' || !consistsOf(label, "-") {
			return false
		}
	}
	return labels >= 2
}

// lowerASCII leaves other letters as they are, so that they are refused:
// strings.ToLower makes a plain k of U+212A, the Kelvin sign.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

// consistsOf reports whether s holds only lower-case ASCII letters, digits and
// the characters of others.
func consistsOf(s, others string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// maxLanguageBytes is the longest language tag that every program has to take
// (RFC 5646, section 4.4.1).
const maxLanguageBytes = 35

// checkLanguage accepts "" and what looks like a BCP 47 tag. Which languages
// there are is known to whoever writes the message.
func checkLanguage(tag string) error {
	if len(tag) > maxLanguageBytes || !consistsOf(lowerASCII(tag), "-") {
		return problem.Field("/language", "format", `a language is a BCP 47 tag such as "sv"`)
	}
	return nil
}
