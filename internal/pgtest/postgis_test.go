package pgtest

import (
	"bytes"
	"strings"
	"testing"
)

func TestMissingPostGISIsNoSkipWhereItIsRequired(t *testing.T) {
	t.Parallel()
	for required, fails := range map[string]bool{"1": true, "": false} {
		var v verdict
		noPostGIS(&v, required)
		said, other := v.skipped, v.failed
		if fails {
			said, other = other, said
		}
		if said != "PostGIS is not installed; `make check` installs it" || other != "" {
			t.Errorf("required %q: the test was ended with %q and %q", required, said, other)
		}
	}
}

// TestProvidePostGIS asks for it on whatever server there is: it is there, or it
// is said what to install.
func TestProvidePostGIS(t *testing.T) {
	t.Parallel()
	address := URL(t)
	there, err := postGISThere(t.Context(), open(t, address))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := ProvidePostGIS(t.Context(), address, Options{Log: &log}); err != nil {
		t.Errorf("it was not asked for, but: %v", err)
	}
	if said := strings.Contains(log.String(), "PostGIS is not installed"); said == there {
		t.Errorf("PostGIS there: %v, said %q", there, &log)
	}
	err = ProvidePostGIS(t.Context(), address, Options{PostGIS: true})
	if (err == nil) != there || err != nil && !strings.Contains(err.Error(), "apt-get install postgresql-") {
		t.Errorf("PostGIS there: %v, error %v", there, err)
	}
}
