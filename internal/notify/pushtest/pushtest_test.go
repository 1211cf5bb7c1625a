package pushtest

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func b64(tb testing.TB, s string) []byte {
	tb.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// The example of RFC 8291 section 5 and appendix A.
const (
	exampleReceiver  = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	exampleAuth      = "BTBZMqHH6r4Tts7J_aSIgg"
	exampleSender    = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
	exampleSalt      = "DGv6ra1nlYgDCS1FRnbzlw"
	exampleKey       = "oIhVW04MRdy2XN9CiKLxTg"
	exampleNonce     = "4h_95klXJ5E_qnoN"
	examplePlaintext = "When I grow up, I want to be a watermelon"
	exampleMessage   = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml" +
		"mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT" +
		"pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)

func exampleKeys(tb testing.TB) (receiver *ecdh.PrivateKey, auth []byte) {
	tb.Helper()
	receiver, err := ecdh.P256().NewPrivateKey(b64(tb, exampleReceiver))
	if err != nil {
		tb.Fatal(err)
	}
	return receiver, b64(tb, exampleAuth)
}

func TestContentKeysOfTheStandardsExample(t *testing.T) {
	t.Parallel()
	receiver, auth := exampleKeys(t)
	sender, err := ecdh.P256().NewPublicKey(b64(t, exampleSender))
	if err != nil {
		t.Fatal(err)
	}
	key, nonce, err := contentKeys(receiver, sender, auth, b64(t, exampleSalt))
	if err != nil || !bytes.Equal(key, b64(t, exampleKey)) || !bytes.Equal(nonce, b64(t, exampleNonce)) {
		t.Errorf("contentKeys = %x, %x, %v", key, nonce, err)
	}
}

func TestDecryptTheStandardsExample(t *testing.T) {
	t.Parallel()
	receiver, auth := exampleKeys(t)
	plain, err := Decrypt(b64(t, exampleMessage), receiver, auth)
	if err != nil || string(plain) != examplePlaintext {
		t.Errorf("Decrypt = %q, %v", plain, err)
	}
}

func TestDecryptRefuses(t *testing.T) {
	t.Parallel()
	receiver, auth := exampleKeys(t)
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	whole := b64(t, exampleMessage)
	changed := func(f func(b []byte)) []byte {
		b := bytes.Clone(whole)
		f(b)
		return b
	}
	tests := []struct {
		name string
		body []byte
		key  *ecdh.PrivateKey
		auth []byte
	}{
		{"nothing", nil, receiver, auth},
		{"a header alone", whole[:headerBytes], receiver, auth},
		{"a message cut short", whole[:len(whole)-1], receiver, auth},
		{"a message with a byte more", append(bytes.Clone(whole), 0), receiver, auth},
		{"a changed byte", changed(func(b []byte) { b[len(b)-1] ^= 1 }), receiver, auth},
		{"another salt", changed(func(b []byte) { b[0] ^= 1 }), receiver, auth},
		{"a sender's key off the curve", changed(func(b []byte) { b[30] ^= 1 }), receiver, auth},
		{"a key id of another length", changed(func(b []byte) { b[20] = 64 }), receiver, auth},
		{"more than one record", changed(func(b []byte) { binary.BigEndian.PutUint32(b[16:], 18) }), receiver, auth},
		{"another receiver", whole, other, auth},
		{"another secret", whole, receiver, make([]byte, authBytes)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if plain, err := Decrypt(tt.body, tt.key, tt.auth); err == nil {
				t.Errorf("Decrypt = %q, want an error", plain)
			}
		})
	}
}

func TestUnpad(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\x02": "a", "a\x02\x00\x00": "a", "\x02": "", "a\x00\x02": "a\x00", "a\x02\x02": "a\x02"} {
		if got, err := unpad([]byte(in)); err != nil || string(got) != want {
			t.Errorf("unpad(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "\x00\x00", "a", "a\x01", "a\x01\x00"} {
		if got, err := unpad([]byte(in)); err == nil {
			t.Errorf("unpad(%q) = %q, want an error", in, got)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	receiver, auth := exampleKeys(f)
	f.Add(b64(f, exampleMessage))
	f.Add(make([]byte, headerBytes+tagBytes+1))
	f.Fuzz(func(t *testing.T, body []byte) {
		plain, err := Decrypt(body, receiver, auth)
		if err == nil && string(plain) != examplePlaintext {
			t.Errorf("Decrypt(%x) = %q: a forgery", body, plain)
		}
	})
}

// signer makes VAPID headers by the standard library alone.
type signer struct {
	tb  testing.TB
	key *ecdsa.PrivateKey
}

func newSigner(tb testing.TB) signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return signer{tb, key}
}

func (s signer) public() string {
	raw, err := s.key.PublicKey.Bytes()
	if err != nil {
		s.tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (s signer) token(header, payload string) string {
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		s.tb.Fatal(err)
	}
	return signed + "." + enc.EncodeToString(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

const (
	es256  = `{"typ":"JWT","alg":"ES256"}`
	origin = "https://push.example.net"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t), newSigner(t)
	now := time.Unix(1_453_000_000, 0)
	payload := func(aud string, exp time.Duration, sub string) string {
		return fmt.Sprintf(`{"aud":%q,"exp":%d,"sub":%q}`, aud, now.Add(exp).Unix(), sub)
	}
	const mail = "mailto:push@example.com"
	good := s.token(es256, payload(origin, 12*time.Hour, mail))
	header := func(token, key string) string { return "vapid t=" + token + ", k=" + key }
	tests := []struct {
		name, authorization string
		ok                  bool
	}{
		{"a good token", header(good, s.public()), true},
		{"k before t, no space", "vapid k=" + s.public() + ",t=" + good, true},
		{"24 hours", header(s.token(es256, payload(origin, 24*time.Hour, mail)), s.public()), true},
		{"an https contact", header(s.token(es256, payload(origin, time.Hour, "https://example.com/")), s.public()), true},
		{"nothing", "", false},
		{"another scheme", "WebPush " + good, false},
		{"no key", "vapid t=" + good, false},
		{"another key", header(good, other.public()), false},
		{"a key that is no point", header(good, "AAAA"), false},
		{"another origin", header(s.token(es256, payload("https://elsewhere.example", time.Hour, mail)), s.public()), false},
		{"the whole endpoint as aud", header(s.token(es256, payload(origin+"/push/1", time.Hour, mail)), s.public()), false},
		{"expired", header(s.token(es256, payload(origin, 0, mail)), s.public()), false},
		{"more than 24 hours", header(s.token(es256, payload(origin, 24*time.Hour+time.Second, mail)), s.public()), false},
		{"no exp", header(s.token(es256, `{"aud":"`+origin+`","sub":"`+mail+`"}`), s.public()), false},
		{"mailto twice", header(s.token(es256, payload(origin, time.Hour, "mailto:"+mail)), s.public()), false},
		{"a local contact", header(s.token(es256, payload(origin, time.Hour, "mailto:a@b.local")), s.public()), false},
		{"no contact", header(s.token(es256, payload(origin, time.Hour, "")), s.public()), false},
		{"unsigned", header(s.token(`{"typ":"JWT","alg":"none"}`, payload(origin, time.Hour, mail)), s.public()), false},
		{"a changed signature", header(good[:len(good)-2]+"AA", s.public()), false},
		{"two parts", header(good[:strings.LastIndex(good, ".")], s.public()), false},
		{"claims that are no JSON", header(s.token(es256, "x"), s.public()), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := verify(tt.authorization, origin, now)
			if (err == nil) != tt.ok {
				t.Errorf("verify = %+v, %v, want ok: %v", c, err, tt.ok)
			}
		})
	}
}

func TestServiceRefuses(t *testing.T) {
	t.Parallel()
	service, s := Start(t), newSigner(t)
	bound := service.Subscribe(t, newSigner(t).public())
	free, ended := service.Subscribe(t, ""), service.Subscribe(t, s.public())
	service.Unsubscribe(ended)
	vapid := "vapid t=" + s.token(es256, fmt.Sprintf(`{"aud":%q,"exp":%d,"sub":"mailto:a@b.se"}`, service.URL, time.Now().Add(time.Hour).Unix())) + ", k=" + s.public()
	tests := []struct {
		name, method, url string
		header            map[string]string
		body              int
		want              int
	}{
		{"another method", "GET", free.Endpoint, nil, 0, 405},
		{"an unknown subscription", "POST", service.URL + "/push/none", nil, 0, 404},
		{"an ended subscription", "POST", ended.Endpoint, nil, 0, 410},
		{"no TTL", "POST", free.Endpoint, map[string]string{"TTL": ""}, 0, 400},
		{"a TTL that is no number", "POST", free.Endpoint, map[string]string{"TTL": "-1"}, 0, 400},
		{"another encoding", "POST", free.Endpoint, map[string]string{"Content-Encoding": "aesgcm"}, 0, 415},
		{"an unknown urgency", "POST", free.Endpoint, map[string]string{"Urgency": "now"}, 0, 400},
		{"a topic too long", "POST", free.Endpoint, map[string]string{"Topic": strings.Repeat("a", 33)}, 0, 400},
		{"no token", "POST", free.Endpoint, map[string]string{"Authorization": ""}, 0, 403},
		{"another sender's key", "POST", bound.Endpoint, nil, 200, 403},
		{"a large body", "POST", free.Endpoint, nil, maxBody + 1, 413},
		{"a body that is not encrypted", "POST", free.Endpoint, nil, maxBody, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, bytes.NewReader(make([]byte, tt.body)))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range map[string]string{"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": vapid} {
				req.Header.Set(k, v)
			}
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("status %d, want %d; refusals %q", res.StatusCode, tt.want, service.Refusals())
			}
		})
	}
}
