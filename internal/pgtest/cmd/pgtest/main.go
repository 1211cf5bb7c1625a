// Pgtest runs a command with a PostgreSQL for tests.
//
//	pgtest [-install] [-postgis] [-fsync=false] -- COMMAND ARGS…
//
// It starts a throw-away server, sets TEST_POSTGRES_URL for the command, and
// removes the server when the command ends. Where TEST_POSTGRES_URL is set
// already, that server is used and left alone. With -install it installs what is
// missing, PostGIS too, where it can. With -postgis, and for its own server where
// CI is true, there is no server without PostGIS. Signals go on to the command,
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
	"strconv"
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
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, pgtest.Start))
}

// starter starts a server, as pgtest.Start does.
type starter func(context.Context, pgtest.Options) (*pgtest.Server, error)

// run is main with its surroundings as arguments; it returns the exit code.
func run(args, env []string, stdout, stderr io.Writer, start starter) int {
	flags := flag.NewFlagSet("pgtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	install := flags.Bool("install", false, "let apt-get install PostgreSQL where it is missing and we are root")
	postgis := flags.Bool("postgis", false, "insist on PostGIS, which -install may install too")
	fsync := flags.Bool("fsync", true, "write durably; without it tests are faster on slow disks and prove less")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: pgtest [-install] [-postgis] [-fsync=false] -- COMMAND ARGS…")
		return exitUsage
	}
	// From here on a signal is the command's affair; ours is to outlive it.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	o := pgtest.Options{Install: *install, NoFsync: !*fsync, PostGIS: *postgis, Log: stderr}
	env, stop, err := withServer(env, o, start)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "pgtest:", err)
		return exitNoServer
	}
	defer func() {
		if err := stop(); err != nil {
			_, _ = fmt.Fprintln(stderr, "pgtest:", err)
		}
	}()
	cmd := exec.CommandContext(context.Background(), flags.Arg(0), flags.Args()[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, stdout, stderr
	return wait(cmd, signals, stderr)
}

// withServer returns env with the address of a server, which is started unless
// env has one, and what stops it.
func withServer(env []string, o pgtest.Options, start starter) (_ []string, stop func() error, err error) {
	ctx := context.Background()
	stop = func() error { return nil }
	address := value(env, pgtest.EnvURL)
	given := address != ""
	if !given {
		if ci, err := strconv.ParseBool(value(env, "CI")); err == nil && ci {
			o.PostGIS = true // a run that must not pass untested
		}
		s, err := start(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		address, stop = s.URL(), s.Stop
		env = append(env, pgtest.EnvURL+"="+address)
	}
	if o.PostGIS {
		env = append(env, pgtest.EnvPostGIS+"=1")
	}
	if o.PostGIS || !given {
		if err := pgtest.ProvidePostGIS(ctx, address, o); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
	}
	return env, stop, nil
}

// value is what env sets name to; the last one counts.
func value(env []string, name string) (set string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			set = v
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
