package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
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
	all, err := collect(rows, err, scanStep)
	for _, s := range all {
		steps = append(steps, s.text)
	}
	return steps, err
}

// Succession is what it took to begin and end successions.
type Succession struct {
	Statements int
	Scans      []string // on SQLite: what was gone through for each row of something else
	Read       int64    // on PostgreSQL: rows of jurisdictions
}

// Succeed begins and ends successions in one transaction.
func (s BoundarySets) Succeed(ctx context.Context, w routing.Switch) (took Succession, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		took = Succession{}
		if s.group == nil {
			before, err := t.jurisdictionsRead(ctx)
			if err != nil {
				return err
			}
			t.statements = 0
			_, err = t.succeed(ctx, w, nil)
			took.Statements = t.statements
			if err != nil {
				return err
			}
			took.Read, err = t.jurisdictionsRead(ctx)
			took.Read -= before
			return err
		}
		of := &tx{db: t.db, run: explained{t.run, &took.Scans}}
		_, err := of.succeed(ctx, w, nil)
		took.Statements = of.statements
		return err
	})
	return took, err
}

// jurisdictionsRead counts rows since the session last told the statistics.
func (t *tx) jurisdictionsRead(ctx context.Context) (n int64, err error) {
	return n, t.row(ctx, `SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)
		FROM pg_stat_xact_user_tables WHERE relname = 'jurisdictions'`).Scan(&n)
}

// explained notes what SQLite goes through for each statement.
type explained struct {
	runner
	scans *[]string
}

func (e explained) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := e.explain(ctx, query, args); err != nil {
		return nil, err
	}
	return e.runner.ExecContext(ctx, query, args...)
}

func (e explained) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := e.explain(ctx, query, args); err != nil {
		return nil, err
	}
	return e.runner.QueryContext(ctx, query, args...)
}

func (e explained) explain(ctx context.Context, query string, args []any) error {
	rows, err := e.runner.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	steps, err := collect(rows, err, scanStep)
	outermost := true
	for _, s := range steps {
		of, scans := strings.CutPrefix(s.text, "SCAN ")
		if !scans && !strings.HasPrefix(s.text, "SEARCH ") {
			continue
		}
		if scans && (s.parent != 0 || !outermost) {
			*e.scans = append(*e.scans, of)
		}
		outermost = outermost && s.parent != 0
	}
	return err
}

// step is one of SQLite's plans.
type step struct {
	parent int
	text   string
}

func scanStep(row scanner) (s step, err error) {
	var id, unused int
	return s, row.Scan(&id, &s.parent, &unused, &s.text)
}
