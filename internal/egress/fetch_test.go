package egress_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/egress"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			if r.Header.Get("Accept") == "image/jpeg" {
				_, _ = w.Write([]byte("a picture"))
			}
		case "/large":
			_, _ = w.Write(make([]byte, 2000))
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/often":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(other.Close)
	client := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxResponseBytes: 1000})
	tests := []struct {
		name, address string
		want          error // nil where trying again may help
		lasting       bool
	}{
		{"not there", other.URL + "/gone", egress.ErrAnswer, true},
		{"a redirect where none is followed", other.URL + "/moved", egress.ErrAnswer, true},
		{"too large", other.URL + "/large", egress.ErrTooLarge, true},
		{"no address", "http://%zz/secret", egress.ErrRefused, true},
		{"a private address", "https://10.0.0.1/secret", egress.ErrRefused, true},
		{"not now", other.URL + "/busy", nil, false},
		{"too often", other.URL + "/often", nil, false},
		{"nobody listens", "http://127.0.0.1:1/secret", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Fetch(t.Context(), tt.address, "image/jpeg")
			if err == nil || egress.Lasting(err) != tt.lasting || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("got %v, lasting %v", err, egress.Lasting(err))
			}
			if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, "127.0.0.1") || text == "" {
				t.Errorf("the error names the address: %q", text)
			}
		})
	}
	if body, err := client.Fetch(t.Context(), other.URL+"/ok", "image/jpeg"); string(body) != "a picture" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}
