package store

import (
	"context"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
)

const inviteColumns = `id, email, role, jurisdiction, language, created_at, expires_at`

func scanInvite(row scanner) (auth.Invitation, error) {
	var inv auth.Invitation
	var created, expires int64
	err := row.Scan(&inv.ID, &inv.Email, &inv.Grant.Role, &inv.Grant.Jurisdiction, &inv.Language, &created, &expires)
	inv.CreatedAt, inv.ExpiresAt = fromMicros(created), fromMicros(expires)
	return inv, err
}

// CreateInvite replaces the open invitations of an address to the same role.
func (s Auth) CreateInvite(ctx context.Context, inv auth.Invitation, secret auth.Hash, jobs []auth.Job) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `UPDATE invites SET ended_at = $4
			WHERE email = $1 AND role = $2 AND jurisdiction = $3 AND ended_at IS NULL`,
			inv.Email, inv.Grant.Role, inv.Grant.Jurisdiction, micros(inv.CreatedAt)); err != nil {
			return fmt.Errorf("replace earlier invitations: %w", err)
		}
		if _, err := t.exec(ctx, `INSERT INTO invites (`+inviteColumns+`, secret_hash, ended_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)`,
			inv.ID, inv.Email, inv.Grant.Role, inv.Grant.Jurisdiction, inv.Language,
			micros(inv.CreatedAt), micros(inv.ExpiresAt), secret); err != nil {
			return fmt.Errorf("insert invitation %s: %w", inv.ID, err)
		}
		return t.insertAuthJobs(ctx, jobs, inv.CreatedAt)
	})
}

// SetInviteSecret gives an open invitation its secret.
func (s Auth) SetInviteSecret(ctx context.Context, id string, secret auth.Hash, now time.Time) (inv auth.Invitation, ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		inv, ok, err = returned(ctx, t, scanInvite, `UPDATE invites SET secret_hash = $2
			WHERE id = $1 AND ended_at IS NULL AND expires_at > $3 RETURNING `+inviteColumns, id, secret, micros(now))
		return err
	})
	if err != nil {
		return auth.Invitation{}, false, err
	}
	return inv, ok, nil
}

// AcceptInvite uses an invitation up: person, session and grant.
func (s Auth) AcceptInvite(ctx context.Context, a auth.AcceptInvite) (p auth.Person, ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var inv auth.Invitation
		inv, ok, err = returned(ctx, t, scanInvite, `UPDATE invites SET ended_at = $2
			WHERE secret_hash = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING `+inviteColumns,
			a.Secret, micros(a.Session.CreatedAt))
		if err != nil || !ok {
			return err
		}
		id, err := t.enter(ctx, inv.Email, a.NewPersonID, a.Session, a.Token)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person, role, jurisdiction) DO UPDATE SET inherited_from = NULL`,
			id, inv.Grant.Role, inv.Grant.Jurisdiction, micros(a.Session.CreatedAt)); err != nil {
			return fmt.Errorf("grant a role: %w", err)
		}
		p, err = t.person(ctx, id)
		return err
	})
	if err != nil {
		return auth.Person{}, false, err
	}
	return p, ok, nil
}

// CancelInvite ends an invitation to a jurisdiction.
func (s Auth) CancelInvite(ctx context.Context, id, jurisdiction string, now time.Time) (bool, error) {
	return s.change(ctx, `UPDATE invites SET ended_at = $3 WHERE id = $1 AND jurisdiction = $2 AND ended_at IS NULL`,
		id, jurisdiction, micros(now))
}

// Invites lists the open invitations to a jurisdiction by id.
func (s Auth) Invites(ctx context.Context, jurisdiction string, now time.Time) ([]auth.Invitation, error) {
	rows, err := s.query(ctx, `SELECT `+inviteColumns+` FROM invites
		WHERE jurisdiction = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id`, jurisdiction, micros(now))
	invites, err := collect(rows, err, scanInvite)
	return invites, s.asProblem(err)
}

// Staff lists who holds a grant in a jurisdiction, by address and role.
func (s Auth) Staff(ctx context.Context, jurisdiction string) ([]auth.StaffMember, error) {
	rows, err := s.query(ctx, `SELECT p.id, p.email, g.role FROM grants g JOIN persons p ON p.id = g.person
		WHERE g.jurisdiction = $1 ORDER BY p.email, g.role`, jurisdiction)
	staff, err := collect(rows, err, func(row scanner) (auth.StaffMember, error) {
		var m auth.StaffMember
		return m, row.Scan(&m.PersonID, &m.Email, &m.Role)
	})
	return staff, s.asProblem(err)
}

// Dismiss takes one grant away, with all by which it could live on.
func (s Auth) Dismiss(ctx context.Context, personID string, g auth.Grant, now time.Time) (ok bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM grants WHERE person = $1 AND role = $2 AND jurisdiction = $3`, personID, g.Role, g.Jurisdiction)
		if ok = n > 0; err != nil || !ok {
			return err
		}
		if _, err := t.exec(ctx, revokeSessions, personID, micros(now)); err != nil {
			return fmt.Errorf("revoke the sessions of person %s: %w", personID, err)
		}
		if _, err := t.exec(ctx, `UPDATE invites SET ended_at = $3 WHERE ended_at IS NULL AND jurisdiction = $2
			AND email = (SELECT email FROM persons WHERE id = $1)`, personID, g.Jurisdiction, micros(now)); err != nil {
			return fmt.Errorf("end the invitations of person %s: %w", personID, err)
		}
		return nil
	})
	return ok && err == nil, err
}
