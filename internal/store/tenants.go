package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// State counts jurisdictions and their versions: each change adds to one of the two.
func (s Tenants) State(ctx context.Context) (tenant.State, error) {
	rows, err := s.query(ctx, `SELECT count(*), CAST(COALESCE(sum(version), 0) AS BIGINT) FROM jurisdictions`)
	all, err := collect(rows, err, func(row scanner) (st tenant.State, err error) { return st, row.Scan(&st.Count, &st.Versions) })
	if err != nil {
		return tenant.State{}, s.asProblem(fmt.Errorf("read the state of the jurisdictions: %w", err))
	}
	return all[0], nil
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
		return t.release(ctx, j.UpdatedAt, j)
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

// release lets reports go that waited for their jurisdiction to have a channel,
// each with its job if there is something to send.
func (t *tx) release(ctx context.Context, at time.Time, js ...tenant.Jurisdiction) error {
	var web, others []any
	for _, j := range js {
		switch j.Channel {
		case tenant.None:
		case tenant.Web:
			web = append(web, j.Code)
		default:
			others = append(others, j.Code)
		}
	}
	if _, err := t.releaseTo(ctx, report.Delivered, web, at); err != nil {
		return err
	}
	ids, err := t.releaseTo(ctx, report.Queued, others, at)
	if err != nil {
		return err
	}
	return t.insertDeliveries(ctx, ids, at)
}

// releaseTo returns which reports it let go. Those that two bodies refused
// stay with the operator. One statement says which reports they are: one that is
// filed meanwhile must not become queued without a job.
func (t *tx) releaseTo(ctx context.Context, to report.Delivery, codes []any, at time.Time) (ids []string, err error) {
	if len(codes) == 0 {
		return nil, nil
	}
	places := make([]string, len(codes))
	for i := range codes {
		places[i] = fmt.Sprintf("$%d", i+3)
	}
	rows, err := t.rows(ctx, `UPDATE reports SET delivery = $1, version = version + 1, updated_at = $2
		WHERE jurisdiction IN (`+strings.Join(places, ", ")+`) AND delivery = 'held' AND returns < 2 RETURNING id`,
		append([]any{to, micros(at)}, codes...)...)
	if ids, err = collect(rows, err, scanText); err != nil {
		return nil, fmt.Errorf("release held reports: %w", err)
	}
	return ids, nil
}

// insertDeliveries has reports sent. The jobs have no key: an earlier job of a
// report, which is just ending, must not stand in for its.
func (t *tx) insertDeliveries(ctx context.Context, ids []string, at time.Time) error {
	const atOnce = 500
	for some := range slices.Chunk(ids, atOnce) {
		places, args := make([]string, len(some)), make([]any, 0, 5*len(some))
		for i, id := range some {
			j, err := job.New(report.JobDeliver, "", report.DeliverJob{ReportID: id}, at)
			if err != nil {
				return err
			}
			n := 5 * i
			places[i] = fmt.Sprintf("($%d, $%d, '', $%d, $%d, 0, FALSE, '', $%d)", n+1, n+2, n+3, n+4, n+5)
			args = append(args, j.ID, j.Kind, string(j.Payload), micros(j.RunAt), micros(j.CreatedAt))
		}
		if err := t.execOnce(ctx, `INSERT INTO jobs (id, kind, key, payload, run_at, attempts, parked, reason, created_at)
			VALUES `+strings.Join(places, ", "), args...); err != nil {
			return fmt.Errorf("insert the jobs of %d released reports: %w", len(some), err)
		}
	}
	return nil
}
