package suite

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
)

// filedWithPhoto files a report with one photo.
func (s *system) filedWithPhoto(t testing.TB, at place, other fields, seed int) (r api.FiledReport) {
	t.Helper()
	s.in(t).Form("/v1/reports", reportPart(t, pothole(at, other)), photoPart(phonePhoto(t, seed))).Want(http.StatusCreated).JSON(&r)
	return r
}

// Who works on a case sees there what its voices got, pictures too.
func TestCrewsSeeTheVoicesPhotos(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler, crew := s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Crew, sundsvall)
		c := s.filedWithPhoto(t, inSundsvall, nil, 610)
		v := s.filedWithPhoto(t, inSundsvall, nil, 611)
		w := s.filed(t, inSundsvall, fields{"private": true})
		merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
		merge(t, handler, w.Id, c.Id).Want(http.StatusOK)
		late := map[string]string{v.Id: addedPhoto(t, s.reporter(t, v), v.Id, 612), w.Id: addedPhoto(t, s.reporter(t, w), w.Id, 613)}
		s.rulePhotos(t, fields{"hold": true})
		held := addedPhoto(t, s.reporter(t, v), v.Id, 614)

		for who, reader := range map[string]*apitest.Client{"handler": handler, "crew": crew} {
			shown := s.opensVoices(t, reader, c.Id)
			for voice, photo := range late {
				if shown[photo] != voice {
					t.Errorf("%s: photo %s is shown with voice %q, want %q", who, photo, shown[photo], voice)
				}
			}
			if shown[held] != v.Id || len(shown) != 3 {
				t.Errorf("%s: the history shows %v", who, shown)
			}
			for where, got := range map[string]api.Report{"the report": read(t, reader, c.Id), "the queue": queue(t, reader, "")[c.Id]} {
				if len(got.Photos) != 1 || got.VoicePhotos != 4 || got.VoicePhotosHeld != 1 {
					t.Errorf("%s: %s has %d photos, its voices %d, of which %d are held", who, where, len(got.Photos), got.VoicePhotos, got.VoicePhotosHeld)
				}
			}
		}
		for who, reader := range map[string]*apitest.Client{
			"a stranger": s.Client, "who filed it": s.reporter(t, c), "who filed a voice": s.reporter(t, v),
			"a foreign handler": s.staff(t, auth.Handler, stockholm), "an operator": s.staff(t, auth.Operator, ""),
		} {
			got := read(t, reader, c.Id)
			if shown := s.opensVoices(t, reader, c.Id); len(shown) != 0 || got.VoicePhotos != 0 || got.VoicePhotosHeld != 0 {
				t.Errorf("%s sees %v, and counts %d", who, shown, got.VoicePhotos)
			}
		}
		unmerge(t, handler, v.Id)
		if got := read(t, handler, c.Id); got.VoicePhotos != 1 || got.VoicePhotosHeld != 0 {
			t.Errorf("without the voice it counts %d, %d", got.VoicePhotos, got.VoicePhotosHeld)
		}
	})
}

// addedPhoto adds a photo to a report.
func addedPhoto(t testing.TB, c *apitest.Client, id string, seed int) string {
	t.Helper()
	var p api.Photo
	c.Form("/v1/reports/"+id+"/photos", photoPart(phonePhoto(t, seed))).Want(http.StatusCreated).JSON(&p)
	return p.Id
}

// opensVoices opens the photos of voices in the history of a case, and returns by
// photo whose they are.
func (s *system) opensVoices(t testing.TB, c *apitest.Client, id string) map[string]string {
	t.Helper()
	shown := map[string]string{}
	for _, u := range history(t, c, id) {
		for _, p := range u.Photos {
			for _, size := range []int{2048, 1024, 320} {
				s.in(t).Get(here(t, p.Renditions[fmt.Sprint(size)])).Want(http.StatusOK)
			}
			if u.Voice != "" {
				shown[p.Id] = u.Voice
			}
		}
	}
	return shown
}
