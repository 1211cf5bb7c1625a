package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// oldest is the first PostgreSQL that the store supports.
const oldest = 15

// packaged are the folders where distributions keep servers that are not in
// PATH: Debian, Fedora and Red Hat, Homebrew on both kinds of Mac.
func packaged() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
	}
}

// findBinaries returns the folder of a fit server's programs: the one in PATH,
// else the newest of the packaged ones.
func findBinaries(ctx context.Context) (string, error) {
	if p, err := exec.LookPath("postgres"); err == nil {
		// A link in PATH stands alone; the other programs lie beside its target.
		if p, err = filepath.EvalSymlinks(p); err == nil {
			if _, err := version(ctx, filepath.Dir(p)); err == nil {
				return filepath.Dir(p), nil
			}
		}
	}
	return newest(ctx, packaged())
}

// newest returns the folder with the highest version among those that match.
func newest(ctx context.Context, globs []string) (string, error) {
	var best string
	var bestVersion int
	for _, g := range globs {
		dirs, err := filepath.Glob(g)
		if err != nil {
			return "", fmt.Errorf("look for PostgreSQL in %s: %w", g, err)
		}
		for _, dir := range dirs {
			if v, err := version(ctx, dir); err == nil && v > bestVersion {
				best, bestVersion = dir, v
			}
		}
	}
	if best == "" {
		return "", fmt.Errorf("no programs of PostgreSQL %d or later found", oldest)
	}
	return best, nil
}

// version returns the major version of the server in dir. It fails where the
// server is too old, or where the programs to make and run a cluster are not
// beside it.
func version(ctx context.Context, dir string) (int, error) {
	for _, name := range []string{"initdb", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return 0, fmt.Errorf("find %s: %w", name, err)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s for its version: %w", dir, err)
	}
	v, err := parseVersion(string(out))
	if err != nil {
		return 0, err
	}
	if v < oldest {
		return 0, fmt.Errorf("PostgreSQL %d in %s is older than %d", v, dir, oldest)
	}
	return v, nil
}

// versionLine matches "postgres (PostgreSQL) 15.20 (Debian …)", "… 18beta1" and
// the like.
var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d{1,4})\D`)

// parseVersion returns the major version in what `postgres --version` prints.
func parseVersion(line string) (int, error) {
	m := versionLine.FindStringSubmatch(line)
	if m == nil {
		return 0, fmt.Errorf("%.80q does not name a version of PostgreSQL", line)
	}
	v, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, fmt.Errorf("read the version of PostgreSQL: %w", err)
	}
	return v, nil
}

// canInstall reports whether this is root on a system with apt-get.
func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// install installs PostgreSQL by apt-get and returns the folder of its
// programs: version 15, the oldest supported, else the distribution's own.
func install(ctx context.Context, o Options) (string, error) {
	o.say("installing PostgreSQL by apt-get, once")
	if err := aptGet(ctx, "update"); err != nil {
		return "", err
	}
	var failed error
	for _, name := range []string{"postgresql-15", "postgresql"} {
		err := aptGet(ctx, "install", "-y", "--no-install-recommends", name)
		if err == nil {
			return findBinaries(ctx)
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

// aptGet runs apt-get without asking anybody anything; its output is shown only
// when it fails.
func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %v: %w\n%s", args, err, out)
	}
	return nil
}
