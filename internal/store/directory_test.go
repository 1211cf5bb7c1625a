package store_test

import (
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// The directory reads the jurisdictions anew when one was changed, and not before.
func TestTheDirectoryFollowsChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, db *database) {
		tenants, now := store.Tenants{DB: db.DB}, noon
		d := &tenant.Directory{Store: tenants, Now: func() time.Time { return now }}
		put := func(j tenant.Jurisdiction) tenant.Jurisdiction {
			j, err := tenants.PutJurisdiction(t.Context(), j)
			must(t, err)
			return j
		}
		shows := func(what, code, name string, named ...string) {
			t.Helper()
			all, err := d.Entries(t.Context(), named...)
			must(t, err)
			if got := all[code].Name; got != name {
				t.Errorf("%s: %s is %q, want %q", what, code, got, name)
			}
		}
		j := sundsvall()
		j.Version = 0
		j = put(j)
		shows("at first", j.Code, j.Name)
		was := j.Name
		j.Name = "Renamed"
		put(j)
		shows("renamed less than a second ago", j.Code, was)
		now = now.Add(time.Second)
		shows("renamed a second ago", j.Code, "Renamed")
		must(t, store.BoundarySets{DB: db.DB}.AddJurisdictions(t.Context(), areas("new", 2)))
		shows("just added", "new1", "")
		shows("just added, and named", "new1", "Area", "new1")
		shows("named, and not there", "none", "", "none")
		now = now.Add(time.Second)
		must(t, db.InTx(t.Context(), func(exec func(string, ...any) error) error {
			return exec(`UPDATE jurisdictions SET name = 'Behind' WHERE code = 'new1'`) // no change of ours
		}))
		shows("nothing has changed", "new1", "Area")
		step := activation("municipality", addSet(t, store.BoundarySets{DB: db.DB}))
		step.Heirs = pairs("new", "other", 0, 1)
		must(t, store.BoundarySets{DB: db.DB}.AddJurisdictions(t.Context(), areas("other", 1)))
		must(t, store.BoundarySets{DB: db.DB}.ActivateSet(t.Context(), step))
		now = now.Add(time.Second)
		shows("an heir has inherited", "new1", "Behind")
	})
}
