package open311

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// moment is W3C-DTF from the day down, and what clients send for it: date and
// time apart by "T" or space, a zone with or without its colon, or with a space
// where a "+" was decoded from a form.
var moment = regexp.MustCompile(
	`^(\d{4}-\d{2}-\d{2})` + // 1: date
		`(?:[Tt ](\d{2}:\d{2})(?:(:\d{2})(?:[.,]\d+)?)?` + // 2: minutes, 3: seconds
		`( ?[Zz]| ?[+-]\d{2}:?\d{2}| \d{2}:?\d{2})?)?$`) // 4: zone

// ParseTime reads a date and time as GeoReport clients write them and returns
// it in UTC, cut to the second. What has no zone is taken in loc, in UTC if loc
// is nil; a date alone is its first second. Years outside 1000–9998 are
// refused: they are slips or zero values, and 90 days off them may not be written
// in four digits.
func ParseTime(s string, loc *time.Location) (time.Time, error) {
	t, _, err := parseTime(s, loc)
	return t, err
}

// parseTime also reports whether s is a date alone.
func parseTime(s string, loc *time.Location) (t time.Time, day bool, err error) {
	if loc == nil {
		loc = time.UTC
	}
	m := moment.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return time.Time{}, false, fmt.Errorf("parse time: not a date and time such as 2026-01-31T12:00:00Z")
	}
	if m[2] == "" {
		t, err = time.ParseInLocation(time.DateOnly, m[1], loc)
		return inRange(t, true, err)
	}
	seconds := m[3]
	if seconds == "" {
		seconds = ":00"
	}
	written := m[1] + "T" + m[2] + seconds
	if m[4] == "" {
		t, err = time.ParseInLocation("2006-01-02T15:04:05", written, loc)
		return inRange(t, false, err)
	}
	t, err = time.Parse("2006-01-02T15:04:05Z0700", written+zone(m[4]))
	return inRange(t, false, err)
}

// zone returns a zone as Z or ±HHMM.
func zone(s string) string {
	s = strings.TrimSpace(strings.ToUpper(strings.ReplaceAll(s, ":", "")))
	if s == "Z" || s[0] == '+' || s[0] == '-' {
		return s
	}
	return "+" + s // the plus arrived as a space
}

// inRange returns t in UTC if its year is one that ParseTime takes.
func inRange(t time.Time, day bool, err error) (time.Time, bool, error) {
	t = t.UTC()
	if err != nil {
		return time.Time{}, false, fmt.Errorf("parse time: %w", err)
	}
	if t.Year() < 1000 || t.Year() > 9998 {
		return time.Time{}, false, fmt.Errorf("parse time: year %d is out of range", t.Year())
	}
	return t, day, nil
}

// FormatTime writes t in UTC to the second, "2026-01-31T12:00:00Z": fractions
// and other forms of zone are more than clients read.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
