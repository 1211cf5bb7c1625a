package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Tenants is the tenant.Store.
type Tenants struct{ *DB }

var _ tenant.Store = Tenants{}

// An alias is one word without commas, so one column can carry all of a row's.
const jurisdictionSelect = `SELECT code, name, channel, email, contact, language, services, photos, version, updated_at,
	COALESCE((SELECT string_agg(alias, ',') FROM jurisdiction_aliases WHERE jurisdiction = code), '')
	FROM jurisdictions`

func scanJurisdiction(row scanner) (tenant.Jurisdiction, error) {
	var j tenant.Jurisdiction
	var services, photos, aliases string
	var updated int64
	if err := row.Scan(&j.Code, &j.Name, &j.Channel, &j.Email, &j.Contact, &j.Language, &services, &photos, &j.Version, &updated, &aliases); err != nil {
		return j, err
	}
	j.UpdatedAt, j.Aliases = fromMicros(updated), splitList(aliases)
	slices.Sort(j.Aliases)
	if err := json.Unmarshal([]byte(services), &j.Services); err != nil {
		return j, fmt.Errorf("read the services of jurisdiction %s: %w", j.Code, err)
	}
	if err := json.Unmarshal([]byte(photos), &j.Photos); err != nil {
		return j, fmt.Errorf("read the photo rules of jurisdiction %s: %w", j.Code, err)
	}
	return j, nil
}

// Jurisdiction returns one by code or alias.
func (s Tenants) Jurisdiction(ctx context.Context, name string) (tenant.Jurisdiction, error) {
	// A code goes before an alias, and an alias leads to the last of the heirs.
	rows, err := s.query(ctx, `WITH RECURSIVE named (heir, step) AS (
			SELECT jurisdiction, 1 FROM jurisdiction_aliases WHERE alias = $1
			UNION ALL SELECT s.heir, step + 1 FROM named JOIN successions s ON s.old = named.heir WHERE step < 50)
		`+jurisdictionSelect+` LEFT JOIN named ON named.heir = code WHERE code = $1 OR step > 0
		ORDER BY CASE WHEN code = $1 THEN 0 ELSE 1 END, step DESC`, name)
	all, err := collect(rows, err, scanJurisdiction)
	if err != nil {
		return tenant.Jurisdiction{}, s.asProblem(fmt.Errorf("read a jurisdiction: %w", err))
	}
	if len(all) == 0 {
		return tenant.Jurisdiction{}, noJurisdiction(name)
	}
	return all[0], nil
}

func noJurisdiction(name string) error {
	return problem.New(problem.NotFound, "there is no jurisdiction %q", name)
}

// Jurisdictions returns all, by code.
func (s Tenants) Jurisdictions(ctx context.Context) ([]tenant.Jurisdiction, error) {
	rows, err := s.query(ctx, jurisdictionSelect+` ORDER BY code`)
	all, err := collect(rows, err, scanJurisdiction)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read the jurisdictions: %w", err))
	}
	return all, nil
}

// PutJurisdiction stores j, with its aliases, and releases the reports that were
// held for want of a channel.
func (s Tenants) PutJurisdiction(ctx context.Context, j tenant.Jurisdiction) (tenant.Jurisdiction, error) {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if err := t.raiseRevision(ctx); err != nil { // rules may send reports to it, or no longer
			return err
		}
		if err := t.putJurisdiction(ctx, j); err != nil {
			return err
		}
		if err := t.putAliases(ctx, j); err != nil {
			return err
		}
		return t.release(ctx, j)
	})
	if err != nil {
		return tenant.Jurisdiction{}, err
	}
	j.Version++
	return j, nil
}

// putJurisdiction writes the row if it has the version that j was made from.
func (t *tx) putJurisdiction(ctx context.Context, j tenant.Jurisdiction) error {
	services, err := json.Marshal(j.Services)
	if err != nil {
		return fmt.Errorf("encode the services of jurisdiction %s: %w", j.Code, err)
	}
	photos, err := json.Marshal(j.Photos)
	if err != nil {
		return fmt.Errorf("encode the photo rules of jurisdiction %s: %w", j.Code, err)
	}
	query := `UPDATE jurisdictions SET name = $2, channel = $3, email = $4, language = $5, services = $6, contact = $9,
		photos = $10, version = version + 1, updated_at = $7 WHERE code = $1 AND version = $8`
	if j.Version == 0 {
		query = `INSERT INTO jurisdictions (code, name, channel, email, language, services, version, updated_at, contact, photos)
			VALUES ($1, $2, $3, $4, $5, $6, $8 + 1, $7, $9, $10) ON CONFLICT (code) DO NOTHING`
	}
	n, err := t.exec(ctx, query, j.Code, j.Name, j.Channel, j.Email, j.Language, string(services), micros(j.UpdatedAt), j.Version, j.Contact, string(photos))
	if err != nil {
		return fmt.Errorf("store jurisdiction %s: %w", j.Code, err)
	}
	if n == 0 {
		return t.stale(ctx, j)
	}
	return nil
}

func (t *tx) stale(ctx context.Context, j tenant.Jurisdiction) error {
	var version int64
	err := t.row(ctx, `SELECT version FROM jurisdictions WHERE code = $1`, j.Code).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read jurisdiction %s: %w", j.Code, err)
	}
	return problem.New(problem.Stale, "version %d is current, not %d", version, j.Version)
}

func (t *tx) putAliases(ctx context.Context, j tenant.Jurisdiction) error {
	if _, err := t.exec(ctx, `DELETE FROM jurisdiction_aliases WHERE jurisdiction = $1`, j.Code); err != nil {
		return fmt.Errorf("replace the aliases of %s: %w", j.Code, err)
	}
	for _, a := range j.Aliases {
		n, err := t.exec(ctx, `INSERT INTO jurisdiction_aliases (alias, jurisdiction) VALUES ($1, $2) ON CONFLICT (alias) DO NOTHING`, a, j.Code)
		if err != nil {
			return fmt.Errorf("store an alias of %s: %w", j.Code, err)
		}
		if n == 0 {
			return problem.Field("/aliases", "taken", "the alias %q belongs to another jurisdiction", a)
		}
	}
	return nil
}

// release lets reports go that waited for the jurisdiction to have a channel,
// each with its job if there is something to send. Those that two bodies refused
// stay with the operator. One statement says which reports they are: one that is
// filed meanwhile must not become queued without a job. The job has no key: an
// earlier job of the report, which is just ending, must not stand in for it.
func (t *tx) release(ctx context.Context, j tenant.Jurisdiction) error {
	to := report.Queued
	switch j.Channel {
	case tenant.None:
		return nil
	case tenant.Web:
		to = report.Delivered
	}
	rows, err := t.rows(ctx, `UPDATE reports SET delivery = $2, version = version + 1, updated_at = $3
		WHERE jurisdiction = $1 AND delivery = 'held' AND returns < 2 RETURNING id`, j.Code, to, micros(j.UpdatedAt))
	ids, err := collect(rows, err, scanText)
	if err != nil {
		return fmt.Errorf("release held reports of %s: %w", j.Code, err)
	}
	if to != report.Queued {
		return nil
	}
	for _, id := range ids {
		deliver, err := job.New(report.JobDeliver, "", report.DeliverJob{ReportID: id}, j.UpdatedAt)
		if err != nil {
			return err
		}
		if _, err := t.insertJob(ctx, deliver); err != nil {
			return err
		}
	}
	return nil
}
