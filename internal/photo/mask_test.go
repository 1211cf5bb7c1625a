package photo

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"
)

func TestAreasThatAreRefused(t *testing.T) {
	t.Parallel()
	good := Area{0.25, 0.5, 0.1, 0.2}
	tests := []struct {
		name  string
		area  Area
		right bool
	}{
		{"a part", good, true},
		{"all of it", Area{0, 0, 1, 1}, true},
		{"fractions that do not come out even", Area{0.1, 0.7, 0.9, 0.3 + 1e-9}, true},
		{"as small as can be", Area{0, 0, math.SmallestNonzeroFloat64, 1e-12}, true},
		{"no width", Area{0, 0, 0, 1}, false},
		{"no height", Area{0, 0, 1, 0}, false},
		{"negative width", Area{0.5, 0.5, -0.1, 0.1}, false},
		{"left of it", Area{-0.1, 0, 0.2, 0.2}, false},
		{"above it", Area{0, -0.1, 0.2, 0.2}, false},
		{"past the right side", Area{0.95, 0, 0.1, 0.1}, false},
		{"past the lower side", Area{0, 0.95, 0.1, 0.1}, false},
		{"pixels instead of shares", Area{120, 80, 64, 64}, false},
		{"not a number", Area{math.NaN(), 0, 0.1, 0.1}, false},
		{"a width that is not a number", Area{0, 0, math.NaN(), 0.1}, false},
		{"endless", Area{0, 0, math.Inf(1), 0.1}, false},
		{"from endlessly far away", Area{math.Inf(-1), 0, math.Inf(1), 0.1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			faults := CheckAreas("/areas", []Area{good, tt.area})
			switch {
			case tt.right && len(faults) > 0:
				t.Errorf("refused: %v", faults)
			case !tt.right && (len(faults) != 1 || faults[0].Field != "/areas/1" || faults[0].Code != "out-of-range"):
				t.Errorf("faults %v", faults)
			}
		})
	}
	if f := CheckAreas("/areas", make([]Area, 10_000)); len(f) != 1 || f[0].Code != "too-many" {
		t.Errorf("ten thousand areas: %d faults, want one", len(f))
	}
	if f := CheckAreas("/areas", nil); f != nil {
		t.Errorf("no areas: %v", f)
	}
}

func TestAreasInPixels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		area Area
		in   image.Point
		want image.Rectangle
	}{
		{"widened to the grid", Area{0.1, 0.1, 0.1, 0.1}, image.Pt(200, 200), image.Rect(16, 16, 48, 48)},
		{"on the grid already", Area{0.25, 0.25, 0.25, 0.25}, image.Pt(64, 64), image.Rect(16, 16, 32, 32)},
		{"all", Area{0, 0, 1, 1}, image.Pt(100, 30), image.Rect(0, 0, 100, 30)},
		{"a corner", Area{0.99, 0.99, 0.01, 0.01}, image.Pt(100, 30), image.Rect(96, 16, 100, 30)},
		{"hardly anything", Area{1 - 1e-9, 1 - 1e-9, 1e-12, 1e-12}, image.Pt(64, 64), image.Rect(48, 48, 64, 64)},
		{"at the very end", Area{1, 1, 1e-9, 1e-9}, image.Pt(64, 64), image.Rect(48, 48, 64, 64)},
		{"a photo of one pixel", Area{0.5, 0.5, 0.1, 0.1}, image.Pt(1, 1), image.Rect(0, 0, 1, 1)},
		{"a photo one pixel high", Area{0.5, 0, 0.1, 0.1}, image.Pt(2048, 1), image.Rect(1024, 0, 1232, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.area.pixels(image.Rectangle{Max: tt.in}); got != tt.want {
				t.Errorf("pixels = %v, want %v", got, tt.want)
			}
		})
	}
}

// noise draws pixels at random, so that what is masked has as much in it as fits.
func noise(width, height int, seed uint64) *image.NRGBA {
	rng := rand.New(rand.NewPCG(seed, 1))
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.UintN(256))
		if i%4 == 3 {
			img.Pix[i] = 0xff
		}
	}
	return img
}

func masked(t testing.TB, img image.Image, areas ...Area) Photo {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	photo, err := new(Processor).Mask(t.Context(), bytes.NewReader(b.Bytes()), areas)
	if err != nil {
		t.Fatal(err)
	}
	checkPhoto(t, photo)
	return photo
}

// Two photos that differ only in how the pixels under a mask are arranged give the
// same bytes, in every rendition: so nobody can tell from them which it was.
func TestMasksTellNothingOfTheArrangement(t *testing.T) {
	t.Parallel()
	area := Area{X: 0.25, Y: 0.25, Width: 0.25, Height: 0.25} // 64 pixels of 256: blocks of 16
	one := noise(256, 256, 1)
	other := noise(256, 256, 1)
	for y := 64; y < 128; y++ {
		for x := 64; x < 128; x++ {
			other.SetNRGBA(x, y, one.NRGBAAt(x/16*16+15-x%16, y/16*16+15-y%16)) // turned within its block
		}
	}
	a, b := masked(t, one, area), masked(t, other, area)
	for i := range a.Renditions {
		if !bytes.Equal(a.Renditions[i].Data, b.Renditions[i].Data) {
			t.Errorf("rendition %d tells the two apart", a.Renditions[i].Size)
		}
	}
	if a.BlurHash != b.BlurHash || a.Likeness != b.Likeness {
		t.Error("placeholder or likeness tells the two apart")
	}
	if plain := masked(t, one); bytes.Equal(plain.Renditions[0].Data, a.Renditions[0].Data) {
		t.Error("the mask changed nothing")
	}
}

// However large an area, it has at most sixteen blocks, each of one of few colours.
func TestBlocksAreFewAndCoarse(t *testing.T) {
	t.Parallel()
	for _, r := range []image.Rectangle{
		image.Rect(0, 0, 16, 16), image.Rect(16, 32, 48, 64), image.Rect(0, 0, 512, 512), image.Rect(32, 0, 512, 48), image.Rect(0, 0, 512, 1),
	} {
		img := noise(512, 512, 2)
		pixelate(img, r)
		colours := map[color.NRGBA]bool{}
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				c := img.NRGBAAt(x, y)
				colours[c] = true
				if c.R%levelWidth != levelWidth/2 || c.A != 0xff {
					t.Fatalf("%v: a pixel is %v", r, c)
				}
			}
		}
		if len(colours) > maxBlocks*maxBlocks {
			t.Errorf("%v has %d colours", r, len(colours))
		}
		if before := noise(512, 512, 2); r.Max.X < 512 && img.NRGBAAt(r.Max.X, r.Min.Y) != before.NRGBAAt(r.Max.X, r.Min.Y) {
			t.Errorf("%v reaches past its side", r)
		}
	}
}

// A JPEG decoded holds traces of a pixel in its neighbours. Under a mask that was
// drawn on one, and encoded again, there are none.
func TestMaskOfAJPEGLeavesNoTrace(t *testing.T) {
	t.Parallel()
	secret := noise(640, 480, 3)
	photo, _, err := new(Processor).Process(t.Context(), bytes.NewReader(jpegOf(t, secret)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := new(Processor).Mask(t.Context(), bytes.NewReader(photo.Renditions[0].Data), []Area{{0.1, 0.1, 0.5, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range out.Renditions {
		img, err := jpeg.Decode(bytes.NewReader(r.Data))
		if err != nil {
			t.Fatal(err)
		}
		// A quarter of a block of 4 × 4, well inside: one colour but for the encoder.
		inside := image.Rect(r.Width*12/100, r.Height*12/100, r.Width*18/100, r.Height*18/100)
		if spread := spreadOf(img, inside); spread > 12 {
			t.Errorf("rendition %d: brightness differs by %d under the mask", r.Size, spread)
		}
	}
}

// spreadOf is the difference of the brightest and the darkest pixel, 0 to 255.
func spreadOf(img image.Image, in image.Rectangle) int {
	lowest, highest := 255, 0
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			g := int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			lowest, highest = min(lowest, g), max(highest, g)
		}
	}
	return highest - lowest
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNamesOfWhatIsKept(t *testing.T) {
	t.Parallel()
	sum := "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	name := UnmaskedName("3f0c", sum)
	if folder, ok := ParseUnmaskedName(name); !ok || folder != "3f0c" || name != UnmaskedPrefix("3f0c")+"2048-"+sum {
		t.Errorf("%s: %q, %v", name, folder, ok)
	}
	if _, _, _, ok := ParseName(name); ok {
		t.Error("what is kept has the name of a rendition")
	}
	for _, other := range []string{"", "unmasked/", Name("3f0c", Large, sum), "unmasked/../2048-" + sum, "unmasked/a/b/2048-" + sum} {
		if folder, ok := ParseUnmaskedName(other); ok {
			t.Errorf("%q: %q", other, folder)
		}
	}
}
