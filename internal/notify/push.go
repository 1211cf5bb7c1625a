package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
)

// MaxPushPayload is how many bytes fit into one push message: the 4,096 that
// every service takes, less header, delimiter and tag (RFC 8291 section 4).
const MaxPushPayload = 3993

// ErrGone says that the subscription has ended and will never work again; remove it.
var ErrGone = errors.New("push subscription is gone")

// maxDiscard is how much of an answer is read so that its connection can serve
// the next message; a longer answer costs the connection.
const maxDiscard = 16 << 10

// Pusher sends Web Push messages.
type Pusher struct {
	// Keys are the installation's.
	Keys VAPID
	// Subject is how a push service reaches the operator: an e-mail address,
	// with or without "mailto:", or an https URL.
	Subject string
	// Client sends. It must follow no redirects.
	Client *egress.Client
}

// Urgency says how much a message may cost a device's battery (RFC 8030 section
// 5.3).
type Urgency string

// The urgencies.
const (
	UrgencyVeryLow Urgency = "very-low"
	UrgencyLow     Urgency = "low"
	UrgencyNormal  Urgency = "normal"
	UrgencyHigh    Urgency = "high"
)

// Message is what is sent to one subscription.
type Message struct {
	// Payload is what the browser gets, at most [MaxPushPayload] bytes. It is
	// encrypted, but stays on a device's screen: it holds no personal data.
	Payload []byte
	// TTL is how long the service keeps trying to reach the device, in whole
	// seconds; with 0 only devices that are online get it.
	TTL time.Duration
	// Urgency is [UrgencyNormal] when empty.
	Urgency Urgency
	// Topic, when not empty, replaces an earlier message with the same topic
	// that waits for the device: up to 32 letters of base64url.
	Topic string
}

// Validate reports whether keys and subject are usable.
func (p *Pusher) Validate() error {
	_, err := p.subscriber()
	return err
}

// subscriber checks the settings and returns the subject as the library wants it.
func (p *Pusher) subscriber() (string, error) {
	if err := p.Keys.Validate(); err != nil {
		return "", err
	}
	return contact(p.Subject)
}

// Send sends one message. Its errors are [ErrGone] for a dead subscription,
// marked by [job.Permanent] for one that the service will never take, marked by
// [job.RetryAfter] when the service asks to wait, and plain for everything that
// may pass.
func (p *Pusher) Send(ctx context.Context, s Subscription, m Message) error {
	if err := m.check(); err != nil {
		return job.Permanent(fmt.Errorf("send push message: %w", err))
	}
	subscriber, err := p.subscriber()
	if err != nil {
		return fmt.Errorf("send push message: %w", err) // the operator can mend it
	}
	keys, err := s.keys()
	if err != nil {
		return job.Permanent(fmt.Errorf("send push message: %w", err))
	}
	target := &webpush.Subscription{Endpoint: s.Endpoint, Keys: keys}
	// The library writes its padding behind the payload: without spare capacity
	// that goes into a copy and not into the caller's memory.
	res, err := webpush.SendNotificationWithContext(ctx, slices.Clip(m.Payload), target, &webpush.Options{
		HTTPClient:      p.Client,
		Subscriber:      subscriber,
		VAPIDPublicKey:  p.Keys.Public,
		VAPIDPrivateKey: p.Keys.Private,
		TTL:             int(m.TTL / time.Second),
		Urgency:         webpush.Urgency(m.urgency()),
		Topic:           m.Topic,
	})
	if err != nil {
		return unsent(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxDiscard))
	return answered(res, time.Now())
}

// check refuses what no service takes.
func (m Message) check() error {
	const maxTopic = 32
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	switch {
	case len(m.Payload) > MaxPushPayload:
		return fmt.Errorf("payload of %d bytes exceeds %d", len(m.Payload), MaxPushPayload)
	case m.TTL < 0 || m.TTL/time.Second > 1<<31-1:
		return fmt.Errorf("time to live %v is out of range", m.TTL)
	case len(m.Topic) > maxTopic || strings.Trim(m.Topic, letters) != "":
		return errors.New("topic must be up to 32 letters of base64url")
	}
	switch m.urgency() {
	case UrgencyVeryLow, UrgencyLow, UrgencyNormal, UrgencyHigh:
		return nil
	}
	return fmt.Errorf("urgency %q is unknown", m.Urgency)
}

func (m Message) urgency() Urgency {
	if m.Urgency == "" {
		return UrgencyNormal
	}
	return m.Urgency
}

// keys checks the keys once more: the library's errors would quote them.
func (s Subscription) keys() (webpush.Keys, error) {
	point, err := canonicalKey(s.P256dh, checkPoint)
	if err != nil {
		return webpush.Keys{}, fmt.Errorf("subscription's p256dh: %w", err)
	}
	auth, err := canonicalKey(s.Auth, checkAuth)
	if err != nil {
		return webpush.Keys{}, fmt.Errorf("subscription's auth: %w", err)
	}
	return webpush.Keys{P256dh: point, Auth: auth}, nil
}

// unsent sorts the errors of requests that got no answer.
func unsent(err error) error {
	if _, ours := errors.AsType[*egress.Error](err); !ours {
		// Made by net/url before anything was sent; its text quotes the endpoint.
		return job.Permanent(errors.New("send push message: endpoint is not a URL"))
	}
	err = fmt.Errorf("send push message: %w", err)
	if errors.Is(err, egress.ErrRefused) {
		return job.Permanent(err)
	}
	return err
}

// answered sorts a push service's answers (RFC 8030 sections 5 to 8, RFC 8292
// section 4).
func answered(res *http.Response, now time.Time) error {
	code := res.StatusCode
	if code >= 200 && code <= 299 {
		return nil
	}
	err := fmt.Errorf("push service answered %d", code)
	switch {
	case code == http.StatusNotFound, code == http.StatusGone:
		return job.Permanent(fmt.Errorf("%w: %w", err, ErrGone))
	case code == http.StatusTooManyRequests, code >= 500:
		if d, ok := retryAfter(res.Header.Get("Retry-After"), now); ok {
			return job.RetryAfter(err, d)
		}
		return err
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code < 400:
		return err
	}
	return job.Permanent(err)
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110 section
// 10.2.3). It is never negative.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	// 32 bits of seconds are 136 years; more would overflow a Duration.
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}
