package photo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/disintegration/imaging"
)

// render makes the renditions of a decoded photo of width × height pixels with one
// of EXIF's orientations; the image may have been shrunk to Large already. Each is
// made from the one before: the first step, from the full photo, takes most of the
// time, and turning upright comes after it, on fewer pixels.
func render(ctx context.Context, img image.Image, width, height int, o orientation) (Photo, error) {
	photo := Photo{Width: width, Height: height}
	if o.swapsSides() {
		photo.Width, photo.Height = photo.Height, photo.Width
	}
	err := photo.addRenditions(ctx, upright(img, o))
	return photo, err
}

// addRenditions makes all renditions of what upright returned, and what is computed
// of the smallest.
func (photo *Photo) addRenditions(ctx context.Context, large image.Image) error {
	for _, step := range [...]struct{ size, quality int }{{Large, 85}, {Medium, 82}, {Small, 78}} {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("make renditions: %w", err)
		}
		smaller := shrinkTo(large, step.size)
		if n := len(photo.Renditions); n > 0 && smaller == large {
			same := photo.Renditions[n-1] // nothing to enlarge: the same pixels again
			same.Size = step.size
			photo.Renditions = append(photo.Renditions, same)
			continue
		}
		large = smaller
		rendition, err := encode(large, step.size, step.quality)
		if err != nil {
			return err
		}
		photo.Renditions = append(photo.Renditions, rendition)
	}
	small := colours(large)
	photo.Likeness = likeness(small)
	var err error
	photo.BlurHash, err = placeholder(small)
	return err
}

// upright brings a decoded photo to at most Large, upright and opaque: as planes,
// 4:2:0, if it came so, and as NRGBA otherwise.
func upright(img image.Image, o orientation) image.Image {
	if planes, ok := img.(*image.YCbCr); ok {
		return planesUpright(planes, o)
	}
	pixels := o.apply(shrink(img, Large))
	flatten(pixels)
	return pixels
}

// shrinkTo is shrink for what upright returns; planes remain planes.
func shrinkTo(img image.Image, size int) image.Image {
	planes, ok := img.(*image.YCbCr)
	if !ok {
		return shrink(img, size)
	}
	sides := planes.Rect.Size()
	width, height := fit(sides.X, sides.Y, size)
	if sides == image.Pt(width, height) {
		return planes
	}
	return averagePlanes(planes, width, height)
}

// colours returns what shrinkTo returned as colours.
func colours(img image.Image) *image.NRGBA {
	if planes, ok := img.(*image.YCbCr); ok {
		return opaque(planes)
	}
	return img.(*image.NRGBA) //nolint:errcheck // the only other type
}

// Sides are those of the rendition of a size, of a photo of width × height pixels.
func Sides(width, height, size int) (int, int) { return fit(width, height, size) }

// fit returns the sides of an image whose longer side measures at most size, in
// the same proportion, neither less than one pixel. It never enlarges.
func fit(width, height, size int) (int, int) {
	longer := max(width, height)
	if longer <= size {
		return width, height
	}
	scale := func(side int) int { return max(1, (side*size+longer/2)/longer) }
	return scale(width), scale(height)
}

// shrink resamples an image so that its longer side measures at most size. An
// NRGBA image that fits already is returned as it is. Only types that safePixels
// returns may be given.
func shrink(img image.Image, size int) *image.NRGBA {
	sides := img.Bounds().Size()
	width, height := fit(sides.X, sides.Y, size)
	fits := sides == image.Pt(width, height)
	if nrgba, ok := img.(*image.NRGBA); ok && fits {
		return nrgba
	}
	if planes, ok := img.(*image.YCbCr); ok && !fits {
		return opaque(averagePlanes(planes, width, height))
	}
	return imaging.Resize(img, width, height, filter(sides, size)) // only converts where it fits
}

// filter chooses how to shrink an image of some sides to size. Averaging is
// fastest, and good where many pixels become one; below a ratio of 1.5 it is
// hardly more than leaving pixels out, which shows as steps in straight lines.
func filter(sides image.Point, size int) imaging.ResampleFilter {
	if 2*max(sides.X, sides.Y) >= 3*size {
		return imaging.Box
	}
	return imaging.CatmullRom
}

// flatten lays the image on white, in place: JPEG has no transparency, and
// without this the hidden colours of transparent pixels would appear.
func flatten(img *image.NRGBA) {
	for i := 0; i+3 < len(img.Pix); i += 4 {
		p := img.Pix[i : i+4 : i+4]
		a := uint32(p[3])
		if a == 0xff {
			continue
		}
		for c := range 3 {
			p[c] = uint8((uint32(p[c])*a + 0xff*(0xff-a) + 0x7f) / 0xff) //nolint:gosec // a weighted mean of bytes
		}
		p[3] = 0xff
	}
}

// encode writes an opaque image, planes or NRGBA, as JPEG.
func encode(img image.Image, size, quality int) (Rendition, error) {
	if nrgba, ok := img.(*image.NRGBA); ok {
		// image/jpeg has a fast path for RGBA and none for NRGBA; for opaque pixels
		// the two are the same bytes.
		img = &image.RGBA{Pix: nrgba.Pix, Stride: nrgba.Stride, Rect: nrgba.Rect}
	}
	sides := img.Bounds().Size()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return Rendition{}, fmt.Errorf("encode rendition %d: %w", size, err)
	}
	sum := sha256.Sum256(b.Bytes())
	return Rendition{
		Size:   size,
		Width:  sides.X,
		Height: sides.Y,
		SHA256: hex.EncodeToString(sum[:]),
		Data:   b.Bytes(),
	}, nil
}
