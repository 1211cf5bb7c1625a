package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
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
		_, err := t.exec(ctx, `INSERT INTO photos (id, position, width, height, sha256, likeness, blurhash, alt, alt_held, state, folder, masks, unmasked, created_at)
			VALUES ($1, 0, $2, $3, $4, $5, $6, $7, '', 'shown', $1, '[]', '', $8)`,
			p.ID, p.Width, p.Height, string(hashes), int64(p.Likeness), p.BlurHash, p.Alt, micros(p.CreatedAt)) // #nosec G115 -- 64 bits, stored as they are
		return err
	})
}

// NamePhoto ties a photo to the call that kept it.
func (s Photos) NamePhoto(ctx context.Context, k photo.Kept, once photo.Once) (photo.Kept, error) {
	if once.Key == "" {
		return k, nil
	}
	var first report.Replay
	err := s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		first, err = t.claimKey(ctx, report.Key(once), k.ID, micros(k.CreatedAt))
		return err
	})
	if err != nil || !first.Replayed {
		return k, err
	}
	return s.kept(ctx, first, once)
}

// PhotoOnce returns the photo that a call has kept before.
func (s Photos) PhotoOnce(ctx context.Context, once photo.Once) (photo.Kept, bool, error) {
	first, ok, err := Reports(s).Replay(ctx, report.Key(once))
	if err != nil || !ok {
		return photo.Kept{}, false, err
	}
	k, err := s.kept(ctx, first, once)
	return k, true, err
}

// kept reads the photo of an earlier call, which has to have been the same.
func (s Photos) kept(ctx context.Context, first report.Replay, once photo.Once) (photo.Kept, error) {
	if err := sameCall(first, once); err != nil {
		return photo.Kept{}, err
	}
	k := photo.Kept{ID: first.Resource}
	var hashes string
	var created, likeness int64
	ok, err := s.one(ctx, `SELECT folder, width, height, sha256, likeness, blurhash, alt, created_at FROM photos WHERE id = $1`, []any{k.ID},
		&k.Folder, &k.Width, &k.Height, &hashes, &likeness, &k.BlurHash, &k.Alt, &created)
	if err != nil {
		return photo.Kept{}, fmt.Errorf("read photo %s: %w", k.ID, err)
	}
	if !ok {
		return photo.Kept{}, problem.New(problem.Gone, "the photo was not used in time and is deleted; upload it again with a new key")
	}
	k.CreatedAt, k.Likeness = fromMicros(created), photo.Likeness(likeness) // #nosec G115 -- 64 bits, stored as they are
	if err := json.Unmarshal([]byte(hashes), &k.SHA256); err != nil {
		return photo.Kept{}, fmt.Errorf("read photo %s: %w", k.ID, err)
	}
	return k, nil
}

// sameCall refuses a key that stands for another call.
func sameCall(first report.Replay, once photo.Once) error {
	if first.Fingerprint != once.Fingerprint {
		return report.ErrKeyReused()
	}
	return nil
}

// SweepPhotos deletes the rows of up to n photos that nobody has claimed since
// before, and leaves a job that deletes their blobs. A report that claims one at
// the same moment does so by the same condition: one of the two loses.
func (s Photos) SweepPhotos(ctx context.Context, before, now time.Time, n int) (ids []string, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, `WITH picked AS MATERIALIZED
			(SELECT id FROM photos WHERE report IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2`+t.db.dialect.skipLocked+`)
			DELETE FROM photos WHERE report IS NULL AND id IN (SELECT id FROM picked) RETURNING id`, micros(before), n)
		if ids, err = collect(rows, err, scanText); err != nil || len(ids) == 0 {
			return err
		}
		files, err := job.New(report.JobEraseFiles, "", report.EraseFilesJob{PhotoIDs: ids}, now)
		if err != nil {
			return err
		}
		return t.insertJobs(ctx, []job.Job{files})
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// notKept finds photos with something kept whose jurisdiction does not keep it. Its
// rules are JSON as encoding/json writes it, without any text of people's.
const notKept = `SELECT p.id FROM photos p JOIN reports r ON r.id = p.report WHERE p.unmasked <> '' AND NOT EXISTS
	(SELECT 1 FROM jurisdictions j WHERE j.code = r.jurisdiction AND j.photos LIKE '%"keep_unmasked":true%') ORDER BY p.id LIMIT $1`

// SweepUnmasked forgets what photos kept from before they were masked, where the
// jurisdiction of their report does not keep such pictures, or no longer.
func (s Photos) SweepUnmasked(ctx context.Context, now time.Time, n int) (ids []string, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.rows(ctx, notKept, n)
		if ids, err = collect(rows, err, scanText); err != nil {
			return err
		}
		var files report.EraseFilesJob
		for _, id := range ids {
			var folder string
			err := t.row(ctx, `UPDATE photos SET unmasked = '' WHERE id = $1 RETURNING folder`, id).Scan(&folder)
			if errors.Is(err, sql.ErrNoRows) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			files.Unmasked = append(files.Unmasked, folder)
		}
		if len(files.Unmasked) == 0 {
			return nil
		}
		erase, err := job.New(report.JobEraseFiles, "", files, now)
		if err != nil {
			return err
		}
		return t.insertJobs(ctx, []job.Job{erase})
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// AltTexts returns what photos show that no report has yet.
func (s Reports) AltTexts(ctx context.Context, ids []string) (map[string]string, error) {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("id", "alt").From("photos")
	in(b, "id", ids)
	query, args := b.Where("report IS NULL").Build()
	rows, err := s.query(ctx, query, args...)
	alts := map[string]string{}
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var id, alt string
		err := row.Scan(&id, &alt)
		alts[id] = alt
		return struct{}{}, err
	})
	return alts, s.asProblem(err)
}

// PhotoShown returns how the version of a photo that lies in a folder may be seen;
// false if there is none, and was none.
func (s Photos) PhotoShown(ctx context.Context, folder string) (shown photo.Shown, ok bool, err error) {
	var by, hashes, state sql.NullString
	var private sql.NullBool
	ok, err = s.one(ctx, `SELECT r.id, r.private, p.sha256, p.state FROM photos p LEFT JOIN reports r ON r.id = p.report WHERE p.folder = $1
		UNION ALL SELECT NULL, NULL, NULL, NULL FROM gone_photos WHERE folder = $1`,
		[]any{folder}, &by, &private, &hashes, &state)
	if err != nil || !ok {
		return photo.Shown{}, false, err
	}
	if !hashes.Valid {
		return photo.Shown{Gone: true}, true, nil
	}
	shown.Report, shown.Private, shown.Hidden = by.String, private.Bool, report.PhotoState(state.String).Hidden()
	if err := json.Unmarshal([]byte(hashes.String), &shown.SHA256); err != nil {
		return photo.Shown{}, false, fmt.Errorf("read photo %s: %w", folder, err)
	}
	return shown, true, nil
}
