package auth_test

import (
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestNormaliseEmail(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"stays as it is", "anna@example.org", "anna@example.org"},
		{"space around it goes", " \tanna@example.org\r\n", "anna@example.org"},
		{"a phone's capital goes", "Anna@Example.ORG", "anna@example.org"},
		{"tags, dots and odd atoms stay", "o'neill.x+y=z_1@a-b.example", "o'neill.x+y=z_1@a-b.example"},
		{"an xn-- domain", "anna@xn--rksmrgs-5wao1o.se", "anna@xn--rksmrgs-5wao1o.se"},
		{"the longest local part", strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := auth.NormaliseEmail(tt.in); err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// badEmails maps what is wrong to an address that is.
func badEmails() map[string]string {
	long := strings.Repeat("a", 60)
	return map[string]string{
		"nothing":                  "",
		"only space":               "  ",
		"no at":                    "anna.example.org",
		"two ats":                  "anna@home@example.org",
		"no local part":            "@example.org",
		"no domain":                "anna@",
		"one label":                "anna@localhost",
		"empty label":              "anna@example..org",
		"final dot":                "anna@example.org.",
		"label begins with hyphen": "anna@-example.org",
		"label ends with hyphen":   "anna@example-.org",
		"empty atom":               "anna..b@example.org",
		"leading dot":              ".anna@example.org",
		"space inside":             "an na@example.org",
		"a header after it":        "anna@example.org\r\nBcc: all@example.org",
		"NUL":                      "anna\x00@example.org",
		"DEL":                      "anna\x7f@example.org",
		"two addresses":            "anna@example.org,bo@example.org",
		"a name before it":         "Anna <anna@example.org>",
		"quoted":                   `"anna b"@example.org`,
		"an address literal":       "anna@[127.0.0.1]",
		"not ASCII":                "anna@räksmörgås.se",
		"looks like a":             "аnna@example.org", // Cyrillic а
		"Kelvin sign folds to k":   "\u212Aarin@example.org",
		"not UTF-8":                "anna\xff@example.org",
		"local part of 65":         strings.Repeat("a", 65) + "@example.org",
		"label of 64":              "anna@" + strings.Repeat("a", 64) + ".org",
		"255 bytes":                "a@" + long + "." + long + "." + long + "." + long + "." + strings.Repeat("b", 9),
		"a megabyte":               strings.Repeat("a", 1<<20) + "@example.org",
		"a megabyte of space":      strings.Repeat(" ", 1<<20) + "anna@example.org",
	}
}

func TestNormaliseEmailRefuses(t *testing.T) {
	t.Parallel()
	for name, address := range badEmails() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := auth.NormaliseEmail(address)
			p := problem.As(err)
			if p == nil || p.Kind != problem.Invalid || p.Fields[0].Field != "/email" {
				t.Errorf("%q, %v; want an invalid /email", got, err)
			}
		})
	}
}

func FuzzNormaliseEmail(f *testing.F) {
	for _, address := range badEmails() {
		if len(address) < 1000 {
			f.Add(address)
		}
	}
	f.Add(" O'Neill+x@Example.org ")
	f.Fuzz(func(t *testing.T, address string) {
		got, err := auth.NormaliseEmail(address)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("error %v, want invalid", err)
			}
			return
		}
		if len(got) > 254 || strings.Count(got, "@") != 1 || strings.ContainsAny(got, " \t\r\n\x00<>,;:\"\\[]()") {
			t.Errorf("%q became %q", address, got)
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] >= 0x7f {
				t.Errorf("%q became %q with byte %#x", address, got, got[i])
			}
		}
		if again, err := auth.NormaliseEmail(got); err != nil || again != got {
			t.Errorf("%q became %q and then %q, %v", address, got, again, err)
		}
	})
}
