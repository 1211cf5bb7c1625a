package open311

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// describe writes a query in one line.
func describe(q ListQuery) string {
	s := fmt.Sprintf("%s ids=%q services=%q", q.JurisdictionID, q.IDs, q.Services)
	if q.Open {
		s += " open"
	}
	if q.Closed {
		s += " closed"
	}
	if !q.From.IsZero() {
		s += " from " + FormatTime(q.From)
	}
	if !q.Until.IsZero() {
		s += " until " + FormatTime(q.Until)
	}
	return s
}

func TestParseList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 500, time.UTC)
	const last90 = ` from 2025-12-31T12:00:00Z`
	const all = ` ids=[] services=[] open closed`
	tests := []struct{ rule, query, want string }{
		{"96: no dates: the last 90 days", "", all + last90},
		{"92: ids override all else, wrong values too", "service_request_id=b,a&status=nonsense&start_date=x&service_code=y", ` ids=["a" "b"] services=[]`},
		{"92: ids keep the jurisdiction", "service_request_id=a&jurisdiction_id=2281", `2281 ids=["a"] services=[]`},
		{"26: an empty list of ids is none", "service_request_id=,%20,&jurisdiction_id=&status=&start_date=", all + last90},
		{"34: repetition, commas and spaces are the same", "service_code=a,%20b&service_code=c,b", ` ids=[] services=["a" "b" "c"] open closed` + last90},
		{"94: status", "status=open", ` ids=[] services=[] open` + last90},
		{"94: status in any case", "status=Closed", ` ids=[] services=[] closed` + last90},
		{"94: both", "status=open&status=closed", all + last90},
		{"33, 117: unknown parameters, lat and long", "lat=59&long=18&q=x&deviceid=1&api_key=k", all + last90},
		{"95, 96: start alone, 90 days on, inclusive", "start_date=2010-01-01T00:00:00Z", all + " from 2010-01-01T00:00:00Z until 2010-04-01T00:00:01Z"},
		{"95, 96: end alone, 90 days back, inclusive", "end_date=2010-04-01T00:00:00Z", all + " from 2010-01-01T00:00:00Z until 2010-04-01T00:00:01Z"},
		{"95: the end's whole second", "start_date=2010-01-01T00:00:00Z&end_date=2010-01-01T00:00:00.7Z", all + " from 2010-01-01T00:00:00Z until 2010-01-01T00:00:01Z"},
		{"97: exactly 90 days pass", "start_date=2010-01-01T00:00:00Z&end_date=2010-04-01T00:00:00Z", all + " from 2010-01-01T00:00:00Z until 2010-04-01T00:00:01Z"},
		{"96: an end in the future", "end_date=2126-01-01T00:00:00Z", all + " from 2125-10-03T00:00:00Z until 2126-01-01T00:00:01Z"},
		{"31: a date alone is a whole day at the end", "start_date=2010-01-01&end_date=2010-01-01", all + " from 2010-01-01T00:00:00Z until 2010-01-02T00:00:00Z"},
		{"97: never over 90 days, with a whole day either", "start_date=2010-01-01&end_date=2010-04-01", all + " from 2010-01-01T00:00:00Z until 2010-04-01T00:00:01Z"},
		{"31: + arrives as space", "start_date=2010-01-01T02:00:00+02:00", all + " from 2010-01-01T00:00:00Z until 2010-04-01T00:00:01Z"},
		{"bad escapes are data", "service_code=100%&x=%zz;y", ` ids=[] services=["100%"] open closed` + last90},
		{"a semicolon is data", "service_code=a;b", ` ids=[] services=["a;b"] open closed` + last90},
		{"17: Latin-1 in a query", "service_code=gr%E5", ` ids=[] services=["grå"] open closed` + last90},
		{"NUL never reaches a database", "service_request_id=a%00", ` ids=["a` + "\uFFFD" + `"] services=[]`},
		{"nothing is as long", "service_request_id=" + strings.Repeat("a", 201), ` ids=["` + "\uFFFD" + `"] services=[]`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			q, errs := ParseList(tt.query, now)
			if len(errs) > 0 {
				t.Fatalf("errors = %v", errs)
			}
			if diff := cmp.Diff(tt.want, describe(q)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseListRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ rule, query, want string }{
		{"94: other status", "status=open,fixed", "status: "},
		{"97: more than 90 days", "start_date=2010-01-01T00:00:00Z&end_date=2010-04-01T00:00:01Z", "90 days"},
		{"97: the end before the start", "start_date=2010-01-02&end_date=2010-01-01", "end_date: "},
		{"31: garbage names the parameter", "start_date=yesterday", "start_date: "},
		{"31: garbage names the parameter", "end_date=0", "end_date: "},
		{"too many ids", "service_request_id=" + ids(1001), "service_request_id: at most 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			_, errs := ParseList(tt.query, time.Now())
			if len(errs) != 1 || errs.Status() != 400 || !strings.Contains(errs[0].Description, tt.want) {
				t.Errorf("errors = %v, want one 400 with %q", errs, tt.want)
			}
		})
	}
	if _, errs := ParseList("status=x&start_date=y&end_date=z", time.Now()); len(errs) != 3 {
		t.Errorf("rule 37: errors = %v, want one for each fault", errs)
	}
}

// ids returns n different ids with commas between.
func ids(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	return strings.Join(all, ",")
}

func FuzzParseList(f *testing.F) {
	f.Add("service_request_id=a,b&status=open")
	f.Add("start_date=2010-01-01T00:00:00Z&end_date=2010-04-01&service_code=%zz;%E5%00")
	f.Add("status=closed&end_date=9998-12-31&jurisdiction_id=2281")
	f.Fuzz(func(t *testing.T, query string) {
		q, errs := ParseList(query, time.Now())
		for _, e := range errs {
			if e.Code != 400 || e.Description == "" {
				t.Errorf("error = %+v", e)
			}
		}
		for _, s := range append(append([]string{q.JurisdictionID}, q.IDs...), q.Services...) {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Errorf("%q would not go into a database", s)
			}
		}
		switch {
		case len(q.IDs) > 0 || len(errs) > 0:
		case !q.Open && !q.Closed:
			t.Error("no status is wanted")
		case q.From.IsZero():
			t.Error("no start")
		case !q.Until.IsZero() && (!q.Until.After(q.From) || q.Until.Sub(q.From) > maxSpan+time.Second):
			t.Errorf("from %v until %v", q.From, q.Until)
		}
	})
}
