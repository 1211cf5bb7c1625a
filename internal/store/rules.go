package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Jurisdictions returns all, by code.
func (s BoundarySets) Jurisdictions(ctx context.Context) ([]tenant.Jurisdiction, error) {
	return Tenants(s).Jurisdictions(ctx)
}

// RulesInForce returns every list in force.
func (s BoundarySets) RulesInForce(ctx context.Context) ([]routing.RulesInForce, error) {
	rows, err := s.query(ctx, `SELECT f.jurisdiction, f.version, f.updated_at, l.sha256, l.rules
		FROM rules_in_force f JOIN rule_lists l ON l.sha256 = f.list ORDER BY f.jurisdiction`)
	all, err := collect(rows, err, scanRules)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read the rules in force: %w", err))
	}
	return all, nil
}

func scanRules(row scanner) (routing.RulesInForce, error) {
	var r routing.RulesInForce
	var updated int64
	var sum, rules string
	err := row.Scan(&r.Of, &r.Version, &updated, &sum, &rules)
	if err != nil {
		return r, err
	}
	r.UpdatedAt = fromMicros(updated)
	r.RuleList, err = routing.ReadRuleList(sum, []byte(rules))
	return r, err
}

// RuleList returns one list, in force or not.
func (s BoundarySets) RuleList(ctx context.Context, sha256 string) (routing.RuleList, error) {
	var rules string
	found, err := s.one(ctx, `SELECT rules FROM rule_lists WHERE sha256 = $1`, []any{sha256}, &rules)
	if err != nil {
		return routing.RuleList{}, fmt.Errorf("read a rule list: %w", err)
	}
	if !found {
		return routing.RuleList{}, problem.New(problem.NotFound, "there is no rule list %q", sha256)
	}
	return routing.ReadRuleList(sha256, []byte(rules))
}

// KeepRuleList stores a list if it is not there yet.
func (s BoundarySets) KeepRuleList(ctx context.Context, l routing.RuleList) error {
	if _, err := s.RuleList(ctx, l.SHA256); !problem.Is(err, problem.NotFound) {
		return err
	}
	return s.inTx(ctx, func(ctx context.Context, t *tx) error { return t.keepRules(ctx, l, 0) })
}

// PutRules puts a list into force in the place of the one that has its version.
func (s BoundarySets) PutRules(ctx context.Context, r routing.RulesInForce) (routing.RulesInForce, error) {
	err := s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if err := t.raiseRevision(ctx); err != nil {
			return err
		}
		if err := t.keepRules(ctx, r.RuleList, micros(r.UpdatedAt)); err != nil {
			return err
		}
		return t.putRules(ctx, r)
	})
	if err != nil {
		return routing.RulesInForce{}, err
	}
	r.Version++
	return r, nil
}

func (t *tx) keepRules(ctx context.Context, l routing.RuleList, now int64) error {
	if _, err := t.exec(ctx, `INSERT INTO rule_lists (sha256, rules, created_at) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING`,
		l.SHA256, string(l.JSON()), now); err != nil {
		return fmt.Errorf("store rule list %s: %w", l.SHA256, err)
	}
	return nil
}

// putRules writes the row if it has the version that r was made from.
func (t *tx) putRules(ctx context.Context, r routing.RulesInForce) error {
	query := `UPDATE rules_in_force SET list = $2, version = version + 1, updated_at = $3 WHERE jurisdiction = $1 AND version = $4`
	if r.Version == 1 { // which stands for none
		query = `INSERT INTO rules_in_force (jurisdiction, list, updated_at, version) VALUES ($1, $2, $3, $4 + 1) ON CONFLICT (jurisdiction) DO NOTHING`
	}
	n, err := t.exec(ctx, query, r.Of, r.SHA256, micros(r.UpdatedAt), r.Version)
	if err != nil {
		return fmt.Errorf("put rules into force: %w", err)
	}
	if n == 1 {
		return nil
	}
	version := int64(1)
	err = t.row(ctx, `SELECT version FROM rules_in_force WHERE jurisdiction = $1`, r.Of).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the version of the rules: %w", err)
	}
	return problem.New(problem.Stale, "version %d is current, not %d", version, r.Version)
}
