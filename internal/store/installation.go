package store

import (
	"context"
	"fmt"
)

// Installation holds facts about the installation itself.
type Installation struct{ *DB }

// Fact returns a fact; empty if it is not known.
func (s Installation) Fact(ctx context.Context, name string) (string, error) {
	var v string
	if _, err := s.one(ctx, `SELECT value FROM installation WHERE name = $1`, []any{name}, &v); err != nil {
		return "", fmt.Errorf("read the installation's %s: %w", name, err)
	}
	return v, nil
}

// SetFact stores a fact.
func (s Installation) SetFact(ctx context.Context, name, value string) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO installation (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}

// Empty reports whether nobody has used the database yet.
func (s Installation) Empty(ctx context.Context) (bool, error) {
	var n int
	_, err := s.one(ctx, `SELECT (SELECT count(*) FROM (SELECT 1 FROM jurisdictions LIMIT 1) j)
		+ (SELECT count(*) FROM (SELECT 1 FROM reports LIMIT 1) r) + (SELECT count(*) FROM (SELECT 1 FROM persons LIMIT 1) p)`, nil, &n)
	return n == 0, err
}
