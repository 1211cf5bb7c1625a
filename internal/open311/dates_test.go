package open311

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		rule, in string
		loc      *time.Location
		want     string // "" is refused
	}{
		{"30: zone Z", "2010-06-23T09:00:00Z", nil, "2010-06-23T09:00:00Z"},
		{"30: zone in lower case", "2010-06-23t09:00:00z", nil, "2010-06-23T09:00:00Z"},
		{"30: offset", "2010-06-23T09:00:00-06:00", nil, "2010-06-23T15:00:00Z"},
		{"30: offset over the year's end", "2010-12-31T23:30:00-01:00", nil, "2011-01-01T00:30:00Z"},
		{"30: fraction", "2010-06-23T09:00:00.999999999999Z", nil, "2010-06-23T09:00:00Z"},
		{"30: minutes only", "2010-06-23T09:00Z", nil, "2010-06-23T09:00:00Z"},
		{"30: minutes only with offset", "2010-06-23T09:00+02:00", nil, "2010-06-23T07:00:00Z"},
		{"31: date only", "2012-07-09", nil, "2012-07-09T00:00:00Z"},
		{"31: date only in a zone", "2012-07-09", stockholm, "2012-07-08T22:00:00Z"},
		{"31: no zone", "2012-07-09T10:00:00", nil, "2012-07-09T10:00:00Z"},
		{"31: no zone in a zone", "2012-01-09T10:00:00", stockholm, "2012-01-09T09:00:00Z"},
		{"31: plus became space", "2012-07-09T10:00:00 02:00", nil, "2012-07-09T08:00:00Z"},
		{"31: plus became space, no colon", "2012-07-09T10:00 0200", nil, "2012-07-09T08:00:00Z"},
		{"31: no colon", "2012-07-09T10:00:00+0200", nil, "2012-07-09T08:00:00Z"},
		{"space for T", "2012-07-09 10:00:00 +02:00", nil, "2012-07-09T08:00:00Z"},
		{"space around", " 2012-07-09\n", nil, "2012-07-09T00:00:00Z"},

		{"empty", "", nil, ""},
		{"no such day", "2012-02-30", nil, ""},
		{"no such hour", "2012-07-09T25:00:00Z", nil, ""},
		{"zone alone", "2012-07-09T10:00:00+", nil, ""},
		{"zone run together", "2012-07-09T10:000200", nil, ""},
		{"zone too far", "2012-07-09T10:00:00+99:00", nil, ""},
		{"date with a zone", "2012-07-09Z", nil, ""},
		{"year alone", "2012", nil, ""},
		{"unix time", "1341828000", nil, ""},
		{"American", "07/09/2012", nil, ""},
		{"word", "yesterday", nil, ""},
		{"two", "2012-07-09,2012-07-10", nil, ""},
		{"NUL", "2012-07-09\x00", nil, ""},
		{"digits of another script", "２０１２-07-09", nil, ""},
		{"zero time", "0001-01-01T00:00:00Z", nil, ""},
		{"year that overflows", "9999-12-31T23:59:59-01:00", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTime(tt.in, tt.loc)
			switch {
			case tt.want == "" && err == nil:
				t.Errorf("ParseTime(%q) = %v, want an error", tt.in, got)
			case tt.want != "" && (err != nil || FormatTime(got) != tt.want):
				t.Errorf("ParseTime(%q) = %v, %v, want %s", tt.in, got, err, tt.want)
			}
		})
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2010-06-23T09:00:00.5-06:00", "2012-07-09T10:00 0200", "2012-07-09", "9998-12-31T23:59:59Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s, time.UTC)
		if err != nil {
			return
		}
		// What is written is read as the same moment, by us and by everybody.
		again, err := ParseTime(FormatTime(got), nil)
		if err != nil || !again.Equal(got) {
			t.Errorf("%q gives %v and then %v (%v)", s, got, again, err)
		}
		if std, err := time.Parse(time.RFC3339, FormatTime(got)); err != nil || !std.Equal(got) {
			t.Errorf("%q: RFC 3339 reads %v (%v)", s, std, err)
		}
	})
}
