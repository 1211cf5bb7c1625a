package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/upload"
)

// Uploads is the upload.Rows.
type Uploads struct{ *DB }

var _ upload.Rows = Uploads{}

const uploadColumns = `id, length, received, parts, metadata, alt, state, photo, created_at, expires_at`

// AddUpload stores a new upload, or finds the one that the same call has begun.
func (s Uploads) AddUpload(ctx context.Context, u upload.Upload, secretHash string, once photo.Once, admit func(int64, time.Time) error) (id string, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		first, err := t.claimKey(ctx, report.Key(once), u.ID, micros(u.Created))
		if err != nil {
			return err
		}
		if id = first.Resource; first.Replayed {
			return sameCall(first, once)
		}
		if err := t.admitUpload(ctx, u, admit); err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO uploads (`+uploadColumns+`, secret_hash, sender, reserved)
			VALUES ($1, $2, $3, '[]', $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			u.ID, u.Length, u.Received, u.Metadata, u.Alt, string(u.State), u.PhotoID, micros(u.Created), micros(u.Expires), secretHash, u.Sender, u.Reserved)
		return err
	})
	return id, err
}

// admitUpload asks whether a sender may begin one more upload, and lets nobody else
// begin one for them until this one is stored.
func (t *tx) admitUpload(ctx context.Context, u upload.Upload, admit func(int64, time.Time) error) error {
	if u.Sender == "" {
		return nil
	}
	if lock := t.db.dialect.lockName; lock != "" {
		if _, err := t.exec(ctx, lock, "uploads of "+u.Sender); err != nil {
			return fmt.Errorf("lock the uploads of a sender: %w", err)
		}
	}
	var reserved, next int64
	if err := t.row(ctx, `SELECT CAST(COALESCE(sum(reserved), 0) AS BIGINT), COALESCE(min(expires_at), 0) FROM uploads
		WHERE sender = $1 AND state = 'open' AND expires_at > $2`, u.Sender, micros(u.Created)).Scan(&reserved, &next); err != nil {
		return fmt.Errorf("count the uploads of a sender: %w", err)
	}
	return admit(reserved, fromMicros(next))
}

// UploadOnce returns the upload that a call has begun before.
func (s Uploads) UploadOnce(ctx context.Context, once photo.Once) (string, bool, error) {
	first, ok, err := Reports(s).Replay(ctx, report.Key(once))
	if err == nil && ok {
		err = sameCall(first, once)
	}
	return first.Resource, ok, err
}

// Disown forgets that a call began an upload.
func (s Uploads) Disown(ctx context.Context, id string, once photo.Once) error {
	_, err := s.touched(ctx, `DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND resource = $3`, once.Scope, once.Key, id)
	return err
}

// Upload returns the upload with a secret.
func (s Uploads) Upload(ctx context.Context, secretHash string) (upload.Upload, bool, error) {
	all, err := s.uploads(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE secret_hash = $1`, secretHash)
	if err != nil || len(all) == 0 {
		return upload.Upload{}, false, err
	}
	return all[0], true, nil
}

// Advance moves an upload on, if it stands where the caller thinks.
func (s Uploads) Advance(ctx context.Context, u upload.Upload, from int64) (bool, error) {
	parts, err := json.Marshal(u.Parts)
	if err != nil {
		return false, fmt.Errorf("encode the parts of upload %s: %w", u.ID, err)
	}
	return s.touched(ctx, `UPDATE uploads SET length = $3, received = $4, parts = $5 WHERE id = $1 AND received = $2 AND state = 'open'`,
		u.ID, from, u.Length, u.Received, string(parts))
}

// Finish notes the photo that an upload became.
func (s Uploads) Finish(ctx context.Context, id string, from, length int64, photoID string) (bool, error) {
	return s.touched(ctx, `UPDATE uploads SET length = $3, received = $3, photo = $4, state = 'done', sender = '' WHERE id = $1 AND received = $2 AND state = 'open'`,
		id, from, length, photoID)
}

// EndUpload marks one upload as ended.
func (s Uploads) EndUpload(ctx context.Context, id string) error {
	_, err := s.touched(ctx, `UPDATE uploads SET state = 'ended' WHERE id = $1`, id)
	return err
}

// EndUploads marks all as ended whose time is over.
func (s Uploads) EndUploads(ctx context.Context, now time.Time) error {
	_, err := s.touched(ctx, `UPDATE uploads SET state = 'ended' WHERE expires_at <= $1 AND state <> 'ended'`, micros(now))
	return err
}

// Leftover returns uploads whose parts nobody needs any more.
func (s Uploads) Leftover(ctx context.Context, after string, n int) ([]upload.Upload, error) {
	return s.uploads(ctx, `SELECT `+uploadColumns+` FROM uploads
		WHERE id > $1 AND (state = 'ended' OR state = 'done' AND parts <> '[]') ORDER BY id LIMIT $2`, after, n)
}

// Emptied forgets an ended upload, and the parts of a done one.
func (s Uploads) Emptied(ctx context.Context, id string) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `DELETE FROM uploads WHERE id = $1 AND state = 'ended'`, id); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE uploads SET parts = '[]' WHERE id = $1 AND state = 'done'`, id)
		return err
	})
}

// touched runs one statement and tells whether it changed anything.
func (s Uploads) touched(ctx context.Context, query string, args ...any) (ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, query, args...)
		ok = n > 0
		return err
	})
	return ok, err
}

func (s Uploads) uploads(ctx context.Context, query string, args ...any) ([]upload.Upload, error) {
	rows, err := s.query(ctx, query, args...)
	all, err := collect(rows, err, scanUpload)
	return all, s.asProblem(err)
}

func scanUpload(row scanner) (u upload.Upload, err error) {
	var parts, state string
	var created, expires int64
	if err := row.Scan(&u.ID, &u.Length, &u.Received, &parts, &u.Metadata, &u.Alt, &state, &u.PhotoID, &created, &expires); err != nil {
		return u, err
	}
	u.State, u.Created, u.Expires = upload.State(state), fromMicros(created), fromMicros(expires)
	if err := json.Unmarshal([]byte(parts), &u.Parts); err != nil {
		return u, fmt.Errorf("read the parts of upload %s: %w", u.ID, err)
	}
	return u, nil
}
