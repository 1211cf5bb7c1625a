package notify_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// mailFolder has the town's mails written into a folder.
func (w *town) mailFolder(t *testing.T) (folder *notify.Folder, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "mail")
	folder, err := notify.NewFolder(dir, "no-reply@kantsten.example", slog.New(slog.DiscardHandler), w.now)
	must(t, err)
	w.notifier.Mailer, w.notifier.Folder = folder, folder
	return folder, dir
}

// lateMailer is a folder into which mails are written just after something else
// happened: their jobs were that slow.
type lateMailer struct {
	*notify.Folder
	before func()
}

func (m lateMailer) Send(ctx context.Context, mail notify.Mail) error {
	m.before()
	return m.Folder.Send(ctx, mail)
}

// What was read before an erasure must not be written after it.
func TestAMailThatAnErasureOvertakesIsNotLeft(t *testing.T) {
	erasable := map[string]func(t *testing.T, w *town) report.Report{
		"delivery": func(t *testing.T, w *town) report.Report { return w.file(t, nil).Report },
		"code to follow": func(t *testing.T, w *town) report.Report {
			r := w.file(t, nil).Report
			w.work(t)
			_, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Report: r.ID, Email: w.submission().Contact.Email})
			must(t, err)
			return r
		},
		"notice": func(t *testing.T, w *town) report.Report {
			r := w.file(t, nil).Report
			w.followByMail(t, r)
			w.becomes(t, r, report.Fixed)
			return r
		},
	}
	for what, prepare := range erasable {
		t.Run(what, func(t *testing.T) {
			onBoth(t, func(t *testing.T, w *town) {
				folder, dir := w.mailFolder(t)
				w.channel(t, "2281", tenant.Email)
				r := prepare(t, w)
				overtaken := 0
				w.notifier.Mailer = lateMailer{folder, func() {
					overtaken++
					must(t, w.reports.Erase(t.Context(), auth.Itself(), r.ID))
					for _, j := range w.claim(t) {
						if j.Kind == report.JobEraseFiles {
							must(t, w.notifier.Handlers()[j.Kind].Run(t.Context(), j))
						}
					}
				}}
				w.work(t)
				if overtaken == 0 {
					t.Fatal("no mail was written")
				}
				if n := files(t, dir); n != 0 {
					t.Errorf("%d mails are left", n)
				}
			})
		})
	}
}

// followByMail follows a report by the reporter's address, confirmed.
func (w *town) followByMail(t *testing.T, r report.Report) {
	t.Helper()
	asked, err := w.followers.Follow(t.Context(), auth.Actor{}, notify.Follow{Report: r.ID, Email: w.submission().Contact.Email})
	must(t, err)
	var code string
	w.notifier.Show = func(c notify.ShownCode) { code = c.Secret }
	w.work(t)
	w.notifier.Show = nil
	_, err = w.followers.Confirm(t.Context(), asked.ID, code)
	must(t, err)
}

// A process that is killed while it writes leaves a part, which has a name that
// nobody but the erasure looks for.
func TestForgettingTakesPartsOfMailsToo(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		folder, dir := w.mailFolder(t)
		w.channel(t, "2281", tenant.Email)
		r := w.file(t, nil).Report
		w.work(t)
		whole, err := filepath.Glob(filepath.Join(dir, "*.eml"))
		must(t, err)
		if len(whole) != 1 {
			t.Fatalf("mails %q, want one", whole)
		}
		other := filepath.Join(dir, strings.Repeat("0", 8)+filepath.Base(whole[0])[8:]+".17.part")
		for _, part := range []string{whole[0] + ".1234.part", other} {
			must(t, os.WriteFile(part, []byte("To: "), 0o600))
		}
		must(t, folder.Forget(t.Context(), r.ID))
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 || left[0] != other {
			t.Errorf("left are %q, %v; want that of another report", left, err)
		}
	})
}
