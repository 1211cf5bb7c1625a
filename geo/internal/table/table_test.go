package table

import (
	"testing"
	"time"

	"github.com/kantsten/kantsten/geo"
)

// What a database is needed for is tested by the readers, on real ones.

func TestPropertyOfWhateverADriverGives(t *testing.T) {
	t.Parallel()
	code := Column{Name: "code"}
	tests := []struct {
		rule   string
		column Column
		value  any
		want   geo.Property
	}{
		{"text", code, "0114", geo.Property{Name: "code", Value: "0114"}},
		{"text as bytes", code, []byte("0114"), geo.Property{Name: "code", Value: "0114"}},
		{"a number", code, int64(-114), geo.Property{Name: "code", Value: "-114", Numeric: true}},
		{"a number with a fraction, without an exponent", code, 1e21, geo.Property{Name: "code", Value: "1000000000000000000000", Numeric: true}},
		{"a number that was selected as text", Column{"code", true}, "114", geo.Property{Name: "code", Value: "114", Numeric: true}},
		{"NULL has no value", code, nil, geo.Property{Name: "code"}},
		{"nor has a time", code, time.Time{}, geo.Property{Name: "code"}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := property(tt.column, tt.value); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestQuoteLetsNothingOut(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a": `"a"`, `"`: `""""`, `a"; DROP TABLE b; --`: `"a""; DROP TABLE b; --"`, "": `""`} {
		if got := Quote(name); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
