package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed vips/three.c
var vipsSource []byte

// errNoVips says what is missing for the comparison with libvips.
var errNoVips = errors.New("libvips is not installed here (Debian: apt-get install gcc libvips-dev), so nothing is compared with it")

// buildVips compiles the program that does the photos' work with libvips.
func buildVips(ctx context.Context, dir string) (path string, err error) {
	flags, err := exec.CommandContext(ctx, "pkg-config", "--cflags", "--libs", "vips").Output()
	if err != nil {
		return "", errNoVips
	}
	source, path := filepath.Join(dir, "three.c"), filepath.Join(dir, "three")
	if err := os.WriteFile(source, vipsSource, 0o600); err != nil {
		return "", fmt.Errorf("write the program for libvips: %w", err)
	}
	args := append([]string{"-O2", "-o", path, source}, strings.Fields(string(flags))...)
	cmd := exec.CommandContext(ctx, "gcc", args...) // #nosec G204 -- pkg-config's flags
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %w\n%s", errNoVips, err, out)
	}
	return path, nil
}

// vipsProcess is that program, on one thread, waiting to be asked.
type vipsProcess struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	made int
}

func startVips(ctx context.Context, program, photo string) (*vipsProcess, error) {
	cmd := exec.CommandContext(ctx, program, photo) // #nosec G204 -- what buildVips made
	cmd.Env = append(os.Environ(), "VIPS_CONCURRENCY=1")
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start libvips: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start libvips: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start libvips: %w", err)
	}
	return &vipsProcess{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// once makes the renditions of one photo.
func (p *vipsProcess) once() error {
	p.made++
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return fmt.Errorf("ask libvips: %w", err)
	}
	if _, err := p.out.ReadString('\n'); err != nil {
		return fmt.Errorf("hear from libvips: %w", err)
	}
	return nil
}

func (p *vipsProcess) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// vipsPool is as many of them as work at once.
type vipsPool struct {
	all  []*vipsProcess
	free chan *vipsProcess
}

func startVipsPool(ctx context.Context, program, photo string, n int) (*vipsPool, error) {
	pool := &vipsPool{free: make(chan *vipsProcess, n)}
	for range n {
		p, err := startVips(ctx, program, photo)
		if err != nil {
			return nil, errors.Join(err, pool.stop())
		}
		pool.all = append(pool.all, p)
		pool.free <- p
	}
	return pool, nil
}

func (p *vipsPool) once(ctx context.Context, _ int) error {
	select {
	case one := <-p.free:
		defer func() { p.free <- one }()
		return one.once()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// processorTime is what the processes used in all; they must have been stopped.
func (p *vipsPool) processorTime() (total time.Duration) {
	for _, one := range p.all {
		total += one.cmd.ProcessState.UserTime() + one.cmd.ProcessState.SystemTime()
	}
	return total
}

// made counts the photos.
func (p *vipsPool) made() (n int) {
	for _, one := range p.all {
		n += one.made
	}
	return n
}

func (p *vipsPool) stop() error {
	var errs []error
	for _, one := range p.all {
		errs = append(errs, one.stop())
	}
	return errors.Join(errs...)
}
