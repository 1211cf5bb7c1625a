package report

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kantsten/kantsten/internal/problem"
)

// The longest texts that are kept, in characters.
const (
	MaxText    = 4000 // GeoReport v2: description
	maxAddress = 300
	maxName    = 200
	maxEmail   = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
	maxPhone   = 40
)

// textFault says what is wrong with a text, and false if nothing is.
func textFault(field, text string, limit int) (problem.FieldError, bool) {
	f := problem.FieldError{Field: field}
	f.Code, f.Detail = problem.TextFault(text)
	if f.Code == "" && utf8.RuneCountInString(text) > limit {
		f.Code, f.Detail = "too-long", "at most "+strconv.Itoa(limit)+" characters"
	}
	return f, f.Code != ""
}

// tidy brings line ends to LF and takes surrounding white space away.
func tidy(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}

// asWritten brings line ends to LF and keeps all else, white space around the
// text too: another system compares what it sent with what it reads back. A
// text of nothing but white space is none.
func asWritten(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

var phoneForm = regexp.MustCompile(`^[0-9+][0-9 ()/.-]*$`)

// faults says what is wrong with contact data.
func (c Contact) faults() []problem.FieldError {
	var faults []problem.FieldError
	for _, t := range []struct {
		field, text string
		limit       int
		form        func(string) bool
		want        string
	}{
		{"/contact/name", c.Name, maxName, nil, ""},
		{"/contact/email", c.Email, maxEmail, validEmail, "an e-mail address such as anna@example.org"},
		{"/contact/phone", c.Phone, maxPhone, phoneForm.MatchString, "a phone number of digits, such as +46 70 123 45 67"},
	} {
		if f, bad := textFault(t.field, t.text, t.limit); bad {
			faults = append(faults, f)
		} else if t.text != "" && t.form != nil && !t.form(t.text) {
			faults = append(faults, problem.FieldError{Field: t.field, Code: "format", Detail: t.want})
		}
	}
	return faults
}

func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && !strings.ContainsAny(s, "\r\n\t ")
}
