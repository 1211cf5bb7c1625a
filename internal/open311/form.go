package open311

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// Limits bounds what is read of a post.
type Limits struct {
	// FormBytes is how much all fields may take together.
	FormBytes int64
	// Files is how many files are taken, FileBytes how large each may be.
	Files     int
	FileBytes int64
}

// all is the most that a body within the limits can hold: the separators and
// headers of multipart beside the fields and the files.
func (l Limits) all() int64 {
	const headers = 1 << 20
	return l.FormBytes + int64(l.Files)*l.FileBytes + headers
}

// errTooLarge is what a capped reader gives beyond its limit.
var errTooLarge = errors.New("read body: larger than is read")

// capped reads at most left bytes of r and then fails, where an
// [io.LimitedReader] would say that all is well. It keeps the first error but
// io.EOF.
type capped struct {
	r    io.Reader
	left int64
	err  error
}

func (c *capped) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if int64(len(b)) > c.left+1 {
		b = b[:c.left+1]
	}
	n, err := c.r.Read(b)
	if int64(n) > c.left {
		n, err = int(c.left), errTooLarge
	}
	c.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// ParsePost reads the body of POST requests: a form, with or without files. What
// the body does not have is looked for in the query; contentType and rawQuery are
// as they came.
//
// keep is called for each file, in order, and must read it to its end; it may be
// nil, and files are then skipped. A file may come before the fields do: nothing
// is known of who sends it, neither the key, so what is kept must be thrown away
// if the post is refused. A [*problem.Error] of keep refuses the post.
//
// Errors are the client's faults, all that could be found; the error is keep's,
// where that is neither. A read that fails is taken for the client's fault.
func ParsePost(contentType, rawQuery string, body io.Reader, limits Limits, keep func(File) error) (Post, Errors, error) {
	in := &capped{r: body, left: limits.all()}
	var p Params
	var errs Errors
	var err error
	switch media, _, _ := strings.Cut(contentType, ";"); strings.ToLower(strings.TrimSpace(media)) {
	case "application/x-www-form-urlencoded", "":
		p, errs = readForm(in, contentType, limits.FormBytes)
	case "multipart/form-data":
		m := multipartReader{limits: limits, keep: keep, params: make(Params)}
		errs, err = m.read(in, contentType)
		p = m.params
	default:
		errs = Errors{{http.StatusUnsupportedMediaType,
			"The body must be application/x-www-form-urlencoded or multipart/form-data."}}
	}
	if err != nil || len(errs) > 0 {
		return Post{}, errs, err
	}
	for key, values := range ParseQuery(rawQuery) {
		if p.Get(key) == "" {
			p[key] = values
		}
	}
	post := p.post(&errs)
	return post, errs, nil
}

// readForm reads a form in one piece.
func readForm(body io.Reader, contentType string, limit int64) (Params, Errors) {
	raw, err := io.ReadAll(&capped{r: body, left: limit})
	if err != nil {
		return nil, readFault(err)
	}
	if isLatin1(contentType) {
		return parsePairs(string(raw), latin1), nil
	}
	return ParseQuery(string(raw)), nil
}

// isLatin1 reports whether a content type says so.
func isLatin1(contentType string) bool {
	c := strings.ToLower(contentType)
	return strings.Contains(c, "charset=iso-8859-1") || strings.Contains(c, `charset="iso-8859-1"`)
}

// readFault says what is wrong with a body that cannot be read to its end.
func readFault(err error) Errors {
	var tooLarge *http.MaxBytesError
	if errors.Is(err, errTooLarge) || errors.As(err, &tooLarge) {
		return Errors{{http.StatusRequestEntityTooLarge, "The body is larger than is read here."}}
	}
	return Errors{{http.StatusBadRequest, "The body cannot be read: it ends too early or is not what its Content-Type says."}}
}
