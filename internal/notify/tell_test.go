package notify_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/pgtest"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/tenant"
)

// personal fails where a message repeats what people wrote or who they are.
func personal(t *testing.T, message string) {
	t.Helper()
	for _, secret := range []string{wrote, address, crewSay, "Kim", "kim@example.org", "070", "62.39", "17.30"} {
		if strings.Contains(message, secret) {
			t.Errorf("%q stands in a notice:\n%s", secret, message)
		}
	}
}

func TestStatusReachesAFollowerOnceThoughToldTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		r := w.file(t, nil).Report
		_, browser := w.follow(t, notify.Follow{Report: r.Reference, Language: "sv"})
		w.work(t)
		if n := len(w.heard()); n != 0 {
			t.Fatalf("%d messages before anything happened", n)
		}
		w.becomes(t, r, report.InProgress)
		tells := w.claim(t)
		if len(tells) != 1 || tells[0].Kind != report.JobTell {
			t.Fatalf("the change left %+v, want one tell job", tells)
		}
		tell := w.notifier.Handlers()[report.JobTell]
		must(t, tell.Run(t.Context(), tells[0]))
		w.work(t) // sends, and finishes the push job
		must(t, tell.Run(t.Context(), tells[0]))
		w.work(t)
		all := w.heard()
		if len(all) != 1 {
			t.Fatalf("%d messages, want 1; refusals %q", len(all), w.pushes.Refusals())
		}
		m := all[0]
		personal(t, string(m.Payload))
		var got map[string]string
		must(t, json.Unmarshal(m.Payload, &got))
		want := map[string]string{
			"title": "Potthål och skador i vägen · Sundsvall", "body": "Ny status: pågår · " + r.Reference,
			"url": "https://kantsten.example/reports/" + r.Reference, "report": r.ID, "status": "in-progress", "tag": "report-" + r.ID,
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: %q, want %q", k, got[k], v)
			}
		}
		if len(got) != len(want) || m.Endpoint != browser.Endpoint || len(m.Topic) != 32 {
			t.Errorf("got %v by topic %q at %s", got, m.Topic, m.Endpoint)
		}
	})
}

func TestWhatAFollowerHears(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		for _, code := range []string{"2281", "2262"} {
			w.channel(t, code, tenant.Web)
		}
		r := w.file(t, nil).Report
		w.follow(t, notify.Follow{Report: r.ID, Language: "en-GB"})
		w.work(t)
		change := func(ch report.StatusChange) func() error {
			return func() error {
				now, err := w.reports.Read(t.Context(), auth.Itself(), r.ID)
				ch.Version, ch.Text = now.Version, crewSay
				if err == nil {
					_, err = w.reports.ChangeStatus(t.Context(), auth.Itself(), r.ID, ch)
				}
				return err
			}
		}
		comment := func(c report.Comment) func() error {
			return func() error {
				c.Text = crewSay
				_, err := w.reports.AddComment(t.Context(), auth.Itself(), r.ID, c)
				return err
			}
		}
		for _, tt := range []struct {
			name string
			do   func() error
			want string // empty for nothing
		}{
			{"planned with its date", change(report.StatusChange{To: report.Planned, PlannedFor: "2026-05-01"}), "New status: planned for 2026-05-01 · "},
			{"a comment, without its words", comment(report.Comment{}), "New comment · planned · "},
			{"nothing of staff's own notes", comment(report.Comment{Internal: true}), ""},
			{"why it was closed, without the words", change(report.StatusChange{To: report.Closed, Reason: report.NoAction}), "New status: closed (no action) · "},
			{"to whom it was handed", func() error {
				now, err := w.reports.Read(t.Context(), auth.Itself(), r.ID)
				if err == nil {
					_, err = w.reports.HandOver(t.Context(), auth.Itself(), r.ID, "2262", crewSay, now.Version)
				}
				return err
			}, "Handed over to Timrå · closed · "},
		} {
			if err := tt.do(); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			w.work(t)
			var bodies []string
			for _, m := range w.heard() {
				personal(t, string(m.Payload))
				var got struct{ Body string }
				must(t, json.Unmarshal(m.Payload, &got))
				bodies = append(bodies, got.Body)
			}
			if got := strings.Join(bodies, "|"); tt.want == "" && got != "" || tt.want != "" && got != tt.want+r.Reference {
				t.Errorf("%s: heard %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

func TestAreaFollowersHearOfNewPublicReportsOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		here := notify.Area{Lat: 62.3908, Lon: 17.3069, RadiusM: 500}
		w.follow(t, notify.Follow{Area: &here})
		w.follow(t, notify.Follow{Area: &here, Services: []string{"graffiti", "pothole"}})
		w.follow(t, notify.Follow{Area: &here, Services: []string{"graffiti"}})
		w.follow(t, notify.Follow{Area: &notify.Area{Lat: 62.3908, Lon: 17.3209, RadiusM: 500}}) // 720 m east, the same tile
		r := w.file(t, nil).Report
		w.work(t)
		got := w.heard()
		if len(got) != 2 {
			t.Fatalf("%d area followers heard, want 2", len(got))
		}
		for _, m := range got {
			personal(t, string(m.Payload))
			if !strings.Contains(string(m.Payload), "Ny anmälan · mottagen · "+r.Reference) {
				t.Errorf("heard %s", m.Payload)
			}
		}
		w.becomes(t, r, report.Fixed)
		w.work(t)
		if n := len(w.heard()); n != 0 {
			t.Errorf("%d area followers heard of a status", n)
		}
	})
}

func TestPrivateReportsAreToldToTheirOwnFollowersOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		here := notify.Area{Lat: 62.3908, Lon: 17.3069, RadiusM: 500}
		w.follow(t, notify.Follow{Area: &here})
		filed := w.file(t, func(s *report.Submission) { s.Private = true })
		push, browser := w.browser(t)
		f := notify.Follow{Report: filed.Report.ID, Push: &push}
		if _, err := w.followers.Follow(t.Context(), auth.Actor{}, f); !problem.Is(err, problem.NotFound) {
			t.Fatalf("a stranger follows a private report: %v", err)
		}
		_, err := w.followers.Follow(t.Context(), auth.Actor{FollowToken: filed.FollowToken}, f)
		must(t, err)
		w.becomes(t, filed.Report, report.Fixed)
		w.work(t)
		got := w.heard()
		if len(got) != 1 || got[0].Endpoint != browser.Endpoint {
			t.Errorf("heard %+v, want the reporter alone", got)
		}
	})
}

func TestWhoFollowsTwiceHearsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		push, _ := w.browser(t)
		for _, radius := range []float64{500, 600} {
			_, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Area: &notify.Area{Lat: 62.39, Lon: 17.307, RadiusM: radius}, Push: &push})
			must(t, err)
		}
		r := w.file(t, nil).Report
		w.work(t)
		if n := len(w.heard()); n != 1 {
			t.Errorf("heard of the report %d times, want once", n)
		}
		for range 2 {
			_, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Report: r.ID, Push: &push})
			must(t, err)
		}
		w.becomes(t, r, report.Fixed)
		w.work(t)
		if n := len(w.heard()); n != 1 {
			t.Errorf("heard of its status %d times, want once", n)
		}
	})
}

func TestADeadSubscriptionIsRemoved(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		r := w.file(t, nil).Report
		dead, browser := w.follow(t, notify.Follow{Report: r.ID})
		alive, _ := w.follow(t, notify.Follow{Report: r.ID})
		w.pushes.Unsubscribe(browser)
		w.becomes(t, r, report.Fixed)
		w.work(t)
		for id, want := range map[string]bool{dead.ID: false, alive.ID: true} {
			if _, ok, err := w.followers.Store.Follower(t.Context(), id); ok != want || err != nil {
				t.Errorf("subscription is there: %v, %v, want %v", ok, err, want)
			}
		}
		if n := len(w.heard()); n != 1 {
			t.Errorf("heard %d times, want once", n)
		}
	})
}

func TestABusyPushServiceIsLeftAloneAsLongAsItAsks(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		r := w.file(t, nil).Report
		w.follow(t, notify.Follow{Report: r.ID})
		w.work(t)
		w.becomes(t, r, report.Fixed)
		must(t, w.notifier.Handlers()[report.JobTell].Run(t.Context(), w.claim(t)[0]))
		w.pushes.Answer(429, "90")
		err := w.notifier.Handlers()[notify.ChannelPush].Run(t.Context(), w.claim(t)[0])
		if job.AskedDelay(err) != 90*time.Second || job.IsPermanent(err) {
			t.Errorf("push = %v, want to wait for 90 s", err)
		}
	})
}

func TestPayloadsThatCannotBeReadAreGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	for kind, h := range (&notify.Notifier{}).Handlers() {
		for _, payload := range []string{"", "[]", `{"id":1,"report_id":1,"update_id":1,"subscription":1,"photos":1}`, "\x00"} {
			if err := h.Run(t.Context(), job.Job{Kind: kind, Payload: []byte(payload)}); !job.IsPermanent(err) {
				t.Errorf("%s job with %q: %v, want it given up", kind, payload, err)
			}
		}
	}
}

// The SQL that finds area followers, against the distance on the sphere.
func TestAreasAreCircles(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		db := store.Followers{DB: w.db}
		r := w.file(t, nil).Report
		w.work(t)
		random := rand.New(rand.NewPCG(1, 2))
		heard := map[string]bool{}
		for range 150 {
			a := notify.Area{Lat: r.Lat + (random.Float64()-0.5)*0.4, Lon: r.Lon + (random.Float64()-0.5)*0.8, RadiusM: 50 + random.Float64()*19_950}
			d := distance(a.Lat, a.Lon, r.Lat, r.Lon)
			if math.Abs(d-a.RadiusM) < 0.005*a.RadiusM {
				continue // within what the plane is off by
			}
			f := notify.Follower{
				ID: uuid.Must(uuid.NewV7()).String(), Area: &a, Active: true, CreatedAt: w.now(),
				Push: notify.Subscription{Endpoint: uuid.NewString()},
			}
			f.SecretHash = f.ID
			_, err := db.Follow(t.Context(), f, report.Key{}, nil, nil)
			must(t, err)
			heard[f.ID] = d < a.RadiusM
		}
		j, err := job.New(report.JobTell, "", report.TellJob{}, w.now())
		must(t, err)
		f := notify.Follower{ID: uuid.NewString(), SecretHash: "x", Email: "a@b.se", Area: &notify.Area{Lat: -80, RadiusM: 50}, CreatedAt: w.now()}
		_, err = db.Follow(t.Context(), f, report.Key{}, nil, []job.Job{j})
		must(t, err)
		must(t, db.Tell(t.Context(), notify.Telling{JobID: j.ID, UpdateID: j.ID, Report: r, Areas: true, Now: w.now()}))
		told := map[string]bool{}
		for _, j := range w.claim(t) {
			var p struct{ Subscription, Update string }
			must(t, json.Unmarshal(j.Payload, &p))
			if err := uuid.Validate(j.ID); err != nil || told[p.Subscription] || j.Kind != notify.ChannelPush {
				t.Errorf("job %+v: %v", j, err)
			}
			told[p.Subscription] = true
		}
		yes := 0
		for id, want := range heard {
			if told[id] != want {
				t.Errorf("subscription %s told: %v, want %v", id, told[id], want)
			}
			if want {
				yes++
			}
		}
		if yes < 20 || len(heard)-yes < 20 {
			t.Errorf("%d of %d hear: this says too little", yes, len(heard))
		}
	})
}

// distance is on the mean sphere, in metres, by the haversine formula.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	h := func(x float64) float64 { s := math.Sin(x / 2); return s * s }
	return 2 * 6_371_008.8 * math.Asin(math.Sqrt(h((lat2-lat1)*rad)+math.Cos(lat1*rad)*math.Cos(lat2*rad)*h((lon2-lon1)*rad)))
}

func TestRunnerTellsWithoutBeingAsked(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		r := w.file(t, nil).Report
		w.follow(t, notify.Follow{Report: r.ID})
		runner := &job.Runner{Store: w.jobs, Handlers: w.notifier.Handlers(), Now: w.now}
		w.notifier.Committed, w.reports.Committed = runner.Wake, runner.Wake
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- runner.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			must(t, <-ended)
		})
		w.becomes(t, r, report.Fixed)
		m := <-w.pushes.Messages()
		if !strings.Contains(string(m.Payload), "åtgärdad") {
			t.Errorf("heard %s", m.Payload)
		}
	})
}

func TestNobodyIsToldOfNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		gone := []byte(`{"subscription":"0199a0b0-1111-7000-8000-000000000001","update":"x","update_id":"x","id":"x"}`)
		for _, kind := range []string{notify.ChannelPush, notify.ChannelMail, report.JobTell, notify.JobFollowMail} {
			if err := w.notifier.Handlers()[kind].Run(t.Context(), job.Job{Kind: kind, Payload: gone}); err != nil {
				t.Errorf("%s job about what is gone: %v", kind, err)
			}
		}
	})
}

// One report with ten thousand followers.
func BenchmarkTell(b *testing.B) {
	for _, kind := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "kantsten.db") }}, {"postgres", pgtest.URL}} {
		b.Run(kind.name, func(b *testing.B) {
			w := newTown(b, kind.url(b))
			db := store.Followers{DB: w.db}
			r := w.file(b, nil).Report
			w.work(b)
			for i := range 10_000 {
				f := notify.Follower{
					ID: uuid.Must(uuid.NewV7()).String(), Report: r.ID, Active: true, CreatedAt: w.now(),
					Push: notify.Subscription{Endpoint: uuid.NewString()}, SecretHash: strconv.Itoa(i),
				}
				_, err := db.Follow(b.Context(), f, report.Key{}, nil, nil)
				must(b, err)
			}
			for b.Loop() {
				b.StopTimer()
				tell, err := job.New(report.JobTell, "", report.TellJob{}, w.now())
				must(b, err)
				area := notify.Follower{ID: uuid.NewString(), SecretHash: tell.ID, Area: &notify.Area{RadiusM: 50}, CreatedAt: w.now()}
				_, err = db.Follow(b.Context(), area, report.Key{}, nil, []job.Job{tell})
				must(b, err)
				b.StartTimer()
				must(b, db.Tell(b.Context(), notify.Telling{JobID: tell.ID, UpdateID: tell.ID, Report: r, Now: w.now()}))
			}
		})
	}
}
