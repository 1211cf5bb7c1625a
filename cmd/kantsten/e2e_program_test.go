// Tests of the built program: they start it as a process, as an operator does,
// and talk to it by HTTP, signals and commands only.
package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/pgtest"
)

// patience bounds every wait. It is long because many tests share few
// processors, and no test measures anything by it.
const patience = 2 * time.Minute

// buildDir holds the built program; TestMain makes and removes it.
var buildDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kantsten-built-")
	if err != nil {
		log.Fatalf("make a folder for the program: %v", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	buildDir = dir
	m.Run() // the exit code is kept by the testing package
}

// built is the program as `make build` makes it, without the race detector:
// once for all tests, and not at all where none asks.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "kantsten")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-tags", "nomsgpack,nodynamic,timetzdata", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

// place is where a program keeps what it knows: a data folder and, unless that
// holds the database too, a PostgreSQL. It outlives the processes on it.
type place struct {
	t    testing.TB
	data string
	env  []string
}

// newPlace makes an empty place; databaseURL is "" for SQLite.
func newPlace(t testing.TB, databaseURL string, env ...string) *place {
	t.Helper()
	p := &place{t: t, data: filepath.Join(t.TempDir(), "data"), env: env}
	if databaseURL != "" {
		p.env = append(p.env, "KANTSTEN_DATABASE_URL="+databaseURL)
	}
	return p
}

// onEachDatabase runs a test on an empty SQLite and on an empty PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.URL(t))
	})
}

// program prepares a call of the program; settings of whoever runs the tests
// stay outside.
func (p *place) program(ctx context.Context, args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := built()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(cmd.Env, "KANTSTEN_DATA="+p.data, "KANTSTEN_METRICS_ADDR=off")
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "KANTSTEN_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// outcome is what a command leaves.
type outcome struct {
	code           int
	stdout, stderr string
}

// call runs a command to its end.
func (p *place) call(args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := p.program(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		p.t.Fatalf("kantsten %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// do runs a command that has to succeed, and returns what it prints.
func (p *place) do(args ...string) string {
	p.t.Helper()
	got := p.call(args...)
	if got.code != 0 {
		p.t.Fatalf("kantsten %s: exit code %d\n%s%s", strings.Join(args, " "), got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// server is a running process.
type server struct {
	t    testing.TB
	base string
	cmd  *exec.Cmd
	said *transcript
	done chan struct{} // closed when the process has ended
}

// serve starts the program on a free port and waits until it is ready. When the
// test ends, so does the process.
func (p *place) serve(flags ...string) *server {
	p.t.Helper()
	return p.serveAt(freeAddr(p.t), flags...)
}

func (p *place) serveAt(addr string, flags ...string) *server {
	p.t.Helper()
	s := p.start(addr, flags...)
	eventually(p.t, "the program is ready", func() bool {
		if s.ended() {
			p.t.Fatalf("the program ended before it was ready, exit code %d:\n%s", s.cmd.ProcessState.ExitCode(), s.said)
		}
		status, _ := s.get("/readyz")
		return status == http.StatusOK
	})
	return s
}

// start starts the program and does not wait.
func (p *place) start(addr string, flags ...string) *server {
	p.t.Helper()
	cmd := p.program(context.Background(), append([]string{"serve", "--addr", addr}, flags...)...)
	s := &server{t: p.t, base: "http://" + addr, cmd: cmd, said: &transcript{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.said, s.said
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start the program: %v", err)
	}
	go func() {
		_ = cmd.Wait() // the exit code is read from the process state
		close(s.done)
	}()
	p.t.Cleanup(s.kill)
	return s
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // fails when it has ended already
	<-s.done
}

// terminate asks the process to stop, as every supervisor does.
func (s *server) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("terminate the program: %v", err)
	}
}

// exitCode waits for the end of the process.
func (s *server) exitCode() int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatalf("the program does not end\n%s", s.said)
	}
	return s.cmd.ProcessState.ExitCode()
}

// get reads what is not part of the v1 contract; status 0 when nobody answers.
func (s *server) get(path string) (status int, body string) {
	status, body, _ = s.fetch(s.base + path)
	return status, body
}

func (s *server) fetch(url string) (status int, body string, header http.Header) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		return 0, err.Error(), nil
	}
	return res.StatusCode, b.String(), res.Header
}

// api is a client that holds every answer against the contract.
func (s *server) api() *apitest.Client { return apitest.At(s.t, s.base) }

// eventually polls until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}

// transcript is what a process says, on both outputs.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.Write(b)
}

func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// access is what the demo writes into its data folder.
type access struct {
	BaseURL    string `json:"base_url"`
	Open311Key string `json:"open311_key"`
	Staff      []struct{ Email, Role, Jurisdiction, Token string }
}

func (p *place) demoFile() string { return filepath.Join(p.data, "demo.json") }

// access reads how to get into the demo.
func (p *place) access() access {
	p.t.Helper()
	b, err := os.ReadFile(p.demoFile())
	if err != nil {
		p.t.Fatal(err)
	}
	var a access
	if err := json.Unmarshal(b, &a); err != nil {
		p.t.Fatalf("demo.json: %v", err)
	}
	return a
}

// token is that of one of the demo's staff.
func (a access) token(t testing.TB, role, jurisdiction string) string {
	t.Helper()
	for _, m := range a.Staff {
		if m.Role == role && m.Jurisdiction == jurisdiction && m.Token != "" {
			return "Bearer " + m.Token
		}
	}
	t.Fatalf("demo.json has no %s of %q", role, jurisdiction)
	return ""
}

// realBorders is the setting that loads the official borders, or nothing, and
// says so, where they are not at hand: the demo's own serve then.
func realBorders(t testing.TB) []string {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	path, err := filepath.Abs(filepath.Join(folder, "boundaries", "se-municipalities-detailed.geojson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Logf("THE REAL BORDERS ARE ABSENT: %s is missing (KANTSTEN_TEST_DATA names the folder above boundaries); this run uses the demo's approximate ones", path)
		return nil
	}
	return []string{"KANTSTEN_BOUNDARIES=" + path}
}
