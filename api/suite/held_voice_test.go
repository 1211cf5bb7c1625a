package suite

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
)

// What waits for a handler, or for the detector, at one report of a case is nothing
// for those who filed another.
func TestWhatIsHeldInACase(t *testing.T) {
	for _, state := range []string{"held", "checking"} {
		t.Run(state, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *system) {
				if state == "held" {
					s.rulePhotos(t, fields{"hold": true})
				} else {
					w := s.watching(t)
					t.Cleanup(func() { close(w.pause) })
				}
				heldInACase(t, s, state)
			})
		})
	}
}

// heldWords are held for the number in them, and hold the word that nobody may find.
const heldWords = "Ring Kim på 070-174 06 05."

// spoken is what somebody has added to a report that waits for a handler.
type spoken struct{ photo, captioned string }

// holdsBack adds a photo, and words with a photo, that nobody sees yet.
func holdsBack(t testing.TB, s *system, reporter *apitest.Client, id string, seed int) spoken {
	t.Helper()
	var p api.Photo
	reporter.Form("/v1/reports/"+id+"/photos", photoPart(phonePhoto(t, seed))).Want(http.StatusCreated).JSON(&p)
	said := spoken{p.Id, s.uploaded(t, seed+1)}
	reporter.Send(http.MethodPost, "/v1/reports/"+id+"/updates", fields{"text": heldWords, "photos": []string{said.captioned}}).Want(http.StatusCreated)
	return said
}

func heldInACase(t *testing.T, s *system, state string) {
	handler := s.staff(t, auth.Handler, sundsvall)
	b, c, v := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	merge(t, handler, v.Id, b.Id).Want(http.StatusOK)
	merge(t, handler, b.Id, c.Id).Want(http.StatusOK)
	ofCase := holdsBack(t, s, s.reporter(t, c), c.Id, 500)
	ofVoice := holdsBack(t, s, s.reporter(t, v), v.Id, 502)

	everyone := map[string]*apitest.Client{
		"the case's reporter": s.reporter(t, c), "the voice's reporter": s.reporter(t, v), "the reporter between": s.reporter(t, b),
		"a stranger": s.Client, "a resident": s.resident(t), "a foreign handler": s.staff(t, auth.Handler, stockholm),
		"an operator": s.staff(t, auth.Operator, ""), "another reporter": s.reporter(t, s.filed(t, inSundsvall, nil)),
	}
	nobodyElse := func(when string) {
		t.Helper()
		for who, reader := range everyone {
			others := []spoken{ofCase, ofVoice}
			switch who {
			case "the case's reporter":
				others = others[1:]
			case "the voice's reporter":
				others = others[:1]
			}
			findsNothing(t, who+" "+when, reader, others, c.Id, b.Id, v.Id)
		}
	}
	nobodyElse("while they are merged")
	for _, crew := range []*apitest.Client{handler, s.staff(t, auth.Crew, sundsvall)} {
		findsAll(t, s, "staff at the voice", crew, v.Id, state, ofCase)
		findsAll(t, s, "staff between", crew, b.Id, state, ofCase)
	}
	findsAll(t, s, "who filed the case, at the case", everyone["the case's reporter"], c.Id, state, ofCase)
	findsAll(t, s, "who filed the voice, at the voice", everyone["the voice's reporter"], v.Id, state, ofVoice)

	unmerge(t, handler, b.Id) // takes v along
	unmerge(t, handler, v.Id)
	nobodyElse("once they are apart")
	findsNothing(t, "staff at what was a voice", handler, []spoken{ofCase}, b.Id, v.Id)
	findsAll(t, s, "staff at what was the case", handler, c.Id, state, ofCase)
}

// findsNothing looks for what is held wherever reports are shown.
func findsNothing(t *testing.T, who string, c *apitest.Client, all []spoken, ids ...string) {
	t.Helper()
	paths := []string{"/v1/reports?jurisdiction=2281&merged=true"}
	for _, id := range ids {
		for _, path := range []string{"", "/updates", "/photos", "/voices", "/routing"} {
			paths = append(paths, "/v1/reports/"+id+path)
		}
	}
	for _, path := range paths {
		body := c.WithTest(t).Get(path).Want(http.StatusOK).Body
		for _, said := range all {
			if bytes.Contains(body, []byte(said.photo)) || bytes.Contains(body, []byte(said.captioned)) {
				t.Errorf("%s finds a held photo at %s", who, path)
			}
		}
	}
}

// findsAll reads the held photos in a report's history, and opens them.
func findsAll(t *testing.T, s *system, who string, c *apitest.Client, id, state string, said spoken) {
	t.Helper()
	found := map[string]api.Photo{}
	for _, u := range history(t, c, id) {
		for _, p := range u.Photos {
			found[p.Id] = p
		}
	}
	for _, photo := range []string{said.photo, said.captioned} {
		p, ok := found[photo]
		if !ok || string(p.State) != state {
			t.Errorf("%s finds photo %s %s", who, photo, p.State)
			continue
		}
		s.in(t).Get(here(t, p.Renditions["320"])).Want(http.StatusOK)
	}
}

// Held words of one report of a case are read by who wrote them and by staff.
func TestHeldWordsInACase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler := s.staff(t, auth.Handler, sundsvall)
		c, v := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
		merge(t, handler, v.Id, c.Id).Want(http.StatusOK)
		for _, r := range []api.FiledReport{c, v} {
			s.reporter(t, r).Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": heldWords}).Want(http.StatusCreated)
		}
		reads := func(c *apitest.Client, id string) (n int) {
			for _, u := range history(t, c, id) {
				if u.Text == heldWords {
					n++
				}
			}
			return n
		}
		for _, tt := range []struct {
			who    string
			client *apitest.Client
			id     string
			want   int
		}{
			{"a stranger, of the case", s.Client, c.Id, 0},
			{"a stranger, of the voice", s.Client, v.Id, 0},
			{"the voice's reporter, of the case", s.reporter(t, v), c.Id, 0},
			{"the voice's reporter, of the voice: their own", s.reporter(t, v), v.Id, 1},
			{"the case's reporter, of the case: their own", s.reporter(t, c), c.Id, 1},
			{"the case's reporter, of the voice", s.reporter(t, c), v.Id, 0},
			{"staff, of both", handler, c.Id, 2},
			{"staff, of the voice that goes on with the case", handler, v.Id, 2},
		} {
			if got := reads(tt.client, tt.id); got != tt.want {
				t.Errorf("%s: %d of the held texts, want %d", tt.who, got, tt.want)
			}
		}
	})
}
