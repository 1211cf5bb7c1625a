package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const server = "TEST_POSTGRES_URL=postgres://u:p@db.invalid/x"
	tests := []struct {
		name string
		args []string
		code int
		out  string
	}{
		{"the exit code is the command's", []string{"--", "sh", "-c", "exit 7"}, 7, ""},
		{"a signal's is the shell's", []string{"--", "sh", "-c", "kill -TERM $$"}, 143, ""},
		{"a server that is given is handed on", []string{"--", "sh", "-c", "echo $TEST_POSTGRES_URL"}, 0, "postgres://u:p@db.invalid/x\n"},
		{"the command's own flags are left to it", []string{"--", "echo", "-install"}, 0, "-install\n"},
		{"a command that is not there", []string{"--", "/no/such/command"}, exitNoStart, ""},
		{"no command", nil, exitUsage, ""},
		{"an unknown flag", []string{"-nonsense", "--", "true"}, exitUsage, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			env := append(os.Environ(), server)
			if code := run(tt.args, env, &stdout, &stderr); code != tt.code {
				t.Errorf("exit code %d, want %d (%s)", code, tt.code, &stderr)
			}
			if got := stdout.String(); got != tt.out {
				t.Errorf("printed %q, want %q", got, tt.out)
			}
		})
	}
}

func TestRunStartsAServer(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "TEST_POSTGRES_URL=") // set to nothing is not set
	var stdout, stderr bytes.Buffer
	code := run([]string{"-fsync=false", "--", "sh", "-c", "echo $TEST_POSTGRES_URL"}, env, &stdout, &stderr)
	if code == exitNoServer && os.Getenv("CI") == "" {
		t.Skip(stderr.String())
	}
	if code != 0 || !strings.HasPrefix(stdout.String(), "postgres://") {
		t.Errorf("exit code %d, address %q (%s)", code, &stdout, &stderr)
	}
}
