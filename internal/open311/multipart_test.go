package open311

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantsten/kantsten/internal/problem"
)

// body writes a multipart body; each part is its header lines, an empty line
// and its content, with "\n" for CRLF up to the content.
func body(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		head, content, _ := strings.Cut(p, "\n\n")
		b.WriteString("--" + boundary + "\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + content + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// formField writes a part as CUTR's client does.
func formField(name, value string) string {
	return `Content-Disposition: form-data; name="` + name + `"` + "\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + value
}

func formFile(name, contentType, content string) string {
	return `Content-Disposition: form-data; name="` + name + `"; filename="å b.jpg"` + "\nContent-Type: " + contentType + "\n\n" + content
}

var fields = []string{formField("service_code", "pothole"), formField("lat", "62.3908"), formField("long", "17.3069")}

// collect reads multipart and returns what keep got, as "name type content".
func collect(contentType, body string) (Post, []string, Errors, error) {
	var files []string
	p, errs, err := ParsePost(contentType, "api_key=k", strings.NewReader(body), limits, func(f File) error {
		b, err := io.ReadAll(f.Body)
		files = append(files, fmt.Sprintf("%s %s %s", f.Name, f.ContentType, b))
		return err
	})
	return p, files, errs, err
}

func TestParsePostMultipart(t *testing.T) {
	t.Parallel()
	withKey := func(change func(*Post)) Post {
		return placed(func(p *Post) {
			p.APIKey = "k"
			if change != nil {
				change(p)
			}
		})
	}
	tests := []struct {
		rule, contentType, boundary string
		extra                       []string
		want                        Post
		files                       []string
	}{
		{"14: fields alone", "multipart/form-data; boundary=x", "x", nil, withKey(nil), nil},
		{"15: unquoted boundary full of =", "multipart/form-data; boundary====1795===", "===1795===", nil, withKey(nil), nil},
		{"15: quoted boundary, more parameters", `Multipart/Form-Data; charset=UTF-8; BOUNDARY="a b;c"`, "a b;c", nil, withKey(nil), nil},
		{"15: bare boundary, more parameters", "multipart/form-data;boundary=x; charset=UTF-8", "x", nil, withKey(nil), nil},
		{"78: CRLF in a part", "multipart/form-data; boundary=x", "x", []string{formField("description", " å\r\nb")},
			withKey(func(p *Post) { p.Description = " å\nb" }), nil},
		{"17: Latin-1 part that says so", "multipart/form-data; boundary=x", "x",
			[]string{"Content-Disposition: form-data; name=\"description\"\nContent-Type: text/plain; charset=ISO-8859-1\n\n\xc3\xa5"},
			withKey(func(p *Post) { p.Description = "Ã¥" }), nil},
		{"17: Latin-1 part that does not", "multipart/form-data; boundary=x", "x", []string{formField("description", "gr\xe5")},
			withKey(func(p *Post) { p.Description = "grå" }), nil},
		{"73: attributes", "multipart/form-data; boundary=x", "x", []string{formField("attribute[a][]", "1"), formField("attribute[a][]", "2")},
			withKey(func(p *Post) { p.Attributes["a"] = []string{"1", "2"} }), nil},
		{"80: media", "multipart/form-data; boundary=x", "x", []string{formFile("media", "image/jpeg", "J"), formFile("media", "image/png", "P")},
			withKey(nil), []string{"media image/jpeg J", "media image/png P"}},
		{"80: photo1, file_x, media[]", "multipart/form-data; boundary=x", "x", []string{formFile("photo1", "image/jpeg", "J"), formFile("file_2", "", "F"), formFile("media[]", "image/png", "P")},
			withKey(nil), []string{"photo1 image/jpeg J", "file_2  F", "media[] image/png P"}},
		{"80: a picture without a file name", "multipart/form-data; boundary=x", "x", []string{"Content-Disposition: form-data; name=media\nContent-Type: image/jpeg\n\nJ"},
			withKey(nil), []string{"media image/jpeg J"}},
		{"33: files in other fields are skipped", "multipart/form-data; boundary=x", "x", []string{formFile("avatar", "image/jpeg", strings.Repeat("J", 5000)), formFile("description", "text/plain", "no")},
			withKey(nil), nil},
		{"80: no file was chosen", "multipart/form-data; boundary=x", "x", []string{"Content-Disposition: form-data; name=\"media\"; filename=\"\"\nContent-Type: application/octet-stream\n\n"},
			withKey(nil), nil},
		{"a disposition that mime refuses", "multipart/form-data; boundary=x", "x", []string{"Content-Disposition: form-data; name=\"email\"; x=a b=c\n\na@example.org"},
			withKey(func(p *Post) { p.Email = "a@example.org" }), nil},
		{"a part without a name", "multipart/form-data; boundary=x", "x", []string{"Content-Type: text/plain\n\nx"}, withKey(nil), nil},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			// The files go first: what comes after them must still be read.
			got, files, errs, err := collect(tt.contentType, body(tt.boundary, append(tt.extra, fields...)...))
			if len(errs) > 0 || err != nil {
				t.Fatalf("errors = %v, %v", errs, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.files, files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParsePostMultipartRefuses(t *testing.T) {
	t.Parallel()
	whole := body("x", append(fields, formFile("media", "image/jpeg", "JJJJ"))...)
	files := func(n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = formFile("media", "image/jpeg", "J")
		}
		return body("x", append(parts, fields...)...)
	}
	parts := make([]string, maxParts+1)
	for i := range parts {
		parts[i] = formField("q", "")
	}
	tests := []struct {
		rule, body string
		want       int
	}{
		{"80: a file over the limit", body("x", append(fields, formFile("media", "image/jpeg", strings.Repeat("J", 1001)))...), 413},
		{"80: one file too many", files(4), 400},
		{"87: fields over the limit, together", body("x", formField("description", strings.Repeat("a", 40<<10)), formField("description", strings.Repeat("a", 40<<10))), 413},
		{"too many parts", body("x", parts...), 400},
		{"cut within a file", whole[:strings.Index(whole, "JJJJ")+2], 400},
		{"cut within a header", whole[:strings.Index(whole, "filename")], 400},
		{"cut before a header", whole[:strings.LastIndex(whole, "Content-Disp")], 400},
		{"cut between the lines of a header", whole[:strings.LastIndex(whole, "Content-Type")], 400},
		{"cut before the end", whole[:len(whole)-4], 400},
		{"another boundary", strings.ReplaceAll(whole, "--x", "--y"), 400},
		{"no multipart at all", place, 400},
		{"empty", "", 400},
		{"an endless header", "--x\r\nX-A: " + strings.Repeat("a", 11<<20), 413}, // over all that a body within the limits may hold
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, _, errs, err := collect("multipart/form-data; boundary=x", tt.body)
			if err != nil || len(errs) != 1 || errs.Status() != tt.want {
				t.Errorf("errors = %v, %v, want one %d", errs, err, tt.want)
			}
		})
	}
}

func TestParsePostTellsWhoseFaultAFileIs(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	tests := []struct {
		rule   string
		keep   error
		status int // 0: the error is returned
	}{
		{"80: wrong type", problem.Field("photo", "type", "must be a JPEG, PNG or WebP"), 400},
		{"storage is away for a while", problem.New(problem.Unavailable, "later"), 503},
		{"storage is broken", full, 0},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			in := strings.NewReader(body("x", append(fields, formFile("media", "image/jpeg", "J"))...))
			_, errs, err := ParsePost("multipart/form-data; boundary=x", "", in, limits, func(File) error { return tt.keep })
			if tt.status == 0 && !errors.Is(err, full) || tt.status != 0 && (err != nil || errs.Status() != tt.status) {
				t.Errorf("errors = %v, %v", errs, err)
			}
		})
	}
}

// What follows the closing boundary is none of ours, however long, and so is
// whether the last line ends.
func TestParsePostMultipartEndsAtItsClosingBoundary(t *testing.T) {
	t.Parallel()
	whole := body("x", fields...)
	for _, in := range []string{strings.TrimSuffix(whole, "\r\n"), whole + strings.Repeat("epilogue ", 5000), "preamble\r\n" + whole} {
		p, _, errs, err := collect("multipart/form-data; boundary=x", in)
		if len(errs) > 0 || err != nil || p.ServiceCode != "pothole" {
			t.Errorf("%d bytes: %v, %v", len(in), errs, err)
		}
	}
}

// A keep that overlooks the error of a body that is too large does not get a
// cut picture into a report.
func TestAFileOverTheLimitIsRefusedWhateverKeepSays(t *testing.T) {
	t.Parallel()
	in := strings.NewReader(body("x", append(fields, formFile("media", "image/jpeg", strings.Repeat("J", 5000)))...))
	n := 0
	_, errs, err := ParsePost("multipart/form-data; boundary=x", "", in, limits, func(f File) error {
		b, _ := io.ReadAll(f.Body)
		n = len(b)
		return nil
	})
	if err != nil || errs.Status() != 413 || n != int(limits.FileBytes) {
		t.Errorf("errors = %v, %v after %d bytes", errs, err, n)
	}
}

func FuzzParsePostMultipart(f *testing.F) {
	f.Add("multipart/form-data; boundary====1795===", body("===1795===", append(fields, formFile("media", "image/jpeg", "J"))...))
	f.Add(`multipart/form-data; boundary="x y"`, body("x y", formField("attribute[a][0]", "\xe5\x00"), formField("lat", "1e999")))
	f.Add("multipart/form-data; boundary=x", "--x\r\n\r\n")
	f.Fuzz(func(t *testing.T, contentType, in string) {
		p, files, errs, err := collect(contentType, in)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > limits.Files {
			t.Errorf("%d files", len(files))
		}
		checkPost(t, p, errs)
	})
}
