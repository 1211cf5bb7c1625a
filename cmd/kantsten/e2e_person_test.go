package main_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/pgtest"
)

// TestAPersonIsErasedWhole: the operator erases somebody by their address, with
// all reports, comments, subscriptions and the account; a backup from before does
// not bring them back.
func TestAPersonIsErasedWhole(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		p.do("boundaries", "import", square(t, "2281", "Sundsvall"))
		e := &erasure{T: t, place: p, databaseURL: databaseURL, server: p.serve()}
		e.file()
		e.deliver()
		e.signedInLife(e.signIn())
		e.follow()
		e.followsAPlace()
		e.noJobs()
		e.isKnown()
		backup := filepath.Join(t.TempDir(), "backup")
		p.do("backup", backup)

		said := p.do("person", "erase", strings.ToUpper(erasedEmail))
		if !strings.Contains(said, "2 reports, 1 comments, 2 subscriptions; the account") {
			t.Errorf("the command says %q", said)
		}
		e.noJobs()
		e.isGone("while the program runs")
		if again := p.do("person", "erase", erasedEmail); !strings.Contains(again, "0 reports, 0 comments, 0 subscriptions; no account") {
			t.Errorf("the second time, the command says %q", again)
		}
		e.server.terminate()
		e.isGone("after its end")
		e.staysErased(backup)
	})
}

// signIn makes an account, with the code from the mail.
func (e *erasure) signIn() *apitest.Client {
	e.Helper()
	var asked struct {
		ID string `json:"sign_in_id"`
	}
	e.server.api().Send(http.MethodPost, "/v1/sign-in", map[string]string{"email": erasedEmail}).Want(http.StatusAccepted).JSON(&asked)
	var code string
	eventually(e, "the code to sign in has come", func() bool {
		for _, mail := range e.mailsTo(erasedEmail) {
			if six := regexp.MustCompile(`\b\d{6}\b`).FindString(mail); six != "" {
				code = six
			}
		}
		return code != ""
	})
	var in struct{ Token string }
	e.server.api().Send(http.MethodPost, "/v1/sign-in/confirm", map[string]string{"sign_in_id": asked.ID, "code": code}).
		Want(http.StatusOK).JSON(&in)
	return e.server.api().With("Authorization", "Bearer "+in.Token)
}

// signedInLife files a report by the account, without an address, and says
// something about another person's.
func (e *erasure) signedInLife(me *apitest.Client) {
	e.Helper()
	me.Send(http.MethodPost, "/v1/reports", map[string]any{
		"service": "pothole", "lat": 62.3911, "lon": 17.3070, "description": "A hole that " + erasedName + " fell into",
		"attributes": map[string]string{"size": "large"},
	}).Want(http.StatusCreated)
	other := e.server.filed(17.3069)
	me.Send(http.MethodPost, "/v1/reports/"+other+"/updates", map[string]string{"text": "I fell too, " + erasedName}).
		Want(http.StatusCreated)
}

// followsAPlace asks to be told of new reports around a place; unconfirmed, the
// address is kept all the same.
func (e *erasure) followsAPlace() {
	e.Helper()
	e.server.api().Send(http.MethodPost, "/v1/subscriptions", map[string]any{
		"area": map[string]float64{"lat": 62.3908, "lon": 17.3069, "radius_m": 500}, "email": erasedEmail, "language": "sv",
	}).Want(http.StatusCreated)
}

func (e *erasure) isKnown() {
	e.Helper()
	found := e.traces()
	for _, column := range []string{
		"persons.email", "sign_in_addresses.email", "subscriptions.email", "contacts.email", "reports.description", "updates.text",
	} {
		if !slices.Contains(found, column) {
			e.Errorf("the person is not found in %s", column)
		}
	}
}

// staysErased restores what was before into a new place, with the journal of since.
func (e *erasure) staysErased(backup string) {
	e.Helper()
	databaseURL := ""
	if e.databaseURL != "" {
		databaseURL = pgtest.URL(e.T)
	}
	old := e.place
	e.place, e.databaseURL = newPlace(e.T, databaseURL), databaseURL
	e.place.do("restore", backup, "--erasures", filepath.Join(old.data, "blobs"))
	e.server = e.place.serve()
	e.noJobs()
	e.server.api().Send(http.MethodPost, "/v1/sign-in", map[string]string{"email": "somebody@else.example"}).Want(http.StatusAccepted)
	eventually(e, "a mail is in the log", func() bool { return strings.Contains(e.server.said.String(), "mail written") })
	e.noJobs()
	if found := e.traces(); len(found) > 0 {
		e.Errorf("after a restore the person is found in %q", found)
	}
}
