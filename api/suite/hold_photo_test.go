package suite

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestHeldPhotos(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		s.rulePhotos(t, fields{"hold": true})
		handler, crew := s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Crew, sundsvall)
		t.Run("nobody outside sees a held photo", func(t *testing.T) { heldIsHidden(t, s, crew) })
		t.Run("a handler releases it", func(t *testing.T) { heldIsReleased(t, s, handler) })
		t.Run("a handler deletes it", func(t *testing.T) { heldIsDeleted(t, s, handler) })
		t.Run("what a handler adds is shown", func(t *testing.T) { handlersNeedNotLook(t, s, handler, crew) })
		t.Run("followers hear of it once it is shown", func(t *testing.T) { followersHearLater(t, s, handler) })
		t.Run("the rules are the jurisdiction's", func(t *testing.T) { photoRulesAreItsOwn(t, s) })
	})
}

func heldIsHidden(t *testing.T, s *system, crew *apitest.Client) {
	r := s.filedWithSecret(t, fields{"description": "Held"})
	if len(r.Photos) != 1 || r.Photos[0].State != "held" || r.PhotosHeld != 1 {
		t.Fatalf("whoever filed it sees %+v", r.Photos)
	}
	for who, c := range map[string]*apitest.Client{"reporter": s.reporter(t, r), "crew": crew} {
		if got := photosOf(t, c, r.Id); got != "1 held held" {
			t.Errorf("%s sees %q", who, got)
		}
		address := here(t, read(t, c, r.Id).Photos[0].Renditions["2048"])
		res := s.in(t).Get(address).Want(http.StatusOK) // signed
		if !strings.HasPrefix(res.Header.Get("Cache-Control"), "private") {
			t.Errorf("%s: Cache-Control %q", who, res.Header.Get("Cache-Control"))
		}
		path, _, _ := strings.Cut(address, "?")
		s.in(t).Get(path).Want(http.StatusNotFound)
	}
	folder := r.Photos[0].Id // as long as nothing is masked
	for who, c := range map[string]*apitest.Client{
		"anyone": s.Client, "resident": s.resident(t), "foreign handler": s.staff(t, auth.Handler, stockholm), "operator": s.staff(t, auth.Operator, ""),
		"another reporter": s.reporter(t, s.filed(t, inSundsvall, nil)),
	} {
		if got := photosOf(t, c, r.Id); got != "1 held" {
			t.Errorf("%s sees %q", who, got)
		}
		for _, path := range []string{"/v1/reports/" + r.Id, "/v1/reports/" + r.Id + "/updates", "/v1/reports/" + r.Id + "/photos", "/v1/reports?jurisdiction=2281", "/v1/locate?lat=62.3908&lon=17.3069"} {
			if body := c.WithTest(t).Get(path).Want(http.StatusOK).Body; bytes.Contains(body, []byte(folder)) {
				t.Errorf("%s finds the photo at %s", who, path)
			}
		}
	}
	if q := queue(t, crew, "")[r.Id]; len(q.Photos) != 1 || q.PhotosHeld != 1 {
		t.Errorf("the queue shows %+v", q.Photos)
	}
}

// release releases a report's first photo, on its current version.
func release(t testing.TB, c *apitest.Client, r api.FiledReport) apitest.Response {
	t.Helper()
	return atVersion(c.WithTest(t), read(t, c, r.Id).Version).Send(http.MethodPost, photoPath(r, "/release"), nil)
}

func heldIsReleased(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	c := handler.WithTest(t)
	c.Send(http.MethodPost, photoPath(r, "/release"), nil).WantProblem(problem.VersionRequired)
	mask(t, handler, r, secretPlace).Want(http.StatusOK)
	atVersion(c, 1).Send(http.MethodPost, photoPath(r, "/release"), nil).WantProblem(problem.Stale) // it is another picture now
	if got := photosOf(t, s.Client, r.Id); got != "1 held" {
		t.Errorf("masking showed it: %q", got)
	}
	var p api.Photo
	release(t, handler, r).Want(http.StatusOK).JSON(&p)
	if p.State != "shown" || strings.Contains(p.Renditions["320"], "?") {
		t.Errorf("released: %+v", p)
	}
	if got := photosOf(t, s.Client, r.Id); got != "0 held shown" {
		t.Errorf("anyone sees %q", got)
	}
	res := s.in(t).Get(here(t, read(t, s.Client, r.Id).Photos[0].Renditions["2048"])).Want(http.StatusOK)
	if loud(t, res.Body) || !strings.HasPrefix(res.Header.Get("Cache-Control"), "public") {
		t.Errorf("shows the secret %v, %v", loud(t, res.Body), res.Header)
	}
	if res := release(t, handler, r).Want(http.StatusOK); res.Header.Get("ETag") != `"3"` {
		t.Errorf("releasing again made version %s", res.Header.Get("ETag"))
	}
}

func heldIsDeleted(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	address := here(t, r.Photos[0].Renditions["2048"])
	atVersion(handler.WithTest(t), 1).Send(http.MethodDelete, photoPath(r, ""), nil).Want(http.StatusNoContent)
	s.in(t).Get(address).WantProblem(problem.Gone)
	path, _, _ := strings.Cut(address, "?")
	s.in(t).Get(path).WantProblem(problem.Gone)
	if got := photosOf(t, s.reporter(t, r), r.Id); got != "0 held" {
		t.Errorf("its reporter sees %q", got)
	}
}

func handlersNeedNotLook(t *testing.T, s *system, handler, crew *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	add := func(c *apitest.Client) {
		c.WithTest(t).Form("/v1/reports/"+r.Id+"/photos", photoPart(pngPhoto(t, 3))).Want(http.StatusCreated)
	}
	add(handler)
	add(crew)
	add(s.reporter(t, r))
	if got := photosOf(t, s.Client, r.Id); got != "2 held shown" {
		t.Errorf("anyone sees %q", got)
	}
	if got := photosOf(t, crew, r.Id); got != "2 held shown held held" {
		t.Errorf("the crew sees %q", got)
	}
}

func followersHearLater(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	tells := func() int {
		return s.count(t, "SELECT count(*) FROM events WHERE NOT internal AND kind = 'report.photo' AND report = '"+r.Id+"'")
	}
	var p api.Photo
	s.reporter(t, r).Form("/v1/reports/"+r.Id+"/photos", photoPart(pngPhoto(t, 3))).Want(http.StatusCreated).JSON(&p)
	r.Photos = []api.Photo{p}
	if tells() != 0 {
		t.Error("everybody hears of a held photo")
	}
	release(t, handler, r).Want(http.StatusOK)
	if tells() != 1 {
		t.Errorf("%d events tell that it is shown", tells())
	}
}

func photoRulesAreItsOwn(t *testing.T, s *system) {
	const path = "/v1/jurisdictions/2281"
	admin, operator := s.staff(t, auth.Administrator, sundsvall), s.staff(t, auth.Operator, "")
	put := func(c *apitest.Client, body fields) apitest.Response {
		body["name"], body["channel"], body["aliases"] = "Sundsvall", "web", []string{"sundsvall.se"}
		c = c.WithTest(t)
		return c.With("If-Match", c.Get(path).Header.Get("ETag")).Send(http.MethodPut, path, body)
	}
	rules := func(c *apitest.Client) *api.PhotoRules {
		var j api.Jurisdiction
		c.WithTest(t).Get(path).Want(http.StatusOK).JSON(&j)
		return j.Photos
	}
	put(operator, fields{"photos": fields{"hold": false}}).WantProblem(problem.Forbidden)
	put(operator, fields{}).Want(http.StatusOK) // says nothing of photos, so changes nothing of them
	put(admin, fields{}).Want(http.StatusOK)
	if got := rules(admin); got == nil || !got.Hold || got.Unchecked != "hold" {
		t.Errorf("the rules are %+v", got)
	}
	if rules(s.Client) != nil || rules(s.staff(t, auth.Administrator, stockholm)) != nil {
		t.Error("anybody reads the rules")
	}
	problemAt(t, put(admin, fields{"photos": fields{"unchecked": "guess"}}), http.StatusUnprocessableEntity, "/photos/unchecked")
}

// watcher is a detector that answers as it is told.
type watcher struct {
	asked   atomic.Int32
	failing atomic.Bool
	answer  atomic.Pointer[[]fields]
	pause   chan struct{} // closed, it answers
}

// watching gives the system a detector.
func (s *system) watching(t *testing.T, areas ...fields) *watcher {
	t.Helper()
	w := &watcher{pause: make(chan struct{})}
	w.answer.Store(&areas)
	s.detectedBy(t, time.Minute, func(out http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		<-w.pause
		if w.failing.Load() {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
		finds(*w.answer.Load()...)(out, r)
	})
	return w
}

func TestADetectorLooksFirst(t *testing.T) {
	onEveryStorage(t, func(t *testing.T, s *system) {
		w := s.watching(t, secretPlace)
		r := s.filedWithSecret(t, nil)
		if got := photosOf(t, s.Client, r.Id); got != "1 held" || r.Photos[0].State != "checking" {
			t.Errorf("before it has answered anyone sees %q, the reporter %s", got, r.Photos[0].State)
		}
		close(w.pause)
		eventually(t, "the photo", func() bool { return photosOf(t, s.Client, r.Id) == "0 held shown" })
		p := read(t, s.Client, r.Id).Photos[0]
		if loud(t, s.in(t).Get(here(t, p.Renditions["2048"])).Want(http.StatusOK).Body) {
			t.Error("what the detector found is shown")
		}
		eventually(t, "the end of the files", func() bool { return len(s.loudFiles(t)) == 0 })
		handler := s.staff(t, auth.Handler, sundsvall)
		us := history(t, handler, r.Id)
		if u := us[len(us)-1]; u.Kind != "photo-masked" || u.Author != "system" || len(read(t, handler, r.Id).Photos[0].Masks) != 1 {
			t.Errorf("the history ends with %+v", u)
		}

		none := []fields{}
		w.answer.Store(&none)
		r = s.filedWithSecret(t, nil)
		eventually(t, "a photo in which nothing was found", func() bool { return photosOf(t, s.Client, r.Id) == "0 held shown" })
		if !loud(t, s.in(t).Get(here(t, r.Photos[0].Renditions["2048"])).Want(http.StatusOK).Body) {
			t.Error("it was changed")
		}
	})
}

func TestADetectorThatFails(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		w := s.watching(t)
		close(w.pause)
		w.failing.Store(true)
		state := func(r api.FiledReport) string { return string(read(t, s.reporter(t, r), r.Id).Photos[0].State) }
		held := s.filedWithSecret(t, nil)
		eventually(t, "a photo that nobody checked", func() bool { s.pass(time.Minute); s.wake(); return state(held) == "held" })
		if w.asked.Load() < 2 {
			t.Errorf("it was asked %d times", w.asked.Load())
		}
		s.ahead.Store(0)

		s.rulePhotos(t, fields{"unchecked": "publish"})
		shown := s.filedWithSecret(t, nil)
		eventually(t, "a photo that nobody checked", func() bool { s.pass(time.Minute); s.wake(); return state(shown) == "shown" })
		s.ahead.Store(0)

		bad := []fields{{"x": 100, "y": 100, "width": 50, "height": 50}}
		w.answer.Store(&bad)
		w.failing.Store(false)
		s.rulePhotos(t, fields{"unchecked": "hold"})
		nonsense := s.filedWithSecret(t, nil)
		eventually(t, "a photo with a nonsensical answer", func() bool { return state(nonsense) == "held" })

		good := []fields{secretPlace}
		w.answer.Store(&good)
		s.rulePhotos(t, fields{"hold": true, "unchecked": "publish"})
		both := s.filedWithSecret(t, nil)
		eventually(t, "a photo that is masked and held", func() bool { return state(both) == "held" })
		if loud(t, s.in(t).Get(here(t, read(t, s.reporter(t, both), both.Id).Photos[0].Renditions["2048"])).Body) {
			t.Error("what the detector found is not masked")
		}
	})
}

// A detector that was taken away leaves photos that nobody will check.
func TestADetectorThatIsTakenAway(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		w := s.watching(t)
		w.failing.Store(true)
		r := s.filedWithSecret(t, nil)
		eventually(t, "the question", func() bool { return w.asked.Load() > 0 })
		handler := s.staff(t, auth.Handler, sundsvall)
		release(t, handler, r).Want(http.StatusOK) // a handler need not wait for it
		close(w.pause)
		if got := photosOf(t, s.Client, r.Id); got != "0 held shown" {
			t.Errorf("anyone sees %q", got)
		}
		eventually(t, "the end of the check", func() bool {
			s.pass(time.Minute)
			s.wake()
			return s.count(t, "SELECT count(*) FROM jobs WHERE kind = 'check-photo'") == 0
		})
		if got := photosOf(t, s.Client, r.Id); got != "0 held shown" {
			t.Errorf("after the check anyone sees %q", got)
		}
	})
}

// Where reports go by mail, a photo follows once it is checked: the address that it
// had before would be dead.
func TestCheckedPhotosFollowByMail(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		admin := s.staff(t, auth.Administrator, goteborg)
		setting(admin, fields{"channel": "email", "email": "desk@example.org"}).Want(http.StatusOK)
		s.pass(2 * time.Second)
		w := s.watching(t, secretPlace)
		var r api.FiledReport
		s.in(t).Form("/v1/reports", reportPart(t, pothole(inGoteborg, nil)), photoPart(secretPhoto(t))).Want(http.StatusCreated).JSON(&r)
		eventually(t, "the mail", func() bool { return read(t, s.Client, r.Id).Delivery == "sent" })
		if strings.Contains(s.mails(t), "/photos/"+r.Photos[0].Id) {
			t.Error("the mail shows a photo that nobody has checked")
		}
		close(w.pause)
		eventually(t, "the photo", func() bool { return photosOf(t, s.Client, r.Id) == "0 held shown" })
		path, _, _ := strings.Cut(here(t, read(t, s.Client, r.Id).Photos[0].Renditions["2048"]), "?")
		folder, _, _ := strings.Cut(strings.TrimPrefix(path, "/photos/"), "/")
		eventually(t, "the second mail", func() bool { return strings.Contains(s.mails(t), "/photos/"+folder) })
	})
}

// mails are all mails that were written, with what quoted-printable broke put
// together again.
func (s *system) mails(t testing.TB) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "mail", "*.eml"))
	must(t, err)
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		all.Write(text)
	}
	return strings.NewReplacer("=\r\n", "", "=\n", "").Replace(all.String())
}
