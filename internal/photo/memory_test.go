package photo

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"runtime/metrics"
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
	if !p.memory.TryAcquire(4 << 20) {
		t.Error("memory is still taken")
	}
}

// TestTheReservationCoversWhatDecodingAllocates holds the formulas against the
// decoders: what they allocate in all is the most that can be in use at once.
func TestTheReservationCoversWhatDecodingAllocates(t *testing.T) { // not parallel: it counts the process's allocations
	const slack = 256 << 10 // buffers and tables
	wide := landscape(400, 300)
	for name, data := range map[string][]byte{
		"JPEG":          asJPEG(t, wide),
		"grey JPEG":     asJPEG(t, converted(wide, image.NewGray(wide.Rect))),
		"PNG":           asPNG(t, wide),
		"16-bit PNG":    asPNG(t, converted(wide, image.NewNRGBA64(wide.Rect))),
		"grey PNG":      asPNG(t, converted(wide, image.NewGray(wide.Rect))),
		"lossy WebP":    file(t, "lossy-alpha.webp"),
		"progressive":   file(t, "progressive.jpg"),
		"CMYK":          file(t, "cmyk.jpg"),
		"RGB":           file(t, "rgb.jpg"),
		"4:1:1":         file(t, "sampling-4x1.jpg"),
		"palette":       crookedPalette(true),
		"lossless WebP": file(t, "lossless-alpha.webp"),
	} {
		h, err := readHeader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		p := &Processor{limits: Limits{}.withDefaults()}
		before := allocated()
		if _, err := p.decode(t.Context(), bytes.NewReader(data), h); err != nil {
			t.Fatal(err)
		}
		if took := allocated() - before; took > h.decodeBytes+slack {
			t.Errorf("%s: reserved %d bytes, allocated %d", name, h.decodeBytes, took)
		}
	}
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
	baseline := []byte{1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}
	tests := []struct {
		name        string
		components  []byte
		progressive bool
		perPixel    float64
	}{
		{"4:2:0", baseline, false, 1.5},
		{"4:2:0, progressive", baseline, true, 1.5 + 4*1.5},
		{"grey", baseline[:3], false, 1},
		{"full colour, which may be RGB", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1}, false, 3 + 4},
		{"full colour, progressive", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1}, true, 3 + 4 + 4*3},
		{"CMYK", []byte{1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1, 4, 0x11, 0}, false, 4 + 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := float64(jpegBytes(width, height, tt.components, tt.progressive)) / (width * height)
			if got < tt.perPixel || got > tt.perPixel*1.02 { // whole blocks
				t.Errorf("%.2f bytes a pixel, want %.2f", got, tt.perPixel)
			}
		})
	}
}
