package pushtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// maxTokenLife is by RFC 8292 section 2.
const maxTokenLife = 24 * time.Hour

// claims are those of a VAPID token, and the key that signed it.
type claims struct {
	Aud string `json:"aud"`
	Exp int64  `json:"exp"`
	Sub string `json:"sub"`

	key string
}

// verify checks an Authorization header by RFC 8292: "vapid t=JWT, k=KEY",
// signed with that key, for this origin, valid now and for no more than a day.
func verify(authorization, origin string, now time.Time) (claims, error) {
	token, key, err := parseVAPID(authorization)
	if err != nil {
		return claims{}, err
	}
	c, err := verifyToken(token, key)
	if err != nil {
		return claims{}, err
	}
	exp := time.Unix(c.Exp, 0)
	switch {
	case c.Aud != origin:
		return claims{}, fmt.Errorf("aud is %q, not %q", c.Aud, origin)
	case !exp.After(now):
		return claims{}, errors.New("token has expired")
	case exp.After(now.Add(maxTokenLife)):
		return claims{}, errors.New("token is valid for more than 24 hours")
	}
	c.key = key
	return c, contactOK(c.Sub)
}

// contactOK refuses what Apple's service does: a sub that is no single mailto:
// or https: URL, or whose domain cannot be reached from outside.
func contactOK(sub string) error {
	address, isMail := strings.CutPrefix(sub, "mailto:")
	switch {
	case !isMail && !strings.HasPrefix(sub, "https://"):
		return fmt.Errorf("sub %q has neither the scheme mailto nor https", sub)
	case isMail && (strings.Contains(address, ":") || strings.Count(address, "@") != 1):
		return fmt.Errorf("sub %q is not one address", sub)
	case strings.HasSuffix(sub, ".local"):
		return fmt.Errorf("sub %q is a local address", sub)
	}
	return nil
}

// parseVAPID takes the header apart; its parameters come in any order.
func parseVAPID(authorization string) (token, key string, err error) {
	scheme, params, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", "", fmt.Errorf("scheme is %q", scheme)
	}
	for param := range strings.SplitSeq(params, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	if token == "" || key == "" {
		return "", "", errors.New("t or k is missing")
	}
	return token, key, nil
}

// verifyToken checks a JWT that is signed with ES256 (RFC 7515, RFC 7518
// section 3.4) and returns its claims.
func verifyToken(token, key string) (claims, error) {
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return claims{}, fmt.Errorf("decode k: %w", err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return claims{}, fmt.Errorf("read k: %w", err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, fmt.Errorf("token has %d parts", len(parts))
	}
	var header struct{ Typ, Alg string }
	if err := decodePart(parts[0], &header); err != nil {
		return claims{}, fmt.Errorf("token header: %w", err)
	}
	if header.Alg != "ES256" || header.Typ != "JWT" {
		return claims{}, fmt.Errorf("token is %s by %s", header.Typ, header.Alg)
	}
	if !signedBy(public, parts[0]+"."+parts[1], parts[2]) {
		return claims{}, errors.New("signature is not by k")
	}
	var c claims
	if err := decodePart(parts[1], &c); err != nil {
		return claims{}, fmt.Errorf("token claims: %w", err)
	}
	return c, nil
}

func signedBy(public *ecdsa.PublicKey, signed, signature string) bool {
	const half = 32
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(sig) != 2*half {
		return false
	}
	sum := sha256.Sum256([]byte(signed))
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]))
}

func decodePart(part string, to any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(raw)).Decode(to)
}
