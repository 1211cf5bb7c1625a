package auth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

const (
	home    = "2281"
	foreign = "0180"
	me      = "0199a0b0-0000-7000-8000-000000000001"
	mine    = "0199a0b0-0000-7000-8000-000000000002" // the report of the follow token
)

// actors has one of every kind and role. Staff are staff of home.
func actors() map[string]auth.Actor {
	person := func(grants ...auth.Grant) auth.Actor {
		return auth.Actor{Kind: auth.PersonKind, PersonID: me, Grants: grants}
	}
	key := func(jurisdiction string, scopes ...auth.Scope) auth.Actor {
		return auth.Actor{Kind: auth.KeyKind, KeyID: "k", Scopes: scopes,
			Grants: []auth.Grant{{Role: auth.System, Jurisdiction: jurisdiction}}}
	}
	return map[string]auth.Actor{
		"anyone":   {},
		"resident": person(),
		"reporter": {ReportID: mine},
		"crew":     person(auth.Grant{Role: auth.Crew, Jurisdiction: home}),
		"handler":  person(auth.Grant{Role: auth.Handler, Jurisdiction: home}),
		"admin":    person(auth.Grant{Role: auth.Administrator, Jurisdiction: home}),
		"operator": person(auth.Grant{Role: auth.Operator}),
		"key":      key(home, auth.Scopes()...),
		"national": key("", auth.Scopes()...),
		"program":  auth.Itself(),
	}
}

// places are the resources that a right can stop at.
func places() map[string]auth.Resource {
	return map[string]auth.Resource{
		"public at home":   {Jurisdiction: home, ReportID: "1"},
		"private at home":  {Jurisdiction: home, ReportID: "2", Private: true},
		"public abroad":    {Jurisdiction: foreign, ReportID: "3", OwnerPersonID: "another"},
		"private abroad":   {Jurisdiction: foreign, ReportID: "4", OwnerPersonID: "another", Private: true},
		"my own abroad":    {Jurisdiction: foreign, ReportID: "5", OwnerPersonID: me, Private: true},
		"my token abroad":  {Jurisdiction: foreign, ReportID: mine, Private: true},
		"in triage abroad": {Jurisdiction: foreign, ReportID: "6", Private: true, Triage: true},
		"no place":         {},
	}
}

// reaches says which places the words of the table below stand for.
func reaches() map[string][]string {
	return map[string][]string{
		"-":      nil,
		"pub":    {"public at home", "public abroad", "no place"},
		"home":   {"public at home", "private at home"},
		"own":    {"my own abroad"},
		"token":  {"my token abroad"},
		"triage": {"in triage abroad"},
		"none":   {"no place"},
		"all": {"public at home", "private at home", "public abroad", "private abroad",
			"my own abroad", "my token abroad", "in triage abroad", "no place"},
	}
}

// rights is who may do what, all told: with what a person holds as anyone and as
// a resident, and what a role inherits. The key has every scope.
const rights = `
action                anyone resident reporter  crew         handler      admin        operator   key      national program
read-public           pub    pub      pub       pub          pub          pub          pub        pub      pub      pub
file                  all    all      all       all          all          all          all        all      all      all
upload                all    all      all       all          all          all          all        all      all      all
support               pub    pub      pub       pub          pub          pub          pub        pub      pub      pub
follow                pub    pub+own  pub+token pub+own+home pub+own+home pub+own+home pub+own    pub      pub      pub
unfollow              all    all      all       all          all          all          all        all      all      all
sign-in               all    all      all       all          all          all          all        all      all      all
sign-out              -      all      -         all          all          all          all        -        -        -
read-own              -      own      -         own          own          own          own        -        -        -
end-own               -      own      -         own          own          own          own        -        -        -
comment               -      pub+own  token     pub+own+home pub+own+home pub+own+home pub+own    home     -        all
add-photo             -      pub+own  token     pub+own+home pub+own+home pub+own+home pub+own    home     -        all
reopen                -      -        token     home         home         home         -          home     -        all
withdraw              -      own      token     own          own+home     own+home     own        -        -        -
erase                 -      own      token     own          own+home     own+home     own        -        -        all
read-private          -      own      token     own+home     own+home     own+home     own+triage home     -        all
read-contact          -      -        -         home         home         home         -          home     -        all
read-internal         -      -        -         home         home         home         -          home     -        all
add-internal-note     -      -        -         home         home         home         -          home     -        all
change-status         -      -        -         home         home         home         triage     home     -        all
edit                  -      -        -         -            home         home         -          -        -        -
assign                -      -        -         -            home         home         -          -        -        -
merge                 -      -        -         -            home         home         -          -        -        -
hand-over             -      -        -         -            home         home         triage     home     -        all
moderate              -      -        -         -            home         home         -          -        -        -
answer                -      -        -         -            home         home         -          -        -        -
file-by-key           -      -        -         -            -            -            -          home     all      -
read-queue            -      -        -         home         home         home         -          home     -        -
read-triage           -      -        -         -            -            -            all        -        -        -
configure-jurisdiction -     -        -         -            -            home         -          -        -        all
manage-staff          -      -        -         -            -            home         none       -        -        all
manage-keys           -      -        -         -            -            home         none       -        -        all
manage-webhooks       -      -        -         -            -            home         -          -        -        -
create-jurisdiction   -      -        -         -            -            -            all        -        -        all
load-boundaries       -      -        -         -            -            -            all        -        -        all
read-jobs             -      -        -         -            -            -            all        -        -        all
`

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(rights), "\n")
	columns := strings.Fields(lines[0])[1:]
	if len(columns) != len(actors()) {
		t.Fatalf("columns %v, want every one of %d actors", columns, len(actors()))
	}
	var listed []auth.Action
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		action := auth.Action(words[0])
		listed = append(listed, action)
		for i, name := range columns {
			t.Run(string(action)+" by "+name, func(t *testing.T) {
				wantRights(t, actors()[name], action, words[1+i])
			})
		}
	}
	all := auth.Actions()
	slices.Sort(all)
	slices.Sort(listed)
	if !slices.Equal(all, listed) {
		t.Errorf("the table lists %v, want every action: %v", listed, all)
	}
}

// wantRights checks the action in every place against words such as "pub+own".
func wantRights(t *testing.T, actor auth.Actor, action auth.Action, words string) {
	t.Helper()
	var allowed []string
	for word := range strings.SplitSeq(words, "+") {
		in, known := reaches()[word]
		if !known {
			t.Fatalf("unknown reach %q", word)
		}
		allowed = append(allowed, in...)
	}
	for place, res := range places() {
		want := slices.Contains(allowed, place)
		if got := actor.Can(action, res); got != want {
			t.Errorf("%s: %v, want %v", place, got, want)
		}
		err := actor.May(action, res)
		if want != (err == nil) {
			t.Errorf("%s: error %v although allowed is %v", place, err, want)
		}
		kind := problem.Forbidden
		if actor.Kind == auth.Anonymous && actor.ReportID == "" {
			kind = problem.Unauthenticated
		}
		if err != nil && !problem.Is(err, kind) {
			t.Errorf("%s: error %v, want %s", place, err, kind)
		}
	}
}

func TestWhatTheTableDoesNotNameIsRefused(t *testing.T) {
	t.Parallel()
	for name, actor := range actors() {
		for place, res := range places() {
			for _, action := range []auth.Action{"", "nonsense", "READ-PUBLIC"} {
				if actor.Can(action, res) {
					t.Errorf("%s may %q %s", name, action, place)
				}
			}
		}
	}
}

func TestGrantsThatCountNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		actor auth.Actor
		res   auth.Resource
	}{
		{
			"a tenant's role without a tenant is none, not even where there is no tenant",
			auth.Actor{Kind: auth.PersonKind, PersonID: me, Grants: []auth.Grant{{Role: auth.Administrator}}},
			auth.Resource{},
		},
		{
			"an operator of one tenant is none",
			auth.Actor{Kind: auth.PersonKind, PersonID: me, Grants: []auth.Grant{{Role: auth.Operator, Jurisdiction: home}}},
			auth.Resource{Jurisdiction: home, Triage: true},
		},
		{
			"a person cannot be the program",
			auth.Actor{Kind: auth.PersonKind, PersonID: me, Grants: []auth.Grant{{Role: auth.Program}}},
			auth.Resource{Jurisdiction: home},
		},
		{
			"nor an API key",
			auth.Actor{Kind: auth.PersonKind, PersonID: me, Scopes: auth.Scopes(), Grants: []auth.Grant{{Role: auth.System, Jurisdiction: home}}},
			auth.Resource{Jurisdiction: home},
		},
		{
			"a key cannot be staff",
			auth.Actor{Kind: auth.KeyKind, Scopes: auth.Scopes(), Grants: []auth.Grant{{Role: auth.Administrator, Jurisdiction: home}}},
			auth.Resource{Jurisdiction: home},
		},
		{
			"grants without a person behind them are nobody's",
			auth.Actor{Grants: []auth.Grant{{Role: auth.Administrator, Jurisdiction: home}}, PersonID: me},
			auth.Resource{Jurisdiction: home, OwnerPersonID: me},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, action := range []auth.Action{auth.ChangeStatus, auth.ReadContact, auth.ManageStaff, auth.ReadQueue, auth.Erase, auth.ReadTriage} {
				if tt.actor.Can(action, tt.res) {
					t.Errorf("may %s", action)
				}
			}
		})
	}
}

func TestNobodyOwnsWhatHasNoOwner(t *testing.T) {
	t.Parallel()
	nameless := auth.Actor{Kind: auth.PersonKind} // a person always has an id; if one came without
	if nameless.Can(auth.Withdraw, auth.Resource{Jurisdiction: home, Private: true}) {
		t.Error("an empty id equals an empty owner")
	}
	if (auth.Actor{}).Can(auth.Withdraw, auth.Resource{Jurisdiction: home}) {
		t.Error("an empty follow token equals an empty report id")
	}
}

func TestEveryRightOfAKeyNeedsOneScope(t *testing.T) {
	t.Parallel()
	res := auth.Resource{Jurisdiction: home, Private: true}
	actor := actors()["key"]
	for _, action := range auth.Actions() {
		if !actor.Can(action, res) || (auth.Actor{}).Can(action, res) {
			continue
		}
		var by []auth.Scope
		for _, scope := range auth.Scopes() {
			actor.Scopes = []auth.Scope{scope}
			if actor.Can(action, res) {
				by = append(by, scope)
			}
		}
		actor.Scopes = auth.Scopes()
		if len(by) != 1 {
			t.Errorf("%s is allowed by the scopes %v, want one", action, by)
		}
	}
	actor.Scopes = []auth.Scope{"reports", "", "*"}
	if actor.Can(auth.ReadQueue, res) {
		t.Error("an unknown scope allows something")
	}
}

func TestJurisdictions(t *testing.T) {
	t.Parallel()
	both := auth.Actor{Kind: auth.PersonKind, PersonID: me, Grants: []auth.Grant{
		{Role: auth.Handler, Jurisdiction: home}, {Role: auth.Crew, Jurisdiction: foreign},
		{Role: auth.Crew, Jurisdiction: home}, {Role: auth.Operator},
	}}
	tests := []struct {
		name   string
		actor  auth.Actor
		action auth.Action
		want   []string
	}{
		{"every place where the role is held, once", both, auth.ReadQueue, []string{foreign, home}},
		{"only where the role is enough", both, auth.Assign, []string{home}},
		{"what everybody may is not a place", both, auth.ReadPublic, nil},
		{"a key's own place", actors()["key"], auth.ReadQueue, []string{home}},
		{"nowhere for a resident", actors()["resident"], auth.ReadQueue, nil},
		{"nowhere for nobody", auth.Actor{}, auth.ReadQueue, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.actor.Jurisdictions(tt.action); !slices.Equal(got, tt.want) {
				t.Errorf("jurisdictions %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhoSeesAPrivateReport(t *testing.T) {
	t.Parallel()
	see := map[string][]string{
		"my own abroad":    {"resident", "crew", "handler", "admin", "operator", "program"},
		"private at home":  {"crew", "handler", "admin", "key", "program"},
		"in triage abroad": {"operator", "program"},
		"my token abroad":  {"reporter", "program"},
		"private abroad":   {"program"},
	}
	for place, who := range see {
		for name, actor := range actors() {
			if got, want := actor.CanSee(places()[place]), slices.Contains(who, name); got != want {
				t.Errorf("%s sees what is %s: %v, want %v", name, place, got, want)
			}
		}
	}
	for name, actor := range actors() {
		if !actor.CanSee(places()["public abroad"]) {
			t.Errorf("%s does not see a public report", name)
		}
	}
}

func TestActorInContext(t *testing.T) {
	t.Parallel()
	if a := auth.From(t.Context()); a.Kind != auth.Anonymous || a.PersonID != "" || len(a.Grants) != 0 {
		t.Errorf("a bare context holds %+v", a)
	}
	ctx := auth.With(t.Context(), actors()["crew"])
	if a := auth.From(ctx); a.PersonID != me || !a.Can(auth.ReadQueue, auth.Resource{Jurisdiction: home}) {
		t.Errorf("the context holds %+v", a)
	}
}
