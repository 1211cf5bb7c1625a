package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Prefixes tell a leaked token's kind to whoever finds it, and to scanners.
const (
	sessionPrefix = "kst_"
	keyPrefix     = "ksk_"
	invitePrefix  = "ksi_"
	signInPrefix  = "" // lives ten minutes in one browser
)

const (
	secretBytes = 32 // 256 bits
	// secretChars is the length of 32 bytes in base64url without padding.
	secretChars = 43
)

// Hash is how a secret is stored: SHA-256 or HMAC-SHA-256 as 64 lower-case hex
// digits, or empty where there is no secret yet.
type Hash string

// newToken makes a random token and its hash.
func newToken(prefix string) (token string, hash Hash) {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // never fails: it ends the program instead
	token = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, hashOf(token)
}

// hashToken hashes a token that somebody shows, and refuses what newToken cannot
// have made, before any work is spent on it.
func hashToken(prefix, token string) (Hash, bool) {
	secret, found := strings.CutPrefix(token, prefix)
	if !found || len(secret) != secretChars {
		return "", false
	}
	// Strict: of the four strings that decode to the same bytes, only one is ours.
	// The length again: the decoder skips line breaks.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(raw) != secretBytes {
		return "", false
	}
	return hashOf(token), true
}

// hashOf is the plain SHA-256. A salt or a slow hash would add nothing: the
// input is 256 random bits, which nobody can enumerate.
func hashOf(token string) Hash {
	sum := sha256.Sum256([]byte(token))
	return Hash(hex.EncodeToString(sum[:]))
}
