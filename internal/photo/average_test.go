package photo

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func TestAveragePlane(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		src           []uint8
		width, height int
		toW, toH      int
		want          []uint8
	}{
		{"two by two to one", []uint8{10, 20, 30, 40}, 2, 2, 1, 1, []uint8{25}},
		{"pairs", []uint8{0, 10, 20, 40}, 4, 1, 2, 1, []uint8{5, 30}},
		{"three to two: the middle one counts half in each", []uint8{0, 90, 240}, 3, 1, 2, 1, []uint8{30, 190}},
		{"down as across", []uint8{0, 90, 240}, 1, 3, 1, 2, []uint8{30, 190}},
		{"the same size", []uint8{1, 2, 3, 4}, 2, 2, 2, 2, []uint8{1, 2, 3, 4}},
		{"enlarging repeats", []uint8{7, 9}, 2, 1, 4, 2, []uint8{7, 7, 9, 9, 7, 7, 9, 9}},
		{"white stays white", []uint8{255, 255, 255, 255, 255, 255}, 3, 2, 2, 1, []uint8{255, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := make([]uint8, tt.toW*tt.toH)
			averagePlane(plane{got, tt.toW, tt.toW, tt.toH}, plane{tt.src, tt.width, tt.width, tt.height})
			if string(got) != string(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTheLargestSidesDoNotOverflow(t *testing.T) {
	t.Parallel()
	const side = 20_000
	src := make([]uint8, side)
	for i := range src {
		src[i] = 255
	}
	for _, from := range []plane{{src, 1, 1, side}, {src, side, side, 1}} {
		got := []uint8{0}
		averagePlane(plane{got, 1, 1, 1}, from)
		if got[0] != 255 {
			t.Errorf("%d × %d white samples give %d", from.width, from.height, got[0])
		}
	}
}

// Whatever the sampling and the odd sides, averaging planes must show what
// averaging colours shows.
func TestAveragePlanesAgreesWithResamplingColours(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for _, sides := range []image.Point{{400, 300}, {401, 299}, {131, 257}} {
			t.Run(ratio.String()+" "+sides.String(), func(t *testing.T) {
				t.Parallel()
				src := asYCbCr(quarters(sides.X, sides.Y), ratio)
				rgba := image.NewRGBA(src.Rect)
				draw.Draw(rgba, rgba.Rect, src, image.Point{}, draw.Src)
				got, want := shrink(src, 100), shrink(rgba, 100)
				if got.Rect != want.Rect {
					t.Fatalf("%v, want %v", got.Rect, want.Rect)
				}
				for y := range got.Rect.Dy() {
					for x := range got.Rect.Dx() {
						if edge(x, got.Rect.Dx()) || edge(y, got.Rect.Dy()) {
							continue // between two quarters, where sampled colours blur
						}
						if !near(got.At(x, y), want.NRGBAAt(x, y)) {
							t.Fatalf("at %d, %d: %v, want %v", x, y, got.At(x, y), want.At(x, y))
						}
					}
				}
			})
		}
	}
}

// edge reports whether x lies within four pixels of the middle of n.
func edge(x, n int) bool { return x > n/2-4 && x < n/2+4 }

// asYCbCr converts an image.
func asYCbCr(img image.Image, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	out := image.NewYCbCr(img.Bounds(), ratio)
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			c := color.YCbCrModel.Convert(img.At(x, y)).(color.YCbCr)
			out.Y[out.YOffset(x, y)], out.Cb[out.COffset(x, y)], out.Cr[out.COffset(x, y)] = c.Y, c.Cb, c.Cr
		}
	}
	return out
}
