package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// FollowKey is one key for follow tokens. Its id stands in the token.
type FollowKey struct {
	ID  byte
	Key []byte // at least 32 bytes
}

// FollowKeys makes and verifies follow tokens, by which whoever filed a report
// can add to it without an account. A token is computed, not stored, so a
// repeated request gets the same one. Raising the report's epoch revokes it.
type FollowKeys struct {
	Current FollowKey
	// Old keys still verify. Ids are unique among all keys.
	Old []FollowKey
}

const (
	followBytes = 1 + sha256.Size
	followChars = 44 // of 33 bytes in base64url
)

// Token returns the follow token of a report: base64url of the current key's id
// and HMAC-SHA-256(key, "follow", report id, epoch).
func (k FollowKeys) Token(reportID string, epoch int64) string {
	raw := append([]byte{k.Current.ID}, k.Current.sign(reportID, epoch)...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Verify reports whether token is the follow token of the report at this epoch,
// by any of the keys. It compares in constant time.
func (k FollowKeys) Verify(token, reportID string, epoch int64) bool {
	if len(token) != followChars {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != followBytes {
		return false
	}
	for _, key := range append([]FollowKey{k.Current}, k.Old...) {
		if key.ID == raw[0] && len(key.Key) >= minKeyBytes {
			return hmac.Equal(raw[1:], key.sign(reportID, epoch))
		}
	}
	return false
}

// sign is unambiguous: the epoch has a fixed length, so the id ends before it.
func (k FollowKey) sign(reportID string, epoch int64) []byte {
	mac := hmac.New(sha256.New, k.Key)
	_, _ = mac.Write([]byte("follow\x00" + reportID)) // a hash never fails to write
	_, _ = mac.Write(eightBytes(epoch))
	return mac.Sum(nil)
}

// eightBytes is n in eight bytes, most significant first.
func eightBytes(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)) //nolint:gosec // the sign bit is kept: every n has its own bytes
}
