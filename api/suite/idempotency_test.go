package suite

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
)

func TestIdempotency(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("three times one report", func(t *testing.T) { threeTimesOne(t, s) })
		t.Run("another shape of the same content", func(t *testing.T) { anotherShape(t, s) })
		t.Run("another content", func(t *testing.T) { anotherContent(t, s) })
		t.Run("all at once", func(t *testing.T) { allAtOnce(t, s) })
		t.Run("each caller their own", func(t *testing.T) { eachTheirOwn(t, s) })
		t.Run("a refusal burns no key", func(t *testing.T) { refusalBurnsNothing(t, s) })
		t.Run("support", func(t *testing.T) { supportOnce(t, s) })
		t.Run("every creating call", func(t *testing.T) { everyCreatingCall(t, s) })
	})
}

// again sends what send sends twice more and wants the first answer's id each time.
func again(t *testing.T, what string, send func() apitest.Response) (first apitest.Response) {
	t.Helper()
	first = send()
	if got := first.Header.Get("Idempotency-Replayed"); got != "" {
		t.Errorf("%s: the first answer is marked %q", what, got)
	}
	var id, other struct {
		ID, Reference, Secret string
		FollowToken           string `json:"follow_token"`
	}
	first.JSON(&id)
	for range 2 {
		res := send().Want(first.Status)
		if res.JSON(&other); other != id || res.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: replayed %q: %+v, want %+v", what, res.Header.Get("Idempotency-Replayed"), other, id)
		}
	}
	return first
}

func threeTimesOne(t *testing.T, s *system) {
	c, before := s.in(t).With("Idempotency-Key", s.key()), s.count(t, "SELECT count(*) FROM reports")
	body := pothole(inSundsvall, fields{"contact": fields{"email": "kim@example.org"}})
	var r api.FiledReport
	again(t, "a report", func() apitest.Response {
		return c.Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	}).JSON(&r)
	if n := s.count(t, "SELECT count(*) FROM reports"); n != before+1 {
		t.Errorf("%d reports were stored", n-before)
	}
	next := s.filed(t, inSundsvall, nil) // no number was burnt
	var a, b int
	_, err := fmt.Sscanf(r.Reference[len(r.Reference)-6:]+" "+next.Reference[len(next.Reference)-6:], "%d %d", &a, &b)
	if must(t, err); b != a+1 {
		t.Errorf("after %s comes %s", r.Reference, next.Reference)
	}
	// Other fields are shown as they are by then.
	s.reporter(t, r).Send(http.MethodDelete, "/v1/reports/"+r.Id, nil).Want(http.StatusOK)
	var later api.FiledReport
	res := c.Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
	if res.JSON(&later); later.Status != "closed" || later.FollowToken != r.FollowToken || res.Header.Get("ETag") != `"2"` {
		t.Errorf("after the withdrawal: %s", res)
	}
}

func anotherShape(t *testing.T, s *system) {
	c := s.in(t).With("Idempotency-Key", s.key())
	shapes := []string{
		`{"service":"pothole","lat":62.3908,"lon":17.3069,"description":"å","attributes":{"size":"large","depth-cm":5}}`,
		`{"attributes":{"depth-cm":5,"size":"large"}, "description":"\u00e5", "lon":17.3069,"lat":62.3908,"service":"pothole"}`,
		"\n{ \"lat\": 62.39080, \"service\": \"pothole\", \"lon\": 1.73069e1, \"description\": \"å\", \"attributes\": {\"size\": \"large\", \"depth-cm\": 5}}\n",
	}
	photo := phonePhoto(t, 5)
	i := 0
	again(t, "a form", func() apitest.Response { // with a new boundary each time
		part := apitest.Part{Name: "report", Data: []byte(shapes[i])}
		i++
		return c.Form("/v1/reports", part, photoPart(photo)).Want(http.StatusCreated)
	})
	if n := s.count(t, "SELECT count(*) FROM photos WHERE report IS NULL"); n != 0 {
		t.Errorf("%d photos are left over from repeats", n)
	}
}

func anotherContent(t *testing.T, s *system) {
	c := s.in(t).With("Idempotency-Key", s.key())
	good, photo := pothole(inSundsvall, nil), photoPart(phonePhoto(t, 6))
	c.Form("/v1/reports", reportPart(t, good), photo).Want(http.StatusCreated)
	before := s.count(t, "SELECT count(*) FROM reports")
	others := map[string]func() apitest.Response{
		"another text": func() apitest.Response {
			return c.Form("/v1/reports", reportPart(t, pothole(inSundsvall, fields{"description": "x"})), photo)
		},
		"another photo": func() apitest.Response {
			return c.Form("/v1/reports", reportPart(t, good), photoPart(phonePhoto(t, 7)))
		},
		"a photo more": func() apitest.Response { return c.Form("/v1/reports", reportPart(t, good), photo, photo) },
		"no photo":     func() apitest.Response { return c.Send(http.MethodPost, "/v1/reports", good) },
		"a metre away": func() apitest.Response {
			return c.Form("/v1/reports", reportPart(t, pothole(place{62.39081, 17.3069}, nil)), photo)
		},
	}
	for name, send := range others {
		if p := problemAt(t, send(), http.StatusUnprocessableEntity, "Idempotency-Key"); !p.Has("Idempotency-Key", "reused") {
			t.Errorf("%s: %v", name, p.Errors)
		}
	}
	if n := s.count(t, "SELECT count(*) FROM reports"); n != before {
		t.Errorf("%d reports were stored", n-before)
	}
}

func allAtOnce(t *testing.T, s *system) {
	const senders = 20
	c, before := s.in(t).With("Idempotency-Key", s.key()), s.count(t, "SELECT count(*) FROM reports")
	var got [senders]api.FiledReport
	var replays [senders]bool
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			res := c.Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil))
			if res.Status != http.StatusCreated {
				t.Errorf("got %d: %s", res.Status, res)
				return
			}
			res.JSON(&got[i])
			replays[i] = res.Header.Get("Idempotency-Replayed") == "true"
		})
	}
	wg.Wait()
	firsts := 0
	for i, r := range got {
		if r.Id != got[0].Id || r.FollowToken != got[0].FollowToken {
			t.Errorf("sender %d got report %s, sender 0 %s", i, r.Id, got[0].Id)
		}
		if !replays[i] {
			firsts++
		}
	}
	if n := s.count(t, "SELECT count(*) FROM reports"); n != before+1 || firsts != 1 {
		t.Errorf("%d reports were stored, %d answers say that they are the first", n-before, firsts)
	}
}

func eachTheirOwn(t *testing.T, s *system) {
	key, seen := s.key(), map[string]bool{}
	for _, c := range []*apitest.Client{s.Client, s.resident(t), s.resident(t), s.apiKey(t, sundsvall, "open311"), s.apiKey(t, sundsvall, "open311")} {
		seen[file(t, c.With("Idempotency-Key", key), pothole(inSundsvall, nil)).Id] = true
	}
	if len(seen) != 5 {
		t.Errorf("five callers made %d reports", len(seen))
	}
	// The same key on another route names another act.
	res := s.in(t).With("Idempotency-Key", key).Form("/v1/photos", photoPart(phonePhoto(t, 8))).Want(http.StatusCreated)
	if res.Header.Get("Idempotency-Replayed") != "" {
		t.Error("a photo is answered with a report")
	}
}

func refusalBurnsNothing(t *testing.T, s *system) {
	c := s.in(t).With("Idempotency-Key", s.key())
	c.Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, fields{"service": "no-such-thing"})).Want(http.StatusUnprocessableEntity)
	c.Send(http.MethodPost, "/v1/reports", pothole(atSea, nil)).Want(http.StatusUnprocessableEntity)
	c.Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), photoPart([]byte("a text"))).Want(http.StatusUnprocessableEntity)
	res := c.Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil)).Want(http.StatusCreated)
	if res.Header.Get("Idempotency-Replayed") != "" {
		t.Error("the report is marked as a repeat")
	}
}

// The first call of a key is the first, even where it counts nobody.
func supportOnce(t *testing.T, s *system) {
	kim := s.resident(t)
	r := file(t, kim, pothole(inSundsvall, nil))
	path, voice := "/v1/reports/"+r.Id+"/support", fields{"voice": "a-voice-of-one-phone"}
	s.in(t).Send(http.MethodPost, path, voice).Want(http.StatusOK)
	for who, tt := range map[string]struct {
		client  *apitest.Client
		body    any
		counted bool
	}{
		"who filed it, by the follow token": {s.reporter(t, r), nil, false},
		"who filed it, signed in":           {kim, nil, false},
		"somebody":                          {s.Client, nil, true},
		"somebody signed in":                {s.resident(t), nil, true},
		"a phone that was counted before":   {s.Client, voice, false},
	} {
		c := tt.client.WithTest(t).With("Idempotency-Key", s.key())
		var got api.Support
		first := c.Send(http.MethodPost, path, tt.body).Want(http.StatusOK)
		if first.JSON(&got); got.Counted != tt.counted || first.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: counted %v, replayed %q", who, got.Counted, first.Header.Get("Idempotency-Replayed"))
		}
		count := got.SupportCount
		again := c.Send(http.MethodPost, path, tt.body).Want(http.StatusOK)
		if again.JSON(&got); got.Counted || got.SupportCount != count || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s, again: %+v, replayed %q", who, got, again.Header.Get("Idempotency-Replayed"))
		}
		problemAt(t, c.Send(http.MethodPost, path, fields{"voice": "a-voice-of-another-phone"}), http.StatusUnprocessableEntity, "Idempotency-Key")
	}
}

func everyCreatingCall(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	reporter := s.reporter(t, r)
	push := s.pushes.Subscribe(t, s.server.PushKey)
	address := fields{"endpoint": push.Endpoint, "keys": fields{"p256dh": push.P256dh, "auth": push.Auth}}
	photo := phonePhoto(t, 9)
	calls := map[string]struct {
		first, other func(c *apitest.Client) apitest.Response
	}{
		"a photo": {
			func(c *apitest.Client) apitest.Response { return c.Form("/v1/photos", photoPart(photo)) },
			func(c *apitest.Client) apitest.Response { return c.Form("/v1/photos", photoPart(phonePhoto(t, 10))) },
		},
		"a photo of a report": {
			func(c *apitest.Client) apitest.Response {
				return c.Form("/v1/reports/"+r.Id+"/photos", photoPart(photo))
			},
			func(c *apitest.Client) apitest.Response {
				return c.Form("/v1/reports/"+r.Id+"/photos", photoPart(phonePhoto(t, 10)))
			},
		},
		"an update": {
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "one"})
			},
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "two"})
			},
		},
		"a push subscription": {
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "push": address})
			},
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "email": "kim@example.org"})
			},
		},
		"an e-mail subscription": {
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "email": "once@example.org"})
			},
			func(c *apitest.Client) apitest.Response {
				return c.Send(http.MethodPost, "/v1/subscriptions", fields{"report": r.Id, "email": "twice@example.org"})
			},
		},
	}
	for what, call := range calls {
		c := reporter.WithTest(t).With("Idempotency-Key", s.key())
		again(t, what, func() apitest.Response { return call.first(c).Want(http.StatusCreated) })
		problemAt(t, call.other(c), http.StatusUnprocessableEntity, "Idempotency-Key")
	}
	if us := history(t, s.Client, r.Id); len(us) != 3 {
		t.Errorf("the history has %d entries, want the filing, one photo and one text", len(us))
	}
	if n := s.count(t, "SELECT count(*) FROM subscriptions"); n != 2 {
		t.Errorf("%d subscriptions", n)
	}
}
