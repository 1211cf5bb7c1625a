package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
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
