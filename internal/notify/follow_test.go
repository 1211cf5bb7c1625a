package notify_test

import (
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// code returns the code in the one mail that has arrived.
func (w *town) code(t *testing.T) string {
	t.Helper()
	m := w.mails.only(t)
	code := sixDigits.FindString(m.text)
	if code == "" || strings.Contains(m.subject, code) {
		t.Fatalf("subject %q, text %q", m.subject, m.text)
	}
	return code
}

// another returns a code that is not the given one.
func another(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestFollowByMail(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		r := w.file(t, nil).Report
		f := notify.Follow{Report: r.Reference, Email: "Robin@Example.org", Language: "sv"}
		pending, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
		must(t, err)
		if want := w.now().Add(30 * time.Minute); pending.Active || !pending.ExpiresAt.Equal(want) {
			t.Errorf("%+v, want pending until %v", pending, want)
		}
		w.becomes(t, r, report.InProgress)
		w.work(t)
		code := w.code(t) // and no notice: nobody has agreed yet
		if _, err := w.followers.Confirm(t.Context(), pending.ID, another(code)); !problem.Is(err, problem.Invalid) {
			t.Errorf("another code: %v", err)
		}
		confirmed, err := w.followers.Confirm(t.Context(), pending.ID, code)
		if err != nil || !confirmed.Active || confirmed.ID != pending.ID {
			t.Fatalf("%+v, %v", confirmed, err)
		}
		if _, err := w.followers.Confirm(t.Context(), pending.ID, code); !problem.Is(err, problem.Invalid) {
			t.Errorf("the code a second time: %v", err)
		}
		w.becomes(t, r, report.Fixed)
		w.work(t)
		m := w.mails.only(t)
		personal(t, m.subject+m.text)
		if m.to != "robin@example.org" || m.subject != "["+r.Reference+"] Ny status: åtgärdad" {
			t.Errorf("to %s: %s", m.to, m.subject)
		}
		for _, want := range []string{"Potthål och skador i vägen, Sundsvall\n", "https://kantsten.example/reports/" + r.Reference + "\n", "/unfollow/" + pending.Secret + "\n"} {
			if !strings.Contains(m.text, want) {
				t.Errorf("%q is missing in\n%s", want, m.text)
			}
		}
		if !strings.HasPrefix(m.header.Get("Message-Id"), "<"+r.ID+".") || m.header.Get("List-Unsubscribe") != "<https://kantsten.example/unfollow/"+pending.Secret+">" {
			t.Errorf("header %v", m.header)
		}
		for range 2 {
			must(t, w.followers.Unfollow(t.Context(), pending.Secret))
		}
		w.becomes(t, r, report.Acknowledged)
		w.work(t)
		if n := len(w.mails.take()) + w.count(t, `SELECT count(*) FROM subscriptions`); n != 0 {
			t.Errorf("%d mails and rows after the end", n)
		}
	})
}

func TestNoSecretIsStored(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		f := notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Email: "robin@example.org"}
		pending, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
		must(t, err)
		if js := w.count(t, `SELECT count(*) FROM jobs WHERE payload LIKE '%robin%' OR payload LIKE '%secret%' OR payload LIKE '%code%'`); js != 0 {
			t.Errorf("%d jobs hold more than an id", js)
		}
		w.work(t)
		code := w.code(t)
		row, ok, err := w.followers.Store.Follower(t.Context(), pending.ID)
		if err != nil || !ok || row.CodeHash == "" || strings.Contains(row.CodeHash, code) || row.SecretHash == pending.Secret {
			t.Errorf("%+v, %v, %v", row, ok, err)
		}
		if n := w.count(t, `SELECT count(*) FROM subscription_asks WHERE address LIKE '%robin%'`); n != 0 {
			t.Error("the count of questions holds the address")
		}
	})
}

func TestFiftyGuessersGetFiveTries(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		f := notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Email: "robin@example.org"}
		pending, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
		must(t, err)
		w.work(t)
		code := w.code(t)
		processes := []*notify.Followers{w.followers, w.newFollowers(w.open(t))}
		var guesses sync.WaitGroup
		for i := range 50 {
			guesses.Go(func() {
				if _, err := processes[i%2].Confirm(t.Context(), pending.ID, another(code)); !problem.Is(err, problem.Invalid) {
					t.Errorf("guess: %v", err)
				}
			})
		}
		guesses.Wait()
		if n := w.count(t, `SELECT tries FROM subscriptions`); n != 5 {
			t.Errorf("%d tries, want 5", n)
		}
		if _, err := w.followers.Confirm(t.Context(), pending.ID, code); !problem.Is(err, problem.Invalid) {
			t.Errorf("the right code after five tries: %v", err)
		}
		if _, err := w.followers.Issue(t.Context(), pending.ID); err == nil {
			t.Error("a new code gives new tries")
		}
	})
}

func TestACodeEndsInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		f := notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Email: "robin@example.org"}
		pending, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
		must(t, err)
		w.work(t)
		code := w.code(t)
		w.pass(30 * time.Minute)
		if _, err := w.followers.Confirm(t.Context(), pending.ID, code); !problem.Is(err, problem.Invalid) {
			t.Errorf("after 30 minutes: %v", err)
		}
		w.pass(30 * time.Minute)
		must(t, w.followers.Sweep(t.Context()))
		for _, table := range []string{"subscriptions", "subscription_tiles", "subscription_asks"} {
			if n := w.count(t, `SELECT count(*) FROM `+table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

func TestAnAddressIsAskedFiveTimesAnHour(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		processes := []*notify.Followers{w.followers, w.newFollowers(w.open(t))}
		follow := func(i int, email string) (notify.Followed, error) {
			f := notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Email: email}
			return processes[i%2].Follow(t.Context(), auth.Actor{}, f)
		}
		var asked sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		for i := range 20 {
			asked.Go(func() {
				_, err := follow(i, []string{"robin@example.org", "Robin@EXAMPLE.org"}[i/2%2])
				mu.Lock()
				defer mu.Unlock()
				if p := problem.As(err); p != nil && p.Kind == problem.TooMany && p.RetryAfter == time.Hour {
					refused++
				} else if err != nil {
					t.Errorf("follow: %v", err)
				}
			})
		}
		asked.Wait()
		if n := w.count(t, `SELECT count(*) FROM subscriptions`); n != 5 || refused != 15 {
			t.Errorf("%d asked and %d refused, want 5 and 15", n, refused)
		}
		if _, err := follow(0, "kim@example.org"); err != nil {
			t.Errorf("another address: %v", err)
		}
		w.pass(time.Hour)
		pending, err := follow(0, "robin@example.org")
		if err != nil {
			t.Fatalf("an hour later: %v", err)
		}
		w.work(t)
		_, err = w.followers.Confirm(t.Context(), pending.ID, w.code(t))
		must(t, err)
		for i := range 5 { // who owns the address may be asked anew
			_, err := follow(i, "robin@example.org")
			must(t, err)
		}
	})
}

func TestTheSameKeyIsTheSameSubscription(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		push, _ := w.browser(t)
		f := notify.Follow{
			Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Push: &push,
			Key: report.Key{Scope: "subscriptions", Key: "k", Fingerprint: "a"},
		}
		var all [10]notify.Followed
		var asked sync.WaitGroup
		for i := range all {
			asked.Go(func() {
				var err error
				if all[i], err = w.followers.Follow(t.Context(), auth.Actor{}, f); err != nil {
					t.Errorf("follow: %v", err)
				}
			})
		}
		asked.Wait()
		first := 0
		for _, got := range all {
			if got.ID != all[0].ID || got.Secret != all[0].Secret || !got.Active {
				t.Errorf("%+v and %+v", got, all[0])
			}
			if !got.Replayed {
				first++
			}
		}
		if n := w.count(t, `SELECT count(*) FROM subscriptions`); n != 1 || first != 1 {
			t.Errorf("%d rows and %d first, want one", n, first)
		}
		other := f
		other.Key.Fingerprint = "b"
		if _, err := w.followers.Follow(t.Context(), auth.Actor{}, other); !hasFault(err, "Idempotency-Key", "reused") {
			t.Errorf("the key for another request: %v", err)
		}
		must(t, w.followers.Unfollow(t.Context(), all[0].Secret))
		if _, err := w.followers.Follow(t.Context(), auth.Actor{}, f); !problem.Is(err, problem.Gone) {
			t.Errorf("the key of what has ended: %v", err)
		}
	})
}

func hasFault(err error, field, code string) bool {
	p := problem.As(err)
	if p == nil || p.Kind != problem.Invalid {
		return false
	}
	for _, f := range p.Fields {
		if f.Field == field && f.Code == code {
			return true
		}
	}
	return false
}

func TestFollowRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		good, _ := w.browser(t)
		area := notify.Area{Lat: 62, Lon: 17, RadiusM: 100}
		at := func(endpoint string) *notify.PushAddress {
			return &notify.PushAddress{Endpoint: endpoint, P256dh: good.P256dh, Auth: good.Auth}
		}
		outside := w.newFollowers(w.db)
		outside.Egress = egress.New(egress.Config{})
		for _, tt := range []struct {
			name, field, code string
			f                 notify.Follow
		}{
			{"nothing to follow", "/report", "required", notify.Follow{Push: &good}},
			{"a report and an area", "/area", "not-allowed", notify.Follow{Report: "x", Area: &area, Push: &good}},
			{"services of a report", "/services", "not-allowed", notify.Follow{Report: "x", Services: []string{"pothole"}, Push: &good}},
			{"nobody to tell", "/push", "required", notify.Follow{Area: &area}},
			{"push and e-mail", "/email", "not-allowed", notify.Follow{Area: &area, Push: &good, Email: "a@b.se"}},
			{"a service that cannot be", "/services/1", "unknown", notify.Follow{Area: &area, Services: []string{"pothole", "a,b"}, Push: &good}},
			{"a service that nobody has", "/services/0", "unknown", notify.Follow{Area: &area, Services: []string{"unicorn"}, Push: &good}},
			{"the Gulf of Guinea", "/area/lat", "outside", notify.Follow{Area: &notify.Area{RadiusM: 20_000}, Push: &good}},
			{"the sea beside a town", "/area/lat", "outside", notify.Follow{Area: &notify.Area{Lat: 61.99, Lon: 17.5, RadiusM: 500}, Push: &good}},
			{"too many services", "/services", "too-many", notify.Follow{Area: &area, Services: make([]string, 51), Push: &good}},
			{"a language that is none", "/language", "format", notify.Follow{Area: &area, Push: &good, Language: "sv\r\n"}},
			{"a small circle", "/area/radius_m", "out-of-range", notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 49.9}, Push: &good}},
			{"a large circle", "/area/radius_m", "out-of-range", notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 20_001}, Push: &good}},
			{"a radius that is no number", "/area/radius_m", "out-of-range", notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: math.NaN()}, Push: &good}},
			{"a latitude that is no number", "/area/lat", "out-of-range", notify.Follow{Area: &notify.Area{Lat: math.NaN(), Lon: 17, RadiusM: 100}, Push: &good}},
			{"the pole", "/area/lat", "out-of-range", notify.Follow{Area: &notify.Area{Lat: 90, Lon: 17, RadiusM: 100}, Push: &good}},
			{"beyond the world", "/area/lon", "out-of-range", notify.Follow{Area: &notify.Area{Lat: 62, Lon: math.Inf(1), RadiusM: 100}, Push: &good}},
			{"an address that is none", "/email", "format", notify.Follow{Area: &area, Email: "a@b@c"}},
			{"an address that no mail reaches", "/email", "format", notify.Follow{Area: &area, Email: "a@xn--0.se"}},
			{"an address with a header", "/email", "format", notify.Follow{Area: &area, Email: "a@b.se\r\nBcc: x@y.se"}},
			{"this very machine", "/push/endpoint", "refused", notify.Follow{Area: &area, Push: at("https://127.0.0.1:8443/x")}},
			{"the cloud's own address", "/push/endpoint", "refused", notify.Follow{Area: &area, Push: at("https://169.254.169.254/latest")}},
			{"a private network", "/push/endpoint", "refused", notify.Follow{Area: &area, Push: at("https://[::ffff:10.0.0.1]/x")}},
			{"no TLS", "/push/endpoint", "scheme", notify.Follow{Area: &area, Push: at("http://93.184.215.14/x")}},
			{"a file", "/push/endpoint", "scheme", notify.Follow{Area: &area, Push: at("file:///etc/passwd")}},
			{"no endpoint", "/push/endpoint", "required", notify.Follow{Area: &area, Push: at("")}},
			{"a key that is no point", "/push/keys/p256dh", "format", notify.Follow{Area: &area, Push: &notify.PushAddress{Endpoint: "https://93.184.215.14/x", P256dh: strings.Repeat("A", 87), Auth: good.Auth}}},
			{"a short secret", "/push/keys/auth", "format", notify.Follow{Area: &area, Push: &notify.PushAddress{Endpoint: "https://93.184.215.14/x", P256dh: good.P256dh, Auth: "AAAA"}}},
			{"no keys", "/push/keys/auth", "required", notify.Follow{Area: &area, Push: &notify.PushAddress{Endpoint: "https://93.184.215.14/x"}}},
		} {
			if _, err := outside.Follow(t.Context(), auth.Actor{}, tt.f); !hasFault(err, tt.field, tt.code) {
				t.Errorf("%s: %v, want %s at %s", tt.name, err, tt.code, tt.field)
			}
		}
		for _, name := range []string{"2281-2026-999999", uuid.NewString(), "' OR 1=1 --", "a\x00b", "\xff"} {
			if _, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Report: name, Push: &good}); !problem.Is(err, problem.NotFound) && !problem.Is(err, problem.BadRequest) {
				t.Errorf("report %q: %v", name, err)
			}
		}
		for _, code := range []string{"", "12345", "1234567", "12345a", "１２３４５６", "000000"} {
			for _, id := range []string{"", "x", uuid.NewString()} {
				if _, err := w.followers.Confirm(t.Context(), id, code); !hasFault(err, "/code", "wrong-code") {
					t.Errorf("confirm %q with %q: %v", id, code, err)
				}
			}
		}
		for _, secret := range []string{"", "x", strings.Repeat("A", 64), strings.Repeat("A", 1<<20)} {
			must(t, w.followers.Unfollow(t.Context(), secret))
		}
		if n := w.count(t, `SELECT count(*) FROM subscriptions`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

func TestTheDemoShowsCodesAndMailsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		var shown []notify.ShownCode
		w.notifier.Show = func(c notify.ShownCode) { shown = append(shown, c) }
		f := notify.Follow{Area: &notify.Area{Lat: 62, Lon: 17, RadiusM: 100}, Email: "robin@demo.invalid"}
		pending, err := w.followers.Follow(t.Context(), auth.Actor{}, f)
		must(t, err)
		w.work(t)
		if len(shown) != 1 || shown[0].Kind != notify.JobFollowMail || shown[0].Email != f.Email || len(w.mails.take()) != 0 {
			t.Fatalf("shown %+v", shown)
		}
		_, err = w.followers.Confirm(t.Context(), pending.ID, shown[0].Secret)
		must(t, err)
	})
}
