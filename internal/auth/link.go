package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

// LinkKey signs links that work until a time, such as those to the photos of a
// private report. At least 32 bytes.
type LinkKey []byte

const signatureChars = 43 // of 32 bytes in base64url

// SignLink returns the path with a query "expires" (Unix seconds) and
// "signature". The path is as it will arrive, without a query.
func (k LinkKey) SignLink(path string, expires time.Time) string {
	seconds := expires.Unix()
	query := url.Values{
		"expires":   {strconv.FormatInt(seconds, 10)},
		"signature": {base64.RawURLEncoding.EncodeToString(k.sign(path, seconds))},
	}
	return path + "?" + query.Encode()
}

// VerifyLink reports whether the two query values were signed for this path and
// now is before the end. It compares in constant time.
func (k LinkKey) VerifyLink(path, expires, signature string, now time.Time) bool {
	seconds, err := strconv.ParseInt(expires, 10, 64)
	// One way to write a number: "+1" and "01" would be other links to the same.
	if err != nil || strconv.FormatInt(seconds, 10) != expires || len(signature) != signatureChars {
		return false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || len(k) < minKeyBytes || !hmac.Equal(sum, k.sign(path, seconds)) {
		return false
	}
	return now.Unix() < seconds
}

// sign is unambiguous: the time has a fixed length, so the path ends before it.
func (k LinkKey) sign(path string, seconds int64) []byte {
	mac := hmac.New(sha256.New, k)
	_, _ = mac.Write([]byte("link\x00" + path)) // a hash never fails to write
	_, _ = mac.Write(eightBytes(seconds))
	return mac.Sum(nil)
}
