package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// A key that is bound to an alias would open nothing: reports lie with the code.
func TestAKeyForAnAliasIsOneForItsCode(t *testing.T) {
	t.Parallel()
	environ, _ := installation(t, "sqlite")
	within(t, environ, func(p *program) error {
		_, err := p.tenants.Put(t.Context(), tenant.Jurisdiction{
			Code: "2281", Name: "Sundsvall", Aliases: []string{"sundsvall.se"}, Channel: tenant.Web, Language: "sv",
		})
		return err
	})
	does(t, environ, 0, "", "key", "create", "--jurisdiction", "sundsvall.se", "--scopes", "reports:read", "case system")
	within(t, environ, func(p *program) error {
		keys, err := p.auth.Keys(t.Context(), auth.Itself(), "2281")
		if len(keys) != 1 || keys[0].Name != "case system" {
			t.Errorf("keys of 2281: %+v", keys)
		}
		return err
	})
}

// The boundary import makes jurisdictions without a channel; the operator gives
// them one by the same command that adds others.
func TestAddingAJurisdictionThatIsThereChangesIt(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			environ, _ := installation(t, kind)
			added := func(want tenant.Jurisdiction, args ...string) {
				t.Helper()
				does(t, environ, 0, want.Code+" "+want.Name+" is there, with the channel "+string(want.Channel),
					append([]string{"jurisdiction", "add", want.Code, want.Name}, args...)...)
				sameJurisdiction(t, environ, want)
			}
			want := tenant.Jurisdiction{
				Code: "2281", Name: "Sundsvall", Aliases: []string{"mitt", "sundsvall.se"}, Channel: tenant.None, Language: "en",
				Services: []catalog.Override{{Code: "pothole", Disabled: true}},
			}
			within(t, environ, func(p *program) error {
				_, err := p.tenants.Put(t.Context(), want)
				return err
			})
			want.Name, want.Channel, want.Email = "Sundsvalls kommun", tenant.Email, "gata@sundsvall.example"
			added(want, "--channel", "email", "--email", want.Email)
			want.Name = "Sundsvall"
			added(want) // the channel stays
			want.Channel = tenant.Web
			added(want, "--channel", "web") // the address waits for its channel

			does(t, environ, 1, "channel", "jurisdiction", "add", "2281", "Sundsvall", "--channel", "pigeon")
			sameJurisdiction(t, environ, want)
			added(tenant.Jurisdiction{Code: "mitt", Name: "Mittstad", Channel: tenant.None, Language: "sv"}) // renames nobody
			sameJurisdiction(t, environ, want)
		})
	}
	if !strings.Contains(usageText, "add changes one that is there") {
		t.Error("the usage text does not say so")
	}
}

func sameJurisdiction(t *testing.T, environ []string, want tenant.Jurisdiction) {
	t.Helper()
	within(t, environ, func(p *program) error {
		got, err := p.tenants.Get(t.Context(), want.Code)
		if got.Name != want.Name || got.Channel != want.Channel || got.Email != want.Email || got.Language != want.Language ||
			!slices.Equal(got.Aliases, want.Aliases) || len(got.Services) != len(want.Services) {
			t.Errorf("stored is %+v, want %+v", got, want)
		}
		return err
	})
}

func TestAChannelGivenByCommandLetsHeldReportsGo(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			environ, _ := installation(t, kind)
			areas := filepath.Join(t.TempDir(), "areas.geojson")
			if err := os.WriteFile(areas, []byte(oneArea), 0o600); err != nil {
				t.Fatal(err)
			}
			does(t, environ, 0, "is active", "boundaries", "import", areas)
			var held report.Submitted
			within(t, environ, func(p *program) (err error) {
				held, err = p.reports.Submit(t.Context(), auth.Actor{}, filed("Karin Kvar"))
				return err
			})
			if held.Report.Delivery != report.Held {
				t.Fatalf("a report without a channel is %s", held.Report.Delivery)
			}
			does(t, environ, 0, "channel web", "jurisdiction", "add", "2281", "Sundsvall", "--channel", "web")
			within(t, environ, func(p *program) error {
				r, err := p.reports.Read(t.Context(), auth.Itself(), held.Report.ID)
				if r.Delivery != report.Delivered {
					t.Errorf("the report is %s", r.Delivery)
				}
				return err
			})
		})
	}
}
