package notify_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/notify"
	"github.com/kantsten/kantsten/internal/store"
)

// signIns lets people sign in to the town.
func (w *town) signIns() *auth.Service {
	w.notifier.Auth = &auth.Service{Store: store.Auth{DB: w.db}, CodeKey: bytes.Repeat([]byte{4}, 32), Now: w.now}
	return w.notifier.Auth
}

func TestSignInByTheMailedCode(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		people := w.signIns()
		pending, err := people.Begin(t.Context(), "robin@example.org", "en")
		must(t, err)
		w.work(t)
		m := w.mails.only(t)
		if m.to != "robin@example.org" || m.subject != "Your code to sign in" || !strings.Contains(m.text, "valid for 10 minutes") {
			t.Errorf("to %s: %s\n%s", m.to, m.subject, m.text)
		}
		_, _, err = people.Confirm(t.Context(), pending.ID, sixDigits.FindString(m.text))
		must(t, err)
	})
}

func TestASignInThatHasExpiredMailsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		_, err := w.signIns().Begin(t.Context(), "robin@example.org", "")
		must(t, err)
		w.pass(10 * time.Minute)
		w.work(t)
		if n := len(w.mails.take()); n != 0 {
			t.Errorf("%d mails, want none", n)
		}
	})
}

func TestInvitationByTheMailedLink(t *testing.T) {
	onBoth(t, func(t *testing.T, w *town) {
		people := w.signIns()
		admin := auth.Actor{Kind: auth.PersonKind, PersonID: "p", Grants: []auth.Grant{{Role: auth.Administrator, Jurisdiction: "2281"}}}
		invite := func() {
			_, secret, err := people.Invite(t.Context(), admin, auth.InviteRequest{
				Grant: auth.Grant{Role: auth.Crew, Jurisdiction: "2281"}, Email: "robin@example.org", Language: "sv",
			})
			if err != nil || secret != "" {
				t.Fatalf("the administrator sees %q, %v", secret, err)
			}
			w.work(t)
		}
		invite()
		m := w.mails.only(t)
		_, rest, found := strings.Cut(m.text, "https://kantsten.example/invite#")
		secret, _, _ := strings.Cut(rest, "\n")
		if !found || m.subject != "Du är inbjuden som fältpersonal, Sundsvall" || !strings.Contains(m.text, "till och med 2026-02-07") {
			t.Errorf("%s\n%s", m.subject, m.text)
		}
		_, _, err := people.Accept(t.Context(), secret)
		must(t, err)

		var shown []notify.ShownCode
		w.notifier.Show = func(c notify.ShownCode) { shown = append(shown, c) }
		invite()
		if len(shown) != 1 || shown[0].Kind != auth.InviteMailJob || !strings.HasPrefix(shown[0].Secret, "https://") || len(w.mails.take()) != 0 {
			t.Errorf("the demo shows %+v", shown)
		}
	})
}
