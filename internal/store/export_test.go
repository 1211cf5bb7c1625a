package store

import (
	"context"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/report"
)

// SetWalk makes the list queries look at so many of the newest reports.
func (db *DB) SetWalk(n int) {
	db.walk = n
	db.recent.known.Store(nil)
}

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

// PlanAround says in SQLite's words how Around is answered.
func (s Reports) PlanAround(ctx context.Context, a report.Around) (steps []string, err error) {
	f, err := newFilter(report.Query{Near: &orb.Point{a.Lon, a.Lat}, RadiusM: a.RadiusM, Statuses: a.Statuses, Limit: a.Limit})
	if err != nil {
		return nil, err
	}
	query, args := f.nearest(a.Photos).Build()
	rows, err := s.query(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	return collect(rows, err, func(row scanner) (step string, err error) {
		var id, parent, unused int
		err = row.Scan(&id, &parent, &unused, &step)
		return step, err
	})
}
