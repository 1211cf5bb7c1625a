package blob

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	s, err := Open(t.Context(), fakeS3(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put(t, s, "a/b", "x")
	if got := get(t, s, "a/b"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestAPrefixKeepsTwoStoresApart(t *testing.T) {
	t.Parallel()
	setting := fakeS3(t) + "&anonymous=true"
	var opened []Store
	for _, prefix := range []string{"/one?", "/one-more/?"} {
		s, err := Open(t.Context(), strings.Replace(setting, "?", prefix, 1), "")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		put(t, s, "x", prefix)
		opened = append(opened, s)
	}
	for i, want := range []string{"/one?", "/one-more/?"} {
		if got := list(t, opened[i], ""); len(got) != 1 || get(t, opened[i], "x") != want {
			t.Errorf("store %d holds %q", i, got)
		}
	}
}
