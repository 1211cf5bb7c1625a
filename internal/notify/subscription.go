package notify

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/problem"
)

// Subscription is where and for whom a push message is encrypted: a browser's
// PushSubscription.
type Subscription struct {
	// Endpoint is the push service's URL for this browser. Whoever knows it can
	// be traced by it, so it stands in no log.
	Endpoint string
	// P256dh is the browser's public key and Auth its secret, both base64url.
	P256dh, Auth string
}

// The sizes of RFC 8291 sections 2.1 and 3.2, in bytes.
const (
	pointBytes = 65
	authBytes  = 16
)

// maxKeyText is more than any spelling of a key takes.
const maxKeyText = 128

// ValidateSubscription checks a subscription that a browser handed in and
// returns it with its keys in the one spelling that is stored: base64url without
// padding. Faults are an Invalid problem whose fields are pointer followed by
// "/endpoint", "/keys/p256dh" and "/keys/auth"; if only the name service failed,
// the problem is Unavailable.
func ValidateSubscription(ctx context.Context, client *egress.Client, pointer string, s Subscription) (Subscription, error) {
	var faults []problem.FieldError
	var err error
	if s.P256dh, err = canonicalKey(s.P256dh, checkPoint); err != nil {
		faults = append(faults, keyFault(pointer+"/keys/p256dh", s.P256dh, err))
	}
	if s.Auth, err = canonicalKey(s.Auth, checkAuth); err != nil {
		faults = append(faults, keyFault(pointer+"/keys/auth", s.Auth, err))
	}
	err = client.Check(ctx, s.Endpoint)
	if problem.Is(err, problem.Invalid) {
		for _, f := range problem.As(err).Fields {
			f.Field = pointer + "/endpoint"
			faults = append(faults, f)
		}
		err = nil
	}
	if p := problem.Invalidity(faults); p != nil {
		return Subscription{}, p
	}
	if err != nil {
		return Subscription{}, err
	}
	return s, nil
}

func keyFault(field, text string, err error) problem.FieldError {
	if text == "" {
		return problem.FieldError{Field: field, Code: "required", Detail: "the subscription's key is needed"}
	}
	return problem.FieldError{Field: field, Code: "format", Detail: err.Error()}
}

// canonicalKey reads a key in base64 of either alphabet, with or without
// padding, and writes it in the canonical one. A faulty key comes back as it is.
func canonicalKey(text string, check func([]byte) error) (string, error) {
	if len(text) > maxKeyText {
		return text, errors.New("the key is too long")
	}
	plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	// Strict: two texts with other trailing bits would be the same key.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(plain)
	if err != nil || strings.ContainsAny(plain, "\r\n") {
		return text, errors.New("the key must be written in base64url")
	}
	if err := check(raw); err != nil {
		return text, err
	}
	return plain, nil
}

func checkPoint(raw []byte) error {
	if len(raw) != pointBytes {
		return errors.New("the key must be an uncompressed P-256 point of 65 bytes")
	}
	if _, err := ecdh.P256().NewPublicKey(raw); err != nil {
		return errors.New("the key must be a point on the curve P-256")
	}
	return nil
}

func checkAuth(raw []byte) error {
	if len(raw) != authBytes {
		return errors.New("the authentication secret must have 16 bytes")
	}
	return nil
}
