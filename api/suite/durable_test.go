package suite

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// What was answered 201 is there for whoever opens the database next, once, with
// a reference of its own.
func TestWhatIsAnsweredIsStored(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		const writers, each = 8, 5
		var references [writers][each]string
		reader := s.another(t)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					var r api.FiledReport
					res := s.With("Idempotency-Key", s.key()).Send(http.MethodPost, "/v1/reports", pothole(inSundsvall, nil))
					if res.Status != http.StatusCreated {
						t.Errorf("got %d: %s", res.Status, res)
						return
					}
					res.JSON(&r)
					if got := read(t, reader, r.Reference); got.Id != r.Id {
						t.Errorf("another process reads %s as %s", r.Reference, got.Id)
					}
					references[w][i] = r.Reference
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, rs := range references {
			for _, r := range rs {
				seen[r] = true
			}
		}
		year := s.now().In(s.server.Reports.Sweden).Year()
		for n := range writers * each { // the series has no gap
			if want := fmt.Sprintf("2281-%d-%06d", year, n+1); !seen[want] {
				t.Errorf("nobody got %s", want)
			}
		}
	})
}

// Without its database the server says that it cannot, and when to come again;
// it never says that something was done, and never shows why.
func TestWithoutADatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		r := s.filed(t, inSundsvall, nil)
		crew := s.staff(t, auth.Crew, sundsvall)
		must(t, s.db.Close())
		anyone := s.in(t)
		for _, call := range []struct {
			method, path string
			body         any
		}{
			{"POST", "/v1/reports", pothole(inSundsvall, nil)},
			{"GET", "/v1/reports", nil},
			{"GET", "/v1/reports/" + r.Id, nil},
			{"GET", "/v1/jurisdictions", nil},
			{"POST", "/v1/reports/" + r.Id + "/support", nil},
			{"POST", "/v1/sign-in", fields{"email": "kim@example.org"}},
			{"POST", "/v1/subscriptions", fields{"report": r.Id, "email": "kim@example.org"}},
		} {
			res := anyone.With("Idempotency-Key", s.key()).Send(call.method, call.path, call.body)
			p := res.Want(http.StatusServiceUnavailable).WantProblem(problem.Unavailable)
			if res.Header.Get("Retry-After") == "" || p.Detail == "" {
				t.Errorf("%s %s: Retry-After %q, %q", call.method, call.path, res.Header.Get("Retry-After"), p.Detail)
			}
		}
		crew.Get("/v1/queue").Want(http.StatusServiceUnavailable)
		anyone.Form("/v1/photos", photoPart(phonePhoto(t, 1))).Want(http.StatusServiceUnavailable)
		anyone.Form("/v1/reports", reportPart(t, pothole(inSundsvall, nil)), photoPart(phonePhoto(t, 1))).Want(http.StatusServiceUnavailable)
		anyone.Get("/v1/push-key").Want(http.StatusOK) // needs none
	})
}
