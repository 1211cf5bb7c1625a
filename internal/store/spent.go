package store

import (
	"context"
	"fmt"
	"time"
)

// Spent remembers which challenges were used, for all processes on the database.
type Spent struct{ *DB }

// Spend returns false if a challenge was spent before. Of two calls at once, one
// spends it.
func (s Spent) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `INSERT INTO spent_challenges (name, expires_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`,
			name, micros(until))
		first = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("spend a challenge: %w", err)
	}
	return first, nil
}

// Sweep forgets challenges that had expired before a time.
func (s Spent) Sweep(ctx context.Context, before time.Time) error {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM spent_challenges WHERE expires_at < $1`, micros(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget old challenges: %w", err)
	}
	return nil
}
