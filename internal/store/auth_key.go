package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
)

const keyColumns = `id, jurisdiction, name, scopes, created_at, revoked_at`

func scanKey(row scanner) (auth.Key, error) {
	var k auth.Key
	var scopes string
	var created int64
	var revoked sql.NullInt64
	err := row.Scan(&k.ID, &k.Jurisdiction, &k.Name, &scopes, &created, &revoked)
	for _, scope := range splitList(scopes) {
		k.Scopes = append(k.Scopes, auth.Scope(scope))
	}
	k.CreatedAt, k.RevokedAt = fromMicros(created), fromMicros(revoked.Int64)
	return k, err
}

// CreateKey stores a key with the hash of its secret.
func (s Auth) CreateKey(ctx context.Context, k auth.Key, secret auth.Hash) error {
	_, err := s.change(ctx, `INSERT INTO api_keys (`+keyColumns+`, secret_hash) VALUES ($1, $2, $3, $4, $5, NULL, $6)`,
		k.ID, k.Jurisdiction, k.Name, joinList(k.Scopes), micros(k.CreatedAt), secret)
	return err
}

// Key finds the key with a secret, whether revoked or not.
func (s Auth) Key(ctx context.Context, secret auth.Hash) (auth.Key, bool, error) {
	keys, err := s.keys(ctx, ` WHERE secret_hash = $1`, secret)
	if err != nil || len(keys) == 0 {
		return auth.Key{}, false, err
	}
	return keys[0], true, nil
}

// Keys lists the keys of a jurisdiction by id.
func (s Auth) Keys(ctx context.Context, jurisdiction string) ([]auth.Key, error) {
	return s.keys(ctx, ` WHERE jurisdiction = $1 ORDER BY id`, jurisdiction)
}

func (s Auth) keys(ctx context.Context, where string, arg any) ([]auth.Key, error) {
	rows, err := s.query(ctx, `SELECT `+keyColumns+` FROM api_keys`+where, arg)
	keys, err := collect(rows, err, scanKey)
	return keys, s.asProblem(err)
}

// RevokeKey ends a valid key of a jurisdiction.
func (s Auth) RevokeKey(ctx context.Context, id, jurisdiction string, now time.Time) (bool, error) {
	return s.change(ctx, `UPDATE api_keys SET revoked_at = $3 WHERE id = $1 AND jurisdiction = $2 AND revoked_at IS NULL`,
		id, jurisdiction, micros(now))
}
