// Pgtest runs a command with a PostgreSQL for tests.
//
//	pgtest [-install] [-fsync=false] -- COMMAND ARGS…
//
// It starts a throw-away server, sets TEST_POSTGRES_URL for the command, and
// removes the server when the command ends. Where TEST_POSTGRES_URL is set
// already, that server is used and left alone. Signals go on to the command,
// and its exit code is ours: 128 + n where signal n ended it, 125 where there
// is no server to be had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kantsten/kantsten/internal/pgtest"
)

// The exit codes for failures of our own, apart from those of most commands.
const (
	exitUsage    = 2
	exitNoServer = 125
	exitNoStart  = 127
)

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args, env []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("pgtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	install := flags.Bool("install", false, "let apt-get install PostgreSQL where it is missing and we are root")
	fsync := flags.Bool("fsync", true, "write durably; without it tests are faster on slow disks and prove less")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: pgtest [-install] [-fsync=false] -- COMMAND ARGS…")
		return exitUsage
	}
	// From here on a signal is the command's affair; ours is to outlive it.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	if !has(env, pgtest.EnvURL) {
		s, err := pgtest.Start(context.Background(), pgtest.Options{Install: *install, NoFsync: !*fsync, Log: stderr})
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "pgtest:", err)
			return exitNoServer
		}
		defer func() {
			if err := s.Stop(); err != nil {
				_, _ = fmt.Fprintln(stderr, "pgtest:", err)
			}
		}()
		env = append(env, pgtest.EnvURL+"="+s.URL())
	}
	cmd := exec.CommandContext(context.Background(), flags.Arg(0), flags.Args()[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, stdout, stderr
	return wait(cmd, signals, stderr)
}

// has reports whether env sets name to something.
func has(env []string, name string) bool {
	set := false
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			set = v != ""
		}
	}
	return set
}

// wait runs cmd, passes signals on to it, and returns its exit code.
func wait(cmd *exec.Cmd, signals <-chan os.Signal, stderr io.Writer) int {
	if err := cmd.Start(); err != nil {
		_, _ = fmt.Fprintln(stderr, "pgtest:", err)
		return exitNoStart
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // it may have ended meanwhile
		case err := <-done:
			return exitCode(err)
		}
	}
}

// exitCode is the command's exit code, in the shell's way for signals.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var e *exec.ExitError
	if !errors.As(err, &e) {
		return 1
	}
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return e.ExitCode()
}
