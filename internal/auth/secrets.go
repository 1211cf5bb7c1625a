package auth

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	minKeyBytes     = 32
	maxSecretsBytes = 64 << 10 // a secrets file with hundreds of old keys
	// secretsName names the one row: what belongs together is written together.
	secretsName = "secrets"
)

// Secrets are the keys that every process of an installation shares. They are
// part of a backup, and never of a log: printing them prints "redacted".
type Secrets struct {
	// VAPIDPublic and VAPIDPrivate are the P-256 pair for Web Push (RFC 8292) in
	// base64url: the uncompressed point of 65 bytes, the scalar of 32.
	VAPIDPublic  string
	VAPIDPrivate string
	FollowKeys   FollowKeys
	LinkKey      LinkKey
	CodeKey      []byte
}

// SecretStore keeps secrets in the database.
type SecretStore interface {
	// PutIfAbsent stores the value unless the name has one: INSERT … ON CONFLICT
	// (name) DO NOTHING.
	PutIfAbsent(ctx context.Context, name string, value []byte) error
	// Get returns the value that is stored.
	Get(ctx context.Context, name string) ([]byte, error)
}

// LoadSecrets reads the secrets from a JSON file or, without a file name, from
// the store, where they are made first if there are none. Of two processes that
// start at once, the one that comes first makes them, and both read them.
func LoadSecrets(ctx context.Context, store SecretStore, file string) (Secrets, error) {
	if file != "" {
		return loadSecretsFile(file)
	}
	fresh, err := newSecrets()
	if err != nil {
		return Secrets{}, err
	}
	value, err := fresh.Encode()
	if err != nil {
		return Secrets{}, err
	}
	if err := store.PutIfAbsent(ctx, secretsName, value); err != nil {
		return Secrets{}, fmt.Errorf("store the secrets: %w", err)
	}
	if value, err = store.Get(ctx, secretsName); err != nil {
		return Secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	return ParseSecrets(value)
}

func loadSecretsFile(name string) (Secrets, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return Secrets{}, fmt.Errorf("open the secrets file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxSecretsBytes+1))
	if err != nil {
		return Secrets{}, fmt.Errorf("read the secrets file: %w", err)
	}
	secrets, err := ParseSecrets(data)
	if err != nil {
		return Secrets{}, fmt.Errorf("secrets file %s: %w", name, err)
	}
	return secrets, nil
}

// newSecrets draws all of them. VAPID keys are a plain P-256 key pair.
func newSecrets() (Secrets, error) {
	pair, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Secrets{}, fmt.Errorf("make the VAPID key pair: %w", err)
	}
	return Secrets{
		VAPIDPublic:  base64.RawURLEncoding.EncodeToString(pair.PublicKey().Bytes()),
		VAPIDPrivate: base64.RawURLEncoding.EncodeToString(pair.Bytes()),
		FollowKeys:   FollowKeys{Current: FollowKey{ID: 1, Key: newKey()}},
		LinkKey:      newKey(),
		CodeKey:      newKey(),
	}, nil
}

func newKey() []byte {
	key := make([]byte, minKeyBytes)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return key
}

// secretsJSON is the form of the file and of the stored value. Keys are standard
// base64, the VAPID pair base64url as its libraries want it.
type secretsJSON struct {
	VAPIDPublic  string          `json:"vapid_public"`
	VAPIDPrivate string          `json:"vapid_private"`
	FollowKeys   []followKeyJSON `json:"follow_keys"` // the first is the current one
	LinkKey      []byte          `json:"link_key"`
	CodeKey      []byte          `json:"code_key"`
}

type followKeyJSON struct {
	ID  byte   `json:"id"`
	Key []byte `json:"key"`
}

// Encode writes the secrets as [ParseSecrets] reads them, for a backup.
func (s Secrets) Encode() ([]byte, error) {
	wire := secretsJSON{
		VAPIDPublic: s.VAPIDPublic, VAPIDPrivate: s.VAPIDPrivate,
		LinkKey: s.LinkKey, CodeKey: s.CodeKey,
	}
	for _, key := range append([]FollowKey{s.FollowKeys.Current}, s.FollowKeys.Old...) {
		wire.FollowKeys = append(wire.FollowKeys, followKeyJSON(key))
	}
	data, err := json.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("encode the secrets: %w", err)
	}
	return data, nil
}

// ParseSecrets reads secrets from JSON and checks them. Its errors never quote
// what was read.
func ParseSecrets(data []byte) (Secrets, error) {
	if len(data) > maxSecretsBytes {
		return Secrets{}, fmt.Errorf("secrets are longer than %d bytes", maxSecretsBytes)
	}
	var wire secretsJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&wire); err != nil {
		// The decoder's own text can quote a value.
		return Secrets{}, errors.New("secrets are not the JSON object that is expected")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Secrets{}, errors.New("secrets are followed by something else")
	}
	if err := wire.check(); err != nil {
		return Secrets{}, err
	}
	s := Secrets{
		VAPIDPublic: wire.VAPIDPublic, VAPIDPrivate: wire.VAPIDPrivate,
		LinkKey: wire.LinkKey, CodeKey: wire.CodeKey,
		FollowKeys: FollowKeys{Current: FollowKey(wire.FollowKeys[0])},
	}
	for _, key := range wire.FollowKeys[1:] {
		s.FollowKeys.Old = append(s.FollowKeys.Old, FollowKey(key))
	}
	return s, nil
}

func (w secretsJSON) check() error {
	if err := checkVAPID(w.VAPIDPublic, w.VAPIDPrivate); err != nil {
		return err
	}
	if len(w.LinkKey) < minKeyBytes || len(w.CodeKey) < minKeyBytes {
		return fmt.Errorf("link_key and code_key need at least %d bytes each", minKeyBytes)
	}
	if len(w.FollowKeys) == 0 {
		return errors.New("follow_keys needs at least one key")
	}
	seen := map[byte]bool{}
	for _, key := range w.FollowKeys {
		if len(key.Key) < minKeyBytes {
			return fmt.Errorf("follow key %d needs at least %d bytes", key.ID, minKeyBytes)
		}
		if seen[key.ID] {
			return fmt.Errorf("follow key %d stands there twice", key.ID)
		}
		seen[key.ID] = true
	}
	return nil
}

// checkVAPID checks that the two belong together: a push service would refuse
// every message, and every subscriber would be lost with the right key.
func checkVAPID(public, private string) error {
	scalar, err := base64.RawURLEncoding.DecodeString(private)
	// Written again: the decoder skips line breaks, and other programs do not.
	if err != nil || base64.RawURLEncoding.EncodeToString(scalar) != private {
		return errors.New("vapid_private is not base64url")
	}
	key, err := ecdh.P256().NewPrivateKey(scalar)
	if err != nil {
		return errors.New("vapid_private is not a P-256 private key of 32 bytes")
	}
	if base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()) != public {
		return errors.New("vapid_public does not belong to vapid_private")
	}
	return nil
}

// redacted is what a secret shows of itself: by fmt, by encoding/json and by
// both handlers of log/slog, which all ask for one of these two methods.
const redacted = "redacted"

// Format keeps the secrets out of every fmt verb.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps the secrets out of JSON and logs; Encode writes them.
func (Secrets) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format keeps the key out of every fmt verb.
func (FollowKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps the key out of JSON and logs.
func (FollowKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format keeps the key out of every fmt verb.
func (LinkKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps the key out of JSON and logs.
func (LinkKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }
