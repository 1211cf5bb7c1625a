package migrations_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/migrations"
)

// hashes holds "sha256  name" for every step, as sha256sum prints it.
//
//go:embed hashes.txt
var hashes string

// A database somewhere has run the step as it was released: another text under
// the same name would leave that database with another schema, unnoticed. What
// has to change is a new step.
func TestAReleasedStepIsNeverChanged(t *testing.T) {
	t.Parallel()
	listed := map[string]string{}
	for line := range strings.Lines(hashes) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || listed[name] != "" {
			t.Fatalf("hashes.txt: %q is not a hash and a name that stands there once", line)
		}
		listed[name] = sum
	}
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		data, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != listed[name] {
			t.Errorf("%s has the hash %s, and %q in hashes.txt", name, got, listed[name])
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("%s stands in hashes.txt and is gone", name)
	}
}
