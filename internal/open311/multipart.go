package open311

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"

	"github.com/kantsten/kantsten/internal/problem"
)

// File is a picture within a post.
type File struct {
	Name        string // of the form field
	ContentType string // as the client says, possibly wrong or empty
	// Body gives an error once it is longer than the limit.
	Body io.Reader
}

// fileField matches the fields in which clients send pictures: media (three,
// CUTR, uReport, GeoReporter), photo1… and file_… (FixMyStreet).
var fileField = regexp.MustCompile(`^(media|photos?[0-9]*|files?|file_.*)(\[[0-9]*\])?$`)

// maxParts bounds the parts of a body; each costs a header.
const maxParts = 1000

// multipartReader reads the parts of one body.
type multipartReader struct {
	limits Limits
	keep   func(File) error
	params Params

	files     int
	formBytes int64
}

// read reads all parts. It stops at the first fault: what follows it cannot be
// trusted to be whole.
func (m *multipartReader) read(body io.Reader, contentType string) (Errors, error) {
	mark := boundary(contentType)
	if mark == "" {
		return Errors{{http.StatusBadRequest, "The Content-Type names no boundary."}}, nil
	}
	in := &tail{r: body}
	parts := multipart.NewReader(in, mark)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && bytes.Contains(in.last, []byte("--"+mark+"--")):
			return nil, nil
		case err != nil:
			return readFault(err), nil
		case n == maxParts:
			return Errors{{http.StatusBadRequest, fmt.Sprintf("At most %d parts are read.", maxParts)}}, nil
		}
		if errs, err := m.part(part); len(errs) > 0 || err != nil {
			return errs, err
		}
	}
}

// tail keeps the end of what was read. [multipart.Reader] gives io.EOF for a body
// that is cut within a part's header as for one that is whole, and a picture
// would be lost without a word; so the closing boundary must have been seen.
type tail struct {
	r    io.Reader
	last []byte
}

// maxTail is more than a multipart.Reader reads ahead (4 KiB), twice over.
const maxTail = 8 << 10

func (t *tail) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.last = append(t.last, b[:n]...)
	if extra := len(t.last) - maxTail; extra > 0 {
		t.last = t.last[:copy(t.last, t.last[extra:])]
	}
	return n, err
}

// part reads one part: a file or a field. Files in fields of other names are
// skipped.
func (m *multipartReader) part(part *multipart.Part) (Errors, error) {
	key := utf8Text(fieldName(part))
	contentType := part.Header.Get("Content-Type")
	isFile := part.FileName() != "" || contentType != "" && !strings.HasPrefix(strings.ToLower(contentType), "text/")
	switch {
	case isFile && fileField.MatchString(key):
		in := bufio.NewReader(part)
		if _, err := in.Peek(1); part.FileName() == "" && errors.Is(err, io.EOF) {
			return nil, nil // a browser's form in which no file was chosen
		}
		return m.file(File{Name: key, ContentType: contentType, Body: in})
	case part.FileName() != "":
		return nil, nil
	}
	in := &capped{r: part, left: m.limits.FormBytes - m.formBytes}
	raw, err := io.ReadAll(in)
	if err != nil {
		return readFault(err), nil
	}
	m.formBytes += int64(len(raw))
	toText := utf8Text
	if isLatin1(contentType) {
		toText = latin1
	}
	m.params.add(key, toText(string(raw)))
	return nil, nil
}

// file hands one file to keep and tells whose fault a failure is.
func (m *multipartReader) file(f File) (Errors, error) {
	if m.keep == nil {
		return nil, nil
	}
	if m.files++; m.files > m.limits.Files {
		return Errors{{http.StatusBadRequest, fmt.Sprintf("At most %d files are taken.", m.limits.Files)}}, nil
	}
	body := &capped{r: f.Body, left: m.limits.FileBytes}
	f.Body = body
	err := m.keep(f)
	switch p := problem.As(err); {
	case errors.Is(body.err, errTooLarge):
		return Errors{{http.StatusRequestEntityTooLarge, fmt.Sprintf("%s: the file is larger than %d bytes.", f.Name, m.limits.FileBytes)}}, nil
	case body.err != nil:
		return readFault(body.err), nil
	case p != nil:
		return FromProblem(p), nil
	case err != nil:
		return nil, fmt.Errorf("keep file: %w", err)
	}
	return nil, nil
}

// nameParameter finds name= in a Content-Disposition that mime does not take.
var nameParameter = regexp.MustCompile(`(?i);\s*name="?([^";]*)"?`)

// fieldName returns the name of a part's field.
func fieldName(part *multipart.Part) string {
	if n := part.FormName(); n != "" {
		return n
	}
	if m := nameParameter.FindStringSubmatch(part.Header.Get("Content-Disposition")); m != nil {
		return m[1]
	}
	return ""
}

// boundaryParameter finds the boundary, in quotes or bare. A bare one may hold
// characters that RFC 2045 wants quoted: CUTR's Android client sends
// "boundary====1795===".
var boundaryParameter = regexp.MustCompile(`(?i);\s*boundary=(?:"([^"]{1,200})"|([^";\s][^;\s]{0,199}))`)

// boundary returns what separates the parts, "" if the content type does not
// say.
func boundary(contentType string) string {
	m := boundaryParameter.FindStringSubmatch(contentType)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}
