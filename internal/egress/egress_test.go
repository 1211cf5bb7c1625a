package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func get(t *testing.T, c *Client, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	return res, err
}

// serve starts a server that counts its requests.
func serve(t *testing.T, h http.HandlerFunc) (addr string, hits *atomic.Int64) {
	t.Helper()
	hits = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), hits
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func TestDoRefusesAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	addr, hits := serve(t, hello)
	resolver := newResolver(t, testNames())
	for _, target := range []string{
		"http://" + addr + "/",
		"https://" + addr + "/",
		"https://localhost:" + port(addr) + "/",
		"https://loop.test:" + port(addr) + "/",
		"https://mapped.test:" + port(addr) + "/",
		"http://loop.test:" + port(addr) + "/",
		"https://[::ffff:127.0.0.1]:" + port(addr) + "/",
		"https://0.0.0.0:" + port(addr) + "/",
		"https://[::]:" + port(addr) + "/",
		"https://2130706433:" + port(addr) + "/",
		"https://0177.0.0.1:" + port(addr) + "/",
		"http://public.test/", // http to a public address
		"http://public.test:8080/",
		"https://public.test:25/", // TLS to a mail server
		"https://user:pw@public.test/",
		"ftp://public.test/",
		"https:///nowhere",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			c := New(Config{Resolver: resolver})
			if strings.Contains(target, "localhost") {
				c = New(Config{})
			}
			if _, err := get(t, c, target); !errors.Is(err, ErrRefused) {
				t.Errorf("Do = %v, want ErrRefused", err)
			}
		})
	}
	t.Cleanup(func() {
		if n := hits.Load(); n != 0 {
			t.Errorf("%d requests reached the server on loopback", n)
		}
	})
}

// A name that was public when it was submitted and is not when it is dialled.
func TestDoSeesThroughRebinding(t *testing.T) {
	t.Parallel()
	addr, hits := serve(t, hello)
	names := map[string][]netip.Addr{"rebind.test.": addrs("93.184.215.14", "127.0.0.1")}
	c := New(Config{Resolver: newResolver(t, names)})
	target := "https://rebind.test:" + port(addr) + "/"
	if err := c.Check(t.Context(), target); err != nil {
		t.Fatalf("Check = %v, want nil while the name is public", err)
	}
	if _, err := get(t, c, target); !errors.Is(err, ErrRefused) {
		t.Errorf("Do = %v, want ErrRefused", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests reached loopback", n)
	}
}

func TestDoHonoursTheAllowList(t *testing.T) {
	t.Parallel()
	plain, _ := serve(t, hello)
	secure := httptest.NewTLSServer(http.HandlerFunc(hello))
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	c := New(Config{Allow: loopback, RootCAs: roots, Resolver: newResolver(t, testNames())})
	for _, target := range []string{
		"http://" + plain + "/",
		"http://loop.test:" + port(plain) + "/",
		"http://[::ffff:127.0.0.1]:" + port(plain) + "/",
		secure.URL,
	} {
		res, err := get(t, c, target)
		if err != nil {
			t.Errorf("Do(%s) = %v, want a response", target, err)
			continue
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "hello" {
			t.Errorf("Do(%s) read %q, %v", target, body, err)
		}
	}
	if _, err := get(t, c, "http://inside.test/"); !errors.Is(err, ErrRefused) {
		t.Errorf("Do to 10.1.2.3 = %v, want ErrRefused: only loopback is on the list", err)
	}
}

func TestDoTrustsNoUnknownCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the handshake, which is meant to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := get(t, New(Config{Allow: loopback}), s.URL)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("Do = %v, want x509.UnknownAuthorityError", err)
	}
}

func TestDoChecksEveryRedirect(t *testing.T) {
	t.Parallel()
	inner, hits := serve(t, hello)
	start, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	// The first server is allowed by its own address, the rest of loopback is not.
	_, p, _ := net.SplitHostPort(inner)
	c := New(Config{Allow: prefixes("127.0.0.1/32"), MaxRedirects: 3, Resolver: newResolver(t, testNames())})
	for _, to := range []string{
		"https://127.0.0.2:" + p + "/", "http://127.0.0.2:" + p + "/", "https://[::1]:" + p + "/", "https://10.0.0.1/",
		"http://inside.test/", "http://public.test/", "file:///etc/passwd", "ftp://public.test/",
		"http://user:pw@" + inner + "/", "https://0x7f000001:" + p + "/",
	} {
		if _, err := get(t, c, "http://"+start+"/?to="+url.QueryEscape(to)); !errors.Is(err, ErrRefused) {
			t.Errorf("redirect to %s: %v, want ErrRefused", to, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d redirected requests arrived", n)
	}
}

func TestDoLimitsRedirects(t *testing.T) {
	t.Parallel()
	addr, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	})
	res, err := get(t, New(Config{Allow: loopback}), "http://"+addr+"/")
	if err != nil || res.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("with none allowed: %v, %v, want the redirect itself", res, err)
	}
	if n := hits.Swap(0); n != 1 {
		t.Errorf("with none allowed: %d requests, want 1", n)
	}
	if _, err = get(t, New(Config{Allow: loopback, MaxRedirects: 2}), "http://"+addr+"/"); !errors.Is(err, ErrRedirects) {
		t.Errorf("with two allowed: %v, want ErrRedirects", err)
	}
	if n := hits.Load(); n != 3 {
		t.Errorf("with two allowed: %d requests, want 3", n)
	}
}

func TestDoCapsTheBody(t *testing.T) {
	t.Parallel()
	const limit = 1000
	addr, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			_, _ = w.Write(make([]byte, limit))
		case "/long":
			_, _ = w.Write(make([]byte, limit+1))
		case "/bomb": // 1 MB of zeros in 1 kB
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 1<<20))
			_ = z.Close()
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, limit)); err != nil {
					return
				}
			}
		}
	})
	c := New(Config{Allow: loopback, MaxResponseBytes: limit})
	for path, want := range map[string]error{"/fits": nil, "/long": ErrTooLarge, "/bomb": ErrTooLarge, "/endless": ErrTooLarge} {
		for name, do := range map[string]func(*http.Request) (*http.Response, error){"Do": c.Do, "HTTPClient": c.HTTPClient().Do} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := do(req)
			if err != nil {
				t.Fatalf("%s %s: %v", name, path, err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if !errors.Is(err, want) || len(body) != limit {
				t.Errorf("%s %s: %d bytes and %v, want %d and %v", name, path, len(body), err, limit, want)
			}
		}
	}
}

func TestDoTimesOut(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	addr, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
		}
		<-stop
	})
	t.Cleanup(func() { close(stop) })
	c := New(Config{Allow: loopback, Timeout: 100 * time.Millisecond})
	if _, err := get(t, c, "http://"+addr+"/silent"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that never answers: %v, want a timeout", err)
	}
	res, err := get(t, c, "http://"+addr+"/drip")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadAll(res.Body); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a body that never ends: %v, want a timeout", err)
	}
}

func TestErrorsNameNoAddress(t *testing.T) {
	t.Parallel()
	const secret = "c4rp-d1em"
	gone, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	resolver := newResolver(t, testNames())
	for name, target := range map[string]string{
		"refused by the guard": "https://10.0.0.1/" + secret,
		"refused connection":   "http://" + closed.Addr().String() + "/" + secret,
		"closed connection":    "http://" + gone + "/" + secret,
		"unknown name":         "https://" + secret + ".test/",
		"failing name service": "https://failing.test/" + secret,
		"not TLS":              "https://" + gone + "/" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, New(Config{Allow: loopback, Resolver: resolver}), target)
			if err == nil {
				t.Fatal("Do = nil, want an error")
			}
			for _, word := range []string{secret, "127.0.0.1", "10.0.0.1", ".test", "http"} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("error %q holds %q", err, word)
				}
			}
		})
	}
}

// proxyTarget tells the process that [TestDoUsesNoProxyOfTheEnvironment] starts
// what to fetch. net/http reads the proxy's variables once a process, so the
// test needs a process of its own.
const proxyTarget = "EGRESS_TEST_PROXY_TARGET"

func TestDoUsesNoProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	if target := os.Getenv(proxyTarget); target != "" {
		fetchWithAndWithoutProxy(t, target)
		return
	}
	proxy, proxied := serve(t, hello)
	target, direct := serve(t, hello)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDoUsesNoProxyOfTheEnvironment$") //nolint:gosec // G204: this test itself
	child.Env = append(os.Environ(), "NO_PROXY=", "HTTP_PROXY=http://"+proxy, "HTTPS_PROXY=http://"+proxy,
		proxyTarget+"=http://loop.test:"+port(target)+"/")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if proxied.Load() != 1 || direct.Load() != 1 {
		t.Errorf("%d requests went over the proxy and %d direct, want 1 of each", proxied.Load(), direct.Load())
	}
}

// fetchWithAndWithoutProxy fetches with a client that honours the environment,
// which shows that the proxy is in force, and then with ours.
func fetchWithAndWithoutProxy(t *testing.T, target string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	c := New(Config{Allow: loopback, Resolver: newResolver(t, testNames())})
	if _, err := get(t, c, target); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedRequestClosesItsBody(t *testing.T) {
	t.Parallel()
	body := &closeCounter{Reader: bytes.NewReader([]byte("x"))}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://user@public.test/", body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := New(Config{}).Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, ErrRefused) || body.closed == 0 {
		t.Errorf("Do = %v, body closed %d times", err, body.closed)
	}
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return nil
}

// An installation that must not reach the outside refuses public addresses too,
// before anything is dialled.
func TestOnlyTheAllowListIsReachedWhereNothingElseMayBe(t *testing.T) {
	t.Parallel()
	client := New(Config{OnlyAllowed: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err := client.Check(t.Context(), "https://198.41.0.4/"); err == nil {
		t.Error("a public address outside the allow-list was taken")
	}
	if err := client.Check(t.Context(), "https://127.0.0.1:8443/"); err != nil {
		t.Errorf("an address on the allow-list was refused: %v", err)
	}
}
