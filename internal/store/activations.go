package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// jurisdictionsAtOnce is how many are added in one transaction: a few
// milliseconds, with six parameters each well below what a statement may have.
const jurisdictionsAtOnce = 500

// AddJurisdictions stores those of the jurisdictions whose code is new.
func (s BoundarySets) AddJurisdictions(ctx context.Context, js []tenant.Jurisdiction) error {
	for len(js) > 0 {
		some := js[:min(len(js), jurisdictionsAtOnce)]
		js = js[len(some):]
		if err := s.inTx(ctx, func(ctx context.Context, t *tx) error { return t.addMissing(ctx, some) }); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addMissing(ctx context.Context, js []tenant.Jurisdiction) error {
	rows := make([]string, len(js))
	args := make([]any, 0, 6*len(js))
	for i, j := range js {
		n := 6 * i
		rows[i] = fmt.Sprintf("($%d, $%d, $%d, $%d, $%d, '', 'null', '{}', 1, $%d)", n+1, n+2, n+3, n+4, n+5, n+6)
		args = append(args, j.Code, j.Name, j.Channel, j.Email, j.Language, micros(j.UpdatedAt))
	}
	if _, err := t.exec(ctx, `INSERT INTO jurisdictions (code, name, channel, email, language, contact, services, photos, version, updated_at)
		VALUES `+strings.Join(rows, ", ")+` ON CONFLICT (code) DO NOTHING`, args...); err != nil {
		return fmt.Errorf("add %d jurisdictions: %w", len(js), err)
	}
	return nil
}

// heirsAtOnce is how many successions are written in one transaction: some tens of
// milliseconds, with all that is inherited.
const heirsAtOnce = 100

// ActivateSet makes a set the active one of its layer, or leaves the layer without
// one. Where a whole country gets
// other codes, most successions are written in transactions of their own before,
// so that reports go on; should the rest fail, the next activation ends those of
// codes that are still there.
func (s BoundarySets) ActivateSet(ctx context.Context, w routing.Switch) error {
	heirs := map[string]bool{}
	for len(w.Heirs) > heirsAtOnce {
		some := w
		some.Heirs, w.Heirs = w.Heirs[:heirsAtOnce], w.Heirs[heirsAtOnce:]
		if err := s.inTx(ctx, func(ctx context.Context, t *tx) error { return t.succeed(ctx, some, heirs) }); err != nil {
			return err
		}
	}
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		if err := t.raiseRevision(ctx); err != nil { // which also makes those who activate come one by one
			return err
		}
		before, err := t.activeSet(ctx, w.Layer)
		if err != nil {
			return err
		}
		if before != w.Set {
			if err := t.replaceSet(ctx, w, before, heirs); err != nil {
				return err
			}
		}
		for _, j := range w.Jobs {
			if _, err := t.insertJob(ctx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

// activeSet returns the id of a layer's active set; empty for none.
func (t *tx) activeSet(ctx context.Context, layer string) (string, error) {
	rows, err := t.rows(ctx, `SELECT id FROM boundary_sets WHERE active AND layer = $1`, layer)
	ids, err := collect(rows, err, scanText)
	if err != nil {
		return "", fmt.Errorf("read the active set of a layer: %w", err)
	}
	return strings.Join(ids, ""), nil
}

func (t *tx) replaceSet(ctx context.Context, w routing.Switch, before string, heirs map[string]bool) error {
	if _, err := t.exec(ctx, `UPDATE boundary_sets SET active = FALSE WHERE active AND layer = $1`, w.Layer); err != nil {
		return fmt.Errorf("deactivate the present set: %w", err)
	}
	n, err := t.exec(ctx, `UPDATE boundary_sets SET active = TRUE WHERE id = $1 AND layer = $2`, w.Set, w.Layer)
	if err != nil {
		return fmt.Errorf("activate a set: %w", err)
	}
	if n == 0 && w.Set != "" {
		return problem.New(problem.NotFound, "there is no boundary set %q in layer %s", w.Set, w.Layer)
	}
	if err := t.takeBack(ctx, w.Undoes); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO boundary_activations (id, layer, boundary_set, before, undoes, undoable, created_at)
		VALUES ($1, $2, NULLIF($3, ''), $4, $5, $6, $7)`, w.ID, w.Layer, w.Set, before, w.Undoes, w.Undoes == "", micros(w.At)); err != nil {
		return fmt.Errorf("record an activation: %w", err)
	}
	return t.succeed(ctx, w, heirs)
}

// takeBack marks an activation as undone.
func (t *tx) takeBack(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	n, err := t.exec(ctx, `UPDATE boundary_activations SET undoable = FALSE WHERE id = $1 AND undoable`, id)
	if err != nil {
		return fmt.Errorf("take an activation back: %w", err)
	}
	if n == 0 {
		return problem.New(problem.Conflict, "somebody else has just undone it")
	}
	return nil
}

const activationColumns = `id, layer, COALESCE(boundary_set, ''), before, undoes, created_at`

func scanActivation(row scanner) (routing.Activation, error) {
	var a routing.Activation
	var at int64
	err := row.Scan(&a.ID, &a.Layer, &a.Set, &a.Before, &a.Undoes, &at)
	a.At = fromMicros(at)
	return a, err
}

func (s BoundarySets) activations(ctx context.Context, where string, args ...any) ([]routing.Activation, error) {
	rows, err := s.query(ctx, `SELECT `+activationColumns+` FROM boundary_activations`+where, args...)
	all, err := collect(rows, err, scanActivation)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read the activations of boundary sets: %w", err))
	}
	return all, nil
}

// LastActivation returns the last step of a layer, or the last that can be undone.
func (s BoundarySets) LastActivation(ctx context.Context, layer string, undoable bool) (routing.Activation, error) {
	return firstActivation(s.activations(ctx, ` WHERE layer = $1 AND (undoable OR NOT $2) ORDER BY id DESC LIMIT 1`, layer, undoable))
}

// Activation returns one step.
func (s BoundarySets) Activation(ctx context.Context, id string) (routing.Activation, error) {
	return firstActivation(s.activations(ctx, ` WHERE id = $1`, id))
}

// Activations returns the history of all layers, newest first.
func (s BoundarySets) Activations(ctx context.Context) ([]routing.Activation, error) {
	return s.activations(ctx, ` ORDER BY id DESC`)
}

func firstActivation(all []routing.Activation, err error) (routing.Activation, error) {
	if err == nil && len(all) == 0 {
		err = problem.New(problem.NotFound, "there is no such activation of a boundary set")
	}
	if err != nil {
		return routing.Activation{}, err
	}
	return all[0], nil
}
