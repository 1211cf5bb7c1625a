package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// jurisdictionsAtOnce is how many are added in one transaction.
const jurisdictionsAtOnce = 200

// inBatch is inTx for one of many in a row. It rests for as long as that took: on
// SQLite, other processes look only now and then whether it is their turn to write.
func (s BoundarySets) inBatch(ctx context.Context, fn func(context.Context, *tx) error) error {
	began := time.Now()
	if err := s.inTx(ctx, fn); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Since(began), longestRest)):
		return nil
	}
}

const longestRest = 100 * time.Millisecond

// AddJurisdictions stores those of the jurisdictions whose code is new.
func (s BoundarySets) AddJurisdictions(ctx context.Context, js []tenant.Jurisdiction) error {
	for len(js) > 0 {
		some := js[:min(len(js), jurisdictionsAtOnce)]
		js = js[len(some):]
		if err := s.inBatch(ctx, func(ctx context.Context, t *tx) error { return t.addMissing(ctx, some) }); err != nil {
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

// heirsAtOnce is how many successions begin or end in one transaction.
const heirsAtOnce = 100

// ActivateSet makes a set the active one of its layer, or leaves the layer without
// one. Where a whole country gets other codes, most successions begin and end in
// transactions of their own before, so that reports go on. Should the rest fail,
// codes that are still there may have an heir, which the next activation ends, and
// others may have lost theirs, with what it had inherited, until this one is done
// again.
func (s BoundarySets) ActivateSet(ctx context.Context, w routing.Switch) error {
	fresh := map[string]bool{} // who has inherited so far
	for len(w.Back)+len(w.Heirs) > heirsAtOnce {
		var some routing.Switch
		var inherited []string
		some, w = firstOf(w)
		if err := s.inBatch(ctx, func(ctx context.Context, t *tx) (err error) {
			inherited, err = t.succeed(ctx, some, fresh)
			return err
		}); err != nil {
			return err
		}
		for _, code := range inherited {
			fresh[code] = true
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
			if err := t.replaceSet(ctx, w, before, fresh); err != nil {
				return err
			}
		}
		return t.insertJobs(ctx, w.Jobs)
	})
}

// firstOf parts the successions that begin or end at once from the others.
func firstOf(w routing.Switch) (first, rest routing.Switch) {
	first, rest = w, w
	ended := min(len(w.Back), heirsAtOnce)
	begun := min(len(w.Heirs), heirsAtOnce-ended)
	first.Back, rest.Back = w.Back[:ended], w.Back[ended:]
	first.Heirs, rest.Heirs = w.Heirs[:begun], w.Heirs[begun:]
	return first, rest
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

func (t *tx) replaceSet(ctx context.Context, w routing.Switch, before string, fresh map[string]bool) error {
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
	_, err = t.succeed(ctx, w, fresh)
	return err
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
