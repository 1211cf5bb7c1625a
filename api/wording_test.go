package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
)

// The sentence of a problem can be read alone: it says what it is about.
func TestOneWrongFieldIsNamedInTheSentence(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{})
	for _, tt := range []struct{ method, path, body, says string }{
		{http.MethodGet, "/v1/reports?limit=0", "", `"detail":"limit must be at least 1"`},
		{http.MethodPost, "/v1/reports", `{"service":"pothole","lat":62}`, `"detail":"/lon is required"`},
		{http.MethodPost, "/v1/reports", `[]`, `"detail":"the body must be an object"`},
	} {
		res := c.Send(tt.method, tt.path, tt.body).Want(http.StatusUnprocessableEntity)
		res.WantProblem(problem.Invalid)
		if !strings.Contains(string(res.Body), tt.says) {
			t.Errorf("%s %s %s: %s", tt.method, tt.path, tt.body, res.Body)
		}
	}
}

// A UUID means the same in capitals (RFC 9562, 4), which some systems write.
func TestIDsAreReadInEitherCase(t *testing.T) {
	t.Parallel()
	c, _, _ := newEdge(t, &echo{fail: map[string]error{someID: problem.New(problem.Gone, "found by its id")}})
	c.Get("/v1/reports/" + strings.ToUpper(someID)).Want(http.StatusGone)
}

// What is shown and asks nothing must not become a field to fill in.
func TestNoticesAreToldFromQuestions(t *testing.T) {
	t.Parallel()
	animals, _ := catalog.Base().Service("dead-animal")
	notices := 0
	for _, a := range toService(animals, "en").Attributes {
		if a.Notice {
			notices++
		}
		if a.Notice != (a.Code == "police") {
			t.Errorf("%s: notice %v", a.Code, a.Notice)
		}
	}
	if notices != 1 {
		t.Errorf("%d notices", notices)
	}
}

func TestParkedJobsNameTheirReport(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"report_id":"` + someID + `"}`: someID, `{"update_id":"x"}`: "", `[1]`: "", ``: "",
	} {
		if got := toJob(job.GivenUp{Job: job.Job{Payload: []byte(payload)}}).Report; got != want {
			t.Errorf("%s names %q, want %q", payload, got, want)
		}
	}
}
