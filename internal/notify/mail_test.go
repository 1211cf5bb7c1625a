package notify

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/job"
)

// lines speaks a protocol of lines.
type lines struct {
	conn net.Conn
	in   *bufio.Reader
}

func newLines(conn net.Conn) lines { return lines{conn, bufio.NewReader(conn)} }

func (l lines) say(line string) error {
	_, err := io.WriteString(l.conn, line+"\r\n")
	return err
}

func (l lines) hear() (string, error) {
	line, err := l.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// folder is a mailer into a temporary folder, and what it logs.
func folder(t *testing.T) (f *Folder, dir string, logged *bytes.Buffer) {
	t.Helper()
	dir, logged = filepath.Join(t.TempDir(), "mail"), new(bytes.Buffer)
	f, err := NewFolder(dir, "Felanmälan Åre <no-reply@kantsten.example>", slog.New(slog.NewTextHandler(logged, nil)), clock)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir, logged
}

// written returns the one file of a folder.
func written(t *testing.T, dir string) (name string, raw []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v, want one file", entries, err)
	}
	raw, err = os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	return entries[0].Name(), raw
}

func send(t *testing.T, m Mail) (*netmail.Message, []byte) {
	t.Helper()
	f, dir, _ := folder(t)
	if err := f.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	_, raw := written(t, dir)
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return msg, raw
}

func TestMailSaysWhatItShould(t *testing.T) {
	t.Parallel()
	msg, raw := send(t, Mail{
		To:          "anna@örebro.se",
		Subject:     "Din anmälan är åtgärdad 🙂",
		Text:        "Hej!\n\n.\nEn rad som börjar med punkt står kvar.\n",
		MessageID:   "0198-abc@kantsten.example",
		Unsubscribe: "https://kantsten.example/v1/subscriptions/s3cret/end",
		Headers:     map[string]string{"Reply-To": "\"Crew\" <crew@kantsten.example>", "References": "<a@b.se>"},
	})
	for name, want := range map[string]string{
		"To":                    "<anna@xn--rebro-iua.se>",
		"Message-Id":            "<0198-abc@kantsten.example>",
		"Auto-Submitted":        "auto-generated",
		"List-Unsubscribe":      "<https://kantsten.example/v1/subscriptions/s3cret/end>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Date":                  "Sat, 31 Jan 2026 12:00:00 +0000",
		"Mime-Version":          "1.0",
		"References":            "<a@b.se>",
		"Reply-To":              "\"Crew\" <crew@kantsten.example>",
		"User-Agent":            "",
		"X-Mailer":              "",
	} {
		if got := msg.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != "Din anmälan är åtgärdad 🙂" {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := msg.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Felanmälan Åre" || from[0].Address != "no-reply@kantsten.example" {
		t.Errorf("from %v, %v", from, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	if got := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || got != "Hej!\n\n.\nEn rad som börjar med punkt står kvar.\n" {
		t.Errorf("body %q, %v", got, err)
	}
	for _, b := range raw {
		if b >= 0x80 {
			t.Fatalf("a byte beyond ASCII in\n%s", raw)
		}
	}
}

func TestMailWithAPage(t *testing.T) {
	t.Parallel()
	msg, _ := send(t, Mail{To: "anna@example.org", Subject: "x", Text: "åtgärdat", HTML: "<p>åtgärdat</p>"})
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, want := range []string{"text/plain åtgärdat", "text/html <p>åtgärdat</p>"} { // the best last: RFC 2046 section 5.1.4
		p, err := parts.NextPart() // decodes quoted-printable
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(p)
		kind, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";")
		if got := kind + " " + strings.TrimSpace(string(text)); err != nil || got != want {
			t.Errorf("part %q, %v, want %q", got, err, want)
		}
	}
}

// Long subjects are folded, and every line stays within RFC 5322's 998 bytes.
func TestSubjectsSurvive(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "Pothole", "  two  spaces  ", "=?utf-8?q?not_encoded?=", strings.Repeat("lång ", 60), strings.Repeat("å", 400),
		strings.Repeat("x", 800), "日本語 и кириллица", "\u202emirrored",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			msg, raw := send(t, Mail{To: "anna@example.org", Subject: subject})
			got, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
			got = strings.ReplaceAll(got, "\u200b", "") // stands in what looks encoded
			if err != nil || strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(subject), " ") {
				t.Errorf("subject %q, %v, want %q", got, err, subject)
			}
			for line := range bytes.Lines(raw) {
				if len(line) > 1000 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
}

func TestUnsubscribeByPlainHTTPHasNoOneClick(t *testing.T) {
	t.Parallel()
	msg, _ := send(t, Mail{To: "anna@example.org", Unsubscribe: "http://127.0.0.1:8311/end"})
	if got := msg.Header.Get("List-Unsubscribe"); got != "<http://127.0.0.1:8311/end>" {
		t.Errorf("List-Unsubscribe: %q", got)
	}
	if got := msg.Header.Get("List-Unsubscribe-Post"); got != "" {
		t.Errorf("List-Unsubscribe-Post: %q, which RFC 8058 allows with https only", got)
	}
}

func TestMailRefusesInjection(t *testing.T) {
	t.Parallel()
	good := Mail{To: "anna@example.org", Subject: "x", Text: "x"}
	tests := map[string]func(m *Mail){
		"two receivers":                   func(m *Mail) { m.To = "a@b.se, c@d.se" },
		"a line in To":                    func(m *Mail) { m.To = "a@b.se\r\nBcc: c@d.se" },
		"a name in To":                    func(m *Mail) { m.To = "Anna <a@b.se>" },
		"no receiver":                     func(m *Mail) { m.To = "" },
		"a line in Subject":               func(m *Mail) { m.Subject = "x\r\nBcc: c@d.se" },
		"a bare LF in Subject":            func(m *Mail) { m.Subject = "x\nBcc: c@d.se" },
		"a bare CR in Subject":            func(m *Mail) { m.Subject = "x\rBcc: c@d.se" },
		"a NUL in Subject":                func(m *Mail) { m.Subject = "x\x00" },
		"a next-line sign in Subject":     func(m *Mail) { m.Subject = "x\u0085y" },
		"a Subject that is no UTF-8":      func(m *Mail) { m.Subject = "\xff" },
		"an endless Subject":              func(m *Mail) { m.Subject = strings.Repeat("x", 1<<20) },
		"a Text that is no UTF-8":         func(m *Mail) { m.Text = "\xff" },
		"an HTML that is no UTF-8":        func(m *Mail) { m.HTML = "\xff" },
		"a line in MessageID":             func(m *Mail) { m.MessageID = "a@b\r\nBcc: c@d.se" },
		"brackets in MessageID":           func(m *Mail) { m.MessageID = "<a@b>" },
		"a MessageID without domain":      func(m *Mail) { m.MessageID = "a@" },
		"a line in Unsubscribe":           func(m *Mail) { m.Unsubscribe = "https://a.se/\r\nBcc: c@d.se" },
		"a second link in Unsubscribe":    func(m *Mail) { m.Unsubscribe = "https://a.se/>, <mailto:c@d.se" },
		"another scheme in Unsubscribe":   func(m *Mail) { m.Unsubscribe = "javascript:alert(1)" },
		"a line in a header":              func(m *Mail) { m.Headers = map[string]string{"References": "x\r\nBcc: c@d.se"} },
		"a header that is not ASCII":      func(m *Mail) { m.Headers = map[string]string{"References": "å"} },
		"an empty header":                 func(m *Mail) { m.Headers = map[string]string{"References": ""} },
		"a line in a header's name":       func(m *Mail) { m.Headers = map[string]string{"X\r\nBcc": "c@d.se"} },
		"a colon in a header's name":      func(m *Mail) { m.Headers = map[string]string{"Bcc: c@d.se\r\nX": "y"} },
		"a header without name":           func(m *Mail) { m.Headers = map[string]string{"": "y"} },
		"a second receiver by header":     func(m *Mail) { m.Headers = map[string]string{"bCC": "c@d.se"} },
		"another sender by header":        func(m *Mail) { m.Headers = map[string]string{"From": "c@d.se"} },
		"another type by header":          func(m *Mail) { m.Headers = map[string]string{"Content-Type": "text/html"} },
		"a Reply-To that is no address":   func(m *Mail) { m.Headers = map[string]string{"Reply-To": "nobody"} },
		"a Reply-To with two addresses":   func(m *Mail) { m.Headers = map[string]string{"Reply-To": "a@b.se, c@d.se"} },
		"an absence of Auto-Submitted":    func(m *Mail) { m.Headers = map[string]string{"Auto-Submitted": "no"} },
		"a resent block":                  func(m *Mail) { m.Headers = map[string]string{"Resent-To": "c@d.se"} },
		"a MessageID that leaves folders": func(m *Mail) { m.MessageID = "../../x\x00@b" },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, dir, logged := folder(t)
			m := good
			spoil(&m)
			if err := f.Send(t.Context(), m); !job.IsPermanent(err) || strings.Contains(err.Error(), "d.se") {
				t.Errorf("Send = %v, want a permanent error without the values", err)
			}
			if _, err := os.Stat(dir); err == nil || logged.Len() != 0 {
				t.Errorf("something was written: %v %s", err, logged)
			}
		})
	}
}

func TestFolderWritesOneReadableFileAMail(t *testing.T) {
	t.Parallel()
	f, dir, logged := folder(t)
	m := Mail{To: "anna@example.org", Subject: "Kod 123456", Text: "123456", MessageID: "../job-1@kantsten.example"}
	for range 3 { // a job that is run again
		if err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	name, _ := written(t, dir)
	if name != "___job-1.eml" {
		t.Errorf("file %q: named after the message, within the folder", name)
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	if !strings.Contains(logged.String(), name) {
		t.Errorf("log %q does not name the file", logged)
	}
	for _, secret := range []string{"anna", "example.org", "123456"} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("log %q holds %q", logged, secret)
		}
	}
	for i := range 5 {
		if err := f.Send(t.Context(), Mail{To: fmt.Sprintf("b%d@example.org", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 6 {
		t.Errorf("%d files, %v, want 6: mails without an id get their own", len(entries), err)
	}
}

func TestFolderThatCannotBeWrittenPasses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := NewFolder(filepath.Join(file, "mail"), sender, slog.New(slog.DiscardHandler), clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Send(t.Context(), Mail{To: "anna@example.org"}); err == nil || job.IsPermanent(err) || strings.Contains(err.Error(), file) {
		t.Errorf("Send = %v, want a passing error without the path", err)
	}
	f, dir, _ := folder(t)
	if err := os.MkdirAll(filepath.Join(dir, "a.eml"), 0o700); err != nil { // a folder stands in the file's place
		t.Fatal(err)
	}
	if err := f.Send(t.Context(), Mail{To: "anna@example.org", MessageID: "a@b.se"}); err == nil || job.IsPermanent(err) || strings.Contains(err.Error(), dir) {
		t.Errorf("Send = %v, want a passing error without the path", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: the temporary file stays behind", entries, err)
	}
	if _, err := NewFolder("x", "nobody", slog.New(slog.DiscardHandler), clock); err == nil {
		t.Error("NewFolder from nobody = nil, want an error")
	}
}

func TestValidAddress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63) + "."
	for address, want := range map[string]string{
		"anna@example.org":                      "anna@example.org",
		"Anna.Berg+kantsten@Example.ORG":        "Anna.Berg+kantsten@example.org",
		"o'brien@example.org":                   "o'brien@example.org",
		"crew@sundsvall.invalid":                "crew@sundsvall.invalid",
		"anna@örebro.se":                        "anna@xn--rebro-iua.se",
		"anna@ÖREBRO.se":                        "anna@xn--rebro-iua.se",
		"a@xn--rebro-iua.se":                    "a@xn--rebro-iua.se",
		strings.Repeat("a", 64) + "@b.se":       strings.Repeat("a", 64) + "@b.se",
		"":                                      "",
		"anna":                                  "",
		"@example.org":                          "",
		"anna@":                                 "",
		"anna@localhost":                        "",
		"anna@@example.org":                     "",
		"anna@b@example.org":                    "",
		"anna @example.org":                     "",
		" anna@example.org":                     "",
		"anna@example.org ":                     "",
		"anna@example.org\n":                    "",
		"anna@exa\tmple.org":                    "",
		"anna@example..org":                     "",
		"anna@.example.org":                     "",
		"anna@example.org.":                     "",
		"anna@-example.org":                     "",
		".anna@example.org":                     "",
		"an..na@example.org":                    "",
		"anna.@example.org":                     "",
		"\"anna\"@example.org":                  "",
		"Anna <anna@example.org>":               "",
		"<anna@example.org>":                    "",
		"anna@[127.0.0.1]":                      "",
		"anna(comment)@example.org":             "",
		"anna@example.org,b@example.org":        "",
		"ånna@example.org":                      "",
		"anna@exa\x00mple.org":                  "",
		"anna@\xff.org":                         "",
		"anna@ex%41mple.org":                    "",
		strings.Repeat("a", 65) + "@b.se":       "",
		"a@" + long + long + long + long + "se": "",
	} {
		got, ok := parseAddress(address)
		if got != want || ok != (want != "") || ValidAddress(address) != ok {
			t.Errorf("parseAddress(%q) = %q, %v, want %q", address, got, ok, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"anna@example.org", "anna@örebro.se", "\"a b\"@c.se", "a@b.se\r\nBcc: c@d.se", "a@[::1]", "a@b。se", "a@ｂ.se"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		wire, ok := parseAddress(address)
		if !ok {
			return
		}
		if again, ok := parseAddress(wire); !ok || again != wire {
			t.Errorf("%q becomes %q, which becomes %q (%v)", address, wire, again, ok)
		}
		if strings.ContainsAny(wire, " \r\n<>,;:\"()[]\\") || !printableASCII(wire) || strings.Count(wire, "@") != 1 {
			t.Errorf("%q becomes %q", address, wire)
		}
	})
}
