package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

const (
	codeDigits = 6
	codeCount  = 1_000_000 // 10 to the power of codeDigits
)

// NewCode draws six digits, each of the million codes as likely as any other.
func NewCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(codeCount))
	if err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// ReadCode takes the code as people paste it, with spaces, and reports whether
// it is six ASCII digits.
func ReadCode(typed string) (string, bool) {
	if len(typed) > 4*codeDigits {
		return "", false
	}
	code := strings.ReplaceAll(typed, " ", "")
	if len(code) != codeDigits {
		return "", false
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return "", false
		}
	}
	return code, true
}

// hashCode keys the hash, as anyone could hash a million codes, and binds it to
// the row, so that equal codes of two rows do not look equal.
func hashCode(key []byte, rowID, code string) Hash {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "sign-in-code\x00%s\x00%s", rowID, code) // a hash never fails to write
	return Hash(hex.EncodeToString(mac.Sum(nil)))
}

// sameHash compares in constant time; an empty hash equals nothing.
func sameHash(a, b Hash) bool {
	return a != "" && hmac.Equal([]byte(a), []byte(b))
}
