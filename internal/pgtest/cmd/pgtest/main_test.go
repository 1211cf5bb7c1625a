package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/pgtest"
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
			if code := run(tt.args, env, &stdout, &stderr, none); code != tt.code {
				t.Errorf("exit code %d, want %d (%s)", code, tt.code, &stderr)
			}
			if got := stdout.String(); got != tt.out {
				t.Errorf("printed %q, want %q", got, tt.out)
			}
		})
	}
}

// none is a machine without any way to a server; where one is given it is not asked.
func none(context.Context, pgtest.Options) (*pgtest.Server, error) { return nil, pgtest.ErrMissing }

func TestRunWithoutAServerSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run([]string{"-install", "--", "echo", "tested"}, []string{"TEST_POSTGRES_URL="}, &stdout, &stderr, none)
	if code != exitNoServer || stdout.Len() > 0 || !strings.Contains(stderr.String(), "pgtest: install PostgreSQL 15 or later") {
		t.Errorf("exit code %d, printed %q, said %q", code, &stdout, &stderr)
	}
}

func TestRunInsistsOnPostGISInCI(t *testing.T) {
	t.Parallel()
	for ci, want := range map[string]bool{"true": true, "1": true, "false": false, "": false} {
		var asked pgtest.Options
		ask := func(_ context.Context, o pgtest.Options) (*pgtest.Server, error) {
			asked = o
			return nil, pgtest.ErrMissing
		}
		if run([]string{"--", "true"}, []string{"CI=" + ci}, io.Discard, io.Discard, ask); asked.PostGIS != want {
			t.Errorf("CI=%s: insists %v, want %v", ci, asked.PostGIS, want)
		}
	}
}

func TestRunStartsAServer(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "TEST_POSTGRES_URL=") // set to nothing is not set
	var stdout, stderr bytes.Buffer
	code := run([]string{"-fsync=false", "--", "sh", "-c", "echo $TEST_POSTGRES_URL"}, env, &stdout, &stderr, pgtest.Start)
	if code == exitNoServer && os.Getenv("CI") == "" {
		t.Skip(stderr.String())
	}
	if code != 0 || !strings.HasPrefix(stdout.String(), "postgres://") {
		t.Errorf("exit code %d, address %q (%s)", code, &stdout, &stderr)
	}
}
