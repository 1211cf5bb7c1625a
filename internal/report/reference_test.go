package report

import (
	"strings"
	"testing"
	"time"
)

func TestReference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		jurisdiction string
		year         int
		number       int64
		want         string
	}{
		{"2281", 2026, 123, "2281-2026-000123"},
		{"0180", 2026, 1, "0180-2026-000001"}, // a code keeps its zero
		{"2281", 2026, 999_999, "2281-2026-999999"},
		{"2281", 2026, 1_000_000, "2281-2026-1000000"}, // six digits are a minimum
	} {
		got := Reference(tt.jurisdiction, tt.year, tt.number)
		if got != tt.want || !IsReference(got) {
			t.Errorf("%s, want %s; a reference: %v", got, tt.want, IsReference(got))
		}
	}
}

func TestWhatIsNoReference(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "2281", "2281-2026", "2281-2026-12345", "2281-26-000123", "2281-2026-000123 ", "2281-2026-000123\n", "-2026-000123",
		"2281-2026-0001234567890", "22 81-2026-000123", "0199a0b0-0000-7000-8000-000000000000", "2281-2026-٠٠٠١٢٣", strings.Repeat("1", 65) + "-2026-000123",
	} {
		if IsReference(s) {
			t.Errorf("%q is taken for a reference", s)
		}
	}
}

// The year is the one on the reporter's calendar: an hour before UTC's in winter.
func TestSeriesYearIsSwedens(t *testing.T) {
	t.Parallel()
	sweden, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{
		"2026-12-31T22:59:59.999999Z": 2026,
		"2026-12-31T23:00:00Z":        2027, // midnight in Sweden
		"2027-01-01T00:00:00Z":        2027,
		"2026-06-30T22:00:00Z":        2026,
		"2027-01-01T00:30:00+02:00":   2026, // half past eleven in Sweden, whatever the caller's zone
	} {
		moment, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := seriesYear(moment, sweden); got != want {
			t.Errorf("%s is of %d, want %d", at, got, want)
		}
	}
}
