package store

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/kantsten/kantsten/internal/auth"
)

// Secrets is the auth.SecretStore: keys that all processes have to agree on.
type Secrets struct{ *DB }

var _ auth.SecretStore = Secrets{}

// PutIfAbsent stores the value unless the name has one.
func (s Secrets) PutIfAbsent(ctx context.Context, name string, value []byte) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
			name, base64.StdEncoding.EncodeToString(value))
		return err
	})
}

// Get returns the value that is stored.
func (s Secrets) Get(ctx context.Context, name string) ([]byte, error) {
	var v string
	ok, err := s.one(ctx, `SELECT value FROM secrets WHERE name = $1`, []any{name}, &v)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	if !ok {
		return nil, fmt.Errorf("secret %s is not there", name)
	}
	return base64.StdEncoding.DecodeString(v)
}
