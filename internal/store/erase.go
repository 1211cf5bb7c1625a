package store

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/internal/report"
)

// Erase removes what is personal in a report, in one transaction: contact data,
// the reporter's words in its history, photos, and what the reporter's address
// follows it by. The change blanks the report itself.
func (s Reports) Erase(ctx context.Context, name string, change func(*report.Report) (report.Changes, error)) (report.Report, error) {
	var r report.Report
	err := s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		if r, err = t.whole(ctx, name, t.db.dialect.lockRow); err != nil {
			return err
		}
		caused, err := change(&r)
		if err != nil {
			return err
		}
		// Before the report is blanked, which says whose account it was filed by.
		if err := t.erasePersonal(ctx, r.ID); err != nil {
			return fmt.Errorf("erase what belongs to report %s: %w", r.ID, err)
		}
		released, err := t.exec(ctx, `UPDATE updates SET held = FALSE WHERE report = $1 AND author = 'reporter' AND held`, r.ID)
		if err != nil {
			return fmt.Errorf("erase the held texts of report %s: %w", r.ID, err)
		}
		r.Version++
		r.PhotoCount, r.HeldUpdates = 0, r.HeldUpdates-int(released)
		if err := t.saveReport(ctx, r); err != nil {
			return fmt.Errorf("erase report %s: %w", r.ID, err)
		}
		return t.insertCaused(ctx, r.ID, caused)
	})
	if err != nil {
		return report.Report{}, err
	}
	s.forget(ctx)
	return r, nil
}

// erasePersonal deletes whole rows where they are personal, and blanks the
// reporter's words where the row is a fact of history.
func (t *tx) erasePersonal(ctx context.Context, reportID string) error {
	for _, q := range []string{
		`DELETE FROM subscriptions WHERE report = $1 AND email <> '' AND (
			lower(email) = (SELECT lower(email) FROM contacts WHERE report = $1) OR
			email = (SELECT p.email FROM reports r JOIN persons p ON p.id = r.person WHERE r.id = $1))`,
		`DELETE FROM contacts WHERE report = $1`,
		`UPDATE uploads SET metadata = '', alt = '' WHERE photo IN (SELECT id FROM photos WHERE report = $1)`, // they go within a day by themselves
		`DELETE FROM photos WHERE report = $1`,
		`DELETE FROM media_urls WHERE report = $1`,
		`UPDATE updates SET text = '', author_id = '' WHERE report = $1 AND author = 'reporter'`,
	} {
		if _, err := t.exec(ctx, q, reportID); err != nil {
			return err
		}
	}
	return nil
}

// forget makes SQLite overwrite what was erased in its files: the log of old
// pages is folded into the database, where secure_delete has zeroed them. Where
// somebody reads an older state for longer than the busy timeout, such as a
// backup, or where it fails, the log is overwritten in its own time, as PostgreSQL
// always does it, by VACUUM and the recycling of WAL. That is no failure of the
// erasure, which is committed: the follow token has ended with it, so a reporter
// who were told to try again could not.
func (s Reports) forget(ctx context.Context) {
	if s.group == nil {
		return
	}
	_, _ = s.write.ExecContext(context.WithoutCancel(ctx), `PRAGMA wal_checkpoint(TRUNCATE)`)
}
