package photo

import (
	"image"
	"math/bits"

	"github.com/disintegration/imaging"
)

// Likeness is a difference hash: 64 bits that say, for a photo shrunk to 9 × 8
// grey pixels, which pixels are brighter than their right neighbour. It survives
// other sizes, other compression and changed brightness, but not turning or
// cropping. Nobody can see the photo in it.
type Likeness uint64

// Distance counts the bits that differ, 0 to 64. Up to about 10 means most
// likely the same photo; unrelated ones lie around 32.
func (l Likeness) Distance(other Likeness) int {
	return bits.OnesCount64(uint64(l ^ other))
}

// likeness computes the hash of an image.
func likeness(img *image.NRGBA) Likeness {
	const columns, rows = 8, 8
	small := imaging.Resize(img, columns+1, rows, imaging.Box)
	var l Likeness
	for y := range rows {
		for x := range columns {
			l <<= 1
			if brightness(small, x, y) > brightness(small, x+1, y) {
				l |= 1
			}
		}
	}
	return l
}

// brightness is the luma of a pixel by ITU-R BT.601, in thousandths.
func brightness(img *image.NRGBA, x, y int) int {
	p := img.Pix[y*img.Stride+4*x:]
	return 299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])
}
