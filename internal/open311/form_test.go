package open311

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const urlencoded = "application/x-www-form-urlencoded; charset=utf-8"

// place is the least that a post needs.
const place = "service_code=pothole&lat=62.3908&long=17.3069"

var limits = Limits{FormBytes: 64 << 10, Files: 3, FileBytes: 1000}

// placed is the post of place, changed.
func placed(change func(*Post)) Post {
	p := Post{ServiceCode: "pothole", Located: true, Lat: 62.3908, Long: 17.3069, Attributes: map[string][]string{}}
	if change != nil {
		change(&p)
	}
	return p
}

func TestParsePostForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, query, body string
		want              func(*Post)
	}{
		{"69: the least", "", place, nil},
		{"33: unknown parameters are ignored", "", place + "&deviceid=x&q=y&=z&media=1", nil},
		{"26: empty is absent", "", place + "&jurisdiction_id=&email=+&address_id=&media_url=&attribute[x]=", func(p *Post) { p.Attributes["x"] = []string{""} }},
		{"77: all the optional ones", "", place + "&jurisdiction_id=2281&api_key=k&email=a%40example.org&device_id=d&account_id=7&first_name=%C3%85sa&last_name=Ek&phone=070&address_string=Storgatan+1&address_id=9", func(p *Post) {
			p.JurisdictionID, p.APIKey, p.Email, p.DeviceID, p.AccountID = "2281", "k", "a@example.org", "d", "7"
			p.FirstName, p.LastName, p.Phone, p.AddressString, p.AddressID = "Åsa", "Ek", "070", "Storgatan 1", "9"
		}},
		{"27, 29: key and jurisdiction in the query", "api_key=k&jurisdiction_id=2281", place, func(p *Post) { p.APIKey, p.JurisdictionID = "k", "2281" }},
		{"27: the body goes first, unless it is empty", "api_key=query&email=query", place + "&api_key=body&email=", func(p *Post) { p.APIKey, p.Email = "body", "query" }},
		{"87: all in the query", place + "&description=x", "", func(p *Post) { p.Description = "x" }},
		{"a semicolon and bad escapes are data", "a;b&%zz", place + "&description=a;b+100%+%zz", func(p *Post) { p.Description = "a;b 100% %zz" }},
		{"17: Latin-1", "", place + "&description=gr%e5+%E4", func(p *Post) { p.Description = "grå ä" }},
		{"17: Latin-1 that was not escaped", "", place + "&description=gr\xe5", func(p *Post) { p.Description = "grå" }},
		{"78: spaces, line breaks and markup stay; CRLF is LF", "", place + "&description=++%3Cb%3Ea%3C%2Fb%3E%0D%0Ab%0Dc+%26amp%3B+", func(p *Post) { p.Description = "  <b>a</b>\nb\nc &amp; " }},
		{"78: 4000 characters, not bytes, with CRLF as one", "", place + "&description=" + strings.Repeat("%C3%A5%0D%0A", 2000), func(p *Post) { p.Description = strings.Repeat("å\n", 2000) }},
		{"73: attributes in all spellings", "", place + "&attribute[a]=1&attribute%5Ba%5D=2&attribute[b][]=1&attribute[b][]=2&attribute[c][0]=1&attribute[c][1]=2&attribute[å+b]=3", func(p *Post) {
			p.Attributes = map[string][]string{"a": {"1", "2"}, "b": {"1", "2"}, "c": {"1", "2"}, "å b": {"3"}}
		}},
		{"73: what only looks like an attribute", "", place + "&attribute=1&attribute[]=1&attribute[a=1&attribute[a]x=1&attribute[a][b]=1&xattribute[a]=1", nil},
		{"79: several pictures", "", place + "&media_url=http://a.example/1&media_url=https://a.example/2&media_url[]=https://a.example/3", func(p *Post) {
			p.MediaURLs = []string{"http://a.example/1", "https://a.example/2", "https://a.example/3"}
		}},
		{"71: numbers as JavaScript writes them", "", "service_code=pothole&lat=1e-7&long=-0", func(p *Post) { p.Lat, p.Long = 1e-7, 0 }},
		{"71: the ends of the world", "", "service_code=pothole&lat=-90&long=%2B180.", func(p *Post) { p.Lat, p.Long = -90, 180 }},
		{"72: an address alone", "", "service_code=pothole&address_string=Storgatan%0D%0A1", func(p *Post) {
			p.Located, p.Lat, p.Long, p.AddressString = false, 0, 0, "Storgatan 1"
		}},
		{"70: lat alone beside an address id", "", "service_code=pothole&address_id=7&lat=1", func(p *Post) {
			p.Located, p.Lat, p.Long, p.AddressID = false, 0, 0, "7"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, errs, err := ParsePost(urlencoded, tt.query, strings.NewReader(tt.body), limits, nil)
			if len(errs) > 0 || err != nil {
				t.Fatalf("errors = %v, %v", errs, err)
			}
			if diff := cmp.Diff(placed(tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParsePostRefuses(t *testing.T) {
	t.Parallel()
	const service = "service_code=pothole&"
	tests := []struct{ rule, body, want string }{
		{"41: no service", "lat=1&long=2", "service_code required"},
		{"26: an empty service", "service_code=+&lat=1&long=2", "service_code required"},
		{"70: no location", service, "lat and long required"},
		{"70: lat alone", service + "lat=1", "long required"},
		{"70: long alone", service + "long=1", "lat required"},
		{"71: comma", service + "lat=59,27&long=18", "lat: "},
		{"71: NaN", service + "lat=NaN&long=18", "lat: "},
		{"71: infinite", service + "lat=1e999&long=18", "lat: "},
		{"71: Inf", service + "lat=1&long=-Inf", "long: "},
		{"71: hexadecimal", service + "lat=0x1p3&long=18", "lat: "},
		{"71: underscores", service + "lat=1_0&long=18", "lat: "},
		{"71: too far north", service + "lat=90.0000001&long=18", "lat: "},
		{"71: too far west", service + "lat=1&long=-180.1", "long: "},
		{"71: very long", service + "long=1&lat=0." + strings.Repeat("0", 200), "lat: "},
		{"71: a wrong one is wrong beside an address, too", service + "lat=x&long=18&address_string=a", "lat: "},
		{"78: 4001 characters", place + "&description=" + strings.Repeat("%C3%A5", 4001), "description: "},
		{"6: control character", place + "&description=a%00b", "description: "},
		{"6: control character of Latin-1", place + "&description=a%85b", "description: "},
		{"6: control character in a name", place + "&first_name=a%1Bb", "first_name: "},
		{"long name", place + "&last_name=" + strings.Repeat("a", 501), "last_name: "},
		{"79: file", place + "&media_url=file:///etc/passwd", "media_url: "},
		{"79: script", place + "&media_url=javascript:alert(1)", "media_url: "},
		{"79: no host", place + "&media_url=http:///a", "media_url: "},
		{"79: password", place + "&media_url=http://a:b@c.example/", "media_url: "},
		{"79: relative", place + "&media_url=/a.jpg", "media_url: "},
		{"79: very long", place + "&media_url=http://a.example/" + strings.Repeat("a", 2000), "media_url: "},
		{"79: line break", place + "&media_url=http://a.example/%0Ab", "media_url: "},
		{"79: too many", place + strings.Repeat("&media_url=http://a.example/", 11), "media_url: "},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, errs, err := ParsePost(urlencoded, "", strings.NewReader(tt.body), limits, nil)
			if err != nil || len(errs) != 1 || errs.Status() != 400 || !strings.HasPrefix(errs[0].Description, tt.want) {
				t.Errorf("errors = %v, %v, want one 400 with %q", errs, err, tt.want)
			}
		})
	}
	_, errs, _ := ParsePost(urlencoded, "", strings.NewReader("lat=x&long=y&description=%00&media_url=z"), limits, nil)
	if len(errs) != 5 || !strings.HasPrefix(errs[0].Description, "service_code required") {
		t.Errorf("rule 37: errors = %v, want one for each of five faults", errs)
	}
}

func TestParsePostRefusesBodies(t *testing.T) {
	t.Parallel()
	tooLong := func(n int64) io.Reader {
		return http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(place)), n)
	}
	endless := io.LimitReader(iotest.OneByteReader(zeros{}), 1<<30)
	tests := []struct {
		rule, contentType string
		body              io.Reader
		want              int
	}{
		{"14: JSON", "application/json", strings.NewReader("{}"), 415},
		{"14: text", "text/plain", strings.NewReader(place), 415},
		{"14: a type that only begins like one", "application/x-www-form-urlencoded-no", strings.NewReader(place), 415},
		{"87: over the form's limit", urlencoded, endless, 413},
		{"87: over the server's limit", urlencoded, tooLong(10), 413},
		{"40: broken connection", urlencoded, iotest.ErrReader(errors.New("reset")), 400},
		{"15: no boundary", "multipart/form-data", strings.NewReader(place), 400},
		{"15: empty boundary", `multipart/form-data; boundary=""`, strings.NewReader(place), 400},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, errs, err := ParsePost(tt.contentType, "", tt.body, limits, nil)
			if err != nil || errs.Status() != tt.want || len(errs) != 1 {
				t.Errorf("errors = %v, %v, want one %d", errs, err, tt.want)
			}
		})
	}
}

func TestRule14WithoutATypeABodyIsAForm(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"", " ", ";charset=utf-8", "Application/X-WWW-Form-URLencoded"} {
		p, errs, err := ParsePost(contentType, "", strings.NewReader(place), limits, nil)
		if len(errs) > 0 || err != nil || p.ServiceCode != "pothole" {
			t.Errorf("%q: %v, %v", contentType, errs, err)
		}
	}
}

// zeros gives zeros for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestRule17CharsetIsTakenAtItsWord(t *testing.T) {
	t.Parallel()
	body := place + "&description=%C3%A5" // å in UTF-8, Ã¥ in Latin-1
	got, errs, err := ParsePost("application/x-www-form-urlencoded; charset=ISO-8859-1", "", strings.NewReader(body), limits, nil)
	if len(errs) > 0 || err != nil || got.Description != "Ã¥" {
		t.Errorf("description = %q (%v, %v)", got.Description, errs, err)
	}
}

func TestAnswersAreTheAttributes(t *testing.T) {
	t.Parallel()
	got := Post{Attributes: map[string][]string{"a": {"1", "2"}}}.Answers()
	if diff := cmp.Diff(map[string]any{"a": []string{"1", "2"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestManyParametersAreBounded(t *testing.T) {
	t.Parallel()
	if got := len(ParseQuery(strings.Repeat("&a", 10) + "&" + ids2(3000))); got > maxParams {
		t.Errorf("%d parameters are kept", got)
	}
}

// ids2 returns n different names with & between.
func ids2(n int) string { return strings.ReplaceAll(ids(n), ",", "&") }

// checkPost says what must hold of any post, whatever was read.
func checkPost(t *testing.T, p Post, errs Errors) {
	t.Helper()
	for _, e := range errs {
		if e.Code < 400 || e.Code > 499 || e.Description == "" || !utf8.ValidString(e.Description) {
			t.Errorf("error = %+v", e)
		}
	}
	if len(errs) > 0 {
		return
	}
	texts := append([]string{p.APIKey, p.JurisdictionID, p.ServiceCode, p.AddressString, p.AddressID, p.Email,
		p.DeviceID, p.AccountID, p.FirstName, p.LastName, p.Phone}, p.MediaURLs...)
	for _, s := range append(texts, p.Description) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, isControl) || utf8.RuneCountInString(s) > maxDescription {
			t.Errorf("%q is kept", s)
		}
	}
	for _, s := range texts {
		if strings.Contains(s, "\n") || s != strings.TrimSpace(s) {
			t.Errorf("%q is not one trimmed line", s)
		}
	}
	if p.ServiceCode == "" || !p.Located && p.AddressString == "" && p.AddressID == "" {
		t.Errorf("post without service or place: %+v", p)
	}
	if !(p.Lat >= -90 && p.Lat <= 90 && p.Long >= -180 && p.Long <= 180) {
		t.Errorf("position = %v, %v", p.Lat, p.Long)
	}
}

func FuzzParsePostForm(f *testing.F) {
	f.Add("api_key=k;&%zz", place+"&description=%E5%0D%0A&attribute[a][]=1&media_url=http://a.example/", "utf-8")
	f.Add("", "lat=1e999&long=-0&address_string=%00", "iso-8859-1")
	f.Fuzz(func(t *testing.T, query, body, charset string) {
		p, errs, err := ParsePost("application/x-www-form-urlencoded; charset="+charset, query, strings.NewReader(body), limits, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkPost(t, p, errs)
	})
}
