package suite

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/store"
)

// stored is all that the system holds: the rows of every table, renditions, and
// uploads under way. Jobs that are due are waited for.
func (s *system) stored(t *testing.T) map[string]string {
	t.Helper()
	eventually(t, "the end of all jobs", func() bool {
		return s.count(t, "SELECT count(*) FROM jobs WHERE NOT parked") == 0
	})
	all := map[string]string{
		"media": fmt.Sprint(s.blobs(t, "photos/")), "files of uploads": fmt.Sprint(len(filesIn(t, filepath.Join(s.dir, "uploads")))),
		"rows of uploads": fmt.Sprint(s.count(t, "SELECT count(*) FROM uploads")), // which no backup holds
	}
	_, err := store.Backups{DB: s.db}.Dump(t.Context(), func(table backup.Table, rows iter.Seq2[backup.Row, error]) error {
		sum, n := sha256.New(), 0
		for row, err := range rows {
			if err != nil {
				return err
			}
			if err := json.NewEncoder(sum).Encode(row); err != nil {
				return err
			}
			n++
		}
		all[table.Name] = fmt.Sprintf("%d rows, %x", n, sum.Sum(nil))
		return nil
	})
	must(t, err)
	if len(all) < 30 {
		t.Fatalf("only %d tables were looked at", len(all))
	}
	return all
}

// wantStored fails where the system does not hold exactly what it held.
func (s *system) wantStored(t *testing.T, before map[string]string) {
	t.Helper()
	for table, now := range s.stored(t) {
		if now != before[table] {
			t.Errorf("%s changed: from %s to %s", table, before[table], now)
		}
	}
}

func TestHostileInput(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		r := file(t, s.Client, pothole(inSundsvall, nil))
		people := map[string]*apitest.Client{
			"reporter": s.reporter(t, r), "administrator": s.staff(t, auth.Administrator, sundsvall).With("If-Match", `"1"`),
		}
		upload := s.begun(t, 100)
		before := s.stored(t)
		t.Run("reports", func(t *testing.T) { badReports(t, s) })
		t.Run("bodies", func(t *testing.T) { badBodies(t, s, r, people) })
		t.Run("texts", func(t *testing.T) { badTexts(t, s, r, people) })
		t.Run("photos", func(t *testing.T) { badPhotos(t, s, r, people["reporter"]) })
		t.Run("sizes", func(t *testing.T) { badSizes(t, s, r, upload, people["reporter"]) })
		s.wantStored(t, before)
	})
}

// badReports are well-formed and wrong in one field.
func badReports(t *testing.T, s *system) {
	tests := []struct {
		name, field string
		change      fields
	}{
		{"no service", "/service", fields{"service": nil}},
		{"no latitude", "/lat", fields{"lat": nil}},
		{"no longitude", "/lon", fields{"lon": nil}},
		{"a service that is null", "/service", fields{"service": []any{nil}}},
		{"a service by number", "/service", fields{"service": 7}},
		{"an unknown service", "/service", fields{"service": "unicorn"}},
		{"a service that is no code", "/service", fields{"service": "Pot hole"}},
		{"a latitude in words", "/lat", fields{"lat": "62.39"}},
		{"a latitude outside the world", "/lat", fields{"lat": 90.0001}},
		{"a longitude outside the world", "/lon", fields{"lon": -180.5}},
		{"in the sea", "/lat", fields{"lat": 63.5}},
		{"on the other side of the earth", "/lon", fields{"lon": -170}},
		{"a negative accuracy", "/accuracy_m", fields{"accuracy_m": -1}},
		{"an accuracy of the globe", "/accuracy_m", fields{"accuracy_m": 1e9}},
		{"a description too long", "/description", fields{"description": strings.Repeat("å", 4001)}},
		{"an address too long", "/address", fields{"address": strings.Repeat("å", 401)}},
		{"a name too long", "/contact/name", fields{"contact": fields{"name": strings.Repeat("å", 201)}}},
		{"an address that is none", "/contact/email", fields{"contact": fields{"email": "kim"}}},
		{"a header in an address", "/contact/email", fields{"contact": fields{"email": "kim@example.org\r\nBcc: all@example.org"}}},
		{"a phone number in words", "/contact/phone", fields{"contact": fields{"phone": "call me"}}},
		{"an unknown contact field", "/contact/ssn", fields{"contact": fields{"ssn": "19900101-0000"}}},
		{"an unknown field", "/latitude", fields{"latitude": 62}},
		{"an unknown attribute", "/attributes/colour", fields{"attributes": fields{"colour": "red"}}},
		{"an attribute's unknown value", "/attributes/size", fields{"attributes": fields{"size": "enormous"}}},
		{"an attribute of the wrong type", "/attributes/depth-cm", fields{"attributes": fields{"depth-cm": "deep"}}},
		{"a language that is none", "/language", fields{"language": "Svenska!"}},
		{"private in words", "/private", fields{"private": "yes"}},
		{"eleven photos", "/photos", fields{"photos": elevenIDs()}},
		{"a photo twice", "/photos", fields{"photos": []string{elevenIDs()[0], elevenIDs()[0]}}},
		{"a photo that is not there", "/photos/0", fields{"photos": elevenIDs()[:1]}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := pothole(inSundsvall, tt.change)
			problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", body), http.StatusUnprocessableEntity, tt.field)
			problemAt(t, s.in(t).With("Idempotency-Key", s.key()).Form("/v1/reports", reportPart(t, body)), http.StatusUnprocessableEntity, tt.field)
		})
	}
	p := problemAt(t, s.in(t).Send(http.MethodPost, "/v1/reports", pothole(place{62.61, 17.2}, nil)), http.StatusUnprocessableEntity, "/lat")
	if !strings.Contains(p.Detail, "Sundsvall (2281)") || !strings.Contains(p.Detail, "m away") {
		t.Errorf("off the coast: %q names no area and distance", p.Detail)
	}
}

func elevenIDs() (ids []string) {
	for i := range 11 {
		ids = append(ids, fmt.Sprintf("0198c0de-7b1a-4c3e-9f00-5a1d2b3c4d%02d", i))
	}
	return ids
}

// creating are the calls that make something of a JSON body, each with a good
// one and whoever may send it.
func creating(r api.FiledReport) map[string]struct{ who, good string } {
	return map[string]struct{ who, good string }{
		"POST /v1/reports":                            {"", `{"service":"pothole","lat":62.3908,"lon":17.3069}`},
		"POST /v1/reports/" + r.Id + "/updates":       {"reporter", `{"text":"x"}`},
		"POST /v1/reports/" + r.Id + "/support":       {"", `{"voice":"0123456789abcdef"}`},
		"POST /v1/reports/" + r.Id + "/hand-over":     {"administrator", `{"to":"0180"}`},
		"POST /v1/reports/" + r.Id + "/merge":         {"administrator", `{"into":"2281-1999-000001"}`},
		"POST /v1/reports/" + r.Id + "/unmerge":       {"administrator", `{"text":"x"}`},
		"PUT /v1/reports/" + r.Id + "/status":         {"administrator", `{"status":"fixed"}`},
		"PUT /v1/reports/" + r.Id + "/assignee":       {"administrator", `{"assignee":""}`},
		"POST /v1/subscriptions":                      {"", `{"report":"` + r.Id + `","email":"kim@example.org"}`},
		"POST /v1/subscriptions/confirm":              {"", `{"id":"` + r.Id + `","code":"123456"}`},
		"POST /v1/sign-in":                            {"", `{"email":"kim@example.org"}`},
		"POST /v1/sign-in/confirm":                    {"", `{"sign_in_id":"0123456789abcdef","code":"123456"}`},
		"POST /v1/invitations/accept":                 {"", `{"secret":"0123456789abcdef"}`},
		"PUT /v1/jurisdictions/2281":                  {"administrator", `{"name":"Sundsvall","channel":"web"}`},
		"PUT /v1/jurisdictions/2281/services/pothole": {"administrator", `{"disabled":true}`},
		"POST /v1/jurisdictions/2281/staff":           {"administrator", `{"email":"kim@example.org","role":"crew"}`},
		"POST /v1/jurisdictions/2281/keys":            {"administrator", `{"name":"x","scopes":["open311"]}`},
	}
}

func (s *system) sender(t *testing.T, who string, people map[string]*apitest.Client) *apitest.Client {
	if c := people[who]; c != nil {
		return c.WithTest(t)
	}
	return s.in(t)
}

// badBodies are no JSON, or not the JSON that the call takes.
func badBodies(t *testing.T, s *system, r api.FiledReport, people map[string]*apitest.Client) {
	for call, of := range creating(r) {
		method, path, _ := strings.Cut(call, " ")
		c := s.sender(t, of.who, people)
		first, _, _ := strings.Cut(of.good[2:], `"`)
		bad := map[string]struct{ body, at string }{
			"nothing": {}, "half": {of.good[:len(of.good)-1], ""}, "trailing bytes": {of.good + "x", ""}, "two values": {of.good + of.good, ""},
			"a list": {"[" + of.good + "]", ""}, "null": {"null", ""}, "a text": {`"x"`, ""}, "NaN": {strings.Replace(of.good, ":", ":NaN,\"x\":", 1), ""},
			"an unknown field":  {`{"surprise":1,` + of.good[1:], "/surprise"},
			"a field twice":     {strings.TrimSuffix(of.good, "}") + "," + of.good[1:], "/" + first},
			"a byte order mark": {"\ufeff" + of.good, ""},
			"latin-1":           {strings.Replace(of.good, `"`, "\"\xe5", 1), "/\ufffd" + first},
			"deep nesting":      {`{"a":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "}", ""},
		}
		for name, b := range bad {
			if name == "nothing" && (strings.HasSuffix(path, "/support") || strings.HasSuffix(path, "/unmerge")) {
				continue // the calls whose body may be left out
			}
			res := c.Send(method, path, b.body)
			if res.Status != http.StatusBadRequest && res.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s: got %d\n%s", call, name, res.Status, res)
			}
			var p apitest.Problem
			if res.JSON(&p); !slices.ContainsFunc(p.Errors, named(b.at)) {
				t.Errorf("%s with %s: the problem does not name %q: %s", call, name, b.at, res)
			}
		}
		c.With("Content-Type", "text/plain").Send(method, path, of.good).Want(http.StatusUnsupportedMediaType)
	}
}

// named finds what a problem says of a field.
func named(at string) func(problem.FieldError) bool {
	return func(f problem.FieldError) bool { return f.Field == at }
}

// badTexts hold what no text may hold.
func badTexts(t *testing.T, s *system, r api.FiledReport, people map[string]*apitest.Client) {
	calls := []struct{ call, who, body, field string }{
		{"POST /v1/reports", "", `{"service":"pothole","lat":62.3908,"lon":17.3069,"description":"%s"}`, "/description"},
		{"POST /v1/reports", "", `{"service":"pothole","lat":62.3908,"lon":17.3069,"address":"%s"}`, "/address"},
		{"POST /v1/reports", "", `{"service":"pothole","lat":62.3908,"lon":17.3069,"contact":{"name":"%s"}}`, "/contact/name"},
		{"POST /v1/reports", "", `{"service":"pothole","lat":62.3908,"lon":17.3069,"attributes":{"size":"%s"}}`, "/attributes/size"},
		{"POST /v1/reports/" + r.Id + "/updates", "reporter", `{"text":"%s"}`, "/text"},
		{"PUT /v1/reports/" + r.Id + "/status", "administrator", `{"status":"fixed","text":"%s"}`, "/text"},
		{"POST /v1/reports/" + r.Id + "/hand-over", "administrator", `{"to":"0180","text":"%s"}`, "/text"},
		{"PUT /v1/jurisdictions/2281", "administrator", `{"name":"%s","channel":"web"}`, "/name"},
		{"POST /v1/jurisdictions/2281/keys", "administrator", `{"name":"%s","scopes":["open311"]}`, "/name"},
		{"PUT /v1/jurisdictions/2281/services/pothole", "administrator", `{"name":{"sv":"%s","en":"x"}}`, "/name/sv"},
	}
	for _, tt := range calls {
		method, path, _ := strings.Cut(tt.call, " ")
		c := s.sender(t, tt.who, people)
		for _, text := range []string{`a\u0000b`, `a\u0007b`, `a\u001bb`, `a\u007fb`, `a\u0085b`, "a\xffb", "a\xc3\x28b"} {
			res := c.Send(method, path, fmt.Sprintf(tt.body, text))
			problemAt(t, res, http.StatusUnprocessableEntity, tt.field)
		}
	}
}

// badPhotos are none, or more than is decoded.
func badPhotos(t *testing.T, s *system, r api.FiledReport, reporter *apitest.Client) {
	whole := phonePhoto(t, 2)
	bad := map[string][]byte{
		"a text": []byte("This is not a photo."), "nothing": {}, "a truncated JPEG": whole[:len(whole)/2], "a JPEG's head": whole[:4],
		"30,000 × 30,000 pixels": hugePNG(t), "a GIF": []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "a program": []byte("MZ\x90\x00" + strings.Repeat("x", 100)),
		"a drawing that is a program": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"a WebP with nothing in it":   []byte("RIFF\x04\x00\x00\x00WEBP"),
		"a WebP of 16,384 × 16,384":   []byte("RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f\xff\xff\xff\x0f\x00"),
		"a HEIC's brands":             []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"),
		"half a JPEG and HTML":        append(bytes.Clone(whole[:len(whole)/2]), "<html><script>alert(1)</script></html>"...),
		"half a JPEG and a ZIP":       append(bytes.Clone(whole[:len(whole)/2]), "PK\x03\x04a.txtPK\x05\x06"...),
	}
	for name, data := range bad {
		t.Run(name, func(t *testing.T) {
			part := photoPart(data)
			problemAt(t, s.in(t).Form("/v1/photos", part), http.StatusUnprocessableEntity, "photo")
			problemAt(t, reporter.WithTest(t).Form("/v1/reports/"+r.Id+"/photos", part), http.StatusUnprocessableEntity, "photo/0")
			problemAt(t, s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), part), http.StatusUnprocessableEntity, "photo/0")
		})
	}
	problemAt(t, s.in(t).Form("/v1/photos"), http.StatusUnprocessableEntity, "photo")
	problemAt(t, s.in(t).Form("/v1/photos", photoPart(whole), photoPart(whole)), http.StatusUnprocessableEntity, "photo")
	problemAt(t, s.in(t).Form("/v1/photos", apitest.Part{Name: "image", FileName: "a.jpg", Data: whole}), http.StatusUnprocessableEntity, "image")
	problemAt(t, s.in(t).Form("/v1/reports", photoPart(whole)), http.StatusUnprocessableEntity, "report")
}

// zeros is a body without an end of its own.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

// badSizes are refused by what they say of themselves, or when they have said too
// much. The handler is asked without a network, which could lose the answer.
func badSizes(t *testing.T, s *system, r api.FiledReport, upload string, reporter *apitest.Client) {
	const gib, form = 1 << 30, "multipart/form-data; boundary=x"
	photo := "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n"
	handler := handlerOf(t, s.server)
	calls := []struct {
		method, path, media, head string
		most                      int64 // bytes read of what declares no length
	}{
		{"POST", "/v1/reports", "application/json", `{"description":"`, 1 << 17},
		{"POST", "/v1/reports", form, photo, 21 << 20},
		{"POST", "/v1/reports/" + r.Id + "/updates", "application/json", `{"text":"`, 1 << 17},
		{"POST", "/v1/photos", form, photo, 21 << 20},
		{"POST", "/v1/reports/" + r.Id + "/photos", form, photo, 21 << 20},
		{"POST", "/v1/reports/" + r.Id + "/photos", "application/json", `{"photos":["`, 1 << 17},
		{"POST", "/v1/uploads", octets, "", 21 << 20},
		{"PATCH", upload, octets, "", 21 << 20},
	}
	for _, tt := range calls {
		for _, declared := range []int64{gib, -1} {
			body := &zeros{left: gib}
			req := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, io.MultiReader(strings.NewReader(tt.head), body))
			req.ContentLength = declared
			for name, value := range map[string]string{
				"Content-Type": tt.media, "Follow-Token": r.FollowToken, "Tus-Resumable": "1.0.0", "Upload-Length": fmt.Sprint(gib), "Upload-Offset": "0",
			} {
				req.Header.Set(name, value)
			}
			if tt.method == "PATCH" {
				req.Header.Del("Upload-Length")
			}
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, req)
			if rec.Code != http.StatusRequestEntityTooLarge || !strings.Contains(rec.Body.String(), "/problems/too-large") {
				t.Errorf("%s %s %s of %d bytes: got %d\n%s", tt.method, tt.path, tt.media, declared, rec.Code, rec.Body)
			}
			if read := gib - body.left; declared < 0 && read > tt.most || declared > 0 && read > 0 {
				t.Errorf("%s %s %s of %d bytes: %d were read", tt.method, tt.path, tt.media, declared, read)
			}
		}
	}
	large := photoPart(append(phonePhoto(t, 3), make([]byte, 20<<20)...))
	problemAt(t, s.in(t).Form("/v1/photos", large), http.StatusRequestEntityTooLarge, "photo")
	problemAt(t, reporter.WithTest(t).Form("/v1/reports/"+r.Id+"/photos", large), http.StatusRequestEntityTooLarge, "photo")
	problemAt(t, s.in(t).Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), large), http.StatusRequestEntityTooLarge, "photo")
}
