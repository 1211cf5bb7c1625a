package storetest

import (
	"slices"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func staffRules() map[string]func(*testing.T, *kit) {
	return map[string]func(*testing.T, *kit){
		"staff are listed by address and role":           staffList,
		"a dismissal counts at once":                     dismissal,
		"a dismissal ends open invitations to come back": dismissalEndsInvites,
		"a dismissal leaves the roles of other places":   dismissalElsewhere,
		"an administrator reaches only their own staff":  foreignStaff,
		"an operator does not appoint a tenant's staff":  operatorAppointsNobody,
	}
}

var (
	crew    = auth.Grant{Role: auth.Crew, Jurisdiction: Home}
	handler = auth.Grant{Role: auth.Handler, Jurisdiction: Home}
	admin   = auth.Grant{Role: auth.Administrator, Jurisdiction: Home}
	abroad  = auth.Grant{Role: auth.Administrator, Jurisdiction: Foreign}
)

func staffList(t *testing.T, k *kit) {
	bo, _ := k.appoint(t, "bo@example.org", handler)
	annas, _ := k.appoint(t, anna, handler)
	k.appoint(t, anna, crew)
	k.appoint(t, "cia@example.org", abroad)
	staff, err := k.here.Staff(t.Context(), auth.Itself(), Home)
	must(t, err)
	want := []auth.StaffMember{
		{PersonID: annas.PersonID, Email: anna, Role: auth.Crew},
		{PersonID: annas.PersonID, Email: anna, Role: auth.Handler},
		{PersonID: bo.PersonID, Email: "bo@example.org", Role: auth.Handler},
	}
	if !slices.Equal(staff, want) {
		t.Errorf("staff %+v, want %+v", staff, want)
	}
}

func dismissal(t *testing.T, k *kit) {
	session, token := k.appoint(t, anna, crew)
	must(t, k.here.Dismiss(t.Context(), auth.Itself(), session.PersonID, crew))
	k.wantNoSession(t, token)
	_, token = k.signIn(t, anna)
	if actor := k.actor(t, token); len(actor.Grants) != 0 {
		t.Errorf("grants %v after the dismissal", actor.Grants)
	}
	wantProblem(t, k.here.Dismiss(t.Context(), auth.Itself(), session.PersonID, crew), problem.NotFound)
	k.actor(t, token) // what dismissed nobody ended no session
}

func dismissalEndsInvites(t *testing.T, k *kit) {
	session, _ := k.appoint(t, anna, crew)
	_, back := k.invite(t, anna, handler)
	_, elsewhere := k.invite(t, anna, abroad)
	_, other := k.invite(t, "bo@example.org", handler)
	must(t, k.here.Dismiss(t.Context(), auth.Itself(), session.PersonID, crew))
	k.wantNoInvitation(t, back)
	for _, secret := range []string{elsewhere, other} {
		_, _, err := k.here.Accept(t.Context(), secret)
		must(t, err)
	}
}

func dismissalElsewhere(t *testing.T, k *kit) {
	session, _ := k.appoint(t, anna, admin)
	k.appoint(t, anna, abroad)
	must(t, k.here.Dismiss(t.Context(), auth.Itself(), session.PersonID, admin))
	_, token := k.signIn(t, anna)
	if actor := k.actor(t, token); !slices.Equal(actor.Grants, []auth.Grant{abroad}) {
		t.Errorf("grants %v, want %v", actor.Grants, abroad)
	}
}

func foreignStaff(t *testing.T, k *kit) {
	session, _ := k.appoint(t, anna, crew)
	_, token := k.appoint(t, "cia@example.org", abroad)
	foreigner := k.actor(t, token)
	_, err := k.here.Staff(t.Context(), foreigner, Home)
	wantProblem(t, err, problem.Forbidden)
	wantProblem(t, k.here.Dismiss(t.Context(), foreigner, session.PersonID, crew), problem.Forbidden)
	_, _, err = k.here.Invite(t.Context(), foreigner, auth.InviteRequest{Grant: crew, Email: "dan@example.org"})
	wantProblem(t, err, problem.Forbidden)
	// The own place in the request does not make another place's grant reachable.
	own := auth.Grant{Role: auth.Crew, Jurisdiction: Foreign}
	wantProblem(t, k.here.Dismiss(t.Context(), foreigner, session.PersonID, own), problem.NotFound)
}

func operatorAppointsNobody(t *testing.T, k *kit) {
	_, token := k.appoint(t, anna, operator)
	actor := k.actor(t, token)
	_, _, err := k.here.Invite(t.Context(), actor, auth.InviteRequest{Grant: admin, Email: anna})
	wantProblem(t, err, problem.Forbidden)
	_, _, err = k.here.Invite(t.Context(), actor, auth.InviteRequest{Grant: operator, Email: "bo@example.org"})
	must(t, err)
}
