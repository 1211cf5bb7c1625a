package api

import (
	"crypto/sha1" //nolint:gosec // the tus protocol demands SHA-1; it guards against broken lines, not against people
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/upload"
)

// checksumNames are the algorithms of Upload-Checksum, as OPTIONS lists them.
const checksumNames = "sha1,sha256"

// newChecksum returns a hash by its name in the protocol, nil for another name.
func newChecksum(name string) hash.Hash {
	switch name {
	case "sha1":
		return sha1.New() //nolint:gosec // see the import
	case "sha256":
		return sha256.New()
	}
	return nil
}

// maxMetadata is how many bytes of Upload-Metadata are kept.
const maxMetadata = 4 << 10

// wholeNumber is what the protocol calls a non-negative integer, as far as an
// upload here can need one.
var wholeNumber = regexp.MustCompile(`^[0-9]{1,15}$`)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// badHeader is the refusal of a header that has no meaning.
func badHeader(name, code, detail string) error {
	return &problem.Error{Kind: problem.BadRequest, Detail: name + " " + detail,
		Fields: []problem.FieldError{{Field: name, Code: code, Detail: detail}}}
}

// headerNumber reads a header that is a number; upload.Unknown if it is not there.
func headerNumber(h http.Header, name string) (int64, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return upload.Unknown, nil
	}
	if len(values) > 1 {
		return 0, badHeader(name, codeDuplicate, "stands more than once")
	}
	if !wholeNumber.MatchString(values[0]) {
		return 0, badHeader(name, codeType, "must be a number of bytes, such as 1048576")
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return 0, badHeader(name, codeOutOfRange, "is out of all bounds")
	}
	return n, nil
}

func requiredNumber(h http.Header, name string) (int64, error) {
	n, err := headerNumber(h, name)
	if err == nil && n == upload.Unknown {
		return 0, badHeader(name, codeRequired, "is required")
	}
	return n, err
}

// creationLength reads how long a new upload will be: Upload-Length, or that it
// will be told later.
func creationLength(h http.Header) (int64, error) {
	length, err := headerNumber(h, "Upload-Length")
	if err != nil {
		return 0, err
	}
	later := h.Values("Upload-Defer-Length")
	switch {
	case len(later) == 0 && length == upload.Unknown:
		return 0, badHeader("Upload-Length", codeRequired, "is required, or Upload-Defer-Length: 1")
	case len(later) > 1 || len(later) == 1 && later[0] != "1":
		return 0, badHeader("Upload-Defer-Length", codeUnknown, "must be 1")
	case len(later) == 1 && length != upload.Unknown:
		return 0, badHeader("Upload-Defer-Length", codeUnknown, "contradicts Upload-Length: send one of them")
	}
	return length, nil
}

// metadataKey is a key of Upload-Metadata: ASCII without spaces and commas.
var metadataKey = regexp.MustCompile(`^[!-+\--~]+$`)

// altKey is the key of Upload-Metadata that says what the photo shows.
const altKey = "alt"

// uploadMetadata returns the Upload-Metadata header as it was sent, and what it says
// that the photo shows: pairs of a key and a value in base64, parted by commas; HEAD
// gives it back.
func uploadMetadata(h http.Header) (metadata, alt string, err error) {
	const name = "Upload-Metadata"
	values := h.Values(name)
	if len(values) == 0 || len(values) == 1 && strings.TrimSpace(values[0]) == "" {
		return "", "", nil // some clients send it empty
	}
	if len(values) > 1 {
		return "", "", badHeader(name, codeDuplicate, "stands more than once")
	}
	if len(values[0]) > maxMetadata {
		return "", "", badHeader(name, codeTooLong, "has at most 4096 bytes")
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(values[0], ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil || !metadataKey.MatchString(key) {
			return "", "", badHeader(name, codePattern, "must be pairs of a key and a value in base64, parted by commas")
		}
		if seen[key] {
			return "", "", badHeader(name, codeDuplicate, "has a key twice")
		}
		seen[key] = true
		if key != altKey {
			continue
		}
		if alt, err = photo.CheckAlt(altKey, string(text)); err != nil {
			return "", "", err
		}
	}
	return values[0], alt, nil
}

// uploadChecksum reads Upload-Checksum: the name of an algorithm and the sum in
// base64; nil if it is not there.
func uploadChecksum(h http.Header) (*upload.Checksum, error) {
	const name = "Upload-Checksum"
	values := h.Values(name)
	if len(values) == 0 {
		return nil, nil //nolint:nilnil // no checksum is no error
	}
	algorithm, text, _ := strings.Cut(values[0], " ")
	sum := &upload.Checksum{Hash: newChecksum(algorithm)}
	if len(values) > 1 || sum.Hash == nil {
		return nil, badHeader(name, codeUnknown, "must be one sum by one of "+checksumNames)
	}
	var err error
	if sum.Sum, err = base64.StdEncoding.Strict().DecodeString(text); err != nil || len(sum.Sum) != sum.Hash.Size() {
		return nil, badHeader(name, codePattern, "must be the name of an algorithm and its sum in base64")
	}
	return sum, nil
}

// suggestionHeader writes what a photo told of itself as a dictionary of RFC 9651,
// for the answer to a last chunk, which may have no body.
func suggestionHeader(sg photo.Suggestion) string {
	var members []string
	if at := sg.Position; at != nil {
		members = append(members, "lat="+fixed(at.Lat), "lon="+fixed(at.Lon))
	}
	if d := sg.Direction; d != nil {
		members = append(members, "direction="+strconv.FormatFloat(*d, 'f', 3, 64))
	}
	if !sg.Taken.IsZero() {
		members = append(members, "taken-at="+strconv.Quote(sg.Taken.UTC().Format(time.RFC3339)))
	}
	return strings.Join(members, ", ")
}

// fixed writes degrees to a decimetre, as RFC 9651 writes a decimal.
func fixed(degrees float64) string { return strconv.FormatFloat(degrees, 'f', 6, 64) }
