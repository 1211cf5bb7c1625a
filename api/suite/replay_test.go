package suite

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
)

// act is one creating call of a day.
type act struct {
	what string
	send func(t testing.TB) apitest.Response // with its key; a form has a new boundary each time
}

// outcomeOf is what a repeat has to answer too.
type outcomeOf struct {
	Code                  int `json:"-"`
	ID, Reference, Secret string
	FollowToken           string `json:"follow_token"`
}

// answered is what came of sending an act once.
type answered struct {
	outcomeOf
	replayed bool
}

// TestADayReplayed sends every creating call of a day three times, from several
// phones at once and in random order: what is there afterwards, and what everybody
// was answered, is as if each had been sent once.
func TestADayReplayed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		handler := s.staff(t, auth.Handler, sundsvall)
		day := s.dayOf(t, handler)
		once := s.grown(t, func() {
			for _, a := range day {
				if got := a.answer(t); got.replayed {
					t.Errorf("%s: the first answer is marked as a repeat", a.what)
				}
			}
		})
		for range 4 {
			seed := rand.Uint64()
			day := s.dayOf(t, handler)
			thrice := s.grown(t, func() { replayThrice(t, day, rand.New(rand.NewPCG(seed, 0))) })
			for table, n := range once {
				if thrice[table] != n {
					t.Errorf("seed %d: %d rows more in %s, want %d", seed, thrice[table], table, n)
				}
			}
		}
		// A key outlives a month of bad coverage; the sweep keeps it for that long.
		late := s.dayOf(t, handler)
		first := make([]answered, len(late))
		for i, a := range late {
			first[i] = a.answer(t)
		}
		s.pass(29 * 24 * time.Hour)
		for i, a := range late {
			if a.what == "a photo ahead of its report" || a.what == "a hand-over" {
				continue // the photo was swept unused; the session of the handler is over
			}
			if got := a.answer(t); got.outcomeOf != first[i].outcomeOf || !got.replayed {
				t.Errorf("%s, 29 days later: %+v, want %+v", a.what, got, first[i])
			}
		}
	})
}

// grown counts what doing adds to the tables. Photos that two equal calls made at
// once and that no report has are swept; they are left out.
func (s *system) grown(t testing.TB, do func()) map[string]int {
	t.Helper()
	tables := []string{
		"reports", "updates", "events", "voices", "subscriptions", "contacts", "idempotency_keys",
		"photos WHERE report IS NOT NULL",
	}
	grown := map[string]int{}
	for _, table := range tables {
		grown[table] = -s.count(t, "SELECT count(*) FROM "+table)
	}
	grown["references"] = -s.count(t, "SELECT CAST(sum(last) AS BIGINT) FROM reference_series")
	do()
	for _, table := range tables {
		grown[table] += s.count(t, "SELECT count(*) FROM "+table)
	}
	grown["references"] += s.count(t, "SELECT CAST(sum(last) AS BIGINT) FROM reference_series")
	return grown
}

// dayOf makes the acts of one day, on reports of its own.
func (s *system) dayOf(t testing.TB, handler *apitest.Client) []act {
	t.Helper()
	seed := int(s.made.Add(1))
	old, moving := s.filed(t, inSundsvall, nil), s.filed(t, inSundsvall, nil)
	reporter := func(t testing.TB) *apitest.Client { return s.reporter(t, old) }
	anyone := func(t testing.TB) *apitest.Client { return s.in(t) }
	named := []string{s.uploaded(t, seed*100), s.uploaded(t, seed*100+1)}
	push := s.pushes.Subscribe(t, s.server.PushKey)
	address := fields{"endpoint": push.Endpoint, "keys": fields{"p256dh": push.P256dh, "auth": push.Auth}}
	mail, at := s.address("follower"), "/v1/reports/"+old.Id

	var day []act
	form := func(what string, who func(testing.TB) *apitest.Client, path string, parts ...apitest.Part) {
		key := s.key()
		day = append(day, act{what, func(t testing.TB) apitest.Response { return who(t).With("Idempotency-Key", key).Form(path, parts...) }})
	}
	post := func(what string, who func(testing.TB) *apitest.Client, path string, body any) {
		key := s.key()
		day = append(day, act{what, func(t testing.TB) apitest.Response {
			return who(t).With("Idempotency-Key", key).Send(http.MethodPost, path, body)
		}})
	}
	for i := range 3 {
		post("a report", anyone, "/v1/reports", pothole(inSundsvall, fields{"contact": fields{"email": fmt.Sprintf("kim%d@example.org", i)}}))
	}
	post("a report that names a photo", anyone, "/v1/reports", pothole(inSundsvall, fields{"photos": named[:1]}))
	form("a report with photos", anyone, "/v1/reports", reportPart(t, pothole(inSundsvall, nil)), photoPart(phonePhoto(t, seed)), photoPart(phonePhoto(t, seed+1)))
	form("a photo ahead of its report", anyone, "/v1/photos", photoPart(phonePhoto(t, seed+2)))
	form("a photo after its report", reporter, at+"/photos", photoPart(phonePhoto(t, seed+3)))
	post("a photo after its report, by its id", reporter, at+"/photos", fields{"photos": named[1:]})
	post("a comment", reporter, at+"/updates", fields{"text": "still there"})
	post("that it is not fixed", reporter, at+"/updates", fields{"fixed": false})
	post("support", anyone, at+"/support", nil)
	post("a push subscription", anyone, "/v1/subscriptions", fields{"report": old.Id, "push": address})
	post("an e-mail subscription", anyone, "/v1/subscriptions", fields{"report": old.Id, "email": mail})
	post("a hand-over", func(t testing.TB) *apitest.Client { return handler.WithTest(t).With("If-Match", `"1"`) },
		"/v1/reports/"+moving.Id+"/hand-over", fields{"to": stockholm})
	return day
}

// uploaded is a photo that came by the tus protocol.
func (s *system) uploaded(t testing.TB, seed int) (id string) {
	t.Helper()
	photo := phonePhoto(t, seed)
	return chunk(s.tus(t), s.begun(t, len(photo)), 0, photo).Want(http.StatusNoContent).Header.Get("Upload-Photo-Id")
}

// answer sends the act once.
func (a act) answer(t testing.TB) (got answered) {
	t.Helper()
	res := a.send(t)
	if res.Status != http.StatusCreated && res.Status != http.StatusOK {
		t.Errorf("%s: %s", a.what, res)
		return answered{outcomeOf: outcomeOf{Code: res.Status}}
	}
	if err := json.Unmarshal(res.Body, &got.outcomeOf); err != nil {
		t.Errorf("%s: %v", a.what, err)
	}
	got.Code, got.replayed = res.Status, res.Header.Get("Idempotency-Replayed") == "true"
	return got
}

// replayThrice sends every act three times, in random order, from four phones.
func replayThrice(t *testing.T, day []act, random *rand.Rand) {
	t.Helper()
	var order []int
	for i := range day {
		order = append(order, i, i, i)
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	var mu sync.Mutex
	got := make([][]answered, len(day))
	next := make(chan int)
	var phones sync.WaitGroup
	for range 4 {
		phones.Go(func() {
			for i := range next {
				a := day[i].answer(t)
				mu.Lock()
				got[i] = append(got[i], a)
				mu.Unlock()
			}
		})
	}
	for _, i := range order {
		next <- i
	}
	close(next)
	phones.Wait()
	for i, all := range got {
		firsts := 0
		for _, a := range all {
			if !a.replayed {
				firsts++
			}
			if a.outcomeOf != all[0].outcomeOf {
				t.Errorf("%s: %+v and %+v", day[i].what, a, all[0])
			}
		}
		if firsts != 1 || len(all) != 3 {
			t.Errorf("%s: %d of %d answers say that they are the first", day[i].what, firsts, len(all))
		}
	}
}
