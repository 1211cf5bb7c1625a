package photo

import (
	"bytes"
	"compress/zlib"
	"image/color"
	"iter"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

// samples are one photo of each kind of coding, to be damaged.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	img := shrink(landscape(480, 320), 64)
	return map[string][]byte{
		"JPEG":             withSegments(asJPEG(t, img), app1(sundsvall(6))),
		"progressive JPEG": file(t, "progressive.jpg"),
		"CMYK JPEG":        file(t, "cmyk.jpg"),
		"RGB JPEG":         file(t, "rgb.jpg"),
		"PNG":              withChunks(asPNG(t, img), chunk("eXIf", sundsvall(8))),
		"palette PNG":      crookedPalette(false),
		"interlaced PNG":   crookedPalette(true),
		"lossy WebP":       file(t, "lossy-alpha.webp"),
		"lossless WebP":    webpWithEXIF(file(t, "lossless.webp"), 48, 32, sundsvall(5)),
		"WebP of 5 codes":  asWebP(riff("VP8L", string(grove(16, 16, 5)))),
	}
}

// checkHostile is what must hold whatever is sent: a photo as promised, or a
// refusal that says so.
func checkHostile(t testing.TB, data []byte) {
	t.Helper()
	p := Processor{Limits: Limits{Pixels: 1_000_000, Memory: 256 << 20, Decode: unhurried}, HEIC: decoderCommand(t)}
	photo, suggestion, err := p.Process(t.Context(), bytes.NewReader(data))
	if err == nil {
		checkPhoto(t, photo)
		if at := suggestion.Position; at != nil && !(at.Lat >= -90 && at.Lat <= 90 && at.Lon >= -180 && at.Lon <= 180) {
			t.Errorf("suggests %v", *at)
		}
		return
	}
	if e := problem.As(err); e == nil || e.Kind != problem.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "photo" {
		t.Errorf("error %v", err)
	}
}

func TestDamagedFilesAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, damaged := range mutations(data) {
				checkHostile(t, damaged)
			}
		})
	}
}

// envLong has the tests take the time that `make check` has.
const envLong = "KANTSTEN_TEST_LONG"

// mutations yields copies of a file with up to eight bits flipped, every fifth of
// them cut short as well; the same ones every time. There are a thousand where the
// tests may take long, else the first two hundred of these.
func mutations(data []byte) iter.Seq2[int, []byte] {
	random := rand.New(rand.NewPCG(1, 2))
	n := 200
	if os.Getenv(envLong) != "" {
		n = 1000
	}
	return func(yield func(int, []byte) bool) {
		for i := range n {
			damaged := bytes.Clone(data)
			for range 1 + random.IntN(8) {
				damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
			}
			if i%5 == 4 {
				damaged = damaged[:random.IntN(len(damaged))]
			}
			if !yield(i, damaged) {
				return
			}
		}
	}
}

func TestTruncatedFilesAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 0; n < len(data); n += 1 + len(data)/300 {
				checkHostile(t, data[:n])
			}
			if _, _, err := process(t, data[:len(data)/2]); err == nil {
				t.Error("half of the file was accepted")
			}
		})
	}
}

// crookedPalette is a PNG of 8 × 8 pixels whose palette has two colours and whose
// pixels say 0, 1 and 200.
func crookedPalette(interlaced bool) []byte {
	head := []byte("\x00\x00\x00\x08\x00\x00\x00\x08\x08\x03\x00\x00\x00")
	rows := []int{8, 8, 8, 8, 8, 8, 8, 8} // pixels a row
	if interlaced {
		head[12] = 1
		rows = []int{1, 1, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8} // Adam7's seven passes
	}
	var raw []byte
	for i, n := range rows {
		raw = append(raw, 0) // no filter
		for x := range n {
			raw = append(raw, []byte{0, 1, 200}[(i+x)%3])
		}
	}
	return join([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(head)), chunk("PLTE", "\xff\xff\xff\xff\x00\x00"),
		chunk("IDAT", deflated(raw)), chunk("IEND", ""))
}

// deflated compresses as PNG does.
func deflated(raw []byte) string {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(raw) // to memory
	_ = z.Close()
	return packed.String()
}

func TestAnIndexOutsideThePaletteIsBlack(t *testing.T) {
	t.Parallel()
	for name, interlaced := range map[string]bool{"plain": false, "interlaced": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			photo, _ := accepted(t, crookedPalette(interlaced))
			img := decoded(t, photo.Renditions[0])
			dark := 0
			for y := range 8 {
				for x := range 8 {
					if c := color.GrayModel.Convert(img.At(x, y)).(color.Gray); c.Y < 60 {
						dark++
					}
				}
			}
			if dark < 10 { // a third of 64, less what JPEG blurs
				t.Errorf("%d dark pixels", dark)
			}
		})
	}
}

func FuzzProcess(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	for _, data := range laden(f) {
		f.Add(data)
	}
	for _, name := range []string{"arithmetic.jpg", "gray.jpg", "sampling-4x2.jpg", "progressive-444-restart.jpg", "lossy.webp", "lossless-alpha.webp", "animated.png", "animated.webp"} {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkHostile(t, data) })
}

func FuzzEXIF(f *testing.F) {
	f.Add([]byte(sundsvall(6)))
	f.Add([]byte(tiff(nil, nil, []tag{ascii(2, "text"), {4, 5, 3, make([]byte, 24)}})))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := readEXIF(data, nil)
		if d := m.suggestion.Direction; d != nil && !(*d >= 0 && *d < 360) {
			t.Errorf("direction %v", *d)
		}
		if m.orientation < 0 || m.orientation > 8 {
			t.Errorf("orientation %d", m.orientation)
		}
	})
}
