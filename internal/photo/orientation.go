package photo

import (
	"image"

	"github.com/disintegration/imaging"
)

// orientation is EXIF's: how the stored pixels are to be turned to stand
// upright. 1 is as they are; anything outside 1 to 8 counts as 1.
type orientation int

// swapsSides reports whether width and height change places.
func (o orientation) swapsSides() bool { return 5 <= o && o <= 8 }

// apply turns the image upright (imaging turns counter-clockwise).
func (o orientation) apply(img *image.NRGBA) *image.NRGBA {
	switch o {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img)
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}
