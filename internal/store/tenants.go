package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Tenants is the tenant.Store.
type Tenants struct{ *DB }

var _ tenant.Store = Tenants{}

// An alias is one word without commas, so one column can carry all of a row's.
const jurisdictionSelect = `SELECT code, name, channel, email, language, services, version, updated_at,
	COALESCE((SELECT string_agg(alias, ',') FROM jurisdiction_aliases WHERE jurisdiction = code), '')
	FROM jurisdictions`

func scanJurisdiction(row scanner) (tenant.Jurisdiction, error) {
	var j tenant.Jurisdiction
	var services, aliases string
	var updated int64
	if err := row.Scan(&j.Code, &j.Name, &j.Channel, &j.Email, &j.Language, &services, &j.Version, &updated, &aliases); err != nil {
		return j, err
	}
	j.UpdatedAt, j.Aliases = fromMicros(updated), splitList(aliases)
	slices.Sort(j.Aliases)
	if err := json.Unmarshal([]byte(services), &j.Services); err != nil {
		return j, fmt.Errorf("read the services of jurisdiction %s: %w", j.Code, err)
	}
	return j, nil
}

// Jurisdiction returns one by code or alias.
func (s Tenants) Jurisdiction(ctx context.Context, name string) (tenant.Jurisdiction, error) {
	rows, err := s.query(ctx, jurisdictionSelect+` WHERE code = $1
		OR code = (SELECT jurisdiction FROM jurisdiction_aliases WHERE alias = $1)`, name)
	all, err := collect(rows, err, scanJurisdiction)
	if err != nil {
		return tenant.Jurisdiction{}, s.unavailable(fmt.Errorf("read a jurisdiction: %w", err))
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
		return nil, s.unavailable(fmt.Errorf("read the jurisdictions: %w", err))
	}
	return all, nil
}

// PutJurisdiction stores j, with its aliases, and releases the reports that were
// held for want of a channel.
func (s Tenants) PutJurisdiction(ctx context.Context, j tenant.Jurisdiction) (tenant.Jurisdiction, error) {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		var version int64
		err := t.row(ctx, `SELECT version FROM jurisdictions WHERE code = $1`+t.db.dialect.lockRow, j.Code).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read jurisdiction %s: %w", j.Code, err)
		}
		if version != j.Version {
			return &problem.Error{Kind: problem.Stale, Detail: fmt.Sprintf("version %d is current, not %d", version, j.Version)}
		}
		if err := t.putJurisdiction(ctx, j); err != nil {
			return err
		}
		if err := t.putAliases(ctx, j); err != nil {
			return err
		}
		return t.release(ctx, j)
	})
	j.Version++
	return j, err
}

func (t *tx) putJurisdiction(ctx context.Context, j tenant.Jurisdiction) error {
	services, err := json.Marshal(j.Services)
	if err != nil {
		return fmt.Errorf("encode the services of jurisdiction %s: %w", j.Code, err)
	}
	_, err = t.exec(ctx, `INSERT INTO jurisdictions (code, name, channel, email, language, services, version, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (code) DO UPDATE SET name = excluded.name, channel = excluded.channel, email = excluded.email,
		language = excluded.language, services = excluded.services, version = excluded.version, updated_at = excluded.updated_at`,
		j.Code, j.Name, j.Channel, j.Email, j.Language, string(services), j.Version+1, micros(j.UpdatedAt))
	if err != nil {
		return fmt.Errorf("store jurisdiction %s: %w", j.Code, err)
	}
	return nil
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

// release lets reports go that waited for the jurisdiction to have a channel.
// Those that two bodies refused stay with the operator.
func (t *tx) release(ctx context.Context, j tenant.Jurisdiction) error {
	to := report.Queued
	switch j.Channel {
	case tenant.None:
		return nil
	case tenant.Web:
		to = report.Delivered
	}
	if to == report.Queued {
		if err := t.deliverHeld(ctx, j); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, `UPDATE reports SET delivery = $2, version = version + 1, updated_at = $3
		WHERE jurisdiction = $1 AND delivery = 'held' AND returns < 2`, j.Code, to, micros(j.UpdatedAt))
	if err != nil {
		return fmt.Errorf("release held reports of %s: %w", j.Code, err)
	}
	return nil
}

// deliverHeld makes a delivery job for every held report. A job's id may be any
// unique text; the payload is made where the rows are, by one statement.
func (t *tx) deliverHeld(ctx context.Context, j tenant.Jurisdiction) error {
	_, err := t.exec(ctx, `INSERT INTO jobs (id, kind, key, payload, run_at, attempts, parked, reason, created_at)
		SELECT $2 || id, $3, id, '{"report_id":"' || id || '"}', $4, 0, FALSE, '', $4
		FROM reports WHERE jurisdiction = $1 AND delivery = 'held' AND returns < 2`,
		j.Code, uuid.Must(uuid.NewV7()).String()+"-", report.JobDeliver, micros(j.UpdatedAt))
	if err != nil {
		return fmt.Errorf("queue held reports of %s: %w", j.Code, err)
	}
	return nil
}

// AddMissing stores those jurisdictions whose code is not there yet.
func (s Tenants) AddMissing(ctx context.Context, js []tenant.Jurisdiction) (added int, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		added, err = t.addMissing(ctx, js)
		return err
	})
	return added, err
}

func (t *tx) addMissing(ctx context.Context, js []tenant.Jurisdiction) (added int, err error) {
	for _, j := range js {
		n, err := t.exec(ctx, `INSERT INTO jurisdictions (code, name, channel, email, language, services, version, updated_at)
			VALUES ($1, $2, $3, $4, $5, 'null', 1, $6) ON CONFLICT (code) DO NOTHING`,
			j.Code, j.Name, j.Channel, j.Email, j.Language, micros(j.UpdatedAt))
		if err != nil {
			return 0, fmt.Errorf("add jurisdiction %s: %w", j.Code, err)
		}
		added += int(n)
	}
	return added, nil
}
