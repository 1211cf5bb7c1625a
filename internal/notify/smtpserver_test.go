package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const password = "p@ss:w/rd"

// mailServer is an SMTP server on loopback that takes mail or answers as told.
type mailServer struct {
	addr  string
	roots *x509.CertPool

	mu       sync.Mutex
	mails    []received
	needAuth bool
	// What each step answers; nil for yes.
	onMail, onRcpt, onData error
}

type received struct {
	from, to string
	signedIn bool
	raw      []byte
}

// startMail serves STARTTLS, or TLS from the start, until the test ends.
func startMail(t *testing.T, implicitTLS, withTLS bool) *mailServer {
	t.Helper()
	certified := httptest.NewTLSServer(nil) // lends its certificate for 127.0.0.1
	t.Cleanup(certified.Close)
	s := &mailServer{roots: x509.NewCertPool()}
	s.roots.AddCert(certified.Certificate())
	config := &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	server.Domain = "mail.test"
	server.ErrorLog = log.New(io.Discard, "", 0)
	if withTLS {
		server.TLSConfig = config
	} else {
		server.AllowInsecureAuth = true
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if implicitTLS {
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = l.Close() // Close knows the listener only once Serve has begun
		<-done
	})
	return s
}

// only returns the one mail that arrived.
func (s *mailServer) only(t *testing.T) received {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 {
		t.Fatalf("%d mails arrived, want 1", len(s.mails))
	}
	return s.mails[0]
}

type session struct {
	server   *mailServer
	from, to string
	signedIn bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != "kantsten" || pass != password {
			return errors.New("wrong")
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.needAuth && !s.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return s.server.onMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.server.onRcpt
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.onData != nil {
		return s.server.onData
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, received{s.from, s.to, s.signedIn, raw})
	return nil
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }
