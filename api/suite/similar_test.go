package suite

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
)

// Each rule has a place of its own: what stands nearby is all that is looked at.
func TestSimilarReports(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("the likest first", func(t *testing.T) { likestFirst(t, s) })
		t.Run("kin, and nothing else", func(t *testing.T) { kinOnly(t, s) })
		t.Run("words", func(t *testing.T) { wordsCount(t, s) })
		t.Run("at most ten, of the nearest", func(t *testing.T) { atMostTen(t, s) })
		t.Run("only what is public and open", func(t *testing.T) { publicAndOpen(t, s) })
		t.Run("hostile parameters", func(t *testing.T) { hostileSimilar(t, s) })
		t.Run("by photo", func(t *testing.T) { byPhoto(t, s) })
		t.Run("a photo and a place", func(t *testing.T) { photoAtAPlace(t, s) })
	})
}

// off is a place some metres north of another.
func off(at place, metres float64) place { return place{at.lat + metres/111_195, at.lon} }

// ids names reports in their order, and sees to it that the order is by likeness.
func ids(t *testing.T, list []api.NearbyReport) (names []string) {
	t.Helper()
	for i, r := range list {
		names = append(names, r.Id)
		if r.Likeness <= 0 || r.Likeness > 1 || i > 0 && r.Likeness > list[i-1].Likeness {
			t.Errorf("at %d stands %v", i, r.Likeness)
		}
	}
	return names
}

func likestFirst(t *testing.T, s *system) {
	here := place{61.81, 17.6}
	far, near := s.filed(t, off(here, 60), nil), s.filed(t, off(here, 4), nil)
	got := s.locate(t, here, "&service=pothole&accuracy=5&q="+url.QueryEscape("deep hole")).Nearby
	if want := []string{near.Id, far.Id}; !slices.Equal(ids(t, got), want) {
		t.Fatalf("nearby are %+v", got)
	}
	if got[0].Likeness < 0.6 || got[0].DistanceM < 3.5 || got[0].DistanceM > 4.5 || got[0].Description != "A deep hole." || got[0].Reference != near.Reference {
		t.Errorf("the hole is shown as %+v", got[0])
	}
	s.pass(60 * 24 * time.Hour)
	if later := s.locate(t, here, "&service=pothole").Nearby; later[0].Likeness >= got[0].Likeness {
		t.Errorf("two months later it is %v alike, before %v", later[0].Likeness, got[0].Likeness)
	}
}

func kinOnly(t *testing.T, s *system) {
	here := place{61.82, 17.6}
	path := s.filed(t, here, fields{"service": "cycle-path"})
	hole := s.filed(t, off(here, 1), nil)
	lamp := s.filed(t, off(here, 2), fields{"service": "street-light"})
	other := s.filed(t, off(here, 90), fields{"service": "other"})
	for service, want := range map[string][]string{
		"pothole":      {hole.Id, path.Id, other.Id},
		"cycle-path":   {path.Id, hole.Id, other.Id},
		"street-light": {lamp.Id, other.Id},
		"graffiti":     {other.Id},
		"other":        {other.Id, path.Id, hole.Id, lamp.Id},
		"no-such":      {other.Id},
	} {
		got := ids(t, s.locate(t, here, "&service="+service).Nearby)
		if service == "other" { // kin to all alike
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: nearby are %v, want %v", service, got, want)
		}
	}
}

func wordsCount(t *testing.T, s *system) {
	here := place{61.83, 17.6}
	kerb := s.filed(t, off(here, 5), fields{"description": "Trasig kantsten vid busshållplatsen"})
	hole := s.filed(t, off(here, 8), fields{"description": "Stort potthål i höger körfält"})
	for words, want := range map[string]string{
		"":                           kerb.Id, // the nearer one
		"stort hål i körfältet":      hole.Id,
		"STORT HAL I KORFALTET":      hole.Id, // on a foreign keyboard
		"kantstenen har gått sönder": kerb.Id,
	} {
		query := "&service=pothole"
		if words != "" {
			query += "&q=" + url.QueryEscape(words)
		}
		if got := ids(t, s.locate(t, here, query).Nearby); len(got) != 2 || got[0] != want {
			t.Errorf("%q: nearby are %v, want %s first", words, got, want)
		}
	}
}

func atMostTen(t *testing.T, s *system) {
	here := place{61.84, 17.6}
	var want []string
	for i := range 13 {
		r := s.filed(t, off(here, float64(5*i)), nil)
		want = append(want, r.Id)
	}
	if got := ids(t, s.locate(t, here, "&service=pothole").Nearby); !slices.Equal(got, want[:10]) {
		t.Errorf("nearby are %v, want %v", got, want[:10])
	}
}

func publicAndOpen(t *testing.T, s *system) {
	here := place{61.85, 17.6}
	s.filed(t, here, fields{"private": true})
	gone := s.filed(t, here, nil)
	s.reporter(t, gone).Send(http.MethodDelete, "/v1/reports/"+gone.Id, nil).Want(http.StatusOK)
	s.filed(t, off(here, 105), nil)
	if got := s.locate(t, here, "").Nearby; got == nil || len(got) != 0 {
		t.Errorf("nearby are %+v", got)
	}
	if got := s.locate(t, here, "&accuracy=100000").Nearby; len(got) == 0 {
		t.Error("a bad fix does not look farther")
	}
}

func hostileSimilar(t *testing.T, s *system) {
	for query, field := range map[string]string{
		"q=":                            "q",
		"q=" + strings.Repeat("a", 201): "q",
		"q=a%00b":                       "q",
		"q=%ff":                         "q",
		"q=a&q=b":                       "q",
		"service=%27%20OR%201=1--":      "service",
		"service=":                      "service",
		"accuracy=-1":                   "accuracy",
		"accuracy=NaN":                  "accuracy",
		"likeness=1":                    "likeness",
	} {
		problemAt(t, s.in(t).Get("/v1/locate?lat=62.3&lon=17.3&"+query), http.StatusUnprocessableEntity, field)
	}
	for _, query := range []string{
		"lat=90&lon=180", "lat=-90&lon=-180&accuracy=100000", "lat=62.3&lon=17.3&q=%25_%27%22%3B--", "lat=0&lon=0&accuracy=0",
		"lat=62.3&lon=17.3&q=" + url.QueryEscape(strings.Repeat("🕳", 200)),
	} {
		s.in(t).Get("/v1/locate?" + query).Want(http.StatusOK)
	}
}

// atPhoto is the position that phonePhoto carries.
var atPhoto = place{62 + 23./60 + 27./3600, 17 + 18./60 + 25./3600}

// smaller is a picture as a messenger passes it on: smaller, coarser, without
// metadata.
func smaller(t *testing.T, seed int) []byte {
	t.Helper()
	return coarse(t, picture(seed))
}

func coarse(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 30}))
	return b.Bytes()
}

// squares is a picture that has nothing in common with the others, which differ
// in their brightness only.
func squares(seed uint64) image.Image {
	img, rnd := image.NewGray(image.Rect(0, 0, 320, 240)), rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- test data
	for y := 0; y < 240; y += 30 {
		for x := 0; x < 320; x += 40 {
			draw.Draw(img, image.Rect(x, y, x+40, y+30), image.NewUniform(color.Gray{uint8(rnd.IntN(256))}), image.Point{}, draw.Src)
		}
	}
	return img
}

func (s *system) sentAhead(t *testing.T, parts ...apitest.Part) (p api.PhotoAhead) {
	t.Helper()
	s.in(t).Form("/v1/photos", parts...).Want(http.StatusCreated).JSON(&p)
	return p
}

func byPhoto(t *testing.T, s *system) {
	with := func(at place, photos ...image.Image) (r api.FiledReport) {
		parts := []apitest.Part{reportPart(t, pothole(at, nil))}
		for _, p := range photos {
			parts = append(parts, photoPart(coarse(t, p)))
		}
		s.in(t).Form("/v1/reports", parts...).Want(http.StatusCreated).JSON(&r)
		return r
	}
	bare := s.filed(t, off(atPhoto, 2), nil)
	same, other := with(off(atPhoto, 30), squares(1), picture(21)), with(off(atPhoto, 35), squares(2), squares(3))
	p := s.sentAhead(t, photoPart(phonePhoto(t, 21)))
	if p.Nearby == nil || p.Services == nil || len(*p.Services) == 0 {
		t.Fatalf("the answer is %+v", p)
	}
	got := *p.Nearby
	if want := []string{same.Id, bare.Id, other.Id}; !slices.Equal(ids(t, got), want) {
		t.Errorf("nearby are %+v, want %v", got, want)
	}
	if got[0].Likeness < 0.7 || got[1].Likeness > 0.6 {
		t.Errorf("the same photo is %v alike, none %v", got[0].Likeness, got[1].Likeness)
	}
	if n := s.count(t, fmt.Sprintf("SELECT count(*) FROM photos WHERE id = '%s' AND report IS NULL", p.Id)); n != 1 {
		t.Errorf("%d photos wait", n)
	}
}

func photoAtAPlace(t *testing.T, s *system) {
	here := place{61.86, 17.6}
	r := s.filed(t, off(here, 3), nil)
	at := func(lat, lon string) []apitest.Part {
		return []apitest.Part{{Name: "lat", Data: []byte(lat)}, {Name: "lon", Data: []byte(lon)}, {Name: "accuracy_m", Data: []byte("5")}}
	}
	given := append(at("61.86", "17.6"), photoPart(phonePhoto(t, 22))) // leads before the photo's own
	c := s.in(t).With("Idempotency-Key", s.key()).With("Accept-Language", "en")
	var first, again api.PhotoAhead
	c.Form("/v1/photos", given...).Want(http.StatusCreated).JSON(&first)
	if first.Nearby == nil || !slices.Equal(ids(t, *first.Nearby), []string{r.Id}) || first.Suggestion == nil {
		t.Fatalf("the answer is %+v", first)
	}
	if svc := (*first.Services)[0]; svc.Name != "Potholes and damaged roads" {
		t.Errorf("the first service is %+v", svc)
	}
	c.Form("/v1/photos", given...).Want(http.StatusCreated).JSON(&again)
	checkSuggestion(t, again.Suggestion) // the first answer may never have arrived
	if again.Id != first.Id || again.Services == nil || len(*again.Services) != len(*first.Services) || again.Nearby == nil || len(*again.Nearby) != 1 || (*again.Nearby)[0].Likeness != (*first.Nearby)[0].Likeness {
		t.Errorf("the repeat is %+v", again)
	}
	alone := s.in(t).With("Idempotency-Key", s.key())
	var known api.PhotoAhead // by the photo's own position
	for range 2 {
		var p api.PhotoAhead
		alone.Form("/v1/photos", photoPart(phonePhoto(t, 25))).Want(http.StatusCreated).JSON(&p)
		checkSuggestion(t, p.Suggestion)
		if p.Services == nil || len(*p.Services) == 0 || p.Nearby == nil || known.Id != "" && (p.Id != known.Id || len(*p.Nearby) != len(*known.Nearby)) {
			t.Errorf("the answer is %+v, and was %+v", p, known)
		}
		known = p
	}
	problemAt(t, c.Form("/v1/photos", append(at("61.87", "17.6"), photoPart(phonePhoto(t, 22)))...), http.StatusUnprocessableEntity, "Idempotency-Key")

	if p := s.sentAhead(t, photoPart(smaller(t, 23))); p.Nearby != nil || p.Services != nil || p.Suggestion != nil {
		t.Errorf("nothing is known of the place, but %+v", p)
	}
	if p := s.sentAhead(t, append(at("0", "0"), photoPart(smaller(t, 23)))...); p.Nearby == nil || len(*p.Nearby) != 0 || p.Services == nil || len(*p.Services) != 0 {
		t.Errorf("at sea there is %+v", p)
	}
	files := s.blobs(t, "photos")
	problemAt(t, s.in(t).Form("/v1/photos", append(at("91", "17.6"), photoPart(smaller(t, 24)))...), http.StatusUnprocessableEntity, "lat")
	problemAt(t, s.in(t).Form("/v1/photos", append(at("NaN", "17.6"), photoPart(smaller(t, 24)))...), http.StatusUnprocessableEntity, "lat")
	problemAt(t, s.in(t).Form("/v1/photos", apitest.Part{Name: "lon", Data: []byte("17")}, photoPart(smaller(t, 24))), http.StatusUnprocessableEntity, "lat")
	problemAt(t, s.reporter(t, r).Form("/v1/reports/"+r.Id+"/photos", append(at("61", "17"), photoPart(smaller(t, 24)))...), http.StatusUnprocessableEntity, "lat")
	if n := s.blobs(t, "photos"); n != files {
		t.Errorf("%d files are left from what was refused", n-files)
	}
}
