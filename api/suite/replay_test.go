package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/store"
)

// act is one creating call of a day.
type act struct {
	what string
	send func(t testing.TB) apitest.Response // with its key; a form has a new boundary each time
}

// outcomeOf is what a repeat has to answer too.
type outcomeOf struct {
	Code                  int    `json:"-"`
	Location              string `json:"-"`
	ID, Reference, Secret string
	FollowToken           string `json:"follow_token"`
	RequestID             string `json:"service_request_id"`
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
	})
}

// TestKeysOutliveAMonth sends the calls of a day again after the sweeps have run at
// the last moment at which a key has to be known, and those of reports once more
// after they have run at the first at which it need not.
func TestKeysOutliveAMonth(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		const days30 = 30 * 24 * time.Hour
		began := s.now()
		day := s.dayOf(t, s.staff(t, auth.Handler, sundsvall))
		first := make([]answered, len(day))
		for i, a := range day {
			first[i] = a.answer(t)
		}
		ended := s.now()
		s.pass(days30 - time.Second)
		keys := store.Reports{DB: s.db}
		must(t, s.server.Photos.Sweep(t.Context()))
		must(t, keys.SweepKeys(t.Context(), began.Add(days30-time.Second)))
		for i, a := range day {
			switch a.what {
			case "a hand-over": // the session of the handler is over
			case "a photo ahead of its report", // swept, for no report has claimed it
				"an upload", "an upload with its first chunk", "an upload of a whole photo":
				a.send(t).WantProblem(problem.Gone)
			default:
				if got := a.answer(t); got.outcomeOf != first[i].outcomeOf || !got.replayed {
					t.Errorf("%s, 30 days later: %+v, want %+v", a.what, got, first[i])
				}
			}
		}
		must(t, keys.SweepKeys(t.Context(), ended.Add(days30+time.Second)))
		if n := s.count(t, "SELECT count(*) FROM idempotency_keys"); n != 0 {
			t.Errorf("%d keys are left", n)
		}
		if got := day[0].answer(t); got.replayed || got.ID == first[0].ID {
			t.Errorf("a key that is forgotten: %+v", got)
		}
	})
}

// grown counts what doing adds to the tables. Photos that two equal calls made at
// once and that no report has are swept; they are left out.
func (s *system) grown(t testing.TB, do func()) map[string]int {
	t.Helper()
	tables := []string{
		"reports", "updates", "events", "voices", "subscriptions", "contacts", "idempotency_keys",
		"photos WHERE report IS NOT NULL", "uploads WHERE state = 'open'", "uploads WHERE state = 'done'",
	}
	sums := map[string]string{"references": "sum(last) AS BIGINT) FROM reference_series", "bytes": "COALESCE(sum(received), 0) AS BIGINT) FROM uploads"}
	grown := map[string]int{}
	add := func(sign int) {
		for _, table := range tables {
			grown[table] += sign * s.count(t, "SELECT count(*) FROM "+table)
		}
		for what, sum := range sums {
			grown[what] += sign * s.count(t, "SELECT CAST("+sum)
		}
	}
	add(-1)
	do()
	add(1)
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
	mail, at := s.address("follower"), byTurns(old)

	var day []act
	form := func(what string, who func(testing.TB) *apitest.Client, path func() string, parts ...apitest.Part) {
		key := s.key()
		day = append(day, act{what, func(t testing.TB) apitest.Response { return who(t).With("Idempotency-Key", key).Form(path(), parts...) }})
	}
	post := func(what string, who func(testing.TB) *apitest.Client, path func() string, body any) {
		key := s.key()
		day = append(day, act{what, func(t testing.TB) apitest.Response {
			return who(t).With("Idempotency-Key", key).Send(http.MethodPost, path(), body)
		}})
	}
	reports, photos, subscriptions := always("/v1/reports"), always("/v1/photos"), always("/v1/subscriptions")
	for i := range 3 {
		post("a report", anyone, reports, pothole(inSundsvall, fields{"contact": fields{"email": fmt.Sprintf("kim%d@example.org", i)}}))
	}
	post("a report that names a photo", anyone, reports, pothole(inSundsvall, fields{"photos": named[:1]}))
	form("a report with photos", anyone, reports, reportPart(t, pothole(inSundsvall, nil)), photoPart(phonePhoto(t, seed)), photoPart(phonePhoto(t, seed+1)))
	form("a photo ahead of its report", anyone, photos, photoPart(phonePhoto(t, seed+2)))
	form("a photo after its report", reporter, at("/photos"), photoPart(phonePhoto(t, seed+3)))
	post("a photo after its report, by its id", reporter, at("/photos"), fields{"photos": named[1:]})
	post("a comment", reporter, at("/updates"), fields{"text": "still there"})
	post("that it is not fixed", reporter, at("/updates"), fields{"fixed": false})
	post("support", anyone, at("/support"), nil)
	post("a push subscription", anyone, subscriptions, fields{"report": old.Id, "push": address})
	post("an e-mail subscription", anyone, subscriptions, fields{"report": old.Id, "email": mail})
	post("a hand-over", func(t testing.TB) *apitest.Client { return handler.WithTest(t).With("If-Match", `"1"`) },
		byTurns(moving)("/hand-over"), fields{"to": stockholm})
	return append(append(day, s.uploadsOf(t)...), s.geoReportsOf(t, seed)...)
}

// uploadsOf are the uploads that begin on a day.
func (s *system) uploadsOf(t testing.TB) []act {
	photo := phonePhoto(t, 4) // the same each day: as many bytes
	begin := func(what string, body []byte, headers ...string) act {
		headers = append(headers, "Idempotency-Key", s.key(), "Upload-Length", strconv.Itoa(len(photo)), "Content-Type", octets)
		return act{what, func(t testing.TB) apitest.Response {
			if body == nil {
				return with(s.tus(t), headers...).Send(http.MethodPost, "/v1/uploads", nil)
			}
			return with(s.tus(t), headers...).Send(http.MethodPost, "/v1/uploads", body)
		}}
	}
	return []act{
		begin("an upload", nil, "Upload-Metadata", "filename aMOlbC5qcGc="),
		begin("an upload with its first chunk", photo[:len(photo)/2]),
		begin("an upload of a whole photo", photo, "Upload-Metadata", altMetadata("Ett hål")),
	}
}

// geoReportsOf are the posts of other systems on a day: GeoReport has no keys, so a
// system sends the header that v1 takes, or FixMyStreet its own number.
func (s *system) geoReportsOf(t testing.TB, seed int) []act {
	secret := s.madeKey(t, sundsvall, auth.ScopeOpen311)
	c := s.behind(t, s.gated(func(g *limit.Gate) { g.Quotas = limit.Quotas{} }))
	post := func(what, format, key string, more url.Values) act {
		form := url.Values{
			"api_key": {secret}, "service_code": {"pothole"}, "lat": {fmt.Sprint(inSundsvall.lat)}, "long": {fmt.Sprint(inSundsvall.lon)},
			"description": {"hål"}, "email": {"kim@example.org"},
		}
		maps.Copy(form, more)
		return act{what, func(t testing.TB) apitest.Response {
			return with(c.WithTest(t), "Content-Type", "application/x-www-form-urlencoded", "Idempotency-Key", key).
				Send(http.MethodPost, "/open311/v2/requests."+format, form.Encode())
		}}
	}
	number := url.Values{"attribute[fixmystreet_id]": {fmt.Sprint(seed)}}
	key := s.key()
	return []act{
		post("a post with a key", "json", s.key(), nil),
		post("a post with FixMyStreet's number", "json", "", number),
		{"a post with a photo", func(t testing.TB) apitest.Response {
			parts := []apitest.Part{photoPart(phonePhoto(t, seed+5))}
			parts[0].Name = "media"
			for name, value := range map[string]string{"api_key": secret, "service_code": "pothole", "lat": fmt.Sprint(inSundsvall.lat), "long": fmt.Sprint(inSundsvall.lon)} {
				parts = append(parts, apitest.Part{Name: name, Data: []byte(value)})
			}
			return c.WithTest(t).With("Idempotency-Key", key).Form("/open311/v2/requests.json", parts...)
		}},
	}
}

func always(path string) func() string { return func() string { return path } }

// byTurns names a report in a path by its id and by its reference, in turn: both
// names are one report's.
func byTurns(r api.FiledReport) func(what string) func() string {
	return func(what string) func() string {
		var asked atomic.Int64
		return func() string {
			if asked.Add(1)%2 == 0 {
				return "/v1/reports/" + r.Reference + what
			}
			return "/v1/reports/" + r.Id + what
		}
	}
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
	// GeoReport answers with a list of one.
	body := bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(res.Body), []byte("[")), []byte("]"))
	if err := json.Unmarshal(body, &got.outcomeOf); err != nil {
		t.Errorf("%s: %v", a.what, err)
	}
	got.Location = res.Header.Get("Location")
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
