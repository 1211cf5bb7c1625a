package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build makes the program as the Makefile does.
func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "nomsgpack,nodynamic,timetzdata", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/kantsten")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the program: %w", err)
	}
	return nil
}

// site is an installation of the program: its data folder and its database.
type site struct {
	program string
	data    string
	url     string // of PostgreSQL; empty for SQLite in the data folder
	metrics string // address that serves them; empty for none
}

// file is the path of the site's SQLite database.
func (s site) file() string { return filepath.Join(s.data, "kantsten.db") }

func (s site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(os.Environ(), "KANTSTEN_DATA="+s.data, "KANTSTEN_DATABASE_URL="+s.url, "KANTSTEN_METRICS_ADDR="+cmp.Or(s.metrics, "off"), "KANTSTEN_EGRESS_ALLOW=127.0.0.0/8")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// run runs one command of the program to its end.
func (s site) run(ctx context.Context, args ...string) error {
	_, err := s.output(ctx, args...)
	return err
}

// output runs one command and returns what it says.
func (s site) output(ctx context.Context, args ...string) ([]byte, error) {
	out, err := s.command(ctx, args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("kantsten %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

// process is the program while it serves.
type process struct {
	addr string
	cmd  *exec.Cmd
	log  *os.File
	ends context.CancelFunc
}

// serve starts the program and returns when it answers where a position lies.
func (s site) serve(ctx context.Context) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(s.data, "log"))
	if err != nil {
		return nil, fmt.Errorf("make the program's log: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{addr: addr, cmd: s.command(ctx, "serve", "--addr", addr), log: out, ends: cancel}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("start the program: %w", err), out.Close())
	}
	if err := p.answers(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// answers waits for the first answer to a position.
func (p *process) answers(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		c, err := connect(ctx, p.addr)
		if err == nil {
			_, err = c.roundTrip(get("/v1/locate?lat=62.3908&lon=17.3069"), 200)
			_ = c.conn.Close() // nothing is on its way
		}
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("wait for the program's first answer (%s): %w", p.log.Name(), err)
		}
		time.Sleep(time.Millisecond)
	}
}

// stop ends the program in its own way and waits for that.
func (p *process) stop() error {
	p.ends()
	err := p.cmd.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // it ended because we asked it to
	}
	return errors.Join(err, p.log.Close())
}

// memory reads a line of /proc/PID/status, such as RssAnon, in MiB.
func (p *process) memory(name string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the program's memory: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == name+":" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("read the program's memory: no %s in /proc: %w", name, errors.Join(lines.Err()))
}

// processorTime is what the program has used of the processors since its start.
func (p *process) processorTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the program's processor time: %w", err)
	}
	// Behind the name in brackets comes the third field; proc(5) numbers them.
	const user, system, first, ticks = 14, 15, 3, 100 // clock ticks a second, on Linux wherever Go runs
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var total int
	for _, field := range []int{user, system} {
		n, err := strconv.Atoi(fields[field-first])
		if err != nil {
			return 0, fmt.Errorf("read the program's processor time: %w", err)
		}
		total += n
	}
	return time.Duration(total) * time.Second / ticks, nil
}

// freeAddr is a loopback address that nobody listened on a moment ago.
func freeAddr(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
