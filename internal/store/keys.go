package store

import (
	"context"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/report"
)

// SweepKeys forgets the idempotency keys that have lived for [report.KeysLive], a
// bounded number at once so that other writes are not kept waiting.
func (s Reports) SweepKeys(ctx context.Context, now time.Time) error {
	const atOnce = 1000
	before := now.Add(-report.KeysLive)
	for {
		var n int64
		err := s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = t.exec(ctx, `DELETE FROM idempotency_keys WHERE (scope, key) IN
				(SELECT scope, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)`,
				micros(before), atOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("forget old idempotency keys: %w", err)
		}
		if n < atOnce {
			return nil
		}
	}
}
