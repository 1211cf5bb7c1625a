package suite

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func tusRace(t *testing.T, s *system) {
	path := s.begun(t, 100_000)
	data := bytes.Repeat([]byte("x"), 10_000)
	var wg sync.WaitGroup
	var got [8]int
	for i := range got {
		wg.Go(func() { got[i] = chunk(s.tus(t), path, 0, data).Status })
	}
	wg.Wait()
	won := 0
	for _, status := range got {
		if status == http.StatusNoContent {
			won++
		} else if status != http.StatusConflict {
			t.Errorf("got %d", status)
		}
	}
	if at := stands(t, s.tus(t), path); won != 1 || at != "10000" {
		t.Errorf("%d of the senders went on, and it stands at %s", won, at)
	}
}

// A connection that breaks in the middle of a PATCH leaves what has arrived.
func tusCut(t *testing.T, s *system) {
	path := s.begun(t, 100_000)
	server, err := url.Parse(s.Base())
	must(t, err)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Host)
	must(t, err)
	_, err = io.WriteString(conn, "PATCH "+path+" HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: "+octets+"\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 5000))
	must(t, err)
	must(t, conn.Close())
	eventually(t, "the half chunk", func() bool { return stands(t, s.tus(t), path) == "5000" })
	chunk(s.tus(t), path, 5000, make([]byte, 100)).Want(http.StatusNoContent)
}

// tusPhoto takes a photo all the way: a report names it, and nothing of the
// original is left.
func tusPhoto(t *testing.T, s *system) {
	before, photo := s.blobs(t, "uploads"), phonePhoto(t, 43)
	path := s.begun(t, len(photo))
	half := len(photo) / 2
	if res := chunk(s.tus(t), path, 0, photo[:half]).Want(http.StatusNoContent); res.Header.Get("Upload-Photo-Id") != "" {
		t.Errorf("half a photo is one: %s", res.Header)
	}
	res := chunk(s.tus(t), path, half, photo[half:]).Want(http.StatusNoContent)
	id := res.Header.Get("Upload-Photo-Id")
	if got := res.Header.Get("Upload-Suggestion"); got != `lat=62.390833, lon=17.306944, direction=271.500, taken-at="2026-05-04T11:14:15Z"` {
		t.Errorf("the suggestion is %q", got)
	}
	head := s.tus(t).Send(http.MethodHead, path, nil).Want(http.StatusOK)
	if head.Header.Get("Upload-Photo-Id") != id || head.Header.Get("Upload-Offset") != strconv.Itoa(len(photo)) || head.Header.Get("Upload-Suggestion") != "" {
		t.Errorf("HEAD: %s", head.Header)
	}
	var look struct {
		PhotoID string `json:"photo_id"`
	}
	s.in(t).Get(path).Want(http.StatusOK).JSON(&look)
	r := s.filed(t, inSundsvall, fields{"photos": []string{look.PhotoID}})
	if look.PhotoID != id || len(r.Photos) != 1 || r.Photos[0].Id != id {
		t.Errorf("the report shows %v, want %s", r.Photos, id)
	}
	free(t, s.in(t).Get(strings.TrimPrefix(r.Photos[0].Renditions["2048"], baseURL)).Want(http.StatusOK).Body)
	if n := s.blobs(t, "uploads"); n != before {
		t.Errorf("%d original files are left", n-before)
	}
	s.in(t).Get("/uploads/" + strings.TrimPrefix(path, "/v1/uploads/")).Want(http.StatusNotFound)
}

// tusOrigins: a page of another origin may send a photo, without credentials.
func tusOrigins(t *testing.T, s *system) {
	path := s.begun(t, 100)
	for method, at := range map[string]string{"POST": "/v1/uploads", "PATCH": path, "HEAD": path, "DELETE": path} {
		asked := with(s.in(t), "Origin", "https://other.example", "Access-Control-Request-Method", method,
			"Access-Control-Request-Headers", "tus-resumable, upload-length, upload-offset, content-type")
		h := asked.Send(http.MethodOptions, at, nil).Want(http.StatusNoContent).Header
		if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), method) ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Tus-Resumable") || strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("%s %s: %s", method, at, h)
		}
	}
	h := s.tus(t).With("Origin", "https://other.example").Send(http.MethodHead, path, nil).Header
	if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Upload-Photo-Id") {
		t.Errorf("HEAD: %s", h)
	}
	signed := s.resident(t).WithTest(t).With("Tus-Resumable", "1.0.0").Send(http.MethodHead, path, nil).Want(http.StatusOK)
	if signed.Header.Get("Access-Control-Allow-Origin") != "" || signed.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("with credentials: %s", signed.Header)
	}
	// Elsewhere nothing has changed: other pages only read.
	h = with(s.in(t), "Access-Control-Request-Method", "POST").Send(http.MethodOptions, "/v1/reports", nil).Header
	if h.Get("Access-Control-Allow-Methods") != "GET, HEAD" {
		t.Errorf("/v1/reports: %s", h)
	}
}
