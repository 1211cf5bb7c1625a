package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kantsten/kantsten/internal/blob/s3test"
)

// stores opens one of each kind, empty.
func stores(t *testing.T) map[string]Store {
	t.Helper()
	settings := map[string]string{
		"default folder": "",
		"file URL":       "file://" + filepath.Join(t.TempDir(), "a", "b"),
	}
	for name, server := range s3test.Each(t) {
		settings[name] = server.Setting
	}
	for name, server := range s3test.Each(t) {
		settings[name+" with prefix"] = withPrefix(server, "/some/prefix")
	}
	opened := map[string]Store{}
	for name, setting := range settings {
		store, err := Open(t.Context(), setting, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		opened[name] = store
	}
	return opened
}

func withPrefix(server s3test.Server, prefix string) string {
	return strings.Replace(server.Setting, "?", prefix+"?", 1)
}

// onEach runs a rule of the interface against every kind of store.
func onEach(t *testing.T, rule func(t *testing.T, s Store)) {
	t.Helper()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, store)
		})
	}
}

func put(t *testing.T, s Store, name, content string) {
	t.Helper()
	if err := s.Put(t.Context(), name, strings.NewReader(content), "image/jpeg"); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s Store, name string) string {
	t.Helper()
	o, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(o)
	if err := errors.Join(err, o.Close()); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func list(t *testing.T, s Store, prefix string) []string {
	t.Helper()
	var names []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	slices.Sort(names)
	return names
}

const jpegHead = "\xff\xd8\xff\xe0"

func TestWhatIsPutComesBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		before := time.Now().Add(-2 * time.Second) // S3 tells whole seconds
		put(t, s, "photos/a1/320-ff", jpegHead+"content")
		o, err := s.Get(t.Context(), "photos/a1/320-ff")
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		want := Info{Name: "photos/a1/320-ff", Size: 11, ModTime: o.ModTime, ContentType: "image/jpeg"}
		if o.Info != want {
			t.Errorf("info %+v, want %+v", o.Info, want)
		}
		if o.ModTime.Before(before) || o.ModTime.After(time.Now().Add(2*time.Second)) {
			t.Errorf("modified at %v", o.ModTime)
		}
		if err := iotest.TestReader(o, []byte(jpegHead+"content")); err != nil { // reads and seeks
			t.Error(err)
		}
	})
}

func TestPutReplaces(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		put(t, s, "a/b", "a long first content")
		put(t, s, "a/b", "second")
		put(t, s, "a/empty", "")
		if got := get(t, s, "a/b"); got != "second" {
			t.Errorf("got %q", got)
		}
		if got := get(t, s, "a/empty"); got != "" {
			t.Errorf("empty blob holds %q", got)
		}
	})
}

func TestABigBlobIsStoredWhole(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) { // over the part size, so S3 takes it in parts
		content := strings.Repeat("0123456789abcdef", 18<<20/16)
		put(t, s, "boundaries/index", content)
		if got := get(t, s, "boundaries/index"); got != content {
			t.Errorf("got %d bytes that differ", len(got))
		}
	})
}

var errBroken = errors.New("the connection broke")

func TestAFailingReaderChangesNothing(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1000, 18 << 20} {
		t.Run(fmt.Sprint(size, " bytes before the failure"), func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s Store) {
				put(t, s, "photos/a/old", "old")
				for _, name := range []string{"photos/a/old", "photos/b/new"} {
					r := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(errBroken))
					if err := s.Put(t.Context(), name, r, "image/jpeg"); !errors.Is(err, errBroken) {
						t.Errorf("put %s: %v, want the reader's error", name, err)
					}
				}
				if got := list(t, s, ""); !slices.Equal(got, []string{"photos/a/old"}) {
					t.Errorf("left %q", got)
				}
				if got := get(t, s, "photos/a/old"); got != "old" {
					t.Errorf("the old content became %d bytes", len(got))
				}
			})
		})
	}
}

func TestACancelledPutStoresNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Put(ctx, "a/b", strings.NewReader("x"), "image/jpeg"); !errors.Is(err, context.Canceled) {
			t.Errorf("put: %v", err)
		}
		if got := list(t, s, ""); got != nil {
			t.Errorf("left %q", got)
		}
	})
}

func TestMissingBlobs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		put(t, s, "a/b", "x")
		for _, name := range []string{"a/c", "c", "a", "a/b/c", "", "../a/b", "a//b"} {
			o, err := s.Get(t.Context(), name)
			if !errors.Is(err, ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("get %q: %v, want not found", name, err)
			}
			if err == nil {
				_ = o.Close()
			}
			if err := s.Delete(t.Context(), name); err != nil {
				t.Errorf("delete %q: %v", name, err)
			}
		}
		if got := get(t, s, "a/b"); got != "x" {
			t.Errorf("the neighbour holds %q", got)
		}
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		put(t, s, "a/b", "x")
		put(t, s, "a/c", "y")
		for range 2 { // the second time there is nothing to delete
			if err := s.Delete(t.Context(), "a/b"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Get(t.Context(), "a/b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("get after delete: %v", err)
		}
		if got := list(t, s, ""); !slices.Equal(got, []string{"a/c"}) {
			t.Errorf("left %q", got)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		for _, name := range []string{"top", "photos/aa/1", "photos/aa/2", "photos/ab/1", "photosets/1"} {
			put(t, s, name, name)
		}
		tests := map[string][]string{
			"":              {"photos/aa/1", "photos/aa/2", "photos/ab/1", "photosets/1", "top"},
			"photos/":       {"photos/aa/1", "photos/aa/2", "photos/ab/1"},
			"photos/a":      {"photos/aa/1", "photos/aa/2", "photos/ab/1"},
			"photos/aa":     {"photos/aa/1", "photos/aa/2"},
			"photos":        {"photos/aa/1", "photos/aa/2", "photos/ab/1", "photosets/1"},
			"photos/ab/1":   {"photos/ab/1"},
			"photos/ab/1/":  nil,
			"photos/nobody": nil,
			"../":           nil,
			"..":            nil,
			"/":             nil,
			"photos//":      nil,
		}
		for prefix, want := range tests {
			if got := list(t, s, prefix); !slices.Equal(got, want) {
				t.Errorf("list %q = %q, want %q", prefix, got, want)
			}
		}
		for info, err := range s.List(t.Context(), "photos/aa/") {
			if err != nil || info.Size != int64(len(info.Name)) || info.ModTime.IsZero() {
				t.Errorf("info %+v, %v", info, err)
			}
			break // a caller may stop early
		}
	})
}

func TestAListThatCannotGoOnSaysSo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		put(t, s, "a/b", "x")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var failed error
		for _, err := range s.List(ctx, "") {
			failed = err
		}
		if !errors.Is(failed, context.Canceled) {
			t.Errorf("ended with %v", failed)
		}
	})
}

func TestAReaderSeesOneContentWhileWritersReplaceIt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		contents := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 150_000)}
		put(t, s, "x/y", contents[0])
		var writers sync.WaitGroup
		for _, content := range contents {
			writers.Go(func() {
				for range 10 {
					if err := s.Put(t.Context(), "x/y", strings.NewReader(content), "image/jpeg"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 30 {
			if got := get(t, s, "x/y"); !slices.Contains(contents, got) {
				t.Errorf("read a mixture of %d bytes", len(got))
			}
		}
		writers.Wait()
	})
}

// hostileNames are names that must never reach a file system or a bucket.
var hostileNames = []string{
	"", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/..", "a/./b", "./a", "a//b", "a/", "/a",
	".tmp-x", "a/.hidden", "A/b", "å", "a\\b", "a\x00b", "a b", "a\n", "a:b", "a%2fb", "a?b", "a#b", "\xff",
	strings.Repeat("a", 129), strings.Repeat("a/", 256) + "a",
}

func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		for _, name := range hostileNames {
			err := s.Put(t.Context(), name, strings.NewReader("x"), "image/jpeg")
			if err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("put %q: %v, want a refusal that is not \"not found\"", name, err)
			}
		}
		if got := list(t, s, ""); got != nil {
			t.Errorf("stored %q", got)
		}
	})
}

func TestGoodNames(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s Store) {
		for _, name := range []string{"a", "0", "a/b/c/d/e", "a.b", "a..b", "a-", "-a", "_a", strings.Repeat("a", 128)} {
			if strings.HasPrefix(name, "a/") {
				name = "deep/" + name // on disk "a" is a blob already
			}
			put(t, s, name, name)
			if got := get(t, s, name); got != name {
				t.Errorf("%q holds %q", name, got)
			}
		}
	})
}

func FuzzValidName(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	f.Add("photos/0198/320-ab")
	f.Fuzz(func(t *testing.T, name string) {
		if !ValidName(name) {
			return
		}
		if !fs.ValidPath(name) || !filepath.IsLocal(name) || strings.Contains(name, "/.") || name != strings.ToLower(name) {
			t.Errorf("%q is called valid", name)
		}
	})
}
