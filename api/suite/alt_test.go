package suite

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
)

// TestAltTexts tells of photos wherever they come in.
func TestAltTexts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		t.Run("every way in takes them", func(t *testing.T) { altsComeIn(t, s) })
		t.Run("a faulty one is named", func(t *testing.T) { altsAreChecked(t, s) })
		t.Run("they are of what a key stands for", func(t *testing.T) { altsOfAKey(t, s) })
	})
}

// altMetadata says by the tus protocol what a photo shows.
func altMetadata(text string) string {
	return "filename aMOlbC5qcGc=,alt " + base64.StdEncoding.EncodeToString([]byte(text))
}

// tusAlt uploads a photo by the tus protocol, and returns its id.
func (s *system) tusAlt(t testing.TB, alt string) string {
	t.Helper()
	photo := pngPhoto(t, 4)
	path := s.begun(t, len(photo), "Upload-Metadata", altMetadata(alt))
	return chunk(s.tus(t), path, 0, photo).Want(http.StatusNoContent).Header.Get("Upload-Photo-Id")
}

// unclaimed uploads a photo before its report, and returns its id.
func (s *system) unclaimed(t testing.TB, parts ...apitest.Part) string {
	t.Helper()
	var p api.PhotoAhead
	s.in(t).Form("/v1/photos", append(parts, photoPart(pngPhoto(t, 4)))...).Want(http.StatusCreated).JSON(&p)
	return p.Id
}

func altsComeIn(t *testing.T, s *system) {
	photo, blank := photoPart(pngPhoto(t, 4)), apitest.Part{Name: "photo"}
	late := func(t *testing.T, send func(reporter *apitest.Client, about string) apitest.Response) string {
		r := s.filed(t, inSundsvall, nil)
		send(s.reporter(t, r), "/v1/reports/"+r.Id).Want(http.StatusCreated)
		return r.Id
	}
	filed := func(t *testing.T, other fields) string { return s.filed(t, inSundsvall, other).Id }
	form := func(t *testing.T, other fields, parts ...apitest.Part) string {
		var r api.FiledReport
		s.in(t).Form("/v1/reports", append(parts, reportPart(t, pothole(inSundsvall, other)))...).Want(http.StatusCreated).JSON(&r)
		return r.Id
	}
	tests := []struct {
		name string
		file func(t *testing.T) (report string)
		want []string
	}{
		{"named in a report", func(t *testing.T) string {
			return filed(t, fields{"photos": []string{s.unclaimed(t), s.unclaimed(t)}, "alts": []string{" A hole\r\n", "A sign"}})
		}, []string{"A hole", "A sign"}},
		{"a shorter list leaves the rest", func(t *testing.T) string {
			return filed(t, fields{"photos": []string{s.unclaimed(t), s.unclaimed(t, altPart("own"))}, "alts": []string{"A hole"}})
		}, []string{"A hole", "own"}},
		{"an empty text leaves the photo's own", func(t *testing.T) string {
			return filed(t, fields{"photos": []string{s.unclaimed(t, altPart("own")), s.unclaimed(t, altPart("old"))}, "alts": []string{"", "new"}})
		}, []string{"own", "new"}},
		{"parts of a report, in the order of the photos", func(t *testing.T) string {
			return form(t, nil, photo, altPart("one"), altPart(""), photo, photo, altPart("three"))
		}, []string{"one", "", "three"}},
		{"a browser's row without a file keeps its place", func(t *testing.T) string {
			return form(t, nil, photo, altPart("one"), blank, altPart("of nothing"), photo, altPart("three"))
		}, []string{"one", "three"}},
		{"named and parts of one report", func(t *testing.T) string {
			return form(t, fields{"photos": []string{s.unclaimed(t)}, "alts": []string{"named"}}, photo, altPart("part"))
		}, []string{"named", "part"}},
		{"uploaded in pieces", func(t *testing.T) string {
			return filed(t, fields{"photos": []string{s.tusAlt(t, "Ett hål 🕳")}})
		}, []string{"Ett hål 🕳"}},
		{"a part of a late photo", func(t *testing.T) string {
			return late(t, func(c *apitest.Client, about string) apitest.Response {
				return c.Form(about+"/photos", photo, altPart("late"))
			})
		}, []string{"late"}},
		{"named late", func(t *testing.T) string {
			return late(t, func(c *apitest.Client, about string) apitest.Response {
				return c.Send(http.MethodPost, about+"/photos", fields{"photos": []string{s.unclaimed(t), s.tusAlt(t, "pieces")}, "alts": []string{"late"}})
			})
		}, []string{"late", "pieces"}},
		{"named in a comment", func(t *testing.T) string {
			return late(t, func(c *apitest.Client, about string) apitest.Response {
				return c.Send(http.MethodPost, about+"/updates", fields{"text": "x", "photos": []string{s.unclaimed(t)}, "alts": []string{"said"}})
			})
		}, []string{"said"}},
		{"nobody has said", func(t *testing.T) string { return form(t, nil, photo) }, []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, s.in(t), tt.file(t))
			var got []string
			for _, p := range r.Photos {
				got = append(got, p.Alt)
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") || len(got) != len(tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func altsAreChecked(t *testing.T, s *system) {
	r := s.filed(t, inSundsvall, nil)
	reporter, photo, long := s.reporter(t, r), photoPart(pngPhoto(t, 4)), strings.Repeat("å", 501)
	report := reportPart(t, pothole(inSundsvall, nil))
	eleven := []apitest.Part{report}
	for range 11 {
		eleven = append(eleven, altPart("x"))
	}
	named := func(alts ...string) fields { return fields{"photos": []string{s.unclaimed(t)}, "alts": alts} }
	tests := []struct {
		name, field string
		send        func() apitest.Response
	}{
		{"too long in a report", "/alts/0", func() apitest.Response {
			return s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, named(long)))
		}},
		{"a control character in a report", "/alts/0", func() apitest.Response {
			return s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, named("a\x00b")))
		}},
		{"no text in a report", "/alts/0", func() apitest.Response {
			return s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, fields{"photos": []string{s.unclaimed(t)}, "alts": []any{1}}))
		}},
		{"more texts than photos in a report", "/alts", func() apitest.Response {
			return s.in(t).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, named("a", "b")))
		}},
		{"too long in a form", "alt/1", func() apitest.Response {
			return s.in(t).Form("/v1/reports", report, photo, altPart("a"), photo, altPart(long))
		}},
		{"far too long in a form", "alt/0", func() apitest.Response {
			return s.in(t).Form("/v1/reports", report, photo, altPart(strings.Repeat("x", 1<<20)))
		}},
		{"not UTF-8 in a form", "alt/0", func() apitest.Response {
			return s.in(t).Form("/v1/reports", report, photo, altPart("\xff"))
		}},
		{"more texts than photos in a form", "alt", func() apitest.Response {
			return s.in(t).Form("/v1/reports", report, photo, altPart("a"), altPart("b"))
		}},
		{"eleven texts in a form", "alt", func() apitest.Response { return s.in(t).Form("/v1/reports", eleven...) }},
		{"too long of a late photo", "alt", func() apitest.Response {
			return reporter.Form("/v1/reports/"+r.Id+"/photos", photo, altPart(long))
		}},
		{"too long of a photo named late", "/alts/0", func() apitest.Response {
			return reporter.Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", named(long))
		}},
		{"more texts than photos late", "/alts", func() apitest.Response {
			return reporter.Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", named("a", "b"))
		}},
		{"a text without a photo in a comment", "/alts", func() apitest.Response {
			return reporter.Send(http.MethodPost, "/v1/reports/"+r.Id+"/updates", fields{"text": "x", "alts": []string{"a"}})
		}},
		{"too long by the tus protocol", "alt", func() apitest.Response {
			return with(s.tus(t), "Upload-Length", "5", "Upload-Metadata", altMetadata(long)).Send(http.MethodPost, "/v1/uploads", nil)
		}},
		{"a control character by the tus protocol", "alt", func() apitest.Response {
			return with(s.tus(t), "Upload-Length", "5", "Upload-Metadata", altMetadata("\x1b")).Send(http.MethodPost, "/v1/uploads", nil)
		}},
		{"not UTF-8 by the tus protocol", "alt", func() apitest.Response {
			return with(s.tus(t), "Upload-Length", "5", "Upload-Metadata", altMetadata("\xff")).Send(http.MethodPost, "/v1/uploads", nil)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { problemAt(t, tt.send(), http.StatusUnprocessableEntity, tt.field) })
	}
	if got := read(t, s.in(t), r.Id); len(got.Photos) != 0 {
		t.Errorf("what was refused has added %d photos", len(got.Photos))
	}
}

// A key stands for the texts too, and for what they are of.
func altsOfAKey(t *testing.T, s *system) {
	photos := []apitest.Part{photoPart(pngPhoto(t, 4)), photoPart(pngPhoto(t, 5))}
	post := func(c *apitest.Client, alts ...string) apitest.Response {
		parts := append([]apitest.Part{reportPart(t, pothole(inSundsvall, nil))}, photos...)
		for _, alt := range alts {
			parts = append(parts, altPart(alt))
		}
		return c.Form("/v1/reports", parts...)
	}
	for i, tt := range []struct {
		first, second []string
		same          bool
	}{
		{[]string{"one", "two"}, []string{" one", "two\r\n"}, true},
		{[]string{"one", ""}, []string{"one"}, true},
		{nil, []string{"", ""}, true},
		{[]string{"one", "two"}, []string{"two", "one"}, false},
		{[]string{"one", ""}, []string{"", "one"}, false},
		{[]string{"one"}, nil, false},
	} {
		c := s.in(t).With("Idempotency-Key", "alt-texts-of-a-key-"+strconv.Itoa(i))
		post(c, tt.first...).Want(http.StatusCreated)
		want := http.StatusCreated
		if !tt.same {
			want = http.StatusUnprocessableEntity
		}
		if res := post(c, tt.second...); res.Status != want {
			t.Errorf("%q, then %q: %s", tt.first, tt.second, res)
		}
	}
}
