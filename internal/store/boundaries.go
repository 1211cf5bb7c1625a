package store

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// BoundarySets is the routing.SetStore.
type BoundarySets struct{ *DB }

var _ routing.SetStore = BoundarySets{}

const setColumns = `id, layer, kind, source, licence, valid_from, index_blob, sha256, areas, vertices, approximate, active, created_at, features_blob`

func scanSet(row scanner) (routing.Set, error) {
	var s routing.Set
	var created int64
	err := row.Scan(&s.ID, &s.Layer, &s.Kind, &s.Source, &s.Licence, &s.ValidFrom, &s.Index, &s.SHA256,
		&s.Areas, &s.Vertices, &s.Approximate, &s.Active, &created, &s.Features)
	s.CreatedAt = fromMicros(created)
	return s, err
}

// Revision returns the number that every change of where reports go raises.
func (s BoundarySets) Revision(ctx context.Context) (int64, error) {
	var revision int64
	if _, err := s.one(ctx, selectRevision, nil, &revision); err != nil {
		return 0, fmt.Errorf("read the routing revision: %w", err)
	}
	return revision, nil
}

const selectRevision = `SELECT revision FROM routing_revision`

// ActiveSets returns the active set of every layer, by layer.
func (s BoundarySets) ActiveSets(ctx context.Context) ([]routing.Set, error) {
	return s.all(ctx, ` WHERE active ORDER BY layer`)
}

// Set returns one set by id.
func (s BoundarySets) Set(ctx context.Context, id string) (routing.Set, error) {
	sets, err := s.all(ctx, ` WHERE id = $1`, id)
	if err != nil {
		return routing.Set{}, err
	}
	if len(sets) == 0 {
		return routing.Set{}, problem.New(problem.NotFound, "there is no boundary set %q", id)
	}
	return sets[0], nil
}

// Sets returns all sets, newest first.
func (s BoundarySets) Sets(ctx context.Context) ([]routing.Set, error) {
	return s.all(ctx, ` ORDER BY id DESC`)
}

func (s BoundarySets) all(ctx context.Context, where string, args ...any) ([]routing.Set, error) {
	rows, err := s.query(ctx, `SELECT `+setColumns+` FROM boundary_sets`+where, args...)
	sets, err := collect(rows, err, scanSet)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read boundary sets: %w", err))
	}
	return sets, nil
}

// AddSet stores a set that is not active.
func (s BoundarySets) AddSet(ctx context.Context, set routing.Set) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO boundary_sets (`+setColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, FALSE, $12, $13)`,
			set.ID, set.Layer, set.Kind, set.Source, set.Licence, set.ValidFrom, set.Index, set.SHA256,
			set.Areas, set.Vertices, set.Approximate, micros(set.CreatedAt), set.Features)
		return err
	})
}

// ReplaceIndex stores which index a set has from now on, instead of one with the
// hash was. It changes no answer, so the revision stays.
func (s BoundarySets) ReplaceIndex(ctx context.Context, set routing.Set, was string) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, `UPDATE boundary_sets SET index_blob = $2, sha256 = $3 WHERE id = $1 AND sha256 = $4`,
			set.ID, set.Index, set.SHA256, was); err != nil {
			return fmt.Errorf("replace the index of boundary set %s: %w", set.ID, err)
		}
		return nil
	})
}

// raiseRevision tells that reports may go elsewhere from this transaction on. It
// comes first in each that changes where they go: those come one after another
// then, and each sees what the ones before have left.
func (t *tx) raiseRevision(ctx context.Context) error {
	if _, err := t.exec(ctx, `INSERT INTO routing_revision (one, revision) VALUES (1, 1)
		ON CONFLICT (one) DO UPDATE SET revision = routing_revision.revision + 1`); err != nil {
		return fmt.Errorf("raise the routing revision: %w", err)
	}
	return nil
}
