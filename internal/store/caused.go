package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// insertCaused stores what a write to a report causes: updates, claimed photos,
// events, jobs.
func (t *tx) insertCaused(ctx context.Context, reportID string, c report.Changes) error {
	for _, u := range c.Updates {
		if err := t.insertUpdate(ctx, u); err != nil {
			return fmt.Errorf("insert update %s: %w", u.ID, err)
		}
	}
	for _, n := range c.Texts {
		if _, err := t.exec(ctx, `UPDATE updates SET text = $3, held = FALSE WHERE id = $1 AND report = $2`, n.UpdateID, reportID, n.Text); err != nil {
			return fmt.Errorf("change the text of update %s: %w", n.UpdateID, err)
		}
	}
	if err := t.claimPhotos(ctx, reportID, c); err != nil {
		return err
	}
	if err := t.showAlts(ctx, reportID, c.NewAlts); err != nil {
		return err
	}
	if err := t.changePhotos(ctx, reportID, c.PhotoChanges); err != nil {
		return err
	}
	if err := t.insertEvents(ctx, c.Events); err != nil {
		return err
	}
	return t.insertJobs(ctx, c.Jobs)
}

const updateColumns = `id, report, kind, status, close_reason, planned_for, duplicate_of, moved_from, moved_to,
	text, internal, still_bad, author, author_id, origin, trace, created_at, held`

func (t *tx) insertUpdate(ctx context.Context, u report.Update) error {
	_, err := t.exec(ctx, `INSERT INTO updates (`+updateColumns+`) VALUES
		($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		u.ID, u.ReportID, u.Kind, u.Status, u.CloseReason, u.PlannedFor, u.DuplicateOf, u.From, u.To,
		u.Text, u.Internal, u.StillBad, u.Author, u.AuthorID, u.Origin, string(u.Trace), micros(u.CreatedAt), u.Held)
	return err
}

func scanUpdate(row scanner) (report.Update, error) {
	var u report.Update
	var trace string
	var created int64
	var stillBad sql.NullBool
	err := row.Scan(&u.ID, &u.ReportID, &u.Kind, &u.Status, &u.CloseReason, &u.PlannedFor, &u.DuplicateOf,
		&u.From, &u.To, &u.Text, &u.Internal, &stillBad, &u.Author, &u.AuthorID, &u.Origin, &trace, &created, &u.Held)
	if stillBad.Valid {
		u.StillBad = &stillBad.Bool
	}
	u.Trace, u.CreatedAt = []byte(trace), fromMicros(created)
	return u, err
}

// Updates returns a report's history, oldest first.
func (s Reports) Updates(ctx context.Context, reportID string, internal bool) ([]report.Update, error) {
	rows, err := s.query(ctx, `SELECT `+updateColumns+` FROM updates WHERE report = $1 AND (NOT internal OR $2) ORDER BY id`,
		reportID, internal)
	us, err := collect(rows, err, scanUpdate)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read the history of report %s: %w", reportID, err))
	}
	return us, nil
}

// claimPhotos gives photos that nobody has claimed yet to a report. That, and
// the sweep's delete by the same condition, is why the two cannot meet.
func (t *tx) claimPhotos(ctx context.Context, reportID string, c report.Changes) error {
	for i, id := range c.Photos {
		n, err := t.exec(ctx, `UPDATE photos SET report = $2, update_id = $3, position = $4, state = $5, alt = COALESCE($6, alt), alt_held = $7
			WHERE id = $1 AND report IS NULL`,
			id, reportID, c.Updates[0].ID, i, cmp.Or(c.PhotoState, report.PhotoShown), altOf(c, i), c.AltHeld)
		if err != nil {
			return fmt.Errorf("claim photo %s: %w", id, err)
		}
		if n == 0 {
			return problem.Field(fmt.Sprintf("/photos/%d", i), "unknown", "there is no such photo that waits for a report; upload it again")
		}
	}
	return nil
}

// altOf is the text that a claimed photo gets; NULL leaves it what it has.
func altOf(c report.Changes, i int) sql.NullString {
	if i >= len(c.Alts) {
		return sql.NullString{}
	}
	return sql.NullString{String: c.Alts[i], Valid: true}
}

// showAlts writes what photos show that was held. What their senders wrote goes with
// the uploads that they came by, too.
func (t *tx) showAlts(ctx context.Context, reportID string, alts []report.NewAlt) error {
	for _, a := range alts {
		n, err := t.exec(ctx, `UPDATE photos SET alt = $3, alt_held = '' WHERE id = $1 AND report = $2`, a.PhotoID, reportID, a.Alt)
		if err == nil && n == 1 {
			err = t.forgetMetadata(ctx, a.PhotoID)
		}
		if err != nil {
			return fmt.Errorf("change what photo %s shows: %w", a.PhotoID, err)
		}
	}
	return nil
}

func (t *tx) insertEvents(ctx context.Context, events []report.Event) error {
	for _, e := range events {
		if _, err := t.exec(ctx, `INSERT INTO events (id, kind, report, update_id, jurisdiction, internal, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			e.ID, e.Kind, e.ReportID, e.UpdateID, e.Jurisdiction, e.Internal, micros(e.CreatedAt)); err != nil {
			return fmt.Errorf("insert event %s: %w", e.ID, err)
		}
	}
	return nil
}

// insertJobs stores jobs; one whose kind and key are waiting already is dropped.
func (t *tx) insertJobs(ctx context.Context, jobs []job.Job) error {
	for _, j := range jobs {
		if _, err := t.insertJob(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) insertJob(ctx context.Context, j job.Job) (added bool, err error) {
	n, err := t.exec(ctx, `INSERT INTO jobs (id, kind, key, payload, run_at, attempts, parked, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, 0, FALSE, '', $6)
		ON CONFLICT (kind, key) WHERE key <> '' AND NOT parked DO NOTHING`,
		j.ID, j.Kind, j.Key, string(j.Payload), micros(j.RunAt), micros(j.CreatedAt))
	if err != nil {
		return false, fmt.Errorf("insert job %s: %w", j.ID, err)
	}
	return n == 1, nil
}
