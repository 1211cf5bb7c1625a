package notify_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// adds is a reporter who sends a photo after the report.
func (w *town) adds(t *testing.T, to report.Submitted, text string) report.Update {
	t.Helper()
	done, err := w.reports.AddComment(t.Context(), auth.Actor{FollowToken: to.FollowToken}, to.Report.ID,
		report.Comment{Text: text, NewPhotos: []io.ReadSeeker{picture(t)}})
	must(t, err)
	return done.Update
}

func TestLatePhotosFollowTheirReport(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		filed := w.file(t, nil)
		w.work(t) // the report has not waited
		report1 := w.mails.only(t)
		w.pass(time.Hour)
		u := w.adds(t, filed, "så här ser det ut")
		w.work(t)
		m := w.mails.only(t)
		r, err := w.reports.Read(t.Context(), auth.Itself(), filed.Report.ID)
		must(t, err)
		want := "Ärende: " + r.Reference + `
Kategori: Potthål och skador i vägen

så här ser det ut

Foton:
https://kantsten.example/photos/` + r.Photos[0].ID + `

Anmälan finns på https://kantsten.example/reports/` + r.Reference + "\n"
		if m.to != "gatukontoret@2281.example" || m.subject != "["+r.Reference+"] Nytt foto" || m.text != want {
			t.Errorf("to %s: %s\n%s\nwant\n%s", m.to, m.subject, m.text, want)
		}
		if m.header.Get("In-Reply-To") != report1.header.Get("Message-Id") || m.header.Get("Message-Id") == report1.header.Get("Message-Id") {
			t.Errorf("%s answers %s; the report was %s", m.header.Get("Message-Id"), m.header.Get("In-Reply-To"), report1.header.Get("Message-Id"))
		}
		if r.Photos[0].UpdateID != u.ID || len(r.Photos) != 1 {
			t.Errorf("photos %+v", r.Photos)
		}
	})
}

func TestWhoGetsLatePhotos(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		for _, tt := range []struct {
			name    string
			channel tenant.Channel
			after   func(r report.Submitted) // what happens once the report is delivered and the photo there
			mails   int                      // beside the first delivery's
		}{
			{"who was told by mail", tenant.Email, nil, 1},
			{"not who reads the queue", tenant.Web, nil, 0},
			{"not who has a mail channel no more", tenant.Email, func(report.Submitted) { w.channel(t, "2281", tenant.Web) }, 0},
			{"nobody once the report is erased", tenant.Email, func(r report.Submitted) {
				must(t, w.reports.Erase(t.Context(), auth.Actor{FollowToken: r.FollowToken}, r.Report.ID))
			}, 0},
			{"the next recipient, with the report alone", tenant.Email, func(r report.Submitted) {
				now, err := w.reports.Read(t.Context(), auth.Itself(), r.Report.ID)
				must(t, err)
				_, _, err = w.reports.HandOver(t.Context(), auth.Itself(), r.Report.ID, report.Passing{To: "2262", Version: now.Version})
				must(t, err)
			}, 1},
		} {
			w.channel(t, "2281", tt.channel)
			w.channel(t, "2262", tenant.Email)
			r := w.file(t, nil)
			w.work(t)
			w.mails.take()
			w.adds(t, r, "")
			if tt.after != nil {
				tt.after(r)
			}
			w.work(t)
			mails := w.mails.take()
			if len(mails) != tt.mails {
				t.Errorf("%s: %d mails, want %d", tt.name, len(mails), tt.mails)
			}
			for _, m := range mails {
				if !strings.Contains(m.text, "https://kantsten.example/photos/") {
					t.Errorf("%s: without the photo:\n%s", tt.name, m.text)
				}
			}
		}
	})
}

// Photos that come before their report has left wait for it.
func TestPhotosWaitForTheirReport(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		w.channel(t, "2281", tenant.Email)
		r := w.file(t, nil)
		w.adds(t, r, "")
		waits := false
		for _, j := range w.claim(t) {
			if j.Kind == report.JobForward {
				waits = job.AskedDelay(w.notifier.Handlers()[j.Kind].Run(t.Context(), j)) > 0
			}
		}
		if !waits {
			t.Error("the photos do not wait for their report")
		}
		if len(w.mails.take()) != 0 {
			t.Error("a mail has left")
		}
	})
}
