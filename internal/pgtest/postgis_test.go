package pgtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingPostGISIsNoSkipWhereItIsRequired(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		required, ci string
		fails        bool
	}{
		{"1", "", true}, {"", "true", true}, {"", "1", true}, {"", "", false}, {"", "false", false},
	} {
		var v verdict
		noPostGIS(&v, tt.required, tt.ci)
		said, other := v.skipped, v.failed
		if tt.fails {
			said, other = other, said
		}
		if !strings.HasPrefix(said, "PostGIS is not installed; as root on Debian") || other != "" {
			t.Errorf("%+v: the test was ended with %q and %q", tt, said, other)
		}
	}
}

func TestPostGISIsInstalledWhereItCanBe(t *testing.T) {
	t.Parallel()
	broken := errors.New("no network")
	for _, tt := range []struct {
		name           string
		o              Options
		there, root    bool // root: on a system with apt-get
		fails          error
		useless        bool // what is installed is for another server
		installs, says string
		err            string
	}{
		{name: "it is there", o: Options{Install: true, PostGIS: true}, there: true, root: true},
		{name: "root on Debian", o: Options{Install: true}, root: true, installs: "update; install -y --no-install-recommends postgresql-15-postgis-3"},
		{name: "root on Debian, without leave", o: Options{}, root: true, says: "2 tests are skipped"},
		{name: "anybody else", o: Options{Install: true}, says: "apt-get install postgresql-15-postgis-3; Fedora: dnf install postgis; macOS: brew install postgis); without it 2 tests are skipped"},
		{name: "anybody else, who insists", o: Options{Install: true, PostGIS: true}, err: "the server has no PostGIS"},
		{name: "without a network", o: Options{Install: true}, root: true, fails: broken, installs: "update", says: "no network; without it 2 tests are skipped"},
		{name: "without a network, insisting", o: Options{Install: true, PostGIS: true}, root: true, fails: broken, installs: "update", err: "no network"},
		{name: "for another server", o: Options{Install: true, PostGIS: true}, root: true, useless: true, installs: "update; install -y --no-install-recommends postgresql-15-postgis-3", err: "the server has no PostGIS"},
	} {
		var log bytes.Buffer
		var installed []string
		there := tt.there
		tt.o.Log = &log
		err := postGIS{
			there:      func() (bool, error) { return there, nil },
			pack:       func() (string, error) { return "postgresql-15-postgis-3", nil },
			canInstall: func() bool { return tt.root },
			aptGet: func(args ...string) error {
				installed = append(installed, strings.Join(args, " "))
				there = args[0] == "install" && !tt.useless
				return tt.fails
			},
		}.provide(tt.o)
		if got := strings.Join(installed, "; "); got != tt.installs {
			t.Errorf("%s: apt-get was asked for %q, want %q", tt.name, got, tt.installs)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
		if !strings.Contains(log.String(), tt.says) || tt.says == "" && strings.Contains(log.String(), "skipped") {
			t.Errorf("%s: said %q, want %q", tt.name, &log, tt.says)
		}
	}
}

// TestSkippedTestsAreCounted holds the number that is said against the tests.
func TestSkippedTestsAreCounted(t *testing.T) {
	t.Parallel()
	const root, call = "../..", "pgtest." + "PostGIS(t)"
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		n += strings.Count(string(text), call)
		return err
	})
	if err != nil || n != TestsOfPostGIS {
		t.Errorf("%d tests ask for PostGIS (%v), want %d", n, err, TestsOfPostGIS)
	}
}

// TestProvidePostGIS asks for it on whatever server there is: it is there, or it
// is said what to install.
func TestProvidePostGIS(t *testing.T) {
	t.Parallel()
	address := URL(t)
	there, err := postGISThere(t.Context(), open(t, address))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := ProvidePostGIS(t.Context(), address, Options{Log: &log}); err != nil {
		t.Errorf("it was not asked for, but: %v", err)
	}
	if said := strings.Contains(log.String(), "the server has no PostGIS"); said == there {
		t.Errorf("PostGIS there: %v, said %q", there, &log)
	}
	err = ProvidePostGIS(t.Context(), address, Options{PostGIS: true})
	if (err == nil) != there || err != nil && !strings.Contains(err.Error(), "apt-get install postgresql-") {
		t.Errorf("PostGIS there: %v, error %v", there, err)
	}
}
