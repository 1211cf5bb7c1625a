package store

import (
	"context"

	"github.com/kantsten/kantsten/internal/report"
)

// SetLimits makes the list queries change their strategy at other numbers.
func (db *DB) SetLimits(sparse, walk int) { db.limits = limits{sparse: sparse, walk: walk} }

// InTx runs statements in one of the store's own transactions.
func (db *DB) InTx(ctx context.Context, fn func(exec func(query string, args ...any) error) error) error {
	return db.inTx(ctx, func(ctx context.Context, t *tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.exec(ctx, query, args...)
			return err
		})
	})
}

// FileAll files reports in one transaction, for tests that need many.
func (s Reports) FileAll(ctx context.Context, filings []report.Filing) (rs []report.Report, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rs = nil
		for _, f := range filings {
			r, err := t.file(ctx, f)
			if err != nil {
				return err
			}
			rs = append(rs, r)
		}
		return nil
	})
	return rs, err
}
