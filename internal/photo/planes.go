package photo

import "image"

// A photo that comes as planes stays so on its whole way: shrunk, turned and
// encoded plane by plane. Its colours are never worked out for every pixel, which
// saves a quarter of the time and half of the memory.

// planesUpright brings planes to at most Large, in 4:2:0 and upright.
func planesUpright(img *image.YCbCr, o orientation) *image.YCbCr {
	sides := img.Rect.Size()
	width, height := fit(sides.X, sides.Y, Large)
	if fits := sides == image.Pt(width, height); !fits || img.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		img = averagePlanes(img, width, height)
	}
	return o.applyPlanes(img)
}

// applyPlanes turns the image, which is 4:2:0, upright.
func (o orientation) applyPlanes(img *image.YCbCr) *image.YCbCr {
	if o < 2 || o > 8 {
		return img
	}
	width, height := img.Rect.Dx(), img.Rect.Dy()
	rect := image.Rect(0, 0, width, height)
	if o.swapsSides() {
		rect = image.Rect(0, 0, height, width)
	}
	out := image.NewYCbCr(rect, image.YCbCrSubsampleRatio420)
	o.applyPlane(out.Y, plane{img.Y, img.YStride, width, height})
	o.applyPlane(out.Cb, plane{img.Cb, img.CStride, (width + 1) / 2, (height + 1) / 2})
	o.applyPlane(out.Cr, plane{img.Cr, img.CStride, (width + 1) / 2, (height + 1) / 2})
	return out
}

// applyPlane writes the samples of src to dst in the order in which they stand
// upright, row by row: from a corner of src, by one step for the next sample and
// by another for the next row.
func (o orientation) applyPlane(dst []uint8, src plane) {
	right, bottom := src.width-1, (src.height-1)*src.stride
	walk := [...]struct{ from, sample, row int }{
		2: {right, -1, src.stride},           // mirrored
		3: {bottom + right, -1, -src.stride}, // upside down
		4: {bottom, 1, -src.stride},          // upside down, mirrored
		5: {0, src.stride, 1},                // on its side, mirrored
		6: {bottom, -src.stride, 1},          // a quarter to the right to be upright
		7: {bottom + right, -src.stride, -1}, // on its other side, mirrored
		8: {right, src.stride, -1},           // a quarter to the left
	}[o]
	width, height := src.width, src.height
	if o.swapsSides() {
		width, height = height, width
	}
	for y := range height {
		at := walk.from + y*walk.row
		row := dst[y*width:][:width]
		for x := range row {
			row[x] = src.pix[at]
			at += walk.sample
		}
	}
}
