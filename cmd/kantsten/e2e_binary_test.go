package main_test

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheProgramStandsAlone: the final image has no C library, no linker and no
// time zones beside it.
func TestTheProgramStandsAlone(t *testing.T) {
	t.Parallel()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	how := map[string]string{}
	for _, s := range info.Settings {
		how[s.Key] = s.Value
	}
	if tags := strings.Split(how["-tags"], ","); !slices.Contains(tags, "timetzdata") || how["CGO_ENABLED"] != "0" {
		t.Errorf("built with the tags %q and CGO_ENABLED=%q, want timetzdata and 0", how["-tags"], how["CGO_ENABLED"])
	}
	if how["GOOS"] != "linux" {
		return // static by ELF is what the image needs, which is Linux
	}
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment %v: it is not static", part.Type)
		}
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program needs the libraries %q; %v", libraries, err)
	}
}

// TestWhatIsShippedIsBuiltAsTested keeps the two recipes at the flags of [built].
func TestWhatIsShippedIsBuiltAsTested(t *testing.T) {
	t.Parallel()
	recipe := regexp.MustCompile(`CGO_ENABLED=0 go build -tags (nomsgpack,nodynamic|\$\(TAGS\)),timetzdata `)
	for _, path := range []string{"../../Makefile", "../../Dockerfile"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !recipe.Match(b) {
			t.Errorf("%s does not build the program without C and with the time zones", path)
		}
	}
}
