package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Successions begin and end in sets: in as many statements for one as for hundreds.
//
// The codes that matter stand in the text of a statement as a list, too, and joins
// are CROSS JOINs, which SQLite does not turn round. A database that has not counted
// the areas of an import yet takes those without a channel for few, or all, and goes
// through the 36,000 for each heir: measured, 3 to 70 s instead of some 10 ms. As it
// is, it goes through a table once at worst.

// succeed ends the successions of codes that are back, with what was inherited
// from them, and then records who takes over from whom. An heir inherits settings
// and rules from the first that is named, and the staff of all. inherited tells the
// settings, so that what comes in a later batch is passed on as well; fresh are
// those of earlier ones.
func (t *tx) succeed(ctx context.Context, w routing.Switch, fresh map[string]bool) (inherited []string, err error) {
	if err := t.endSuccessions(ctx, w.Back, w.At); err != nil {
		return nil, fmt.Errorf("end %d successions: %w", len(w.Back), err)
	}
	inherited, err = t.beginSuccessions(ctx, w.Heirs, w.At, fresh)
	if err != nil {
		return nil, fmt.Errorf("begin %d successions: %w", len(w.Heirs), err)
	}
	return inherited, nil
}

// inheritance is what a row of that table says, beside whether it is held.
type inheritance struct {
	heir, old       string
	settings, rules int64
	hasRules, again bool // the old one has any; the heir had given it back
}

func (t *tx) beginSuccessions(ctx context.Context, pairs []routing.Succession, at time.Time, fresh map[string]bool) (inherited []string, err error) {
	known, err := t.heirsOfKnown(ctx, pairs)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	if err := t.recordHeirs(ctx, known, at); err != nil {
		return nil, fmt.Errorf("record them: %w", err)
	}
	if inherited, err = t.inheritSettings(ctx, known, at); err != nil {
		return nil, fmt.Errorf("let heirs inherit settings: %w", err)
	}
	takes := map[string]bool{}
	for _, code := range inherited {
		takes[code] = true
	}
	// Who has settings of its own gets nothing, but for an heir whom a former
	// activation had given the same staff, which was taken back.
	var takers []*inheritance
	for _, i := range known {
		if takes[i.heir] || fresh[i.heir] || i.again {
			takers = append(takers, i)
		}
	}
	if len(takers) == 0 {
		return nil, nil
	}
	if err := t.inheritStaff(ctx, takers, at); err != nil {
		return nil, fmt.Errorf("let heirs take the staff over: %w", err)
	}
	if err := t.inheritRules(ctx, takers, at); err != nil {
		return nil, fmt.Errorf("let heirs inherit rules: %w", err)
	}
	return inherited, t.recordInheritances(ctx, takers, true)
}

// heirsOfKnown leaves codes out that no jurisdiction has, and tells of the others
// what decides who inherits.
func (t *tx) heirsOfKnown(ctx context.Context, pairs []routing.Succession) (known []*inheritance, err error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	all := make([]*inheritance, len(pairs))
	for i, p := range pairs {
		all[i] = &inheritance{heir: p.New, old: p.Old}
	}
	with, args := inheritancesTable(all, time.Time{})
	rows, err := t.rows(ctx, with+` SELECT h.place,
			EXISTS (SELECT 1 FROM rules_in_force r WHERE r.jurisdiction = h.old),
			EXISTS (SELECT 1 FROM inheritances i WHERE i.heir = h.heir AND i.old = h.old AND NOT i.held)
		FROM heirs h CROSS JOIN jurisdictions o WHERE o.code = h.old ORDER BY h.place`, args...)
	return collect(rows, err, func(row scanner) (*inheritance, error) {
		var place int
		var hasRules, again bool
		if err := row.Scan(&place, &hasRules, &again); err != nil {
			return nil, err
		}
		all[place].hasRules, all[place].again = hasRules, again
		return all[place], nil
	})
}

func (t *tx) recordHeirs(ctx context.Context, all []*inheritance, at time.Time) error {
	with, args := inheritancesTable(all, at)
	err := t.execOnce(ctx, with+` INSERT INTO successions (old, heir, created_at)
		SELECT old, heir, $1 FROM heirs WHERE TRUE
		ON CONFLICT (old) DO UPDATE SET heir = excluded.heir, created_at = excluded.created_at`, args...)
	return err
}

// inheritSettings gives heirs that have none of their own those of the first that
// is named, notes the version that they have by that, and returns who they are.
func (t *tx) inheritSettings(ctx context.Context, all []*inheritance, at time.Time) (inherited []string, err error) {
	firsts := firstOfEach(all, func(*inheritance) bool { return true })
	with, args := inheritancesTable(firsts, at)
	rows, err := t.rows(ctx, with+` UPDATE jurisdictions SET version = version + 1, updated_at = $1,
		(channel, email, language, contact, services, photos) = (
			SELECT o.channel, o.email, o.language, o.contact, o.services, o.photos
			FROM heirs h CROSS JOIN jurisdictions o WHERE o.code = h.old AND h.heir = jurisdictions.code)
		WHERE code IN (`+heirsList(firsts)+`) AND (version = 1 AND channel = 'none'
			OR EXISTS (SELECT 1 FROM inheritances i WHERE i.heir = jurisdictions.code AND NOT i.held AND i.settings = jurisdictions.version))
		RETURNING code, version, channel`, args...)
	of := map[string]*inheritance{}
	for _, i := range firsts {
		of[i.heir] = i
	}
	changed, err := collect(rows, err, func(row scanner) (j tenant.Jurisdiction, err error) {
		return j, row.Scan(&j.Code, &j.Version, &j.Channel)
	})
	if err != nil {
		return nil, err
	}
	for _, j := range changed {
		of[j.Code].settings = j.Version
		inherited = append(inherited, j.Code)
	}
	return inherited, t.release(ctx, at, changed...)
}

// inheritStaff gives heirs the staff of all whom they succeed.
func (t *tx) inheritStaff(ctx context.Context, all []*inheritance, at time.Time) error {
	with, args := inheritancesTable(all, at)
	err := t.execOnce(ctx, with+` INSERT INTO grants (person, role, jurisdiction, created_at, inherited_from)
		SELECT g.person, g.role, h.heir, $1, h.old FROM grants g CROSS JOIN heirs h
		WHERE g.jurisdiction IN (`+oldList(all)+`) AND h.old = g.jurisdiction ORDER BY h.place
		ON CONFLICT (person, role, jurisdiction) DO NOTHING`, args...)
	return err
}

// inheritRules gives heirs without rules those of the first that has any, and notes
// their version. That is the version of the heir itself, which no rules of before
// had: whoever would change those is told that they are not current. 1 stands for
// none.
func (t *tx) inheritRules(ctx context.Context, all []*inheritance, at time.Time) error {
	firsts := firstOfEach(all, func(i *inheritance) bool { return i.hasRules })
	if len(firsts) == 0 {
		return nil
	}
	with, args := inheritancesTable(firsts, at)
	rows, err := t.rows(ctx, with+` INSERT INTO rules_in_force (jurisdiction, list, version, updated_at)
		SELECT h.heir, f.list, j.version, $1 FROM rules_in_force f CROSS JOIN heirs h CROSS JOIN jurisdictions j
		WHERE f.jurisdiction IN (`+oldList(firsts)+`) AND h.old = f.jurisdiction AND j.code = h.heir AND j.version > 1
		ON CONFLICT (jurisdiction) DO NOTHING RETURNING jurisdiction, version`, args...)
	given, err := collectVersions(rows, err)
	for _, i := range firsts {
		i.rules = given[i.heir]
	}
	return err
}

// firstOfEach returns the first inheritance of each heir that is so.
func firstOfEach(all []*inheritance, is func(*inheritance) bool) (firsts []*inheritance) {
	seen := map[string]bool{}
	for _, i := range all {
		if is(i) && !seen[i.heir] {
			seen[i.heir] = true
			firsts = append(firsts, i)
		}
	}
	return firsts
}

// endSuccessions lets codes have no heir any more, and takes from who was it what
// it has from them and has not made its own since: settings and rules that nobody
// has changed, and the staff that came with it.
func (t *tx) endSuccessions(ctx context.Context, codes []string, at time.Time) error {
	if len(codes) == 0 {
		return nil
	}
	places, args := make([]string, len(codes)), make([]any, len(codes))
	for i, code := range codes {
		places[i], args[i] = fmt.Sprintf("$%d", i+1), code
	}
	list := strings.Join(places, ", ")
	if err := t.execOnce(ctx, `DELETE FROM successions WHERE old IN (`+list+`)`, args...); err != nil {
		return err
	}
	rows, err := t.rows(ctx, `SELECT heir, old, settings, rules FROM inheritances WHERE old IN (`+list+`) AND held ORDER BY heir, old`, args...)
	held, err := collect(rows, err, func(row scanner) (*inheritance, error) {
		i := &inheritance{}
		return i, row.Scan(&i.heir, &i.old, &i.settings, &i.rules)
	})
	if err != nil || len(held) == 0 {
		return err
	}
	if err := t.giveBack(ctx, held, at); err != nil {
		return fmt.Errorf("give back what was inherited: %w", err)
	}
	return nil
}

func (t *tx) giveBack(ctx context.Context, held []*inheritance, at time.Time) error {
	with, args := inheritancesTable(held, at)
	list := heirsList(held)
	// As the boundaries make a jurisdiction: addMissing and routing.Boundaries.
	rows, err := t.rows(ctx, with+` UPDATE jurisdictions SET channel = 'none', email = '', language = 'sv', contact = '', services = 'null', photos = '{}',
		version = version + 1, updated_at = $1 WHERE code IN (`+list+`)
			AND EXISTS (SELECT 1 FROM heirs h WHERE h.heir = jurisdictions.code AND h.settings = jurisdictions.version)
		RETURNING code, version`, args...)
	now, err := collectVersions(rows, err)
	if err != nil {
		return err
	}
	if err := t.execOnce(ctx, with+` DELETE FROM rules_in_force WHERE jurisdiction IN (`+list+`)
		AND EXISTS (SELECT 1 FROM heirs h WHERE h.heir = rules_in_force.jurisdiction AND h.rules = rules_in_force.version)`, args...); err != nil {
		return err
	}
	if err := t.execOnce(ctx, with+` DELETE FROM grants WHERE jurisdiction IN (`+list+`)
		AND EXISTS (SELECT 1 FROM heirs h WHERE h.heir = grants.jurisdiction AND h.old = grants.inherited_from)`, args...); err != nil {
		return err
	}
	for _, i := range held {
		if now[i.heir] == i.settings+1 { // with none to inherit, the version is still as it was left
			i.settings++
		}
	}
	return t.recordInheritances(ctx, held, false)
}

// recordInheritances writes what heirs have by now from whom.
func (t *tx) recordInheritances(ctx context.Context, all []*inheritance, held bool) error {
	with, args := inheritancesTable(all, time.Time{})
	err := t.execOnce(ctx, with+fmt.Sprintf(` INSERT INTO inheritances (heir, old, settings, rules, held)
		SELECT heir, old, settings, rules, %t FROM heirs WHERE TRUE
		ON CONFLICT (heir, old) DO UPDATE SET settings = excluded.settings, rules = excluded.rules, held = excluded.held`, held), args...)
	return err
}

func collectVersions(rows *sql.Rows, err error) (map[string]int64, error) {
	versions := map[string]int64{}
	_, err = collect(rows, err, func(row scanner) (code string, err error) {
		var version int64
		if err := row.Scan(&code, &version); err != nil {
			return "", err
		}
		versions[code] = version
		return code, nil
	})
	return versions, err
}

// inheritancesTable begins a statement with a table "heirs" of them; place is the
// number in the list, and $1 the time, which "given" declares to PostgreSQL also
// where a statement has no use for it.
func inheritancesTable(all []*inheritance, at time.Time) (with string, args []any) {
	rows := make([]string, len(all))
	args = append(make([]any, 0, 1+4*len(all)), micros(at))
	for i, h := range all {
		n := 4*i + 1
		rows[i] = fmt.Sprintf("(CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), %d)", n+1, n+2, n+3, n+4, i)
		args = append(args, h.heir, h.old, h.settings, h.rules)
	}
	return `WITH given (at) AS (VALUES (CAST($1 AS BIGINT))), heirs (heir, old, settings, rules, place) AS (VALUES ` + strings.Join(rows, ", ") + `)`, args
}

// heirsList and oldList list codes by the arguments of inheritancesTable.
func heirsList(all []*inheritance) string { return argumentsFrom(2, len(all)) }
func oldList(all []*inheritance) string   { return argumentsFrom(3, len(all)) }

func argumentsFrom(first, n int) string {
	places := make([]string, n)
	for i := range places {
		places[i] = fmt.Sprintf("$%d", 4*i+first)
	}
	return strings.Join(places, ", ")
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
