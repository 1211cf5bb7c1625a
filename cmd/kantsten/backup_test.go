package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
)

const oneArea = `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"2281","name":"Sundsvall"},
	"geometry":{"type":"Polygon","coordinates":[[[17,62],[18,62],[18,63],[17,63],[17,62]]]}}]}`

// installation is the environment of one, with a data folder of its own.
func installation(t *testing.T, kind string) (environ []string, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	environ = []string{"KANTSTEN_DATA=" + data}
	if kind == "postgres" {
		environ = append(environ, "KANTSTEN_DATABASE_URL="+pgtest.URL(t))
	}
	return environ, data
}

// does runs a command and checks its exit code and that it says a word.
func does(t *testing.T, environ []string, code int, word string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(t.Context(), args, environ, &stdout, &stderr)
	if said := stdout.String() + stderr.String(); got != code || !strings.Contains(said, word) {
		t.Fatalf("%v: code %d, want %d with %q\n%s", args, got, code, word, said)
	}
}

// within opens the installation as a process of its own.
func within(t *testing.T, environ []string, use func(p *program) error) {
	t.Helper()
	cfg, _, err := configure(flag.NewFlagSet("test", flag.ContinueOnError), nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(t.Context(), cfg, false, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.boundaries.Refresh(t.Context()), use(p), p.close()); err != nil {
		t.Fatal(err)
	}
}

func TestBackupAndRestoreByTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			old, oldData := installation(t, kind)
			folder := filepath.Join(t.TempDir(), "backup")
			does(t, old, 2, "backup takes one folder", "backup")
			areas := filepath.Join(t.TempDir(), "areas.geojson")
			if err := os.WriteFile(areas, []byte(oneArea), 0o600); err != nil {
				t.Fatal(err)
			}
			does(t, old, 0, "is active", "boundaries", "import", areas)
			var kept, erased report.Submitted
			within(t, old, func(p *program) (err error) {
				kept, err = p.reports.Submit(t.Context(), auth.Actor{}, filed("Karin Kvar"))
				if err != nil {
					return err
				}
				erased, err = p.reports.Submit(t.Context(), auth.Actor{}, filed("Rut Raderad"))
				return err
			})
			does(t, old, 0, "2 reports", "backup", folder)
			within(t, old, func(p *program) error { return p.reports.Erase(t.Context(), auth.Itself(), erased.Report.ID) })

			place, _ := installation(t, kind)
			does(t, place, 0, "1 times something was erased since", "restore", folder, "--erasures", filepath.Join(oldData, "blobs"))
			does(t, place, 0, "2281\tSundsvall", "jurisdiction", "list")
			does(t, place, 1, "not empty", "restore", folder)
			within(t, place, func(p *program) error {
				contacts, err := store.Reports{DB: p.db}.Contacts(t.Context(), []string{kept.Report.ID, erased.Report.ID})
				if len(contacts) != 1 || contacts[kept.Report.ID].Name != "Karin Kvar" {
					t.Errorf("contacts %+v", contacts)
				}
				if !p.secrets.FollowKeys.Verify(kept.FollowToken, kept.Report.ID, kept.Report.TokenEpoch) {
					t.Error("the follow token does not verify any more")
				}
				return err
			})
		})
	}
}

func filed(name string) report.Submission {
	return report.Submission{
		Service: "pothole", Lat: 62.3908, Lon: 17.3069, Description: "hål", Language: "sv", Origin: report.OriginAPI,
		Contact: report.Contact{Name: name, Email: "someone@example.org"},
	}
}

func TestHalfARestoreIsNotServed(t *testing.T) {
	t.Parallel()
	place, _ := installation(t, "sqlite")
	within(t, place, func(p *program) error {
		return store.Installation{DB: p.db}.SetFact(t.Context(), "restoring", "a backup")
	})
	does(t, place, 1, "restore again", "serve", "--addr", "127.0.0.1:0")
	does(t, place, 1, "not finished", "backup", filepath.Join(t.TempDir(), "backup"))
}

func TestABackupOfNothingMakesNothing(t *testing.T) {
	t.Parallel()
	nothing, data := installation(t, "sqlite")
	does(t, nothing, 1, "nothing to back up", "backup", filepath.Join(t.TempDir(), "backup"))
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it made a data folder: %v", err)
	}
	place, _ := installation(t, "sqlite")
	does(t, place, 1, "missing", "restore", filepath.Join(t.TempDir(), "missing"))
	does(t, place, 1, "journal", "restore", t.TempDir(), "--erasures", filepath.Join(t.TempDir(), "missing"))
}
