package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

func sundsvall() tenant.Jurisdiction {
	return tenant.Jurisdiction{
		Code: "2281", Name: "Sundsvall", Aliases: []string{"b.example", "sundsvall.se"}, Channel: tenant.None,
		Language: "sv", Services: []catalog.Override{{Code: "pothole"}}, UpdatedAt: noon,
	}
}

func TestAJurisdictionIsKnownByCodeAndAlias(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Tenants{DB: db.DB}
		stored, err := s.PutJurisdiction(t.Context(), sundsvall())
		must(t, err)
		want := sundsvall()
		want.Version = 1
		sameJSON(t, "stored", stored, want)
		for _, name := range []string{"2281", "sundsvall.se", "b.example"} {
			got, err := s.Jurisdiction(t.Context(), name)
			must(t, err)
			sameJSON(t, "by "+name, got, want)
		}
		for _, name := range []string{"", "0180", "SUNDSVALL.SE"} {
			if _, err := s.Jurisdiction(t.Context(), name); !problem.Is(err, problem.NotFound) {
				t.Errorf("%q: %v", name, err)
			}
		}
		// A code goes before an alias of the same text.
		_, err = s.PutJurisdiction(t.Context(), tenant.Jurisdiction{Code: "0180", Name: "Stockholm", Aliases: []string{"2281"}, Channel: tenant.None})
		must(t, err)
		got, err := s.Jurisdiction(t.Context(), "2281")
		must(t, err)
		all, err := s.Jurisdictions(t.Context())
		must(t, err)
		if got.Name != "Sundsvall" || len(all) != 2 || all[0].Code != "0180" {
			t.Errorf("2281 is %s; all are %+v", got.Name, all)
		}
	})
}

func TestAJurisdictionIsChangedAtItsVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Tenants{{DB: db.DB}, {DB: db.open(t)}}
		put := func(version int64) (won int64) {
			var n atomic.Int64
			race(10, func(i int) {
				j := sundsvall()
				j.Version, j.Name = version, fmt.Sprint(i)
				_, err := processes[i%2].PutJurisdiction(context.Background(), j)
				if err == nil {
					n.Add(1)
				} else if !problem.Is(err, problem.Stale) {
					t.Error(err)
				}
			})
			return n.Load()
		}
		if made, changed, old := put(0), put(1), put(1); made != 1 || changed != 1 || old != 0 {
			t.Errorf("%d made it, %d changed it, %d changed an old version; want 1, 1, 0", made, changed, old)
		}
		j := sundsvall()
		j.Version, j.Aliases = 2, []string{"sundsvall.se"}
		_, err := processes[0].PutJurisdiction(t.Context(), j)
		must(t, err)
		j.Contact = "060-19 10 00\nväxeln"
		j.Version++
		_, err = processes[0].PutJurisdiction(t.Context(), j)
		must(t, err)
		if now, err := processes[1].Jurisdiction(t.Context(), "sundsvall.se"); err != nil || now.Contact != j.Contact {
			t.Errorf("its contact is %q, %v", now.Contact, err)
		}
		taken := tenant.Jurisdiction{Code: "0180", Name: "Stockholm", Aliases: []string{"b.example", "sundsvall.se"}, Channel: tenant.None}
		if _, err := processes[1].PutJurisdiction(t.Context(), taken); !problem.Is(err, problem.Invalid) {
			t.Errorf("another's alias: %v", err)
		}
		if _, err := processes[0].Jurisdiction(t.Context(), "0180"); !problem.Is(err, problem.NotFound) {
			t.Errorf("half of it was stored: %v", err)
		}
	})
}

// activation is one without anything that follows from it.
func activation(layer, set string) routing.Switch {
	return routing.Switch{Activation: routing.Activation{ID: newID(), Layer: layer, Set: set, At: noon}}
}

func TestBoundarySets(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.BoundarySets{DB: db.DB}
		var sets []routing.Set
		for i := range 3 {
			set := routing.Set{
				ID: newID(), Layer: routing.Municipality, Kind: routing.Areas, Source: "s", Licence: "CC0", ValidFrom: "2026-01-01",
				Index: "boundaries/x", SHA256: strings.Repeat("a", 64), Areas: 290, Vertices: i, Approximate: i == 1, CreatedAt: noon,
			}
			must(t, s.AddSet(t.Context(), set))
			sets = append(sets, set)
		}
		roads := sets[0]
		roads.ID, roads.Layer, roads.Kind = newID(), "road-owner", routing.Lines
		must(t, s.AddSet(t.Context(), roads))
		if active, err := s.ActiveSets(t.Context()); err != nil || len(active) != 0 {
			t.Errorf("active before any: %v, %v", active, err)
		}
		js := []tenant.Jurisdiction{{Code: "2281", Name: "Sundsvall", Channel: tenant.None, UpdatedAt: noon}}
		_, err := store.Tenants{DB: db.DB}.PutJurisdiction(t.Context(), sundsvall())
		must(t, err)
		js = append(js, tenant.Jurisdiction{Code: "0180", Name: "Stockholm", Channel: tenant.None, UpdatedAt: noon})
		processes := []store.BoundarySets{s, {DB: db.open(t)}}
		must(t, s.AddJurisdictions(t.Context(), js))
		race(9, func(i int) {
			if err := processes[i%2].ActivateSet(context.Background(), activation(sets[i%3].Layer, sets[i%3].ID)); err != nil {
				t.Error(err)
			}
		})
		must(t, s.ActivateSet(t.Context(), activation(sets[1].Layer, sets[1].ID)))
		if err := s.ActivateSet(t.Context(), activation(routing.Municipality, newID())); !problem.Is(err, problem.NotFound) {
			t.Errorf("activate nothing: %v", err)
		}
		must(t, s.ActivateSet(t.Context(), activation(roads.Layer, roads.ID)))
		active, err := s.ActiveSets(t.Context())
		must(t, err)
		want := []routing.Set{sets[1], roads}
		want[0].Active, want[1].Active = true, true
		sameJSON(t, "the active sets", active, want)
		all, err := s.Sets(t.Context())
		must(t, err)
		if n := db.count(t, `SELECT count(*) FROM boundary_sets WHERE active`); n != 2 || len(all) != 4 || all[0].ID != roads.ID {
			t.Errorf("%d active of %d, the first %s", n, len(all), all[0].ID)
		}
		known, err := store.Tenants{DB: db.DB}.Jurisdictions(t.Context())
		must(t, err)
		if len(known) != 2 || known[1].Aliases == nil {
			t.Errorf("the known jurisdiction was replaced: %+v", known)
		}
	})
}

// Whatever changes where reports go raises the number, once for each change, and
// with it or not at all.
func TestAReportIsStoredOnlyByWhatIsInForce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.BoundarySets{{DB: db.DB}, {DB: db.open(t)}}
		set := routing.Set{ID: newID(), Layer: "road-owner", Kind: routing.Areas, Source: "s", CreatedAt: noon}
		must(t, processes[0].AddSet(t.Context(), set))
		race(10, func(i int) {
			if err := processes[i%2].ActivateSet(context.Background(), activation(set.Layer, set.ID)); err != nil {
				t.Error(err)
			}
			_ = processes[i%2].ActivateSet(context.Background(), activation(routing.Municipality, newID())) // there is none
		})
		_, err := store.Tenants(processes[0]).PutJurisdiction(t.Context(), sundsvall())
		must(t, err)
		revision, err := processes[1].Revision(t.Context())
		if err != nil || revision != 11 {
			t.Fatalf("revision %d, %v; want 11", revision, err)
		}
		f := filing()
		f.Revision = revision - 1
		if _, err := (store.Reports(processes[0])).Create(t.Context(), f); !errors.Is(err, report.ErrRoutingChanged) {
			t.Errorf("a report by what was in force before: %v", err)
		}
		f.Revision = revision
		create(t, db, f)
	})
}

func TestRulesAreChangedAtTheirVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.BoundarySets{{DB: db.DB}, {DB: db.open(t)}}
		list := func(id string) routing.RuleList {
			return routing.NewRuleList([]routing.Rule{{
				ID: id, Layer: "road-owner", WithinM: 0.1 + 0.2, Owners: []string{"å*"}, Outcome: routing.Stay, Note: catalog.Text{"sv": "<\u2028>"},
			}})
		}
		put := func(of string, version int64) (won int64) {
			var n atomic.Int64
			race(10, func(i int) {
				r := routing.RulesInForce{Of: of, RuleList: list(fmt.Sprint("r", i%3)), Version: version, UpdatedAt: noon}
				_, err := processes[i%2].PutRules(context.Background(), r)
				if err == nil {
					n.Add(1)
				} else if !problem.Is(err, problem.Stale) {
					t.Error(err)
				}
			})
			return n.Load()
		}
		if first, second, old, none := put("2281", 1), put("2281", 2), put("2281", 2), put("2281", 0); first != 1 || second != 1 || old != 0 || none != 0 {
			t.Errorf("%d, %d, %d, %d put them; want 1, 1, 0, 0", first, second, old, none)
		}
		if put("", 1) != 1 {
			t.Error("the installation's rules depend on a jurisdiction's")
		}
		now, err := processes[0].RulesInForce(t.Context())
		must(t, err)
		if len(now) != 2 || now[0].Of != "" || now[0].Version != 2 || now[1].Of != "2281" || now[1].Version != 3 || !now[1].UpdatedAt.Equal(noon) {
			t.Fatalf("in force are %+v", now)
		}
		if revision, err := processes[1].Revision(t.Context()); err != nil || revision != 3 {
			t.Errorf("revision %d, %v; want one for each change", revision, err)
		}
		race(4, func(i int) {
			if err := processes[i%2].KeepRuleList(context.Background(), list("kept")); err != nil {
				t.Error(err)
			}
		})
		for _, l := range []routing.RuleList{list("kept"), now[1].RuleList} {
			got, err := processes[1].RuleList(t.Context(), l.SHA256)
			must(t, err)
			sameJSON(t, "a list", got, l)
		}
		if _, err := processes[0].RuleList(t.Context(), "ab"); !problem.Is(err, problem.NotFound) {
			t.Errorf("a list that is not there: %v", err)
		}
	})
}

func TestProcessesAgreeOnSecrets(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Secrets{{DB: db.DB}, {DB: db.open(t)}}
		loaded := make([]string, 10)
		race(len(loaded), func(i int) {
			secrets, err := auth.LoadSecrets(context.Background(), processes[i%2], "")
			if err != nil {
				t.Error(err)
			}
			value, err := secrets.Encode()
			if err != nil {
				t.Error(err)
			}
			loaded[i] = string(value)
		})
		if len(slices.Compact(loaded)) != 1 {
			t.Error("processes that started at once have different secrets")
		}
		if _, err := processes[0].Get(t.Context(), "other"); err == nil {
			t.Error("a secret that is not there was read")
		}
	})
}

func TestInstallation(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		s := store.Installation{DB: db.DB}
		empty := func(want bool) {
			t.Helper()
			got, err := s.Empty(t.Context())
			must(t, err)
			if got != want {
				t.Errorf("empty = %v, want %v", got, want)
			}
		}
		empty(true)
		must(t, s.SetFact(t.Context(), "demo", "no"))
		must(t, s.SetFact(t.Context(), "demo", "yes"))
		wantFact(t, db.DB, "demo", "yes")
		wantFact(t, db.DB, "other", "")
		empty(true)
		create(t, db, filing())
		empty(false)
	})
}

func TestAPhotoIsClaimedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		processes := []store.Reports{{DB: db.DB}, {DB: db.open(t)}}
		id := addPhoto(t, db, noon)
		var won atomic.Int64
		race(10, func(i int) {
			f := filing()
			f.Photos = []string{id}
			if _, err := processes[i%2].Create(context.Background(), f); err == nil {
				won.Add(1)
			} else if p := problem.As(err); p == nil || p.Fields[0].Field != "/photos/0" {
				t.Error(err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d reports have the photo", won.Load())
		}
		shown, ok, err := store.Photos{DB: db.DB}.PhotoShown(t.Context(), id)
		must(t, err)
		if !ok || shown.Private || shown.Report == "" || len(shown.SHA256) == 0 {
			t.Errorf("shown %v: %+v", ok, shown)
		}
		unclaimed, ok, err := store.Photos{DB: db.DB}.PhotoShown(t.Context(), addPhoto(t, db, noon))
		must(t, err)
		if !ok || unclaimed.Report != "" || unclaimed.Private || len(unclaimed.SHA256) == 0 {
			t.Errorf("an unclaimed one: %v, %+v", ok, unclaimed)
		}
		if _, ok, err := (store.Photos{DB: db.DB}).PhotoShown(t.Context(), "none"); ok || err != nil {
			t.Errorf("one that is not there: %v, %v", ok, err)
		}
	})
}

// Each photo ends with a report or with the sweep, never with both or neither.
func TestTheSweepAndAClaimCannotMeet(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		reports, photos := store.Reports{DB: db.DB}, store.Photos{DB: db.open(t)}
		ids := make([]string, 30)
		for i := range ids {
			ids[i] = addPhoto(t, db, noon)
		}
		kept := addPhoto(t, db, noon.Add(2*time.Hour))
		var claimed [30]atomic.Bool
		swept := make(chan string, 100)
		race(40, func(i int) {
			if i >= 30 {
				got, err := photos.SweepPhotos(context.Background(), noon.Add(time.Hour), noon.Add(24*time.Hour), 3)
				if err != nil || len(got) > 3 {
					t.Errorf("swept %d: %v", len(got), err)
				}
				for _, id := range got {
					swept <- id
				}
				return
			}
			f := filing()
			f.Photos = []string{ids[i]}
			_, err := reports.Create(context.Background(), f)
			claimed[i].Store(err == nil)
			if err != nil && !problem.Is(err, problem.Invalid) {
				t.Error(err)
			}
		})
		close(swept)
		fate := map[string]int{}
		for id := range swept {
			fate[id]++
		}
		for i, id := range ids {
			if claimed[i].Load() {
				fate[id]++
			}
			if fate[id] != 1 {
				t.Errorf("photo %d: claimed %v, fates %d", i, claimed[i].Load(), fate[id])
			}
		}
		if n := db.count(t, `SELECT count(*) FROM photos WHERE id = '`+kept+`'`); n != 1 {
			t.Error("a young photo was swept")
		}
	})
}
