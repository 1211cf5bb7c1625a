package blob

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/blob/s3test"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{
		"photos",                          // a path without a scheme could mean anything
		"ftp://host/x",                    // unknown
		"file://host/path",                // a host: two slashes instead of three
		"file:relative",                   //
		"file:///path?mode=1",             // options that would be ignored
		"file://" + file,                  // not a folder
		"s3://",                           // no bucket
		"s3:///prefix",                    //
		"s3://key:secret@bucket",          // keys in a URL end in logs
		"s3://bucket/a/../b",              // a prefix that climbs
		"s3://bucket/UPPER",               //
		"s3://bucket?endpoint=host:9000",  // not a URL
		"s3://bucket?endpoint=ftp://host", //
		"s3://bucket?nonsense=1",          // options that would be ignored
		"s3://bucket?endpoint=http://h&use_path_style=perhaps",
		"://", "\x7f",
	} {
		s, err := Open(t.Context(), setting, t.TempDir())
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was accepted", setting)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the secret: %v", setting, err)
		}
	}
}

func TestTheDefaultIsAFolderInTheDataFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s, err := Open(t.Context(), "", data)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put(t, s, "a/b", "x")
	if _, err := os.Stat(filepath.Join(data, "blobs", "a", "b")); err != nil {
		t.Error(err)
	}
}

func TestS3TakesItsKeysFromTheEnvironment(t *testing.T) { // not parallel: t.Setenv
	server, signs := s3test.Gateway(t)
	if !signs {
		server = s3test.Fake(t) // it takes any keys, but not none
	}
	good, err := Open(t.Context(), server.Setting, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	put(t, good, "a/b", "x")
	if got := get(t, good, "a/b"); got != "x" {
		t.Errorf("got %q", got)
	}
	if !signs {
		return
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	bad, err := Open(t.Context(), server.Setting, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if err := bad.Put(t.Context(), "a/b", strings.NewReader("y"), "image/jpeg"); err == nil {
		t.Error("a wrong key was taken")
	}
	if _, err := bad.Get(t.Context(), "a/b"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("with a wrong key: %v, which must not look like a blob that is gone", err)
	}
}

func TestAPrefixKeepsTwoStoresApart(t *testing.T) {
	t.Parallel()
	for name, server := range s3test.Each(t) {
		var opened []Store
		for _, prefix := range []string{"/one", "/one-more/"} {
			s, err := Open(t.Context(), withPrefix(server, prefix), "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			put(t, s, "x", prefix)
			opened = append(opened, s)
		}
		for i, want := range []string{"/one", "/one-more/"} {
			if got := list(t, opened[i], ""); len(got) != 1 || get(t, opened[i], "x") != want {
				t.Errorf("%s: store %d holds %q", name, i, got)
			}
		}
	}
}
