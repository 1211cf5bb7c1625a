package photo

import (
	"errors"
	"image"
	"strings"
	"testing"

	"github.com/bbrks/go-blurhash"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestThePlaceholderLooksLikeThePhoto(t *testing.T) {
	t.Parallel()
	for name, sides := range map[string]image.Point{
		"landscape": {2100, 1400}, "portrait": {300, 400}, "tiny": {48, 32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			photo, _ := accepted(t, asPNG(t, quarters(sides.X, sides.Y)))
			across, down, err := blurhash.Components(photo.BlurHash)
			if err != nil || (across > down) != (sides.X > sides.Y) {
				t.Fatalf("%q has %d × %d components: %v", photo.BlurHash, across, down, err)
			}
			blurred, err := blurhash.Decode(photo.BlurHash, 40, 40, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, of := range []struct{ x, y, most int }{{6, 6, 0}, {34, 6, 1}, {6, 34, 2}} { // red, green and blue quarters
				r, g, b, _ := blurred.At(of.x, of.y).RGBA()
				channels := []uint32{r, g, b}
				for c, v := range channels {
					if c != of.most && v >= channels[of.most] {
						t.Errorf("quarter %d is %v", i, channels)
					}
				}
			}
		})
	}
}

func TestEveryPhotoHasAPlaceholder(t *testing.T) {
	t.Parallel()
	for _, sides := range []image.Point{{1, 1}, {5000, 1}, {1, 5000}, {33, 2}} {
		photo, _ := accepted(t, asPNG(t, image.NewGray(image.Rect(0, 0, sides.X, sides.Y))))
		if _, _, err := blurhash.Components(photo.BlurHash); err != nil {
			t.Errorf("%v: %q: %v", sides, photo.BlurHash, err)
		}
	}
}

func TestAltText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want, code string }{
		{"none", "", "", ""},
		{"words", "A hole in the road.\r\nTwo metres wide.", "A hole in the road.\nTwo metres wide.", ""},
		{"white space around it goes", "  å \n", "å", ""},
		{"as long as may be", strings.Repeat("å", MaxAlt), strings.Repeat("å", MaxAlt), ""},
		{"longer", strings.Repeat("å", MaxAlt+1), "", "too-long"},
		{"a control character", "a\x00b", "", problem.ControlCharacter},
		{"not UTF-8", "a\xff", "", problem.NotUTF8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := CheckAlt("alt", tt.text)
			var p *problem.Error
			switch {
			case tt.code == "" && (err != nil || got != tt.want):
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			case tt.code != "" && (!errors.As(err, &p) || p.Fields[0].Field != "alt" || p.Fields[0].Code != tt.code):
				t.Errorf("error %v, want %s", err, tt.code)
			}
		})
	}
}
