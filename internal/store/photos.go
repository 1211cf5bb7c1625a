package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
)

// Photos is the photo.Rows.
type Photos struct{ *DB }

var _ photo.Rows = Photos{}

// AddPhoto stores a photo that no report has claimed yet, before its first blob.
func (s Photos) AddPhoto(ctx context.Context, p photo.Kept) error {
	hashes, err := json.Marshal(p.SHA256)
	if err != nil {
		return fmt.Errorf("encode the names of photo %s: %w", p.ID, err)
	}
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO photos (id, position, width, height, sha256, likeness, created_at)
			VALUES ($1, 0, $2, $3, $4, $5, $6)`,
			p.ID, p.Width, p.Height, string(hashes), int64(p.Likeness), micros(p.CreatedAt)) // #nosec G115 -- 64 bits, stored as they are
		return err
	})
}

// SweepPhotos deletes the rows of up to n photos that nobody has claimed since
// before, and returns them for their blobs to be deleted. A report that claims
// one at the same moment does so by the same condition: one of the two loses.
func (s Photos) SweepPhotos(ctx context.Context, before time.Time, n int) (ids []string, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, `WITH picked AS MATERIALIZED
			(SELECT id FROM photos WHERE report IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2`+t.db.dialect.skipLocked+`)
			DELETE FROM photos WHERE report IS NULL AND id IN (SELECT id FROM picked) RETURNING id`, micros(before), n)
		ids, err = collect(rows, err, scanText)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// PhotoShown returns the report that shows a photo and whether it is private;
// false if none does.
func (s Photos) PhotoShown(ctx context.Context, id string) (reportID string, private, ok bool, err error) {
	ok, err = s.one(ctx, `SELECT r.id, r.private FROM photos p JOIN reports r ON r.id = p.report WHERE p.id = $1`,
		[]any{id}, &reportID, &private)
	return reportID, private, ok, err
}
