package notify

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/kantsten/kantsten/internal/job"
)

const sender = "Kantsten <no-reply@kantsten.example>"

func clock() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

func newSMTP(t *testing.T, s *mailServer, url string) *SMTP {
	t.Helper()
	m, err := NewSMTP(url, sender, s.roots, clock)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func signIn() string { return url.UserPassword("kantsten", password).String() + "@" }

func TestSMTPDelivers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name              string
		implicit, withTLS bool
		url               func(addr string) string
		signedIn          bool
	}{
		{"STARTTLS and sign-in", false, true, func(a string) string { return "smtp://" + signIn() + a }, true},
		{"STARTTLS asked for", false, true, func(a string) string { return "smtp://" + a + "?tls=mandatory&helo=kantsten.example" }, false},
		{"TLS from the start", true, false, func(a string) string { return "smtps://" + signIn() + a + "/" }, true},
		{"STARTTLS where offered", false, true, func(a string) string { return "smtp://" + a + "?tls=opportunistic" }, false},
		{"TLS not offered and not asked for", false, false, func(a string) string { return "smtp://" + a + "?tls=opportunistic" }, false},
		{"no TLS", false, false, func(a string) string { return "smtp://" + a + "?tls=none" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := startMail(t, tt.implicit, tt.withTLS)
			mailer := newSMTP(t, server, tt.url(server.addr))
			if err := mailer.Send(t.Context(), Mail{To: "anna@example.org", Subject: "Hej", Text: "Åtgärdat.\n"}); err != nil {
				t.Fatal(err)
			}
			got := server.only(t)
			if got.from != "no-reply@kantsten.example" || got.to != "anna@example.org" || got.signedIn != tt.signedIn {
				t.Errorf("from %q to %q, signed in: %v", got.from, got.to, got.signedIn)
			}
		})
	}
}

func TestSMTPSendsNothingInTheClearUnlessTold(t *testing.T) {
	t.Parallel()
	server := startMail(t, false, false)
	err := newSMTP(t, server, "smtp://"+signIn()+server.addr).Send(t.Context(), Mail{To: "anna@example.org"})
	if err == nil || job.IsPermanent(err) {
		t.Errorf("Send = %v, want an error that the operator can mend", err)
	}
}

func TestSMTPTrustsNoUnknownCertificate(t *testing.T) {
	t.Parallel()
	for name, implicit := range map[string]bool{"smtp": false, "smtps": true} {
		server := startMail(t, implicit, !implicit)
		server.roots = nil
		err := newSMTP(t, server, name+"://"+server.addr).Send(t.Context(), Mail{To: "anna@example.org"})
		if err == nil || job.IsPermanent(err) || len(server.mails) != 0 {
			t.Errorf("%s: Send = %v with %d mails, want a passing error", name, err, len(server.mails))
		}
	}
}

func TestSMTPSortsAnswers(t *testing.T) {
	t.Parallel()
	no := func(code, a, b, c int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: "anna@example.org is not here"}
	}
	tests := []struct {
		name      string
		tell      func(s *mailServer)
		permanent bool
		want      string
	}{
		{"unknown mailbox", func(s *mailServer) { s.onRcpt = no(550, 5, 1, 1) }, true, "550 (5.1.1)"},
		{"full mailbox", func(s *mailServer) { s.onRcpt = no(452, 4, 2, 2) }, false, "452 (4.2.2)"},
		{"greylisted", func(s *mailServer) { s.onRcpt = no(450, 4, 7, 1) }, false, "450 (4.7.1)"},
		{"text refused", func(s *mailServer) { s.onData = no(554, 5, 7, 1) }, true, "554 (5.7.1)"},
		{"text not now", func(s *mailServer) { s.onData = no(451, 4, 3, 0) }, false, "451 (4.3.0)"},
		{"sender refused", func(s *mailServer) { s.onMail = no(550, 5, 7, 1) }, false, "550 (5.7.1)"},
		{"sign-in wanted", func(s *mailServer) { s.needAuth = true }, false, "530 (5.7.0)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := startMail(t, false, false)
			tt.tell(server)
			err := newSMTP(t, server, "smtp://"+server.addr+"?tls=none").Send(t.Context(), Mail{To: "anna@example.org", Subject: "hemligt"})
			if err == nil || job.IsPermanent(err) != tt.permanent || !strings.HasSuffix(err.Error(), "mail server answered "+tt.want) {
				t.Errorf("Send = %v, permanent %v, want %v %s", err, job.IsPermanent(err), tt.permanent, tt.want)
			}
			noAddress(t, err)
		})
	}
}

func noAddress(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"anna", "example.org", "127.0.0.1", "hemligt", password} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("error %q holds %q", err, secret)
		}
	}
}

func TestSMTPRefusedSignInCanBeMended(t *testing.T) {
	t.Parallel()
	server := startMail(t, false, true)
	err := newSMTP(t, server, "smtp://kantsten:wrong@"+server.addr).Send(t.Context(), Mail{To: "anna@example.org"})
	if err == nil || job.IsPermanent(err) {
		t.Errorf("Send = %v, want an error that the operator can mend", err)
	}
	noAddress(t, err)
}

func TestSMTPNetworkFaultsPass(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	hangsUp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hangsUp.Close() })
	go func() {
		for {
			conn, err := hangsUp.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	server := startMail(t, false, false)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context //nolint:containedctx // a table's column
		addr string
	}{
		{"nobody listens", t.Context(), closed.Addr().String()},
		{"a server that hangs up", t.Context(), hangsUp.Addr().String()},
		{"a name that does not exist", t.Context(), "mail.invalid"},
		{"a context that ended", ended, server.addr},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newSMTP(t, server, "smtp://"+tt.addr+"?tls=none").Send(tt.ctx, Mail{To: "anna@example.org"})
			if err == nil || job.IsPermanent(err) {
				t.Errorf("Send = %v, want an error that passes", err)
			}
			noAddress(t, err)
		})
	}
}

// A server that takes the mail and then breaks off must not get it again.
func TestSMTPMailThatWasTakenIsSent(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	took := make(chan error, 1)
	go func() { took <- takeOneMailAndHangUp(l) }()
	mailer, err := NewSMTP("smtp://"+l.Addr().String()+"?tls=none", sender, nil, clock)
	if err != nil {
		t.Fatal(err)
	}
	sent := mailer.Send(t.Context(), Mail{To: "anna@example.org", Text: "x"})
	_ = l.Close()
	if err := <-took; err != nil {
		t.Fatal(err)
	}
	if sent != nil {
		t.Errorf("Send = %v, want nil", sent)
	}
}

// takeOneMailAndHangUp plays the server's side up to the answer to the text.
func takeOneMailAndHangUp(l net.Listener) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	text := newLines(conn)
	if err := text.say("220 mail.test ESMTP"); err != nil {
		return err
	}
	for {
		line, err := text.hear()
		if err != nil {
			return err
		}
		answer := "250 OK"
		if line == "DATA" {
			answer = "354 go on"
		}
		if err := text.say(answer); err != nil {
			return err
		}
		if line == "DATA" {
			break
		}
	}
	for line := ""; line != "."; {
		if line, err = text.hear(); err != nil {
			return err
		}
	}
	return text.say("250 taken")
}

func TestNewSMTPRefuses(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]string{
		"nothing":             "",
		"a host alone":        "mail.example.org",
		"another scheme":      "http://mail.example.org",
		"no host":             "smtp://:587",
		"a bad port":          "smtp://mail.example.org:0",
		"a bad port too":      "smtp://mail.example.org:65536",
		"an unknown policy":   "smtp://mail.example.org?tls=yes",
		"a policy with smtps": "smtps://mail.example.org?tls=none",
		"a slash in password": "smtp://kantsten:geheim/x@mail.example.org",
		"a hash in password":  "smtp://kantsten:geheim#x@mail.example.org",
		"a bad escape":        "smtp://kantsten:geheim%zz@mail.example.org",
		"a path":              "smtp://mail.example.org/geheim",
	} {
		m, err := NewSMTP(u, sender, nil, clock)
		if err == nil {
			t.Errorf("%s: NewSMTP = %v, want an error", name, m)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %q holds the password", name, err)
		}
	}
	for _, from := range []string{"", "nobody", "a@b", "a@b.se\r\nBcc: x@y.se", "a@b.se, c@d.se"} {
		if _, err := NewSMTP("smtp://mail.example.org", from, nil, clock); err == nil {
			t.Errorf("NewSMTP from %q = nil, want an error", from)
		}
	}
}

func TestSMTPRefusesAFaultyMailForGood(t *testing.T) {
	t.Parallel()
	server := startMail(t, false, false)
	err := newSMTP(t, server, "smtp://"+server.addr+"?tls=none").Send(t.Context(), Mail{To: "anna@example.org\r\nDATA"})
	if !job.IsPermanent(err) || errors.Is(err, context.Canceled) || len(server.mails) != 0 {
		t.Errorf("Send = %v, want a permanent error", err)
	}
}
