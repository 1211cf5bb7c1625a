package storetest

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func inviteRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"the first operator comes in by the command line":  firstOperator,
		"an invitation works once":                         inviteOnce,
		"fifty acceptances at once make one session":       acceptRace,
		"an invitation works until seven days are over":    inviteExpiry,
		"an administrator never sees the secret":           inviteByMail,
		"a later invitation to the same role replaces it":  inviteReplaced,
		"a cancelled invitation is none":                   inviteCancelled,
		"an invitation adds to the person who is there":    inviteKnownPerson,
		"the same role twice is one grant":                 grantTwice,
		"a cancelled or expired invitation is not written": inviteNothingToSend,
	}
}

var operator = auth.Grant{Role: auth.Operator}

// invite invites by the command line.
func (k *kit) invite(t *testing.T, email string, g auth.Grant) (auth.Invitation, string) {
	t.Helper()
	inv, secret, err := k.here.Invite(t.Context(), auth.Itself(), auth.InviteRequest{Grant: g, Email: email, Language: "sv"})
	must(t, err)
	return inv, secret
}

// wantNoInvitation checks that a secret is good for nothing.
func (k *kit) wantNoInvitation(t *testing.T, secret string) {
	t.Helper()
	_, _, err := k.there.Accept(t.Context(), secret)
	wantProblem(t, err, problem.Invalid)
}

func firstOperator(t *testing.T, k *kit) {
	_, secret := k.invite(t, anna, operator)
	if jobs := k.jobs(t, auth.InviteMailJob); len(jobs) != 0 {
		t.Errorf("the command line left mail jobs %v", jobs)
	}
	_, token, err := k.there.Accept(t.Context(), secret)
	must(t, err)
	if actor := k.actor(t, token); !slices.Equal(actor.Grants, []auth.Grant{operator}) {
		t.Errorf("grants %v, want %v", actor.Grants, operator)
	}
}

func inviteOnce(t *testing.T, k *kit) {
	_, secret := k.invite(t, anna, operator)
	_, _, err := k.here.Accept(t.Context(), secret)
	must(t, err)
	k.wantNoInvitation(t, secret)
}

func acceptRace(t *testing.T, k *kit) {
	_, secret := k.invite(t, anna, operator)
	var sessions atomic.Int64
	k.race(50, func(_ int, s *auth.Service) {
		switch _, _, err := s.Accept(t.Context(), secret); {
		case err == nil:
			sessions.Add(1)
		case !problem.Is(err, problem.Invalid):
			t.Errorf("accept: %v", err)
		}
	})
	if sessions.Load() != 1 {
		t.Errorf("%d sessions, want 1", sessions.Load())
	}
}

func inviteExpiry(t *testing.T, k *kit) {
	_, first := k.invite(t, anna, operator)
	_, second := k.invite(t, "bo@example.org", operator)
	k.clock.advance(7*24*time.Hour - time.Microsecond)
	must(t, k.here.Sweep(t.Context()))
	_, _, err := k.here.Accept(t.Context(), first)
	must(t, err)
	k.clock.advance(time.Microsecond)
	k.wantNoInvitation(t, second)
}

func inviteByMail(t *testing.T, k *kit) {
	_, token := k.appoint(t, "admin@example.org", auth.Grant{Role: auth.Administrator, Jurisdiction: Home})
	admin, grant := k.actor(t, token), auth.Grant{Role: auth.Handler, Jurisdiction: Home}
	job := k.newJob(t, auth.InviteMailJob, func() {
		_, secret, err := k.here.Invite(t.Context(), admin, auth.InviteRequest{Grant: grant, Email: anna, Language: "sv"})
		must(t, err)
		if secret != "" {
			t.Error("the inviter was given the secret")
		}
	})
	first, err := k.there.IssueInvite(t.Context(), job)
	must(t, err)
	mail, err := k.there.IssueInvite(t.Context(), job)
	must(t, err)
	if mail.Email != anna || mail.Language != "sv" || mail.Grant != grant {
		t.Errorf("mail to %q in %q about %v", mail.Email, mail.Language, mail.Grant)
	}
	k.wantNoInvitation(t, first.Secret) // the second mail replaced it
	_, _, err = k.here.Accept(t.Context(), mail.Secret)
	must(t, err)
}

func inviteReplaced(t *testing.T, k *kit) {
	_, first := k.invite(t, anna, operator)
	_, other := k.invite(t, anna, auth.Grant{Role: auth.Crew, Jurisdiction: Home})
	_, second := k.invite(t, anna, operator)
	k.wantNoInvitation(t, first)
	for _, secret := range []string{other, second} {
		_, _, err := k.here.Accept(t.Context(), secret)
		must(t, err)
	}
}

func inviteCancelled(t *testing.T, k *kit) {
	inv, secret := k.invite(t, anna, auth.Grant{Role: auth.Crew, Jurisdiction: Home})
	wantProblem(t, k.here.CancelInvite(t.Context(), auth.Itself(), Foreign, inv.ID), problem.NotFound)
	open, err := k.here.Invites(t.Context(), auth.Itself(), Home)
	must(t, err)
	if len(open) != 1 || open[0].ID != inv.ID || open[0].Email != anna || open[0].Grant != inv.Grant {
		t.Errorf("open invitations %+v, want %+v", open, inv)
	}
	must(t, k.here.CancelInvite(t.Context(), auth.Itself(), Home, inv.ID))
	k.wantNoInvitation(t, secret)
	wantProblem(t, k.here.CancelInvite(t.Context(), auth.Itself(), Home, inv.ID), problem.NotFound)
	open, err = k.here.Invites(t.Context(), auth.Itself(), Home)
	must(t, err)
	if len(open) != 0 {
		t.Errorf("open invitations %+v, want none", open)
	}
}

func inviteKnownPerson(t *testing.T, k *kit) {
	resident, _ := k.signIn(t, anna)
	_, secret := k.invite(t, "Anna@example.org", operator)
	staff, _, err := k.here.Accept(t.Context(), secret)
	must(t, err)
	if staff.PersonID != resident.PersonID {
		t.Errorf("person %s became %s", resident.PersonID, staff.PersonID)
	}
}

func grantTwice(t *testing.T, k *kit) {
	k.appoint(t, anna, operator)
	_, token := k.appoint(t, anna, operator)
	if actor := k.actor(t, token); len(actor.Grants) != 1 {
		t.Errorf("grants %v, want one", actor.Grants)
	}
}

func inviteNothingToSend(t *testing.T, k *kit) {
	want := func(id, why string) {
		t.Helper()
		if _, err := k.here.IssueInvite(t.Context(), id); !errors.Is(err, auth.ErrNothingToSend) {
			t.Errorf("issue an invitation that is %s: %v", why, err)
		}
	}
	want("0199a0b0-0000-7000-8000-000000000000", "unknown")
	inv, _ := k.invite(t, anna, operator)
	must(t, k.here.CancelInvite(t.Context(), auth.Itself(), "", inv.ID))
	want(inv.ID, "cancelled")
	inv, _ = k.invite(t, anna, operator)
	k.clock.advance(7 * 24 * time.Hour)
	want(inv.ID, "expired")
}
