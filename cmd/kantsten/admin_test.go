package main

import (
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
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
