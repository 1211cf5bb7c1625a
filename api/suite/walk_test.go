package suite

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/openapi"
)

// Who walks the routes, in the order of the columns of the table. Own staff and
// keys are Sundsvall's, foreign staff is Stockholm's.
var walkers = []string{
	"anyone", "resident", "reporter",
	"crew", "handler", "administrator",
	"foreign crew", "foreign handler", "foreign administrator",
	"operator",
	"key for open311", "key for reports:read", "key for reports:contact", "key for reports:write",
}

// Rows that many calls share. "o" is allowed, 1 is 401, 3 is 403 and 4 is 404.
const (
	open      = "ooo ooo ooo o oooo"
	adminOnly = "131 33o 333 3 3333"
)

// row says how a call ends for each of the walkers.
type row struct {
	operation, about string
	method, path     string // {report} is a report in Sundsvall, {told} one with held words, {held} one in triage, {…-private} the same but private; {photo} is one of its photos, {masked} one that is masked
	body             any    // nil for none, a photo for a form
	want             string // by walker; blanks are for the eye
}

// aPhoto stands for a form with one photo.
type aPhoto struct{}

// tusHeader stands for a request of the tus protocol with this header.
type tusHeader struct{ name, value string }

var walk = []row{
	{"getApiInfo", "", "GET", "/v1/api-info", nil, open},
	{"getLocate", "", "GET", "/v1/locate?lat=62.3&lon=17.3", nil, open},
	{"listServices", "", "GET", "/v1/services?jurisdiction=2281", nil, open},
	{"listJurisdictions", "", "GET", "/v1/jurisdictions", nil, open},
	{"getJurisdiction", "", "GET", "/v1/jurisdictions/2281", nil, open},
	{"getJurisdictionBoundary", "", "GET", "/v1/jurisdictions/2281/boundary", nil, open},
	{"getTile", "with areas", "GET", "/tiles/areas/8/140/71.mvt", nil, open},
	{"getTile", "without", "GET", "/tiles/areas/8/0/0.mvt", nil, open},
	{"getPushKey", "", "GET", "/v1/push-key", nil, open},
	{"listReports", "", "GET", "/v1/reports", nil, open},
	{"postReport", "", "POST", "/v1/reports", pothole(inSundsvall, nil), open},
	{"postReportCheck", "", "POST", "/v1/reports/check", fields{"description": "x"}, open},
	{"postPhoto", "", "POST", "/v1/photos", aPhoto{}, open},
	{"optionsUploads", "", "OPTIONS", "/v1/uploads", nil, open},
	{"postUpload", "", "POST", "/v1/uploads", tusHeader{"Upload-Length", "100"}, open},
	{"getUpload", "", "GET", "/v1/uploads/{upload}", nil, open}, // whoever has the address
	{"patchUpload", "", "PATCH", "/v1/uploads/{upload}", tusHeader{"Upload-Offset", "0"}, open},
	{"deleteUpload", "", "DELETE", "/v1/uploads/{upload}", tusHeader{}, open},
	{"postSignIn", "", "POST", "/v1/sign-in", fields{"email": "{address}"}, open},
	{"postSignInConfirm", "", "POST", "/v1/sign-in/confirm", fields{"sign_in_id": strings.Repeat("A", 43), "code": "123456"}, open}, // a wrong code is 422
	{"postInvitationAccept", "", "POST", "/v1/invitations/accept", fields{"secret": "ksi_" + strings.Repeat("A", 43)}, open},
	{"postSubscription", "an area", "POST", "/v1/subscriptions", fields{"email": "{address}", "area": fields{"lat": 62.3, "lon": 17.3, "radius_m": 100}}, open},
	{"postSubscription", "a report", "POST", "/v1/subscriptions", fields{"email": "{address}", "report": "{report}"}, open},
	{"postSubscription", "a private report", "POST", "/v1/subscriptions", fields{"email": "{address}", "report": "{report-private}"}, "44o ooo 444 4 4o44"},
	{"postSubscriptionConfirm", "", "POST", "/v1/subscriptions/confirm", fields{"id": "0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e", "code": "123456"}, open},
	{"deleteSubscription", "", "DELETE", "/v1/subscriptions/" + strings.Repeat("A", 64), nil, open},

	{"getReport", "public", "GET", "/v1/reports/{report}", nil, open},
	{"getReport", "private", "GET", "/v1/reports/{report-private}", nil, "44o ooo 444 4 4o44"},
	{"getReport", "private, in triage", "GET", "/v1/reports/{held-private}", nil, "44o 444 444 o 4444"},
	{"listReportUpdates", "public", "GET", "/v1/reports/{report}/updates", nil, open},
	{"listReportUpdates", "private", "GET", "/v1/reports/{report-private}/updates", nil, "44o ooo 444 4 4o44"},
	{"getReportRouting", "public", "GET", "/v1/reports/{report}/routing", nil, open},
	{"getReportRouting", "private", "GET", "/v1/reports/{report-private}/routing", nil, "44o ooo 444 4 4o44"},
	{"listReportPhotos", "public", "GET", "/v1/reports/{report}/photos", nil, open},
	{"listReportPhotos", "private", "GET", "/v1/reports/{report-private}/photos", nil, "44o ooo 444 4 4o44"},
	{"postReportSupport", "public", "POST", "/v1/reports/{report}/support", nil, open},
	{"postReportSupport", "private", "POST", "/v1/reports/{report-private}/support", nil, "443 333 444 4 4344"}, // there is nobody to support it
	{"deleteReport", "", "DELETE", "/v1/reports/{report}", nil, "13o 3oo 333 3 3333"},
	{"deleteReport", "private", "DELETE", "/v1/reports/{report-private}", nil, "14o 3oo 444 4 4344"},
	{"deleteReportPersonalData", "", "DELETE", "/v1/reports/{report}/personal-data", nil, "13o 3oo 333 3 3333"},
	{"postReportUpdate", "public", "POST", "/v1/reports/{report}/updates", fields{"text": "x"}, "1oo ooo ooo o 333o"},
	{"postReportUpdate", "an internal note", "POST", "/v1/reports/{report}/updates", fields{"text": "x", "internal": true}, "133 ooo 333 3 333o"},
	{"postReportUpdate", "private", "POST", "/v1/reports/{report-private}/updates", fields{"text": "x"}, "14o ooo 444 4 4344"},
	{"postReportPhoto", "public", "POST", "/v1/reports/{report}/photos", aPhoto{}, "1oo ooo ooo o 333o"},

	{"putReportStatus", "", "PUT", "/v1/reports/{report}/status", fields{"status": "in-progress"}, "133 ooo 333 3 333o"},
	{"putReportStatus", "private", "PUT", "/v1/reports/{report-private}/status", fields{"status": "in-progress"}, "143 ooo 444 4 4344"},
	{"putReportStatus", "in triage", "PUT", "/v1/reports/{held}/status", fields{"status": "in-progress"}, "133 333 333 o 3333"},
	{"postReportHandOver", "", "POST", "/v1/reports/{report}/hand-over", fields{"to": stockholm}, "133 3oo 333 3 333o"},
	{"postReportHandOver", "in triage", "POST", "/v1/reports/{held}/hand-over", fields{"to": stockholm}, "133 333 333 o 3333"},
	{"putReportText", "held words", "PUT", "/v1/reports/{told}/text", fields{"text": "x"}, "133 3oo 333 3 3333"},
	{"putReportAssignee", "", "PUT", "/v1/reports/{report}/assignee", fields{"assignee": "{colleague}"}, "133 3oo 333 3 3333"},
	{"postReportMerge", "", "POST", "/v1/reports/{report}/merge", fields{"into": "{other}"}, "133 3oo 333 3 3333"},
	{"postReportMerge", "private", "POST", "/v1/reports/{report-private}/merge", fields{"into": "{other}"}, "143 3oo 444 4 4344"},
	{"postReportUnmerge", "", "POST", "/v1/reports/{report}/unmerge", fields{"text": "x"}, "133 3oo 333 3 3333"},
	{"listReportVoices", "public", "GET", "/v1/reports/{report}/voices", nil, open},
	{"listReportVoices", "private", "GET", "/v1/reports/{report-private}/voices", nil, "44o ooo 444 4 4o44"},
	{"putReportPhotoMasks", "", "PUT", "/v1/reports/{report}/photos/{photo}/masks", fields{"areas": []fields{secretPlace}}, "133 3oo 333 3 3333"},
	{"putReportPhotoMasks", "private", "PUT", "/v1/reports/{report-private}/photos/{photo}/masks", fields{"areas": []fields{secretPlace}}, "143 3oo 444 4 4344"},
	{"postReportPhotoRelease", "", "POST", "/v1/reports/{report}/photos/{photo}/release", nil, "133 3oo 333 3 3333"},
	{"getReportPhotoUnmasked", "", "GET", "/v1/reports/{report}/photos/{masked}/unmasked", nil, "133 3oo 333 3 3333"},
	{"deleteReportPhoto", "", "DELETE", "/v1/reports/{report}/photos/{photo}", nil, "133 3oo 333 3 3333"},

	{"listQueue", "one's own", "GET", "/v1/queue", nil, "131 ooo ooo o 3o33"},
	{"listQueue", "Sundsvall's", "GET", "/v1/queue?jurisdiction=2281", nil, "131 ooo 333 3 3o33"},

	{"putJurisdiction", "", "PUT", "/v1/jurisdictions/2281", fields{"name": "Sundsvall", "channel": "web", "aliases": []string{"sundsvall.se"}}, "131 33o 333 o 3333"},
	{"putJurisdiction", "a new one", "PUT", "/v1/jurisdictions/9999", fields{"name": "Atlantis", "channel": "none"}, "131 333 333 o 3333"},
	{"putJurisdictionService", "", "PUT", "/v1/jurisdictions/2281/services/playground", fields{"disabled": true}, adminOnly},
	{"getJurisdictionRules", "", "GET", "/v1/jurisdictions/2281/rules", nil, adminOnly},
	{"putJurisdictionRules", "", "PUT", "/v1/jurisdictions/2281/rules", fields{"rules": []fields{{"id": "area", "outcome": "stay"}}}, adminOnly},
	{"getRules", "", "GET", "/v1/rules", nil, "131 333 333 o 3333"},
	{"putRules", "", "PUT", "/v1/rules", fields{"rules": []fields{{"id": "area", "outcome": "stay"}}}, "131 333 333 o 3333"},
	{"listStaff", "", "GET", "/v1/jurisdictions/2281/staff", nil, adminOnly},
	{"postStaff", "", "POST", "/v1/jurisdictions/2281/staff", fields{"email": "{address}", "role": "crew"}, adminOnly},
	{"deleteStaff", "", "DELETE", "/v1/jurisdictions/2281/staff/{colleague}", nil, adminOnly},
	{"listKeys", "", "GET", "/v1/jurisdictions/2281/keys", nil, adminOnly},
	{"postKey", "", "POST", "/v1/jurisdictions/2281/keys", fields{"name": "x", "scopes": []string{"open311"}}, adminOnly},
	{"deleteKey", "", "DELETE", "/v1/jurisdictions/2281/keys/{key}", nil, adminOnly},

	{"listParkedJobs", "", "GET", "/v1/jobs/parked", nil, "131 333 333 o 3333"},
	{"postJobRetry", "one that is not parked", "POST", "/v1/jobs/0198c0de-7b1a-7c3e-9f00-5a1d2b3c4d5e/retry", nil, "131 333 333 4 3333"},
	{"getSession", "", "GET", "/v1/session", nil, "1o1 ooo ooo o 1111"},
	{"deleteSession", "", "DELETE", "/v1/session", nil, "1o1 ooo ooo o 3333"}, // the last: nobody is signed in afterwards
}

// Rights are denied by default: every call of the contract has a row, and every
// row a column for everybody.
func TestEveryRouteHasARow(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.V1())
	must(t, err)
	rows := map[string]bool{}
	for _, r := range walk {
		rows[r.operation] = true
		if n := len(strings.ReplaceAll(r.want, " ", "")); n != len(walkers) {
			t.Errorf("%s %s has %d columns, want %d", r.operation, r.about, n, len(walkers))
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !rows[op.OperationID] {
				t.Errorf("%s %s (%s) has no row: say who may call it", method, path, op.OperationID)
			}
			delete(rows, op.OperationID)
		}
	}
	for op := range rows {
		t.Errorf("%s is not in the contract", op)
	}
}

func TestEveryRouteForEveryRole(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		clients := s.walkers(t)
		admin := clients["administrator"]
		for _, r := range walk {
			t.Run(strings.TrimSpace(r.operation+" "+r.about), func(t *testing.T) {
				var things *scene
				for i, want := range strings.ReplaceAll(r.want, " ", "") {
					if things == nil {
						things = r.scene(t, s, admin)
					}
					res := r.call(t, s, things, walkers[i], clients[walkers[i]].WithTest(t))
					got := outcome(res.Status)
					if got != want {
						t.Errorf("%s: %c (%d), want %c\n%s", walkers[i], got, res.Status, want, res)
					}
					if got != '1' && got != '3' && got != '4' && r.method != http.MethodGet {
						things = nil // changed: the next one gets others
					}
				}
			})
		}
	})
}

// outcome is the class of an answer; what is refused for its content was allowed.
func outcome(status int) rune {
	switch {
	case status == http.StatusUnauthorized:
		return '1'
	case status == http.StatusForbidden:
		return '3'
	case status == http.StatusNotFound:
		return '4'
	case status < 300, status == http.StatusUnprocessableEntity:
		return 'o'
	}
	return '!'
}

func (s *system) walkers(t *testing.T) map[string]*apitest.Client {
	clients := map[string]*apitest.Client{"anyone": s.Client, "reporter": s.Client, "resident": s.resident(t), "operator": s.staff(t, auth.Operator, "")}
	for _, role := range []auth.Role{auth.Crew, auth.Handler, auth.Administrator} {
		clients[string(role)] = s.staff(t, role, sundsvall)
		clients["foreign "+string(role)] = s.staff(t, role, stockholm)
	}
	for _, scope := range auth.Scopes() {
		clients["key for "+string(scope)] = s.apiKey(t, sundsvall, scope)
	}
	return clients
}

// scene is what a call is about.
type scene struct {
	names map[string]string // what stands for the words in braces
	token string            // of the report in question, else of some report
}

// scene makes the things that a row names.
func (r row) scene(t *testing.T, s *system, admin *apitest.Client) *scene {
	t.Helper()
	made := &scene{names: map[string]string{}}
	for name, at := range map[string]place{"{report}": inSundsvall, "{held}": inGoteborg, "{report-private}": inSundsvall, "{held-private}": inGoteborg} {
		if r.names(name) {
			filed := r.file(t, s, at, strings.HasSuffix(name, "-private}"), made)
			made.names[name], made.token = filed.Id, filed.FollowToken
		}
	}
	if r.names("{told}") {
		filed := heldReport(t, s)
		made.names["{told}"], made.token = filed.Id, filed.FollowToken
	}
	if made.token == "" {
		made.token = s.filed(t, inSundsvall, nil).FollowToken
	}
	if r.names("{other}") {
		made.names["{other}"] = s.filed(t, inSundsvall, nil).Id
	}
	if r.names("{colleague}") {
		made.names["{colleague}"] = s.invited(t, auth.Crew, sundsvall, s.address("colleague")).Person.Id
	}
	if r.names("{upload}") {
		made.names["{upload}"] = strings.TrimPrefix(s.begun(t, 100), "/v1/uploads/")
	}
	if r.names("{key}") {
		var key api.MadeKey
		admin.WithTest(t).Send(http.MethodPost, "/v1/jurisdictions/2281/keys", fields{"name": "x", "scopes": []string{"open311"}}).Want(http.StatusCreated).JSON(&key)
		made.names["{key}"] = key.Id
	}
	return made
}

// file files the report that a row is about, with the photo that it names.
func (r row) file(t *testing.T, s *system, at place, private bool, made *scene) api.FiledReport {
	t.Helper()
	if !r.names("{photo}") && !r.names("{masked}") {
		return s.filed(t, at, fields{"private": private})
	}
	filed := s.filedWithSecret(t, fields{"private": private})
	made.names["{photo}"], made.names["{masked}"] = filed.Photos[0].Id, filed.Photos[0].Id
	if r.names("{masked}") {
		s.rulePhotos(t, fields{"keep_unmasked": true})
		mask(t, s.staff(t, auth.Handler, sundsvall), filed, secretPlace).Want(http.StatusOK)
	}
	return filed
}

func (r row) names(what string) bool {
	if body, ok := r.body.(fields); ok {
		for _, v := range body {
			if v == what {
				return true
			}
		}
	}
	return strings.Contains(r.path, what)
}

// call makes the call for one walker.
func (r row) call(t *testing.T, s *system, about *scene, who string, c *apitest.Client) apitest.Response {
	t.Helper()
	path := r.path
	for name, value := range about.names {
		path = strings.ReplaceAll(path, name, value)
	}
	if who == "reporter" {
		c = c.With("Follow-Token", about.token)
	}
	if j, ok := strings.CutPrefix(path, "/v1/jurisdictions/"); ok && r.method == http.MethodPut {
		j, _, _ = strings.Cut(j, "/")
		c = c.With("If-Match", s.in(t).Get("/v1/jurisdictions/"+j).Header.Get("ETag"))
	} else if r.method == http.MethodPut || strings.HasSuffix(path, "/hand-over") || strings.HasSuffix(path, "merge") || strings.Contains(path, "/photos/") {
		c = c.With("If-Match", `"1"`)
	}
	switch body := r.body.(type) {
	case aPhoto:
		return c.Form(path, photoPart(phonePhoto(t, 1)))
	case tusHeader:
		c = c.With("Tus-Resumable", "1.0.0").With("Content-Type", octets)
		if body.name != "" {
			c = c.With(body.name, body.value)
		}
	case fields:
		filled := fields{}
		for field, v := range body {
			filled[field] = v
			if name, ok := v.(string); ok && about.names[name] != "" {
				filled[field] = about.names[name]
			} else if v == "{address}" {
				filled[field] = s.address("walker")
			}
		}
		return c.Send(r.method, path, filled)
	}
	return c.Send(r.method, path, nil)
}
