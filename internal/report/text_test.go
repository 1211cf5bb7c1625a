package report

import (
	"strings"
	"testing"
)

func TestTextFault(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, code string }{
		"nothing":                  {"", ""},
		"lines and tabs":           {"a\n\tb\r\nc", ""},
		"as long as may be":        {strings.Repeat("å", 10), ""}, // characters, not bytes
		"one too long":             {strings.Repeat("å", 11), "too-long"},
		"NUL":                      {"a\x00", "control-character"},
		"escape":                   {"\x1b[31m", "control-character"},
		"delete":                   {"\x7f", "control-character"},
		"C1":                       {"\u0085", "control-character"},
		"not UTF-8":                {"\xff", "not-utf-8"},
		"half a surrogate":         {"\xed\xa0\x80", "not-utf-8"},
		"emoji with a joiner":      {"👩‍🔧", ""},
		"the replacement itself":   {"\ufffd", ""},
		"right-to-left, which may": {"\u202eabc", ""},
	} {
		f, bad := textFault("/text", tt.text, 10)
		if bad != (tt.code != "") || f.Code != tt.code {
			t.Errorf("%s: %q, want %q", name, f.Code, tt.code)
		}
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	if got := tidy(" \r\n ett\r\ntvå \t\n"); got != "ett\ntvå" {
		t.Errorf("%q", got)
	}
}

func TestContactFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		contact Contact
		field   string
	}{
		"nobody":                   {Contact{}, ""},
		"everything":               {Contact{"Anna", "anna@example.org", "+46 70 123 45 67"}, ""},
		"a name in the address":    {Contact{Email: "Anna <anna@example.org>"}, "/contact/email"},
		"two addresses":            {Contact{Email: "a@example.org,b@example.org"}, "/contact/email"},
		"a header in the address":  {Contact{Email: "a@example.org\r\nBcc: b@example.org"}, "/contact/email"},
		"no address":               {Contact{Email: "anna"}, "/contact/email"},
		"an address that is long":  {Contact{Email: strings.Repeat("a", 250) + "@b.se"}, "/contact/email"},
		"letters for a number":     {Contact{Phone: "ring mig"}, "/contact/phone"},
		"a number that is long":    {Contact{Phone: strings.Repeat("1", 41)}, "/contact/phone"},
		"control signs in a name":  {Contact{Name: "A\x00"}, "/contact/name"},
		"a name that is very long": {Contact{Name: strings.Repeat("a", 201)}, "/contact/name"},
	} {
		faults := tt.contact.faults()
		if tt.field == "" && len(faults) != 0 || tt.field != "" && (len(faults) != 1 || faults[0].Field != tt.field) {
			t.Errorf("%s: %+v, want %q", name, faults, tt.field)
		}
	}
}
