package suite

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/problem"
)

// TestUploadsOnce begins uploads by calls that come again.
func TestUploadsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("a repeat gets the same upload, as it stands", func(t *testing.T) { sameUpload(t, s) })
		t.Run("no byte is taken twice", func(t *testing.T) { noByteTwice(t, s) })
		t.Run("a repeat goes on where the first was interrupted", func(t *testing.T) { goesOn(t, s) })
		t.Run("a key stands for one call", func(t *testing.T) { oneCallAKey(t, s) })
		t.Run("what is refused burns no key", func(t *testing.T) { refusedBurnsNoKey(t, s) })
		t.Run("what has ended is gone", func(t *testing.T) { endedIsGone(t, s) })
		t.Run("each caller their own", func(t *testing.T) { uploadsOfEach(t, s) })
		t.Run("without a key each call is one more", func(t *testing.T) { withoutAKey(t, s) })
		t.Run("a key has its form", func(t *testing.T) { formOfAKey(t, s) })
	})
}

// creating is a client that begins uploads of a length by one key.
func (s *system) creating(t testing.TB, length int, headers ...string) *apitest.Client {
	return with(s.tus(t), append([]string{"Idempotency-Key", s.key(), "Upload-Length", strconv.Itoa(length), "Content-Type", octets}, headers...)...)
}

// begin begins an upload with a first chunk, or nil for none.
func begin(c *apitest.Client, body []byte) apitest.Response {
	if body == nil {
		return c.Send(http.MethodPost, "/v1/uploads", nil)
	}
	return c.Send(http.MethodPost, "/v1/uploads", body)
}

// repeated fails unless an answer is the repeat of one that stands at an offset.
func repeated(t testing.TB, res, first apitest.Response, offset int) {
	t.Helper()
	res.Want(http.StatusCreated)
	if res.Header.Get("Location") != first.Header.Get("Location") || res.Header.Get("Idempotency-Replayed") != "true" ||
		res.Header.Get("Upload-Offset") != strconv.Itoa(offset) {
		t.Errorf("%s, want the repeat of %s at %d", res.Header, first.Header.Get("Location"), offset)
	}
}

func sameUpload(t *testing.T, s *system) {
	c := s.creating(t, 100, "Upload-Metadata", "filename aMOlbC5qcGc=")
	first := begin(c, nil).Want(http.StatusCreated)
	if first.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the first says that it is a repeat")
	}
	repeated(t, begin(c, nil), first, 0)
	chunk(s.tus(t), pathOf(t, first), 0, make([]byte, 30)).Want(http.StatusNoContent)
	repeated(t, begin(c, nil), first, 30)
}

func noByteTwice(t *testing.T, s *system) {
	photo := phonePhoto(t, 61)
	c := s.creating(t, len(photo))
	first := begin(c, photo[:500]).Want(http.StatusCreated)
	path := pathOf(t, first)
	for range 2 {
		repeated(t, begin(c, photo[:500]), first, 500)
	}
	chunk(s.tus(t), path, 500, photo[500:1000]).Want(http.StatusNoContent)
	repeated(t, begin(c, photo[:500]), first, 1000)
	id := chunk(s.tus(t), path, 1000, photo[1000:]).Want(http.StatusNoContent).Header.Get("Upload-Photo-Id")
	res := begin(c, photo[:500])
	if repeated(t, res, first, len(photo)); id == "" || res.Header.Get("Upload-Photo-Id") != id {
		t.Errorf("the photo is %q, and of the repeat %q", id, res.Header.Get("Upload-Photo-Id"))
	}
}

// The first was carried out as far as storing the upload, or cannot become a photo
// just now: the repeat, which holds the same bytes, adds what is missing.
func goesOn(t *testing.T, s *system) {
	photo := phonePhoto(t, 62)
	c, dir := s.creating(t, len(photo)), s.server.Resumable.Dir
	s.server.Resumable.Dir = dir + "/missing"
	first := begin(c, photo).Want(http.StatusCreated)
	s.server.Resumable.Dir = dir
	if at := first.Header.Get("Upload-Offset"); at != strconv.Itoa(len(photo)-1) {
		t.Fatalf("it stands at %s", at)
	}
	if res := begin(c, photo); res.Header.Get("Upload-Photo-Id") == "" {
		t.Errorf("the repeat has made no photo: %s", res.Header)
	} else {
		repeated(t, res, first, len(photo))
	}
	// A body that breaks off begins nothing, for nobody knows what the key is to stand for.
	before := s.count(t, "SELECT count(*) FROM uploads")
	key := s.key()
	server, err := url.Parse(s.Base())
	must(t, err)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Host)
	must(t, err)
	_, err = io.WriteString(conn, "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: "+strconv.Itoa(len(photo))+
		"\r\nIdempotency-Key: "+key+"\r\nContent-Type: "+octets+"\r\nContent-Length: "+strconv.Itoa(len(photo))+"\r\n\r\n"+string(photo[:700]))
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	must(t, err)
	must(t, conn.Close())
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || s.count(t, "SELECT count(*) FROM uploads") != before {
		t.Errorf("a body that breaks off: %s", answer)
	}
	if res := begin(s.creating(t, len(photo), "Idempotency-Key", key), photo).Want(http.StatusCreated); res.Header.Get("Idempotency-Replayed") != "" {
		t.Error("what was never received is repeated")
	}
}

func oneCallAKey(t *testing.T, s *system) {
	data := bytes.Repeat([]byte("x"), 50)
	c := s.creating(t, 100, "Upload-Metadata", altMetadata("Ett hål"))
	first := begin(c, data).Want(http.StatusCreated)
	before := s.count(t, "SELECT count(*) FROM uploads")
	for name, send := range map[string]func() apitest.Response{
		"another length":   func() apitest.Response { return begin(c.With("Upload-Length", "101"), data) },
		"a length later":   func() apitest.Response { return begin(with(c, "Upload-Length", "", "Upload-Defer-Length", "1"), data) },
		"another metadata": func() apitest.Response { return begin(c.With("Upload-Metadata", altMetadata("Ett annat")), data) },
		"no metadata":      func() apitest.Response { return begin(c.With("Upload-Metadata", ""), data) },
		"another body":     func() apitest.Response { return begin(c, bytes.Repeat([]byte("y"), 50)) },
		"a shorter body":   func() apitest.Response { return begin(c, data[:49]) },
		"a longer body":    func() apitest.Response { return begin(c, append(bytes.Clone(data), 'x')) },
		"no body":          func() apitest.Response { return begin(c.With("Content-Type", ""), nil) },
	} {
		if p := send().WantProblem(problem.Invalid); !p.Has("Idempotency-Key", "reused") {
			t.Errorf("%s: %+v", name, p)
		}
	}
	repeated(t, begin(c, data), first, 50)
	if n := s.count(t, "SELECT count(*) FROM uploads"); n != before {
		t.Errorf("%d uploads were stored", n-before)
	}
}

func refusedBurnsNoKey(t *testing.T, s *system) {
	photo := phonePhoto(t, 63)
	sum := sha1.Sum(photo)
	c := s.creating(t, len(photo), "Upload-Checksum", "sha1 "+base64.StdEncoding.EncodeToString(sum[:]))
	before := s.count(t, "SELECT count(*) FROM uploads")
	keys := s.count(t, "SELECT count(*) FROM idempotency_keys")
	for range 2 { // and is refused alike each time
		begin(c.With("Upload-Length", "20971521"), nil).Want(http.StatusRequestEntityTooLarge)
		begin(c.With("Upload-Length", "0"), nil).WantProblem(problem.Invalid)
		begin(c.With("Upload-Length", "10"), photo).Want(http.StatusRequestEntityTooLarge)
		begin(c, photo[:50]).Want(460)
		begin(c.With("Content-Type", "image/jpeg"), photo).Want(http.StatusUnsupportedMediaType)
		begin(with(c, "Upload-Length", "4", "Upload-Checksum", ""), []byte("text")).WantProblem(problem.Invalid)
		begin(with(c, "Upload-Defer-Length", "1", "Upload-Length", "", "Upload-Checksum", ""), make([]byte, 20<<20+1)).Want(http.StatusRequestEntityTooLarge)
	}
	if n, k := s.count(t, "SELECT count(*) FROM uploads"), s.count(t, "SELECT count(*) FROM idempotency_keys"); n != before || k != keys {
		t.Errorf("%d uploads and %d keys are left", n-before, k-keys)
	}
	if n := len(filesIn(t, filepath.Join(s.dir, "uploads"))); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if res := begin(c, photo).Want(http.StatusCreated); res.Header.Get("Idempotency-Replayed") != "" || res.Header.Get("Upload-Photo-Id") == "" {
		t.Errorf("%s", res.Header)
	}
}

func endedIsGone(t *testing.T, s *system) {
	c := s.creating(t, 100)
	path := pathOf(t, begin(c, nil).Want(http.StatusCreated))
	s.tus(t).Send(http.MethodDelete, path, nil).Want(http.StatusNoContent)
	for range 2 {
		begin(c, nil).WantProblem(problem.Gone)
	}
}

func uploadsOfEach(t *testing.T, s *system) {
	key, seen := s.key(), map[string]bool{}
	for _, who := range []*apitest.Client{s.Client, s.resident(t), s.resident(t)} {
		c := with(who.WithTest(t), "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Idempotency-Key", key)
		seen[pathOf(t, begin(c, nil).Want(http.StatusCreated))] = true
	}
	if len(seen) != 3 {
		t.Errorf("three callers got %d uploads", len(seen))
	}
}

func withoutAKey(t *testing.T, s *system) {
	if a, b := s.begun(t, 100), s.begun(t, 100); a == b {
		t.Error("two calls without a key are one")
	}
}

func formOfAKey(t *testing.T, s *system) {
	for _, bad := range []string{"short", strings.Repeat("k", 129), "sixteen and a space"} {
		problemAt(t, begin(s.creating(t, 100, "Idempotency-Key", bad), nil), http.StatusUnprocessableEntity, "Idempotency-Key")
	}
}
