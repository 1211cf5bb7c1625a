package backup_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/store"
)

// refused checks that a restore fails, and names what is wrong.
func refused(t *testing.T, r backup.Restorer, folder, naming string) {
	t.Helper()
	_, err := r.Restore(t.Context(), folder)
	if err == nil || !strings.Contains(err.Error(), naming) {
		t.Errorf("error %v, want one that names %q", err, naming)
	}
}

// A damage does something to the backup in a folder.
type damage func(t *testing.T, folder string)

func flip(name string) damage {
	return func(t *testing.T, folder string) {
		path := onlyFile(t, folder, name)
		b, err := os.ReadFile(path)
		must(t, err)
		b[len(b)/2] ^= 1
		must(t, os.WriteFile(path, b, 0o600))
	}
}

func remove(name string) damage {
	return func(t *testing.T, folder string) { must(t, os.Remove(onlyFile(t, folder, name))) }
}

// onlyFile is the first file that a pattern matches.
func onlyFile(t *testing.T, folder, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	must(t, err)
	if len(found) == 0 {
		t.Fatalf("no file %s", pattern)
	}
	return found[0]
}

// inManifest changes the manifest.
func inManifest(change func(m map[string]any)) damage {
	return func(t *testing.T, folder string) {
		path := filepath.Join(folder, "manifest.json")
		b, err := os.ReadFile(path)
		must(t, err)
		var m map[string]any
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		must(t, dec.Decode(&m))
		change(m)
		b, err = json.Marshal(m)
		must(t, err)
		must(t, os.WriteFile(path, b, 0o600))
	}
}

// forge replaces a file and its sum in the manifest, as who knows the form could.
func forge(name string, change func(content []byte) []byte) damage {
	return func(t *testing.T, folder string) {
		path := filepath.Join(folder, name)
		b, err := os.ReadFile(path)
		must(t, err)
		b = change(b)
		must(t, os.WriteFile(path, b, 0o600))
		sum := sha256.Sum256(b)
		inManifest(func(m map[string]any) {
			entry, _ := m[strings.TrimSuffix(name, ".ndjson.gz")].(map[string]any)
			for _, each := range m["tables"].([]any) {
				if e := each.(map[string]any); name == "tables/"+e["name"].(string)+".ndjson.gz" {
					entry = e
				}
			}
			entry["bytes"], entry["sha256"] = len(b), hex.EncodeToString(sum[:])
		})(t, folder)
	}
}

// text changes what is in a compressed file.
func text(change func(string) string) func([]byte) []byte {
	return func(b []byte) []byte {
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			return nil
		}
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = io.WriteString(w, change(string(plain))) // into memory
		_ = w.Close()
		return out.Bytes()
	}
}

func linesOf(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	r, err := gzip.NewReader(bytes.NewReader(b))
	must(t, err)
	plain, err := io.ReadAll(r)
	must(t, err)
	return strings.Split(string(plain), "\n")
}

func firstTable(field string, value any) damage {
	return inManifest(func(m map[string]any) { m["tables"].([]any)[0].(map[string]any)[field] = value })
}

func replaced(old, with string) func([]byte) []byte {
	return text(func(s string) string { return strings.Replace(s, old, with, 1) })
}

var damages = map[string]struct {
	do     damage
	naming string
}{
	"one bit of a table":            {flip("tables/reports.ndjson.gz"), "tables/reports.ndjson.gz"},
	"one bit of a photo":            {flip("blobs/photos/*/*"), "blobs/photos/"},
	"one bit of a boundary index":   {flip("blobs/boundaries/*"), "blobs/boundaries/"},
	"one bit of what that is of":    {flip("blobs/boundaries/*.geojson.gz"), ".geojson.gz"},
	"one bit of the list of files":  {flip("blobs.ndjson.gz"), "blobs.ndjson.gz"},
	"one bit of the journal":        {flip("erasures.ndjson.gz"), "erasures.ndjson.gz"},
	"a table is missing":            {remove("tables/updates.ndjson.gz"), "tables/updates.ndjson.gz"},
	"a photo is missing":            {remove("blobs/photos/*/*"), "blobs/photos/"},
	"the list of files is missing":  {remove("blobs.ndjson.gz"), "blobs.ndjson.gz"},
	"the manifest is missing":       {remove("manifest.json"), "manifest.json"},
	"the manifest is cut":           {func(t *testing.T, f string) { must(t, os.Truncate(filepath.Join(f, "manifest.json"), 100)) }, "manifest.json"},
	"a table is cut, and forged":    {forge("tables/reports.ndjson.gz", func(b []byte) []byte { return b[:len(b)/2] }), "tables/reports.ndjson.gz"},
	"a table is no gzip, forged":    {forge("tables/reports.ndjson.gz", func([]byte) []byte { return []byte("{}") }), "tables/reports.ndjson.gz"},
	"a table is empty, and forged":  {forge("tables/reports.ndjson.gz", text(func(string) string { return "" })), "tables/reports.ndjson.gz"},
	"a row less, and forged":        {forge("tables/reports.ndjson.gz", text(func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")+1] })), "tables/reports.ndjson.gz has"},
	"a number that is a text":       {forge("tables/reports.ndjson.gz", replaced("62.", `"62",`)), "tables/reports.ndjson.gz, line"},
	"a row that is no array":        {forge("tables/jobs.ndjson.gz", text(func(s string) string { return strings.Replace(s, "\n[", "\n{", 1) })), "tables/jobs.ndjson.gz, line 2"},
	"a type that nobody knows":      {forge("tables/jobs.ndjson.gz", replaced(`"type":"text"`, `"type":"blob"`)), "tables/jobs.ndjson.gz, line 2"},
	"a photo that climbs":           {forge("tables/photos.ndjson.gz", text(climb)), "../"},
	"a file that climbs":            {forge("blobs.ndjson.gz", replaced(`"photos/`, `"../photos/`)), "blobs.ndjson.gz"},
	"a file that no row refers to":  {forge("blobs.ndjson.gz", text(func(s string) string { return s + `{"name":"photos/a/1-b"}` + "\n" })), "photos/a/1-b"},
	"an erasure that is no id":      {forge("erasures.ndjson.gz", text(func(string) string { return `"../../x"` + "\n" })), "../../x"},
	"a table that climbs":           {firstTable("name", "../reports"), "../reports"},
	"a table that is absolute":      {firstTable("name", "/etc/passwd"), "/etc/passwd"},
	"a table that is a statement":   {firstTable("name", `x"; DROP TABLE reports; --`), "DROP TABLE"},
	"a table twice":                 {firstTable("name", "reports"), "reports"},
	"a table without a name":        {firstTable("name", ""), "manifest.json"},
	"a newer format":                {inManifest(func(m map[string]any) { m["format"] = 2 }), "format 2"},
	"a newer schema":                {inManifest(func(m map[string]any) { m["schema"] = 1_000_000 }), "schema 1000000"},
	"no tables":                     {inManifest(func(m map[string]any) { m["tables"] = []any{} }), "manifest.json"},
	"a manifest of the wrong types": {inManifest(func(m map[string]any) { m["tables"] = "x" }), "manifest.json"},
	"a link that leads out": {func(t *testing.T, f string) {
		path := onlyFile(t, f, "blobs/photos/*/*")
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		must(t, os.Rename(path, elsewhere))
		must(t, os.Symlink(elsewhere, path))
	}, "blobs/photos/"},
}

// climb gives the first photo an id that leads out of the folder.
func climb(s string) string {
	i := strings.Index(s, "\n[\"")
	id := s[i+3:][:36] // a UUID; its folder has the same name
	return strings.ReplaceAll(s, id, "../../"+id[6:])
}

func TestADamagedBackupIsRefusedByNameAndChangesNothing(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	old.live(t)
	whole := old.take(t)
	for name, tt := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "backup")
			must(t, os.CopyFS(folder, os.DirFS(whole)))
			tt.do(t, folder)
			place := emptyPlace(t, "sqlite")
			refused(t, place.restorer(), folder, tt.naming)
			place.untouched(t)
		})
	}
}

// untouched checks that a place is as empty as it was.
func (p *town) untouched(t *testing.T) {
	t.Helper()
	table, err := store.Backups{DB: p.db}.Occupied(t.Context())
	must(t, err)
	if table != "" {
		t.Errorf("table %s holds rows", table)
	}
	for info, err := range p.blobs.List(t.Context(), "") {
		must(t, err)
		t.Errorf("the blob store holds %s", info.Name)
	}
}

// Columns and tables that the schema does not have become part of no statement.
func TestABackupOfAnotherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	for name, tt := range map[string]struct {
		do     damage
		naming string
	}{
		"another column":  {forge("tables/grants.ndjson.gz", replaced(`"role"`, `"x\") SELECT 1; --"`)), "grants"},
		"another type":    {forge("tables/grants.ndjson.gz", replaced(`"role","type":"text"`, `"role","type":"int"`)), "grants"},
		"a table missing": {inManifest(func(m map[string]any) { m["tables"] = m["tables"].([]any)[1:] }), "tables"},
		"another table": {func(t *testing.T, f string) {
			firstTable("name", "strangers")(t, f)
			must(t, os.Rename(onlyFile(t, f, "tables/api_keys.ndjson.gz"), filepath.Join(f, "tables/strangers.ndjson.gz")))
		}, "api_keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := old.take(t)
			tt.do(t, folder)
			place := emptyPlace(t, "sqlite")
			refused(t, place.restorer(), folder, tt.naming)
			if table, err := (store.Backups{DB: place.db}).Occupied(t.Context()); err != nil || table != "" {
				t.Errorf("table %q holds rows, %v", table, err)
			}
		})
	}
}

func TestARestoreGoesIntoAnEmptyPlace(t *testing.T) {
	t.Parallel()
	old := newTown(t, "sqlite")
	old.live(t)
	folder := old.take(t)
	t.Run("not into a database with rows", func(t *testing.T) {
		t.Parallel()
		used := emptyPlace(t, "sqlite")
		used.serve(t) // makes its keys
		refused(t, used.restorer(), folder, "secrets")
		refused(t, old.restorer(), folder, "not empty")
	})
	t.Run("not over another file", func(t *testing.T) {
		t.Parallel()
		place := emptyPlace(t, "sqlite")
		path := onlyFile(t, folder, "blobs/photos/*/*")
		name, err := filepath.Rel(filepath.Join(folder, "blobs"), path)
		must(t, err)
		must(t, place.blobs.Put(t.Context(), name, strings.NewReader("mine"), "image/jpeg"))
		refused(t, place.restorer(), folder, name)
		if got := place.content(t, name); string(got) != "mine" {
			t.Errorf("it is %q now", got)
		}
	})
	t.Run("beside the same files", func(t *testing.T) {
		t.Parallel()
		place := emptyPlace(t, "sqlite")
		r := place.restorer()
		r.Blobs = old.blobs // only the database was lost
		_, err := r.Restore(t.Context(), folder)
		must(t, err)
	})
	t.Run("not from a folder that is not there", func(t *testing.T) {
		t.Parallel()
		refused(t, emptyPlace(t, "sqlite").restorer(), filepath.Join(t.TempDir(), "missing"), "missing")
	})
	t.Run("a backup goes into an empty folder", func(t *testing.T) {
		t.Parallel()
		if _, err := old.taker().Take(t.Context(), folder); err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(filepath.Join(folder, "manifest.json")); err != nil {
			t.Errorf("the older backup was touched: %v", err)
		}
	})
}
