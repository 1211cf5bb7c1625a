package egress

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/problem"
)

func prefixes(ss ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range ss {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

func addrs(ss ...string) []netip.Addr {
	var as []netip.Addr
	for _, s := range ss {
		as = append(as, netip.MustParseAddr(s))
	}
	return as
}

// testNames: 93.184.215.14 and 2606:2800:: are public; nothing is sent there.
func testNames() map[string][]netip.Addr {
	return map[string][]netip.Addr{
		"public.test.":   addrs("93.184.215.14"),
		"public6.test.":  addrs("2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
		"inside.test.":   addrs("10.1.2.3"),
		"loop.test.":     addrs("127.0.0.1"),
		"mapped.test.":   addrs("::ffff:127.0.0.1"),
		"metadata.test.": addrs("169.254.169.254"),
		"failing.test.":  nil,
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	resolver := newResolver(t, testNames())
	strict := New(Config{Resolver: resolver})
	inside := New(Config{Resolver: resolver, Allow: prefixes("10.0.0.0/8", "fd00::/8", "::ffff:192.168.0.0/112")})
	tests := []struct {
		url    string
		client *Client
		want   string // the field error's code, "" for none
	}{
		{"https://public.test/push/abc?x=1", strict, ""},
		{"https://public6.test/", strict, ""},
		{"https://public.test:8443/hook", strict, ""},
		{"https://93.184.215.14/", strict, ""},
		{"https://[2606:2800:21f::1]/", strict, ""},
		{"HTTPS://PUBLIC.test./", strict, ""},

		{"", strict, "required"},
		{"https://public.test/" + strings.Repeat("a", MaxURLBytes), strict, "too-long"},
		{"http://public.test/", strict, "scheme"},
		{"ftp://public.test/", strict, "scheme"},
		{"file:///etc/passwd", strict, "scheme"},
		{"gopher://public.test/", strict, "scheme"},
		{"javascript:alert(1)", strict, "scheme"},
		{"//public.test/", strict, "scheme"},
		{"public.test/push", strict, "scheme"},
		{"https:public.test", strict, "format"},
		{"https:///push", strict, "format"},
		{"https://user@public.test/", strict, "format"},
		{"https://user:secret@public.test/", strict, "format"},
		{"https://public.test@127.0.0.1/", strict, "format"},
		{"https://public.test\\@127.0.0.1/", strict, "format"}, // browsers and servers split this differently
		{"https://public.test/#x", strict, "format"},
		{"https://public.test/#", strict, "format"},
		{"https://public.test/a b", strict, "format"},
		{"https://public.test/\r\nHost: x", strict, "format"},
		{"https://public.test/\x00", strict, "format"},
		{"https://räksmörgås.test/", strict, "format"},
		{"https://public.test:0/", strict, "format"},
		{"https://public.test:/", strict, "format"},
		{"https://public.test:65536/", strict, "format"},
		{"https://public.test:http/", strict, "format"},
		{"https://pub%6cic.test/", strict, "format"},
		{"https://a..b/", strict, "format"},
		{"https://" + strings.Repeat("a", 64) + ".test/", strict, "format"},
		{"https://-/%zz", strict, "format"},

		// other spellings of 127.0.0.1
		{"https://2130706433/", strict, "format"},
		{"https://0x7f000001/", strict, "format"},
		{"https://0x7f.0.0.1/", strict, "format"},
		{"https://0177.0.0.1/", strict, "format"},
		{"https://127.1/", strict, "format"},
		{"https://127.0.0.1./", strict, "format"},
		{"https://127.0.0.0x1/", strict, "format"},
		{"https://[::1%25lo]/", strict, "format"},

		{"https://unknown.test/", strict, "unresolvable"},
		{"https://loop.test/", strict, "refused"},
		{"https://mapped.test/", strict, "refused"},
		{"https://inside.test/", strict, "refused"},
		{"https://metadata.test/latest/meta-data/", strict, "refused"},
		{"https://public.test:25/", strict, "refused"},
		{"https://127.0.0.1/", strict, "refused"},

		{"http://inside.test/", inside, ""},
		{"https://inside.test:22/", inside, ""},
		{"http://[fd00::7]:8080/", inside, ""},
		{"http://[::ffff:10.0.0.1]/", inside, ""},
		{"http://192.168.7.7/", inside, ""}, // the allow-list names it in mapped form
		{"http://loop.test/", inside, "scheme"},
		{"https://loop.test/", inside, "refused"},
		{"http://public.test/", inside, "scheme"},
		{"http://user@inside.test/", inside, "format"},
		{"http://0xa010203/", inside, "format"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel()
			err := tt.client.Check(t.Context(), tt.url)
			if got := code(t, err); got != tt.want {
				t.Errorf("Check = %v, want code %q", err, tt.want)
			}
		})
	}
}

func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	p := problem.As(err)
	if p == nil || p.Kind != problem.Invalid || len(p.Fields) != 1 || p.Fields[0].Field != "" {
		t.Fatalf("want an Invalid problem with one unnamed field, got %v", err)
	}
	return p.Fields[0].Code
}

func TestCheckRefusesEveryAddressThatIsNotPublic(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	for _, host := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
		"192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.255",
		"[::]", "[::1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[100::1]",
		"[2001::1]", "[2001:db8::1]", "[2002:7f00:1::]", "[3fff::1]", "[fc00::1]",
		"[fd12::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[0:0:0:0:0:0:0:1]",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			if got := code(t, c.Check(t.Context(), "https://"+host+"/")); got != "refused" {
				t.Errorf("code = %q, want refused", got)
			}
		})
	}
}

// The system's own resolver answers here.
func TestCheckRefusesLocalhost(t *testing.T) {
	t.Parallel()
	err := New(Config{}).Check(t.Context(), "https://localhost/")
	if got := code(t, err); got != "refused" {
		t.Errorf("Check = %v, want refused", err)
	}
}

func TestCheckTellsAFailingNameServiceFromAnUnknownName(t *testing.T) {
	t.Parallel()
	c := New(Config{Resolver: newResolver(t, testNames())})
	err := c.Check(t.Context(), "https://failing.test/")
	if p := problem.As(err); p == nil || p.Kind != problem.Unavailable || p.RetryAfter <= 0 {
		t.Errorf("Check = %v, want Unavailable with a time to retry", err)
	}
}

// FuzzParse looks for URLs that pass although their host is an address that is
// not public, in any spelling, or that would be sent elsewhere than checked.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"https://public.test/", "https://127.1/", "https://[::1]/", "http://a:1/%2f", "https://a@b",
		"https://0x7f.1:443/?q", "https:\\\\a", "https://[fe80::1%25eth0]/", "https://a/\u2028", "https://１２７.0.0.1/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, fault := parse(raw)
		if fault != nil {
			if fault.Code == "" || fault.Detail == "" {
				t.Fatalf("fault without code or detail: %+v", fault)
			}
			return
		}
		again, fault := parse(u.String())
		if fault != nil || again.Host != u.Host || again.Scheme != u.Scheme {
			t.Fatalf("%q parses to %q, which parses to %v (%v)", raw, u, again, fault)
		}
		if strings.ContainsAny(raw, "\r\n\x00 \\") || u.User != nil || portOf(u) == 0 {
			t.Fatalf("%q was accepted", raw)
		}
	})
}
