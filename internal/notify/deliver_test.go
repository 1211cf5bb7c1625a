package notify_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// picture is a photo as a phone sends it.
func picture(t *testing.T) io.ReadSeeker {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for x := range 64 {
		m.Set(x, x%48, color.NRGBA{R: uint8(4 * x), G: 90, B: 20, A: 255})
	}
	var file bytes.Buffer
	must(t, png.Encode(&file, m))
	return bytes.NewReader(file.Bytes())
}

// delivery returns how far a report has come.
func (w *town) delivery(t *testing.T, r report.Report) report.Delivery {
	t.Helper()
	now, err := w.reports.Read(t.Context(), auth.Itself(), r.ID)
	must(t, err)
	return now.Delivery
}

func TestDeliveryByMailHoldsAllThatACrewNeeds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		accuracy := 8.0
		r := w.file(t, func(s *report.Submission) {
			s.AccuracyM, s.NewPhotos = &accuracy, []io.ReadSeeker{picture(t)}
			s.Attributes["colour"], s.LenientAttributes = "grey", true
		}).Report
		w.work(t)
		m := w.mails.only(t)
		if m.to != "gatukontoret@2281.example" || m.subject != "["+r.Reference+"] Potthål och skador i vägen" {
			t.Errorf("to %s: %s", m.to, m.subject)
		}
		if id := m.header.Get("Message-Id"); !strings.HasPrefix(id, "<"+r.ID+".") || !strings.HasSuffix(id, "@kantsten.example>") {
			t.Errorf("message id %s", id)
		}
		want := "Ärende: " + r.Reference + `
Kategori: Potthål och skador i vägen
Anmält: 2026-01-31 13:00
Position: 62.390800, 17.306900 (± 8 m)
Karta: https://www.openstreetmap.org/?mlat=62.390800&mlon=17.306900#map=18/62.390800/17.306900
I kartappen: geo:62.390800,17.306900
Plats: Storgatan 1

Beskrivning:
Hålet utanför Kim Karlssons port

Hur stort är hålet?: Mindre än en tallrik
colour: grey

Foton:
https://kantsten.example/photos/` + r.Photos[0].ID + `

Anmälare:
Kim Karlsson
kim@example.org
070-1234567

Anmälan finns på https://kantsten.example/reports/` + r.Reference + "\n"
		if m.text != want {
			t.Errorf("got\n%s\nwant\n%s", m.text, want)
		}
		if d := w.delivery(t, r); d != report.Sent {
			t.Errorf("delivery is %s", d)
		}
	})
}

// Who gets reports by mail reads held words, and that nobody else does.
func TestDeliveryByMailSaysThatWordsAreHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		w.file(t, func(s *report.Submission) { s.Description = "Ring 070-174 06 05" })
		w.work(t)
		m := w.mails.only(t)
		if !strings.Contains(m.text, "Ring 070-174 06 05") || !strings.Contains(m.text, "personuppgifter i texten") {
			t.Errorf("the mail says %s", m.text)
		}
	})
}

func TestARepeatedDeliveryIsKnownByItsName(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		w.channel(t, "2262", tenant.Email)
		r := w.file(t, nil).Report
		var names []string
		send := func() {
			t.Helper()
			w.work(t)
			names = append(names, w.mails.only(t).header.Get("Message-Id"))
		}
		send()
		_, err := w.notifier.Store.SetDelivery(t.Context(), report.Report{ID: r.ID, Jurisdiction: "2281", Delivery: report.Sent}, report.Queued, 0)
		must(t, err) // as if the process had died before it could note the mail
		must(t, w.deliver(t, r))
		send()
		for _, to := range []string{"2262", "2281"} {
			now, err := w.reports.Read(t.Context(), auth.Itself(), r.ID)
			must(t, err)
			_, _, err = w.reports.HandOver(t.Context(), auth.Itself(), r.ID, report.Passing{To: to, Version: now.Version})
			must(t, err)
			send()
		}
		if names[0] != names[1] || names[1] == names[2] || names[2] == names[3] || names[0] == names[3] {
			t.Errorf("sent, again, handed over, returned: %q", names)
		}
	})
}

// deliver runs a delivery once more, as after a crash.
func (w *town) deliver(t *testing.T, r report.Report) error {
	t.Helper()
	j, err := job.New(report.JobDeliver, "", report.DeliverJob{ReportID: r.ID}, w.now())
	must(t, err)
	return w.notifier.Handlers()[report.JobDeliver].Run(t.Context(), j)
}

func TestWhereADeliveryEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		for _, tt := range []struct {
			name                 string
			filedOn, deliveredOn tenant.Channel
			want                 report.Delivery
			mails                int
		}{
			{"by mail", tenant.Email, tenant.Email, report.Sent, 1},
			{"into the own queue from the start", tenant.Web, tenant.Web, report.Delivered, 0},
			{"into the own queue since chosen", tenant.Email, tenant.Web, report.Delivered, 0},
			{"held since nobody takes it any more", tenant.Email, tenant.None, report.Held, 0},
		} {
			w.channel(t, "2281", tt.filedOn)
			r := w.file(t, nil).Report
			w.channel(t, "2281", tt.deliveredOn)
			w.work(t)
			if got := w.delivery(t, r); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			w.channel(t, "2281", tenant.Email) // releases what is held
			if tt.want != report.Held {
				must(t, w.deliver(t, r))
			}
			if n := len(w.mails.take()); n != tt.mails {
				t.Errorf("%s: %d mails, want %d", tt.name, n, tt.mails)
			}
			w.work(t)
			w.mails.take()
		}
	})
}

func TestAGivenUpDeliveryShowsAndCanBeTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		r := w.file(t, nil).Report
		var given job.Job
		for _, j := range w.claim(t) {
			must(t, w.jobs.Park(t.Context(), j.ID, "tried for three days"))
			if j.Kind == report.JobDeliver {
				given = j
			}
		}
		if d := w.delivery(t, r); d != report.Failed {
			t.Fatalf("delivery is %s, want failed", d)
		}
		_, err := w.jobs.Unpark(t.Context(), given.ID, w.now())
		must(t, err)
		w.work(t)
		if d, n := w.delivery(t, r), len(w.mails.take()); d != report.Sent || n != 1 {
			t.Errorf("delivery is %s after %d mails", d, n)
		}
		must(t, w.jobs.Park(t.Context(), given.ID, "late")) // done meanwhile
		if d := w.delivery(t, r); d != report.Sent {
			t.Errorf("delivery is %s after a late verdict", d)
		}
	})
}

func TestANewRecipientIsNotForgottenWhileTheOldOneIsMailed(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		w.channel(t, "2262", tenant.Email)
		before := w.file(t, nil).Report
		_, _, err := w.reports.HandOver(t.Context(), auth.Itself(), before.ID, report.Passing{To: "2262", Version: before.Version})
		must(t, err)
		if ok, err := w.notifier.Store.SetDelivery(t.Context(), before, report.Sent, 0); ok || err != nil {
			t.Errorf("what was sent to the old recipient counts for the new one: %v, %v", ok, err)
		}
		w.work(t)
		if m := w.mails.only(t); m.to != "gatukontoret@2262.example" {
			t.Errorf("mailed to %s", m.to)
		}
	})
}

// The channel was taken away and has come back while the job ran: nobody would
// release the report, so the job has to look again.
func TestAReportIsNotHeldByWhatItsRecipientWas(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		r := w.file(t, nil).Report
		w.channel(t, "2281", tenant.None)
		was, err := w.tenants.Get(t.Context(), "2281")
		must(t, err)
		w.channel(t, "2281", tenant.Email)
		if _, err := w.notifier.Store.SetDelivery(t.Context(), r, report.Held, was.Version); !errors.Is(err, report.ErrChannelChanged) {
			t.Errorf("held by an old version: %v", err)
		}
		w.work(t)
		if d := w.delivery(t, r); d != report.Sent {
			t.Errorf("delivery is %s", d)
		}
	})
}

// It waited for its recipient's channel, and its reporter did not.
func TestAReportThatWasWithdrawnMeanwhileIsDeliveredAsSuch(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.None)
		done := w.file(t, nil)
		_, err := w.reports.Withdraw(t.Context(), auth.Actor{FollowToken: done.FollowToken}, done.Report.ID, 0)
		must(t, err)
		w.channel(t, "2281", tenant.Email)
		w.work(t)
		if m := w.mails.only(t); !strings.Contains(m.text, "Status: avslutad (återtagen)") {
			t.Errorf("nothing in the mail says that it is withdrawn:\n%s", m.text)
		}
	})
}

// The sweep only notes that files have to go, with the rows, so that they go even
// if the process dies right after it.
func TestPhotosThatNoReportClaimsLeaveNoFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		kept, _, err := w.reports.Photos.Keep(t.Context(), picture(t))
		must(t, err)
		w.pass(photo.Unclaimed + time.Minute)
		young, _, err := w.reports.Photos.Keep(t.Context(), picture(t))
		must(t, err)
		must(t, w.reports.Photos.Sweep(t.Context()))
		if n := w.renditions(t, kept.ID); n == 0 {
			t.Error("the files went before the job ran: a crash could have left them for good")
		}
		w.work(t)
		if swept, left := w.renditions(t, kept.ID), w.renditions(t, young.ID); swept != 0 || left == 0 {
			t.Errorf("%d files of the swept photo, %d of the young one", swept, left)
		}
	})
}

func TestErasingRemovesFilesOfThatReportOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		folder, dir := w.mailFolder(t)
		w.channel(t, "2281", tenant.Email)
		var filed []report.Report
		for range 2 {
			r := w.file(t, func(s *report.Submission) { s.NewPhotos = []io.ReadSeeker{picture(t), picture(t)} }).Report
			_, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Report: r.ID, Email: "kim@example.org"})
			must(t, err)
			filed = append(filed, r)
		}
		w.work(t)
		if n := files(t, dir); n != 4 { // a delivery and a code each
			t.Fatalf("%d mails, want 4", n)
		}
		must(t, w.reports.Erase(t.Context(), auth.Itself(), filed[0].ID))
		w.work(t)
		if n := files(t, dir); n != 2 {
			t.Errorf("%d mails are left, want 2", n)
		}
		for i, r := range filed {
			for _, p := range r.Photos {
				if n := w.renditions(t, p.ID); (n > 0) != (i == 1) {
					t.Errorf("%d renditions of a photo of report %d are left", n, i)
				}
			}
		}
		must(t, folder.Forget(t.Context(), filed[0].ID)) // twice
		for _, id := range []string{"", "..", "*", "../../x", strings.ToUpper(filed[1].ID)} {
			if err := folder.Forget(t.Context(), id); id != strings.ToUpper(filed[1].ID) && !job.IsPermanent(err) {
				t.Errorf("forget %q: %v", id, err)
			}
		}
		if n := files(t, dir); n != 2 {
			t.Errorf("%d mails are left, want 2", n)
		}
	})
}

// files counts what lies in a folder.
func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	return len(entries)
}

// renditions counts the files of a photo.
func (w *town) renditions(t *testing.T, id string) (n int) {
	t.Helper()
	for _, err := range w.blobs.List(t.Context(), photo.Prefix(id)) {
		must(t, err)
		n++
	}
	return n
}
