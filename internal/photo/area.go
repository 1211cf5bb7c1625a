package photo

import (
	"fmt"
	"image"
	"math"

	"github.com/kantsten/kantsten/internal/problem"
)

// Area is a rectangle of a photo that nobody is to see: a face, a plate. It is given
// in shares of the photo's width and height, from the upper left corner of the
// upright picture, so it says the same for every rendition.
type Area struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// MaxAreas is how many areas one photo may have.
const MaxAreas = 100

// beyond is by how much an area may reach past the picture, in shares of a side:
// sums of fractions do not come out even.
const beyond = 1e-6

// CheckAreas says what is wrong with areas that came as a list in the field.
func CheckAreas(field string, areas []Area) []problem.FieldError {
	if len(areas) > MaxAreas {
		return []problem.FieldError{{Field: field, Code: "too-many", Detail: fmt.Sprintf("at most %d areas", MaxAreas)}}
	}
	var faults []problem.FieldError
	for i, a := range areas {
		if !a.inside() {
			faults = append(faults, problem.FieldError{
				Field: fmt.Sprintf("%s/%d", field, i), Code: "out-of-range",
				Detail: "an area is wider and higher than 0 and lies within the photo, whose sides count 1",
			})
		}
	}
	return faults
}

// inside is written so that what is not a number fails every comparison.
func (a Area) inside() bool {
	return a.X >= 0 && a.Y >= 0 && a.Width > 0 && a.Height > 0 && a.X+a.Width <= 1+beyond && a.Y+a.Height <= 1+beyond
}

// grid is the side in pixels of what a JPEG encodes as one where it halves the
// colours: decoded, a pixel holds traces of the others in its square.
const grid = 16

// pixels is the area of a picture in pixels, widened to whole squares of the grid
// and cut off at the picture's sides. It is never empty.
func (a Area) pixels(in image.Rectangle) image.Rectangle {
	down := func(share float64, side int) int { return int(math.Floor(share*float64(side)/grid)) * grid }
	up := func(share float64, side int) int { return int(math.Ceil(share*float64(side)/grid)) * grid }
	w, h := in.Dx(), in.Dy()
	x, y := min(down(a.X, w), (w-1)/grid*grid), min(down(a.Y, h), (h-1)/grid*grid)
	return image.Rect(x, y, max(up(a.X+a.Width, w), x+grid), max(up(a.Y+a.Height, h), y+grid)).Intersect(in)
}
