package suite

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// theAlt says more of a photo than a stranger should read.
const theAlt = "Lappen visar " + theNumber

func TestHeldAltTexts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler, crew := s.staff(t, auth.Handler, sundsvall), s.staff(t, auth.Crew, sundsvall)
		t.Run("a report is held for what its photos show", func(t *testing.T) { heldForAnAlt(t, s, crew) })
		t.Run("whatever way they came", func(t *testing.T) { heldWhateverTheWay(t, s) })
		t.Run("a handler shows them as they are", func(t *testing.T) { altsShownAsTheyAre(t, s, handler) })
		t.Run("a handler changes them", func(t *testing.T) { altsShownChanged(t, s, handler) })
		t.Run("late photos are held with their update", func(t *testing.T) { lateAltsAreHeld(t, s, handler, crew) })
		t.Run("staff answer for their own words", func(t *testing.T) { staffAltsAreShown(t, s, crew) })
		t.Run("a private report needs no holding", func(t *testing.T) { privateAltsAreNotHeld(t, s) })
		t.Run("what a voice shows is held in its case too", func(t *testing.T) { altsOfAVoice(t, s, handler) })
		t.Run("erasing leaves no trace of them", func(t *testing.T) { altsAreErased(t, s) })
		t.Run("nor does erasing a person", func(t *testing.T) { altsOfAPerson(t, s, crew) })
	})
}

// withAlts files a report with photos that show something.
func (s *system) withAlts(t testing.TB, other fields, alts ...string) api.FiledReport {
	t.Helper()
	ids := make([]string, len(alts))
	for i := range alts {
		ids[i] = s.unclaimed(t)
	}
	all := maps.Clone(other)
	if all == nil {
		all = fields{}
	}
	all["photos"], all["alts"] = ids, alts
	return s.filed(t, inSundsvall, all)
}

// altsSeen are the texts of a report's photos, as somebody sees them.
func altsSeen(photos []api.Photo) []string {
	var alts []string
	for _, p := range photos {
		alts = append(alts, p.Alt)
	}
	return alts
}

func heldForAnAlt(t *testing.T, s *system, crew *apitest.Client) {
	r := s.withAlts(t, fields{"description": "Ett hål"}, "Ett hål", theAlt)
	want := []api.Found{{Field: "/photos/1/alt", Kind: "personal-number", Start: 13, End: 24}}
	alts := []string{"Ett hål", theAlt}
	if !r.TextHeld || !slices.Equal(r.Found, want) || !slices.Equal(altsSeen(r.Photos), alts) {
		t.Errorf("filed %+v", r)
	}
	for who, c := range map[string]*apitest.Client{"reporter": s.reporter(t, r), "crew": crew} {
		if got := read(t, c, r.Id); !got.TextHeld || !slices.Equal(got.Found, want) || !slices.Equal(altsSeen(got.Photos), alts) {
			t.Errorf("%s sees %+v", who, got)
		}
	}
	if got := queue(t, crew, "")[r.Id]; !slices.Equal(got.Found, want) || !slices.Equal(altsSeen(got.Photos), alts) {
		t.Errorf("the queue shows %+v", got)
	}
	for who, c := range map[string]*apitest.Client{"anyone": s.Client, "a resident": s.resident(t), "foreign staff": s.staff(t, auth.Handler, stockholm)} {
		got := read(t, c, r.Id)
		if !got.TextHeld || got.Found != nil || got.Description != "" || len(got.Photos) != 2 || got.Photos[1].State != "shown" {
			t.Errorf("%s sees %+v", who, got)
		}
		for _, path := range []string{"", "/photos", "/updates"} {
			if res := c.WithTest(t).Get("/v1/reports/" + r.Id + path).Want(http.StatusOK); bytes.Contains(res.Body, []byte(theNumber)) || bytes.Contains(res.Body, []byte(`"alt"`)) {
				t.Errorf("%s reads in %q what photos show: %s", who, path, res)
			}
		}
	}
	for _, path := range []string{"/v1/reports?limit=100", "/v1/locate?lat=62.3908&lon=17.3069"} {
		if res := s.in(t).Get(path).Want(http.StatusOK); bytes.Contains(res.Body, []byte(theNumber)) {
			t.Errorf("%s shows it", path)
		}
	}
}

func heldWhateverTheWay(t *testing.T, s *system) {
	ways := map[string]func() api.FiledReport{
		"with the photo, ahead": func() api.FiledReport {
			return s.filed(t, inSundsvall, fields{"photos": []string{s.unclaimed(t, altPart(theAlt))}})
		},
		"in pieces": func() api.FiledReport {
			return s.filed(t, inSundsvall, fields{"photos": []string{s.tusAlt(t, theAlt)}})
		},
		"in a form": func() (r api.FiledReport) {
			s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), photoPart(pngPhoto(t, 4)), altPart(theAlt)).Want(http.StatusCreated).JSON(&r)
			return r
		},
		"named": func() api.FiledReport { return s.withAlts(t, nil, theAlt) },
	}
	for way, file := range ways {
		r := file()
		if got := read(t, s.in(t), r.Id); !r.TextHeld || !got.TextHeld || got.Photos[0].Alt != "" || len(r.Found) != 1 {
			t.Errorf("%s: filed %+v, anyone sees %+v", way, r, got)
		}
	}
	// What takes the place of an upload's own text is what counts.
	if r := s.filed(t, inSundsvall, fields{"photos": []string{s.unclaimed(t, altPart(theAlt))}, "alts": []string{"Ett hål"}}); r.TextHeld {
		t.Errorf("held for words that nobody will read: %+v", r)
	}
}

func altsShownAsTheyAre(t *testing.T, s *system, handler *apitest.Client) {
	r := s.withAlts(t, nil, theAlt)
	moderate(handler.WithTest(t), r.Id, 1, fields{}).Want(http.StatusOK)
	if got := read(t, s.Client, r.Id); got.TextHeld || got.Photos[0].Alt != theAlt {
		t.Errorf("anyone sees %+v", got)
	}
}

func altsShownChanged(t *testing.T, s *system, handler *apitest.Client) {
	photo := s.tusAlt(t, theAlt)
	r := s.filed(t, inSundsvall, fields{"photos": []string{photo, s.unclaimed(t)}, "alts": []string{"", "Ett hål"}})
	other := s.withAlts(t, nil, "Ett annat")
	handler = handler.WithTest(t)
	for name, alts := range map[string]fields{
		"too long":            {photo: strings.Repeat("å", 501)},
		"a control character": {photo: "\u0000"},
		"another's photo":     {other.Photos[0].Id: "x"},
		"no photo":            {"x": "x"},
	} {
		for id := range alts {
			if p := moderate(handler, r.Id, 1, fields{"alts": alts}).WantProblem(problem.Invalid); len(p.Errors) != 1 || p.Errors[0].Field != "/alts/"+id {
				t.Errorf("%s: %+v", name, p.Errors)
			}
		}
	}
	moderate(handler, r.Id, 1, fields{"alts": fields{photo: " En lapp "}}).Want(http.StatusOK)
	if got := read(t, s.Client, r.Id); got.TextHeld || !slices.Equal(altsSeen(got.Photos), []string{"En lapp", "Ett hål"}) {
		t.Errorf("anyone sees %+v", got)
	}
	if n := s.count(t, "SELECT count(*) FROM photos WHERE alt LIKE '%"+theNumber+"%' AND report = '"+r.Id+"'"); n != 0 {
		t.Error("what was taken out is still there")
	}
	if n := s.count(t, "SELECT count(*) FROM uploads WHERE photo = '"+photo+"' AND (metadata <> '' OR alt <> '')"); n != 0 {
		t.Error("what was taken out is still there with the upload")
	}
	moderate(handler, r.Id, 2, fields{"alts": fields{photo: "x"}}).WantProblem(problem.Conflict)
}

func lateAltsAreHeld(t *testing.T, s *system, handler, crew *apitest.Client) {
	r, resident := s.filed(t, inSundsvall, nil), s.resident(t)
	add := func(c *apitest.Client) (u api.Update) {
		c, body := c.WithTest(t).With("Idempotency-Key", s.key()), fields{"text": "Se", "photos": []string{s.unclaimed(t)}, "alts": []string{theAlt}}
		for range 2 { // and so says the repeat
			c.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", body).Want(http.StatusCreated).JSON(&u)
			if !u.TextHeld || u.Photos[0].Alt != theAlt || len(u.Found) != 1 || u.Found[0].Field != "/photos/0/alt" {
				t.Errorf("the answer says %+v", u)
			}
		}
		return u
	}
	byReporter, byResident := add(s.reporter(t, r)), add(resident)
	sees := func(c *apitest.Client, id string) bool {
		us := history(t, c, r.Id)
		u := us[slices.IndexFunc(us, func(u api.Update) bool { return u.Id == id })]
		if !u.TextHeld || len(u.Photos) != 1 || (u.Text == "") != (u.Photos[0].Alt == "") || (u.Text == "") != (len(u.Found) == 0) {
			t.Errorf("%+v", u)
		}
		return u.Photos[0].Alt != ""
	}
	for _, tt := range []struct {
		who                          string
		c                            *apitest.Client
		ofTheReporter, ofTheResident bool
	}{
		{"anyone", s.Client, false, false}, {"the resident", resident, false, true}, {"crew", crew, true, true},
	} {
		if a, b := sees(tt.c, byReporter.Id), sees(tt.c, byResident.Id); a != tt.ofTheReporter || b != tt.ofTheResident {
			t.Errorf("%s sees the reporter's %v, the resident's %v", tt.who, a, b)
		}
	}
	if got := read(t, s.Client, r.Id); got.TextHeld || got.Description == "" || !slices.Equal(altsSeen(got.Photos), []string{"", ""}) {
		t.Errorf("anyone sees %+v", got)
	}
	if q := queue(t, crew, "")[r.Id]; q.HeldUpdates != 2 || q.TextHeld || q.Found != nil {
		t.Errorf("the queue says %+v", q)
	}
	handler = handler.WithTest(t)
	moderate(handler, r.Id, 3, fields{"update": byResident.Id, "alts": fields{byReporter.Photos[0].Id: "x"}}).WantProblem(problem.Invalid)
	moderate(handler, r.Id, 3, fields{"update": byResident.Id, "alts": fields{byResident.Photos[0].Id: "En lapp"}}).Want(http.StatusOK)
	if got := read(t, s.Client, r.Id); !slices.Equal(altsSeen(got.Photos), []string{"", "En lapp"}) {
		t.Errorf("anyone sees %q", altsSeen(got.Photos))
	}
	moderate(handler, r.Id, 4, fields{"update": byReporter.Id}).Want(http.StatusOK)
	if got := read(t, s.Client, r.Id); !slices.Equal(altsSeen(got.Photos), []string{theAlt, "En lapp"}) {
		t.Errorf("anyone sees %q", altsSeen(got.Photos))
	}
	if q := queue(t, crew, "")[r.Id]; q.HeldUpdates != 0 {
		t.Errorf("%d updates wait still", q.HeldUpdates)
	}
}

func staffAltsAreShown(t *testing.T, s *system, crew *apitest.Client) {
	r := s.filed(t, inSundsvall, nil)
	crew.WithTest(t).Form("/v1/reports/"+r.Id+"/photos", photoPart(pngPhoto(t, 4)), altPart(theAlt)).Want(http.StatusCreated)
	if got := read(t, s.Client, r.Id); got.Photos[0].Alt != theAlt {
		t.Errorf("%+v", got.Photos)
	}
}

func privateAltsAreNotHeld(t *testing.T, s *system) {
	if r := s.withAlts(t, fields{"private": true}, theAlt); r.TextHeld || r.Found != nil || r.Photos[0].Alt != theAlt {
		t.Errorf("%+v", r)
	}
}

// The history of a voice goes on with its case's, pictures and all.
func altsOfAVoice(t *testing.T, s *system, handler *apitest.Client) {
	voice, of := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	atVersion(handler.WithTest(t), 1).Send(http.MethodPost, "/v1/reports/"+voice.Id+"/merge", fields{"into": of.Id}).Want(http.StatusOK)
	s.reporter(t, of).Form("/v1/reports/"+of.Id+"/photos", photoPart(pngPhoto(t, 4)), altPart(theAlt)).Want(http.StatusCreated)
	for who, sees := range map[*apitest.Client]bool{s.Client: false, s.reporter(t, voice): false, handler: true} {
		us := history(t, who, voice.Id)
		last := us[len(us)-1]
		if len(last.Photos) != 1 || (last.Photos[0].Alt != "") != sees || !last.TextHeld {
			t.Errorf("%+v, and the text is to be seen: %v", last, sees)
		}
	}
}

func altsAreErased(t *testing.T, s *system) {
	const word = "Qvintus Personlig"
	r := s.filed(t, inSundsvall, fields{"photos": []string{s.tusAlt(t, word), s.unclaimed(t, altPart(word)), s.unclaimed(t)}, "alts": []string{"", "", word}})
	reporter := s.reporter(t, r)
	reporter.Form("/v1/reports/"+r.Id+"/photos", photoPart(pngPhoto(t, 4)), altPart(word)).Want(http.StatusCreated)
	kept := func() int {
		return s.count(t, "SELECT (SELECT count(*) FROM photos WHERE alt LIKE '%Qvintus%') + (SELECT count(*) FROM uploads WHERE alt LIKE '%Qvintus%')") +
			s.count(t, "SELECT count(*) FROM uploads WHERE metadata LIKE '%"+strings.TrimPrefix(altMetadata(word), "filename aMOlbC5qcGc=,alt ")+"%'")
	}
	if n := kept(); n != 6 {
		t.Fatalf("the word is found %d times: the search does not see it", n)
	}
	reporter.Send(http.MethodDelete, "/v1/reports/"+r.Id+"/personal-data", nil).Want(http.StatusNoContent)
	if n := kept(); n != 0 {
		t.Errorf("the word is still there %d times", n)
	}
}

// Who is forgotten leaves the photos that they added to other people's reports, which
// show the fault, and none of their words.
func altsOfAPerson(t *testing.T, s *system, crew *apitest.Client) {
	email := s.address("forgotten")
	resident := s.bearing(t, s.signedIn(t, email))
	r := s.filed(t, inSundsvall, nil)
	for _, photo := range []string{s.tusAlt(t, theAlt), s.tusAlt(t, "Ett hål")} {
		resident.Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", fields{"photos": []string{photo}}).Want(http.StatusCreated)
	}
	if q := queue(t, crew, "")[r.Id]; q.HeldUpdates != 1 || !slices.Equal(altsSeen(q.Photos), []string{theAlt, "Ett hål"}) {
		t.Fatalf("the queue shows %+v", q)
	}
	_, err := s.server.Reports.ErasePerson(t.Context(), email)
	must(t, err)
	if q := queue(t, crew, "")[r.Id]; q.HeldUpdates != 0 || !slices.Equal(altsSeen(q.Photos), []string{"", ""}) {
		t.Errorf("the queue shows %+v", q)
	}
	ids := "('" + read(t, s.Client, r.Id).Photos[0].Id + "', '" + read(t, s.Client, r.Id).Photos[1].Id + "')"
	if n := s.count(t, "SELECT count(*) FROM uploads WHERE photo IN "+ids+" AND metadata <> ''"); n != 0 {
		t.Errorf("%d uploads tell still what they show", n)
	}
}
