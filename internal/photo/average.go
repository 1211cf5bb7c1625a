package photo

import (
	"image"
	"image/draw"
)

// Photos from phones are YCbCr, with colour at half the width and height. To
// average its planes one by one is half the work of imaging.Box, which makes
// RGBA of every pixel first: of a 12-megapixel photo it takes a third of the
// time, and no memory for the image between the two directions.

// averagePlanes shrinks an image to width × height. The result is 4:2:0, as the
// JPEG encoder makes every image anyway.
func averagePlanes(src *image.YCbCr, width, height int) *image.YCbCr {
	dst := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	sides := src.Rect.Size()
	averagePlane(
		plane{dst.Y, dst.YStride, width, height},
		plane{src.Y, src.YStride, sides.X, sides.Y},
	)
	across, down := subsampling(src.SubsampleRatio)
	from := plane{nil, src.CStride, (sides.X + across - 1) / across, (sides.Y + down - 1) / down}
	to := plane{nil, dst.CStride, (width + 1) / 2, (height + 1) / 2}
	for _, colour := range [...][2][]uint8{{dst.Cb, src.Cb}, {dst.Cr, src.Cr}} {
		to.pix, from.pix = colour[0], colour[1]
		averagePlane(to, from)
	}
	return dst
}

// subsampling returns how many pixels across and down share a sample of colour.
func subsampling(r image.YCbCrSubsampleRatio) (across, down int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	default:
		return 1, 1
	}
}

// plane is one byte for each of width × height samples.
type plane struct {
	pix           []uint8
	stride        int
	width, height int
}

// averagePlane sets each sample of dst to the mean of the area of src that it
// covers; samples that are covered in part count in part, exactly. It also
// enlarges, which happens to a colour plane that is smaller than half of dst.
func averagePlane(dst, src plane) {
	sums := make([]uint32, src.width)                       // over the rows of src under one of dst, at most 255 × src.height
	scale := 1 / (float64(src.width) * float64(src.height)) // what all weights under a sample add up to
	across := spans(dst.width, src.width)
	for y, down := range spans(dst.height, src.height) {
		clear(sums)
		for i := down.first; i <= down.last; i++ {
			addRow(sums, src.pix[i*src.stride:], down.weight(i))
		}
		row := dst.pix[y*dst.stride:][:dst.width]
		for x := range row {
			row[x] = uint8(float64(across[x].sum(sums))*scale + 0.5)
		}
	}
}

// addRow adds a row, times weight, to the sums.
func addRow(sums []uint32, row []uint8, weight uint32) {
	row = row[:len(sums)]
	for i, v := range row {
		sums[i] += uint32(v) * weight
	}
}

// span is the samples, of one direction of src, that a sample of dst covers. It
// covers those between first and last with the weight whole; weights are in
// units of which a sample of dst covers as many as src has samples.
type span struct {
	first, last            int
	atFirst, whole, atLast uint32
}

// spans returns what each of n samples covers of m.
func spans(n, m int) []span {
	all := make([]span, n)
	for i := range all {
		begin, end := i*m, (i+1)*m // in units; a sample of src is n wide
		first, last := begin/n, (end-1)/n
		all[i] = span{
			first: first, last: last,
			atFirst: uint32(min(end, (first+1)*n) - begin), //nolint:gosec // at most a side of the photo
			whole:   uint32(n),                             //nolint:gosec // as above
			atLast:  uint32(end - max(begin, last*n)),      //nolint:gosec // as above
		}
	}
	return all
}

// weight is that of the i-th sample of src, which lies in the span.
func (s span) weight(i int) uint32 {
	switch i {
	case s.first:
		return s.atFirst
	case s.last:
		return s.atLast
	}
	return s.whole
}

// sum adds up what the span covers of values, by weight.
func (s span) sum(values []uint32) uint64 {
	total := uint64(s.atFirst) * uint64(values[s.first])
	if s.first == s.last {
		return total
	}
	var between uint64
	for _, v := range values[s.first+1 : s.last] {
		between += uint64(v)
	}
	return total + uint64(s.whole)*between + uint64(s.atLast)*uint64(values[s.last])
}

// opaque converts to NRGBA. The fast path of image/draw leads to RGBA, and for
// opaque pixels the two are the same bytes.
func opaque(img *image.YCbCr) *image.NRGBA {
	rgba := image.NewRGBA(img.Rect)
	draw.Draw(rgba, rgba.Rect, img, img.Rect.Min, draw.Src)
	return &image.NRGBA{Pix: rgba.Pix, Stride: rgba.Stride, Rect: rgba.Rect}
}
