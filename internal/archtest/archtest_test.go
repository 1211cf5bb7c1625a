package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list -json` says about a package; import paths are in full.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string // of what is built, without tests
}

// path is the package's path in the module.
func (p pkg) path() string { return inModule(p.ImportPath) }

// inModule is an import path without the module in front.
func inModule(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// ours reports whether an import path belongs to the project.
func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// goTool returns what a go command prints, with more in its environment.
func goTool(t *testing.T, environment []string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(cmd.Environ(), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out
}

// packages lists the project's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	out := goTool(t, nil, "list", "-tags", "nomsgpack,nodynamic,timetzdata", "-json=ImportPath,Dir,GoFiles,Imports", module+"/...")
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		t.Fatal("go list found no packages")
	}
	return all
}

func TestEveryPackageImportsWhatItMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, fault := range importFaults(p) {
			t.Error(fault)
		}
	}
}

// importFaults lists where a package breaks the rules about the project's own
// packages.
func importFaults(p pkg) []string {
	r, known := rules[p.path()]
	if !known {
		return []string{p.path() + " is not in the list: add it with what it may import and why"}
	}
	var faults []string
	for _, imported := range p.Imports {
		if !ours(imported) {
			continue
		}
		to := inModule(imported)
		if !slices.Contains(r.may, to) {
			faults = append(faults, p.path()+" must not import "+to+" ("+p.path()+": "+r.why+")")
		}
		if rules[to].testsOnly && !r.testsOnly {
			faults = append(faults, p.path()+" is built into the program and must not import "+to+", which is for tests")
		}
	}
	return faults
}

func TestTechnologiesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, fault := range placeFaults(p) {
			t.Error(fault)
		}
	}
}

// placeFaults lists where a package uses a technology that lives elsewhere.
func placeFaults(p pkg) []string {
	var faults []string
	for _, imported := range p.Imports {
		for _, pl := range places {
			if pl.covers(imported) && !slices.Contains(pl.only, p.path()) {
				faults = append(faults, p.path()+" must not import "+imported+": "+pl.why)
			}
		}
		if slices.Contains(technologyFree, p.path()) && (imported == "net/http" || strings.HasPrefix(imported, "net/http/")) {
			faults = append(faults, p.path()+" must not import "+imported+": the domain knows no HTTP")
		}
	}
	return faults
}

// covers reports whether the rule is about an import path.
func (pl place) covers(importPath string) bool {
	if below, ok := strings.CutSuffix(pl.what, "…"); ok {
		return strings.HasPrefix(importPath, below)
	}
	return importPath == pl.what
}

// TestRulesAreAboutPackagesInTheList keeps a misspelt name from allowing
// nothing, or from allowing more than was meant.
func TestRulesAreAboutPackagesInTheList(t *testing.T) {
	t.Parallel()
	check := func(where string, names []string) {
		for _, name := range names {
			if _, ok := rules[name]; !ok {
				t.Errorf("%s names %s, which is not in the list", where, name)
			}
		}
	}
	for name, r := range rules {
		check(name, r.may)
		if r.why == "" {
			t.Errorf("%s does not say why", name)
		}
		if slices.Contains(r.may, "internal/store") && name != "cmd/kantsten" && !r.testsOnly {
			t.Errorf("%s may import internal/store, which only cmd and tests may", name)
		}
	}
	for _, pl := range places {
		check(pl.what, pl.only)
	}
	check("technologyFree", technologyFree)
}

// TestRulesCatch shows the rules what they are there to refuse.
func TestRulesCatch(t *testing.T) {
	t.Parallel()
	tests := []struct{ from, imported string }{
		{"internal/helpers", module + "/internal/problem"}, // not in the list at all
		{"api", module + "/internal/store"},
		{"internal/report", module + "/internal/notify"},
		{"internal/report", "github.com/gin-gonic/gin"},
		{"internal/report", "net/http"},
		{"internal/open311", "github.com/gin-gonic/gin/binding"},
		{"api", "database/sql"},
		{"internal/store", module + "/internal/pgtest"},
		{"internal/photo", "image/gif"},
		{"api", "golang.org/x/image/webp"},
		{"internal/notify", "github.com/disintegration/imaging"},
		{"cmd/kantsten", "github.com/jackc/pgx/v5/stdlib"},
		{"geo", module + "/internal/problem"},
		{"geo/geopackage", "modernc.org/sqlite"},
		{"geo/postgis", "github.com/jackc/pgx/v5/stdlib"},
	}
	for _, tt := range tests {
		p := pkg{ImportPath: module + "/" + tt.from, Imports: []string{tt.imported}}
		if len(importFaults(p))+len(placeFaults(p)) == 0 {
			t.Errorf("%s may import %s", tt.from, tt.imported)
		}
	}
}
