package photo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// process runs a photo through a processor of the test's own.
func process(t testing.TB, data []byte) (Photo, Suggestion, error) {
	t.Helper()
	return (&Processor{HEIC: decoderCommand(t), Limits: Limits{Decode: unhurried}}).Process(t.Context(), bytes.NewReader(data))
}

// accepted is process for a photo that must be accepted; whatever it is, what
// comes out is checked.
func accepted(t testing.TB, data []byte) (Photo, Suggestion) {
	t.Helper()
	photo, suggestion, err := process(t, data)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	checkPhoto(t, photo)
	return photo, suggestion
}

// checkPhoto holds a photo against what Process promises.
func checkPhoto(t testing.TB, photo Photo) {
	t.Helper()
	if len(photo.Renditions) != 3 {
		t.Fatalf("%d renditions", len(photo.Renditions))
	}
	for i, r := range photo.Renditions {
		if want := []int{2048, 1024, 320}[i]; r.Size != want {
			t.Errorf("rendition %d has size %d, want %d", i, r.Size, want)
		}
		sum := sha256.Sum256(r.Data)
		if r.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%d: the hash is not that of the data", r.Size)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(r.Data))
		if err != nil || config.Width != r.Width || config.Height != r.Height {
			t.Errorf("%d: is %d × %d (%v), said %d × %d", r.Size, config.Width, config.Height, err, r.Width, r.Height)
		}
		longer := max(photo.Width, photo.Height)
		if got, want := max(r.Width, r.Height), min(r.Size, longer); got != want {
			t.Errorf("%d: the longer side is %d, want %d", r.Size, got, want)
		}
		checkOnlyPixels(t, r.Data)
	}
}

// checkOnlyPixels walks over a JPEG by itself and finds nothing in it but what
// it takes to draw: no application segment, no comment, nothing behind the end.
func checkOnlyPixels(t testing.TB, data []byte) {
	t.Helper()
	const soi, eoi, sos = 0xd8, 0xd9, 0xda
	allowed := map[byte]bool{0xdb: true, 0xc0: true, 0xc4: true, sos: true} // DQT, SOF0, DHT, SOS
	if len(data) < 4 || data[0] != 0xff || data[1] != soi {
		t.Fatal("no JPEG")
	}
	for i := 2; ; {
		if i+4 > len(data) && !bytes.Equal(data[i:], []byte{0xff, eoi}) {
			t.Fatalf("ends without an end marker at %d", i)
		}
		marker := data[i+1]
		switch {
		case data[i] != 0xff:
			t.Fatalf("bytes between segments at %d", i)
		case marker == eoi:
			if i+2 != len(data) {
				t.Errorf("%d bytes behind the end", len(data)-i-2)
			}
			return
		case !allowed[marker]:
			t.Fatalf("marker %#x at %d", marker, i)
		}
		i += 2 + int(data[i+2])<<8 + int(data[i+3])
		if marker == sos { // coded pixels reach to the next marker; 0xff00 is a byte of them
			for data[i] != 0xff || data[i+1] == 0 {
				i++
			}
		}
	}
}

// decoded returns the pixels of a rendition.
func decoded(t testing.TB, r Rendition) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(r.Data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// checkQuarters looks at the middle of each quarter: top left, top right, bottom
// left, bottom right.
func checkQuarters(t testing.TB, img image.Image, want [4]color.NRGBA) {
	t.Helper()
	b := img.Bounds()
	for i, colour := range want {
		x, y := b.Dx()*(1+2*(i%2))/4, b.Dy()*(1+2*(i/2))/4
		if !near(img.At(x, y), colour) {
			t.Errorf("quarter %d is %v, want %v", i, color.NRGBAModel.Convert(img.At(x, y)), colour)
		}
	}
}

// near allows for what JPEG and colour conversion do to flat colours.
func near(got color.Color, want color.NRGBA) bool {
	r, g, b, _ := got.RGBA()
	for _, d := range [3]int{int(r>>8) - int(want.R), int(g>>8) - int(want.G), int(b>>8) - int(want.B)} {
		if d < -30 || d > 30 {
			return false
		}
	}
	return true
}

func TestEveryFormatKeepsItsPixels(t *testing.T) {
	t.Parallel()
	grey := [4]color.NRGBA{{76, 76, 76, 255}, {150, 150, 150, 255}, {29, 29, 29, 255}, white}
	plain := [4]color.NRGBA{red, green, blue, white}
	small := quarters(48, 32)
	tests := []struct {
		name string
		data []byte
		want [4]color.NRGBA
	}{
		{"baseline JPEG", asJPEG(t, small), plain},
		{"progressive JPEG", file(t, "progressive.jpg"), plain},
		{"progressive JPEG, full colour, restart markers", file(t, "progressive-444-restart.jpg"), plain},
		{"JPEG with colour at a quarter of the width", file(t, "sampling-4x1.jpg"), plain},
		{"JPEG with colour at half the height", file(t, "sampling-1x2.jpg"), plain},
		{"JPEG with colour at an eighth", file(t, "sampling-4x2.jpg"), plain},
		{"RGB JPEG", file(t, "rgb.jpg"), plain},
		{"CMYK JPEG", file(t, "cmyk.jpg"), plain},
		{"grey JPEG", file(t, "gray.jpg"), grey},
		{"PNG", asPNG(t, small), plain},
		{"16-bit PNG", asPNG(t, converted(small, image.NewNRGBA64(small.Rect))), plain},
		{"16-bit PNG with transparency", asPNG(t, converted(holed(small), image.NewNRGBA64(small.Rect))), plain},
		{"grey PNG", asPNG(t, converted(small, image.NewGray(small.Rect))), grey},
		{"16-bit grey PNG", asPNG(t, converted(small, image.NewGray16(small.Rect))), grey},
		{"palette PNG", asPNG(t, converted(small, image.NewPaletted(small.Rect, color.Palette{black, red, green, blue, white}))), plain},
		{"PNG with transparency", asPNG(t, holed(small)), plain}, // flattened on white
		{"lossy WebP", file(t, "lossy.webp"), plain},
		{"lossless WebP", file(t, "lossless.webp"), plain},
		{"lossy WebP with transparency", file(t, "lossy-alpha.webp"), plain},
		{"lossless WebP with transparency", file(t, "lossless-alpha.webp"), plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			photo, suggestion := accepted(t, tt.data)
			if photo.Width != 48 || photo.Height != 32 {
				t.Errorf("%d × %d pixels", photo.Width, photo.Height)
			}
			if suggestion != (Suggestion{}) {
				t.Errorf("suggests %+v without having metadata", suggestion)
			}
			for _, r := range photo.Renditions {
				checkQuarters(t, decoded(t, r), tt.want)
			}
		})
	}
}

// converted copies pixels into another type.
func converted[T interface {
	image.Image
	Set(x, y int, c color.Color)
}](src image.Image, dst T) T {
	for y := range src.Bounds().Dy() {
		for x := range src.Bounds().Dx() {
			dst.Set(x, y, src.At(x, y))
		}
	}
	return dst
}

// holed makes the white quarter transparent, with black behind it.
func holed(img *image.NRGBA) *image.NRGBA {
	out := converted(img, image.NewNRGBA(img.Rect))
	for y := img.Rect.Dy() / 2; y < img.Rect.Dy(); y++ {
		for x := img.Rect.Dx() / 2; x < img.Rect.Dx(); x++ {
			out.SetNRGBA(x, y, color.NRGBA{})
		}
	}
	return out
}

func TestRenditionSizes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		width, height int
		want          [3]image.Point
	}{
		{"landscape", 2304, 1536, [3]image.Point{{2048, 1365}, {1024, 683}, {320, 213}}},
		{"portrait", 1152, 2304, [3]image.Point{{1024, 2048}, {512, 1024}, {160, 320}}},
		{"square", 1024, 1024, [3]image.Point{{1024, 1024}, {1024, 1024}, {320, 320}}},
		{"between two sizes", 1200, 600, [3]image.Point{{1200, 600}, {1024, 512}, {320, 160}}},
		{"nothing is enlarged", 100, 50, [3]image.Point{{100, 50}, {100, 50}, {100, 50}}},
		{"one pixel", 1, 1, [3]image.Point{{1, 1}, {1, 1}, {1, 1}}},
		{"a strip never gets thinner than a pixel", 5000, 1, [3]image.Point{{2048, 1}, {1024, 1}, {320, 1}}},
		{"an upright strip", 1, 5000, [3]image.Point{{1, 2048}, {1, 1024}, {1, 320}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			photo, _ := accepted(t, asJPEG(t, image.NewGray(image.Rect(0, 0, tt.width, tt.height))))
			for i, r := range photo.Renditions {
				if got := image.Pt(r.Width, r.Height); got != tt.want[i] {
					t.Errorf("%d is %v, want %v", r.Size, got, tt.want[i])
				}
			}
		})
	}
}

func TestASmallPhotoHasTheSamePixelsUnderEveryKey(t *testing.T) {
	t.Parallel()
	photo, _ := accepted(t, asJPEG(t, quarters(48, 32)))
	for _, r := range photo.Renditions[1:] {
		if r.SHA256 != photo.Renditions[0].SHA256 {
			t.Errorf("%d differs", r.Size)
		}
	}
}

func TestLargePhotosKeepTheirPixels(t *testing.T) {
	t.Parallel()
	photo, _ := accepted(t, asJPEG(t, quarters(2200, 900)))
	for _, r := range photo.Renditions {
		checkQuarters(t, decoded(t, r), [4]color.NRGBA{red, green, blue, white})
	}
}

func TestOrientationIsAppliedToThePixels(t *testing.T) {
	t.Parallel()
	// What stands where, once upright (EXIF 2.32, 4.6.4): orientation 6 says that
	// the stored left column is the top row, seen from its lower end.
	upright := map[uint16][4]color.NRGBA{
		0:   {red, green, blue, white}, // not a value: as it is
		1:   {red, green, blue, white},
		2:   {green, red, white, blue},
		3:   {white, blue, green, red},
		4:   {blue, white, red, green},
		5:   {red, blue, green, white},
		6:   {blue, red, white, green},
		7:   {white, green, blue, red},
		8:   {green, white, red, blue},
		9:   {red, green, blue, white},
		999: {red, green, blue, white},
	}
	for value, want := range upright {
		exif := sundsvall(value)
		for name, data := range map[string][]byte{
			"JPEG":      withSegments(asJPEG(t, quarters(48, 32)), app1(exif)),
			"wide JPEG": withSegments(asJPEG(t, quarters(2100, 64)), app1(exif)), // one that is resampled
			"PNG":       withChunks(asPNG(t, quarters(48, 32)), chunk("eXIf", exif)),
			"WebP":      webpWithEXIF(file(t, "lossless.webp"), 48, 32, exif),
		} {
			photo, _ := accepted(t, data)
			if turned := value >= 5 && value <= 8; turned != (photo.Height > photo.Width) {
				t.Errorf("%s %d: %d × %d pixels", name, value, photo.Width, photo.Height)
			}
			for _, r := range photo.Renditions {
				checkQuarters(t, decoded(t, r), want)
			}
		}
	}
}

// TestOnlyTheNamedDecodersAreImported holds the rule that no other decoder is
// reachable: none is imported by name, and the registry of package image, into
// which imaging brings three more, is never asked.
func TestOnlyTheNamedDecodersAreImported(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("*.go")
	if err != nil || len(sources) < 5 {
		t.Fatalf("found %q, %v", sources, err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, banned := range []string{
			"image.Decode", "imaging.Open", "imaging.Decode", "imaging.Save", "imaging.Encode",
			`"image/gif"`, `x/image/tiff`, `x/image/bmp`, `x/image/draw`,
		} {
			if bytes.Contains(source, []byte(banned)) {
				t.Errorf("%s uses %s", name, banned)
			}
		}
	}
}
