package notify

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

func TestEveryLanguageHasEveryWord(t *testing.T) {
	t.Parallel()
	for _, w := range []words{swedish(), english()} {
		for _, s := range report.Statuses() {
			if s.In(w.lang) == "" {
				t.Errorf("%s has no word for %s", w.lang, s)
			}
		}
		for _, r := range report.CloseReasons() {
			if r.In(w.lang) == "" {
				t.Errorf("%s has no word for %s", w.lang, r)
			}
		}
		for _, r := range []auth.Role{auth.Crew, auth.Handler, auth.Administrator, auth.Operator} {
			if w.roles[r] == "" {
				t.Errorf("%s has no word for %s", w.lang, r)
			}
		}
		for _, kind := range []string{auth.SignInMailJob, JobFollowMail} {
			if w.codeSubject[kind] == "" || strings.Count(w.codeText[kind], "%s")*strings.Count(w.codeText[kind], "%d") != 1 {
				t.Errorf("%s has no text for a %s", w.lang, kind)
			}
		}
		for v, i := reflect.ValueOf(w), 0; i < v.NumField(); i++ {
			if v.Field(i).Len() == 0 {
				t.Errorf("%s has no %s", w.lang, v.Type().Field(i).Name)
			}
		}
	}
}

func TestWordsIn(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{"": "sv", "sv": "sv", "SV-fi": "sv", "en": "en", "en-GB": "en", "fi": "en", "svx": "en", "-": "sv"} {
		if got := wordsIn(tag).lang; got != want {
			t.Errorf("%q is answered in %s, want %s", tag, got, want)
		}
	}
}

// The longest names that there can be, of letters that JSON writes as six.
func TestThePayloadAlwaysFits(t *testing.T) {
	t.Parallel()
	long := catalog.Text{"sv": strings.Repeat("<", 100), "en": strings.Repeat("<", 100)}
	no := notice{
		tenant: tenant.Jurisdiction{Name: strings.Repeat("<", 200), Services: []catalog.Override{{Code: "pothole", Name: long}}},
		report: report.Report{ID: strings.Repeat("0", 36), Service: "pothole", Reference: strings.Repeat("9", 82)},
		update: report.Update{Kind: report.HandedOver, Status: report.WaitingForReporter},
	}
	n := &Notifier{Links: Links{Report: func(report.Report) string { return "https://" + strings.Repeat("x", 500) }}}
	payload, err := json.Marshal(n.payload(no))
	if err != nil || len(payload) > MaxPushPayload || !strings.Contains(string(payload), strings.Repeat(`\u003c`, 100)+" · ") {
		t.Errorf("%d bytes, %v: %s", len(payload), err, payload)
	}
}
