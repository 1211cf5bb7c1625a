package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/internal/report"
)

// ofCase is the case $1 with all its voices.
const ofCase = `(SELECT report FROM merges WHERE case_id = $1 UNION ALL SELECT CAST($1 AS TEXT))`

// belowReport are the reports that were merged into $1 or into one of them.
const belowReport = `(WITH RECURSIVE below (report) AS (
	SELECT report FROM merges WHERE into_report = $1
	UNION ALL SELECT m.report FROM below b JOIN merges m ON m.into_report = b.report)
	SELECT report FROM below)`

// errMoved tells that a report came to another case between looking and locking.
var errMoved = errors.New("the report belongs to another case now")

// inCases runs fn in a transaction that has locked the cases of the named reports:
// a report's own where it is no voice. Cases are locked in the order of their ids
// and voices only after their case, so no two transactions wait for each other.
// What a report is a voice of changes under the locks of the cases on both sides
// only; where it has changed before they were had, somebody else has got on, and
// all begins anew.
func (s Reports) inCases(ctx context.Context, names []string, fn func(ctx context.Context, t *tx, cases []string) error) error {
	for {
		err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
			cases, err := t.lockCases(ctx, names)
			if err != nil {
				return err
			}
			return fn(ctx, t, cases)
		})
		if !errors.Is(err, errMoved) || ctx.Err() != nil {
			return err
		}
	}
}

func (t *tx) lockCases(ctx context.Context, names []string) ([]string, error) {
	cases, err := t.casesOf(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(cases))) {
		if err := t.row(ctx, `SELECT id FROM reports WHERE id = $1`+t.db.dialect.lockRow, id).Scan(&id); err != nil {
			return nil, fmt.Errorf("lock case %s: %w", id, err)
		}
	}
	now, err := t.casesOf(ctx, names)
	if err == nil && !slices.Equal(now, cases) {
		err = errMoved
	}
	return cases, err
}

func (t *tx) casesOf(ctx context.Context, names []string) ([]string, error) {
	cases := make([]string, len(names))
	for i, name := range names {
		where := "id = $1"
		if report.IsReference(name) {
			where = "reference = $1"
		}
		err := t.row(ctx, `SELECT CASE WHEN case_id = '' THEN id ELSE case_id END FROM reports WHERE `+where, name).Scan(&cases[i])
		if errors.Is(err, sql.ErrNoRows) {
			return nil, noReport(name)
		}
		if err != nil {
			return nil, fmt.Errorf("look for the case of a report: %w", err)
		}
	}
	return cases, nil
}

// Merge makes a report, with its voices, a voice of a case.
func (s Reports) Merge(ctx context.Context, name, into string, change func(r, c *report.Report) (report.Changes, error)) (report.Report, error) {
	var r report.Report
	err := s.inCases(ctx, []string{name, into}, func(ctx context.Context, t *tx, cases []string) (err error) {
		if r, err = t.whole(ctx, name, t.db.dialect.lockRow); err != nil {
			return err
		}
		c, err := t.whole(ctx, cases[1], "")
		if err != nil {
			return err
		}
		own := r.Work()
		caused, err := change(&r, &c)
		if err != nil || caused.None() {
			return err
		}
		return t.join(ctx, &r, own, c, caused)
	})
	if err != nil {
		return report.Report{}, err
	}
	return r, nil
}

// join stores that r has become a voice of c: its own voices first, which follow
// c from now on.
func (t *tx) join(ctx context.Context, r *report.Report, own report.Work, c report.Report, caused report.Changes) error {
	if err := t.copyWork(ctx, r.ID, c.ID, *r, `(SELECT report FROM merges WHERE case_id = $1)`); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `UPDATE merges SET case_id = $2 WHERE case_id = $1`, r.ID, c.ID); err != nil {
		return fmt.Errorf("bring the voices of %s along: %w", r.ID, err)
	}
	if _, err := t.exec(ctx, `INSERT INTO merges (report, into_report, case_id, entry, jurisdiction, status, close_reason, planned_for,
		duplicate_of, delivery, assignee, returns, closed_at) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.ID, c.ID, caused.Updates[0].ID, own.Jurisdiction, own.Status, own.CloseReason, own.PlannedFor,
		own.DuplicateOf, own.Delivery, own.Assignee, own.Returns, micros(own.ClosedAt)); err != nil {
		return fmt.Errorf("merge report %s: %w", r.ID, err)
	}
	if err := t.save(ctx, r, caused); err != nil {
		return err
	}
	return t.recount(ctx, c.ID)
}

// follow lets the voices of a case show what is done about it.
func (t *tx) follow(ctx context.Context, c report.Report) error {
	return t.copyWork(ctx, c.ID, c.ID, c, `(SELECT report FROM merges WHERE case_id = $1)`)
}

// copyWork writes the work on c into voices, which are selected by $1, and gives
// them to a case.
func (t *tx) copyWork(ctx context.Context, of, caseID string, c report.Report, voices string) error {
	if _, err := t.exec(ctx, `UPDATE reports SET case_id = $2, jurisdiction = $3, status = $4, close_reason = $5, planned_for = $6,
		duplicate_of = $7, delivery = $8, assignee = $9, returns = $10, closed_at = $11, updated_at = $12, version = version + 1
		WHERE id IN `+voices,
		of, caseID, c.Jurisdiction, c.Status, c.CloseReason, c.PlannedFor, c.DuplicateOf, c.Delivery, c.Assignee,
		c.Returns, micros(c.ClosedAt), micros(c.UpdatedAt)); err != nil {
		return fmt.Errorf("let the voices of %s follow: %w", of, err)
	}
	return nil
}

// Leave changes a report that may leave its case, or its voices.
func (s Reports) Leave(ctx context.Context, name string, change func(report.Leaving) (report.Changes, error)) (report.Report, error) {
	var r report.Report
	err := s.inCases(ctx, []string{name}, func(ctx context.Context, t *tx, _ []string) (err error) {
		if r, err = t.whole(ctx, name, t.db.dialect.lockRow); err != nil {
			return err
		}
		l := report.Leaving{Report: &r}
		if r.CaseID != "" {
			err = t.stateOfVoice(ctx, &l)
		} else {
			l.Heir, err = t.heir(ctx, r.ID)
		}
		if err != nil {
			return err
		}
		before := r
		caused, err := change(l)
		if err != nil || caused.None() {
			r = before
			return err
		}
		switch {
		case l.Case != nil:
			return t.part(ctx, &r, l.Case.ID, caused)
		case l.Heir != nil:
			return t.bequeath(ctx, &r, l.Heir, caused)
		}
		return t.save(ctx, &r, caused)
	})
	if err != nil {
		return report.Report{}, err
	}
	return r, nil
}

// stateOfVoice reads the case of a voice, and its own work as it was.
func (t *tx) stateOfVoice(ctx context.Context, l *report.Leaving) error {
	c, err := t.whole(ctx, l.Report.CaseID, "")
	if err != nil {
		return err
	}
	l.Case = &c
	w := &l.Own
	var closed int64
	err = t.row(ctx, `SELECT jurisdiction, status, close_reason, planned_for, duplicate_of, delivery, assignee, returns, closed_at
		FROM merges WHERE report = $1`, l.Report.ID).
		Scan(&w.Jurisdiction, &w.Status, &w.CloseReason, &w.PlannedFor, &w.DuplicateOf, &w.Delivery, &w.Assignee, &w.Returns, &closed)
	if err != nil {
		return fmt.Errorf("read what voice %s was: %w", l.Report.ID, err)
	}
	w.ClosedAt = fromMicros(closed)
	return nil
}

// heir returns the voice that would go on with a case: the oldest public one that
// was merged into it, else the oldest; nil if there is none. Below a private voice
// all are private, so a public case leaves no public voice below a private heir.
func (t *tx) heir(ctx context.Context, caseID string) (*report.Report, error) {
	var id string
	err := t.row(ctx, `SELECT m.report FROM merges m JOIN reports r ON r.id = m.report WHERE m.into_report = $1
		ORDER BY r.private, m.report LIMIT 1`, caseID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the voices of %s: %w", caseID, err)
	}
	heir, err := t.whole(ctx, id, t.db.dialect.lockRow)
	return &heir, err
}

// part stores that a voice is on its own, with what was merged into it.
func (t *tx) part(ctx context.Context, r *report.Report, from string, caused report.Changes) error {
	if err := t.copyWork(ctx, r.ID, r.ID, *r, belowReport); err != nil {
		return err
	}
	for _, q := range []string{
		`UPDATE merges SET case_id = $1 WHERE report IN ` + belowReport,
		`DELETE FROM merges WHERE report = $1`,
	} {
		if _, err := t.exec(ctx, q, r.ID); err != nil {
			return fmt.Errorf("unmerge report %s: %w", r.ID, err)
		}
	}
	if err := t.save(ctx, r, caused); err != nil {
		return err
	}
	if err := t.recount(ctx, from); err != nil {
		return err
	}
	return t.recounted(ctx, r)
}

// bequeath stores that the heir is the case of all that were voices of r.
func (t *tx) bequeath(ctx context.Context, r, heir *report.Report, caused report.Changes) error {
	for _, q := range []string{
		`DELETE FROM merges WHERE report = $2 AND into_report = $1`,
		`UPDATE merges SET into_report = $2 WHERE into_report = $1`,
		`UPDATE merges SET case_id = $2 WHERE case_id = $1`,
	} {
		if _, err := t.exec(ctx, q, r.ID, heir.ID); err != nil {
			return fmt.Errorf("give the voices of %s to %s: %w", r.ID, heir.ID, err)
		}
	}
	heir.Version++
	if err := t.saveReport(ctx, *heir); err != nil {
		return fmt.Errorf("make %s the case: %w", heir.ID, err)
	}
	if err := t.follow(ctx, *heir); err != nil {
		return err
	}
	if err := t.save(ctx, r, caused); err != nil {
		return err
	}
	if err := t.recount(ctx, heir.ID); err != nil {
		return err
	}
	return t.recounted(ctx, r)
}

// AddToVoice is AddOnce for what somebody says to a voice and what its case has
// to do with it.
func (s Reports) AddToVoice(ctx context.Context, name string, key report.Key, change func(v, c *report.Report) (said, done report.Changes, err error)) (report.Report, report.Replay, error) {
	var v report.Report
	var first report.Replay
	err := s.inCases(ctx, []string{name}, func(ctx context.Context, t *tx, _ []string) (err error) {
		if v, err = t.whole(ctx, name, t.db.dialect.lockRow); err != nil {
			return err
		}
		if first, err = t.keyUsed(ctx, key); err != nil || first.Replayed {
			return err
		}
		var c *report.Report
		if v.CaseID != "" {
			of, err := t.whole(ctx, v.CaseID, "")
			if err != nil {
				return err
			}
			c = &of
		}
		said, done, err := change(&v, c)
		if err != nil {
			return err
		}
		if first, err = t.claimKey(ctx, key, said.Updates[0].ID, micros(v.UpdatedAt)); err != nil || first.Replayed {
			return err
		}
		if err := t.save(ctx, &v, said); err != nil || done.None() {
			return err
		}
		if err := t.save(ctx, c, done); err != nil {
			return err
		}
		if err := t.follow(ctx, *c); err != nil {
			return err
		}
		v, err = t.whole(ctx, v.ID, "")
		return err
	})
	if err != nil {
		return report.Report{}, report.Replay{}, err
	}
	return v, first, nil
}
