// Package s3test gives tests storage that speaks S3.
//
// [Fake] is gofakes3, in the process of the test. [Gateway] is a real server in a
// process of its own, versitygw over a folder; it runs where [EnvGateway] names
// its program, which `make check` fetches, and fails the test where it does not
// start. Both give a bucket that is the test's alone, and end with it.
//
// [Server.Objects] reads what a server keeps without asking it by S3, so that a
// test of what is gone does not believe the client that it tests.
//
// Limits: the keys are put into the environment of the process, where S3's clients
// look for them. Where a process is killed before its tests are over, a gateway goes
// on.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// EnvGateway names the variable with the path of versitygw's program.
const EnvGateway = "KANTSTEN_TEST_VERSITYGW"

// What the gateway asks for; gofakes3 takes any. They guard nothing: both listen on
// loopback, and hold what a test has put there.
const (
	accessKey = "kantsten-test"
	secretKey = "kantsten-test-secret" //nolint:gosec // see above
)

const bucket = "photos"

// patience bounds the start of a gateway, which takes some 60 ms on a machine with
// nothing else to do.
const patience = time.Minute

// Server is a running server with an empty bucket.
type Server struct {
	// Setting names the bucket, as KANTSTEN_MEDIA_URL does. It has a query.
	Setting string
	objects func(t testing.TB) map[string][]byte
}

// Objects returns all that the bucket holds, by key, read around S3.
func (s Server) Objects(t testing.TB) map[string][]byte {
	t.Helper()
	return s.objects(t)
}

// Each starts one server of every kind that there is here, by its name.
func Each(t testing.TB) map[string]Server {
	t.Helper()
	all := map[string]Server{"gofakes3": Fake(t)}
	if gateway, ok := Gateway(t); ok {
		all["versitygw"] = gateway
	}
	return all
}

// giveKeys tells S3's clients of this process the keys, and that there are no
// others. It does so for good, and every time the same: tests that run side by side
// cannot set the environment for themselves.
func giveKeys(t testing.TB) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// Fake starts gofakes3.
func Fake(t testing.TB) Server {
	t.Helper()
	giveKeys(t)
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return Server{Setting: setting(server.URL), objects: func(t testing.TB) map[string][]byte {
		t.Helper()
		return inMemory(t, backend)
	}}
}

func setting(endpoint string) string {
	return "s3://" + bucket + "?endpoint=" + url.QueryEscape(endpoint)
}

func inMemory(t testing.TB, backend *s3mem.Backend) map[string][]byte {
	t.Helper()
	list, err := backend.ListBucket(bucket, nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, c := range list.Contents {
		o, err := backend.GetObject(bucket, c.Key, nil)
		if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
			continue // deleted since the list
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(o.Contents)
		if err := errors.Join(err, o.Contents.Close()); err != nil {
			t.Fatal(err)
		}
		all[c.Key] = data
	}
	return all
}

// Gateway starts versitygw over a folder; ok is false where [EnvGateway] is not
// set.
func Gateway(t testing.TB) (s Server, ok bool) {
	t.Helper()
	program := os.Getenv(EnvGateway)
	if program == "" {
		return Server{}, false
	}
	giveKeys(t)
	root, beside := t.TempDir(), t.TempDir()
	objects := filepath.Join(root, bucket) // to it a bucket is a folder
	if err := os.Mkdir(objects, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	// What it knows of an object lies in a folder beside, as not every file system
	// keeps extended attributes.
	start(t, addr, program, "--port", addr, "--health", health, "--quiet", "posix", "--sidecar", beside, root)
	return Server{Setting: setting("http://" + addr), objects: func(t testing.TB) map[string][]byte {
		t.Helper()
		return inFolder(t, objects)
	}}, true
}

const health = "/healthz"

// start starts a gateway, waits until it answers, and ends it with the test.
func start(t testing.TB, addr, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...) //nolint:gosec // the test's own server
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	var said bytes.Buffer // read when the process has ended only
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the program that %s names: %v", EnvGateway, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or the wait below sees that it has ended
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails when it has ended already
		<-ended
	})
	late := time.After(patience)
	for !answers(t, "http://"+addr+health) {
		select {
		case <-ended:
			t.Fatalf("%s ended before it was ready: %v\n%s", program, cmd.ProcessState, &said)
		case <-late:
			t.Fatalf("%s does not answer within %v", program, patience)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func answers(t testing.TB, address string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

func inFolder(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	files := os.DirFS(folder)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			all[name] = data
		}
		return ignoreGone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ignoreGone: what is deleted while it is looked for is gone.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
