package photo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"io"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestAPhotoThatCannotFitIsRefused(t *testing.T) {
	t.Parallel()
	photo := asJPEG(t, landscape(640, 480))
	p := &Processor{Limits: Limits{Memory: 1 << 20}}
	_, _, err := p.Process(t.Context(), bytes.NewReader(photo))
	if e := problem.As(err); e == nil || e.Kind != problem.Invalid || e.Fields[0].Code != "too-large-to-decode" {
		t.Errorf("error %v", err)
	}
}

func TestAPhotoThatWaitsTooLongIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	photo := asJPEG(t, quarters(48, 32))
	synctest.Test(t, func(t *testing.T) {
		p := &Processor{Limits: Limits{Memory: 2 << 20}}
		first := &held{ReadSeeker: bytes.NewReader(photo), pass: 2, reached: make(chan struct{}), proceed: make(chan struct{})}
		var done sync.WaitGroup
		done.Go(func() {
			if _, _, err := p.Process(t.Context(), first); err != nil {
				t.Errorf("the first: %v", err)
			}
		})
		<-first.reached // it holds more than half of the memory now

		start := time.Now()
		_, _, err := p.Process(t.Context(), bytes.NewReader(photo))
		e := problem.As(err)
		if e == nil || e.Kind != problem.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("the second: %v", err)
		}
		if waited := time.Since(start); waited != 10*time.Second { // on synctest's clock
			t.Errorf("waited %v", waited)
		}

		cancelled, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := p.Process(cancelled, bytes.NewReader(photo)); !errors.Is(err, context.DeadlineExceeded) || problem.As(err) != nil {
			t.Errorf("one whose sender left: %v", err)
		}

		close(first.proceed)
		done.Wait()
		if _, _, err := p.Process(t.Context(), bytes.NewReader(photo)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// held stops before it is read for the given time from its beginning.
type held struct {
	io.ReadSeeker
	pass             int
	reached, proceed chan struct{}
}

func (h *held) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		if h.pass--; h.pass == 0 {
			close(h.reached)
			<-h.proceed
		}
	}
	return h.ReadSeeker.Seek(offset, whence)
}

func TestMemoryIsGivenBackAfterEveryKindOfEnd(t *testing.T) {
	t.Parallel()
	good := asJPEG(t, landscape(640, 480))
	p := &Processor{Limits: Limits{Memory: 4 << 20, Wait: time.Minute}}
	for range 20 { // 20 would not fit if any of them kept its part
		for _, data := range [][]byte{good, good[:len(good)/2]} {
			if _, _, err := p.Process(t.Context(), bytes.NewReader(data)); problem.Is(err, problem.Unavailable) {
				t.Fatal(err)
			}
		}
	}
	if !p.lanes.ordinary.TryAcquire(p.lanes.ordinaryBytes) || !p.lanes.large.TryAcquire(p.lanes.largeMax) || p.lanes.used != 0 {
		t.Error("memory is still taken")
	}
}

func TestManyAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	photo := asJPEG(t, landscape(320, 240))
	p := &Processor{Limits: Limits{Memory: 4 << 20, Wait: time.Hour}} // room for two
	var uploads sync.WaitGroup
	for range 16 {
		uploads.Go(func() {
			if _, _, err := p.Process(t.Context(), bytes.NewReader(photo)); err != nil {
				t.Error(err)
			}
		})
	}
	uploads.Wait()
}

// TestTheReservationCoversWhatIsAllocated holds the formulas against decoders and
// renderer, on pictures that are large enough for a byte a pixel to show: what they
// allocate in all is the most that can be in use at once.
func TestTheReservationCoversWhatIsAllocated(t *testing.T) { // not parallel: it counts the process's allocations
	const slack = 512 << 10 // buffers and tables, of which inflating has most
	const width, height = 2400, 1800
	rect := image.Rect(0, 0, width, height)
	adobe := segment(markAPP14, "Adobe\x00\x64\x00\x00\x00\x00\x00") // the last byte: no transform
	p := &Processor{Limits: Limits{Decode: unhurried}}
	p.ready()
	for name, data := range map[string][]byte{
		"JPEG":          withSegments(flatJPEG(markSOF0, width, height, 0x22, 0x11, 0x11), app1(sundsvall(6))),
		"4:4:4 JPEG":    flatJPEG(markSOF0, width, height, 0x11, 0x11, 0x11),
		"grey JPEG":     flatJPEG(markSOF0, width, height, 0x11),
		"CMYK JPEG":     withSegments(flatJPEG(markSOF0, width, height, 0x11, 0x11, 0x11, 0x11), adobe),
		"RGB JPEG":      withSegments(flatJPEG(markSOF2, width, height, 0x11, 0x11, 0x11), adobe),
		"progressive":   flatJPEG(markSOF2, width, height, 0x22, 0x11, 0x11),
		"PNG":           withChunks(asPNG(t, image.NewNRGBA(rect)), chunk("eXIf", sundsvall(8))),
		"16-bit PNG":    asPNG(t, image.NewNRGBA64(rect)),
		"palette":       asPNG(t, image.NewPaletted(rect, color.Palette{red, green, blue, white})),
		"interlaced":    interlacedPNG(width, height),
		"lossy WebP":    file(t, "large-lossy-alpha.webp"),
		"lossless WebP": file(t, "large-lossless-alpha.webp"),
	} {
		h, meta, err := p.inspect(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h.width != width || h.height != height {
			t.Fatalf("%s is %d × %d", name, h.width, h.height)
		}
		for try := 0; ; try++ { // the runtime counts others' allocations now and then
			decoding, rendering := allocations(t, p, h, meta.orientation, data)
			if decoding <= h.decodeBytes+slack && decoding+rendering <= h.memory() {
				break
			}
			if try == 2 {
				t.Errorf("%s: reserved %d bytes for decoding, allocated %d; in all %d, allocated %d",
					name, h.decodeBytes, decoding, h.memory(), decoding+rendering)
				break
			}
		}
	}
}

// allocations returns how many bytes decoding a photo allocates, and rendering it.
func allocations(t *testing.T, p *Processor, h header, o orientation, data []byte) (decoding, rendering int64) {
	t.Helper()
	before := allocated()
	img, err := p.decode(t.Context(), bytes.NewReader(data), &h)
	if err != nil {
		t.Fatal(err)
	}
	between := allocated()
	if _, err := render(t.Context(), img, h.width, h.height, o); err != nil {
		t.Fatal(err)
	}
	return between - before, allocated() - between
}

// flatJPEG is a JPEG of one colour. Its components have the given sampling factors.
// Each of its two prefix codes has one symbol, a zero bit, that says "no
// difference" and "end of block"; of a progressive one there is the first scan only.
func flatJPEG(process byte, width, height int, factors ...byte) []byte {
	frame := []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(len(factors))}
	scan := []byte{byte(len(factors))}
	var blocks int
	for i, f := range factors {
		frame = append(frame, byte(i+1), f, 0)
		scan = append(scan, byte(i+1), 0)
		blocks += int(f>>4) * int(f&15)
	}
	across, down, last := int(factors[0]>>4), int(factors[0]&15), byte(63)
	if process == markSOF2 {
		last = 0
	}
	units := ((width + 8*across - 1) / (8 * across)) * ((height + 8*down - 1) / (8 * down))
	oneCode := "\x01" + strings.Repeat("\x00", 16)
	return join([]byte("\xff\xd8"),
		segment(0xdb, "\x00"+strings.Repeat("\x01", 64)),
		segment(process, string(frame)),
		segment(0xc4, "\x00"+oneCode), segment(0xc4, "\x10"+oneCode),
		segment(0xda, string(append(scan, 0, last, 0))),
		make([]byte, (2*units*blocks+7)/8), []byte("\xff\xd9"))
}

// interlacedPNG is a black PNG in the seven passes of Adam7 (PNG third edition,
// 8.1): where each begins and how far it steps, across and down.
func interlacedPNG(width, height int) []byte {
	var raw []byte
	for _, pass := range [...][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		columns := (width - pass[0] + pass[2] - 1) / pass[2]
		rows := (height - pass[1] + pass[3] - 1) / pass[3]
		raw = append(raw, make([]byte, rows*(1+3*columns))...)
	}
	head := pngHeader(width, height, 8, 2)
	ihdr := head[16:29] // without length, kind and check sum
	ihdr[12] = 1
	return join(head[:8], chunk("IHDR", string(ihdr)), chunk("IDAT", deflated(raw)), chunk("IEND", ""))
}

// allocated is how many bytes the process has allocated so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

func TestProgressiveJPEGReservesItsCoefficients(t *testing.T) {
	t.Parallel()
	const width, height = 4000, 3000
	tests := []struct {
		name             string
		components       []byte
		progressive, rgb bool
		perPixel         float64
	}{
		{"grey", []byte{1, 0x11, 0}, false, false, 1},
		{"grey, whatever sampling it claims", []byte{1, 0x42, 0}, false, false, 1},
		{"4:2:0", []byte{1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}, false, false, 1.5},
		{"4:2:0, progressive", []byte{1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}, true, false, 1.5 + 4*1.5},
		{"4:1:0", []byte{1, 0x42, 0, 2, 0x11, 1, 3, 0x11, 1}, false, false, 1.25},
		{"full colour", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1}, false, false, 3},
		{"full colour, progressive", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1}, true, false, 3 + 4*3},
		{"RGB", []byte{'R', 0x11, 0, 'G', 0x11, 1, 'B', 0x11, 1}, false, true, 3 + 4},
		{"CMYK", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1, 4, 0x11, 0}, false, false, 4 + 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := float64(jpegBytes(width, height, tt.components, tt.progressive, tt.rgb)) / (width * height)
			if got < tt.perPixel*0.999 || got > tt.perPixel*1.02 { // whole blocks
				t.Errorf("%.2f bytes a pixel, want %.2f", got, tt.perPixel)
			}
		})
	}
}

func TestRGBIsReservedForWhereverTheFileSaysIt(t *testing.T) {
	t.Parallel()
	const mark = "Adobe\x00\x64\x00\x00\x00\x00\x00" // the last byte: no transform
	plain := file(t, "progressive.jpg")
	plain = join(plain[:2], plain[20:]) // without JFIF, which rules RGB out
	scan := bytes.LastIndex(plain, []byte("\xff\xda"))
	for name, data := range map[string][]byte{
		"before the picture":     withSegments(plain, segment(0xee, mark)),
		"between two scans":      join(plain[:scan], segment(0xee, mark), plain[scan:]),
		"at the end":             join(plain[:len(plain)-2], segment(0xee, mark), plain[len(plain)-2:]),
		"beyond the first read":  join(plain[:scan], bytes.Repeat([]byte{0xff}, 1<<15), segment(0xee, mark), plain[scan:]),
		"by the components' ids": file(t, "rgb.jpg"),
	} {
		h, err := readHeader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		p := &Processor{limits: Limits{}.withDefaults()}
		img, err := p.decode(t.Context(), bytes.NewReader(data), &h)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, rgb := img.(*image.RGBA); !rgb || h.planar {
			t.Errorf("%s: decoded to %T, planar %v", name, img, h.planar)
		}
	}
	if h, err := readHeader(bytes.NewReader(plain)); err != nil || !h.planar {
		t.Errorf("without the mark: planar %v, %v", h.planar, err)
	}
}

// A film behind the picture, as of a motion photo, may contain any bytes, and so may
// a second picture.
func TestWhatFollowsAJPEGCostsNoMemory(t *testing.T) {
	t.Parallel()
	plain := flatJPEG(markSOF0, 640, 480, 0x22, 0x11, 0x11)
	adobe := segment(markAPP14, "Adobe\x00\x64\x00\x00\x00\x00\x00")
	want, err := readHeader(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	for name, behind := range map[string][]byte{
		"the mark alone":   {0xff, markAPP14},
		"the mark far off": join(make([]byte, 1<<16), adobe),
		"another picture":  withSegments(plain, adobe),
	} {
		data := join(plain, behind)
		h, err := readHeader(bytes.NewReader(data))
		if err != nil || h.decodeBytes != want.decodeBytes || h.end != int64(len(plain)) {
			t.Errorf("%s: reserved %d, want %d; ends at %d, want %d (%v)", name, h.decodeBytes, want.decodeBytes, h.end, len(plain), err)
		}
		accepted(t, data)
	}
}

func TestNextCodedMarker(t *testing.T) {
	t.Parallel()
	const size = 16 // the smallest buffer there is
	for at := range 3 * size {
		data := bytes.Repeat([]byte{0xff, 0x00, 0xff, 0xd3, 0x7f}, 4*size)[:at]
		data = append(data, 0xff, 0xff, markEOI)
		in := bufio.NewReaderSize(bytes.NewReader(data), size)
		if marker, err := nextCodedMarker(in); marker != markEOI || err != nil {
			t.Errorf("at %d: %#x, %v", at, marker, err)
		}
		if _, err := nextCodedMarker(in); !errors.Is(err, io.EOF) {
			t.Errorf("at %d, afterwards: %v", at, err)
		}
	}
}
