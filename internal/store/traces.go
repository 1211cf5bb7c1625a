package store

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/internal/report"
)

// Traces returns what is kept of whoever has an e-mail address. It reads whole
// tables: nobody else asks by address, so no index of them is kept.
func (s Reports) Traces(ctx context.Context, email string) (report.Traces, error) {
	found := report.Traces{Email: email}
	if _, err := s.one(ctx, `SELECT p.id, EXISTS (SELECT 1 FROM grants g WHERE g.person = p.id) FROM persons p WHERE p.email = $1`,
		[]any{email}, &found.Account, &found.Staff); err != nil {
		return found, s.asProblem(fmt.Errorf("look for an account: %w", err))
	}
	var err error
	found.Reports, err = s.ids(ctx, `SELECT report FROM contacts WHERE lower(email) = $1
		UNION SELECT id FROM reports WHERE person = $2 AND person <> ''`, email, found.Account)
	if err != nil {
		return found, s.asProblem(fmt.Errorf("look for a person's reports: %w", err))
	}
	found.Subscriptions, err = s.ids(ctx, `SELECT id FROM subscriptions WHERE lower(email) = $1`, email)
	if err != nil {
		return found, s.asProblem(fmt.Errorf("look for a person's subscriptions: %w", err))
	}
	rows, err := s.query(ctx, `SELECT u.report, u.id FROM updates u
		WHERE u.author_id = $1 AND u.author_id <> '' AND u.author = 'resident'
			AND (u.text <> '' OR EXISTS (SELECT 1 FROM photos p WHERE p.report = u.report AND p.update_id = u.id AND p.alt <> '')) ORDER BY u.id`, found.Account)
	found.Remarks, err = collect(rows, err, func(row scanner) (c report.Remark, err error) {
		return c, row.Scan(&c.ReportID, &c.UpdateID)
	})
	if err != nil {
		return found, s.asProblem(fmt.Errorf("look for a person's comments: %w", err))
	}
	return found, nil
}

func (s Reports) ids(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := s.query(ctx, query, args...)
	return collect(rows, err, func(row scanner) (id string, err error) { return id, row.Scan(&id) })
}

// Forget deletes what a person follows and how they sign in.
func (s Reports) Forget(ctx context.Context, found report.Traces) error {
	queries := []string{
		`DELETE FROM subscriptions WHERE lower(email) = $1`,
		`DELETE FROM sign_ins WHERE email = $1`,
		`DELETE FROM sign_in_addresses WHERE email = $1`,
	}
	if !found.Staff {
		queries = append(queries,
			`DELETE FROM invites WHERE email = $1`,
			`DELETE FROM sessions WHERE person IN (SELECT id FROM persons WHERE email = $1)`,
			`UPDATE updates SET author_id = '' WHERE author <> 'staff' AND author_id IN (SELECT id FROM persons WHERE email = $1)`,
			`DELETE FROM persons WHERE email = $1`,
		)
	}
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		for _, q := range queries {
			if _, err := t.exec(ctx, q, found.Email); err != nil {
				return fmt.Errorf("forget a person: %w", err)
			}
		}
		return nil
	})
	if err == nil {
		s.forget(ctx)
	}
	return err
}

// EmailOf returns whose a subscription or an account is.
func (s Reports) EmailOf(ctx context.Context, id string) (email string, ok bool, err error) {
	ok, err = s.one(ctx, `SELECT email FROM persons WHERE id = $1
		UNION ALL SELECT email FROM subscriptions WHERE id = $1 AND email <> '' LIMIT 1`, []any{id}, &email)
	if err != nil {
		return "", false, s.asProblem(fmt.Errorf("look for a person: %w", err))
	}
	return email, ok, nil
}
