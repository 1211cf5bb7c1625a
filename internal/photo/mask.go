package photo

import (
	"context"
	"fmt"
	"image"
	"io"
)

// What is left of a masked area. Of a finer mosaic a plate or a face can be found
// again, by making mosaics of all that it could be and comparing; so an area has at
// most four blocks along its longer side, each at least 16 pixels wide and of one
// of 16 levels a channel. A plate, five times as wide as it is high, becomes four
// blocks: 48 bits, of which most tell of paint and light.
const (
	maxBlocks  = 4
	levelWidth = 256 / 16
)

// Mask makes the renditions of a rendition anew with some areas pixelated; see
// [Library.Mask]. Placeholder and likeness are those of the masked picture, whose
// sides are the photo's. Errors are those of [Processor.Process].
func (p *Processor) Mask(ctx context.Context, src io.ReadSeeker, areas []Area) (Photo, error) {
	p.ready()
	h, meta, err := p.inspect(ctx, src)
	if err != nil {
		return Photo{}, err
	}
	const colours = 4 // bytes a pixel: masks are drawn on them, whatever it came as
	release, err := p.reserve(ctx, h.memory()+colours*h.pixels())
	if err != nil {
		return Photo{}, err
	}
	defer release()
	img, err := p.decode(ctx, src, &h)
	if err != nil {
		return Photo{}, err
	}
	pixels := meta.orientation.apply(shrink(img, Large))
	flatten(pixels)
	for _, a := range areas {
		pixelate(pixels, a.pixels(pixels.Rect))
	}
	photo := Photo{Width: pixels.Rect.Dx(), Height: pixels.Rect.Dy()}
	if err := photo.addRenditions(ctx, pixels); err != nil {
		return Photo{}, fmt.Errorf("mask a photo: %w", err)
	}
	return photo, nil
}

// pixelate fills an opaque picture's rectangle with a few blocks, each of about the
// mean colour of what it covers. What was there cannot be told from them.
func pixelate(img *image.NRGBA, r image.Rectangle) {
	longer := max(r.Dx(), r.Dy())
	blocks := max(1, min(maxBlocks, longer/grid))
	side := (longer + blocks - 1) / blocks
	for y := r.Min.Y; y < r.Max.Y; y += side {
		for x := r.Min.X; x < r.Max.X; x += side {
			fillWithMean(img, image.Rect(x, y, x+side, y+side).Intersect(r))
		}
	}
}

func fillWithMean(img *image.NRGBA, r image.Rectangle) {
	var sum [3]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):img.PixOffset(r.Max.X, y)]
		for i := 0; i+3 < len(row); i += 4 {
			sum[0], sum[1], sum[2] = sum[0]+int(row[i]), sum[1]+int(row[i+1]), sum[2]+int(row[i+2])
		}
	}
	var mean [3]uint8
	for c := range mean {
		mean[c] = uint8(sum[c]/(r.Dx()*r.Dy())/levelWidth*levelWidth + levelWidth/2) //nolint:gosec // at most 248
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.PixOffset(r.Min.X, y):img.PixOffset(r.Max.X, y)]
		for i := 0; i+3 < len(row); i += 4 {
			copy(row[i:], mean[:])
		}
	}
}
