package suite

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
)

// altPart is a part of a form that says what its photo shows.
func altPart(text string) apitest.Part { return apitest.Part{Name: "alt", Data: []byte(text)} }

func TestWhatIsToldOfAPhoto(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		const shows = "A hole, two metres wide.\nA child stands beside it."
		var ahead api.Photo
		s.in(t).Form("/v1/photos", photoPart(pngPhoto(t, 4)), altPart("  "+shows+"\r\n")).Want(http.StatusCreated).JSON(&ahead)
		r := s.filed(t, inSundsvall, fields{"photos": []string{ahead.Id}})
		reporter := s.in(t).With("Follow-Token", r.FollowToken)
		var late api.Photo
		reporter.Form("/v1/reports/"+r.Id+"/photos", altPart("Later"), photoPart(pngPhoto(t, 5))).Want(http.StatusCreated).JSON(&late)
		var list api.PhotoList
		s.in(t).Get("/v1/reports/" + r.Id + "/photos").Want(http.StatusOK).JSON(&list)
		for _, p := range append(list.Photos, ahead, late) {
			if len(p.Renditions) != 3 || len(p.Dimensions) != 3 || len(p.Blurhash) < 20 {
				t.Errorf("photo %+v", p)
			}
			for size, want := range map[string]api.Dimensions{"2048": {Width: 400, Height: 300}, "1024": {Width: 400, Height: 300}, "320": {Width: 320, Height: 240}} {
				if p.Dimensions[size] != want { // nothing is enlarged
					t.Errorf("%s is %+v, want %+v", size, p.Dimensions[size], want)
				}
			}
		}
		if len(list.Photos) != 2 || ahead.Alt != shows || list.Photos[0].Alt != shows || late.Alt != "Later" || list.Photos[1].Alt != "Later" {
			t.Errorf("alt texts %q, %q, %+v", ahead.Alt, late.Alt, list.Photos)
		}

		reporter.Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).Want(http.StatusNoContent)
		s.in(t).Get("/v1/reports/" + r.Id + "/photos").Want(http.StatusOK).JSON(&list)
		if len(list.Photos) != 0 {
			t.Errorf("after erasing: %+v", list.Photos)
		}
	})
}

func TestAltTextIsChecked(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		photo := photoPart(pngPhoto(t, 4))
		r := s.filed(t, inSundsvall, nil)
		reporter := s.in(t).With("Follow-Token", r.FollowToken)
		for name, bad := range map[string]string{
			"too long": strings.Repeat("å", 501), "far too long": strings.Repeat("x", 1<<20), "control": "a\x00b", "not UTF-8": "\xff",
		} {
			problemAt(t, s.in(t).Form("/v1/photos", photo, altPart(bad)), http.StatusUnprocessableEntity, "alt")
			if res := reporter.Form("/v1/reports/"+r.Id+"/photos", photo, altPart(bad)); res.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %s", name, res)
			}
		}
		problemAt(t, s.in(t).Form("/v1/photos", photo, altPart("a"), altPart("b")), http.StatusUnprocessableEntity, "alt")

		once := s.in(t).With("Idempotency-Key", "alt-text-key-0001")
		once.Form("/v1/photos", photo, altPart("one")).Want(http.StatusCreated)
		if again := once.Form("/v1/photos", photo, altPart("one")).Want(http.StatusCreated); again.Header.Get("Idempotency-Replayed") != "true" {
			t.Error("the same again is not a repeat")
		}
		once.Form("/v1/photos", photo, altPart("another")).Want(http.StatusUnprocessableEntity)
	})
}
