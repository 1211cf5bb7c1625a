package photo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := asJPEG(t, quarters(48, 32))
	tests := []struct {
		name string
		data []byte
		code string
	}{
		{"nothing", nil, "empty"},
		{"text", []byte("this is not a photo, whatever its name"), "unsupported-format"},
		{"one byte", []byte{0xff}, "unsupported-format"},
		{"HTML", []byte("<html><body>hello</body></html>"), "unsupported-format"},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "unsupported-format"},
		{"GIF", []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"), "unsupported-format"},
		{"TIFF, for which imaging brings a decoder", []byte(sundsvall(1)), "unsupported-format"},
		{"BMP, for which imaging brings a decoder", []byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), "unsupported-format"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), "unsupported-format"},
		{"AVIF under the common brand", []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif"), "unsupported-format"},
		{"a film", []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"), "unsupported-format"},
		{"a list of brands that is too long", []byte("\x7f\xff\xff\xfcftypheic\x00\x00\x00\x00mif1heic"), "damaged"},
		{"a list of brands without an end", []byte("\x00\x00\x00\x00ftypheic\x00\x00\x00\x00mif1heic"), "damaged"},
		{"a sound in RIFF", riff("RIFF", "WAVEfmt "), "unsupported-format"},
		{"arithmetic-coded JPEG", file(t, "arithmetic.jpg"), "unsupported-format"},
		{"12-bit JPEG", frame(0xc1, 12, 48, 32), "unsupported-format"},
		{"lossless JPEG", frame(0xc3, 8, 48, 32), "unsupported-format"},
		{"JPEG with more colour than light", file(t, "sampling-odd.jpg"), "unsupported-format"},
		{"animated PNG", file(t, "animated.png"), "animated"},
		{"animated WebP", file(t, "animated.webp"), "animated"},
		{"WebP that hides that it is animated", asWebP(vp8x(0, 48, 32), riff("ANIM", "\x00\x00\x00\x00\x00\x00"), file(t, "lossy.webp")[12:]), "animated"},
		{"PNG bomb of 30,000 × 30,000", pngHeader(30_000, 30_000, 8, 2), "too-many-pixels"},
		{"PNG of the largest sides there are", pngHeader(1<<31-1, 1<<31-1, 16, 6), "too-many-pixels"},
		{"PNG with more than 50 million pixels", pngHeader(10_000, 5_001, 8, 0), "too-many-pixels"},
		{"one pixel high, 100,000 wide", pngHeader(100_000, 1, 8, 0), "too-many-pixels"},
		{"one pixel wide, 20,001 high", pngHeader(1, 20_001, 8, 0), "too-many-pixels"},
		{"WebP bomb", asWebP(vp8x(0, 1<<24, 1<<24), riff("VP8L", "\x2f\xff\xff\xff\x0f")), "too-many-pixels"},
		{"WebP bomb of 30,000 × 30,000", asWebP(vp8x(0, 30_000, 30_000), riff("VP8L", "\x2f\xff\xff\xff\x0f")), "too-many-pixels"},
		{"WebP bomb without a canvas", asWebP(riff("VP8L", "\x2f\xff\xff\xff\x0f")), "too-many-pixels"},
		{"JPEG bomb", join(frame(0xc0, 8, 65_535, 65_535), segment(0xda, "\x01\x01\x00\x00\x3f\x00")), "too-many-pixels"},
		{"a WebP whose picture is larger than it says", asWebP(vp8x(0, 10, 10), riff("VP8L", "\x2f\xff\xff\xff\x0f")), "damaged"},
		{"a WebP whose picture is smaller than it says", asWebP(vp8x(0, 100, 100), file(t, "lossless.webp")[12:]), "damaged"},
		{"a JPEG of no pixels", frame(0xc0, 8, 0, 0), "damaged"},
		{"a PNG of no pixels", pngHeader(0, 10, 8, 2), "damaged"},
		{"a PNG that claims a chunk of 2 GiB", join(pngHeader(8, 8, 8, 2), []byte("\x7f\xff\xff\xffeXIf")), "damaged"},
		{"a PNG without pixels", join(pngHeader(8, 8, 8, 2), chunk("IEND", "")), "damaged"},
		{"a WebP with nothing in it", asWebP(), "damaged"},
		{"only the first bytes of a JPEG", good[:4], "damaged"},
		{"a JPEG with two frame headers", withSegments(good, frame(0xc0, 8, 16, 16)[2:]), "damaged"},
		{"a JPEG of two start markers", join(good[:2], good[:2]), "damaged"},
		{"a JPEG that ends before its picture", []byte("\xff\xd8\xff\xd9"), "damaged"},
		{"a JPEG with a scan and no frame", join([]byte("\xff\xd8"), segment(0xda, "\x01\x01\x00\x00\x3f\x00")), "damaged"},
		{"a JPEG with a segment of length one", []byte("\xff\xd8\xff\xe0\x00\x01\xff\xd9"), "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			photo, suggestion, err := process(t, tt.data)
			p := problem.As(err)
			if p == nil || p.Kind != problem.Invalid || len(p.Fields) != 1 || p.Fields[0].Field != "photo" || p.Fields[0].Code != tt.code {
				t.Fatalf("error %v, want %s", err, tt.code)
			}
			if photo.Renditions != nil || suggestion != (Suggestion{}) {
				t.Errorf("and yet it gave %+v, %+v", photo, suggestion)
			}
		})
	}
}

// frame is a JPEG up to its frame header, of three components.
func frame(marker, bits byte, width, height int) []byte {
	return join([]byte("\xff\xd8"), segment(marker, string([]byte{
		bits, byte(height >> 8), byte(height), byte(width >> 8), byte(width), 3,
		1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
	})))
}

// pngHeader is a PNG up to its header chunk.
func pngHeader(width, height int, depth, colour byte) []byte {
	return join([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string([]byte{
		byte(width >> 24), byte(width >> 16), byte(width >> 8), byte(width),
		byte(height >> 24), byte(height >> 16), byte(height >> 8), byte(height),
		depth, colour, 0, 0, 0,
	})))
}

func TestAFileOverTheLimitIsTooLarge(t *testing.T) {
	t.Parallel()
	photo := asJPEG(t, quarters(48, 32))
	p := &Processor{Limits: Limits{Bytes: int64(len(photo))}}
	if _, _, err := p.Process(t.Context(), bytes.NewReader(photo)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, _, err := p.Process(t.Context(), bytes.NewReader(append(photo, 0)))
	if !problem.Is(err, problem.TooLarge) {
		t.Errorf("one byte over: %v", err)
	}
	_, _, err = new(Processor).Process(t.Context(), io.NewSectionReader(zeros{}, 0, 20<<20+1))
	if !problem.Is(err, problem.TooLarge) {
		t.Errorf("over 20 MiB: %v", err)
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

func TestThePhotoIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader(asJPEG(t, quarters(48, 32)))
	p := new(Processor)
	for range 2 { // as for a retry, or after the caller hashed it
		if _, _, err := p.Process(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
}

func TestAFailureOfTheSourceIsNotThePhotosFault(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	photo := asJPEG(t, landscape(640, 480))
	for at := 0; at < len(photo); at += len(photo) / 20 {
		src := &breaking{ReadSeeker: bytes.NewReader(photo), left: at, err: broken}
		if _, _, err := new(Processor).Process(t.Context(), src); !errors.Is(err, broken) || problem.As(err) != nil {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
	if _, _, err := new(Processor).Process(t.Context(), notSeekable{iotest.ErrReader(broken)}); err == nil || problem.As(err) != nil {
		t.Errorf("unseekable: %v", err)
	}
}

// breaking fails after some bytes.
type breaking struct {
	io.ReadSeeker
	left int
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.err
	}
	n, err := b.ReadSeeker.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

type notSeekable struct{ io.Reader }

func (notSeekable) Seek(int64, int) (int64, error) { return 0, os.ErrInvalid }

func TestCancelling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := new(Processor).Process(ctx, bytes.NewReader(asJPEG(t, quarters(48, 32))))
	if !errors.Is(err, context.Canceled) || problem.As(err) != nil {
		t.Errorf("error %v", err)
	}
}

func TestADecoderGetsNoInputAfterItsTime(t *testing.T) {
	t.Parallel()
	p := &Processor{Limits: Limits{Decode: time.Nanosecond}}
	_, _, err := p.Process(t.Context(), bytes.NewReader(asJPEG(t, landscape(640, 480))))
	if e := problem.As(err); e == nil || len(e.Fields) != 1 || e.Fields[0].Code != "too-slow" {
		t.Errorf("error %v", err)
	}
}

func TestObservations(t *testing.T) {
	t.Parallel()
	var seen []Observation
	p := &Processor{Observe: func(o Observation) { seen = append(seen, o) }}
	for _, data := range [][]byte{asJPEG(t, quarters(48, 32)), asPNG(t, quarters(48, 32))[:90], []byte("text")} {
		_, _, _ = p.Process(t.Context(), bytes.NewReader(data))
	}
	want := []Observation{
		{Format: "jpeg", Pixels: 48 * 32, Result: "ok"},
		{Format: "png", Pixels: 48 * 32, Result: "damaged"},
		{Result: "unsupported-format"},
	}
	if len(seen) != len(want) {
		t.Fatalf("saw %+v", seen)
	}
	for i, o := range seen {
		if o.Took <= 0 || o.Waited < 0 || (o.Memory > 0) != (i < 2) {
			t.Errorf("observation %+v", o)
		}
		o.Took, o.Waited, o.Memory = 0, 0, 0
		if o != want[i] {
			t.Errorf("observation %+v, want %+v", o, want[i])
		}
	}
}
