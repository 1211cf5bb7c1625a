package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// statements counts those of each write transaction from now on.
func (d *database) statements() (taken func() []int) {
	var mu sync.Mutex
	var all []int
	d.Observe = func(w store.Write) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, w.Statements)
	}
	return func() []int {
		mu.Lock()
		defer mu.Unlock()
		counts := all
		all = nil
		return counts
	}
}

func areas(prefix string, n int) []tenant.Jurisdiction {
	js := make([]tenant.Jurisdiction, n)
	for i := range js {
		js[i] = tenant.Jurisdiction{Code: fmt.Sprint(prefix, i), Name: "Area", Channel: tenant.None, Language: "sv", UpdatedAt: noon}
	}
	return js
}

// pairs are successions of as many areas.
func pairs(old, heir string, from, to int) (all []routing.Succession) {
	for i := from; i < to; i++ {
		all = append(all, routing.Succession{Old: fmt.Sprint(old, i), New: fmt.Sprint(heir, i)})
	}
	return all
}

// leaveSettingsAndStaff gives the areas whose code begins with "old" something to
// inherit.
func (d *database) leaveSettingsAndStaff(t *testing.T) {
	t.Helper()
	must(t, d.InTx(t.Context(), func(exec func(string, ...any) error) error {
		return errors.Join(
			exec(`UPDATE jurisdictions SET channel = 'email', email = code || '@example.org' WHERE code LIKE 'old%'`),
			exec(`INSERT INTO persons (id, email, created_at) SELECT 'p-' || code, code || '@staff.example', 0 FROM jurisdictions WHERE code LIKE 'old%'`),
			exec(`INSERT INTO grants (person, role, jurisdiction, created_at) SELECT 'p-' || code, 'crew', code, 0 FROM jurisdictions WHERE code LIKE 'old%'`))
	}))
}

// The database does work in sets: no statement for each row.
func TestABatchHasAsManyStatementsForOneAsForMany(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		taken := db.statements()
		must(t, s.AddJurisdictions(t.Context(), areas("one", 1)))
		must(t, s.AddJurisdictions(t.Context(), areas("old", 1000)))
		must(t, s.AddJurisdictions(t.Context(), areas("new", 1000)))
		if got := taken(); len(got) < 5 || slices.Max(got) != 1 {
			t.Errorf("adding areas took transactions of %v statements, want one in each", got)
		}
		db.leaveSettingsAndStaff(t)
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return errors.Join(
				exec(`INSERT INTO rule_lists (sha256, rules, created_at) VALUES ('list', '[]', 0)`),
				exec(`INSERT INTO rules_in_force (jurisdiction, list, version, updated_at) SELECT code, 'list', 1, 0 FROM jurisdictions WHERE code LIKE 'old%'`))
		}))
		activate := func(heirs []routing.Succession, back ...string) []int {
			step := activation(routing.Municipality, addSet(t, s))
			step.Heirs, step.Back = heirs, back
			taken()
			must(t, s.ActivateSet(t.Context(), step))
			return taken()
		}
		codes := func(heirs []routing.Succession) (all []string) {
			for _, h := range heirs {
				all = append(all, h.Old)
			}
			return all
		}
		first := pairs("old", "new", 0, 50)
		activate(first)
		one := activate(pairs("old", "new", 50, 51), "old0")
		many := activate(pairs("old", "new", 51, 100), codes(first[1:])...)
		if len(one) != 1 || !slices.Equal(one, many) {
			t.Errorf("one succession takes transactions of %v statements, fifty %v", one, many)
		}
		thousand := activate(pairs("old", "new", 100, 1000), codes(pairs("old", "new", 50, 100))...)
		if len(thousand) < 4 || slices.Max(thousand) > one[0] {
			t.Errorf("nine hundred take transactions of %v statements, want at most %d in each", thousand, one[0])
		}
		for table, want := range map[string]int{"successions": 900, "inheritances WHERE held": 900, "grants WHERE inherited_from <> ''": 900, "rules_in_force": 1900} {
			if n := db.count(t, `SELECT count(*) FROM `+table); n != want {
				t.Errorf("%d %s, want those that began and did not end, %d", n, table, want)
			}
		}
	})
}

// Who has several inherits from the first of them, and the staff of all, also
// where they come in different batches.
func TestAnHeirOfManyInheritsTheStaffOfAll(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s, tenants := store.BoundarySets{DB: db.DB}, store.Tenants{DB: db.DB}
		must(t, s.AddJurisdictions(t.Context(), areas("old", 500)))
		must(t, s.AddJurisdictions(t.Context(), areas("new", 2)))
		db.leaveSettingsAndStaff(t)
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return errors.Join(
				exec(`INSERT INTO rule_lists (sha256, rules, created_at) VALUES ('second', '[]', 0), ('third', '[]', 0)`),
				exec(`INSERT INTO rules_in_force (jurisdiction, list, version, updated_at) VALUES ('old2', 'second', 1, 0), ('old3', 'third', 1, 0)`))
		}))
		step := activation(routing.Municipality, addSet(t, s))
		step.Heirs = []routing.Succession{{Old: "unknown", New: "new0"}}
		for i := range 500 { // nobody knows the first
			step.Heirs = append(step.Heirs, routing.Succession{Old: fmt.Sprint("old", i), New: "new0"})
		}
		must(t, s.ActivateSet(t.Context(), step))
		heir, err := tenants.Jurisdiction(t.Context(), "new0")
		must(t, err)
		if heir.Channel != tenant.Email || heir.Email != "old0@example.org" || heir.Version != 2 {
			t.Errorf("the heir is %+v, want the settings of old0", heir)
		}
		if n := db.count(t, `SELECT count(*) FROM grants WHERE jurisdiction = 'new0'`); n != 500 {
			t.Errorf("%d of the staff came along, want 500", n)
		}
		if n := db.count(t, `SELECT count(*) FROM rules_in_force WHERE jurisdiction = 'new0' AND list = 'second'`); n != 1 {
			t.Error("the rules are not those of the first that had any")
		}
		if n := db.count(t, `SELECT count(*) FROM successions WHERE heir = 'new0'`); n != 500 {
			t.Errorf("%d successions, want 500", n)
		}
		if n := db.count(t, `SELECT count(*) FROM jurisdictions WHERE code = 'new1' AND version = 1 AND channel = 'none'`); n != 1 {
			t.Error("who succeeds nobody has inherited")
		}
	})
}

// A database that counted its areas before a whole country was imported still goes
// from the list of successions to them, not through all for each.
func TestOldStatisticsDoNotLeadSuccessionsAstray(t *testing.T) {
	const codes, country = 200, 36_000
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		must(t, s.AddJurisdictions(t.Context(), areas("old", 5)))
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return errors.Join(
				exec(`UPDATE jurisdictions SET channel = 'web'`),
				exec(`INSERT INTO persons (id, email, created_at) VALUES ('p', 'p@example.org', 0)`),
				exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ('p', 'crew', 'old0', 0)`),
				exec(`INSERT INTO rule_lists (sha256, rules, created_at) VALUES ('list', '[]', 0)`),
				exec(`INSERT INTO rules_in_force (jurisdiction, list, version, updated_at) VALUES ('old0', 'list', 1, 0)`),
				exec(`ANALYZE`))
		}))
		many := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, country/2)
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			var errs []error
			for _, code := range []string{"'old' || i", "'new' || (i - 5)"} {
				errs = append(errs, exec(many+`INSERT INTO jurisdictions (code, name, channel, email, language, contact, services, photos, version, updated_at)
					SELECT `+code+`, 'Area', 'none', '', 'sv', '', 'null', '{}', 1, 0 FROM n`))
			}
			return errors.Join(errs...)
		}))
		begin := routing.Switch{Heirs: pairs("old", "new", 0, codes)}
		end := routing.Switch{}
		for _, h := range begin.Heirs {
			end.Back = append(end.Back, h.Old)
		}
		for i, what := range []string{"begin", "end"} {
			took, err := s.Succeed(t.Context(), []routing.Switch{begin, end}[i])
			must(t, err)
			t.Logf("to %s %d successions took %+v", what, codes, took)
			for _, scan := range took.Scans {
				if scan != "heirs" && scan != "h" && !strings.Contains(scan, "CONSTANT ROW") { // which are the list
					t.Errorf("to %s them goes through %s", what, scan)
				}
			}
			if most := int64(took.Statements) * country; took.Read > most {
				t.Errorf("to %s them reads %d areas, more than once through all for each of the %d statements", what, took.Read, took.Statements)
			}
		}
		if n := db.count(t, `SELECT count(*) FROM inheritances WHERE NOT held`); n != codes {
			t.Errorf("%d inheritances were given back, want %d", n, codes)
		}
	})
}
