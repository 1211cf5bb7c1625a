package store

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// BoundarySets is the routing.SetStore.
type BoundarySets struct{ *DB }

var _ routing.SetStore = BoundarySets{}

const setColumns = `id, layer, source, licence, valid_from, index_blob, sha256, areas, vertices, approximate, active, created_at`

func scanSet(row scanner) (routing.Set, error) {
	var s routing.Set
	var created int64
	err := row.Scan(&s.ID, &s.Layer, &s.Source, &s.Licence, &s.ValidFrom, &s.Index, &s.SHA256,
		&s.Areas, &s.Vertices, &s.Approximate, &s.Active, &created)
	s.CreatedAt = fromMicros(created)
	return s, err
}

// ActiveSet returns the active set of a layer.
func (s BoundarySets) ActiveSet(ctx context.Context, layer string) (routing.Set, error) {
	return s.first(ctx, "there is no active boundary set", ` WHERE layer = $1 AND active`, layer)
}

// Set returns one set by id.
func (s BoundarySets) Set(ctx context.Context, id string) (routing.Set, error) {
	return s.first(ctx, "there is no such boundary set", ` WHERE id = $1`, id)
}

// Sets returns all sets, newest first.
func (s BoundarySets) Sets(ctx context.Context) ([]routing.Set, error) {
	return s.all(ctx, ` ORDER BY id DESC`)
}

func (s BoundarySets) first(ctx context.Context, none, where string, arg any) (routing.Set, error) {
	sets, err := s.all(ctx, where, arg)
	if err != nil {
		return routing.Set{}, err
	}
	if len(sets) == 0 {
		return routing.Set{}, problem.New(problem.NotFound, "%s", none)
	}
	return sets[0], nil
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
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11)`,
			set.ID, set.Layer, set.Source, set.Licence, set.ValidFrom, set.Index, set.SHA256,
			set.Areas, set.Vertices, set.Approximate, micros(set.CreatedAt))
		return err
	})
}

// ActivateSet makes a set the active one of its layer.
func (s BoundarySets) ActivateSet(ctx context.Context, id string, js []tenant.Jurisdiction) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if err := t.lockLayer(ctx, id); err != nil {
			return err
		}
		if err := t.addMissing(ctx, js); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE boundary_sets SET active = FALSE
			WHERE active AND layer = (SELECT layer FROM boundary_sets WHERE id = $1)`, id); err != nil {
			return fmt.Errorf("deactivate the present set: %w", err)
		}
		n, err := t.exec(ctx, `UPDATE boundary_sets SET active = TRUE WHERE id = $1`, id)
		if err == nil && n == 0 {
			return problem.New(problem.NotFound, "there is no boundary set %q", id)
		}
		return err
	})
}

// lockLayer makes those who activate sets of one layer come one after another:
// each has to see which one is active when its turn comes.
func (t *tx) lockLayer(ctx context.Context, id string) error {
	rows, err := t.rows(ctx, `SELECT id FROM boundary_sets WHERE layer = (SELECT layer FROM boundary_sets WHERE id = $1)
		ORDER BY id`+t.db.dialect.lockRow, id)
	if _, err := collect(rows, err, scanText); err != nil {
		return fmt.Errorf("lock the sets of a layer: %w", err)
	}
	return nil
}
