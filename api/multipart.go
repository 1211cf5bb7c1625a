package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strconv"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

const (
	maxPhotos     = 10
	maxPhotoBytes = 20 << 20
	retryStorage  = 10 * time.Second
)

// formLimits says which parts a multipart body may have.
type formLimits struct {
	Report     bool  // a part "report" must be there; else it may not
	Photos     int   // how many parts "photo" at most
	PhotoBytes int64 // how many bytes each
	Place      bool  // parts that are a position may be there
	Alt        bool  // parts "alt" may be there, one for each photo
	// Dir is a private folder for photos on their way; "" is the system's.
	Dir string
}

// form is a multipart body that has been read. Close it.
type form struct {
	Report []byte // the JSON, not yet checked
	Photos []*sentPhoto
	Place  *formPlace // nil if none was given
	alts   []string   // what the photos show, in the order of their parts
	slots  int        // how many parts "photo" there were, those without a file too
}

// sentPhoto is one photo as it came, in an unnamed file that goes with the process.
type sentPhoto struct {
	file   *os.File
	Size   int64
	SHA256 [sha256.Size]byte // of the bytes, for the fingerprint of the request
	slot   int               // which of the parts "photo" it was
}

// Reader returns a reader of the whole photo; there may be several at a time.
func (u *sentPhoto) Reader() *io.SectionReader { return io.NewSectionReader(u.file, 0, u.Size) }

// Close gives the files back.
func (f *form) Close() error {
	if f == nil {
		return nil
	}
	var errs []error
	for _, u := range f.Photos {
		errs = append(errs, u.file.Close())
	}
	return errors.Join(errs...)
}

// altOf is what a photo of the form shows; empty where nobody has said.
func (f *form) altOf(u *sentPhoto) string {
	if u.slot < len(f.alts) {
		return f.alts[u.slot]
	}
	return ""
}

// newAlts is what the form's photos show, in their order.
func (f *form) newAlts() []string {
	if f == nil {
		return nil
	}
	alts := make([]string, len(f.Photos))
	for i, u := range f.Photos {
		alts[i] = f.altOf(u)
	}
	return alts
}

// readReport returns what POST /v1/reports was given, as JSON or as multipart.
// The form is nil for JSON; closing it is harmless.
func readReport(req PostReportRequestObject, dir string) (NewReport, *form, error) {
	if req.MultipartBody == nil {
		return *req.JSONBody, nil, nil
	}
	f, err := readForm(req.MultipartBody, formLimits{Report: true, Photos: maxPhotos, PhotoBytes: maxPhotoBytes, Alt: true, Dir: dir})
	if err != nil {
		return NewReport{}, nil, err
	}
	report, err := decodeNewReport(f.Report)
	if err != nil {
		return NewReport{}, nil, errors.Join(err, f.Close())
	}
	return report, f, nil
}

// readPhoto returns the one photo that a body must hold.
func readPhoto(r *multipart.Reader, dir string) (*form, error) {
	f, err := readForm(r, formLimits{Photos: 1, PhotoBytes: maxPhotoBytes, Alt: true, Dir: dir})
	if err == nil && len(f.Photos) == 0 {
		return nil, problem.Field("photo", codeRequired, "a part photo is required")
	}
	return f, err
}

// readForm streams a multipart body. Memory holds the report's JSON only;
// photos go to files. Whatever breaks a limit, or is not expected, is refused
// as soon as it is seen.
func readForm(r *multipart.Reader, limits formLimits) (*form, error) {
	f := &form{}
	if err := f.read(r, limits); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if limits.Report && f.Report == nil {
		return nil, errors.Join(problem.Field("report", codeRequired, "a part report with the report's JSON is required"), f.Close())
	}
	if limits.Photos > 1 && len(f.alts) > f.slots {
		return nil, errors.Join(problem.Field("alt", codeTooMany, "there are more parts alt than parts photo"), f.Close())
	}
	return f, nil
}

func (f *form) read(r *multipart.Reader, limits formLimits) error {
	var place placeParts
	for {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			f.Place, err = place.place()
			return err
		}
		if err != nil {
			return formFault(err)
		}
		if err := f.readPart(part, limits, &place); err != nil {
			return err
		}
	}
}

func (f *form) readPart(part *multipart.Part, limits formLimits, place *placeParts) error {
	name := part.FormName()
	switch {
	case name == "report" && limits.Report:
		return f.readReport(part)
	case name == "photo":
		return f.readPhoto(part, limits)
	case name == "alt" && limits.Alt:
		return f.readAlt(part, limits)
	case limits.Place:
		if known, err := place.read(name, part); known {
			return err
		}
	}
	return problem.Field(clip(name), codeUnknownField, "a part %q is not known here", clip(name))
}

// formFault is why a multipart body could not be read on.
func formFault(err error) error {
	if asProblem := bodyFault(err); problem.Is(asProblem, problem.TooLarge) {
		return asProblem
	}
	return &problem.Error{Kind: problem.BadRequest, Detail: "the multipart body is malformed or ends too early", Cause: err,
		Fields: []problem.FieldError{{Field: "", Code: codeMalformed, Detail: "is not a complete multipart body"}}}
}

func (f *form) readReport(part *multipart.Part) error {
	if f.Report != nil {
		return problem.Field("report", codeDuplicate, "there is more than one part report")
	}
	if err := reportType(part.Header.Get("Content-Type")); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(part, maxJSONBody+1))
	if err != nil {
		return formFault(err)
	}
	if len(data) > maxJSONBody {
		return partTooLarge("report", "the part report is larger than %d bytes", maxJSONBody)
	}
	f.Report = data
	return nil
}

// readAlt reads the text that says what a photo shows. Its own field is "alt", and
// "alt/1" is the second where there may be several.
func (f *form) readAlt(part io.Reader, limits formLimits) error {
	field := "alt"
	switch {
	case limits.Photos > 1 && len(f.alts) == limits.Photos:
		return problem.Field(field, codeTooMany, "at most %d parts alt", limits.Photos)
	case limits.Photos > 1:
		field += "/" + strconv.Itoa(len(f.alts))
	case len(f.alts) > 0:
		return problem.Field(field, codeDuplicate, "there is more than one part alt")
	}
	const most = 4 * photo.MaxAlt // bytes of UTF-8
	data, err := io.ReadAll(io.LimitReader(part, most+1))
	if err != nil {
		return formFault(err)
	}
	if len(data) > most {
		return problem.Field(field, codeTooLong, "at most %d characters", photo.MaxAlt)
	}
	alt, err := photo.CheckAlt(field, string(data))
	f.alts = append(f.alts, alt)
	return err
}

// reportType takes JSON, and what clients send that do not think about it.
func reportType(header string) error {
	if header == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(header)
	if err != nil || (media != jsonType && media != "text/plain") {
		return problem.New(problem.UnsupportedMedia, "the part report must be %s", jsonType)
	}
	return nil
}

func (f *form) readPhoto(part *multipart.Part, limits formLimits) error {
	if len(f.Photos) >= limits.Photos {
		if limits.Photos == 1 {
			return problem.Field("photo", codeTooMany, "one photo at a time")
		}
		return problem.Field("photo", codeTooMany, "a report has at most %d photos", limits.Photos)
	}
	u, err := spool(part, limits)
	if err != nil {
		return err
	}
	u.slot, f.slots = f.slots, f.slots+1
	if u.Size == 0 && part.FileName() == "" { // a browser's form in which no file was chosen
		return u.file.Close()
	}
	f.Photos = append(f.Photos, u)
	return nil
}

// spool copies a photo of a form into an unnamed file.
func spool(part io.Reader, limits formLimits) (*sentPhoto, error) {
	u, err := setAside(part, limits.Dir, limits.PhotoBytes)
	if broken, ok := errors.AsType[*brokenBody](err); ok {
		err = formFault(broken.err)
	}
	return u, err
}

// brokenBody tells that a body could not be read to its end.
type brokenBody struct{ err error }

func (e *brokenBody) Error() string { return e.err.Error() }

// setAside copies a photo of at most so many bytes into an unnamed file.
func setAside(from io.Reader, dir string, most int64) (*sentPhoto, error) {
	file, err := os.CreateTemp(dir, "upload-*")
	if err != nil {
		return nil, unavailable("keep a photo while it is read", err)
	}
	// Without a name it is gone as soon as it is closed, even by a crash.
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(unavailable("take the name off a photo's file", err), file.Close())
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(diskWriter{file}, hash), io.LimitReader(from, most+1))
	var disk *diskError
	switch {
	case errors.As(err, &disk):
		return nil, errors.Join(unavailable("keep a photo while it is read", disk.err), file.Close())
	case err != nil:
		return nil, errors.Join(&brokenBody{err}, file.Close())
	case size > most:
		return nil, errors.Join(partTooLarge("photo", "a photo is larger than %d MiB", most>>20), file.Close())
	}
	return &sentPhoto{file: file, Size: size, SHA256: [sha256.Size]byte(hash.Sum(nil))}, nil
}

func partTooLarge(part, format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	return &problem.Error{Kind: problem.TooLarge, Detail: detail, Fields: []problem.FieldError{{Field: part, Code: "too-large", Detail: detail}}}
}

func unavailable(doing string, err error) error {
	return &problem.Error{Kind: problem.Unavailable, Detail: "photos cannot be stored right now", RetryAfter: retryStorage, Cause: fmt.Errorf("%s: %w", doing, err)}
}

// diskWriter marks the errors of our own disk, which are not the caller's fault.
type diskWriter struct{ w io.Writer }

func (d diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
