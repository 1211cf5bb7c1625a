package store

import (
	"context"
	"fmt"

	"github.com/huandu/go-sqlbuilder"

	"github.com/kantsten/kantsten/internal/report"
)

// Contact returns how to reach a reporter.
func (s Reports) Contact(ctx context.Context, reportID string) (report.Contact, error) {
	var c report.Contact
	_, err := s.one(ctx, `SELECT name, email, phone FROM contacts WHERE report = $1`, []any{reportID}, &c.Name, &c.Email, &c.Phone)
	return c, err
}

// Contacts returns the same for many reports, by report id.
func (s Reports) Contacts(ctx context.Context, reportIDs []string) (map[string]report.Contact, error) {
	found := map[string]report.Contact{}
	if len(reportIDs) == 0 {
		return found, nil
	}
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("report", "name", "email", "phone").From("contacts")
	in(b, "report", reportIDs)
	query, args := b.Build()
	rows, err := s.query(ctx, query, args...)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var id string
		var c report.Contact
		err := row.Scan(&id, &c.Name, &c.Email, &c.Phone)
		found[id] = c
		return struct{}{}, err
	})
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read contacts: %w", err))
	}
	return found, nil
}
