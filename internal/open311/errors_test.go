package open311

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kantsten/kantsten/internal/problem"
)

func TestFromProblem(t *testing.T) {
	t.Parallel()
	field := func(f, code, detail string) problem.FieldError {
		return problem.FieldError{Field: f, Code: code, Detail: detail}
	}
	tests := []struct {
		rule string
		in   *problem.Error
		want Errors
	}{
		{"29, 36: no key, wrong key", problem.New(problem.Unauthenticated, "wrong api_key"), Errors{{403, "wrong api_key"}}},
		{"36: not allowed", problem.New(problem.Forbidden, "no"), Errors{{403, "no"}}},
		{"41: not there", problem.New(problem.NotFound, "no such request"), Errors{{404, "no such request"}}},
		{"106: hidden or erased", problem.New(problem.Gone, "removed"), Errors{{404, "removed"}}},
		{"36: all else is 400", problem.New(problem.Conflict, "state"), Errors{{400, "state"}}},
		{"36: stale", problem.New(problem.Stale, "stale"), Errors{{400, "stale"}}},
		{"40: too large", problem.New(problem.TooLarge, "big"), Errors{{413, "big"}}},
		{"40: type", problem.New(problem.UnsupportedMedia, "type"), Errors{{415, "type"}}},
		{"40: too many", problem.New(problem.TooMany, "slow down"), Errors{{429, "slow down"}}},
		{"40: not now", problem.New(problem.Unavailable, "later"), Errors{{503, "later"}}},
		{"37: one for each field", problem.Invalidity([]problem.FieldError{field("/lat", "out-of-range", "must be in Sweden"), field("/lon", "out-of-range", "must be in Sweden")}),
			Errors{{400, "lat: must be in Sweden"}, {400, "long: must be in Sweden"}}},
		{"38: missing attribute", problem.Field("/attributes/how~1many", "required", "must be answered"), Errors{{400, "how/many required: must be answered"}}},
		{"41: unknown service", problem.Field("/service", "unknown", "is not one of ours"), Errors{{404, "service_code: is not one of ours"}}},
		{"24: unknown jurisdiction", problem.Field("jurisdiction_id", "unknown", "is not one of ours"), Errors{{404, "jurisdiction_id: is not one of ours"}}},
		{"25: missing jurisdiction", problem.Field("jurisdiction", "required", "say which"), Errors{{400, "jurisdiction_id required: say which"}}},
		{"an attribute of a parameter's name", problem.Field("/attributes/service", "unknown", "no"), Errors{{400, "service: no"}}},
		{"a field without a name", problem.Field("", "odd", "is odd"), Errors{{400, "is odd"}}},
		{"the cause is never shown", &problem.Error{Kind: problem.Unavailable, Detail: "later", Cause: errors.New("dial 10.0.0.1")}, Errors{{503, "later"}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, FromProblem(tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := FromProblem(nil); got.Status() != http.StatusInternalServerError || got[0].Description == "" {
		t.Errorf("an internal failure gives %v", got)
	}
	if got := (Errors{}).Status(); got != http.StatusInternalServerError {
		t.Errorf("no errors give status %d", got)
	}
}
