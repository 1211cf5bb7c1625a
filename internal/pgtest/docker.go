package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// dockerImage has the oldest supported version.
const dockerImage = "postgres:15"

// dockerWorks reports whether there is a Docker engine that we may use; the
// client alone is often installed without one.
func dockerWorks(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// startDocker runs a container that is published on loopback only, and waits
// until it answers.
func startDocker(ctx context.Context, o Options) (*Server, error) {
	o.say("starting PostgreSQL in Docker (%s)", dockerImage)
	password := rand.Text()
	args := []string{"run", "--detach", "--rm", "--publish", "127.0.0.1::5432", "--env", "POSTGRES_PASSWORD", dockerImage}
	for _, s := range o.settings() {
		args = append(args, "-c", s)
	}
	run := exec.CommandContext(ctx, "docker", args...)
	run.Env = append(os.Environ(), "POSTGRES_PASSWORD="+password)
	out, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL in Docker: %w%s", err, stderr(err))
	}
	id := strings.TrimSpace(string(out))
	g, err := startGuard(ctx, nil, `docker rm -f "$1" >/dev/null`, id)
	if err != nil {
		return nil, err
	}
	u, err := waitDocker(ctx, id, password)
	if err != nil {
		return nil, errors.Join(err, g.release())
	}
	return &Server{url: u, guard: g}, nil
}

// waitDocker returns the container's address once the server answers there. The
// image starts a first server for its own preparations on its socket only, so
// an answer over TCP is from the one that stays.
func waitDocker(ctx context.Context, id, password string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "port", id, "5432/tcp").Output()
	if err != nil {
		return "", fmt.Errorf("ask Docker for the port: %w%s", err, stderr(err))
	}
	host, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Host: host, Path: "/postgres", RawQuery: "sslmode=disable"}
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		return "", fmt.Errorf("open the server in Docker: %w", err)
	}
	defer func() { _ = db.Close() }()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return u.String(), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for PostgreSQL in Docker: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stderr is what a failed program had to say, on a line of its own.
func stderr(err error) string {
	var e *exec.ExitError
	if !errors.As(err, &e) {
		return ""
	}
	return "\n" + string(e.Stderr)
}
