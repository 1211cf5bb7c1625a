// Package pushtest is a push service for tests: the real protocol, on loopback.
//
// A [Service] speaks RFC 8030 over HTTP, verifies the sender by RFC 8292 (VAPID)
// and decrypts what it receives by RFC 8291 and RFC 8188, as a browser would.
// It shares no code with the sending side. What real services refuse is refused
// here too, and the reason is kept in [Service.Refusals].
//
// Limits: it plays push service and browser in one, keeps everything in memory,
// and delivers at once whatever TTL and Urgency say. A later message with the
// same Topic does not replace an earlier one.
package pushtest

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxBody is the largest message that RFC 8030 section 7.2 obliges a service to
// take, and the largest that the public ones do.
const maxBody = 4096

// Service is a running push service.
type Service struct {
	// URL is the service's origin, http on loopback.
	URL string

	messages chan Message
	mu       sync.Mutex
	subs     map[string]*subscriber // by the endpoint's path
	answer   answer
	refusals []string
}

// Subscription is what a browser's PushSubscription holds; the keys are
// base64url without padding.
type Subscription struct {
	Endpoint, P256dh, Auth string
}

// Message is a push message as the browser gets it, with what its sender asked
// of the service.
type Message struct {
	Endpoint string
	Payload  []byte
	TTL      time.Duration
	Urgency  string // empty when not given
	Topic    string // empty when not given
	Sender   string // the "sub" claim: how to reach the sender
	Key      string // the sender's public key, base64url
	At       time.Time
}

type subscriber struct {
	key    *ecdh.PrivateKey
	auth   []byte
	sender string // the only public key that may send; empty for any
	gone   bool
}

// answer is a failure that the service was told to show.
type answer struct {
	status     int
	retryAfter string
}

// Start runs a service until the test ends.
func Start(tb testing.TB) *Service {
	tb.Helper()
	s := &Service{subs: map[string]*subscriber{}, messages: make(chan Message, 1024)}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Subscribe makes a subscription. With an applicationServerKey (base64url), only
// messages signed with that key are taken, as browsers bind it.
func (s *Service) Subscribe(tb testing.TB, applicationServerKey string) Subscription {
	tb.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	auth := make([]byte, authBytes)
	_, _ = rand.Read(auth) // crypto/rand never fails
	path := "/push/" + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[path] = &subscriber{key: key, auth: auth, sender: strings.TrimRight(applicationServerKey, "=")}
	return Subscription{
		Endpoint: s.URL + path,
		P256dh:   base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()),
		Auth:     base64.RawURLEncoding.EncodeToString(auth),
	}
}

// Unsubscribe ends a subscription: its endpoint answers 410 from now on.
func (s *Service) Unsubscribe(sub Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.subs[strings.TrimPrefix(sub.Endpoint, s.URL)]; have != nil {
		have.gone = true
	}
}

// Messages hands out what arrives, in order; up to 1,024 wait.
func (s *Service) Messages() <-chan Message { return s.messages }

// Answer makes the service answer every further message with a status and, when
// not empty, a Retry-After header, without taking the message. A status of 0
// makes it work again.
func (s *Service) Answer(status int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer{status, retryAfter}
}

// Refusals returns why messages were refused by the service's own rules, oldest
// first.
func (s *Service) Refusals() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refusals...)
}

// refusal is a message that the service does not take.
type refusal struct {
	status int
	reason string
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	told := s.answer
	s.mu.Unlock()
	if told.status != 0 {
		if told.retryAfter != "" {
			w.Header().Set("Retry-After", told.retryAfter)
		}
		w.WriteHeader(told.status)
		return
	}
	m, no := s.receive(r)
	if no != nil {
		s.refuse(w, no)
		return
	}
	select {
	case s.messages <- m:
	default:
		s.refuse(w, &refusal{http.StatusTooManyRequests, "1,024 messages wait already"})
		return
	}
	w.Header().Set("Location", s.URL+"/message/"+rand.Text())
	w.WriteHeader(http.StatusCreated)
}

func (s *Service) refuse(w http.ResponseWriter, no *refusal) {
	s.mu.Lock()
	s.refusals = append(s.refusals, no.reason)
	s.mu.Unlock()
	http.Error(w, no.reason, no.status)
}

// receive checks a message by the rules of RFC 8030 and opens it.
func (s *Service) receive(r *http.Request) (Message, *refusal) {
	if r.Method != http.MethodPost {
		return Message{}, &refusal{http.StatusMethodNotAllowed, "method is " + r.Method}
	}
	s.mu.Lock()
	sub := s.subs[r.URL.Path]
	gone := sub != nil && sub.gone
	s.mu.Unlock()
	switch {
	case sub == nil:
		return Message{}, &refusal{http.StatusNotFound, "no such subscription"}
	case gone:
		return Message{}, &refusal{http.StatusGone, "unsubscribed"}
	}
	m := Message{Endpoint: s.URL + r.URL.Path, Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic"), At: time.Now()}
	if no := readHeaders(r.Header, &m); no != nil {
		return Message{}, no
	}
	token, err := verify(r.Header.Get("Authorization"), s.URL, m.At)
	if err != nil {
		return Message{}, &refusal{http.StatusForbidden, "vapid: " + err.Error()}
	}
	if m.Sender, m.Key = token.Sub, token.key; sub.sender != "" && m.Key != sub.sender {
		return Message{}, &refusal{http.StatusForbidden, "vapid: not the key that the subscription is bound to"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return Message{}, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("body: %d bytes, %v", len(body), err)}
	}
	if m.Payload, err = Decrypt(body, sub.key, sub.auth); err != nil {
		return Message{}, &refusal{http.StatusBadRequest, "decrypt: " + err.Error()}
	}
	return m, nil
}

// readHeaders reads and checks a message's headers except Authorization.
func readHeaders(h http.Header, m *Message) *refusal {
	ttl, err := strconv.ParseUint(h.Get("TTL"), 10, 31) // 31 bits: RFC 8030 section 5.2
	switch {
	case err != nil:
		return &refusal{http.StatusBadRequest, fmt.Sprintf("TTL is %q", h.Get("TTL"))}
	case h.Get("Content-Encoding") != "aes128gcm":
		return &refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding is %q", h.Get("Content-Encoding"))}
	case !urgencyOK(h.Values("Urgency")):
		return &refusal{http.StatusBadRequest, fmt.Sprintf("Urgency is %q", h.Values("Urgency"))}
	case !topicOK(h.Values("Topic")):
		return &refusal{http.StatusBadRequest, fmt.Sprintf("Topic is %q", h.Values("Topic"))}
	}
	m.TTL = time.Duration(ttl) * time.Second
	return nil
}

func urgencyOK(values []string) bool {
	if len(values) == 0 {
		return true
	}
	switch values[0] {
	case "very-low", "low", "normal", "high":
		return len(values) == 1
	}
	return false
}

// topicOK holds a topic to RFC 8030 section 5.4.
func topicOK(values []string) bool {
	if len(values) == 0 {
		return true
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(values) == 1 && values[0] != "" && len(values[0]) <= 32 && strings.Trim(values[0], letters) == ""
}
