package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Answer is one checked answer. The zero value is the empty text.
type Answer struct {
	text   string
	list   []string // not nil for an answer of several values
	number bool
}

// TextAnswer makes an answer of one text, as it is.
func TextAnswer(s string) Answer { return Answer{text: s} }

// Values returns the answer as plain texts: one, or for a multivaluelist those
// that were chosen.
func (a Answer) Values() []string {
	if a.list != nil {
		return slices.Clone(a.list)
	}
	return []string{a.text}
}

// Equal reports whether both are the same answer.
func (a Answer) Equal(b Answer) bool {
	return a.text == b.text && a.number == b.number && (a.list == nil) == (b.list == nil) && slices.Equal(a.list, b.list)
}

// String returns the values with ", " between them.
func (a Answer) String() string { return strings.Join(a.Values(), ", ") }

// MarshalJSON writes a number as a JSON number, several values as an array of
// strings, and all else as a string. Equal answers give equal bytes.
func (a Answer) MarshalJSON() ([]byte, error) {
	switch {
	case a.list != nil:
		return json.Marshal(a.list)
	case a.number:
		return []byte(a.text), nil
	}
	return json.Marshal(a.text)
}

// UnmarshalJSON reads what [Answer.MarshalJSON] wrote.
func (a *Answer) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*a = Answer{text: text}
		return nil
	}
	var list []string
	if json.Unmarshal(b, &list) == nil && list != nil {
		*a = Answer{list: list}
		return nil
	}
	text, ok := number(string(b))
	if !ok {
		return errors.New("read answer: neither a string, a number nor a list of strings")
	}
	*a = Answer{text: text, number: true}
	return nil
}

// decimal is the grammar of a number in an answer: what people and JSON write,
// not the hexadecimal, "inf" and "1_000" that strconv reads as well.
var decimal = regexp.MustCompile(`^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$`)

// number returns s as a JSON number in its shortest form; false if s is not a
// finite number.
func number(s string) (string, bool) {
	if !decimal.MatchString(s) {
		return "", false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	b, err := json.Marshal(f + 0) // + 0 turns -0 into 0
	return string(b), err == nil
}

// ISO 8601 as a phone, a browser's datetime-local field and other systems write
// it: with seconds or without, with a zone or without.
var (
	zonedLayouts = [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z0700"}
	localLayouts = [...]string{"2006-01-02T15:04:05", "2006-01-02T15:04"}
)

// datetime returns s in one form: a date stays a date, a time with a zone is
// given in UTC to the second, and a time without one is left without: it is the
// local time where the fault is, which this package cannot know.
func datetime(s string) (string, bool) {
	s = strings.Replace(strings.ToUpper(s), " ", "T", 1)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return plausible(t, s)
	}
	for _, layout := range zonedLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return plausible(t, t.Format(time.RFC3339))
		}
	}
	for _, layout := range localLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return plausible(t, t.Format("2006-01-02T15:04:05"))
		}
	}
	return "", false
}

// plausible refuses years outside 1900–9998, which other systems cannot read
// back and which are slips of the finger.
func plausible(t time.Time, s string) (string, bool) {
	return s, t.Year() >= 1900 && t.Year() < 9999
}

// texts returns the values of one raw answer, trimmed, without the empty ones.
// Numbers become text. An answer of another shape is an error.
func texts(raw any) ([]string, error) {
	switch v := raw.(type) {
	case nil:
		return nil, nil
	case []string:
		return nonEmpty(v), nil
	case []any:
		all := make([]string, 0, len(v))
		for _, e := range v {
			s, err := scalar(e)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		return nonEmpty(all), nil
	}
	s, err := scalar(raw)
	return nonEmpty([]string{s}), err
}

func scalar(raw any) (string, error) {
	switch v := raw.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case int:
		return strconv.Itoa(v), nil
	}
	return "", fmt.Errorf("an answer is text or a number, not %T", raw)
}

// nonEmpty drops the texts that are empty or only space: no answer.
func nonEmpty(all []string) []string {
	var kept []string
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
