package photo

import (
	"fmt"
	"image"
	"image/color"
	"testing"
)

func TestSafePixels(t *testing.T) {
	t.Parallel()
	src := quarters(8, 8)
	hollow := holed(src)
	palette := color.Palette{red, green, blue, white}
	tests := []struct {
		img  image.Image
		want string // the type that comes out
	}{
		{src, "*image.NRGBA"},
		{converted(src, image.NewRGBA(src.Rect)), "*image.RGBA"},
		{converted(src, image.NewGray(src.Rect)), "*image.Gray"},
		{asYCbCr(src, image.YCbCrSubsampleRatio444), "*image.YCbCr"},
		{converted(src, image.NewGray16(src.Rect)), "*image.Gray"},
		{converted(src, image.NewRGBA64(src.Rect)), "*image.RGBA"},
		{converted(hollow, image.NewRGBA64(src.Rect)), "*image.RGBA"},
		{converted(src, image.NewNRGBA64(src.Rect)), "*image.NRGBA"},
		{converted(hollow, image.NewNRGBA64(src.Rect)), "*image.NRGBA"},
		{converted(src, image.NewCMYK(src.Rect)), "*image.RGBA"},
		{converted(src, image.NewPaletted(src.Rect, palette)), "*image.NRGBA"},
		{&image.NYCbCrA{YCbCr: *asYCbCr(src, image.YCbCrSubsampleRatio444), A: opaqueAlpha(64), AStride: 8}, "*image.NRGBA"},
		{converted(src, image.NewAlpha(src.Rect)), "*image.NRGBA"}, // no decoder's; what is not known is drawn
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%T", tt.img), func(t *testing.T) {
			t.Parallel()
			var want []color.Color // looked at first: the image is used up
			for i := range 64 {
				want = append(want, tt.img.At(i%8, i/8))
			}
			got := safePixels(tt.img)
			if name := fmt.Sprintf("%T", got); name != tt.want || got.Bounds() != src.Rect {
				t.Fatalf("became %s of %v, want %s", name, got.Bounds(), tt.want)
			}
			for i := range 64 {
				if c := got.At(i%8, i/8); !same(c, want[i]) {
					t.Errorf("pixel %d is %v, was %v", i, c, want[i])
				}
			}
		})
	}
}

// same allows for rounding to eight bits.
func same(a, b color.Color) bool {
	ar, ag, ab, aa := a.RGBA()
	br, bg, bb, ba := b.RGBA()
	for _, d := range [4]int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb), int(aa) - int(ba)} {
		if d < -0x200 || d > 0x200 {
			return false
		}
	}
	return true
}

func opaqueAlpha(n int) []uint8 {
	a := make([]uint8, n)
	for i := range a {
		a[i] = 0xff
	}
	return a
}

// This is the image that imaging would panic on, in a goroutine of its own.
func TestSafePixelsLooksUpWhatIsNotInThePalette(t *testing.T) {
	t.Parallel()
	img := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{red})
	img.Pix[1] = 200
	for _, empty := range []color.Palette{{red}, nil} {
		img.Palette = empty
		got := shrink(safePixels(img), 1)
		if _, _, _, a := got.At(0, 0).RGBA(); a != 0xffff {
			t.Errorf("became %v", got.At(0, 0))
		}
	}
}
