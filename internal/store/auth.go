package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
)

// Auth is the auth.Store. Every condition that has to hold while a row is
// written stands in the statement that writes it, so no two processes can both
// find it true.
type Auth struct{ *DB }

var _ auth.Store = Auth{}

// grantList is the subquery that reads all grants of person p as one text, so
// that a person is one row of one query. Roles and codes hold neither blank nor
// comma.
const grantList = `COALESCE((SELECT string_agg(g.role || ' ' || g.jurisdiction, ',') FROM grants g WHERE g.person = p.id), '')`

// returned runs a statement with RETURNING that touches one row at most, and
// reports whether it did.
func returned[T any](ctx context.Context, t *tx, scan func(scanner) (T, error), query string, args ...any) (v T, ok bool, err error) {
	rows, err := t.rows(ctx, query, args...)
	all, err := collect(rows, err, scan)
	if err != nil || len(all) == 0 {
		return v, false, err
	}
	return all[0], true, nil
}

// insertAuthJobs stores what a change of auth's causes; the payload is an id.
func (t *tx) insertAuthJobs(ctx context.Context, jobs []auth.Job, now time.Time) error {
	var js []job.Job
	for _, j := range jobs {
		payload, err := json.Marshal(authPayload{ID: j.ID})
		if err != nil {
			return fmt.Errorf("encode the payload of a %s job: %w", j.Kind, err)
		}
		js = append(js, job.Job{ID: newID(), Kind: j.Kind, Payload: payload, RunAt: now, CreatedAt: now})
	}
	return t.insertJobs(ctx, js)
}

// authPayload is the payload of every job of package auth.
type authPayload struct {
	ID string `json:"id"`
}

// Sweep deletes what no longer counts.
func (s Auth) Sweep(ctx context.Context, signInsBefore, now time.Time) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		for _, d := range []struct {
			query string
			until time.Time
		}{
			{`DELETE FROM sign_ins WHERE created_at <= $1`, signInsBefore},
			{`DELETE FROM sign_in_addresses WHERE last_at <= $1`, signInsBefore},
			{`DELETE FROM sessions WHERE expires_at <= $1`, now},
			{`DELETE FROM invites WHERE expires_at <= $1`, now},
		} {
			if _, err := t.exec(ctx, d.query, micros(d.until)); err != nil {
				return fmt.Errorf("sweep sign-ins, sessions and invitations: %w", err)
			}
		}
		return nil
	})
}
