package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// settingsTable is the README's table, made from the tags of Config.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| variable | default | what |\n| --- | --- | --- |\n")
	for _, s := range settings() {
		def := s.Default
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Env, def, s.Help)
	}
	return b.String()
}

const (
	tableBegins = "<!-- settings -->\n"
	tableEnds   = "<!-- end of settings -->"
)

// With KANTSTEN_UPDATE=1 the test writes the table instead of comparing it.
func TestTheREADMEListsEverySetting(t *testing.T) {
	t.Parallel()
	const readme = "../../README.md"
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegins)
	_, after, closed := strings.Cut(rest, tableEnds)
	if !ok || !closed {
		t.Fatalf("README.md has no table between %q and %q", tableBegins, tableEnds)
	}
	want := before + tableBegins + "\n" + settingsTable() + "\n" + tableEnds + after
	if string(b) == want {
		return
	}
	if os.Getenv("KANTSTEN_UPDATE") == "" {
		t.Fatal("README.md does not list the settings as they are: run KANTSTEN_UPDATE=1 go test -run README ./cmd/kantsten")
	}
	if err := os.WriteFile(readme, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEverySettingIsAFlagWithAnExplanation(t *testing.T) {
	t.Parallel()
	for _, s := range settings() {
		if s.Help == "" || s.Flag == "" || "KANTSTEN_"+strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_")) != s.Env {
			t.Errorf("%+v", s)
		}
	}
}
