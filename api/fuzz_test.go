package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime/multipart"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// mayBeShown fails unless an error is one of the kinds that bad input has.
func mayBeShown(t *testing.T, err error, kinds ...problem.Kind) {
	t.Helper()
	p := problem.As(err)
	if p == nil {
		t.Fatalf("%v is not for the client", err)
	}
	for _, k := range kinds {
		if p.Kind == k {
			return
		}
	}
	t.Fatalf("%v has kind %s, want one of %v", err, p.Kind, kinds)
}

// Whatever is taken as a report is JSON that encoding/json reads as the same
// value; whatever is not is a problem that the client may see.
func FuzzReportJSON(f *testing.F) {
	for _, tt := range badReports {
		if len(tt.body) < 1000 {
			f.Add([]byte(tt.body))
		}
	}
	f.Add([]byte(aReport("attributes", `{"a":"x","b":[1,true,null]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := decodeJSON(data)
		if err != nil {
			mayBeShown(t, err, problem.BadRequest, problem.Invalid)
		} else {
			var plain any
			if err := json.Unmarshal(data, &plain); err != nil {
				t.Fatalf("%q is taken, but is not JSON: %v", data, err)
			}
			if !reflect.DeepEqual(value, plain) {
				t.Fatalf("%q is read as %v, want %v", data, value, plain)
			}
		}
		if quick, ok := decodePlain(data); ok { // both ways to decode agree
			slow, err := decodeSlowly(data)
			if err != nil || !reflect.DeepEqual(quick, slow) {
				t.Fatalf("%q: quickly %v, slowly %v (%v)", data, quick, slow, err)
			}
		}
		report, err := decodeNewReport(data)
		if err != nil {
			mayBeShown(t, err, problem.BadRequest, problem.Invalid)
			return
		}
		if report.Lat < -90 || report.Lat > 90 || report.Service == "" || strings.ContainsRune(report.Description, 0) {
			t.Fatalf("%q is taken as %+v", data, report)
		}
	})
}

// A form is read whole or refused, and leaves no file behind.
func FuzzMultipart(f *testing.F) {
	part := func(name, rest string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"" + rest + "\r\n\r\n"
	}
	f.Add([]byte(part("report", "") + "{}\r\n--x--\r\n"))
	f.Add([]byte(part("report", "\r\nContent-Type: application/json") + "{}\r\n" + part("photo", "; filename=\"a\"") + "abc\r\n--x--\r\n"))
	f.Add([]byte(part("photo", "") + "\r\n" + part("photo", "") + "1\r\n" + part("photo", "") + "2\r\n" + part("photo", "") + "3\r\n--x--"))
	f.Add([]byte(part("report", "\r\nContent-Transfer-Encoding: quoted-printable") + "=7B=7D\r\n--x--\r\n"))
	f.Add([]byte(part("report", "") + "{}\r\n" + part("lat", "") + "62.39\r\n" + part("lon", "") + "1e1\r\n" + part("accuracy_m", "") + "8\r\n--x--\r\n"))
	f.Add([]byte(part("report", "") + "{}\r\n" + part("alt", "") + "a hole\r\n" + part("photo", "") + "\r\n" + part("photo", "; filename=\"a\"") + "abc\r\n" + part("alt", "") + "b\r\n--x--\r\n"))
	f.Add([]byte("--x\r\n\r\n--x--"))
	f.Add([]byte("--x"))
	limits := formLimits{Report: true, Photos: 2, PhotoBytes: 16, Place: true, Alt: true, Dir: f.TempDir()}
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := readForm(multipart.NewReader(bytes.NewReader(body), "x"), limits)
		if err != nil {
			mayBeShown(t, err, problem.BadRequest, problem.Invalid, problem.TooLarge, problem.UnsupportedMedia)
		} else {
			checkForm(t, form, limits)
		}
		if left, err := os.ReadDir(limits.Dir); err != nil || len(left) != 0 {
			t.Fatalf("%d files are left over (%v)", len(left), err)
		}
	})
}

func checkForm(t *testing.T, form *form, limits formLimits) {
	t.Helper()
	defer func() {
		if err := form.Close(); err != nil {
			t.Error(err)
		}
	}()
	if form.Report == nil || len(form.Report) > maxJSONBody || len(form.Photos) > limits.Photos {
		t.Fatalf("a report of %d bytes with %d photos is taken", len(form.Report), len(form.Photos))
	}
	if at := form.Place; at != nil && !(math.Abs(at.Lat) <= 90 && math.Abs(at.Lon) <= 180 && at.AccuracyM >= 0 && at.AccuracyM <= 100_000) {
		t.Fatalf("the place %+v is taken", *at)
	}
	if alts := form.newAlts(); len(alts) != len(form.Photos) || len(form.alts) > min(limits.Photos, form.slots) {
		t.Fatalf("%d texts are of %d photos", len(alts), len(form.Photos))
	}
	for _, p := range form.Photos {
		if alt, err := photo.CheckAlt("alt", form.altOf(p)); err != nil || alt != form.altOf(p) {
			t.Fatalf("the text %q is taken (%v)", alt, err)
		}
		data, err := io.ReadAll(p.Reader())
		if err != nil || int64(len(data)) != p.Size || p.Size > limits.PhotoBytes {
			t.Fatalf("a photo of %d bytes reads as %d (%v)", p.Size, len(data), err)
		}
	}
}

func FuzzIfMatch(f *testing.F) {
	for _, s := range []string{`"3"`, `W/"3"`, `*`, `""`, `"3", "4"`, `"99999999999999999999"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		v, err := parseVersion(header)
		if err != nil {
			mayBeShown(t, err, problem.BadRequest)
			return
		}
		if v == 0 && strings.TrimSpace(header) != "" {
			t.Fatalf("%q is taken as no version", header)
		}
		if v != 0 && strings.Trim(strings.TrimPrefix(strings.TrimSpace(header), "W/"), `"0`) != strings.Trim(etag(v), `"0`) {
			t.Fatalf("%q is read as %d", header, v)
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "*/*", "application/geo+json;q=0.5, */*;q=0.1", "a/b;q=nan", ",,;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got, err := negotiate(accept, []string{jsonType, geoJSONType})
		if err != nil {
			mayBeShown(t, err, problem.NotAcceptable)
		} else if got != jsonType && got != geoJSONType {
			t.Fatalf("%q gives %q", accept, got)
		}
	})
}

// What went wrong on our own disk is not the caller's fault.
func TestNoDiskForPhotosIsUnavailable(t *testing.T) {
	t.Parallel()
	body := "--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nabc\r\n--x--\r\n"
	_, err := readPhoto(multipart.NewReader(strings.NewReader(body), "x"), t.TempDir()+"/missing")
	if !problem.Is(err, problem.Unavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want unavailable with its cause", err)
	}
}
