package auth

import (
	"strconv"
	"strings"
	"testing"
)

func TestTokensHaveTheirForm(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{sessionPrefix, keyPrefix, invitePrefix, signInPrefix} {
		token, hash := newToken(prefix)
		if !strings.HasPrefix(token, prefix) || len(token) != len(prefix)+43 {
			t.Errorf("token %q, want %q and 43 characters", token, prefix)
		}
		if len(hash) != 64 || strings.Contains(token, string(hash)) || strings.Contains(string(hash), token) {
			t.Errorf("hash %q of token %q", hash, token)
		}
		if again, ok := hashToken(prefix, token); !ok || again != hash {
			t.Errorf("token %q hashes to %q, then to %q, %v", token, hash, again, ok)
		}
		if other, _ := newToken(prefix); other == token {
			t.Errorf("the same token twice: %q", token)
		}
	}
}

func TestTokensThatCannotBeOurs(t *testing.T) {
	t.Parallel()
	good, _ := newToken(sessionPrefix)
	secret := strings.TrimPrefix(good, sessionPrefix)
	tests := map[string]string{
		"empty":           "",
		"only the prefix": sessionPrefix,
		"no prefix":       secret,
		"another prefix":  keyPrefix + secret,
		"prefix twice":    sessionPrefix + good,
		"one short":       good[:len(good)-1],
		"one long":        good + "A",
		"padded":          good + "=",
		"space before":    " " + good,
		"newline after":   good + "\n",
		"newline inside":  good[:20] + "\n" + good[21:],
		// What is left of these without their line breaks decodes without an error.
		"newline among A":    sessionPrefix + strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 22),
		"four newlines":      sessionPrefix + strings.Repeat("A", 39) + "\r\n\r\n",
		"not base64url":      good[:20] + "+" + good[21:],
		"NUL inside":         good[:20] + "\x00" + good[21:],
		"bits after the end": sessionPrefix + strings.Repeat("A", 42) + "B",
		"a megabyte":         good + strings.Repeat("A", 1<<20),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if hash, ok := hashToken(sessionPrefix, token); ok || hash != "" {
				t.Errorf("accepted as %q", hash)
			}
		})
	}
}

func FuzzHashToken(f *testing.F) {
	good, _ := newToken(sessionPrefix)
	f.Add(good)
	f.Add(good + "=")
	f.Add(sessionPrefix + strings.Repeat("A", 42) + "\n")
	f.Add(sessionPrefix + strings.Repeat("A", 42) + "B")
	f.Fuzz(func(t *testing.T, token string) {
		hash, ok := hashToken(sessionPrefix, token)
		if ok != (hash != "") {
			t.Fatalf("%q: hash %q and %v", token, hash, ok)
		}
		if ok && (len(token) != len(sessionPrefix)+secretChars || strings.ContainsAny(token, "\r\n") || hash != hashOf(token)) {
			t.Errorf("%q was accepted as %q", token, hash)
		}
	})
}

func TestCodesAreSixDigitsOfAllKinds(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	var leading [10]int
	distinct := map[string]bool{}
	for range draws {
		code, err := NewCode()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(code); len(code) != 6 || err != nil || n < 0 {
			t.Fatalf("code %q", code)
		}
		leading[code[0]-'0']++
		distinct[code] = true
	}
	// Each first digit is binomial(20000, 1/10): 2000 ± 42. 400 away is 9 sigma.
	for digit, n := range leading {
		if n < 1600 || n > 2400 {
			t.Errorf("%d of %d codes begin with %d", n, draws, digit)
		}
	}
	// Some 200 of 20,000 draws from a million repeat an earlier one.
	if len(distinct) < draws-500 {
		t.Errorf("only %d distinct codes of %d", len(distinct), draws)
	}
}

func TestReadCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, typed string
		want        string // empty where it is none
	}{
		{"six digits", "012345", "012345"},
		{"pasted with spaces", " 012 345 ", "012345"},
		{"five digits", "12345", ""},
		{"seven digits", "1234567", ""},
		{"a sign", "+12345", ""},
		{"letters", "12345a", ""},
		{"other scripts' digits", "१२३४५६", ""},
		{"two of them, six bytes", "१२", ""},
		{"NUL", "12345\x00", ""},
		{"line break", "12345\n", ""},
		{"nothing", "", ""},
		{"a megabyte", strings.Repeat("1", 1<<20), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, ok := ReadCode(tt.typed); got != tt.want || ok != (tt.want != "") {
				t.Errorf("readCode = %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestCodeHashesAreBound(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	hash := hashCode(key, "row", "123456")
	if len(hash) != 64 || !sameHash(hash, hashCode(key, "row", "123456")) {
		t.Fatalf("hash %q does not equal itself", hash)
	}
	others := map[string]Hash{
		"another code": hashCode(key, "row", "123457"),
		"another row":  hashCode(key, "row2", "123456"),
		"another key":  hashCode([]byte("another key"), "row", "123456"),
		"no key":       hashOf("123456"),
		"none yet":     "",
	}
	for name, other := range others {
		if sameHash(hash, other) || sameHash(other, hash) {
			t.Errorf("%s: equal", name)
		}
	}
	if sameHash("", "") {
		t.Error("a code that was never issued equals one that was never issued")
	}
}
