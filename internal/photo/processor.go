package photo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

// Limits bound what one photo, and all photos under way together, may cost. The
// zero value of a field means its default.
type Limits struct {
	// Bytes is the largest file, 20 MiB by default.
	Bytes int64
	// Pixels is the largest width × height, 50 million by default.
	Pixels int64
	// Side is the largest width or height in pixels, 20,000 by default.
	Side int
	// Memory is what the photos being decoded may take together, in bytes, 512
	// MiB by default. It counts what is in use at the peak of each; the garbage
	// collector needs room beside it, which GOMEMLIMIT bounds.
	Memory int64
	// Wait is how long a photo waits for memory, 10 seconds by default.
	Wait time.Duration
	// Decode is how long decoding may read, 20 seconds by default. Decoders
	// cannot be cancelled: after that time they are given an error instead of
	// input. A HEIC, which gives way to others, may take three times as long by the
	// clock, and this long of a processor.
	Decode time.Duration
}

// withDefaults fills in what is not set.
func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:  orDefault(l.Bytes, 20<<20),
		Pixels: orDefault(l.Pixels, 50_000_000),
		Side:   orDefault(l.Side, 20_000),
		Memory: orDefault(l.Memory, 512<<20),
		Wait:   orDefault(l.Wait, 10*time.Second),
		Decode: orDefault(l.Decode, 20*time.Second),
	}
}

func orDefault[T int | int64 | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// Processor makes photos safe. The zero value is ready to use; one is shared by
// the whole process, for the memory limit is its own. Fields are not changed
// after the first call.
type Processor struct {
	Limits Limits
	// Zone is where cameras that record no time zone are taken to be; nil is UTC.
	Zone *time.Location
	// HEIC is the command that decodes a HEIC: a program, usually this one, and the
	// arguments by which it calls [DecodeHEIC]. Empty, HEIC is refused.
	HEIC []string
	// Observe, if set, is called after every photo, for metrics.
	Observe func(Observation)

	setUp  sync.Once
	limits Limits
	lanes  *lanes
}

// Observation is what one call of [Processor.Process] did.
type Observation struct {
	Format string        // "jpeg", "png", "webp", "heic"; "" if it was not recognised
	Pixels int64         // width × height, 0 if they were not learnt
	Memory int64         // bytes reserved, 0 if it did not come to that
	Waited time.Duration // for memory
	Took   time.Duration // in all, with the waiting
	// Result is "ok", the code of the refusal ("damaged"), "unavailable" or "error".
	Result string
}

// Photo is a photo of which only the pixels are left.
type Photo struct {
	// Width and Height are those of the photo as it was sent, upright, in pixels.
	Width, Height int
	// Renditions are [Large], [Medium] and [Small], in that order, always all.
	Renditions []Rendition
	// Likeness compares the photo with others.
	Likeness Likeness
	// BlurHash is a placeholder to show until a rendition has come.
	BlurHash string
}

// Rendition is a stored size of a photo: a JPEG without metadata.
type Rendition struct {
	// Size is the key: the most that the longer side may measure, in pixels.
	Size int
	// Width and Height in pixels. Nothing is enlarged, so they may be smaller.
	Width, Height int
	// SHA256 of Data in lower-case hexadecimal digits.
	SHA256 string
	// Data is the JPEG. Where a photo is smaller than two sizes, both renditions
	// share it; it must not be changed.
	Data []byte
}

// ContentType is the media type of every rendition.
const ContentType = "image/jpeg"

// Process reads a photo from src, from its beginning, and makes it safe. What
// the photo told about where and when it was taken is returned apart: it goes to
// the sender and is not stored.
//
// A photo that is refused is an Invalid [*problem.Error] with the field "photo"
// and one of the codes "empty", "unsupported-format", "animated",
// "too-many-pixels", "too-large-to-decode", "too-slow" and "damaged". One with
// too many bytes is TooLarge; one that had to wait too long for memory is
// Unavailable. Any other error is src's or the context's.
func (p *Processor) Process(ctx context.Context, src io.ReadSeeker) (Photo, Suggestion, error) {
	p.ready()
	start := time.Now()
	seen := Observation{}
	photo, suggestion, err := p.process(ctx, src, &seen)
	if p.Observe != nil {
		seen.Took, seen.Result = time.Since(start), result(err)
		p.Observe(seen)
	}
	return photo, suggestion, err
}

// ready makes what the first call needs.
func (p *Processor) ready() {
	p.setUp.Do(func() {
		p.limits = p.Limits.withDefaults()
		p.lanes = newLanes(p.limits.Memory)
	})
}

// process is Process without its frame. It notes in seen what it learns.
func (p *Processor) process(ctx context.Context, src io.ReadSeeker, seen *Observation) (Photo, Suggestion, error) {
	h, meta, err := p.inspect(ctx, src)
	seen.Format, seen.Pixels = string(h.format), h.pixels()
	if err != nil {
		return Photo{}, Suggestion{}, err
	}
	for range giveWays {
		photo, err := p.attempt(ctx, src, h, meta, seen)
		if !errors.Is(err, errGiveWay) {
			if err != nil {
				return Photo{}, Suggestion{}, err
			}
			return photo, meta.suggestion, nil
		}
	}
	return Photo{}, Suggestion{}, p.tooBusy()
}

// giveWays is how often a HEIC starts that is broken off for others.
const giveWays = 3

// attempt decodes and renders a photo that was inspected. The error is errGiveWay
// where the memory was wanted by another.
func (p *Processor) attempt(ctx context.Context, src io.ReadSeeker, h header, meta metadata, seen *Observation) (Photo, error) {
	need := h.memory()
	start := time.Now()
	working, release, err := p.wait(ctx, need, h.format)
	seen.Waited += time.Since(start)
	if err != nil {
		return Photo{}, err
	}
	defer release()
	seen.Memory = need

	img, err := p.decode(working, src, &h)
	if err != nil {
		return Photo{}, orGiveWay(working, err)
	}
	photo, err := render(working, img, h.width, h.height, meta.orientation)
	if err != nil {
		return Photo{}, orGiveWay(working, err)
	}
	return photo, nil
}

// orGiveWay returns errGiveWay if that is why the work failed.
func orGiveWay(working context.Context, err error) error {
	if errors.Is(context.Cause(working), errGiveWay) {
		return errGiveWay
	}
	return err
}

// inspect reads the header and the metadata, and holds the header against the
// limits.
func (p *Processor) inspect(ctx context.Context, src io.ReadSeeker) (h header, meta metadata, err error) {
	size, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return h, meta, fmt.Errorf("measure photo: %w", err)
	}
	if size > p.limits.Bytes {
		return h, meta, problem.New(problem.TooLarge, "a photo may have at most %s", mebibytes(p.limits.Bytes))
	}
	in := p.input(ctx, src)
	if h, err = readHeader(in); err != nil {
		return h, meta, in.explain(err)
	}
	h.size = size
	if h.format != formatHEIC {
		return h, readEXIF(h.exif, p.Zone), h.check(p.limits)
	}
	switch {
	case !heicBuiltIn || len(p.HEIC) == 0:
		return h, meta, refuse("unsupported-format", "HEIC cannot be read by this server; send JPEG, PNG or WebP")
	case h.frames > 1:
		return h, meta, h.check(p.limits)
	}
	in = p.input(ctx, src)
	in.format = h.format
	if meta, err = h.readHEICMeta(in, p.limits.Decode, p.Zone); err != nil {
		return h, meta, in.explain(err)
	}
	return h, meta, h.check(p.limits)
}

// told reads what a photo tells, and decodes nothing. It is for a photo that was
// accepted before: what is wrong with it is worth no more than silence.
func (p *Processor) told(ctx context.Context, src io.ReadSeeker) Suggestion {
	p.ready()
	_, meta, err := p.inspect(ctx, src)
	if err != nil {
		return Suggestion{}
	}
	return meta.suggestion
}

// reserve takes memory for pictures of our own, and gives the function that returns
// it. A HEIC takes it by wait.
func (p *Processor) reserve(ctx context.Context, need int64) (func(), error) {
	_, release, err := p.wait(ctx, need, formatJPEG)
	return release, err
}

// wait takes the memory that a photo needs. It gives the context to read it with,
// and the function that returns the memory.
func (p *Processor) wait(ctx context.Context, need int64, f format) (context.Context, func(), error) {
	heic := f == formatHEIC
	if !p.lanes.fits(need, heic) {
		return nil, nil, errTooLargeToDecode(f)
	}
	waiting, cancel := context.WithTimeout(ctx, p.limits.Wait)
	defer cancel()
	working, release, err := p.lanes.acquire(ctx, waiting, need, heic)
	switch {
	case err == nil:
		return working, release, nil
	case ctx.Err() != nil:
		return nil, nil, fmt.Errorf("wait for memory for a photo: %w", ctx.Err())
	}
	return nil, nil, p.tooBusy()
}

// tooBusy is the error for a photo that waited too long for memory.
func (p *Processor) tooBusy() error {
	return &problem.Error{
		Kind:       problem.Unavailable,
		Detail:     "too many photos are being read just now; try again shortly",
		RetryAfter: p.limits.Wait,
	}
}

// refuse is the error for a photo whose content is not accepted.
func refuse(code, format string, args ...any) *problem.Error {
	return problem.Field("photo", code, format, args...)
}

func errTooLargeToDecode(f format) *problem.Error {
	return refuse("too-large-to-decode", "this photo takes more memory to read than there is; send it smaller, or as %s", f.cheaper())
}

func errTooSlowToDecode(f format) *problem.Error {
	return refuse("too-slow", "this photo takes too long to read; send it smaller, or as %s", f.cheaper())
}

// cheaper says what a photo of a format could be sent as instead.
func (f format) cheaper() string {
	if f == formatJPEG {
		return "an ordinary (not progressive) JPEG"
	}
	return "a JPEG"
}

// damaged is the error for a photo that a decoder gave up on, for cause.
func damaged(cause error) *problem.Error {
	e := refuse("damaged", "the photo is damaged or incomplete and cannot be read")
	e.Cause = cause
	return e
}

// result names the outcome for [Observation].
func result(err error) string {
	switch p := problem.As(err); {
	case err == nil:
		return "ok"
	case p == nil:
		return "error"
	case len(p.Fields) > 0:
		return p.Fields[0].Code
	default:
		return string(p.Kind)
	}
}

func mebibytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// input is a photo being read: it counts nothing and changes nothing, but it
// fails once the time is up or the context done, for decoders cannot be
// cancelled otherwise, and it remembers the failures that are not the photo's
// fault.
type input struct {
	ctx      context.Context // lives no longer than the call that made it
	src      io.ReadSeeker
	format   format // as far as it is known, for what explain says
	deadline time.Time
	failed   error
}

// errTooSlow is what a decoder gets to read after the deadline.
var errTooSlow = errors.New("decoding took too long")

// input returns a reader of src from its beginning.
func (p *Processor) input(ctx context.Context, src io.ReadSeeker) *input {
	in := &input{ctx: ctx, src: src, deadline: time.Now().Add(p.limits.Decode)}
	_, in.failed = src.Seek(0, io.SeekStart)
	return in
}

// Read reads on, unless the time is up.
func (in *input) Read(b []byte) (int, error) {
	switch {
	case in.failed != nil:
	case in.ctx.Err() != nil:
		in.failed = in.ctx.Err()
	case time.Now().After(in.deadline):
		in.failed = errTooSlow
	default:
		n, err := in.src.Read(b)
		if err != nil && !errors.Is(err, io.EOF) {
			in.failed = err
		}
		return n, err
	}
	return 0, in.failed
}

// Seek is for parsers that jump. It counts from the photo's beginning.
func (in *input) Seek(offset int64, whence int) (int64, error) {
	if in.failed != nil {
		return 0, in.failed
	}
	return in.src.Seek(offset, whence)
}

// explain turns the error of a parser or decoder into that of Process: the
// reason why reading failed, if it did, and otherwise the photo is at fault.
func (in *input) explain(err error) error {
	switch {
	case errors.Is(in.failed, errTooSlow):
		return errTooSlowToDecode(in.format)
	case in.failed != nil:
		return fmt.Errorf("read photo: %w", in.failed)
	case problem.As(err) != nil:
		return err
	default:
		return damaged(err)
	}
}
