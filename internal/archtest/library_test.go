package archtest

import (
	"slices"
	"strings"
	"testing"
)

// library is the public library: this package and all below it.
const library = "geo"

// libraryMay are the modules that it may need beside the standard library, and
// that whoever uses it alone has to take, too. Its readers of databases take a
// *sql.DB, so that the driver is their user's choice.
var libraryMay = []string{module + "/" + library, "github.com/paulmach/orb", "github.com/twpayne/go-geom"}

// TestTheLibraryStandsAlone asks for what is built, by whatever way it is
// imported, on systems that differ in which files they build.
func TestTheLibraryStandsAlone(t *testing.T) {
	t.Parallel()
	for _, system := range []string{"linux", "darwin", "freebsd", "windows", "plan9"} {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			all := string(goTool(t, []string{"GOOS=" + system, "GOARCH=amd64", "CGO_ENABLED=0"}, "list", "-deps", module+"/"+library+"/..."))
			needed := strings.Fields(all)
			if !slices.Contains(needed, module+"/"+library) || !slices.Contains(needed, "database/sql") {
				t.Fatalf("go list has not found the library, but %q", needed)
			}
			for _, importPath := range needed {
				if !libraryMayNeed(importPath) {
					t.Errorf("%s needs %s: a public library must not bring more than it has to", library, importPath)
				}
			}
		})
	}
}

// libraryMayNeed reports whether the library may need a package. Import paths
// without a point in the first part are those of the standard library.
func libraryMayNeed(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".") || slices.ContainsFunc(libraryMay, func(may string) bool {
		return importPath == may || strings.HasPrefix(importPath, may+"/")
	})
}

// TestLibraryRuleCatches shows the rule what it is there to refuse.
func TestLibraryRuleCatches(t *testing.T) {
	t.Parallel()
	for importPath, may := range map[string]bool{
		"syscall":                               true,
		"database/sql":                          true,
		"vendor/golang.org/x/crypto/cryptobyte": true, // the standard library's own copy
		"github.com/paulmach/orb/simplify":      true,
		"github.com/twpayne/go-geom":            true,
		module + "/geo/sweref":                  true,

		"golang.org/x/sys/unix":              false,
		"golang.org/x/text/encoding/charmap": false,
		"modernc.org/sqlite":                 false,
		"github.com/jackc/pgx/v5/stdlib":     false,
		"github.com/paulmach/orbital":        false,
		module + "/internal/problem":         false,
		module + "/geometry":                 false,
	} {
		if got := libraryMayNeed(importPath); got != may {
			t.Errorf("may the library need %s? %v, want %v", importPath, got, may)
		}
	}
}
