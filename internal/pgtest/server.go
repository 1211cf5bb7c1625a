package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// Options says how to come by a server; the zero value takes what is there.
type Options struct {
	// NoFsync turns fsync, full-page writes and waiting for commits off: faster
	// on slow disks, and no proof of durability.
	NoFsync bool
	// Install allows apt-get to install PostgreSQL, which is done only as root
	// and only where no fit binaries are found.
	Install bool
	// PostGIS makes [ProvidePostGIS] fail where it is missing and not installed.
	PostGIS bool
	// Log is told in a line each what takes long; nil tells nobody.
	Log io.Writer
}

// say writes a line to the log, if there is one.
func (o Options) say(format string, args ...any) {
	if o.Log != nil {
		_, _ = fmt.Fprintf(o.Log, "pgtest: "+format+"\n", args...)
	}
}

// settings are the server parameters for tests: room for the pools of several
// test processes, and no replication, which only costs.
func (o Options) settings() []string {
	s := []string{
		"max_connections=200",
		"shared_buffers=128MB",
		"wal_level=minimal",
		"max_wal_senders=0",
		"max_wal_size=2GB",
		"log_checkpoints=off",
	}
	if o.NoFsync {
		s = append(s, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
	}
	return s
}

// Server is a running PostgreSQL that nobody else uses.
type Server struct {
	url   string
	guard *guard
}

// URL is the address of the server's own database, as a role that may create
// others. It carries a password made for this server.
func (s *Server) URL() string { return s.url }

// Stop ends the server and removes all that it stored.
func (s *Server) Stop() error { return s.guard.release() }

// Start starts a server: a cluster of this machine's binaries, which are
// installed if that is allowed and can be done, else a Docker container. The
// server ends with [Server.Stop] or with this process. ctx bounds the start only.
// Without any way to start one the error is [ErrMissing].
func Start(ctx context.Context, o Options) (*Server, error) {
	return thisMachine().start(ctx, o)
}

// machine is what is looked up and done to come by a server.
type machine struct {
	find       func(context.Context) (bin string, err error) // the folder of fit programs
	canInstall func() bool
	install    func(context.Context, Options) (bin string, err error)
	hasDocker  func(context.Context) bool
	cluster    func(context.Context, string, Options) (*Server, error)
	container  func(context.Context, Options) (*Server, error)
}

func thisMachine() machine {
	return machine{
		find: findBinaries, canInstall: canInstall, install: install, hasDocker: dockerWorks,
		cluster: startCluster, container: startDocker,
	}
}

// start tries the ways to a server in their order.
func (m machine) start(ctx context.Context, o Options) (*Server, error) {
	bin, err := m.find(ctx)
	if err != nil && o.Install && m.canInstall() {
		if bin, err = m.install(ctx, o); err != nil {
			o.say("%v", err)
		}
	}
	if err == nil {
		return m.cluster(ctx, bin, o)
	}
	if !m.hasDocker(ctx) {
		return nil, ErrMissing
	}
	return m.container(ctx, o)
}

// ErrMissing is the sentence for whoever has to install something.
var ErrMissing = errors.New("install PostgreSQL 15 or later (Debian and Ubuntu: apt-get install postgresql; " +
	"Fedora: dnf install postgresql-server; macOS: brew install postgresql), or start Docker, or set " +
	EnvURL + " to postgres://user:password@host:port/database of a role that may create databases")

// guard is a process that runs a shell script once this process has let go of
// it or is gone. It holds the reading end of a pipe whose only writing end is
// ours; Go opens it close-on-exec, so no other child keeps it open.
type guard struct {
	cmd *exec.Cmd
	in  io.Closer
}

// startGuard starts a guard for script, whose arguments are $1, $2, …. It gets
// a session of its own, so that an interrupt typed at the terminal, which ends
// the tests, does not end it before its work is done.
func startGuard(ctx context.Context, as *syscall.Credential, script string, args ...string) (*guard, error) {
	args = append([]string{"-c", "read -r _; " + script, "guard"}, args...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "sh", args...)
	cmd.Dir = "/" // the current folder may be closed to the other user
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server's guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server's guard: %w", err)
	}
	return &guard{cmd: cmd, in: in}, nil
}

// release lets the guard do its work and waits for it.
func (g *guard) release() error {
	if err := g.in.Close(); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	return nil
}
