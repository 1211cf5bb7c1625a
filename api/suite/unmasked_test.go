package suite

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestUnmaskedPicturesAreKept(t *testing.T) {
	onEveryStorage(t, func(t *testing.T, s *system) {
		s.rulePhotos(t, fields{"keep_unmasked": true})
		handler, crew := s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Crew, sundsvall)
		t.Run("its handlers look, and are noted", func(t *testing.T) { handlersLook(t, s, handler, crew) })
		t.Run("masks come and go", func(t *testing.T) { masksComeAndGo(t, s, handler) })
		t.Run("erasing erases it", func(t *testing.T) { erasingErasesKept(t, s, handler) })
		t.Run("without the rule it is destroyed", func(t *testing.T) { keptIsSwept(t, s, handler) })
	})
}

func handlersLook(t *testing.T, s *system, handler, crew *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).WantProblem(problem.NotFound) // nothing is masked
	var p api.Photo
	mask(t, handler, r, secretPlace).Want(http.StatusOK).JSON(&p)
	if here(t, p.Unmasked) != photoPath(r, "/unmasked") {
		t.Errorf("what is kept is said to be at %q", p.Unmasked)
	}
	eventually(t, "the end of the other files", func() bool { return len(s.loudFiles(t)) == 1 })
	kept := s.loudFiles(t)[0]
	if !strings.HasPrefix(kept, "unmasked/") {
		t.Errorf("the secret lies at %s", kept)
	}
	s.in(t).Get("/" + kept).Want(http.StatusNotFound)
	s.in(t).Get("/photos/" + strings.TrimPrefix(kept, "unmasked/")).Want(http.StatusGone) // its hash, in the masked folder

	before := len(history(t, handler, r.Id))
	for who, c := range map[string]*apitest.Client{"anyone": s.Client, "reporter": s.reporter(t, r), "crew": crew, "foreign": s.staff(t, auth.Handler, stockholm), "operator": s.staff(t, auth.Operator, "")} {
		if res := c.WithTest(t).Get(photoPath(r, "/unmasked")); res.Status != http.StatusUnauthorized && res.Status != http.StatusForbidden {
			t.Errorf("%s: %s", who, res)
		}
	}
	if got := len(history(t, handler, r.Id)); got != before {
		t.Errorf("refusals were noted as looks: %d entries, had %d", got, before)
	}
	res := handler.WithTest(t).Get(photoPath(r, "/unmasked")).Want(http.StatusOK)
	if !loud(t, res.Body) || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("shows it %v, %v", loud(t, res.Body), res.Header)
	}
	us := history(t, handler, r.Id)
	if u := us[len(us)-1]; len(us) != before+1 || u.Kind != "photo-unmasked" || !u.Internal || u.Text != p.Id {
		t.Errorf("the look is noted as %+v", u)
	}
	if n := s.count(t, "SELECT count(*) FROM updates WHERE kind = 'photo-unmasked' AND author_id <> '' AND report = '"+r.Id+"'"); n != 1 {
		t.Errorf("%d notes name who looked", n)
	}
	if got := read(t, handler, r.Id).Version; got != 2 {
		t.Errorf("looking made version %d", got)
	}
	mask(t, handler, r).Want(http.StatusOK)
	atVersion(handler.WithTest(t), 3).Send(http.MethodDelete, photoPath(r, ""), nil).Want(http.StatusNoContent)
	eventually(t, "the end of its files", func() bool { return len(s.loudFiles(t)) == 0 })
}

func masksComeAndGo(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	seen := map[string]bool{r.Photos[0].Renditions["2048"]: true}
	for i, areas := range [][]fields{{secretPlace}, {}, {secretPlace}, {secretPlace, {"x": 0, "y": 0, "width": 0.5, "height": 0.5}}, {secretPlace}} {
		var p api.Photo
		mask(t, handler, r, areas...).Want(http.StatusOK).JSON(&p)
		address := p.Renditions["2048"]
		if seen[address] {
			t.Errorf("step %d: the address has been used before", i)
		}
		seen[address] = true
		if got := loud(t, s.in(t).Get(here(t, address)).Want(http.StatusOK).Body); got != (len(areas) == 0) {
			t.Errorf("step %d: shows the secret %v", i, got)
		}
		for old := range seen {
			if old != address {
				s.in(t).Get(here(t, old)).WantProblem(problem.Gone)
			}
		}
	}
	eventually(t, "the end of the old files", func() bool { return len(s.loudFiles(t)) == 1 })
	atVersion(handler.WithTest(t), 6).Send(http.MethodDelete, photoPath(r, ""), nil).Want(http.StatusNoContent)
	eventually(t, "the end of its files", func() bool { return len(s.loudFiles(t)) == 0 })
}

func erasingErasesKept(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	mask(t, handler, r, secretPlace).Want(http.StatusOK)
	s.reporter(t, r).Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).Want(http.StatusNoContent)
	eventually(t, "the end of its files", func() bool { return len(s.loudFiles(t)) == 0 })
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).WantProblem(problem.Gone)
}

func keptIsSwept(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	var p api.Photo
	mask(t, handler, r, secretPlace).Want(http.StatusOK).JSON(&p)
	eventually(t, "the end of the other files", func() bool { return len(s.loudFiles(t)) == 1 })
	must(t, s.server.Photos.SweepUnmasked(t.Context()))
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).Want(http.StatusOK)
	s.rulePhotos(t, fields{"keep_unmasked": false})
	must(t, s.server.Photos.SweepUnmasked(t.Context()))
	s.wake()
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).WantProblem(problem.Gone)
	eventually(t, "the end of what was kept", func() bool { return len(s.loudFiles(t)) == 0 })
	s.in(t).Get(here(t, p.Renditions["2048"])).Want(http.StatusOK)
	mask(t, handler, r).WantProblem(problem.Conflict)
}
