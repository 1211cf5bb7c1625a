package suite

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// The municipalities lie like this, in degrees, with sea around them:
//
//	      17.0        17.5        18.0
//	62.6   +-----------+-----------+
//	       | Sundsvall | Stockholm |
//	62.0   +-----------+-----------+
//	       |       Göteborg        |
//	61.4   +-----------------------+
//
// Sundsvall and Stockholm take reports in their own queues, Göteborg has no
// channel yet.
const (
	sundsvall = "2281"
	stockholm = "0180"
	goteborg  = "1480"
)

// place is a position inside a municipality.
type place struct{ lat, lon float64 }

var (
	inSundsvall = place{62.3908, 17.3069}
	inStockholm = place{62.3, 17.75}
	inGoteborg  = place{61.7, 17.5}
	atSea       = place{63.5, 17.3}
)

func (s *system) loadBoundaries(ctx context.Context) {
	var areas geo.Builder
	must(s.t, areas.Add(rectangle(sundsvall, "Sundsvall", orb.Bound{Min: orb.Point{17, 62}, Max: orb.Point{17.5, 62.6}})))
	must(s.t, areas.Add(rectangle(stockholm, "Stockholm", orb.Bound{Min: orb.Point{17.5, 62}, Max: orb.Point{18, 62.6}})))
	must(s.t, areas.Add(geo.Feature{Code: goteborg, Name: "Göteborg", Geometry: orb.MultiPolygon{{{
		{17, 61.4}, {18, 61.4}, {18, 62}, {17.5, 62}, {17, 62}, {17, 61.4}, // the corner of the others is a vertex here too
	}}}}))
	b := s.server.Router.Boundaries
	set, _, err := b.Import(ctx, &areas, routing.About{Source: "rectangles", Licence: "none", ValidFrom: "2026-01-01"}, s.now())
	must(s.t, err)
	must(s.t, b.Activate(ctx, set.ID, s.now()))
	for code, alias := range map[string]string{sundsvall: "sundsvall.se", stockholm: "stockholm.se"} {
		j, err := s.server.Tenants.Get(ctx, code)
		must(s.t, err)
		j.Channel, j.Aliases = tenant.Web, []string{alias}
		_, err = s.server.Tenants.Put(ctx, j)
		must(s.t, err)
	}
}

func rectangle(code, name string, b orb.Bound) geo.Feature {
	return geo.Feature{Code: code, Name: name, Geometry: orb.MultiPolygon{{b.ToRing()}}}
}

// address makes an e-mail address that nobody has.
func (s *system) address(who string) string {
	return fmt.Sprintf("%s%d@example.org", who, s.made.Add(1))
}

// key makes an idempotency key that nobody has used.
func (s *system) key() string { return fmt.Sprintf("idempotency-key-%d", s.made.Add(1)) }

// staff signs somebody in who holds a role; the operator's jurisdiction is "".
func (s *system) staff(t testing.TB, role auth.Role, jurisdiction string) *apitest.Client {
	t.Helper()
	return s.bearing(t, s.invited(t, role, jurisdiction, s.address(string(role))))
}

// invited accepts an invitation and returns the session.
func (s *system) invited(t testing.TB, role auth.Role, jurisdiction, email string) api.NewSession {
	t.Helper()
	_, secret, err := s.server.Auth.Invite(t.Context(), auth.Itself(), auth.InviteRequest{
		Grant: auth.Grant{Role: role, Jurisdiction: jurisdiction}, Email: email,
	})
	must(t, err)
	var session api.NewSession
	s.in(t).Send(http.MethodPost, "/v1/invitations/accept", map[string]string{"secret": secret}).Want(http.StatusOK).JSON(&session)
	return session
}

// resident signs somebody in by an e-mailed code.
func (s *system) resident(t testing.TB) *apitest.Client {
	t.Helper()
	return s.bearing(t, s.signedIn(t, s.address("resident")))
}

func (s *system) signedIn(t testing.TB, email string) api.NewSession {
	t.Helper()
	var asked api.SignIn
	s.in(t).Send(http.MethodPost, "/v1/sign-in", map[string]string{"email": email}).Want(http.StatusAccepted).JSON(&asked)
	code := s.codes.take(t, auth.SignInMailJob, email)
	var session api.NewSession
	s.in(t).Send(http.MethodPost, "/v1/sign-in/confirm", map[string]string{"sign_in_id": asked.SignInId, "code": code}).Want(http.StatusOK).JSON(&session)
	return session
}

func (s *system) bearing(t testing.TB, session api.NewSession) *apitest.Client {
	return s.in(t).With("Authorization", "Bearer "+session.Token)
}

// apiKey is another system with a key.
func (s *system) apiKey(t testing.TB, jurisdiction string, scopes ...auth.Scope) *apitest.Client {
	t.Helper()
	_, secret, err := s.server.Auth.CreateKey(t.Context(), auth.Itself(), auth.KeyRequest{Jurisdiction: jurisdiction, Name: "test", Scopes: scopes})
	must(t, err)
	return s.in(t).With("X-API-Key", secret)
}

// reporter is whoever shows a report's follow token.
func (s *system) reporter(t testing.TB, r api.FiledReport) *apitest.Client {
	return s.in(t).With("Follow-Token", r.FollowToken)
}

// fields are members of a JSON object.
type fields map[string]any

// pothole is a good report at a place, with some fields otherwise; nil takes a
// field away.
func pothole(at place, other fields) fields {
	body := fields{"service": "pothole", "lat": at.lat, "lon": at.lon, "description": "A deep hole."}
	for name, value := range other {
		if body[name] = value; value == nil {
			delete(body, name)
		}
	}
	return body
}

// file files a report as somebody and returns it.
func file(t testing.TB, c *apitest.Client, body any) (r api.FiledReport) {
	t.Helper()
	c.WithTest(t).Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated).JSON(&r)
	return r
}

// filed files a pothole at a place.
func (s *system) filed(t testing.TB, at place, other fields) api.FiledReport {
	t.Helper()
	return file(t, s.Client, pothole(at, other))
}

// read reads a report as somebody sees it.
func read(t testing.TB, c *apitest.Client, id string) (r api.Report) {
	t.Helper()
	c.WithTest(t).Get("/v1/reports/" + id).Want(http.StatusOK).JSON(&r)
	return r
}

// history reads what happened to a report, as somebody sees it.
func history(t testing.TB, c *apitest.Client, id string) []api.Update {
	t.Helper()
	var list api.UpdateList
	c.WithTest(t).Get("/v1/reports/" + id + "/updates?limit=100").Want(http.StatusOK).JSON(&list)
	return list.Updates
}

// atVersion sends If-Match along.
func atVersion(c *apitest.Client, version int64) *apitest.Client {
	return c.With("If-Match", fmt.Sprintf("%q", fmt.Sprint(version)))
}

// setStatus asks for a status on the report's current version.
func setStatus(t testing.TB, c *apitest.Client, id string, to fields) apitest.Response {
	t.Helper()
	return change(t, c, id, read(t, c, id).Version, to)
}

// here is the path of an absolute address that the system gave, which begins
// with its base URL whatever the client called it by.
func here(t testing.TB, address string) string {
	t.Helper()
	path, ok := strings.CutPrefix(address, baseURL)
	if !ok {
		t.Fatalf("the address %q does not begin with %s", address, baseURL)
	}
	return path
}
