package suite

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
)

const octets = "application/offset+octet-stream"

// tus is a client that speaks the protocol's version.
func (s *system) tus(t testing.TB) *apitest.Client { return s.in(t).With("Tus-Resumable", "1.0.0") }

// with sets headers, given as name, value, name, value.
func with(c *apitest.Client, headers ...string) *apitest.Client {
	for i := 0; i < len(headers); i += 2 {
		c = c.With(headers[i], headers[i+1])
	}
	return c
}

// begun creates an upload and returns its path.
func (s *system) begun(t testing.TB, length int, headers ...string) string {
	t.Helper()
	res := with(s.tus(t).With("Upload-Length", strconv.Itoa(length)), headers...).Send(http.MethodPost, "/v1/uploads", nil).Want(http.StatusCreated)
	return pathOf(t, res)
}

func pathOf(t testing.TB, res apitest.Response) string {
	t.Helper()
	at, err := url.Parse(res.Header.Get("Location"))
	must(t, err)
	if !strings.HasPrefix(at.Path, "/v1/uploads/") || at.Host != "report.example.se" {
		t.Fatalf("Location: %s", at)
	}
	return at.Path
}

// chunk sends a chunk.
func chunk(c *apitest.Client, path string, offset int, data []byte, headers ...string) apitest.Response {
	c = with(c.With("Content-Type", octets).With("Upload-Offset", strconv.Itoa(offset)), headers...)
	return c.Send(http.MethodPatch, path, data)
}

// stands asks where an upload stands.
func stands(t testing.TB, c *apitest.Client, path string) string {
	t.Helper()
	return c.WithTest(t).Send(http.MethodHead, path, nil).Want(http.StatusOK).Header.Get("Upload-Offset")
}

// TestTus walks the rules of the tus protocol 1.0.x that say MUST and apply here,
// by its sections (tus.io/protocols/resumable-upload).
func TestTus(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("headers", func(t *testing.T) { tusHeaders(t, s) })
		t.Run("HEAD", func(t *testing.T) { tusHead(t, s) })
		t.Run("PATCH", func(t *testing.T) { tusPatch(t, s) })
		t.Run("OPTIONS", func(t *testing.T) { tusOptions(t, s) })
		t.Run("creation", func(t *testing.T) { tusCreation(t, s) })
		t.Run("creation with upload", func(t *testing.T) { tusCreationWithUpload(t, s) })
		t.Run("creation with a length told later", func(t *testing.T) { tusDeferLength(t, s) })
		t.Run("expiration", func(t *testing.T) { tusExpiration(t, s) })
		t.Run("checksum", func(t *testing.T) { tusChecksum(t, s) })
		t.Run("termination", func(t *testing.T) { tusTermination(t, s) })
		t.Run("two at once", func(t *testing.T) { tusRace(t, s) })
		t.Run("a connection cut", func(t *testing.T) { tusCut(t, s) })
		t.Run("a photo of a report", func(t *testing.T) { tusPhoto(t, s) })
		t.Run("other origins", func(t *testing.T) { tusOrigins(t, s) })
	})
}

// "Tus-Resumable: MUST be included in every request and response except for
// OPTIONS"; another version is 412 with Tus-Version, and is not processed.
func tusHeaders(t *testing.T, s *system) {
	path := s.begun(t, 100)
	for _, version := range []string{"", "0.2.2", "1.0", "2.0.0", "nonsense"} {
		c := s.in(t).With("Tus-Resumable", version)
		for method, res := range map[string]apitest.Response{
			"POST":   c.With("Upload-Length", "5").Send(http.MethodPost, "/v1/uploads", nil),
			"HEAD":   c.Send(http.MethodHead, path, nil),
			"PATCH":  chunk(c, path, 0, []byte("x")),
			"DELETE": c.Send(http.MethodDelete, path, nil),
		} {
			if res.Status != http.StatusPreconditionFailed || res.Header.Get("Tus-Version") != "1.0.0" || res.Header.Get("Tus-Resumable") != "1.0.0" {
				t.Errorf("%s in %q: %s", method, version, res)
			}
		}
	}
	if at := stands(t, s.tus(t), path); at != "0" {
		t.Errorf("what was refused was processed: it stands at %s", at)
	}
	// "X-HTTP-Method-Override … MUST be interpreted as the request's method."
	res := with(s.tus(t), "X-HTTP-Method-Override", "PATCH", "Content-Type", octets, "Upload-Offset", "0").Send(http.MethodPost, path, []byte("x"))
	if res.Want(http.StatusNoContent); res.Header.Get("Upload-Offset") != "1" {
		t.Errorf("PATCH by POST: %s", res)
	}
	s.tus(t).With("X-HTTP-Method-Override", "DELETE").Send(http.MethodPost, path, nil).Want(http.StatusNoContent)
	s.tus(t).With("X-HTTP-Method-Override", "TRACE").Send(http.MethodPost, path, nil).Want(http.StatusMethodNotAllowed)
}

func tusHead(t *testing.T, s *system) {
	const metadata = "filename aMOlbC5qcGc=,is_confidential"
	path := s.begun(t, 100, "Upload-Metadata", metadata)
	chunk(s.tus(t), path, 0, make([]byte, 30)).Want(http.StatusNoContent)
	res := s.tus(t).Send(http.MethodHead, path, nil).Want(http.StatusOK)
	for name, want := range map[string]string{
		"Upload-Offset": "30", "Upload-Length": "100", "Cache-Control": "no-store", "Upload-Metadata": metadata, "Tus-Resumable": "1.0.0",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, missing := range []string{"/v1/uploads/" + strings.Repeat("A", 52), path + "x", "/v1/uploads/.."} {
		res := s.tus(t).Send(http.MethodHead, missing, nil).Want(http.StatusNotFound)
		if res.Header.Get("Upload-Offset") != "" { // "MUST NOT include"
			t.Errorf("%s: %s", missing, res.Header)
		}
	}
	// GET is not of the protocol: it is for programs that only look.
	var look struct{ Offset, Length int }
	s.in(t).Get(path).Want(http.StatusOK).JSON(&look)
	if look.Offset != 30 || look.Length != 100 {
		t.Errorf("GET: %+v", look)
	}
}

func tusPatch(t *testing.T, s *system) {
	path := s.begun(t, 100)
	tests := []struct {
		name    string
		offset  string
		data    int
		headers []string
		want    int
	}{
		{"another content type", "0", 10, []string{"Content-Type", "application/octet-stream"}, 415},
		{"JSON", "0", 10, []string{"Content-Type", "application/json"}, 415},
		{"an offset that is not the current one", "1", 10, nil, 409},
		{"no offset", "", 10, nil, 400},
		{"a negative offset", "-1", 10, nil, 400},
		{"an offset out of all bounds", "99999999999999999999999999", 10, nil, 400},
		{"an offset that would wrap", "9223372036854775807", 10, nil, 400},
		{"a large offset", "999999999999999", 10, nil, 409},
		{"an offset in hexadecimal", "0x0", 10, nil, 400},
		{"an offset with a sign", "+0", 10, nil, 400},
		{"more than the length", "0", 101, nil, 413},
		{"a length that contradicts", "0", 10, []string{"Upload-Length", "99"}, 422},
		{"a chunk", "0", 10, nil, 204},
		{"the same chunk again", "0", 10, nil, 409},
		{"nothing", "10", 0, nil, 204},
	}
	for _, tt := range tests {
		c := with(s.tus(t).With("Content-Type", octets).With("Upload-Offset", tt.offset), tt.headers...)
		if res := c.Send(http.MethodPatch, path, make([]byte, tt.data)); res.Status != tt.want {
			t.Errorf("%s: %d, want %d\n%s", tt.name, res.Status, tt.want, res)
		}
	}
	if at := stands(t, s.tus(t), path); at != "10" {
		t.Errorf("it stands at %s", at)
	}
	// Without a length, as a program that streams sends it.
	res := with(s.tus(t), "Content-Type", octets, "Upload-Offset", "10").Send(http.MethodPatch, path, io.MultiReader(bytes.NewReader(make([]byte, 20))))
	if res.Want(http.StatusNoContent); res.Header.Get("Upload-Offset") != "30" || res.Header.Get("Upload-Expires") == "" {
		t.Errorf("chunked: %s", res.Header)
	}
	res = with(s.tus(t), "Content-Type", octets, "Upload-Offset", "30").Send(http.MethodPatch, path, io.MultiReader(bytes.NewReader(make([]byte, 71))))
	res.Want(http.StatusRequestEntityTooLarge)
	chunk(s.tus(t), "/v1/uploads/"+strings.Repeat("A", 52), 0, []byte("x")).Want(http.StatusNotFound)
}

func tusOptions(t *testing.T, s *system) {
	// "The Client SHOULD NOT include Tus-Resumable, the Server MUST ignore it."
	for _, version := range []string{"", "0.1"} {
		res := s.in(t).With("Tus-Resumable", version).Send(http.MethodOptions, "/v1/uploads", nil).Want(http.StatusNoContent)
		for name, want := range map[string]string{
			"Tus-Version": "1.0.0", "Tus-Max-Size": "20971520", "Tus-Checksum-Algorithm": "sha1,sha256", "Tus-Resumable": "",
			"Tus-Extension": "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

func tusCreation(t *testing.T, s *system) {
	long := base64.StdEncoding.EncodeToString(make([]byte, 4096))
	tests := []struct {
		name    string
		headers []string
		want    int
	}{
		{"without a length", nil, 400},
		{"with a negative length", []string{"Upload-Length", "-1"}, 400},
		{"with a length that is none", []string{"Upload-Length", "1e3"}, 400},
		{"with an empty length", []string{"Upload-Length", " "}, 400},
		{"of nothing", []string{"Upload-Length", "0"}, 422},
		{"of the most", []string{"Upload-Length", "20971520"}, 201},
		{"of more than the most", []string{"Upload-Length", "20971521"}, 413},
		{"of more than there is", []string{"Upload-Length", "999999999999999"}, 413},
		{"of more than a number holds", []string{"Upload-Length", "99999999999999999999"}, 400},
		{"with a length told later", []string{"Upload-Defer-Length", "1"}, 201},
		{"with Upload-Defer-Length other than 1", []string{"Upload-Defer-Length", "2"}, 400},
		{"with both", []string{"Upload-Defer-Length", "1", "Upload-Length", "5"}, 400},
		{"with metadata", []string{"Upload-Length", "5", "Upload-Metadata", "filename d29ybGQ=,empty"}, 201},
		{"with empty metadata", []string{"Upload-Length", "5", "Upload-Metadata", " "}, 201},
		{"with metadata not in base64", []string{"Upload-Length", "5", "Upload-Metadata", "filename å!"}, 400},
		{"with a key twice", []string{"Upload-Length", "5", "Upload-Metadata", "a YQ==,a Yg=="}, 400},
		{"with an empty key", []string{"Upload-Length", "5", "Upload-Metadata", "a YQ==,,b Yg=="}, 400},
		{"with too much metadata", []string{"Upload-Length", "5", "Upload-Metadata", "a " + long}, 400},
		{"as some clients send it, with a form's content type", []string{"Upload-Length", "5", "Content-Type", "application/x-www-form-urlencoded"}, 201},
	}
	for _, tt := range tests {
		if res := with(s.tus(t), tt.headers...).Send(http.MethodPost, "/v1/uploads", nil); res.Status != tt.want {
			t.Errorf("%s: %d, want %d\n%s", tt.name, res.Status, tt.want, res)
		}
	}
	if a, b := s.begun(t, 5), s.begun(t, 5); a == b || len(a) < len("/v1/uploads/")+43 {
		t.Errorf("addresses %s and %s", a, b)
	}
	s.in(t).With("Authorization", "Bearer kst_no-such-token").With("Tus-Resumable", "1.0.0").With("Upload-Length", "5").
		Send(http.MethodPost, "/v1/uploads", nil).Want(http.StatusUnauthorized)
}

func tusCreationWithUpload(t *testing.T, s *system) {
	photo := phonePhoto(t, 41)
	create := with(s.tus(t), "Upload-Length", strconv.Itoa(len(photo)), "Content-Type", octets)
	res := create.Send(http.MethodPost, "/v1/uploads", photo[:50]).Want(http.StatusCreated)
	if res.Header.Get("Upload-Offset") != "50" { // "MUST include the Upload-Offset header"
		t.Errorf("a part of it: %s", res.Header)
	}
	chunk(s.tus(t), pathOf(t, res), 50, photo[50:]).Want(http.StatusNoContent)
	res = create.Send(http.MethodPost, "/v1/uploads", photo).Want(http.StatusCreated)
	var made struct {
		PhotoID string `json:"photo_id"`
	}
	if res.JSON(&made); made.PhotoID == "" || res.Header.Get("Upload-Photo-Id") != made.PhotoID || res.Header.Get("Upload-Suggestion") == "" {
		t.Errorf("all of it: %s %s", res.Header, res)
	}
	// All of it has come and cannot be read just now: the sender goes on from before
	// the last byte.
	dir := s.server.Resumable.Dir
	s.server.Resumable.Dir = dir + "/missing"
	res = create.Send(http.MethodPost, "/v1/uploads", photo).Want(http.StatusCreated)
	late := chunk(s.tus(t), pathOf(t, res), len(photo)-1, photo[len(photo)-1:]).Want(http.StatusServiceUnavailable)
	s.server.Resumable.Dir = dir
	if res.Header.Get("Upload-Offset") != strconv.Itoa(len(photo)-1) || late.Header.Get("Retry-After") == "" {
		t.Errorf("not just now: %s, then %s", res.Header, late.Header)
	}
	chunk(s.tus(t), pathOf(t, res), len(photo)-1, photo[len(photo)-1:]).Want(http.StatusNoContent)
	before := s.count(t, "SELECT count(*) FROM uploads")
	create.With("Content-Type", "image/jpeg").Send(http.MethodPost, "/v1/uploads", photo).Want(http.StatusUnsupportedMediaType)
	create.Send(http.MethodPost, "/v1/uploads", append(bytes.Clone(photo), 'x')).Want(http.StatusRequestEntityTooLarge)
	create.With("Upload-Length", "4").Send(http.MethodPost, "/v1/uploads", []byte("text")).Want(http.StatusUnprocessableEntity)
	create.With("Upload-Checksum", "sha1 "+strings.Repeat("A", 27)+"=").Send(http.MethodPost, "/v1/uploads", photo[:50]).Want(460)
	if n := s.count(t, "SELECT count(*) FROM uploads"); n != before {
		t.Errorf("%d uploads are left of which nobody knows", n-before)
	}
}

func tusDeferLength(t *testing.T, s *system) {
	photo := phonePhoto(t, 42)
	path := pathOf(t, s.tus(t).With("Upload-Defer-Length", "1").Send(http.MethodPost, "/v1/uploads", nil).Want(http.StatusCreated))
	chunk(s.tus(t), path, 0, photo[:70]).Want(http.StatusNoContent)
	// "The response MUST contain Upload-Defer-Length: 1 until the length is known."
	if res := s.tus(t).Send(http.MethodHead, path, nil); res.Header.Get("Upload-Defer-Length") != "1" || res.Header.Get("Upload-Length") != "" {
		t.Errorf("HEAD: %s", res.Header)
	}
	chunk(s.tus(t), path, 70, nil, "Upload-Length", "20971521").Want(http.StatusRequestEntityTooLarge)
	chunk(s.tus(t), path, 70, nil, "Upload-Length", "69").Want(http.StatusUnprocessableEntity)
	length := strconv.Itoa(len(photo))
	chunk(s.tus(t), path, 70, photo[70:80], "Upload-Length", length).Want(http.StatusNoContent)
	chunk(s.tus(t), path, 80, photo[80:90], "Upload-Length", "5000").Want(http.StatusUnprocessableEntity) // "MUST NOT be changed"
	if res := chunk(s.tus(t), path, 80, photo[80:], "Upload-Length", length).Want(http.StatusNoContent); res.Header.Get("Upload-Photo-Id") == "" {
		t.Errorf("the last chunk: %s", res.Header)
	}
}

func tusExpiration(t *testing.T, s *system) {
	path := s.begun(t, 100)
	res := chunk(s.tus(t), path, 0, []byte("x")).Want(http.StatusNoContent)
	at, err := http.ParseTime(res.Header.Get("Upload-Expires")) // RFC 9110
	must(t, err)
	if left := at.Sub(s.now()); left.Hours() < 22 || left.Hours() > 24 {
		t.Errorf("it expires in %v", left)
	}
	s.pass(at.Sub(s.now()) + time.Second) // the header has whole seconds
	s.tus(t).Send(http.MethodHead, path, nil).Want(http.StatusNotFound)
	chunk(s.tus(t), path, 1, []byte("x")).Want(http.StatusNotFound)
	must(t, s.server.Resumable.Sweep(t.Context()))
	if n := s.count(t, "SELECT count(*) FROM uploads"); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	if n := s.blobs(t, "uploads"); n != 0 {
		t.Errorf("%d original files are left", n)
	}
}

func tusChecksum(t *testing.T, s *system) {
	path := s.begun(t, 100)
	sum := sha1.Sum([]byte("hello"))
	good := "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	for name, tt := range map[string]struct {
		header string
		want   int
	}{
		"an algorithm that is not spoken": {"md5 XrY7u+Ae7tCTyyK7j1rNww==", 400},
		"no algorithm":                    {"XrY7u+Ae7tCTyyK7j1rNww==", 400},
		"a sum of another size":           {"sha1 XrY7u+Ae7tCTyyK7j1rNww==", 400},
		"a sum that is none":              {"sha1 !", 400},
		"another sum":                     {"sha1 " + strings.Repeat("A", 27) + "=", 460},
	} {
		if res := chunk(s.tus(t), path, 0, []byte("hello"), "Upload-Checksum", tt.header); res.Status != tt.want {
			t.Errorf("%s: %d, want %d\n%s", name, res.Status, tt.want, res)
		}
		if at := stands(t, s.tus(t), path); at != "0" { // "the chunk MUST be discarded"
			t.Errorf("%s: it stands at %s", name, at)
		}
	}
	chunk(s.tus(t), path, 0, []byte("hello"), "Upload-Checksum", good).Want(http.StatusNoContent)
}

func tusTermination(t *testing.T, s *system) {
	before := s.blobs(t, "uploads")
	path := s.begun(t, 100)
	chunk(s.tus(t), path, 0, []byte("hello")).Want(http.StatusNoContent)
	s.tus(t).Send(http.MethodDelete, path, nil).Want(http.StatusNoContent)
	for _, method := range []string{http.MethodHead, http.MethodDelete, http.MethodGet} { // "MUST be 404 or 410"
		s.tus(t).Send(method, path, nil).Want(http.StatusNotFound)
	}
	if n := s.blobs(t, "uploads"); n != before {
		t.Errorf("%d original files are left", n-before)
	}
}
