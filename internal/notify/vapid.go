package notify

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// VAPID is the key pair by which push services know this installation (RFC 8292).
// Both are base64url without padding. Subscriptions are bound to the public key:
// with another pair every one of them is lost.
type VAPID struct {
	// Public is the uncompressed P-256 point, 65 bytes; browsers get it as
	// applicationServerKey.
	Public string
	// Private is the scalar, 32 bytes.
	Private string
}

// GenerateVAPID makes a key pair.
func GenerateVAPID() (VAPID, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return VAPID{}, fmt.Errorf("generate VAPID keys: %w", err)
	}
	return VAPID{
		Public:  base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()),
		Private: base64.RawURLEncoding.EncodeToString(key.Bytes()),
	}, nil
}

// Validate reports whether the keys are readable and belong together. Its errors
// hold nothing of the private key.
func (v VAPID) Validate() error {
	raw, err := base64.RawURLEncoding.DecodeString(v.Private)
	if err != nil {
		return errors.New("VAPID private key is not base64url without padding")
	}
	private, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return errors.New("VAPID private key is not a P-256 scalar of 32 bytes")
	}
	public, err := base64.RawURLEncoding.DecodeString(v.Public)
	if err != nil {
		return errors.New("VAPID public key is not base64url without padding")
	}
	if !bytes.Equal(public, private.PublicKey().Bytes()) {
		return errors.New("VAPID public key does not belong to the private key")
	}
	return nil
}

// contact turns a VAPID subject into what webpush-go wants, which puts "mailto:"
// before whatever is no https URL: "mailto:mailto:…" is refused by Apple, as are
// addresses in .local.
func contact(subject string) (string, error) {
	if strings.HasPrefix(subject, "https://") {
		return subject, nil
	}
	address, ok := parseAddress(strings.TrimPrefix(subject, "mailto:"))
	if !ok || strings.HasSuffix(address, ".local") {
		return "", errors.New("VAPID subject is neither an https URL nor an e-mail address that others can reach")
	}
	return address, nil
}
