package photo

import (
	"image"
	"image/color"
	"image/draw"
)

// safePixels returns the image as one of the types that imaging reads without
// looking anything up: YCbCr, Gray, RGBA and NRGBA. Where a pixel takes no more
// room than before, that happens in place, so the image given is used up.
func safePixels(img image.Image) image.Image {
	switch img := img.(type) {
	case *image.YCbCr, *image.Gray, *image.RGBA, *image.NRGBA:
		return img
	case *image.Paletted:
		return resolvePalette(img)
	case *image.Gray16:
		keepHighBytes(img.Pix)
		return &image.Gray{Pix: img.Pix, Stride: img.Stride / 2, Rect: img.Rect}
	case *image.NRGBA64:
		keepHighBytes(img.Pix)
		return &image.NRGBA{Pix: img.Pix, Stride: img.Stride / 2, Rect: img.Rect}
	case *image.RGBA64:
		keepHighBytes(img.Pix)
		return &image.RGBA{Pix: img.Pix, Stride: img.Stride / 2, Rect: img.Rect}
	case *image.CMYK:
		return cmykToRGBA(img)
	}
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	return out
}

// resolvePalette looks up every pixel. An index outside the palette is opaque
// black, as browsers show it. Go 1.26's image/png lengthens the palette to the
// same effect, but nothing promises that.
func resolvePalette(img *image.Paletted) *image.NRGBA {
	var colours [256]color.NRGBA
	for i := range colours {
		colours[i] = color.NRGBA{A: 0xff}
		if i < len(img.Palette) {
			colours[i] = color.NRGBAModel.Convert(img.Palette[i]).(color.NRGBA) //nolint:errcheck // what the model converts to
		}
	}
	out := image.NewNRGBA(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	for y := range img.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x, index := range img.Pix[y*img.Stride:][:img.Rect.Dx()] {
			c := colours[index]
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = c.R, c.G, c.B, c.A
		}
	}
	return out
}

// keepHighBytes moves the high bytes of big-endian 16-bit samples together.
func keepHighBytes(pix []uint8) {
	for i := range len(pix) / 2 {
		pix[i] = pix[2*i]
	}
}

// cmykToRGBA converts in place, by the plain formula: there is no profile.
func cmykToRGBA(img *image.CMYK) *image.RGBA {
	for i := 0; i+3 < len(img.Pix); i += 4 {
		p := img.Pix[i : i+4 : i+4]
		p[0], p[1], p[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
		p[3] = 0xff
	}
	return &image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}
}
