package blob

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// disk opens a store in a new folder and returns both.
func disk(t *testing.T) (*Disk, string) {
	t.Helper()
	folder := t.TempDir()
	d, err := OpenDisk(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, folder
}

// files returns every file under folder, unfinished ones too.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(folder, path)
			found = append(found, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAFailedPutLeavesNoFile(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	if err := d.Put(t.Context(), "a/b", iotest.ErrReader(errBroken), ""); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	put(t, d, "a/c/d", "x")
	if err := d.Put(t.Context(), "a/c", strings.NewReader("x"), ""); err == nil {
		t.Error("a folder was replaced by a blob")
	}
	if err := d.Put(t.Context(), "a/c/d/e", strings.NewReader("x"), ""); err == nil {
		t.Error("a blob became a folder")
	}
	if got := files(t, folder); !slices.Equal(got, []string{"a/c/d"}) {
		t.Errorf("files %q", got)
	}
}

func TestAnUnfinishedPutIsNotSeen(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	looked := false
	r := readerFunc(func([]byte) (int, error) { // called while the Put is under way
		looked = true
		if got := list(t, d, ""); got != nil {
			t.Errorf("listed %q", got)
		}
		if _, err := d.Get(t.Context(), "a/b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("get: %v", err)
		}
		got := files(t, folder)
		if len(got) != 1 || !strings.HasPrefix(got[0], "a/"+tempPrefix) {
			t.Errorf("files %q, want one temporary one in the target folder", got)
		}
		return 0, errBroken
	})
	if err := d.Put(t.Context(), "a/b", r, ""); !errors.Is(err, errBroken) || !looked {
		t.Errorf("put: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSweep(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	put(t, d, "kept/blob", "x")
	put(t, d, "emptied/deep/blob", "x")
	if err := d.Delete(t.Context(), "emptied/deep/blob"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kept/.tmp-old", "kept/.tmp-new", "kept/.other"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{"kept/.tmp-old", "kept/.other", "kept/blob", "emptied/deep", "emptied", "kept"} {
		if err := os.Chtimes(filepath.Join(folder, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := d.Sweep(t.Context(), 24*time.Hour)
	if err != nil || removed != 1 {
		t.Errorf("removed %d, %v; want 1", removed, err)
	}
	if got := files(t, folder); !slices.Equal(got, []string{"kept/.other", "kept/.tmp-new", "kept/blob"}) {
		t.Errorf("left %q", got)
	}
	if _, err := os.Stat(filepath.Join(folder, "emptied")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folders stayed: %v", err)
	}
}

func TestPutsSurviveASweepOfTheirEmptyFolders(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	long := time.Now().Add(-48 * time.Hour)
	for range 100 {
		if err := os.MkdirAll(filepath.Join(folder, "a", "b"), 0o750); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a/b", "a"} {
			if err := os.Chtimes(filepath.Join(folder, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
		var sweeper sync.WaitGroup
		sweeper.Go(func() {
			if _, err := d.Sweep(t.Context(), time.Hour); err != nil {
				t.Error(err)
			}
		})
		put(t, d, "a/b/c", "x")
		sweeper.Wait()
		if got := get(t, d, "a/b/c"); got != "x" {
			t.Fatalf("got %q", got)
		}
		if err := os.RemoveAll(filepath.Join(folder, "a")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"folder": outside, "file": filepath.Join(outside, "secret")} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"folder/secret", "file"} {
		if o, err := d.Get(t.Context(), name); err == nil {
			_ = o.Close()
			t.Errorf("read %s", name)
		}
	}
	if err := d.Put(t.Context(), "folder/new", strings.NewReader("x"), ""); err == nil {
		t.Error("wrote through a link")
	}
	if err := d.Delete(t.Context(), "folder/secret"); err == nil {
		t.Error("deleting through a link is no error")
	}
	if got := list(t, d, ""); got != nil {
		t.Errorf("listed %q", got)
	}
	if got := files(t, outside); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside are %q", got)
	}
}

func TestDiskRecognisesContentTypesAndNeverHTML(t *testing.T) {
	t.Parallel()
	d, _ := disk(t)
	for content, want := range map[string]string{
		jpegHead:                           "image/jpeg",
		"\x89PNG\r\n\x1a\n":                "image/png",
		"RIFF\x00\x00\x00\x00WEBPVP8 ":     "image/webp",
		"\x1f\x8b\x08":                     "application/gzip",
		"<html><script>alert(1)</script>":  "application/octet-stream",
		"%PDF-1.7":                         "application/octet-stream",
		"<?xml version='1.0'?><svg></svg>": "application/octet-stream",
		"":                                 "application/octet-stream",
	} {
		put(t, d, "x", content)
		o, err := d.Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil || o.ContentType != want {
			t.Errorf("%q is %s, want %s", content, o.ContentType, want)
		}
	}
}
