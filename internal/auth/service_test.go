package auth_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// service is a service on a memory of its own, with a clock to turn.
func service(t *testing.T) (*auth.Service, *memory, *time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 31, 13, 0, 0, 123_456_789, time.FixedZone("CET", 3600))
	m := newMemory()
	return &auth.Service{Store: m, CodeKey: madeSecrets(t).CodeKey, Now: func() time.Time { return now }}, m, &now
}

// begin starts a sign-in and issues its code.
func begin(t *testing.T, s *auth.Service, m *memory, email string) (id, code string) {
	t.Helper()
	pending, err := s.Begin(t.Context(), email, "sv")
	if err != nil {
		t.Fatal(err)
	}
	mail, err := s.Issue(t.Context(), m.jobs[len(m.jobs)-1].ID)
	if err != nil {
		t.Fatal(err)
	}
	return pending.ID, mail.Code
}

// otherCode is a code that is not this one.
func otherCode(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

func TestEveryFailingConfirmLooksTheSame(t *testing.T) {
	t.Parallel()
	s, m, now := service(t)
	ctx := t.Context()
	failures := map[string]error{}
	fail := func(name, id, code string) {
		_, _, failures[name] = s.Confirm(ctx, id, code)
	}
	id, code := begin(t, s, m, "anna@example.org")
	fail("wrong", id, otherCode(code))
	fail("empty code", id, "")
	fail("huge code", id, strings.Repeat("1", 1<<20))
	fail("control characters", id, "\x00\x01\x02\x03\x04\x05")
	fail("malformed id", "nonsense", code)
	fail("huge id", strings.Repeat("A", 1<<20), code)
	fail("unknown id", strings.Repeat("A", 43), code)
	if _, _, err := s.Confirm(ctx, id, code); err != nil {
		t.Fatal(err)
	}
	fail("used", id, code)
	id, code = begin(t, s, m, "bo@example.org")
	for range 5 {
		fail("wrong once more", id, otherCode(code))
	}
	fail("exhausted", id, code)
	id, code = begin(t, s, m, "cia@example.org")
	begin(t, s, m, "cia@example.org")
	fail("replaced", id, code)
	id, code = begin(t, s, m, "dan@example.org")
	*now = now.Add(10 * time.Minute)
	fail("expired", id, code)

	want := problem.As(failures["wrong"])
	if want == nil || want.Kind != problem.Invalid || len(want.Fields) != 1 || want.Fields[0].Field != "/code" {
		t.Fatalf("a wrong code gets %v", failures["wrong"])
	}
	for name, err := range failures {
		if !reflect.DeepEqual(err, error(want)) {
			t.Errorf("%s: %v, want as for a wrong code: %v", name, err, want)
		}
	}
}

func TestNoSecretIsStoredAndNoAddressStandsInAJob(t *testing.T) {
	t.Parallel()
	s, m, _ := service(t)
	id, code := begin(t, s, m, "anna@example.org")
	row := m.signIns[0].SignInRow
	for _, stored := range []string{row.ID, string(row.Secret), string(row.Code), row.Email, row.Language} {
		if strings.Contains(stored, id) || strings.Contains(stored, code) && len(stored) < 10 {
			t.Errorf("stored %q shows the sign-in id %q or the code %q", stored, id, code)
		}
	}
	if want := (auth.Job{Kind: "sign-in-mail", ID: row.ID}); len(m.jobs) != 1 || m.jobs[0] != want {
		t.Errorf("jobs %+v, want %+v", m.jobs, want)
	}
	_, token, err := s.Confirm(t.Context(), id, code)
	if err != nil {
		t.Fatal(err)
	}
	for hash := range m.sessions {
		if len(hash) != 64 || strings.Contains(token, string(hash)) {
			t.Errorf("session %q is stored as %q", token, hash)
		}
	}
	if !strings.HasPrefix(token, "kst_") || len(token) != 47 {
		t.Errorf("session token %q", token)
	}
}

func TestTimesAreUTCMicroseconds(t *testing.T) {
	t.Parallel()
	s, m, _ := service(t)
	pending, err := s.Begin(t.Context(), "anna@example.org", "")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 1, 31, 12, 10, 0, 123_456_000, time.UTC)
	if pending.ExpiresAt != want || m.signIns[0].ExpiresAt != want || m.signIns[0].CreatedAt != want.Add(-10*time.Minute) {
		t.Errorf("ends at %v, stored %v to %v; want %v", pending.ExpiresAt, m.signIns[0].CreatedAt, m.signIns[0].ExpiresAt, want)
	}
}

func TestBeginRefusesBadInputAndStoresNothing(t *testing.T) {
	t.Parallel()
	s, m, _ := service(t)
	bad := []struct{ name, email, language, field string }{
		{"no address", "", "sv", "/email"},
		{"a control character", "anna\x00@example.org", "sv", "/email"},
		{"a huge address", strings.Repeat("a", 1<<20), "sv", "/email"},
		{"a header in the language", "anna@example.org", "sv\r\nBcc: x", "/language"},
		{"a path in the language", "anna@example.org", "../sv", "/language"},
		{"a language of Kelvin signs", "anna@example.org", "\u212A\u212A", "/language"},
		{"a huge language", "anna@example.org", strings.Repeat("a", 36), "/language"},
	}
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Begin(t.Context(), tt.email, tt.language)
			p := problem.As(err)
			if p == nil || p.Kind != problem.Invalid || p.Fields[0].Field != tt.field {
				t.Errorf("error %v, want an invalid %s", err, tt.field)
			}
		})
	}
	if len(m.signIns) != 0 || len(m.jobs) != 0 {
		t.Errorf("stored %d sign-ins and %d jobs", len(m.signIns), len(m.jobs))
	}
	if _, err := s.Begin(t.Context(), "anna@example.org", "zh-Hant-TW"); err != nil {
		t.Error(err)
	}
}

func TestHostileTokensAreUnauthenticated(t *testing.T) {
	t.Parallel()
	s, _, _ := service(t)
	for _, token := range []string{"", "kst_", "ksk_", "kst_\x00", "ksk_" + strings.Repeat("A", 1<<20), strings.Repeat("é", 43), "kst_" + strings.Repeat("A", 43), "ksk_" + strings.Repeat("A", 43)} {
		_, err := s.Authenticate(t.Context(), token)
		if !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("session %.20q: %v", token, err)
		}
		_, err = s.AuthenticateKey(t.Context(), token)
		if !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("key %.20q: %v", token, err)
		}
		_, _, err = s.Accept(t.Context(), token)
		if !problem.Is(err, problem.Invalid) {
			t.Errorf("invitation %.20q: %v", token, err)
		}
	}
}

func TestCreateKeyNamesEveryBadField(t *testing.T) {
	t.Parallel()
	ok := []auth.Scope{auth.ScopeOpen311}
	tests := []struct {
		name   string
		req    auth.KeyRequest
		fields []string
	}{
		{"no name and no scope", auth.KeyRequest{Jurisdiction: home}, []string{"/name", "/scopes"}},
		{"a name of spaces", auth.KeyRequest{Jurisdiction: home, Name: "  ", Scopes: ok}, []string{"/name"}},
		{"a name of two lines", auth.KeyRequest{Jurisdiction: home, Name: "a\nb", Scopes: ok}, []string{"/name"}},
		{"a name that is not UTF-8", auth.KeyRequest{Jurisdiction: home, Name: "a\xff", Scopes: ok}, []string{"/name"}},
		{"a name of 101 letters", auth.KeyRequest{Jurisdiction: home, Name: strings.Repeat("å", 101), Scopes: ok}, []string{"/name"}},
		{"an unknown scope", auth.KeyRequest{Jurisdiction: home, Name: "a", Scopes: []auth.Scope{auth.ScopeOpen311, "*"}}, []string{"/scopes/1"}},
		{"a million scopes", auth.KeyRequest{Jurisdiction: home, Name: "a", Scopes: make([]auth.Scope, 1_000_000)}, []string{"/scopes/0", "/scopes/1", "/scopes/2", "/scopes/3", "/scopes"}},
		{"a tenant's scope for no tenant", auth.KeyRequest{Name: "a", Scopes: []auth.Scope{auth.ScopeReportsRead}}, []string{"/scopes/0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, m, _ := service(t)
			_, secret, err := s.CreateKey(t.Context(), auth.Itself(), tt.req)
			p := problem.As(err)
			if p == nil || secret != "" || len(m.keys) != 0 {
				t.Fatalf("error %v, secret %q, %d keys stored", err, secret, len(m.keys))
			}
			var fields []string
			for _, f := range p.Fields {
				fields = append(fields, f.Field)
			}
			if !reflect.DeepEqual(fields, tt.fields) {
				t.Errorf("fields %v, want %v", fields, tt.fields)
			}
		})
	}
}

func TestWhoMayMakeKeysAndInvite(t *testing.T) {
	t.Parallel()
	may := map[string]map[string]bool{ // actor, then place
		"admin":    {home: true},
		"operator": {"": true},
		"program":  {home: true, foreign: true, "": true},
	}
	for name, actor := range actors() {
		for _, place := range []string{home, foreign, ""} {
			t.Run(name+" in "+place, func(t *testing.T) {
				t.Parallel()
				s, _, _ := service(t)
				_, _, err := s.CreateKey(t.Context(), actor, auth.KeyRequest{Jurisdiction: place, Name: "a", Scopes: []auth.Scope{auth.ScopeOpen311}})
				wantAllowed(t, "key", may[name][place], err)
				grant := auth.Grant{Role: auth.Crew, Jurisdiction: place}
				if place == "" {
					grant.Role = auth.Operator
				}
				_, _, err = s.Invite(t.Context(), actor, auth.InviteRequest{Grant: grant, Email: "anna@example.org"})
				wantAllowed(t, "invitation", may[name][place], err)
			})
		}
	}
}

func wantAllowed(t *testing.T, what string, allowed bool, err error) {
	t.Helper()
	if allowed != (err == nil) {
		t.Errorf("%s: %v although allowed is %v", what, err, allowed)
	}
	if err != nil && !problem.Is(err, problem.Forbidden) && !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("%s: %v, want a refusal", what, err)
	}
}

func TestInviteRefusesRolesThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	s, m, _ := service(t)
	for _, g := range []auth.Grant{
		{Role: auth.Operator, Jurisdiction: home}, {Role: auth.Crew}, {Role: auth.Administrator}, {},
		{Role: auth.System, Jurisdiction: home}, {Role: auth.Program}, {Role: auth.Anyone}, {Role: "root", Jurisdiction: home},
	} {
		_, secret, err := s.Invite(t.Context(), auth.Itself(), auth.InviteRequest{Grant: g, Email: "anna@example.org"})
		if !problem.Is(err, problem.Invalid) || secret != "" {
			t.Errorf("%v: %v, secret %q", g, err, secret)
		}
	}
	if len(m.invites) != 0 {
		t.Errorf("%d invitations stored", len(m.invites))
	}
}

// broken fails where it is used at all.
type broken struct{ auth.Store }

var errBroken = errors.New("the disk is full")

func (broken) BeginSignIn(context.Context, auth.SignInRow, []auth.Limit, auth.Job) error {
	return errBroken
}

func (broken) TakeTry(context.Context, auth.Hash, int, time.Time) (auth.SignInRow, bool, error) {
	return auth.SignInRow{}, false, errBroken
}

func (broken) Session(context.Context, auth.Hash, time.Time) (auth.Session, auth.Person, bool, error) {
	return auth.Session{}, auth.Person{}, false, errBroken
}

func (broken) Key(context.Context, auth.Hash) (auth.Key, bool, error) {
	return auth.Key{}, false, errBroken
}

func TestABrokenStoreIsNotTheClientsFault(t *testing.T) {
	t.Parallel()
	s, _, _ := service(t)
	s.Store = broken{}
	form := strings.Repeat("A", 43)
	_, beginErr := s.Begin(t.Context(), "anna@example.org", "")
	_, _, confirmErr := s.Confirm(t.Context(), form, "123456")
	_, sessionErr := s.Authenticate(t.Context(), "kst_"+form)
	_, keyErr := s.AuthenticateKey(t.Context(), "ksk_"+form)
	for _, err := range []error{beginErr, confirmErr, sessionErr, keyErr} {
		if !errors.Is(err, errBroken) || problem.As(err) != nil {
			t.Errorf("error %v, want an internal one that wraps the cause", err)
		}
		if strings.Contains(err.Error(), "anna") {
			t.Errorf("error %v names the address", err)
		}
	}
}
