package tenant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestWhatAJurisdictionMayNotBe(t *testing.T) {
	t.Parallel()
	// Refused before it is stored, so no store is needed.
	s := &tenant.Service{Now: time.Now}
	good := tenant.Jurisdiction{Code: "2281", Name: "Sundsvall", Channel: tenant.Email, Email: "gata@sundsvall.example"}
	for _, tt := range []struct {
		name  string
		spoil func(*tenant.Jurisdiction)
		field string
	}{
		{"a code with a slash", func(j *tenant.Jurisdiction) { j.Code = "22/81" }, "code"},
		{"no name", func(j *tenant.Jurisdiction) { j.Name = "" }, "/name"},
		{"a name of 201 letters", func(j *tenant.Jurisdiction) { j.Name = strings.Repeat("ö", 201) }, "/name"},
		{"a name that starts a header", func(j *tenant.Jurisdiction) { j.Name = "Sundsvall\r\nBcc: x" }, "/name"},
		{"a channel that is not served", func(j *tenant.Jurisdiction) { j.Channel = tenant.Open311 }, "/channel"},
		{"mail to nobody", func(j *tenant.Jurisdiction) { j.Email = "" }, "/email"},
		{"mail to a word", func(j *tenant.Jurisdiction) { j.Email = "gatukontoret" }, "/email"},
		{"mail to two", func(j *tenant.Jurisdiction) { j.Email = "a@b.example, c@d.example" }, "/email"},
		{"mail to a name", func(j *tenant.Jurisdiction) { j.Email = "Gata <a@b.example>" }, "/email"},
		{"an address that waits for its channel", func(j *tenant.Jurisdiction) { j.Channel, j.Email = tenant.Web, "gata" }, "/email"},
		{"a contact of 1001 letters", func(j *tenant.Jurisdiction) { j.Contact = strings.Repeat("ö", 1001) }, "/contact"},
		{"a contact that rings a bell", func(j *tenant.Jurisdiction) { j.Contact = "ring\a" }, "/contact"},
		{"an alias in capitals", func(j *tenant.Jurisdiction) { j.Aliases = []string{"Sundsvall.se"} }, "/aliases"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := good
			tt.spoil(&j)
			_, err := s.Put(t.Context(), j)
			p := problem.As(err)
			if p == nil || p.Kind != problem.Invalid || !slices.ContainsFunc(p.Fields, func(f problem.FieldError) bool { return f.Field == tt.field }) {
				t.Errorf("%v, want a fault of %s", err, tt.field)
			}
		})
	}
}
