package api_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestOpen311PostIsAnsweredAndReadBack(t *testing.T) {
	onBothDatabases(t, open311PostIsAnsweredAndReadBack)
}

func open311PostIsAnsweredAndReadBack(t *testing.T, sys *system) {
	const text = "  Hål å ä ö 🕳 <b>\"&'\n\n\tsista raden"
	form := sys.pothole(
		"description", strings.ReplaceAll(text, "\n", "\r\n"), "address_string", "Storgatan 1",
		"first_name", "Anna", "last_name", "Andersson", "email", "anna@example.org", "phone", "+46 70 123 45 67",
		"device_id", "phone-7731", "account_id", "account-9917", "attribute[size]", "large",
	)
	a := sys.post(form)
	if a.Status != 200 {
		t.Fatalf("rule 82: status %d: %s", a.Status, a.Body)
	}
	created := only(t, a.document(t)) // rule 81: an array of one
	id := created["service_request_id"].(string)
	if _, ok := created["token"]; ok || len(created) != 3 {
		t.Errorf("rules 81, 82: the answer is %v", created)
	}
	if strings.ContainsAny(id, " ,/") || id == "" {
		t.Errorf("rule 83: id %q", id)
	}
	if created["service_notice"] != "Anmälan är sparad och går till Sundsvall." {
		t.Errorf("service_notice %v", created["service_notice"])
	}
	row := sys.row(t, id) // rule 84: at once
	want := map[string]string{
		"service_request_id": id, "status": "open", "service_code": "pothole", "lat": sundsvallLat, "long": sundsvallLong,
		"description": text, "address": "Storgatan 1", "agency_responsible": "Sundsvall",
		"status_notes": "Mottagen", "service_name": "Potthål och skador i vägen",
	}
	for name, value := range want {
		if got := asText(row[name]); got != value {
			t.Errorf("rule 130: %s = %q, want %q", name, got, value)
		}
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", row["requested_datetime"].(string)) // rule 32
	if d := sys.now().Sub(at); err != nil || d < 0 || d > time.Minute {
		t.Errorf("rule 130: requested_datetime %v", row["requested_datetime"])
	}
	for _, path := range []string{"/v2/requests/" + id + ".xml", "/v2/requests.xml", "/v2/requests/" + id + ".json"} {
		body := string(sys.get(path).Body)
		for _, personal := range []string{"Anna", "Andersson", "anna@", "70 123", "phone-7731", "account-9917"} {
			if strings.Contains(body, personal) {
				t.Errorf("rule 85: %s shows %s", path, personal)
			}
		}
	}
}

// bad is a post that is refused: by status, and by what its first fault says.
type bad struct {
	name    string
	changes []string
	status  int
	says    string
}

func TestOpen311PostIsRefused(t *testing.T) { onBothDatabases(t, open311PostIsRefused) }

func open311PostIsRefused(t *testing.T, sys *system) {
	tests := []bad{
		{"rule 29: no api_key", []string{"api_key", ""}, 403, "api_key required"},
		{"rule 29: a wrong api_key", []string{"api_key", "nonsense"}, 403, "the API key is unknown or revoked"},
		{"no api_key, and nothing else right", []string{"api_key", "", "lat", "x", "service_code", ""}, 403, "api_key required"},
		{"rule 41: no service_code", []string{"service_code", ""}, 400, "service_code required"},
		{"rule 41: an unknown service_code", []string{"service_code", "unicorn"}, 404, "service_code"},
		{"a service that is switched off there", []string{"service_code", "playground"}, 404, "service_code"},
		{"rule 24: an unknown jurisdiction_id", []string{"jurisdiction_id", "9999"}, 404, "jurisdiction_id"},
		{"a jurisdiction_id that is elsewhere", []string{"jurisdiction_id", "2262"}, 400, "jurisdiction_id: the position does not lie in 2262 but in Sundsvall (2281)"},
		{"rule 70: no position", []string{"lat", "", "long", ""}, 400, "lat and long required"},
		{"rule 70: lat alone", []string{"long", ""}, 400, "long required"},
		{"rule 72: only address_string", []string{"lat", "", "long", "", "address_string", "Storgatan 1"}, 400, "location could not be resolved"},
		{"rule 72: only address_id", []string{"lat", "", "long", "", "address_id", "77"}, 400, "location could not be resolved"},
		{"rule 71: NaN", []string{"lat", "NaN"}, 400, "lat: "},
		{"rule 71: infinite", []string{"long", "1e999"}, 400, "long: "},
		{"rule 71: a decimal comma", []string{"lat", "59,27"}, 400, "lat: "},
		{"rule 71: outside the earth", []string{"lat", "91"}, 400, "lat: "},
		{"hexadecimal", []string{"lat", "0x1p4"}, 400, "lat: "},
		{"in the sea", []string{"lat", "0", "long", "0"}, 400, "lat: "},
		{"just outside names the nearest", []string{"lat", "61.99", "long", "17.2"}, 400, "lat: nobody is responsible for this position; the nearest is Sundsvall (2281)"},
		{"rule 74: a required attribute is missing", []string{"service_code", "bin"}, 400, "bin-colour required"},
		{"rule 74: an empty one is missing", []string{"service_code", "bin", "attribute[bin-colour]", " "}, 400, "bin-colour required"},
		{"rule 75: not among the values", []string{"attribute[size]", "enormous"}, 400, "size: "},
		{"rule 75: not a number", []string{"attribute[depth-cm]", "deep"}, 400, "depth-cm: "},
		{"rule 75: a line break in a string", []string{"service_code", "bin", "attribute[bin-colour]", "a\nb"}, 400, "bin-colour: "},
		{"rule 78: 4,001 characters", []string{"description", strings.Repeat("å", 4001)}, 400, "description: "},
		{"a control character", []string{"description", "a\x00b"}, 400, "description: "},
		{"rule 79: media_url that is a file", []string{"media_url", "file:///etc/passwd"}, 400, "media_url: "},
		{"rule 79: media_url with a password", []string{"media_url", "http://a:b@example.org/"}, 400, "media_url: "},
		{"email that is none", []string{"email", "nobody"}, 400, "email: "},
	}
	for _, tt := range tests {
		for _, format := range []string{"xml", "json"} {
			t.Run(tt.name+" in "+format, func(t *testing.T) {
				a := sys.postTo("/v2/requests."+format, sys.pothole(tt.changes...))
				if a.Status != tt.status {
					t.Fatalf("status %d, want %d: %s", a.Status, tt.status, a.Body)
				}
				first := a.faults(t)[0]
				if want := fmt.Sprintf("%d %s", tt.status, tt.says); !strings.HasPrefix(first, want) {
					t.Errorf("rules 35, 36: the first fault is %q, want %q…", first, want)
				}
			})
		}
	}
	if ids := sys.ids(t, ""); len(ids) > 0 {
		t.Errorf("refused posts have left %v", ids)
	}
}

func TestOpen311PostNamesEveryFault(t *testing.T) { onBothDatabases(t, open311PostNamesEveryFault) }

func open311PostNamesEveryFault(t *testing.T, sys *system) {
	a := sys.post(sys.pothole("lat", "x", "service_code", "", "media_url", "ftp://example.org/"))
	if got := a.faults(t); len(got) != 3 {
		t.Errorf("rule 37: %q", got)
	}
	a = sys.post(sys.pothole("attribute[size]", "x", "attribute[depth-cm]", "y"))
	if got := a.faults(t); len(got) != 2 {
		t.Errorf("rule 74: %q", got)
	}
}

// What clients in use send, and what is as good.
func TestOpen311PostIsTaken(t *testing.T) { onBothDatabases(t, open311PostIsTaken) }

func open311PostIsTaken(t *testing.T, sys *system) {
	tests := []struct {
		name    string
		changes []string
	}{
		{"rule 77: no description, nobody's name", []string{"description", ""}},
		{"rule 78: 4,000 characters of four bytes", []string{"description", strings.Repeat("🕳", 4000)}},
		{"rule 33: unknown parameters", []string{"deviceid", "1", "service_name", "x"}},
		{"rule 76: unknown attributes", []string{"attribute[easting]", "617000", "attribute[uprn]", "1"}},
		{"rule 23: the jurisdiction", []string{"jurisdiction_id", "2281"}},
		{"rule 23: its alias", []string{"jurisdiction_id", "sundsvall.se"}},
		{"rule 26: empty is absent", []string{"jurisdiction_id", " ", "email", " ", "media_url", " "}},
		{"rule 70: position and address", []string{"address_string", "Storgatan 1", "address_id", "7"}},
		{"rule 79: media_url", []string{"media_url", "https://example.org/a.jpg"}},
		{"an exponent, as JSON may have it", []string{"lat", "6.23908e1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := sys.pothole(tt.changes...)
			row := sys.row(t, sys.filed(t, form))
			if got := row["description"]; got != nil && got != form.Get("description") || got == nil && form.Get("description") != "" {
				t.Errorf("rule 78: the description changed: %.80q", got)
			}
		})
	}
}

func TestOpen311ParametersMayStandInTheQuery(t *testing.T) {
	onBothDatabases(t, open311ParametersMayStandInTheQuery)
}

func open311ParametersMayStandInTheQuery(t *testing.T, sys *system) {
	inQuery := url.Values{"api_key": {sys.AnyKey}, "jurisdiction_id": {"2281"}} // rules 27, 29
	if a := sys.postTo("/v2/requests.json?"+inQuery.Encode(), sys.pothole("api_key", "")); a.Status != 200 {
		t.Errorf("key and jurisdiction in the query: status %d: %s", a.Status, a.Body)
	}
	if a := sys.postTo("/v2/requests.json?"+sys.pothole().Encode(), nil); a.Status != 200 { // rule 87
		t.Errorf("all of it in the query: status %d: %s", a.Status, a.Body)
	}
	if a := sys.postTo("/v2/requests.json?jurisdiction_id=9999", sys.pothole()); a.Status != 404 {
		t.Errorf("rule 24: an unknown jurisdiction in the query: status %d", a.Status)
	}
}

func TestOpen311KeysFileWhereTheyBelong(t *testing.T) {
	onBothDatabases(t, open311KeysFileWhereTheyBelong)
}

func open311KeysFileWhereTheyBelong(t *testing.T, sys *system) {
	timra := []string{"lat", timraLat, "long", timraLong}
	_, noScope, err := sys.Server.Auth.CreateKey(t.Context(), auth.Itself(), auth.KeyRequest{
		Jurisdiction: "2281", Name: "reads only", Scopes: []auth.Scope{auth.ScopeReportsRead},
	})
	must(t, err)
	tests := []struct {
		name, key string
		changes   []string
		status    int
		says      string
	}{
		{"a key of none, in one", sys.AnyKey, nil, 200, ""},
		{"a key of none, in the other", sys.AnyKey, timra, 200, ""},
		{"a jurisdiction's key, at home", sys.SundsvallKey, nil, 200, ""},
		{"a jurisdiction's key, at home by name", sys.SundsvallKey, []string{"jurisdiction_id", "2281"}, 200, ""},
		{"a jurisdiction's key, elsewhere", sys.SundsvallKey, timra, 400, "400 jurisdiction_id: the position does not lie in 2281 but in Timrå (2262)"},
		{"a jurisdiction's key, elsewhere by name", sys.SundsvallKey, append(timra, "jurisdiction_id", "2262"), 403, "403 "},
		{"a key without the scope", noScope, nil, 403, "403 "},
		{"a session's token is no key", "kts_" + strings.Repeat("A", 43), nil, 403, "403 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := sys.post(sys.pothole(append(tt.changes, "api_key", tt.key)...))
			if a.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", a.Status, tt.status, a.Body)
			}
			if tt.says != "" && !strings.HasPrefix(a.faults(t)[0], tt.says) {
				t.Errorf("the fault is %q", a.faults(t))
			}
		})
	}
}

func TestOpen311SaysWhenAReportIsHeld(t *testing.T) { onBothDatabases(t, open311SaysWhenAReportIsHeld) }

func open311SaysWhenAReportIsHeld(t *testing.T, sys *system) {
	form := sys.pothole("lat", timraLat, "long", timraLong)
	a := sys.post(form, "Accept-Language", "en")
	created := only(t, a.document(t))
	const held = "The report is stored. Timrå does not take reports here yet, so it waits with whoever runs this service."
	if created["service_notice"] != held {
		t.Errorf("rule 84: service_notice %v", created["service_notice"])
	}
	id := created["service_request_id"].(string)
	row := only(t, sys.get("/v2/requests/"+id+".json", "Accept-Language", "en").document(t))
	if row["service_notice"] != held || row["status_notes"] != "Received" {
		t.Errorf("the request says %v", row)
	}
}

func TestOpen311EqualPostsAreTwoRequests(t *testing.T) {
	onBothDatabases(t, open311EqualPostsAreTwoRequests)
}

func open311EqualPostsAreTwoRequests(t *testing.T, sys *system) {
	if a, b := sys.filed(t, sys.pothole()), sys.filed(t, sys.pothole()); a == b { // rule 86
		t.Errorf("two posts gave one request %s", a)
	}
}

func TestOpen311RepeatsAreKnown(t *testing.T) { onBothDatabases(t, open311RepeatsAreKnown) }

func open311RepeatsAreKnown(t *testing.T, sys *system) {
	byNumber := sys.pothole("attribute[fixmystreet_id]", "4711")
	first := sys.filed(t, byNumber)
	byNumber.Set("description", "edited meanwhile") // FixMyStreet sends its report as it is now
	if again := sys.filed(t, byNumber); again != first {
		t.Errorf("FixMyStreet's report 4711 is %s and %s", first, again)
	}
	if other := sys.filed(t, sys.pothole("attribute[fixmystreet_id]", "4712")); other == first {
		t.Error("FixMyStreet's reports 4711 and 4712 are one")
	}
	byNumber.Set("api_key", sys.SundsvallKey)
	if other := sys.filed(t, byNumber); other == first {
		t.Error("two sites' reports 4711 are one")
	}
	const key = "one-key-of-a-client-0001"
	first = sys.filed(t, sys.pothole(), "Idempotency-Key", key)
	if again := sys.filed(t, sys.pothole(), "Idempotency-Key", key); again != first {
		t.Errorf("one key gave %s and %s", first, again)
	}
	if a := sys.post(sys.pothole("description", "another"), "Idempotency-Key", key); a.Status != 400 {
		t.Errorf("a used key with another request: status %d", a.Status)
	}
	if a := sys.post(sys.pothole(), "Idempotency-Key", "short"); a.Status != 400 {
		t.Errorf("a key that is too short: status %d", a.Status)
	}
}

func TestOpen311AttributesInEveryWriting(t *testing.T) {
	onBothDatabases(t, open311AttributesInEveryWriting)
}

func open311AttributesInEveryWriting(t *testing.T, sys *system) {
	for name, fields := range map[string][2]string{ // rule 73
		"[] as specified": {"attribute[kind][]", "attribute[kind][]"},
		"[0] as PHP has":  {"attribute[kind][0]", "attribute[kind][1]"},
		"repeated":        {"attribute[kind]", "attribute[kind]"},
	} {
		t.Run(name, func(t *testing.T) {
			def := sys.both(t, "/v2/services/litter", "").(map[string]any)
			values := list(t, list(t, def["attributes"])[0]["values"])
			form := sys.pothole("service_code", "litter")
			form.Add(fields[0], values[0]["key"].(string))
			form.Add(fields[1], values[1]["key"].(string))
			r, err := sys.Server.Reports.Read(t.Context(), crew(), sys.filed(t, form))
			must(t, err)
			if got := fmt.Sprint(r.Attributes["kind"].Values()); got != fmt.Sprint([]any{values[0]["key"], values[1]["key"]}) {
				t.Errorf("stored is %s", got)
			}
		})
	}
}

func TestOpen311Multipart(t *testing.T) { onBothDatabases(t, open311Multipart) }

func open311Multipart(t *testing.T, sys *system) {
	picture := jpegBytes(t)
	for _, field := range []string{"media", "photo1", "file_1", "media[]"} { // rule 80
		t.Run(field, func(t *testing.T) {
			a := sys.postMultipart(t, sys.pothole(), map[string][]byte{field: picture})
			if a.Status != 200 {
				t.Fatalf("rule 14: status %d: %s", a.Status, a.Body)
			}
			row := sys.row(t, only(t, a.document(t))["service_request_id"].(string))
			shown, _ := row["media_url"].(string)
			if !strings.HasPrefix(shown, baseURL+"/photos/") { // rule 105
				t.Fatalf("media_url %v", row["media_url"])
			}
			photo := sys.send(sys.request("GET", strings.TrimPrefix(shown, baseURL), nil))
			if photo.Status != 200 || photo.Header.Get("Content-Type") != "image/jpeg" {
				t.Errorf("rule 105: the photo is %d, %s", photo.Status, photo.Header.Get("Content-Type"))
			}
		})
	}
	t.Run("rule 15: a boundary of equals signs, bare", func(t *testing.T) {
		body, boundary := multipartBody(t, sys.pothole(), map[string][]byte{"media": picture})
		body = bytes.ReplaceAll(body, []byte(boundary), []byte("===1795==="))
		req := sys.request("POST", "/open311/v2/requests.xml", bytes.NewReader(body))
		req.Header.Set("Content-Type", "multipart/form-data; boundary====1795===")
		if a := sys.send(req); a.Status != 200 {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	})
}

func TestOpen311BadFilesLeaveNothing(t *testing.T) { onBothDatabases(t, open311BadFilesLeaveNothing) }

func open311BadFilesLeaveNothing(t *testing.T, sys *system) {
	many := map[string][]byte{}
	for i := range 11 {
		many[fmt.Sprintf("photo%d", i)] = jpegBytes(t)
	}
	for _, tt := range []struct {
		name   string
		files  map[string][]byte
		status int
	}{
		{"rule 80: a text", map[string][]byte{"media": []byte("not a picture")}, 400},
		{"rule 80: a cut JPEG", map[string][]byte{"media": jpegBytes(t)[:200]}, 400},
		{"rule 80: too large", map[string][]byte{"media": make([]byte, 20<<20+1)}, 413},
		{"eleven", many, 400},
		{"one bad among good ones", map[string][]byte{"photo1": jpegBytes(t), "photo2": []byte("x")}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := sys.postMultipart(t, sys.pothole(), tt.files)
			if a.Status != tt.status {
				t.Errorf("status %d, want %d: %s", a.Status, tt.status, a.Body)
			}
			a.faults(t)
		})
	}
	if ids := sys.ids(t, ""); len(ids) > 0 {
		t.Errorf("refused posts have left %v", ids)
	}
}

func TestOpen311LatinOneBodies(t *testing.T) { onBothDatabases(t, open311LatinOneBodies) }

func open311LatinOneBodies(t *testing.T, sys *system) {
	form := sys.pothole("description", "").Encode() + "&description=h%E5l" // rule 17
	req := sys.request("POST", "/open311/v2/requests.json", strings.NewReader(form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	id := only(t, sys.send(req).document(t))["service_request_id"].(string)
	if got := sys.row(t, id)["description"]; got != "hål" {
		t.Errorf("description %q", got)
	}
}

// A report by Open311 whose jurisdiction then gets a channel is released.
func TestOpen311HeldReportIsReleased(t *testing.T) { onBothDatabases(t, open311HeldReportIsReleased) }

func open311HeldReportIsReleased(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole("lat", timraLat, "long", timraLong))
	j, err := sys.Server.Tenants.Get(t.Context(), "2262")
	must(t, err)
	j.Channel = tenant.Web
	_, err = sys.Server.Tenants.Put(t.Context(), j)
	must(t, err)
	sys.pass(2 * time.Second)
	if notice, ok := sys.row(t, id)["service_notice"]; ok {
		t.Errorf("the request still says %v", notice)
	}
}

// What a service does not ask for may be anything, a name too: it is kept for
// the staff, and no public answer of either API shows it.
func TestOpen311AttributesOfAnotherSystemAreNotPublic(t *testing.T) {
	onBothDatabases(t, open311AttributesOfAnotherSystemAreNotPublic)
}

func open311AttributesOfAnotherSystemAreNotPublic(t *testing.T, sys *system) {
	id := sys.filed(t, sys.pothole("attribute[size]", "large", "attribute[reported_by]", "Anna Andersson"))
	body := sys.send(sys.request("GET", "/v1/reports/"+id, nil)).Body
	if !bytes.Contains(body, []byte(`"attributes":{"size":"large"}`)) || bytes.Contains(body, []byte("Anna")) {
		t.Errorf("the public report is %s", body)
	}
}
