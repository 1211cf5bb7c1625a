package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

func addSet(t *testing.T, s store.BoundarySets) string {
	t.Helper()
	set := routing.Set{ID: newID(), Layer: routing.Municipality, Kind: routing.Areas, SHA256: strings.Repeat("a", 64), CreatedAt: noon}
	must(t, s.AddSet(t.Context(), set))
	return set.ID
}

func TestActivationsCanBeUndoneStepByStep(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		a, b := addSet(t, s), addSet(t, s)
		if _, err := s.LastActivation(t.Context(), routing.Municipality, true); !problem.Is(err, problem.NotFound) {
			t.Errorf("the last of none: %v", err)
		}
		steps := []routing.Switch{activation(routing.Municipality, a), activation(routing.Municipality, b)}
		for _, step := range steps {
			must(t, s.ActivateSet(t.Context(), step))
		}
		must(t, s.ActivateSet(t.Context(), activation(routing.Municipality, b))) // again, which is no step
		last, err := s.LastActivation(t.Context(), routing.Municipality, true)
		must(t, err)
		if last.ID != steps[1].ID || last.Before != a || last.Set != b || !last.At.Equal(noon) {
			t.Errorf("the last step is %+v", last)
		}
		back := activation(routing.Municipality, a)
		back.Undoes = last.ID
		must(t, s.ActivateSet(t.Context(), back))
		again := activation(routing.Municipality, b)
		again.Undoes = last.ID
		if err := s.ActivateSet(t.Context(), again); !problem.Is(err, problem.Conflict) {
			t.Errorf("undone twice: %v", err)
		}
		active, err := s.ActiveSets(t.Context())
		must(t, err)
		last, err = s.LastActivation(t.Context(), routing.Municipality, true)
		must(t, err)
		if len(active) != 1 || active[0].ID != a || last.ID != steps[0].ID || last.Before != "" {
			t.Errorf("active is %+v, the last step to undo %+v", active, last)
		}
		all, err := s.Activations(t.Context())
		must(t, err)
		if got, err := s.Activation(t.Context(), back.ID); err != nil || got.Undoes != steps[1].ID || len(all) != 3 {
			t.Errorf("%+v, %v; %d in all", got, err, len(all))
		}
	})
}

func TestALayerCanBeLeftWithoutASet(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		set := routing.Set{ID: newID(), Layer: "road-owner", Kind: routing.Lines, SHA256: strings.Repeat("a", 64), CreatedAt: noon}
		must(t, s.AddSet(t.Context(), set))
		first := activation(set.Layer, set.ID)
		must(t, s.ActivateSet(t.Context(), first))
		back := activation(set.Layer, "")
		back.Undoes = first.ID
		must(t, s.ActivateSet(t.Context(), back))
		active, err := s.ActiveSets(t.Context())
		must(t, err)
		step, err := s.Activation(t.Context(), back.ID)
		must(t, err)
		if len(active) != 0 || step.Set != "" || step.Before != set.ID {
			t.Errorf("active is %+v after %+v", active, step)
		}
		if _, err := s.LastActivation(t.Context(), set.Layer, true); !problem.Is(err, problem.NotFound) {
			t.Errorf("what was taken back can be taken back: %v", err)
		}
		must(t, s.ActivateSet(t.Context(), activation(set.Layer, set.ID)))
	})
}

func TestAnHeirInheritsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s, tenants := store.BoundarySets{DB: db.DB}, store.Tenants{DB: db.DB}
		old := sundsvall()
		old.Channel, old.Email = tenant.Email, "gata@sundsvall.example"
		_, err := tenants.PutJurisdiction(t.Context(), old)
		must(t, err)
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return errors.Join(
				exec(`INSERT INTO persons (id, email, created_at) VALUES ('p', 'p@example.org', 0)`),
				exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ('p', 'crew', '2281', 0)`))
		}))
		must(t, s.AddJurisdictions(t.Context(), []tenant.Jurisdiction{
			{Code: "2299", Name: "New", Channel: tenant.None, Language: "sv", UpdatedAt: noon},
			{Code: "2300", Name: "Newer", Channel: tenant.None, Language: "sv", UpdatedAt: noon},
		}))
		own, err := tenants.PutJurisdiction(t.Context(), tenant.Jurisdiction{Code: "0180", Name: "Stockholm", Channel: tenant.Web, Language: "sv", UpdatedAt: noon})
		must(t, err)
		step := activation(routing.Municipality, addSet(t, s))
		step.Heirs = []routing.Succession{{Old: "2281", New: "2299"}, {Old: "0184", New: "0180"}}
		deliver, err := job.New(routing.JobReroute, step.ID, routing.RerouteJob{Activation: step.ID}, noon)
		must(t, err)
		step.Jobs = []job.Job{deliver}
		must(t, s.ActivateSet(t.Context(), step))
		heir, err := tenants.Jurisdiction(t.Context(), "2299")
		must(t, err)
		want := tenant.Jurisdiction{
			Code: "2299", Name: "New", Channel: tenant.Email, Email: old.Email, Language: "sv",
			Services: []catalog.Override{{Code: "pothole"}}, Version: 2, UpdatedAt: noon,
		}
		sameJSON(t, "the heir", heir, want)
		if n := db.count(t, `SELECT count(*) FROM grants WHERE jurisdiction = '2299' AND person = 'p' AND role = 'crew'`); n != 1 {
			t.Error("the staff was not taken over")
		}
		if n := db.count(t, `SELECT count(*) FROM jobs WHERE kind = 'reroute'`); n != 1 {
			t.Errorf("%d jobs", n)
		}
		// An alias leads to the heir, also to the heir's heir; the code to what it was.
		next := activation(routing.Municipality, addSet(t, s))
		next.Heirs = []routing.Succession{{Old: "2299", New: "2300"}}
		must(t, s.ActivateSet(t.Context(), next))
		for name, want := range map[string]string{"sundsvall.se": "2300", "2281": "2281", "2299": "2299", "2300": "2300"} {
			if j, err := tenants.Jurisdiction(t.Context(), name); err != nil || j.Code != want {
				t.Errorf("%s is %s, %v; want %s", name, j.Code, err, want)
			}
		}
		// The code is back, so it has no heir; who had settings kept them.
		back := activation(routing.Municipality, addSet(t, s))
		back.Back, back.Heirs = []string{"2281"}, []routing.Succession{{Old: "2300", New: "0180"}}
		must(t, s.ActivateSet(t.Context(), back))
		kept, err := tenants.Jurisdiction(t.Context(), "0180")
		must(t, err)
		sameJSON(t, "who had settings", kept, own)
		if j, err := tenants.Jurisdiction(t.Context(), "sundsvall.se"); err != nil || j.Code != "2281" {
			t.Errorf("the alias leads to %s, %v", j.Code, err)
		}
		all, err := s.Successions(t.Context())
		must(t, err)
		sameJSON(t, "the successions", all, []routing.Succession{{Old: "2299", New: "2300"}, {Old: "2300", New: "0180"}})
	})
}

// undone is the succession of 2281 by 2299, activated and taken back.
type undone struct {
	*database
	sets    store.BoundarySets
	tenants store.Tenants
}

// step activates one more set.
func (u undone) step(t *testing.T, heirs []routing.Succession, back ...string) {
	t.Helper()
	step := activation(routing.Municipality, addSet(t, u.sets))
	step.Heirs, step.Back = heirs, back
	must(t, u.sets.ActivateSet(t.Context(), step))
}

// change changes how a jurisdiction wants its reports.
func (u undone) change(t *testing.T, code, email string) {
	t.Helper()
	j, err := u.tenants.Jurisdiction(t.Context(), code)
	must(t, err)
	j.Channel, j.Email = tenant.Email, email
	_, err = u.tenants.PutJurisdiction(t.Context(), j)
	must(t, err)
}

// rule puts one rule into force in the place of what was.
func (u undone) rule(t *testing.T, of, id string, version int64) {
	t.Helper()
	list := routing.NewRuleList([]routing.Rule{{ID: id, Outcome: routing.Stay}})
	_, err := u.sets.PutRules(t.Context(), routing.RulesInForce{Of: of, RuleList: list, Version: version, UpdatedAt: noon})
	must(t, err)
}

// is checks what the heir has: where its reports go, its staff and its rule.
func (u undone) is(t *testing.T, what, email, staff, rule string) {
	t.Helper()
	j, err := u.tenants.Jurisdiction(t.Context(), "2299")
	must(t, err)
	members, err := store.Auth{DB: u.DB}.Staff(t.Context(), "2299")
	must(t, err)
	var names []string
	for _, m := range members {
		names = append(names, m.PersonID)
	}
	inForce, err := u.sets.RulesInForce(t.Context())
	must(t, err)
	rules := ""
	for _, r := range inForce {
		if r.Of == "2299" {
			rules = r.Rules[0].ID
		}
	}
	if got := strings.Join(names, " "); j.Email != email || (j.Channel == tenant.None) != (email == "") || got != staff || rules != rule {
		t.Errorf("%s: reports go by %s to %q, staff is %q, the rule %q; want %q, %q, %q", what, j.Channel, j.Email, got, rules, email, staff, rule)
	}
}

func newUndone(t *testing.T, db *database) undone {
	t.Helper()
	u := undone{db, store.BoundarySets{DB: db.DB}, store.Tenants{DB: db.DB}}
	for _, code := range []string{"2281", "2299", "0180"} {
		must(t, u.sets.AddJurisdictions(t.Context(), []tenant.Jurisdiction{{Code: code, Name: code, Channel: tenant.None, Language: "sv", UpdatedAt: noon}}))
	}
	u.change(t, "2281", "old@sundsvall.example")
	u.rule(t, "2281", "of-before", 1)
	must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
		return errors.Join(
			exec(`INSERT INTO persons (id, email, created_at) VALUES ('dismissed', 'a@example.org', 0), ('newer', 'b@example.org', 0), ('own', 'c@example.org', 0)`),
			exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ('dismissed', 'crew', '2281', 0)`))
	}))
	return u
}

var becomes2299 = []routing.Succession{{Old: "2281", New: "2299"}}

// What an heir has is taken back with the activation: what the old code decides
// until the next one counts.
func TestAnHeirGivesBackWhatItInherited(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		u := newUndone(t, db)
		u.step(t, becomes2299)
		u.is(t, "activated", "old@sundsvall.example", "dismissed", "of-before")
		u.step(t, nil, "2281")
		u.is(t, "undone", "", "", "")
		u.change(t, "2281", "new@sundsvall.example")
		u.rule(t, "2281", "of-since", 2)
		if ok, err := (store.Auth{DB: db.DB}).Dismiss(t.Context(), "dismissed", auth.Grant{Role: auth.Crew, Jurisdiction: "2281"}, noon); err != nil || !ok {
			t.Fatal(ok, err)
		}
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ('newer', 'crew', '2281', 0)`)
		}))
		u.step(t, becomes2299)
		u.is(t, "activated again", "new@sundsvall.example", "newer", "of-since")
		u.step(t, nil, "2281")
		u.is(t, "undone again", "", "", "")
	})
}

// What somebody decided for the heir itself is not taken from it.
func TestAnHeirKeepsWhatIsItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		u := newUndone(t, db)
		u.step(t, becomes2299)
		u.change(t, "2299", "own@heir.example")
		u.rule(t, "2299", "own", 2) // what it inherited has that version
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return exec(`INSERT INTO grants (person, role, jurisdiction, created_at) VALUES ('own', 'crew', '2299', 0)`)
		}))
		u.is(t, "changed", "own@heir.example", "dismissed own", "own")
		u.step(t, nil, "2281")
		u.is(t, "undone", "own@heir.example", "own", "own")
		u.step(t, becomes2299)
		u.is(t, "activated again", "own@heir.example", "dismissed own", "own")
		u.step(t, []routing.Succession{{Old: "0180", New: "2299"}})
		u.is(t, "heir of another", "own@heir.example", "dismissed own", "own")
	})
}

// Reports that an heir held for want of a channel go when it inherits one.
func TestAnHeirLetsGoWhatItHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		u := newUndone(t, db)
		s := store.Reports{DB: db.DB}
		f := filing()
		f.Report.Jurisdiction, f.Report.Delivery, f.AtVersion = "2299", report.Held, 1
		var err error
		f.Revision, err = u.sets.Revision(t.Context())
		must(t, err)
		filed, err := s.Create(t.Context(), f)
		must(t, err)
		u.step(t, becomes2299)
		r, err := s.Report(t.Context(), filed.Report.ID)
		must(t, err)
		if n := db.count(t, `SELECT count(*) FROM jobs WHERE kind = 'deliver'`); r.Delivery != report.Queued || n == 0 {
			t.Errorf("it is %s, with %d jobs", r.Delivery, n)
		}
	})
}

// No transaction of a large import keeps others from writing for long.
func TestManyJurisdictionsAreAddedInBatches(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		js := make([]tenant.Jurisdiction, 3210)
		for i := range js {
			js[i] = tenant.Jurisdiction{Code: fmt.Sprint("a", i), Name: "Area", Channel: tenant.None, Language: "sv", UpdatedAt: noon}
		}
		start := time.Now()
		must(t, s.AddJurisdictions(t.Context(), js))
		must(t, s.AddJurisdictions(t.Context(), js[:600]))
		t.Logf("%d and 600 again: %v", len(js), time.Since(start))
		if n := db.count(t, `SELECT count(*) FROM jurisdictions`); n != len(js) {
			t.Errorf("%d jurisdictions, want %d", n, len(js))
		}
		step := activation(routing.Municipality, addSet(t, s))
		for i := range 500 {
			step.Heirs = append(step.Heirs, routing.Succession{Old: js[i].Code, New: js[1000+i].Code})
		}
		must(t, s.ActivateSet(t.Context(), step))
		if n := db.count(t, `SELECT count(*) FROM successions`); n != 500 {
			t.Errorf("%d successions, want 500", n)
		}
	})
}
