package geopackage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/geo"
)

func TestDSNTakesAnyPath(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(write(t, twoAreas(t)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain.gpkg", "with space.gpkg", "a?mode=rwc.gpkg", "100%41.gpkg", "a#b&c=d.gpkg", "åäö.gpkg", ":memory:"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, "/" + path} { // "//" begins no name of a machine
			features, err := read(t, path, geo.ReadOptions{})
			if err != nil || len(features) != 2 {
				t.Errorf("%s: %d features, %v; want 2", path, len(features), err)
			}
		}
	}
}

func TestDSNOfARelativePath(t *testing.T) {
	dir := filepath.Dir(write(t, twoAreas(t)...))
	t.Chdir(dir)
	if features, err := read(t, "test.gpkg", geo.ReadOptions{}); err != nil || len(features) != 2 {
		t.Errorf("%d features, %v; want 2", len(features), err)
	}
}

func TestDSNOpensForReadingAlone(t *testing.T) {
	t.Parallel()
	path := write(t, twoAreas(t)...)
	if _, err := open(t, path).ExecContext(t.Context(), `DELETE FROM kommun`); err == nil {
		t.Error("the file can be written to")
	}
	missing := filepath.Join(t.TempDir(), "missing.gpkg")
	if _, err := read(t, missing, geo.ReadOptions{}); err == nil {
		t.Error("a file that is not there was read")
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("opening made a file (%v)", err)
	}
	others, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(others) != 1 {
		t.Errorf("beside the file lie %v (%v)", others, err)
	}
}

// TestViewsMayNotCallWhatReachesFurther: a view of the pages of the file would
// pass if its schema were trusted.
func TestViewsMayNotCallWhatReachesFurther(t *testing.T) {
	t.Parallel()
	file := write(t, do(standard), register("v", "geom", 4326), do(`CREATE VIEW v AS SELECT data AS geom, pgno AS kod FROM sqlite_dbpage`))
	_, err := read(t, file, geo.ReadOptions{})
	if err == nil || !strings.Contains(err.Error(), "unsafe use") {
		t.Errorf("error %v, want one about unsafe use", err)
	}
}

func TestCheckFile(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(write(t, twoAreas(t)...))
	if err != nil {
		t.Fatal(err)
	}
	other := append([]byte{}, whole...)
	copy(other[applicationAt:], "\x00\x00\x00\x00")
	tests := []struct {
		name, wal string
		content   []byte
		want      string // empty: nothing is wrong
	}{
		{"a GeoPackage", "", whole, ""},
		{"an empty log beside it", "empty", whole, ""},
		{"a log with changes", "full", whole, "has changes in"},
		{"an empty file", "", nil, "is no SQLite database, so no GeoPackage"},
		{"a picture", "", []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 200)), "is no SQLite database"},
		{"a header that breaks off", "", whole[:60], "breaks off in its header"},
		{"a download that broke off", "", whole[:len(whole)-1], "breaks off: it should have"},
		{"another database", "", other, "no GeoPackage: its application id is 0x0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.gpkg")
			files := map[string][]byte{path: tt.content}
			if tt.wal != "" {
				files[path+"-wal"] = make([]byte, map[string]int{"empty": 0, "full": 32}[tt.wal])
			}
			for path, content := range files {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := CheckFile(path)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if err := CheckFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Errorf("a folder: error %v", err)
	}
	if err := CheckFile(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
}
