package pgtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string
		want int // 0: refused
	}{
		{"postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", 15},
		{"postgres (PostgreSQL) 18beta1\n", 18},
		{"postgres (PostgreSQL) 9.6.24\n", 9}, // the major version was 9.6, and is too old either way
		{"postgres (EnterpriseDB) 15.1\n", 0},
		{"postgres (PostgreSQL) 99999999999999999999.1\n", 0},
		{"bash: postgres: command not found", 0},
		{"", 0},
	}
	for _, tt := range tests {
		got, err := parseVersion(tt.line)
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("parseVersion(%q) = %d, %v; want %d", tt.line, got, err, tt.want)
		}
	}
}

// installation makes a folder of programs that say they are of a version.
func installation(t *testing.T, dir, version string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewestInstallationIsTaken(t *testing.T) {
	t.Parallel()
	all := []string{"postgres", "initdb", "pg_ctl"}
	root := t.TempDir()
	installation(t, filepath.Join(root, "9.6/bin"), "9.6.24", all...) // newer by its name alone
	installation(t, filepath.Join(root, "15/bin"), "15.2", all...)
	installation(t, filepath.Join(root, "17/bin"), "17.1", all...)
	installation(t, filepath.Join(root, "18/bin"), "18.0", "postgres") // a server without the rest
	got, err := newest(t.Context(), []string{filepath.Join(root, "*/bin")})
	if want := filepath.Join(root, "17/bin"); err != nil || got != want {
		t.Errorf("newest = %q, %v; want %q", got, err, want)
	}
}

func TestOldInstallationsAreNotTaken(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	installation(t, filepath.Join(root, "14/bin"), "14.9", "postgres", "initdb", "pg_ctl")
	got, err := newest(t.Context(), []string{filepath.Join(root, "*/bin")})
	if err == nil || !strings.Contains(err.Error(), "15 or later") {
		t.Errorf("newest = %q, %v; want an error that names the oldest version", got, err)
	}
}
