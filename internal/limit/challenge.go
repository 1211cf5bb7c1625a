package limit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"
	"strings"
	"time"
)

// How hard challenges get, in leading zero bits: 17 are 131,000 hashes on average,
// half a second on a phone; 24 are some minutes.
const (
	DefaultBits = 17
	MaxBits     = 24
)

// challengeFor is how long a challenge can be answered.
const challengeFor = 10 * time.Minute

// Challenge is work to do before a call is let through: find a suffix so that
// SHA-256 of Token, "." and the suffix begins with Bits zero bits, and send that
// text (token, "." and suffix) with the call.
type Challenge struct {
	Token   string
	Bits    int
	Expires time.Time
}

// Why a solution is not good.
var (
	ErrForged   = errors.New("this is no challenge of ours for this call and network")
	ErrExpired  = errors.New("the challenge has expired")
	ErrUnsolved = errors.New("the text does not have the zero bits that the challenge asks for")
	ErrSpent    = errors.New("the challenge was used before")
)

// Challenges makes challenges and checks their solutions. Nothing is kept of what
// is made: a challenge carries all that is to know, under the installation's key.
type Challenges struct {
	Key []byte // at least 32 bytes, the same in every process
}

// A token is base64url of these bytes and the first 18 of their HMAC:
// 1 version, 1 bits, 8 expiry (Unix seconds), 16 random, 16 what it is bound to.
const (
	tokenVersion = 1
	bodyBytes    = 1 + 1 + 8 + 16 + boundBytes
	boundBytes   = 16
	macBytes     = 18
	tokenChars   = (bodyBytes + macBytes) / 3 * 4 // no padding: a multiple of three
	maxSuffix    = 64
)

// New makes a challenge for one call, by its name, from a network.
func (c Challenges) New(call string, from netip.Prefix, zeroBits int, now time.Time) Challenge {
	zeroBits = min(max(1, zeroBits), MaxBits)
	expires := now.Add(challengeFor).Truncate(time.Second)
	body := []byte{tokenVersion, byte(zeroBits)}                       // #nosec G115 -- at most MaxBits
	body = binary.BigEndian.AppendUint64(body, uint64(expires.Unix())) // #nosec G115 -- after 1970
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails: it ends the program instead
	body = append(append(body, nonce[:]...), c.bound(call, from)...)
	token := base64.RawURLEncoding.EncodeToString(append(body, c.mac("challenge", string(body))[:macBytes]...))
	return Challenge{Token: token, Bits: zeroBits, Expires: expires}
}

// Check says whether a text solves a challenge of ours for this call and network.
// It returns the name under which the challenge is spent, and until when that has
// to be remembered.
func (c Challenges) Check(solution, call string, from netip.Prefix, now time.Time) (name string, expires time.Time, err error) {
	token, suffix, ok := strings.Cut(solution, ".")
	if !ok || len(token) != tokenChars || len(suffix) == 0 || len(suffix) > maxSuffix {
		return "", time.Time{}, ErrForged
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != bodyBytes+macBytes || raw[0] != tokenVersion {
		return "", time.Time{}, ErrForged
	}
	body := raw[:bodyBytes]
	if !hmac.Equal(raw[bodyBytes:], c.mac("challenge", string(body))[:macBytes]) ||
		!hmac.Equal(body[bodyBytes-boundBytes:], c.bound(call, from)) {
		return "", time.Time{}, ErrForged
	}
	expires = time.Unix(int64(binary.BigEndian.Uint64(body[2:10])), 0) // #nosec G115 -- we wrote it
	if !now.Before(expires) {
		return "", time.Time{}, ErrExpired
	}
	if ZeroBits(solution) < int(body[1]) {
		return "", time.Time{}, ErrUnsolved
	}
	return base64.RawURLEncoding.EncodeToString(body[10:26]), expires, nil
}

// ZeroBits returns with how many zero bits SHA-256 of a text begins.
func ZeroBits(text string) int {
	n := 0
	for _, b := range sha256.Sum256([]byte(text)) {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return n
}

// bound ties a challenge to a call and a network without showing the network.
func (c Challenges) bound(call string, from netip.Prefix) []byte {
	return c.mac("bound", call+"\x00"+from.String())[:boundBytes]
}

// mac is unambiguous: no purpose holds a zero byte.
func (c Challenges) mac(purpose, text string) []byte {
	h := hmac.New(sha256.New, c.Key)
	_, _ = h.Write([]byte("limit " + purpose + "\x00" + text)) // a hash never fails to write
	return h.Sum(nil)
}
