package notify

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"github.com/kantsten/kantsten/internal/job"
)

// Mailer sends e-mail: [SMTP] in earnest, [Folder] where no server is set.
type Mailer interface {
	// Send sends one mail. Its errors are marked by [job.Permanent] when the
	// mail can never be delivered, and plain for everything that may pass.
	Send(ctx context.Context, m Mail) error
}

// Mail is one message to one receiver.
type Mail struct {
	// To is a plain address; see [ValidAddress].
	To string
	// Subject is one line in any script.
	Subject string
	// Text is the body, and HTML, when not empty, the same as a page.
	Text, HTML string
	// Unsubscribe, when not empty, is the URL behind the mail program's own
	// button (RFC 2369). If it is https it must end the subscription by a POST
	// without a question (RFC 8058).
	Unsubscribe string
	// Headers are further ones in ASCII, such as Reply-To, In-Reply-To and
	// References. Those that other fields or the mailer write are refused.
	Headers map[string]string
	// MessageID is local@domain without angle brackets. Give the same one when
	// a mail is sent again, so that the other side can tell. Made when empty.
	MessageID string
}

// maxLine is how long a header's value may be: RFC 5322's 998 bytes for a line,
// with room for the name.
const maxLine = 900

// ownHeader reports whether a header, in lower case, is written by the mailer or
// from another field of [Mail].
func ownHeader(name string) bool {
	return slices.Contains([]string{
		"from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "return-path", "received",
		"mime-version", "auto-submitted", "list-unsubscribe", "list-unsubscribe-post",
	}, name) || strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "resent-") || strings.HasPrefix(name, "dkim-")
}

// compose makes the message of a mail; now is its Date. Faults in it are
// permanent and name the field, never what stands in it.
func compose(m Mail, from *netmail.Address, now time.Time) (*gomail.Msg, error) {
	to, err := m.check()
	if err != nil {
		return nil, job.Permanent(fmt.Errorf("compose mail: %w", err))
	}
	if m.MessageID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("compose mail: make message id: %w", err)
		}
		_, domain, _ := cutLast(from.Address, "@")
		m.MessageID = id.String() + "@" + domain
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(&netmail.Address{Address: to})
	// Text that looks encoded already would be decoded by its reader into
	// something else; a space of no width in it makes it be encoded as it is.
	msg.Subject(strings.ReplaceAll(m.Subject, "=?", "=\u200b?"))
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(m.MessageID)
	// So that no absence note answers (RFC 3834).
	msg.SetGenHeaderPreformatted("Auto-Submitted", "auto-generated")
	for name, value := range m.Headers {
		msg.SetGenHeaderPreformatted(gomail.Header(name), value)
	}
	if m.Unsubscribe != "" {
		msg.SetListUnsubscribe(m.Unsubscribe)
		if strings.HasPrefix(m.Unsubscribe, "https://") {
			msg.SetListUnsubscribePost()
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// check returns the receiver's address as it goes over the wire.
func (m Mail) check() (string, error) {
	to, ok := parseAddress(m.To)
	switch {
	case !ok:
		return "", errors.New("the address is not valid")
	case !oneLine(m.Subject):
		return "", errors.New("the subject is not one line of text")
	case m.MessageID != "" && !messageIDOK(m.MessageID):
		return "", errors.New("the message id is not local@domain")
	case m.Unsubscribe != "" && !unsubscribeOK(m.Unsubscribe):
		return "", errors.New("the unsubscribe link is not a web address")
	case !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML):
		return "", errors.New("the text is not UTF-8")
	}
	for name, value := range m.Headers {
		if err := checkHeader(name, value); err != nil {
			return "", err
		}
	}
	return to, nil
}

// oneLine reports whether text can be a header's value without starting another.
func oneLine(s string) bool {
	return len(s) <= maxLine && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func printableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkHeader names a faulty header only when its name is harmless.
func checkHeader(name, value string) error {
	isName := func(r rune) bool { return alphanumeric(r) || r == '-' }
	switch {
	case name == "" || len(name) > 60 || strings.ContainsFunc(name, func(r rune) bool { return !isName(r) }):
		return errors.New("a header's name is not valid")
	case ownHeader(strings.ToLower(name)):
		return fmt.Errorf("header %s is not the caller's to set", name)
	case value == "" || !oneLine(value) || !printableASCII(value):
		return fmt.Errorf("header %s is not one line of ASCII", name)
	}
	if strings.EqualFold(name, "Reply-To") {
		if _, err := netmail.ParseAddress(value); err != nil {
			return errors.New("header Reply-To is not an address")
		}
	}
	return nil
}

// messageIDOK holds an id to the msg-id of RFC 5322 without its rarer forms.
func messageIDOK(id string) bool {
	local, domain, found := strings.Cut(id, "@")
	return found && len(id) <= maxAddress && local != "" && domain != "" &&
		!strings.ContainsFunc(local, notInLocal) && !strings.ContainsFunc(domain, notInDomain)
}

func unsubscribeOK(link string) bool {
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		oneLine(link) && printableASCII(link) && !strings.ContainsAny(link, "<>, ")
}

// parseFrom reads a sender: "Kantsten <no-reply@example.org>" or the address alone.
func parseFrom(from string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(from)
	if err != nil || !oneLine(from) {
		return nil, errors.New("the sender is not an e-mail address")
	}
	wire, ok := parseAddress(a.Address)
	if !ok {
		return nil, errors.New("the sender is not an e-mail address that mail can come from")
	}
	return &netmail.Address{Name: a.Name, Address: wire}, nil
}
