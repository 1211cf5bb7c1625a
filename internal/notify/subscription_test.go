package notify

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantsten/kantsten/internal/notify/pushtest"
	"github.com/kantsten/kantsten/internal/problem"
)

func TestValidateSubscription(t *testing.T) {
	t.Parallel()
	good := subscription(pushtest.Start(t).Subscribe(t, ""))
	point, err := base64.RawURLEncoding.DecodeString(good.P256dh)
	if err != nil {
		t.Fatal(err)
	}
	offCurve := append([]byte(nil), point...)
	offCurve[40] ^= 1
	with := func(f func(s *Subscription)) Subscription {
		s := good
		f(&s)
		return s
	}
	raw := base64.RawURLEncoding.EncodeToString
	tests := []struct {
		name string
		in   Subscription
		want []string // field and code
	}{
		{"as a browser gives it", good, nil},
		{"padded", with(func(s *Subscription) { s.P256dh += "="; s.Auth += "==" }), nil},
		{"standard base64", with(func(s *Subscription) { s.P256dh = base64.StdEncoding.EncodeToString(point) }), nil},

		{"nothing", Subscription{}, []string{"/push/keys/p256dh required", "/push/keys/auth required", "/push/endpoint required"}},
		{"not base64", with(func(s *Subscription) { s.P256dh = "not base64!"; s.Auth = "\x00" }), []string{"/push/keys/p256dh format", "/push/keys/auth format"}},
		{"line breaks", with(func(s *Subscription) { s.Auth = s.Auth[:4] + "\n" + s.Auth[4:] }), []string{"/push/keys/auth format"}},
		{"a point off the curve", with(func(s *Subscription) { s.P256dh = raw(offCurve) }), []string{"/push/keys/p256dh format"}},
		{"the point at infinity", with(func(s *Subscription) { s.P256dh = raw(make([]byte, 65)) }), []string{"/push/keys/p256dh format"}},
		{"a compressed point", with(func(s *Subscription) { s.P256dh = raw(append([]byte{2}, point[1:33]...)) }), []string{"/push/keys/p256dh format"}},
		{"a byte too many", with(func(s *Subscription) { s.P256dh = raw(append(point, 0)) }), []string{"/push/keys/p256dh format"}},
		{"a short secret", with(func(s *Subscription) { s.Auth = raw(make([]byte, 15)) }), []string{"/push/keys/auth format"}},
		{"endless keys", with(func(s *Subscription) { s.Auth = strings.Repeat("A", 1<<20) }), []string{"/push/keys/auth format"}},
		{"another spelling of the same secret", with(func(s *Subscription) { s.Auth = strings.Repeat("A", 21) + "B" }), []string{"/push/keys/auth format"}},
		{"an address inside", with(func(s *Subscription) { s.Endpoint = "https://10.0.0.1/" }), []string{"/push/endpoint refused"}},
		{"no URL", with(func(s *Subscription) { s.Endpoint = "push" }), []string{"/push/endpoint scheme"}},
	}
	client := inside()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ValidateSubscription(t.Context(), client, "/push", tt.in)
			var faults []string
			if p := problem.As(err); p != nil && p.Kind == problem.Invalid {
				for _, f := range p.Fields {
					faults = append(faults, f.Field+" "+f.Code)
				}
			}
			if d := cmp.Diff(tt.want, faults); d != "" {
				t.Errorf("faults (-want +got):\n%s%v", d, err)
			}
			if err == nil && got != good {
				t.Errorf("got %+v, want the one spelling %+v", got, good)
			}
		})
	}
}

func FuzzCanonicalKey(f *testing.F) {
	for _, s := range []string{"", "BTBZMqHH6r4Tts7J_aSIgg", "BTBZMqHH6r4Tts7J/aSIgg==", "=", "+/-_", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, check := range []func([]byte) error{checkAuth, checkPoint} {
			got, err := canonicalKey(text, check)
			if err != nil {
				continue
			}
			if again, err := canonicalKey(got, check); err != nil || again != got {
				t.Errorf("%q becomes %q, which becomes %q (%v)", text, got, again, err)
			}
			if strings.Trim(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	})
}
