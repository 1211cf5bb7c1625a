package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
)

const signInColumns = `id, secret_hash, email, language, code_hash, created_at, expires_at`

func scanSignIn(row scanner) (auth.SignInRow, error) {
	var r auth.SignInRow
	var created, expires int64
	err := row.Scan(&r.ID, &r.Secret, &r.Email, &r.Language, &r.Code, &created, &expires)
	r.CreatedAt, r.ExpiresAt = fromMicros(created), fromMicros(expires)
	return r, err
}

// BeginSignIn adds a sign-in and its job, unless a limit is reached.
func (s Auth) BeginSignIn(ctx context.Context, row auth.SignInRow, limits []auth.Limit, job auth.Job) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		// One at a time for each address: the row stays locked until the commit.
		if _, err := t.exec(ctx, `INSERT INTO sign_in_addresses (email, last_at) VALUES ($1, $2)
			ON CONFLICT (email) DO UPDATE SET last_at = excluded.last_at`, row.Email, micros(row.CreatedAt)); err != nil {
			return fmt.Errorf("lock an address: %w", err)
		}
		if err := t.withinLimits(ctx, row, limits); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE sign_ins SET used_at = $2 WHERE email = $1 AND used_at IS NULL`,
			row.Email, micros(row.CreatedAt)); err != nil {
			return fmt.Errorf("replace earlier sign-ins: %w", err)
		}
		if _, err := t.exec(ctx, `INSERT INTO sign_ins (`+signInColumns+`, tries, used_at)
			VALUES ($1, $2, $3, $4, '', $5, $6, 0, NULL)`,
			row.ID, row.Secret, row.Email, row.Language, micros(row.CreatedAt), micros(row.ExpiresAt)); err != nil {
			return fmt.Errorf("insert sign-in %s: %w", row.ID, err)
		}
		return t.insertAuthJobs(ctx, []auth.Job{job}, row.CreatedAt)
	})
}

// withinLimits returns a TooManyError with the latest time until which a limit
// is reached.
func (t *tx) withinLimits(ctx context.Context, row auth.SignInRow, limits []auth.Limit) error {
	var retry time.Time
	for _, l := range limits {
		var at int64
		err := t.row(ctx, `SELECT created_at FROM sign_ins WHERE email = $1 AND created_at > $2
			ORDER BY created_at DESC LIMIT 1 OFFSET $3`,
			row.Email, micros(row.CreatedAt.Add(-l.Window)), l.Count-1).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("count the sign-ins of an address: %w", err)
		}
		if free := fromMicros(at).Add(l.Window); free.After(retry) {
			retry = free
		}
	}
	if !retry.IsZero() {
		return &auth.TooManyError{RetryAt: retry}
	}
	return nil
}

// SetCode gives a live sign-in its code.
func (s Auth) SetCode(ctx context.Context, id string, code auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	return s.signIn(ctx, `UPDATE sign_ins SET code_hash = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $3 AND tries < $4
		RETURNING `+signInColumns, id, code, micros(now), maxTries)
}

// TakeTry counts one try.
func (s Auth) TakeTry(ctx context.Context, secret auth.Hash, maxTries int, now time.Time) (auth.SignInRow, bool, error) {
	return s.signIn(ctx, `UPDATE sign_ins SET tries = tries + 1 WHERE secret_hash = $1 AND tries < $2 AND used_at IS NULL AND expires_at > $3
		RETURNING `+signInColumns, secret, maxTries, micros(now))
}

func (s Auth) signIn(ctx context.Context, query string, args ...any) (row auth.SignInRow, ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		row, ok, err = returned(ctx, t, scanSignIn, query, args...)
		return err
	})
	if err != nil {
		return auth.SignInRow{}, false, err
	}
	return row, ok, nil
}

// FinishSignIn uses a sign-in up and makes the session.
func (s Auth) FinishSignIn(ctx context.Context, f auth.FinishSignIn) (p auth.Person, ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var email string
		email, ok, err = returned(ctx, t, scanText, `UPDATE sign_ins SET used_at = $3
			WHERE id = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > $3 RETURNING email`,
			f.ID, f.Code, micros(f.Session.CreatedAt))
		if err != nil || !ok {
			return err
		}
		id, err := t.enter(ctx, email, f.NewPersonID, f.Session, f.Token)
		if err != nil {
			return err
		}
		p, err = t.person(ctx, id)
		return err
	})
	if err != nil {
		return auth.Person{}, false, err
	}
	return p, ok, nil
}

func scanText(row scanner) (s string, err error) { return s, row.Scan(&s) }
