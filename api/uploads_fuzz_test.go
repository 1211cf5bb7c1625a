package api

import (
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

// Whatever stands in the protocol's headers is understood within its bounds, or is
// a problem that the client may see.
func FuzzUploadHeaders(f *testing.F) {
	f.Add("100", "0", "filename d29ybGQ=,is_confidential", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")
	f.Add("-1", "99999999999999999999", "a YQ==,a YQ==", "md5 x")
	f.Add("", "1", " ", "sha256 "+strings.Repeat("A", 43)+"=")
	f.Add("0x10", "00", ", ,", "sha1")
	f.Add("5", "1", "alt ZXR0IGjDpWw=", "")
	f.Add("5", "1", "alt AA==", "")
	f.Fuzz(func(t *testing.T, length, later, metadata, sum string) {
		h := http.Header{}
		for name, value := range map[string]string{
			"Upload-Length": length, "Upload-Defer-Length": later, "Upload-Metadata": metadata, "Upload-Checksum": sum,
		} {
			h[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		}
		if _, err := creationLength(h); err != nil {
			mayBeShown(t, err, problem.BadRequest)
		} else {
			t.Fatal("a length that is told, and told later, is taken")
		}
		if n, err := headerNumber(h, "Upload-Length"); err != nil {
			mayBeShown(t, err, problem.BadRequest)
		} else if n < 0 || strings.TrimLeft(decimal(n), "0") != strings.TrimLeft(length, "0") && n != 0 {
			t.Fatalf("%q is read as %d", length, n)
		}
		if text, alt, err := uploadMetadata(h); err != nil {
			mayBeShown(t, err, problem.BadRequest, problem.Invalid)
		} else if len(text) > maxMetadata || text != "" && text != metadata {
			t.Fatalf("%q is kept as %q", metadata, text)
		} else if again, err := photo.CheckAlt("alt", alt); err != nil || again != alt {
			t.Fatalf("%q says that the photo shows %q (%v)", metadata, alt, err)
		}
		checkSum(t, h)
	})
}

func checkSum(t *testing.T, h http.Header) {
	t.Helper()
	c, err := uploadChecksum(h)
	if err != nil {
		mayBeShown(t, err, problem.BadRequest)
		return
	}
	if c == nil || len(c.Sum) != c.Hash.Size() {
		t.Fatalf("%q is read as %+v", h, c)
	}
	delete(h, "Upload-Length")
	if n, err := headerNumber(h, "Upload-Length"); n != upload.Unknown || err != nil {
		t.Fatalf("no length is %d, %v", n, err)
	}
}
