package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// changePhotos carries out what a write to a report does to its photos. The
// report's row is locked.
func (t *tx) changePhotos(ctx context.Context, reportID string, changes []report.PhotoChange) error {
	for _, c := range changes {
		if err := t.changePhoto(ctx, reportID, c); err != nil {
			return fmt.Errorf("change photo %s: %w", c.ID, err)
		}
	}
	return nil
}

func (t *tx) changePhoto(ctx context.Context, reportID string, c report.PhotoChange) error {
	if c.Delete || c.Version != nil {
		if _, err := t.exec(ctx, `INSERT INTO gone_photos (folder, photo, report, created_at)
			SELECT folder, id, report, $3 FROM photos WHERE id = $1 AND report = $2`, c.ID, reportID, micros(c.At)); err != nil {
			return err
		}
	}
	switch {
	case c.Delete:
		if err := t.forgetMetadata(ctx, c.ID); err != nil {
			return err
		}
		return t.one(ctx, `DELETE FROM photos WHERE id = $1 AND report = $2`, c.ID, reportID)
	case c.Version != nil:
		if err := t.takeVersion(ctx, reportID, c); err != nil {
			return err
		}
	}
	if c.State == "" {
		return nil
	}
	return t.one(ctx, `UPDATE photos SET state = $3 WHERE id = $1 AND report = $2`, c.ID, reportID, c.State)
}

// forgetMetadata blanks what the sender of an upload wrote about the photo that it
// became. The row itself goes within a day.
func (t *tx) forgetMetadata(ctx context.Context, photoID string) error {
	_, err := t.exec(ctx, `UPDATE uploads SET metadata = '', alt = '' WHERE photo = $1`, photoID)
	return err
}

// takeVersion lets a photo take over the pictures that lie under an unclaimed row,
// by the same condition by which the sweep deletes that row.
func (t *tx) takeVersion(ctx context.Context, reportID string, c report.PhotoChange) error {
	v := *c.Version
	hashes, err := json.Marshal(v.SHA256)
	if err != nil {
		return fmt.Errorf("encode the names of version %s: %w", v.Folder, err)
	}
	masks := []byte("[]")
	if len(c.Masks) > 0 {
		if masks, err = json.Marshal(c.Masks); err != nil {
			return fmt.Errorf("encode masks: %w", err)
		}
	}
	n, err := t.exec(ctx, `DELETE FROM photos WHERE id = $1 AND report IS NULL`, v.Folder)
	if err != nil {
		return err
	}
	if n == 0 {
		return &problem.Error{Kind: problem.Unavailable, Detail: "the pictures that were made are no longer there; try again", RetryAfter: time.Second}
	}
	return t.one(ctx, `UPDATE photos SET folder = $3, sha256 = $4, likeness = $5, blurhash = $6, masks = $7, unmasked = $8
		WHERE id = $1 AND report = $2`,
		c.ID, reportID, v.Folder, string(hashes), int64(v.Likeness), v.BlurHash, string(masks), v.Unmasked) // #nosec G115 -- 64 bits, stored as they are
}

// one runs a statement that has to touch one row.
func (t *tx) one(ctx context.Context, query string, args ...any) error {
	n, err := t.exec(ctx, query, args...)
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows were touched instead of one", n)
	}
	return err
}

// PhotoGone reports whether a report had a photo that was deleted from it.
func (s Reports) PhotoGone(ctx context.Context, reportID, photoID string) (bool, error) {
	var one int
	gone, err := s.one(ctx, `SELECT 1 FROM gone_photos WHERE photo = $1 AND report = $2 LIMIT 1`, []any{photoID, reportID}, &one)
	if err != nil {
		return false, fmt.Errorf("look for photo %s: %w", photoID, err)
	}
	return gone, nil
}

// PhotoIn returns the photo of a report whose files lie in a folder.
func (s Reports) PhotoIn(ctx context.Context, folder string) (reportID, photoID string, ok bool, err error) {
	ok, err = s.one(ctx, `SELECT report, id FROM photos WHERE folder = $1 AND report IS NOT NULL`, []any{folder}, &reportID, &photoID)
	if err != nil {
		return "", "", false, fmt.Errorf("look for the photo in %s: %w", folder, err)
	}
	return reportID, photoID, ok, nil
}

// Unchecked returns photos that wait for the detector, and that nobody will check or
// that have waited too long.
func (s Reports) Unchecked(ctx context.Context, after string, claimed, anyway time.Time, n int) ([]report.CheckPhotoJob, error) {
	rows, err := s.query(ctx, `SELECT p.report, p.id FROM photos p JOIN updates u ON u.id = p.update_id
		WHERE p.state = 'checking' AND p.report IS NOT NULL AND p.id > $1 AND u.created_at <= $2
		AND (u.created_at <= $3 OR NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = $4 AND j.key = p.id AND j.key <> '' AND NOT j.parked))
		ORDER BY p.id LIMIT $5`, after, micros(claimed), micros(anyway), report.JobCheckPhoto, n)
	left, err := collect(rows, err, func(row scanner) (c report.CheckPhotoJob, err error) {
		err = row.Scan(&c.ReportID, &c.PhotoID)
		return c, err
	})
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("look for photos that nobody checks: %w", err))
	}
	return left, nil
}

// Note stores updates, events and jobs of a report that itself stays as it is.
func (s Reports) Note(ctx context.Context, reportID string, caused report.Changes) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error { return t.insertCaused(ctx, reportID, caused) })
}
