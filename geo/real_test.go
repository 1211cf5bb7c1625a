package geo

import (
	"testing"
)

// Points so near a border may go either way: the reference keeps coordinates
// as they are, the index rounds them to 1.1 cm.
const roundingMetres = 0.02

func TestOwnerAgreesWithGEOS(t *testing.T) {
	t.Parallel()
	index, report := detailedIndex(t)
	t.Logf("%+v", *report)
	points := goldenPoints(t)
	near, overlapped := 0, 0
	for _, p := range points {
		got := ""
		area, ok := index.Owner(p.at[0], p.at[1])
		if ok {
			got, _ = index.Area(area)
		}
		if got == p.code {
			continue
		}
		loc := index.Locate(p.at, 0)
		holders := index.holders(p.at[0], p.at[1], nil)
		switch {
		case len(holders) > 1:
			overlapped++
			t.Logf("in an overlap: %v: %q, reference %q", p.at, got, p.code)
		case loc.BorderMetres < roundingMetres:
			near++
			t.Logf("%.4f m from a border: %v: %q, reference %q", loc.BorderMetres, p.at, got, p.code)
		default:
			t.Errorf("%v, %.3f m from a border: owner %q, reference %q", p.at, loc.BorderMetres, got, p.code)
		}
	}
	t.Logf("%d points: %d differ within %v m of a border, %d in an overlap", len(points), near, roundingMetres, overlapped)
	if len(points) != 62501 {
		t.Errorf("%d points read, want 62501", len(points))
	}
}
