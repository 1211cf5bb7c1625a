package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	b := Handler{}.withDefaults().Backoff
	tests := []struct {
		attempt int
		spread  float64
		want    time.Duration
	}{
		{1, 0, time.Second},
		{1, -1, time.Second}, // never sooner than First
		{1, 0.5, 1100 * time.Millisecond},
		{2, 0, 2 * time.Second},
		{4, -1, 6400 * time.Millisecond},
		{12, 0, 2048 * time.Second},
		{13, 0, time.Hour},
		{13, 1, time.Hour}, // never later than Max
		{13, -0.5, 54 * time.Minute},
		{1 << 30, 0, time.Hour},
		{0, 0, time.Second},
		{-5, 0, time.Second},
	}
	for _, tt := range tests {
		if got := b.delay(tt.attempt, tt.spread); got != tt.want {
			t.Errorf("delay(%d, %v) = %v, want %v", tt.attempt, tt.spread, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	h := Handler{}.withDefaults()
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const day = 24 * time.Hour
	tests := []struct {
		name     string
		err      error
		attempts int
		age      time.Duration
		want     Outcome
		delay    time.Duration
	}{
		{"success", nil, 1, 0, Done, 0},
		{"first failure", errBroken, 1, 0, Retried, time.Second},
		{"third failure", errBroken, 3, 0, Retried, 4 * time.Second},
		{"permanent", Permanent(errBroken), 1, 0, Parked, 0},
		{"wrapped permanent", fmt.Errorf("send: %w", Permanent(errBroken)), 1, 0, Parked, 0},
		{"asked to wait", RetryAfter(errBroken, time.Minute), 1, 0, Retried, time.Minute},
		{"asked to wait less than the backoff", RetryAfter(errBroken, time.Second), 5, 0, Retried, 16 * time.Second},
		{"asked to wait for ever", RetryAfter(errBroken, 1<<62), 1, 0, Retried, day},
		{"asked to have waited", RetryAfter(errBroken, -time.Hour), 1, 0, Retried, time.Second},
		{"next attempt within three days", errBroken, 84, 71 * time.Hour, Retried, time.Hour},
		{"next attempt beyond three days", errBroken, 84, 71*time.Hour + 1, Parked, 0},
		{"asked to wait beyond three days", RetryAfter(errBroken, day), 20, 2*day + 1, Parked, 0},
		{"old, but hardly tried", errBroken, 9, 30 * day, Retried, 256 * time.Second},
		{"old and tried", errBroken, 10, 30 * day, Parked, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := created.Add(tt.age)
			got := h.judge(Job{Attempts: tt.attempts, CreatedAt: created}, tt.err, now, 0)
			if got.outcome != tt.want || tt.want == Retried && got.at.Sub(now) != tt.delay {
				t.Errorf("judge = %v after %v, want %v after %v", got.outcome, got.at.Sub(now), tt.want, tt.delay)
			}
		})
	}
}

func TestMarksKeepTheErrorAndNil(t *testing.T) {
	t.Parallel()
	if Permanent(nil) != nil || RetryAfter(nil, time.Hour) != nil {
		t.Error("a mark on nil is not nil")
	}
	if err := Permanent(errBroken); !errors.Is(err, errBroken) || err.Error() != "broken" || !IsPermanent(err) || AskedDelay(err) != 0 {
		t.Errorf("Permanent = %v", err)
	}
	if err := RetryAfter(errBroken, time.Hour); !errors.Is(err, errBroken) || err.Error() != "broken" || IsPermanent(err) || AskedDelay(err) != time.Hour {
		t.Errorf("RetryAfter = %v", err)
	}
}

func TestReasonFitsEveryDatabase(t *testing.T) {
	t.Parallel()
	tests := []struct{ err, want string }{
		{"mail server answered 550", "mail server answered 550"},
		{"line\nbreak\x00nul\x7f", "line break nul "},
		{"bad \xff\xfe bytes", "bad ?? bytes"},
		{strings.Repeat("ö", 200), strings.Repeat("ö", 150)},
		{"x" + strings.Repeat("ö", 200), "x" + strings.Repeat("ö", 149)}, // no half letter
	}
	for _, tt := range tests {
		if got := reason(errors.New(tt.err)); got != tt.want || !utf8.ValidString(got) {
			t.Errorf("reason(%q) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	j, err := New("push", "r1", map[string]string{"report": "r1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if j.Kind != "push" || j.Key != "r1" || string(j.Payload) != `{"report":"r1"}` || !j.RunAt.Equal(now) || !j.CreatedAt.Equal(now) || len(j.ID) != 36 || j.ID[14] != '7' {
		t.Errorf("New = %+v", j)
	}
	var unsupported *json.UnsupportedTypeError
	if _, err = New("push", "", func() {}, now); !errors.As(err, &unsupported) {
		t.Errorf("New of a function = %v, want an error", err)
	}
}
