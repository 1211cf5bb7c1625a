package main

import "testing"

// The name stands in answers to anybody.
func TestTheNameOfABoundarySourceHoldsNoKey(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"/srv/data/borders.geojson.gz":                        "borders.geojson.gz",
		"borders.geojson":                                     "borders.geojson",
		"https://example.org/v1/borders.json?key=secret":      "borders.json",
		"https://name:secret@example.org:8443/?token=secret":  "example.org",
		"https://example.org/borders.json#access=secret":      "borders.json",
		"https://name:secret@example.org":                     "example.org",
		"https://example.org/collections/municipality/items/": "items",
	} {
		if got := sourceName(from); got != want {
			t.Errorf("sourceName(%q) = %q, want %q", from, got, want)
		}
	}
}
