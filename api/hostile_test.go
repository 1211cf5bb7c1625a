package api

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/problem"
)

func newDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// badReports are bodies of POST /v1/reports that must not reach a handler.
var badReports = []struct {
	name, body  string
	kind        problem.Kind
	field, code string
}{
	{"nothing", "", problem.BadRequest, "", "malformed"},
	{"only a space", " ", problem.BadRequest, "", "malformed"},
	{"not JSON", "service=pothole", problem.BadRequest, "", "malformed"},
	{"cut short", `{"service":"pothole","lat":62`, problem.BadRequest, "", "malformed"},
	{"a comma too many", `{"service":"pothole",}`, problem.BadRequest, "", "malformed"},
	{"no commas", `{"service":"pothole" "lat":1}`, problem.BadRequest, "", "malformed"},
	{"NaN", aReport("lat", "NaN"), problem.BadRequest, "", "malformed"},
	{"a raw control character", aReport("description", "\"a\x01b\""), problem.BadRequest, "", "malformed"},
	{"something after it", aReport("", "") + "{}", problem.BadRequest, "", "trailing-bytes"},
	{"a stray bracket after it", aReport("", "") + "]", problem.BadRequest, "", "trailing-bytes"},
	{"100,000 levels", strings.Repeat("[", 50_000), problem.BadRequest, "", "too-deep"},
	{"deep inside a member", aReport("attributes", strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40)), problem.BadRequest, "", "too-deep"},
	{"more values than are read", aReport("photos", "["+strings.Repeat("1,", 5000)+"1]"), problem.BadRequest, "", "too-many"},
	{"not UTF-8 in a name", "{\"ser\xffvice\":1}", problem.Invalid, "/ser\uFFFDvice", "not-utf-8"},
	{"not UTF-8 in a text", aReport("description", "\"\xff\xfe\""), problem.Invalid, "/description", "not-utf-8"},
	{"an escaped control character", aReport("description", `"a\u0000b"`), problem.Invalid, "/description", "control-character"},
	{"a C1 control character", aReport("description", `"a\u009bb"`), problem.Invalid, "/description", "control-character"},
	{"a control character far in", aReport("contact", `{"name":"\u0007"}`), problem.Invalid, "/contact/name", "control-character"},
	{"a member twice", `{"service":"pothole","lat":1,"lon":2,"lat":3}`, problem.Invalid, "/lat", "duplicate"},
	{"a number beyond all bounds", aReport("lat", "1e999"), problem.Invalid, "/lat", "out-of-range"},
	{"null", "null", problem.Invalid, "", "type"},
	{"a list", "[]", problem.Invalid, "", "type"},
	{"a member missing", aReport("lat", ""), problem.Invalid, "/lat", "required"},
	{"a wrong type", aReport("lat", `"62"`), problem.Invalid, "/lat", "type"},
	{"null for a number", aReport("lat", "null"), problem.Invalid, "/lat", "type"},
	{"outside the world", aReport("lat", "90.1"), problem.Invalid, "/lat", "out-of-range"},
	{"a negative accuracy", aReport("accuracy_m", "-1"), problem.Invalid, "/accuracy_m", "out-of-range"},
	{"too long", aReport("description", `"`+strings.Repeat("å", 4001)+`"`), problem.Invalid, "/description", "too-long"},
	{"the wrong form", aReport("service", `"Pot hole"`), problem.Invalid, "/service", "pattern"},
	{"an empty text", aReport("service", `""`), problem.Invalid, "/service", "too-short"},
	{"an unknown field", aReport("servise", "1"), problem.Invalid, "/servise", "unknown-field"},
	{"a field in the wrong case", aReport("Description", `"a"`), problem.Invalid, "/Description", "unknown-field"},
	{"an unknown field far in", aReport("contact", `{"fax":"1"}`), problem.Invalid, "/contact/fax", "unknown-field"},
	{"a name to be escaped", aReport("a/b~c", "1"), problem.Invalid, "/a~1b~0c", "unknown-field"},
	{"too many photos", aReport("photos", "["+strings.Repeat(`"`+someID+`",`, 10)+`"`+someID+`"]`), problem.Invalid, "/photos", "too-many"},
	{"the same photo twice", aReport("photos", `["`+someID+`","`+someID+`"]`), problem.Invalid, "/photos", "duplicate"},
	{"a photo that is no id", aReport("photos", `["../../etc/passwd"]`), problem.Invalid, "/photos/0", "pattern"},
	{"an object as an answer", aReport("attributes", `{"size":{"a":1}}`), problem.Invalid, "/attributes/size", "type"},
}

func TestBadReportsAreRefused(t *testing.T) {
	t.Parallel()
	s := &echo{}
	c, _, _ := newEdge(t, s)
	for _, tt := range badReports {
		t.Run(tt.name, func(t *testing.T) {
			res := c.WithTest(t).Send(http.MethodPost, "/v1/reports", tt.body)
			p := res.WantProblem(tt.kind)
			if !p.Has(tt.field, tt.code) {
				t.Errorf("errors = %v, want %s at %q", p.Errors, tt.code, tt.field)
			}
			for _, e := range p.Errors { // a sentence, not the validator's dump
				if e.Detail == "" || len(e.Detail) > 200 || strings.ContainsAny(e.Detail, "{\n") {
					t.Errorf("detail = %q", e.Detail)
				}
			}
		})
		t.Run(tt.name+", in a form", func(t *testing.T) {
			p := c.WithTest(t).Form("/v1/reports", apitest.Part{Name: "report", Data: []byte(tt.body)}).WantProblem(tt.kind)
			if !p.Has(tt.field, tt.code) {
				t.Errorf("errors = %v, want %s at %q", p.Errors, tt.code, tt.field)
			}
		})
	}
	if n := s.filed.Load(); n != 0 {
		t.Errorf("%d bad reports got through", n)
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	p := c.Send(http.MethodPost, "/v1/reports", `{"service":"X","lat":91,"colour":"red"}`).WantProblem(problem.Invalid)
	for field, code := range map[string]string{"/service": "pattern", "/lat": "out-of-range", "/lon": "required", "/colour": "unknown-field"} {
		if !p.Has(field, code) {
			t.Errorf("errors = %v, want %s at %s", p.Errors, code, field)
		}
	}
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, `,"x%d":1`, i)
	}
	p = c.Send(http.MethodPost, "/v1/reports", `{"service":"pothole","lat":1,"lon":1`+many.String()+"}").WantProblem(problem.Invalid)
	if len(p.Errors) != maxFieldErrors {
		t.Errorf("%d errors are listed, want %d", len(p.Errors), maxFieldErrors)
	}
}

func TestGoodReportsGetThrough(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"the least":                     aReport("", ""),
		"a line break and a tab":        aReport("description", `"a\r\n\tb"`),
		"4,000 characters beyond ASCII": aReport("description", `"`+strings.Repeat("å", 4000)+`"`),
		"an answer of every kind":       aReport("attributes", `{"a":"x","b":1.5,"c":true,"d":["x","y"]}`),
		"an empty contact":              aReport("contact", `{"name":"","email":"","phone":""}`),
		"white space after it":          aReport("", "") + "\n ",
		"an emoji by surrogates":        aReport("description", `"\ud83d\ude00"`),
	}
	s := &echo{}
	c, _, _ := newEdge(t, s)
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			c.WithTest(t).Send(http.MethodPost, "/v1/reports", body).Want(http.StatusCreated)
			c.WithTest(t).Form("/v1/reports", apitest.Part{Name: "report", Data: []byte(body)}).Want(http.StatusCreated)
		})
	}
	if got, want := s.filed.Load(), int64(2*len(tests)); got != want {
		t.Errorf("%d got through, want %d", got, want)
	}
	c.Send(http.MethodPost, "/v1/subscriptions", // a browser's PushSubscription.toJSON()
		`{"report":"x","push":{"endpoint":"https://push.example.net/a","expirationTime":null,"keys":{"p256dh":"`+strings.Repeat("A", 87)+`","auth":"`+strings.Repeat("A", 22)+`"}}}`).Want(http.StatusCreated)
	c.Send(http.MethodPost, "/v1/reports/2281-2026-000001/support", nil).Want(http.StatusOK) // the body is optional
	c.Send(http.MethodPost, "/v1/reports/2281-2026-000001/support", `{"voice":"x"}`).WantProblem(problem.Invalid)
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	tests := []struct {
		contentType string
		want        int
	}{
		{"application/json", 201},
		{"Application/JSON; charset=UTF-8", 201},
		{"application/json; charset=latin1", 415},
		{"application/json-patch+json", 415}, // begins like the right one
		{"application/problem+json", 415},
		{"text/plain", 415},
		{"application/x-www-form-urlencoded", 415},
		{"application/json, text/plain", 415},
		{"nonsense", 415},
		{";;;", 415},
		{"multipart/form-data", 400},            // no boundary
		{"multipart/form-data; boundary=", 415}, // not a media type at all
		{"multipart/form-data; boundary=" + strings.Repeat("x", 71), 400},
		{"multipart/mixed; boundary=x", 415},
	}
	for _, tt := range tests {
		t.Run(tt.contentType, func(t *testing.T) {
			c.WithTest(t).With("Content-Type", tt.contentType).Send(http.MethodPost, "/v1/reports", aReport("", "")).Want(tt.want)
		})
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Base()+"/v1/reports", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	c.Do(req).Want(http.StatusUnsupportedMediaType) // none at all
	c.Send(http.MethodPost, "/v1/photos", "{}").Want(http.StatusUnsupportedMediaType)
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	reached := false
	c, _, _ := newEdge(t, &echo{list: func(ListReportsParams) { reached = true }})
	tests := []struct{ query, field, code string }{
		{"limit=0", "limit", "out-of-range"},
		{"limit=101", "limit", "out-of-range"},
		{"limit=many", "limit", "type"},
		{"limit=1.5", "limit", "type"},
		{"limit=", "limit", "type"},
		{"limit=1&limit=2", "limit", "duplicate"},
		{"limt=1", "limt", "unknown-field"},
		{"bbox=1,2,3", "bbox", "too-few"},
		{"bbox=1,2,3,4,5", "bbox", "too-many"},
		{"bbox=1,2,3,NaN", "bbox", "type"},
		{"bbox=1,2,3,Inf", "bbox", "type"},
		{"bbox=1,2,3,0x1p-2", "bbox", "type"},
		{"bbox=1,2,3,1e999", "bbox", "type"},
		{"bbox=1,2,3,181", "bbox", "out-of-range"},
		{"near=62.4", "near", "too-few"},
		{"radius=-1", "radius", "out-of-range"},
		{"status=open", "status", "unknown"},
		{"status=received,,fixed", "status", "unknown"},
		{"state=ajar", "state", "unknown"},
		{"service=Pot%20hole", "service", "pattern"},
		{"jurisdiction=../2281", "jurisdiction", "pattern"},
		{"updated_after=yesterday", "updated_after", "format"},
		{"updated_after=2026-02-31T12:00:00Z", "updated_after", "format"},
		{"updated_after=2026-02-01T1:00:00Z", "updated_after", "format"},
		{"q=a", "q", "too-short"},
		{"q=" + strings.Repeat("a", 201), "q", "too-long"},
		{"q=a%00b", "q", "control-character"},
		{"q=a%ffb", "q", "not-utf-8"},
		{"cursor=a%2Fb", "cursor", "pattern"},
		{strings.Repeat("x", 300) + "=1", strings.Repeat("x", 100) + "…", "unknown-field"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			p := c.WithTest(t).Get("/v1/reports?" + tt.query).Want(http.StatusUnprocessableEntity).WantProblem(problem.Invalid)
			if !p.Has(tt.field, tt.code) {
				t.Errorf("errors = %v, want %s at %q", p.Errors, tt.code, tt.field)
			}
		})
	}
	c.Get("/v1/reports?limit=1;status=fixed").Want(http.StatusBadRequest)
	c.Get("/v1/reports?q=%zz").Want(http.StatusBadRequest)
	if reached {
		t.Error("a bad parameter got through to the handler")
	}
	for _, lat := range []string{"", "NaN", "nan", "91", "abc"} {
		c.Get("/v1/locate?lon=17&lat=" + url.QueryEscape(lat)).Want(http.StatusUnprocessableEntity)
	}
	p := c.Get("/v1/locate?lon=17").WantProblem(problem.Invalid)
	if !p.Has("lat", "required") {
		t.Errorf("errors = %v", p.Errors)
	}
}

func TestBadNamesAndHeaders(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	for _, id := range []string{"nonsense", "%00", "%ff", "..%2f..", "2281-2026-1", someID + "0", strings.Repeat("1", 5000)} {
		c.Get("/v1/reports/" + id).Want(http.StatusNotFound)
	}
	for _, key := range []string{"short", strings.Repeat("x", 129), "has a blank in the middle", "ünïcödé-ünïcödé-ünïcödé"} {
		p := c.With("Idempotency-Key", key).Send(http.MethodPost, "/v1/reports", aReport("", "")).WantProblem(problem.Invalid)
		if len(p.Errors) != 1 || p.Errors[0].Field != "Idempotency-Key" {
			t.Errorf("errors = %v", p.Errors)
		}
	}
	c.With("Idempotency-Key", `!~"%zz+&=?/\{}[]`).Send(http.MethodPost, "/v1/reports", aReport("", "")).Want(http.StatusCreated)
}

// The parameters arrive as they were sent, with the defaults of the contract.
func TestParametersArrive(t *testing.T) {
	t.Parallel()
	var got ListReportsParams
	c, _, _ := newEdge(t, &echo{list: func(p ListReportsParams) { got = p }})
	c.Get("/v1/reports?bbox=17.2,62.35,17.4,-1e1&status=received,in-progress&q=b%C3%A5t").Want(http.StatusOK)
	if fmt.Sprint(got.Bbox) != "[17.2 62.35 17.4 -10]" || fmt.Sprint(got.Status) != "[received in-progress]" || got.Q != "båt" || got.Limit != 20 {
		t.Errorf("got %+v", got)
	}
}

// countingReader is a body that never ends by itself and knows what was read.
type countingReader struct {
	head string
	left int64
	read atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.head)
	r.head = r.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = 'a'
	}
	r.read.Add(int64(len(p)))
	r.left -= min(r.left, int64(len(p)))
	return len(p), nil
}

// A body of a gibibyte is refused after little more than what is allowed.
func TestEndlessBodiesAreCut(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	photo := "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n"
	tests := []struct {
		name, contentType, head string
		declared                int64
		most                    int64 // bytes read
	}{
		{"declared JSON", jsonType, "{", gib, 0},
		{"JSON", jsonType, `{"description":"`, -1, maxJSONBody + 4096},
		{"declared form", "multipart/form-data; boundary=x", photo, gib, 0},
		{"one photo", "multipart/form-data; boundary=x", photo, -1, maxPhotoBytes + 1<<16},
		{"a report part", "multipart/form-data; boundary=x", strings.Replace(photo, `"photo"`, `"report"`, 1), -1, 1 << 18},
		{"an unknown part", "multipart/form-data; boundary=x", strings.Replace(photo, `"photo"`, `"video"`, 1), -1, 1 << 16},
		{"a preamble", "multipart/form-data; boundary=x", "no part begins here", -1, 1 << 16},
		{"a part's header", "multipart/form-data; boundary=x", "--x\r\nX-A: ", -1, 11 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &echo{}
			_, h, _ := newEdge(t, s)
			body := &countingReader{head: tt.head, left: gib}
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/reports", body)
			req.Header.Set("Content-Type", tt.contentType)
			req.ContentLength = tt.declared
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			want := map[string]int{"an unknown part": 422, "a part's header": 400, "a preamble": 400}[tt.name]
			if want == 0 {
				want = http.StatusRequestEntityTooLarge
			}
			if rec.Code != want || body.read.Load() > tt.most {
				t.Errorf("got %d after %d bytes, want %d after at most %d\n%s", rec.Code, body.read.Load(), want, tt.most, rec.Body)
			}
			if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
				t.Errorf("%d files are left over (%v)", len(left), err)
			}
		})
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	report := apitest.Part{Name: "report", ContentType: jsonType, Data: []byte(aReport("", ""))}
	photo := apitest.Part{Name: "photo", FileName: "a.jpg", ContentType: "image/jpeg", Data: []byte("not decoded here")}
	times := func(n int, p apitest.Part) (parts []apitest.Part) {
		for range n {
			parts = append(parts, p)
		}
		return parts
	}
	tests := []struct {
		name        string
		parts       []apitest.Part
		want        int
		field, code string
	}{
		{"a report alone", []apitest.Part{report}, 201, "", ""},
		{"photos before the report", []apitest.Part{photo, photo, report}, 201, "", ""},
		{"ten photos", append(times(10, photo), report), 201, "", ""},
		{"eleven photos", append(times(11, photo), report), 422, "photo", "too-many"},
		{"no file chosen in the browser", []apitest.Part{report, {Name: "photo"}}, 201, "", ""},
		{"no report", []apitest.Part{photo}, 422, "report", "required"},
		{"two reports", []apitest.Part{report, report}, 422, "report", "duplicate"},
		{"an unknown part", []apitest.Part{report, {Name: "video", Data: []byte("x")}}, 422, "video", "unknown-field"},
		{"a part without a name", []apitest.Part{report, {}}, 422, "", "unknown-field"},
		{"a report as XML", []apitest.Part{{Name: "report", ContentType: "text/xml", Data: []byte("<a/>")}}, 415, "", ""},
		{"a report too large", []apitest.Part{{Name: "report", Data: []byte(strings.Repeat(" ", maxJSONBody+1))}}, 413, "report", "too-large"},
		{"a photo too large", []apitest.Part{report, {Name: "photo", FileName: "a", Data: make([]byte, maxPhotoBytes+1)}}, 413, "photo", "too-large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &echo{}
			c, _, _ := newEdge(t, s)
			res := c.Form("/v1/reports", tt.parts...).Want(tt.want)
			if tt.code != "" {
				var p apitest.Problem
				if res.JSON(&p); !p.Has(tt.field, tt.code) {
					t.Errorf("errors = %v, want %s at %q", p.Errors, tt.code, tt.field)
				}
			}
			if got := s.filed.Load() == 1; got != (tt.want == 201) {
				t.Errorf("filed = %v", got)
			}
			if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
				t.Errorf("%d files are left over (%v)", len(left), err)
			}
		})
	}
}

func TestBrokenForms(t *testing.T) {
	t.Parallel()
	good := "--x\r\nContent-Disposition: form-data; name=\"report\"\r\n\r\n" + aReport("", "") + "\r\n--x--\r\n"
	s := &echo{}
	c, _, _ := newEdge(t, s)
	c = c.With("Content-Type", "multipart/form-data; boundary=x")
	c.Send(http.MethodPost, "/v1/reports", good).Want(http.StatusCreated)
	for _, tt := range []struct {
		name, body string
		want       problem.Kind
	}{
		{"nothing", "", problem.Invalid}, // a form without parts
		{"no boundary in the body", "hello", problem.Invalid},
		{"cut before the end", strings.TrimSuffix(good, "--x--\r\n"), problem.BadRequest},
		{"cut in the headers", "--x\r\nContent-Dispos", problem.BadRequest},
		{"a header without colon", "--x\r\nContent-Disposition\r\n\r\n{}\r\n--x--\r\n", problem.BadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.WithTest(t).Send(http.MethodPost, "/v1/reports", tt.body).WantProblem(tt.want)
		})
	}
	if n := s.filed.Load(); n != 1 {
		t.Errorf("%d reports got through, want the good one", n)
	}
}
