//go:build nodynamic

package suite

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"os"
	"testing"

	"github.com/kantsten/kantsten/api"
)

func TestHEICByTheAPI(t *testing.T) {
	data, err := os.ReadFile("../../internal/photo/testdata/laden.heic")
	must(t, err)
	onBoth(t, func(t *testing.T, s *system) {
		var p api.Photo
		s.in(t).Form("/v1/photos", photoPart(data)).Want(http.StatusCreated).JSON(&p)
		if sg := p.Suggestion; sg == nil || sg.Lat == nil || *sg.Lat < 62.39 || *sg.Lat > 62.391 {
			t.Errorf("the suggestion is %+v", p.Suggestion)
		}
		for size, address := range p.Renditions {
			res := s.in(t).Get(here(t, address)).Want(http.StatusOK)
			free(t, res.Body)
			config, err := jpeg.DecodeConfig(bytes.NewReader(res.Body))
			if sides := image.Pt(config.Width, config.Height); err != nil || sides != image.Pt(48, 32) {
				t.Errorf("%s is %v: %v", size, sides, err)
			}
		}
		for name, bad := range map[string][]byte{"half a HEIC": data[:len(data)/2], "an AVIF": bytes.Replace(data, []byte("heic"), []byte("avif"), 3)} {
			t.Run(name, func(t *testing.T) {
				problemAt(t, s.in(t).Form("/v1/photos", photoPart(bad)), http.StatusUnprocessableEntity, "photo")
			})
		}
	})
}
