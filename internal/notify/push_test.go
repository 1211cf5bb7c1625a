package notify

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/notify/pushtest"
)

// inside may reach the test's own servers.
func inside() *egress.Client {
	return egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func newPusher(t *testing.T) *Pusher {
	t.Helper()
	keys, err := GenerateVAPID()
	if err != nil {
		t.Fatal(err)
	}
	return &Pusher{Keys: keys, Subject: "mailto:push@kantsten.example", Client: inside()}
}

func subscription(s pushtest.Subscription) Subscription {
	return Subscription{Endpoint: s.Endpoint, P256dh: s.P256dh, Auth: s.Auth}
}

func TestPushArrives(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	sub := service.Subscribe(t, p.Keys.Public)
	tests := []Message{
		{Payload: []byte(`{"status":"fixed"}`), TTL: 4 * time.Hour, Urgency: UrgencyHigh, Topic: "report-1_A"},
		{Payload: []byte("åäö"), TTL: 0},
		{Payload: nil, TTL: time.Second, Urgency: UrgencyVeryLow},
		{Payload: bytes.Repeat([]byte("x"), MaxPushPayload), TTL: 28 * 24 * time.Hour},
	}
	for _, m := range tests {
		if err := p.Send(t.Context(), subscription(sub), m); err != nil {
			t.Fatalf("Send of %d bytes = %v; refusals %q", len(m.Payload), err, service.Refusals())
		}
		got := <-service.Messages()
		if !bytes.Equal(got.Payload, m.Payload) || got.TTL != m.TTL || got.Urgency != string(m.urgency()) || got.Topic != m.Topic {
			t.Errorf("sent %+v, got %+v", m, got)
		}
		if got.Endpoint != sub.Endpoint || got.Sender != "mailto:push@kantsten.example" || got.Key != p.Keys.Public {
			t.Errorf("got %+v", got)
		}
	}
}

func TestPushTakesEverySubjectThatServicesTake(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	sub := subscription(service.Subscribe(t, ""))
	for subject, want := range map[string]string{
		"push@kantsten.example":        "mailto:push@kantsten.example",
		"mailto:push@kantsten.example": "mailto:push@kantsten.example",
		"https://kantsten.example/":    "https://kantsten.example/",
	} {
		q := *p
		q.Subject = subject
		if err := q.Send(t.Context(), sub, Message{Payload: []byte("x")}); err != nil {
			t.Fatalf("%s: %v; refusals %q", subject, err, service.Refusals())
		}
		if got := <-service.Messages(); got.Sender != want {
			t.Errorf("%s: sender %q, want %q", subject, got.Sender, want)
		}
	}
	for _, subject := range []string{"", "mailto:mailto:a@b.se", "root@host.local", "http://kantsten.example", "nobody"} {
		q := *p
		q.Subject = subject
		if err := q.Validate(); err == nil {
			t.Errorf("Validate with subject %q = nil, want an error", subject)
		}
		if err := q.Send(t.Context(), sub, Message{}); err == nil || job.IsPermanent(err) {
			t.Errorf("Send with subject %q = %v, want an error that the operator can mend", subject, err)
		}
	}
}

// The library pads within the capacity of the slice that it is given.
func TestPushLeavesTheCallersMemoryAlone(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	memory := bytes.Repeat([]byte("m"), 8192)
	before := slices.Clone(memory)
	if err := p.Send(t.Context(), subscription(service.Subscribe(t, "")), Message{Payload: memory[:10]}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(memory, before) {
		t.Error("bytes behind the payload were overwritten")
	}
}

func TestPushSortsAnswers(t *testing.T) {
	t.Parallel()
	p := newPusher(t)
	tests := []struct {
		status    int
		after     string
		gone      bool
		permanent bool
		delay     time.Duration
	}{
		{status: 404, gone: true, permanent: true},
		{status: 410, gone: true, permanent: true},
		{status: 400, permanent: true},
		{status: 401, permanent: true},
		{status: 403, permanent: true},
		{status: 413, permanent: true},
		{status: 429, after: "120", delay: 2 * time.Minute},
		{status: 429},
		{status: 503, after: "5", delay: 5 * time.Second},
		{status: 503, after: "soon"},
		{status: 503, after: "-5"},
		{status: 503, after: "99999999999999999999"},
		{status: 500},
		{status: 502},
		{status: 408},
		{status: 307},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status)+" "+tt.after, func(t *testing.T) {
			t.Parallel()
			service := pushtest.Start(t)
			sub := subscription(service.Subscribe(t, ""))
			service.Answer(tt.status, tt.after)
			err := p.Send(t.Context(), sub, Message{Payload: []byte("x")})
			if err == nil || errors.Is(err, ErrGone) != tt.gone || job.IsPermanent(err) != tt.permanent || job.AskedDelay(err) != tt.delay {
				t.Errorf("Send = %v; gone %v, permanent %v, delay %v", err, errors.Is(err, ErrGone), job.IsPermanent(err), job.AskedDelay(err))
			}
			checkDiscreet(t, err, sub)
		})
	}
}

func checkDiscreet(t *testing.T, err error, sub Subscription) {
	t.Helper()
	for _, secret := range []string{"/push/", "127.0.0.1", "http:", sub.Auth, sub.P256dh} {
		if err != nil && secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("error %q holds %q", err, secret)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{" 60 ", time.Minute, true},
		{"Fri, 02 Jan 2026 03:05:05 GMT", time.Minute, true},
		{"Fri, 02 Jan 2026 03:00:00 GMT", 0, true}, // past
		{"4294967295", 4294967295 * time.Second, true},
		{"4294967296", 0, false},
		{"1.5", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		if got, ok := retryAfter(tt.value, now); got != tt.want || ok != tt.ok {
			t.Errorf("retryAfter(%q) = %v, %v, want %v, %v", tt.value, got, ok, tt.want, tt.ok)
		}
	}
}

func TestPushThatGetsNoAnswer(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	good := subscription(service.Subscribe(t, ""))
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	tests := []struct {
		name      string
		endpoint  string
		client    *egress.Client
		permanent bool
	}{
		{"nobody listens", "http://" + closed.Addr().String() + "/push/x", inside(), false},
		{"an address inside", good.Endpoint, egress.New(egress.Config{}), true},
		{"an address inside by https", "https://10.0.0.1/push/x", inside(), true},
		{"no URL", "http://[::1/push/x", inside(), true},
		{"nothing", "", inside(), true},
		{"line break", "http://127.0.0.1/push/\r\nx", inside(), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, sub := *p, good
			q.Client, sub.Endpoint = tt.client, tt.endpoint
			err := q.Send(t.Context(), sub, Message{Payload: []byte("x")})
			if err == nil || job.IsPermanent(err) != tt.permanent {
				t.Errorf("Send = %v, permanent %v, want %v", err, job.IsPermanent(err), tt.permanent)
			}
			checkDiscreet(t, err, sub)
		})
	}
}

func TestPushFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	sub := subscription(service.Subscribe(t, ""))
	from := httptest.NewServer(http.RedirectHandler(sub.Endpoint, http.StatusTemporaryRedirect))
	t.Cleanup(from.Close)
	sub.Endpoint = from.URL
	if err := p.Send(t.Context(), sub, Message{Payload: []byte("x")}); err == nil {
		t.Error("Send = nil, want an error")
	}
	select {
	case <-service.Messages():
		t.Error("the message was sent on")
	default:
	}
}

func TestPushRefusesMessagesThatNoServiceTakes(t *testing.T) {
	t.Parallel()
	p, service := newPusher(t), pushtest.Start(t)
	sub := subscription(service.Subscribe(t, ""))
	for name, m := range map[string]Message{
		"a payload too long":  {Payload: make([]byte, MaxPushPayload+1)},
		"a negative TTL":      {TTL: -time.Second},
		"a TTL of centuries":  {TTL: 1<<63 - 1},
		"an unknown urgency":  {Urgency: "now"},
		"a topic too long":    {Topic: strings.Repeat("a", 33)},
		"a topic with a line": {Topic: "a\r\nX: y"},
	} {
		if err := p.Send(t.Context(), sub, m); !job.IsPermanent(err) {
			t.Errorf("%s: %v, want a permanent error", name, err)
		}
	}
	bad := sub
	bad.P256dh = "AAAA"
	if err := p.Send(t.Context(), bad, Message{}); !job.IsPermanent(err) {
		t.Errorf("a key that is no point: %v, want a permanent error", err)
	}
	bad = sub
	bad.Auth = "!"
	if err := p.Send(t.Context(), bad, Message{}); !job.IsPermanent(err) {
		t.Errorf("a secret that is no base64: %v, want a permanent error", err)
	}
}

func TestVAPIDValidate(t *testing.T) {
	t.Parallel()
	a, b := newPusher(t).Keys, newPusher(t).Keys
	if a == b {
		t.Fatal("two generated pairs are the same")
	}
	if err := a.Validate(); err != nil {
		t.Errorf("a generated pair: %v", err)
	}
	for name, v := range map[string]VAPID{
		"none":             {},
		"mixed pairs":      {a.Public, b.Private},
		"swapped":          {a.Private, a.Public},
		"padded":           {a.Public + "=", a.Private + "="},
		"a private key 0":  {a.Public, strings.Repeat("A", 43)},
		"a longer private": {a.Public, a.Private + "AA"},
		"no base64":        {a.Public, "!"},
		"no public key":    {"", a.Private},
		"public no base64": {"!", a.Private},
	} {
		err := v.Validate()
		if err == nil {
			t.Errorf("%s: Validate = nil, want an error", name)
		}
		p := newPusher(t)
		p.Keys = v
		if err := p.Send(t.Context(), Subscription{}, Message{}); err == nil || job.IsPermanent(err) {
			t.Errorf("%s: Send = %v, want an error that the operator can mend", name, err)
		}
	}
}

func BenchmarkSend(b *testing.B) {
	keys, err := GenerateVAPID()
	if err != nil {
		b.Fatal(err)
	}
	p := &Pusher{Keys: keys, Subject: "push@kantsten.example", Client: inside()}
	service := pushtest.Start(b)
	sub := subscription(service.Subscribe(b, keys.Public))
	go func() {
		for range service.Messages() {
		}
	}()
	m := Message{Payload: []byte(`{"report":"0198","status":"fixed"}`), TTL: time.Hour}
	for b.Loop() {
		if err := p.Send(b.Context(), sub, m); err != nil {
			b.Fatal(err)
		}
	}
}
