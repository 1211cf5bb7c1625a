package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

// RulesInForce are the rules of one body as they are now.
type RulesInForce struct {
	Of string // code of a jurisdiction; empty for the installation
	RuleList
	Version   int64 // 1 while it has never had rules
	UpdatedAt time.Time
}

// RuleStore keeps rules.
type RuleStore interface {
	// RulesInForce returns every list in force.
	RulesInForce(ctx context.Context) ([]RulesInForce, error)
	// RuleList returns one list by its hash, in force or not; problem.NotFound if none.
	RuleList(ctx context.Context, sha256 string) (RuleList, error)
	// KeepRuleList stores a list that a trace may name, if it is not there yet.
	KeepRuleList(ctx context.Context, l RuleList) error
	// PutRules puts a list into force if the stored version is r.Version, in one
	// transaction that raises the revision; problem.Stale otherwise.
	PutRules(ctx context.Context, r RulesInForce) (RulesInForce, error)
}

// RulesOf returns the rules of a jurisdiction, or with an empty code those of the
// installation; version 1 and no rules if it never had any.
func (b *Boundaries) RulesOf(ctx context.Context, of string) (RulesInForce, error) {
	all, err := b.Sets.RulesInForce(ctx)
	if err != nil {
		return RulesInForce{}, fmt.Errorf("read the routing rules: %w", err)
	}
	for _, r := range all {
		if r.Of == of {
			return r, nil
		}
	}
	return RulesInForce{Of: of, RuleList: NewRuleList(nil), Version: 1}, nil
}

// PutRules replaces the rules of a jurisdiction, or with an empty code those of
// the installation. Reports go by them from the commit on.
func (b *Boundaries) PutRules(ctx context.Context, of string, rules []Rule, version int64, now time.Time) (RulesInForce, error) {
	if err := b.Refresh(ctx); err != nil { // the rules are checked by who is there now
		return RulesInForce{}, err
	}
	if p := b.Now().faults(of, rules); p != nil {
		return RulesInForce{}, p
	}
	put, err := b.Sets.PutRules(ctx, RulesInForce{Of: of, RuleList: NewRuleList(rules), Version: version, UpdatedAt: now.UTC()})
	if err != nil {
		if problem.As(err) != nil {
			return RulesInForce{}, err
		}
		return RulesInForce{}, fmt.Errorf("store the routing rules: %w", err)
	}
	if err := b.Refresh(ctx); err != nil {
		// They are in force; this process follows with its next look.
		b.Log.ErrorContext(ctx, "new routing rules are stored but not loaded yet", "err", err)
	}
	return put, nil
}
