package suite

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// secretPlace is where the secret of secretPhoto stands, in shares.
var secretPlace = fields{"x": 0.25, "y": 0.25, "width": 0.25, "height": 0.25}

// secretPhoto is grey, with a loud checked square: what a mask is drawn over.
func secretPhoto(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 640))
	for y := range 640 {
		for x := range 640 {
			c := color.RGBA{120, 120, 120, 255}
			if x >= 160 && x < 320 && y >= 160 && y < 320 {
				c = color.RGBA{250, 20, 20, 255}
				if (x/8+y/8)%2 == 0 {
					c = color.RGBA{20, 20, 250, 255}
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

// loud reports whether a picture shows the square: reds beside blues.
func loud(t testing.TB, data []byte) bool {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	must(t, err)
	ycc, ok := img.(*image.YCbCr)
	if !ok {
		t.Fatalf("a rendition is a %T", img)
	}
	reds, blues := 0, 0
	for y := 0; y < ycc.Rect.Dy(); y += 2 { // every fourth pixel has a colour of its own
		for x := 0; x < ycc.Rect.Dx(); x += 2 {
			c := ycc.COffset(x, y)
			r, _, b := color.YCbCrToRGB(ycc.Y[ycc.YOffset(x, y)], ycc.Cb[c], ycc.Cr[c])
			if int(r)-int(b) > 60 {
				reds++
			} else if int(b)-int(r) > 60 {
				blues++
			}
		}
	}
	return reds > 5 && blues > 5
}

// loudFiles are what the whole storage holds that shows the square.
func (s *system) loudFiles(t testing.TB) (names []string) {
	t.Helper()
	for name, data := range s.kept(t) {
		if bytes.HasPrefix(data, []byte("\xff\xd8")) && loud(t, data) {
			names = append(names, name)
		}
	}
	return names
}

// filedWithSecret files a report in Sundsvall with one secret photo.
func (s *system) filedWithSecret(t testing.TB, other fields) api.FiledReport {
	t.Helper()
	var r api.FiledReport
	s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, other)), photoPart(secretPhoto(t))).Want(http.StatusCreated).JSON(&r)
	return r
}

func photoPath(r api.FiledReport, what string) string {
	return "/v1/reports/" + r.Id + "/photos/" + r.Photos[0].Id + what
}

// mask draws areas on a report's first photo, on its current version.
func mask(t testing.TB, c *apitest.Client, r api.FiledReport, areas ...fields) apitest.Response {
	t.Helper()
	body := fields{"areas": append([]fields{}, areas...)}
	return atVersion(c.WithTest(t), read(t, c, r.Id).Version).Send(http.MethodPut, photoPath(r, "/masks"), body)
}

// rulePhotos sets how Sundsvall's photos are handled.
func (s *system) rulePhotos(t testing.TB, rules fields) {
	t.Helper()
	const path = "/v1/jurisdictions/2281"
	admin := s.staff(t, auth.Administrator, sundsvall)
	now := admin.Get(path).Want(http.StatusOK)
	admin.With("If-Match", now.Header.Get("ETag")).
		Send(http.MethodPut, path, fields{"name": "Sundsvall", "channel": "web", "aliases": []string{"sundsvall.se"}, "photos": rules}).Want(http.StatusOK)
	s.pass(2 * time.Second)
}

func TestMasking(t *testing.T) {
	onEveryStorage(t, func(t *testing.T, s *system) {
		handler := s.staff(t, auth.Handler, sundsvall)
		t.Run("what is masked is gone from every file", func(t *testing.T) { maskedIsGone(t, s, handler) })
		t.Run("what was destroyed cannot come back", func(t *testing.T) { maskStays(t, s, handler) })
		t.Run("bad areas change nothing", func(t *testing.T) { badAreas(t, s, handler) })
		t.Run("of two who mask at once, one is told", func(t *testing.T) { masksRace(t, s, handler) })
		t.Run("what a killed masking left is swept", func(t *testing.T) { killedMasking(t, s, handler) })
		t.Run("a restore brings nothing back", func(t *testing.T) { restoredIsGone(t, s, handler) })
		t.Run("a deleted photo is gone", func(t *testing.T) { deletedIsGone(t, s, handler) })
	})
}

func maskedIsGone(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	if n := len(s.loudFiles(t)); n != 3 {
		t.Fatalf("%d files show the secret before, want 3", n)
	}
	res := mask(t, handler, r, secretPlace).Want(http.StatusOK)
	var p api.Photo
	res.JSON(&p)
	if res.Header.Get("ETag") != `"2"` || len(p.Masks) != 1 || p.Masks[0] != (api.Area{X: 0.25, Y: 0.25, Width: 0.25, Height: 0.25}) || p.Unmasked != "" || p.Id != r.Photos[0].Id {
		t.Errorf("masked: ETag %s, %+v", res.Header.Get("ETag"), p)
	}
	if p.Blurhash == r.Photos[0].Blurhash || p.Width != 640 || p.Height != 640 {
		t.Errorf("placeholder %s as before, sides %d × %d", p.Blurhash, p.Width, p.Height)
	}
	for size, address := range r.Photos[0].Renditions { // at once, whatever the job does
		s.in(t).Get(here(t, address)).WantProblem(problem.Gone)
		shown := s.in(t).Get(here(t, p.Renditions[size])).Want(http.StatusOK)
		if loud(t, shown.Body) || shown.Header.Get("Cache-Control") != "public, max-age=86400, immutable" {
			t.Errorf("%s: shows the secret %v, Cache-Control %q", size, loud(t, shown.Body), shown.Header.Get("Cache-Control"))
		}
	}
	eventually(t, "the end of the files", func() bool { return len(s.loudFiles(t)) == 0 })
	if got := read(t, s.Client, r.Id).Photos[0]; got.Renditions["2048"] != p.Renditions["2048"] || got.Masks != nil || got.State != "shown" {
		t.Errorf("anyone sees %+v", got)
	}
	last := history(t, handler, r.Id)
	if u := last[len(last)-1]; u.Kind != "photo-masked" || !u.Internal || u.Text != p.Id || u.Author != "staff" {
		t.Errorf("the history ends with %+v", u)
	}
	if us := history(t, s.Client, r.Id); len(us) != 1 {
		t.Errorf("anyone reads %d entries", len(us))
	}
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).WantProblem(problem.Gone)
	// The same again is no change; new areas join in.
	if res := mask(t, handler, r, secretPlace).Want(http.StatusOK); res.Header.Get("ETag") != `"2"` {
		t.Errorf("the same again made version %s", res.Header.Get("ETag"))
	}
}

func maskStays(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	mask(t, handler, r, secretPlace).Want(http.StatusOK)
	other := fields{"x": 0.75, "y": 0.75, "width": 0.125, "height": 0.125}
	mask(t, handler, r).WantProblem(problem.Conflict)
	mask(t, handler, r, other).WantProblem(problem.Conflict)
	mask(t, handler, r, other, secretPlace).Want(http.StatusOK)
	s.rulePhotos(t, fields{"keep_unmasked": true}) // too late
	mask(t, handler, r, other).WantProblem(problem.Conflict)
	mask(t, handler, r, other, secretPlace, fields{"x": 0, "y": 0, "width": 0.1, "height": 0.1}).Want(http.StatusOK)
	handler.WithTest(t).Get(photoPath(r, "/unmasked")).WantProblem(problem.Gone)
	s.rulePhotos(t, fields{})
	eventually(t, "the end of the files", func() bool { return len(s.loudFiles(t)) == 0 })
}

func badAreas(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	area := func(x, y, w, h any) fields { return fields{"x": x, "y": y, "width": w, "height": h} }
	for name, bad := range map[string]fields{
		"no width": area(0.1, 0.1, 0, 0.1), "no height": area(0.1, 0.1, 0.1, 0), "negative": area(-0.1, 0, 0.1, 0.1), "a negative width": area(0.5, 0, -0.1, 0.1),
		"outside": area(0.95, 0, 0.1, 0.1), "pixels": area(100, 100, 50, 50), "words": area("NaN", 0, 1, 1), "nothing": area(nil, 0, 1, 1), "half": {"x": 0, "y": 0},
	} {
		if res := mask(t, handler, r, secretPlace, bad); res.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, res)
		}
	}
	many := make([]fields, 10_000)
	for i := range many {
		many[i] = secretPlace
	}
	if res := mask(t, handler, r, many...); res.Status != http.StatusUnprocessableEntity && res.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("ten thousand: %s", res)
	}
	c := handler.WithTest(t)
	for _, raw := range []string{`{"areas": [{"x": NaN, "y": 0, "width": 1, "height": 1}]}`, `{"areas": null}`, `{"areas": [{"x": 1e999, "y": 0, "width": 1, "height": 1}]}`, `{}`} {
		if res := atVersion(c, 1).Send(http.MethodPut, photoPath(r, "/masks"), raw); res.Status != http.StatusUnprocessableEntity && res.Status != http.StatusBadRequest {
			t.Errorf("%s: %s", raw, res)
		}
	}
	body := fields{"areas": []fields{secretPlace}}
	c.Send(http.MethodPut, photoPath(r, "/masks"), body).WantProblem(problem.VersionRequired)
	atVersion(c, 99).Send(http.MethodPut, photoPath(r, "/masks"), body).WantProblem(problem.Stale)
	other := s.filedWithSecret(t, nil) // a photo of another report
	atVersion(c, 1).Send(http.MethodPut, "/v1/reports/"+r.Id+"/photos/"+other.Photos[0].Id+"/masks", body).WantProblem(problem.NotFound)
	if got := read(t, s.Client, r.Id); got.Version != 1 || got.Photos[0].Renditions["2048"] != r.Photos[0].Renditions["2048"] {
		t.Errorf("something was changed: %+v", got)
	}
	for _, left := range []api.FiledReport{r, other} {
		mask(t, handler, left, secretPlace).Want(http.StatusOK)
	}
}

func masksRace(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	clients := []*apitest.Client{handler, s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Administrator, sundsvall)}
	statuses := make([]int, len(clients))
	var all, reading sync.WaitGroup
	var masked, done atomic.Bool // a mask was answered; all were
	for _, size := range []string{"2048", "1024", "320"} {
		reading.Go(func() {
			for !done.Load() {
				after := masked.Load()
				s.readsOld(t, here(t, r.Photos[0].Renditions[size]), after)
			}
			s.readsOld(t, here(t, r.Photos[0].Renditions[size]), true)
		})
	}
	for i, c := range clients {
		all.Go(func() {
			body := fields{"areas": []fields{secretPlace, {"x": 0.6, "y": 0.1 * float64(i), "width": 0.1, "height": 0.1}}}
			statuses[i] = atVersion(c.WithTest(t), 1).Send(http.MethodPut, photoPath(r, "/masks"), body).Status
			if statuses[i] == http.StatusOK {
				masked.Store(true)
			}
		})
	}
	all.Wait()
	done.Store(true)
	reading.Wait()
	won := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			won++
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("status %d", status)
		}
	}
	now := read(t, handler, r.Id)
	if won != 1 || now.Version != 2 || len(now.Photos[0].Masks) != 2 {
		t.Errorf("%d won: %+v", won, now)
	}
	for _, address := range now.Photos[0].Renditions {
		s.in(t).Get(here(t, address)).Want(http.StatusOK)
	}
	eventually(t, "the end of the files", func() bool { return len(s.loudFiles(t)) == 0 })
}

// readsOld opens the old name of a picture that is being masked: a read that begins
// after the answer to the masking gets 410, and one before it the picture or 410.
func (s *system) readsOld(t *testing.T, address string, after bool) {
	res := s.in(t).Get(address)
	if res.Status != http.StatusGone && (after || res.Status != http.StatusOK) {
		t.Errorf("the old name answers %d, begun after the mask was answered: %v", res.Status, after)
	}
}

// A process that dies after the new files were written and before the row has them
// leaves a row that nobody claims.
func killedMasking(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	now, err := s.server.Reports.Store.Report(t.Context(), r.Id)
	must(t, err)
	p := now.Photos[0]
	from := photo.Version{Folder: p.Folder, SHA256: p.SHA256}
	left, err := s.server.Photos.Mask(t.Context(), from, []photo.Area{{X: 0.25, Y: 0.25, Width: 0.25, Height: 0.25}}, true)
	must(t, err)
	if s.blobs(t, "photos/"+left.Folder) == 0 || s.blobs(t, "unmasked/"+left.Folder) != 1 {
		t.Fatal("nothing was left")
	}
	s.in(t).Get(here(t, r.Photos[0].Renditions["320"])).Want(http.StatusOK) // nothing has changed
	s.pass(photo.Unclaimed + time.Hour)
	must(t, s.server.Photos.Sweep(t.Context()))
	s.wake()
	eventually(t, "the end of what was left", func() bool {
		return s.blobs(t, "photos/"+left.Folder)+s.blobs(t, "unmasked/"+left.Folder) == 0
	})
	s.in(t).Get(here(t, r.Photos[0].Renditions["320"])).Want(http.StatusOK)
	again := s.staff(t, auth.Handler, sundsvall) // the day has ended the other's session
	mask(t, again, r, secretPlace).Want(http.StatusOK)
	s.ahead.Store(0)
}

// What was masked is in the journal, by which a restore from before that deletes the
// photo again.
func restoredIsGone(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	mask(t, handler, r, secretPlace).Want(http.StatusOK)
	noted := false
	for id, err := range (report.Erasures{Blobs: s.server.Blobs}).All(t.Context()) {
		must(t, err)
		noted = noted || id == r.Photos[0].Id
	}
	if !noted {
		t.Error("the journal does not know what was masked")
	}
	again := func(id string) bool {
		done, err := s.server.Reports.EraseAgain(t.Context(), id)
		must(t, err)
		return done
	}
	if again(r.Photos[0].Id) {
		t.Error("what is masked was erased again")
	}
	old := s.filedWithSecret(t, nil) // as if it had come back
	if !again(old.Photos[0].Id) || again(old.Photos[0].Id) {
		t.Error("it is not erased, or twice")
	}
	if n := s.blobs(t, "photos/"+old.Photos[0].Id); n != 0 {
		t.Errorf("%d files are left", n)
	}
	s.in(t).Get(here(t, old.Photos[0].Renditions["320"])).WantProblem(problem.Gone)
	if got := read(t, s.Client, old.Id); len(got.Photos) != 0 || got.Description == "" {
		t.Errorf("left: %+v", got)
	}
	if got := read(t, s.Client, r.Id); len(got.Photos) != 1 {
		t.Errorf("the masked one: %+v", got)
	}
}

func deletedIsGone(t *testing.T, s *system, handler *apitest.Client) {
	r := s.filedWithSecret(t, nil)
	c := handler.WithTest(t)
	c.Send(http.MethodDelete, photoPath(r, ""), nil).WantProblem(problem.VersionRequired)
	atVersion(c, 1).Send(http.MethodDelete, photoPath(r, ""), nil).Want(http.StatusNoContent)
	for _, address := range r.Photos[0].Renditions {
		s.in(t).Get(here(t, address)).WantProblem(problem.Gone)
	}
	atVersion(c, 2).Send(http.MethodDelete, photoPath(r, ""), nil).WantProblem(problem.Gone)
	mask(t, handler, r, secretPlace).WantProblem(problem.Gone)
	c.Get(photoPath(r, "/unmasked")).WantProblem(problem.Gone)
	if got := read(t, s.Client, r.Id); len(got.Photos) != 0 || got.Version != 2 {
		t.Errorf("left: %+v", got)
	}
	eventually(t, "the end of the files", func() bool { return len(s.loudFiles(t)) == 0 })
}

// photosOf names what somebody sees of a report's photos, by state.
func photosOf(t testing.TB, c *apitest.Client, id string) string {
	t.Helper()
	r := read(t, c, id)
	text := fmt.Sprintf("%d held", r.PhotosHeld)
	for _, p := range r.Photos {
		text += " " + string(p.State)
	}
	return text
}
