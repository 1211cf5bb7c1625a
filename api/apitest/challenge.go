package apitest

import (
	"crypto/sha256"
	"math/bits"
	"strconv"
	"testing"
	"time"
)

// Challenge is the proof of work that a 429 may carry, as a client reads it.
type Challenge struct {
	Algorithm string    `json:"algorithm"`
	Token     string    `json:"token"`
	Bits      int       `json:"bits"`
	Header    string    `json:"header"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Solve returns what to send in the challenge's header. It reads the contract
// alone and nothing of the server: a suffix is tried until SHA-256 of token, full
// stop and suffix begins with enough zero bits.
func (c *Challenge) Solve(t testing.TB) string {
	t.Helper()
	if c == nil || c.Algorithm != "sha-256" || c.Bits < 1 {
		t.Fatalf("there is no challenge to solve: %+v", c)
	}
	for suffix := 0; ; suffix++ {
		text := c.Token + "." + strconv.Itoa(suffix)
		if zeroBits(sha256.Sum256([]byte(text))) >= c.Bits {
			return text
		}
	}
}

func zeroBits(sum [sha256.Size]byte) int {
	n := 0
	for _, b := range sum {
		n += bits.LeadingZeros8(b)
		if b != 0 {
			return n
		}
	}
	return n
}
