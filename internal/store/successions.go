package store

import (
	"context"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// succeed ends the successions of codes that are back, with what was inherited
// from them, and records who takes over from whom. An heir inherits settings and
// rules from the first that is named, and the staff of all. heirs are those who
// inherit in this activation; it is added to.
func (t *tx) succeed(ctx context.Context, w routing.Switch, heirs map[string]bool) error {
	for _, code := range w.Back {
		if _, err := t.exec(ctx, `DELETE FROM successions WHERE old = $1`, code); err != nil {
			return fmt.Errorf("end the succession of %s: %w", code, err)
		}
		if err := t.giveBack(ctx, code, w.At); err != nil {
			return fmt.Errorf("give back what was inherited from %s: %w", code, err)
		}
	}
	for _, h := range w.Heirs {
		if err := t.recordHeir(ctx, h, w.At); err != nil {
			return fmt.Errorf("record that %s succeeds %s: %w", h.New, h.Old, err)
		}
		if err := t.inherit(ctx, h, w.At, heirs); err != nil {
			return fmt.Errorf("let %s inherit from %s: %w", h.New, h.Old, err)
		}
	}
	return nil
}

func (t *tx) recordHeir(ctx context.Context, h routing.Succession, now time.Time) error {
	_, err := t.exec(ctx, `INSERT INTO successions (old, heir, created_at)
		SELECT code, $2, $3 FROM jurisdictions WHERE code = $1
		ON CONFLICT (old) DO UPDATE SET heir = excluded.heir, created_at = excluded.created_at`, h.Old, h.New, micros(now))
	return err
}

// inheritance is what a row of that table says.
type inheritance struct {
	heir            string
	settings, rules int64
}

func scanInheritance(row scanner) (i inheritance, err error) {
	return i, row.Scan(&i.heir, &i.settings, &i.rules)
}

// inherit passes on what a code leaves. Who has settings of its own gets nothing,
// but for an heir whom a former activation had given the same staff, which was
// taken back.
func (t *tx) inherit(ctx context.Context, h routing.Succession, now time.Time, heirs map[string]bool) error {
	settings, err := t.inheritSettings(ctx, h, now)
	if err != nil {
		return err
	}
	if settings != 0 {
		heirs[h.New] = true
	}
	if !heirs[h.New] {
		var again bool
		if err := t.row(ctx, `SELECT EXISTS (SELECT 1 FROM inheritances WHERE heir = $1 AND old = $2 AND NOT held)`,
			h.New, h.Old).Scan(&again); err != nil || !again {
			return err
		}
	}
	if _, err := t.exec(ctx, `INSERT INTO grants (person, role, jurisdiction, created_at, inherited_from)
		SELECT person, role, $2, $3, $1 FROM grants WHERE jurisdiction = $1
		ON CONFLICT (person, role, jurisdiction) DO NOTHING`, h.Old, h.New, micros(now)); err != nil {
		return err
	}
	rules, err := t.inheritRules(ctx, h, now)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO inheritances (heir, old, settings, rules, held)
		SELECT $1, code, $3, $4, TRUE FROM jurisdictions WHERE code = $2
		ON CONFLICT (heir, old) DO UPDATE SET settings = excluded.settings, rules = excluded.rules, held = TRUE`,
		h.New, h.Old, settings, rules)
	return err
}

// inheritRules gives an heir without rules those of a code, and returns their
// version; 0 where it inherits none. That is the version of the heir itself, which
// no rules of before had: whoever would change those is told that they are not
// current. 1 stands for none.
func (t *tx) inheritRules(ctx context.Context, h routing.Succession, now time.Time) (version int64, err error) {
	rows, err := t.rows(ctx, `INSERT INTO rules_in_force (jurisdiction, list, version, updated_at)
		SELECT $2, f.list, j.version, $3 FROM rules_in_force f JOIN jurisdictions j ON j.code = $2
		WHERE f.jurisdiction = $1 AND j.version > 1
		ON CONFLICT (jurisdiction) DO NOTHING RETURNING version`, h.Old, h.New, micros(now))
	_, err = collect(rows, err, func(row scanner) (int64, error) { return version, row.Scan(&version) })
	return version, err
}

// inheritSettings gives an heir that has none of its own those of a code, and
// returns the version that it has by that; 0 where it inherits none.
func (t *tx) inheritSettings(ctx context.Context, h routing.Succession, now time.Time) (version int64, err error) {
	heir := tenant.Jurisdiction{Code: h.New, UpdatedAt: now}
	rows, err := t.rows(ctx, `UPDATE jurisdictions SET version = version + 1, updated_at = $3,
		(channel, email, language, contact, services, photos) = (SELECT channel, email, language, contact, services, photos FROM jurisdictions WHERE code = $1)
		WHERE code = $2 AND EXISTS (SELECT 1 FROM jurisdictions WHERE code = $1) AND (version = 1 AND channel = 'none'
			OR EXISTS (SELECT 1 FROM inheritances i WHERE i.heir = $2 AND NOT i.held AND i.settings = jurisdictions.version))
		RETURNING version, channel`, h.Old, h.New, micros(now))
	changed, err := collect(rows, err, func(row scanner) (int64, error) { return version, row.Scan(&version, &heir.Channel) })
	if err != nil || len(changed) == 0 {
		return 0, err
	}
	return version, t.release(ctx, heir)
}

// giveBack takes from the heirs of a code what they have from it and have not made
// their own since: settings and rules that nobody has changed, and the staff that
// came with it.
func (t *tx) giveBack(ctx context.Context, old string, now time.Time) error {
	rows, err := t.rows(ctx, `SELECT heir, settings, rules FROM inheritances WHERE old = $1 AND held`, old)
	all, err := collect(rows, err, scanInheritance)
	if err != nil {
		return err
	}
	for _, i := range all {
		// As the boundaries make a jurisdiction: addMissing and routing.Boundaries.
		n, err := t.exec(ctx, `UPDATE jurisdictions SET channel = 'none', email = '', language = 'sv', contact = '', services = 'null', photos = '{}',
			version = version + 1, updated_at = $3 WHERE code = $1 AND version = $2`, i.heir, i.settings, micros(now))
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE inheritances SET held = FALSE, settings = settings + $3 WHERE heir = $1 AND old = $2`, i.heir, old, n); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM rules_in_force WHERE jurisdiction = $1 AND version = $2`, i.heir, i.rules); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM grants WHERE jurisdiction = $1 AND inherited_from = $2`, i.heir, old); err != nil {
			return err
		}
	}
	return nil
}

// Successions returns who took over from whom.
func (s BoundarySets) Successions(ctx context.Context) ([]routing.Succession, error) {
	rows, err := s.query(ctx, `SELECT old, heir FROM successions ORDER BY old`)
	all, err := collect(rows, err, func(row scanner) (h routing.Succession, err error) {
		err = row.Scan(&h.Old, &h.New)
		return h, err
	})
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read who took over from whom: %w", err))
	}
	return all, nil
}
