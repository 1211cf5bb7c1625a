package main_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fiveCalls is the mark in the README above the block of what a newcomer types
// into a second terminal.
const fiveCalls = "<!-- five calls -->"

// readmeCalls returns the block: what stands between the fences after the mark.
func readmeCalls(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatalf("the README is not there: %v", err)
	}
	block := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(fiveCalls) + "\\s*```[a-z]*\n(.*?)\n```").FindSubmatch(readme)
	if block == nil {
		t.Fatalf("the README has no fenced block after %s", fiveCalls)
	}
	return string(block[1])
}

// TestTheReadmesCallsWork types the README's calls into a shell, as they are
// printed but for the port: in a folder that has the demo's data and the
// sources, as after `make run`. The way of a report is to be seen in them.
func TestTheReadmesCallsWork(t *testing.T) {
	t.Parallel()
	calls := readmeCalls(t)
	if n := len(regexp.MustCompile(`(?m)(^|[ (|])curl `).FindAllString(calls, -1)); n < 5 {
		t.Fatalf("the README has %d calls of curl, want five:\n%s", n, calls)
	}
	const printed = "127.0.0.1:8311"
	if !strings.Contains(calls, printed) {
		t.Fatalf("the README's calls do not go to %s:\n%s", printed, calls)
	}
	p := newPlace(t, "")
	s := p.serve("--demo")
	folder := filepath.Dir(p.data) // where the data folder is ./data
	sources, err := filepath.Abs(filepath.Join("..", "..", "internal"))
	if err == nil {
		err = os.Symlink(sources, filepath.Join(folder, "internal"))
	}
	if err != nil {
		t.Fatal(err)
	}
	before := all(t, s, "2281")
	script := "set -euo pipefail\n" + strings.ReplaceAll(calls, printed, strings.TrimPrefix(s.base, "http://"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = folder
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	filedByReadme(t, s, before, string(said))
}

// filedByReadme looks for the report that the calls have filed, moved and read.
func filedByReadme(t *testing.T, s *server, before map[string]filed, said string) {
	t.Helper()
	var report filed
	for id, r := range all(t, s, "2281") {
		if _, old := before[id]; !old {
			report = r
		}
	}
	if report.Status != "fixed" || len(report.Photos) == 0 {
		t.Fatalf("the calls filed %+v, want a report with a photo that is fixed\n%s", report, said)
	}
	for _, shown := range []string{report.Reference, `"Sundsvall"`, "<service_requests>", "in-progress", "explanation"} {
		if !strings.Contains(said, shown) {
			t.Errorf("the calls do not show %q:\n%s", shown, said)
		}
	}
	var history struct {
		Updates []struct{ Status string }
	}
	s.api().WithTest(t).Get("/v1/reports/" + report.Reference + "/updates").Want(http.StatusOK).JSON(&history)
	var way []string
	for _, u := range history.Updates {
		if len(way) == 0 || way[len(way)-1] != u.Status {
			way = append(way, u.Status)
		}
	}
	if got := strings.Join(way, " "); got != "received in-progress fixed" {
		t.Errorf("the report went the way %q", got)
	}
}
