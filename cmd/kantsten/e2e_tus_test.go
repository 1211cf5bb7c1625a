package main_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
)

const (
	tusClient = "tus-js-client@4.3.1"
	cuts      = 10
	cutAfter  = 1 << 20 // bytes from one cut to the next
	chunkType = "application/offset+octet-stream"
)

// TestTusJSClient uploads a photo of 12 MB by the protocol's own client, over a
// connection that is cut ten times. npm fetches the client into a temporary
// folder, so it runs in `make check` only.
func TestTusJSClient(t *testing.T) {
	if os.Getenv("KANTSTEN_TEST_TUS_JS") == "" {
		t.Skip("tus-js-client is fetched by npm: make check does so")
	}
	t.Parallel()
	modules := installTusClient(t)
	data := largePhoto(t)
	file := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		line := newBadLine(t)
		p := newPlace(t, databaseURL, "KANTSTEN_BASE_URL="+line.base)
		s := p.serve("--demo")
		line.to <- strings.TrimPrefix(s.base, "http://")

		script, err := filepath.Abs(filepath.Join("testdata", "tus-upload.cjs"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "node", script, line.base+"/v1/uploads", file)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("upload by %s: %v\n%s%s\n%s", tusClient, err, out, &said, s.said)
		}
		var done struct {
			Photo, URL string
			Retries    int
		}
		if err := json.Unmarshal(out, &done); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%d bytes came after %d cuts and %d retries; %d bytes went over the line", len(data), line.cuts, done.Retries, line.sent)
		if line.cuts != cuts || done.Retries < cuts {
			t.Errorf("the line was cut %d times, and the client tried %d times again, want %d cuts", line.cuts, done.Retries, cuts)
		}
		showsAsItsOwn(t, s, done.Photo)
		nothingLeft(t, p)
	})
}

// showsAsItsOwn files a report that names the photo.
func showsAsItsOwn(t *testing.T, s *server, photo string) {
	t.Helper()
	var r filed
	s.api().WithTest(t).Send(http.MethodPost, "/v1/reports", map[string]any{
		"service": "pothole", "lat": 62.3908, "lon": 17.3069, "photos": []string{photo},
	}).Want(http.StatusCreated).JSON(&r)
	if len(r.Photos) != 1 || r.Photos[0].ID != photo || photo == "" {
		t.Errorf("the report shows %+v, want %q", r.Photos, photo)
	}
}

// nothingLeft fails where original bytes still lie in the upload area.
func nothingLeft(t *testing.T, p *place) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.data, "blobs", "uploads", "*", "*"))
	if err != nil || len(found) != 0 {
		t.Errorf("original files are left: %q; %v", found, err)
	}
}

// installTusClient fetches the client and returns the folder of its modules.
func installTusClient(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: make check uploads by tus-js-client; install Node.js with npm (Debian and Ubuntu: apt-get install nodejs npm)", tool)
		}
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, tusClient).CombinedOutput()
	if err != nil {
		t.Fatalf("npm install %s: %v\n%s", tusClient, err, out)
	}
	return filepath.Join(dir, "node_modules")
}

// largePhoto is a JPEG of somewhat more than 12 MB: noise, which does not compress.
func largePhoto(t *testing.T) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, 4000, 3000), image.YCbCrSubsampleRatio420)
	noise := rand.NewChaCha8([32]byte{})
	for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
		_, _ = noise.Read(plane) // never fails
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 86}); err != nil {
		t.Fatal(err)
	}
	const least, most = 12_000_000, 20 << 20
	if b.Len() < least || b.Len() > most {
		t.Fatalf("the photo has %d bytes", b.Len())
	}
	return b.Bytes()
}

// badLine is a TCP proxy that cuts a connection whenever so many more bytes have
// gone to the server, as long as cuts are left.
type badLine struct {
	base string
	to   chan string // the server's address, once it is known

	mu         sync.Mutex
	sent, cuts int
}

func newBadLine(t *testing.T) *badLine {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &badLine{base: "http://" + l.Addr().String(), to: make(chan string, 1)}
	var conns sync.WaitGroup
	conns.Go(func() {
		server := <-b.to
		for {
			from, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			conns.Go(func() { b.carry(t, from, server) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		select {
		case b.to <- "": // nobody has asked
		default:
		}
		conns.Wait()
	})
	return b
}

// carry takes one connection's bytes there and back.
func (b *badLine) carry(t *testing.T, from net.Conn, server string) {
	to, err := new(net.Dialer).DialContext(t.Context(), "tcp", server)
	if err != nil {
		_ = from.Close()
		return
	}
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(from, to); _ = from.Close() }) // either end may break off
	_, _ = io.Copy(lineOut{to, b}, from)
	_, _ = to.Close(), from.Close()
	back.Wait()
}

// lineOut writes to the server until the next cut.
type lineOut struct {
	net.Conn
	line *badLine
}

// Write writes all, or cuts the connection.
func (c lineOut) Write(p []byte) (int, error) {
	if c.line.isCut(len(p)) {
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

func (b *badLine) isCut(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent += n
	if b.cuts < cuts && b.sent >= (b.cuts+1)*cutAfter {
		b.cuts++
		return true
	}
	return false
}

// TestAnUploadOutlivesTheProcess kills the program in the middle of a chunk: what
// was acknowledged is there, the rest can be sent again, and nothing is left over.
func TestAnUploadOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		s := p.serve("--demo")
		photo := phonePhoto(t)
		tus := s.api().WithTest(t).With("Tus-Resumable", "1.0.0")
		res := tus.With("Upload-Length", strconv.Itoa(len(photo))).Send(http.MethodPost, "/v1/uploads", nil).Want(http.StatusCreated)
		at, err := url.Parse(res.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		const acknowledged = 1000
		patch(tus, at.Path, 0, photo[:acknowledged]).Want(http.StatusNoContent)
		conn := half(t, s, at.Path, acknowledged, len(photo)-acknowledged, photo[acknowledged:2*acknowledged])
		eventually(t, "the half chunk lies there", func() bool {
			found, err := filepath.Glob(filepath.Join(p.data, "blobs", "uploads", "*", ".tmp-*"))
			return err == nil && len(found) == 1
		})
		s.kill()
		_ = conn.Close() // the other end is dead

		s = p.serveAt(strings.TrimPrefix(s.base, "http://"), "--demo")
		if got := tus.Send(http.MethodHead, at.Path, nil).Want(http.StatusOK).Header.Get("Upload-Offset"); got != strconv.Itoa(acknowledged) {
			t.Fatalf("after the kill it stands at %s", got)
		}
		res = patch(tus, at.Path, acknowledged, photo[acknowledged:]).Want(http.StatusNoContent)
		showsAsItsOwn(t, s, res.Header.Get("Upload-Photo-Id"))
		nothingLeft(t, p)
	})
}

func patch(c *apitest.Client, path string, offset int, data []byte) apitest.Response {
	return c.With("Content-Type", chunkType).With("Upload-Offset", strconv.Itoa(offset)).Send(http.MethodPatch, path, data)
}

// half sends the beginning of a chunk and leaves the connection open.
func half(t *testing.T, s *server, path string, offset, length int, data []byte) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
	if err == nil {
		_, err = io.WriteString(conn, "PATCH "+path+" HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: "+chunkType+
			"\r\nUpload-Offset: "+strconv.Itoa(offset)+"\r\nContent-Length: "+strconv.Itoa(length)+"\r\n\r\n"+string(data))
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
