package suite

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// A report is delivered at once; photos that come by a resumable upload within the
// hour follow it to its recipient.
func TestLatePhotos(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		admin := s.staff(t, auth.Operator, "")
		version := admin.Get("/v1/jurisdictions/1480").Want(http.StatusOK).Header.Get("ETag")
		admin.With("If-Match", version).Send(http.MethodPut, "/v1/jurisdictions/1480",
			fields{"name": "Göteborg", "channel": "email", "email": "gatukontoret@goteborg.example"}).Want(http.StatusOK)
		s.pass(2 * time.Second)
		r := s.filed(t, inGoteborg, nil)
		eventually(t, "the report, by mail", func() bool { return read(t, s.Client, r.Id).Delivery == "sent" })

		s.pass(59 * time.Minute)
		ids := []string{s.uploaded(t, 51), s.uploaded(t, 52)}
		s.in(t).Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", fields{"photos": ids}).WantProblem(problem.Unauthenticated)
		var added api.AddedPhotos
		res := s.reporter(t, r).With("Idempotency-Key", s.key()).Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", fields{"photos": ids}).Want(http.StatusCreated)
		if res.JSON(&added); added.Id != ids[0] || len(added.Photos) != 2 || added.Photos[1].Id != ids[1] {
			t.Errorf("added %+v, want %v", added, ids)
		}
		if us := history(t, s.Client, r.Id); us[len(us)-1].Kind != "photo" || len(us[len(us)-1].Photos) != 2 {
			t.Errorf("the history ends with %+v", us[len(us)-1])
		}
		eventually(t, "the photos, by mail", func() bool { return s.mailed(t, "Nytt foto", ids[0], ids[1]) })
		problemAt(t, s.reporter(t, r).Send(http.MethodPost, "/v1/reports/"+r.Id+"/photos", fields{"photos": ids}), http.StatusUnprocessableEntity, "/photos/0")
	})
}

// mailed tells whether one mail holds all of the texts.
func (s *system) mailed(t testing.TB, texts ...string) bool {
	t.Helper()
	mails, err := filepath.Glob(filepath.Join(s.dir, "mail", "*.eml"))
	must(t, err)
next:
	for _, path := range mails {
		data, err := os.ReadFile(path)
		must(t, err)
		whole := strings.ReplaceAll(string(data), "=\r\n", "")
		for _, text := range texts {
			if !strings.Contains(whole, text) {
				continue next
			}
		}
		return true
	}
	return false
}
