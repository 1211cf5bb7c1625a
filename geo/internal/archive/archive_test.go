package archive

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
)

// of makes an archive of empty files.
func of(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func list(archive []byte) ([]string, error) {
	files, err := Files(bytes.NewReader(archive), int64(len(archive)))
	return Names(files), err
}

func TestFilesAreListedAsTheyAreCalled(t *testing.T) {
	t.Parallel()
	got, err := list(of(t, "a.shp", "folder/", `b\c.shp`, "__MACOSX/._a.shp", "../../d", "/e", "a.shp"))
	if want := []string{"a.shp", "b/c.shp", "../../d", "/e", "a.shp"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// TestADirectoryWithoutEnd: each entry costs memory before anybody looks at it.
func TestADirectoryWithoutEnd(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60_000)
	archive := of(t, slices.Repeat([]string{long}, maxDirectoryBytes/len(long)+1)...)
	if _, err := list(archive); err == nil || !strings.Contains(err.Error(), "its directory has more than 16777216 bytes") {
		t.Errorf("a directory of %d bytes: %v", len(archive)/2, err)
	}
}

// FuzzFiles: any bytes are listed or refused.
func FuzzFiles(f *testing.F) {
	f.Add(of(f, "a.shp", `b\c.gpkg`))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		names, err := list(archive)
		if err != nil && len(names) > 0 {
			t.Errorf("%q and %v", names, err)
		}
		for _, name := range names {
			if strings.Contains(name, `\`) || strings.HasSuffix(name, "/") {
				t.Errorf("%q is listed", name)
			}
		}
	})
}
