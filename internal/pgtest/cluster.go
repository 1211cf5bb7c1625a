package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// startAttempts is how often a start is tried: between finding a free port and
// taking it, somebody else may have taken it.
const startAttempts = 3

// stopCluster stops the cluster in folder $2 by the pid file in it and removes
// the folder. Nothing of it is kept, so it need not shut down tidily.
const stopCluster = `"$1/pg_ctl" stop -D "$2/data" -m immediate -s; rm -rf "$2"`

// cluster is a data folder with its server.
type cluster struct {
	bin      string              // folder of initdb and pg_ctl
	dir      string              // holds data, socket and log
	as       *syscall.Credential // who owns and runs it; nil for ourselves
	password string
}

// startCluster makes a cluster in a new temporary folder and starts it.
func startCluster(ctx context.Context, bin string, o Options) (*Server, error) {
	c := cluster{bin: bin, password: rand.Text()}
	var err error
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := c.makeDir(); err != nil {
		return nil, err
	}
	g, err := startGuard(ctx, c.as, stopCluster, c.bin, c.dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	port, err := c.start(ctx, o)
	if err != nil {
		// That nothing could be stopped is no news after a failed start.
		_ = g.release()
		return nil, err
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/postgres",
		RawQuery: "sslmode=disable",
	}
	o.say("started PostgreSQL of %s on port %d", bin, port)
	return &Server{url: u.String(), guard: g}, nil
}

// makeDir makes the cluster's folder and gives it to whoever runs the server.
func (c *cluster) makeDir() error {
	base := os.TempDir()
	if c.as != nil {
		base = "/tmp" // root's own TMPDIR may be closed to others
	}
	dir, err := os.MkdirTemp(base, "kantsten-pg-")
	if err != nil {
		return fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	c.dir = dir
	// initdb reads the password from a file: it could not open a pipe of ours
	// once it is another user.
	if err := os.WriteFile(c.passwordFile(), []byte(c.password+"\n"), 0o600); err != nil {
		return errors.Join(fmt.Errorf("write the password for PostgreSQL: %w", err), os.RemoveAll(dir))
	}
	if c.as == nil {
		return nil
	}
	for _, path := range []string{c.passwordFile(), dir} {
		if err := os.Chown(path, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return errors.Join(fmt.Errorf("give %s to the user postgres: %w", path, err), os.RemoveAll(dir))
		}
	}
	return nil
}

func (c *cluster) passwordFile() string { return filepath.Join(c.dir, "password") }

// start runs initdb and then the server, and returns its port. A password is
// set because the port is open to every user of this machine, and a PostgreSQL
// superuser can run programs.
func (c *cluster) start(ctx context.Context, o Options) (port int, err error) {
	initdb := c.command(ctx, "initdb", "--pgdata", filepath.Join(c.dir, "data"), "--username", "postgres",
		"--auth", "scram-sha-256", "--pwfile", c.passwordFile(), "--encoding", "UTF8", "--locale", locale(), "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("make a PostgreSQL cluster in %s: %w\n%s", c.dir, err, out)
	}
	for range startAttempts {
		if port, err = freePort(ctx); err != nil {
			return 0, err
		}
		if err = c.serve(ctx, port, o); err == nil {
			return port, nil
		}
	}
	return 0, err
}

// serve starts the server on port and returns once it answers.
func (c *cluster) serve(ctx context.Context, port int, o Options) error {
	options := []string{"-h 127.0.0.1", "-p " + strconv.Itoa(port), "-k " + c.dir}
	for _, s := range o.settings() {
		options = append(options, "-c "+s)
	}
	log := filepath.Join(c.dir, "log")
	out, err := c.command(ctx, "pg_ctl", "start", "-D", filepath.Join(c.dir, "data"), "-l", log,
		"-o", strings.Join(options, " "), "-w", "-t", "120", "-s").CombinedOutput()
	if err != nil {
		reason, _ := os.ReadFile(log)
		return fmt.Errorf("start PostgreSQL of %s: %w\n%s%s", c.bin, err, out, reason)
	}
	return nil
}

// command is a PostgreSQL program as the user who runs the cluster, apart from
// our terminal.
func (c *cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C") // messages in English
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setsid: true}
	return cmd
}

// unprivileged is who runs the server: nil, that is ourselves, except for root,
// whom PostgreSQL refuses. Then it is the user postgres, which comes with the
// Debian package.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("find the user to run PostgreSQL as, because it refuses root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the id of the user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of the user postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// locale is one by which text sorts by code point and that every such system has.
func locale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "C"
}

// freePort is a loopback port that nobody listened on a moment ago.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %v is no TCP address", l.Addr())
	}
	return addr.Port, nil
}
