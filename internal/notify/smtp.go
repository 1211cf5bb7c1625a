package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"syscall"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/kantsten/kantsten/internal/job"
)

// smtpTimeout bounds the connection and, anew, the dialogue of one mail.
const smtpTimeout = 15 * time.Second

// SMTP is a [Mailer] that hands mail to a server. It opens a connection for each
// mail; how many at once is for its caller to bound. The end of a context breaks
// off connecting; a dialogue that has begun ends by itself within 15 s.
type SMTP struct {
	client *gomail.Client
	from   *netmail.Address
	now    func() time.Time
}

// NewSMTP makes a mailer from a URL:
//
//	smtp://user:password@host:587?tls=mandatory    STARTTLS, port 587 by default
//	smtps://user:password@host:465                 TLS from the start, port 465 by default
//
// tls is "mandatory" (the default), "opportunistic" or "none"; the last two are
// for a server on the same machine or network. User and password may be left
// out. helo=NAME sets the name that we introduce ourselves by, otherwise the
// machine's. from is the sender of all mail; roots, when not nil, are trusted
// instead of the system's authorities. Errors hold nothing of the URL.
func NewSMTP(rawURL, from string, roots *x509.CertPool, now func() time.Time) (*SMTP, error) {
	sender, err := parseFrom(from)
	if err != nil {
		return nil, fmt.Errorf("set up SMTP: %w", err)
	}
	host, options, err := parseSMTP(rawURL, roots)
	if err != nil {
		return nil, fmt.Errorf("set up SMTP: %w", err)
	}
	client, err := gomail.NewClient(host, options...)
	if err != nil {
		return nil, errors.New("set up SMTP: the settings are not usable")
	}
	return &SMTP{client: client, from: sender, now: now}, nil
}

// parseSMTP turns the URL into the client's settings.
func parseSMTP(rawURL string, roots *x509.CertPool) (host string, options []gomail.Option, err error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return "", nil, errors.New("the URL must look like smtp://user:password@host:587") // url's own error quotes the password
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return "", nil, errors.New("the URL may have neither path nor fragment: is a sign in the password not percent-encoded?")
	}
	options = []gomail.Option{
		gomail.WithTimeout(smtpTimeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: roots}),
		gomail.WithoutNoop(), // the connection is new
	}
	secured, err := tlsOptions(u)
	if err != nil {
		return "", nil, err
	}
	options = append(options, secured...)
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 {
			return "", nil, errors.New("the URL's port must be a number from 1 to 65535")
		}
		options = append(options, gomail.WithPort(int(port)))
	}
	if helo := u.Query().Get("helo"); helo != "" {
		options = append(options, gomail.WithHELO(helo))
	}
	if name := u.User.Username(); name != "" {
		password, _ := u.User.Password()
		options = append(options, gomail.WithUsername(name), gomail.WithPassword(password), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	return u.Hostname(), options, nil
}

// tlsOptions reads scheme and tls; a port in the URL overrides the one set here.
func tlsOptions(u *url.URL) ([]gomail.Option, error) {
	const submission = 587
	mode := u.Query().Get("tls")
	switch {
	case u.Scheme == "smtps" && mode == "":
		return []gomail.Option{gomail.WithSSLPort(false)}, nil
	case u.Scheme == "smtps":
		return nil, errors.New("smtps:// is always TLS: tls= goes with smtp:// only")
	case u.Scheme != "smtp":
		return nil, errors.New("the URL must begin with smtp:// or smtps://")
	}
	policies := map[string]gomail.TLSPolicy{
		"": gomail.TLSMandatory, "mandatory": gomail.TLSMandatory, "opportunistic": gomail.TLSOpportunistic, "none": gomail.NoTLS,
	}
	policy, known := policies[mode]
	if !known {
		return nil, errors.New("tls= must be mandatory, opportunistic or none")
	}
	return []gomail.Option{gomail.WithPort(submission), gomail.WithTLSPolicy(policy)}, nil
}

// Send implements [Mailer].
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := compose(m, s.from, s.now())
	if err != nil {
		return err
	}
	err = s.client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		// What fails after the server took the mail (RSET, QUIT) must not send it twice.
		return nil
	}
	return unmailed(err)
}

// unmailed sorts what keeps a mail from being taken. Only a server's final "no"
// to this receiver or this text is permanent: refused sign-ins and senders are
// the operator's to mend, and meanwhile no mail should be given up.
func unmailed(err error) error {
	answer, ok := errors.AsType[*gomail.SendError](err)
	if !ok || answer.ErrorCode() == 0 {
		return fmt.Errorf("send mail: %s", networkFault(err))
	}
	// The library's own text holds the address, and so does many a server's.
	said := fmt.Sprintf("mail server answered %d", answer.ErrorCode())
	if detail := answer.EnhancedStatusCode(); detail != "" {
		said += " (" + detail + ")"
	}
	plain := fmt.Errorf("send mail: %s: %s", answer.Reason, said)
	switch answer.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		const lowestPermanent = 500
		if code := answer.ErrorCode(); code >= lowestPermanent && code != authRequired {
			return job.Permanent(plain)
		}
	}
	return plain
}

// authRequired is the answer to a client that must sign in first (RFC 4954 section 6).
const authRequired = 530

// networkFault says in fixed words why there was no answer to the mail itself.
func networkFault(err error) string {
	var (
		dns   *net.DNSError
		cert  *tls.CertificateVerificationError
		errno syscall.Errno
		wait  net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &wait) && wait.Timeout():
		return "mail server timed out"
	case errors.As(err, &dns):
		return "mail server's name cannot be looked up"
	case errors.As(err, &cert):
		return "mail server's certificate is not trusted"
	case errors.As(err, &errno):
		return "mail server cannot be reached: " + errno.Error()
	}
	return "mail server did not let us in or broke off"
}
