package catalog

import (
	"slices"
	"testing"
)

func TestKindred(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"pothole", "cycle-path", true},
		{"cycle-path", "bridge", true},
		{"litter", "bin", true},
		{"snow-ice", "winter-road", true},
		{"pothole", "other", true}, // who finds no better service takes this one
		{"ski-track", "other", true},
		{"pothole", "street-light", false}, // often beside each other, never the same
		{"graffiti", "bin", false},
		{"ski-track", "winter-road", false}, // nobody said so
		{"pothole", "pothole", false},       // the same, not kin
		{"other", "other", false},
		{"", "pothole", false},
	}
	for _, tt := range tests {
		t.Run(tt.a+" and "+tt.b, func(t *testing.T) {
			t.Parallel()
			if got, back := Kindred(tt.a, tt.b), Kindred(tt.b, tt.a); got != tt.want || back != got {
				t.Errorf("Kindred = %v, the other way %v, want %v", got, back, tt.want)
			}
		})
	}
}

func TestKinshipNamesServicesOfTheBaseCatalogueOnce(t *testing.T) {
	t.Parallel()
	seen := map[[2]string]bool{}
	for _, pair := range kinship {
		for _, code := range pair {
			if _, ok := Base().Service(code); !ok || code == anything {
				t.Errorf("%v: no such service, or kin to all anyway: %q", pair, code)
			}
		}
		sorted := [2]string(slices.Sorted(slices.Values(pair[:])))
		if seen[sorted] {
			t.Errorf("%v stands there twice", pair)
		}
		seen[sorted] = true
	}
}
