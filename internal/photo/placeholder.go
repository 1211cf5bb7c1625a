package photo

import (
	"fmt"
	"image"

	"github.com/bbrks/go-blurhash"
	"github.com/disintegration/imaging"
)

// placeholder computes a BlurHash: some thirty characters from which an app draws
// a blurred picture until the real one has come. It has four waves along the
// longer side and three along the other, which is what its authors advise, and is
// computed on few pixels, for it shows none of the others.
func placeholder(img *image.NRGBA) (string, error) {
	const side = 32 // pixels
	across, down := 4, 3
	if img.Rect.Dy() > img.Rect.Dx() {
		across, down = 3, 4
	}
	small := image.Image(img)
	if width, height := fit(img.Rect.Dx(), img.Rect.Dy(), side); width != img.Rect.Dx() || height != img.Rect.Dy() {
		small = imaging.Resize(img, width, height, imaging.Box)
	}
	hash, err := blurhash.Encode(across, down, small)
	if err != nil {
		return "", fmt.Errorf("make a placeholder: %w", err)
	}
	return hash, nil
}
