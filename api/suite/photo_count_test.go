package suite

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kantsten/kantsten/internal/auth"
)

// A report has ten photos, however many calls bring them and however fast.
func TestAReportHasTenPhotos(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		r := s.filedWithPhoto(t, inSundsvall, nil, 700)
		path, reporter := "/v1/reports/"+r.Id, s.reporter(t, r)
		uploads := func(n int) (ids []string) {
			for i := range n {
				ids = append(ids, s.uploaded(t, 701+i))
			}
			return ids
		}
		reporter.Send(http.MethodPost, path+"/updates", fields{"text": "x", "photos": uploads(6)}).Want(http.StatusCreated)
		refused := problemAt(t, reporter.Send(http.MethodPost, path+"/photos", fields{"photos": uploads(4)}), http.StatusUnprocessableEntity, "/photos")
		if !refused.Has("/photos", "too-many") || !strings.Contains(refused.Errors[0].Detail, "3 more fit") {
			t.Errorf("%+v", refused.Errors)
		}
		var stored, full atomic.Int64
		var all sync.WaitGroup
		for _, id := range uploads(8) {
			all.Go(func() {
				switch res := reporter.Send(http.MethodPost, path+"/photos", fields{"photos": []string{id}}); res.Status {
				case http.StatusCreated:
					stored.Add(1)
				case http.StatusUnprocessableEntity:
					full.Add(1)
				default:
					t.Errorf("%s", res)
				}
			})
		}
		all.Wait()
		if n := len(read(t, s.Client, r.Id).Photos); n != 10 || stored.Load() != 3 || full.Load() != 5 {
			t.Errorf("%d photos; %d calls stored one, %d were refused", n, stored.Load(), full.Load())
		}
		problemAt(t, reporter.Form(path+"/photos", photoPart(phonePhoto(t, 720))), http.StatusUnprocessableEntity, "/photos")
		crew := s.staff(t, auth.Crew, sundsvall)
		crew.Send(http.MethodPost, path+"/photos", fields{"photos": uploads(9)}).Want(http.StatusCreated)
		problemAt(t, crew.Send(http.MethodPost, path+"/photos", fields{"photos": uploads(2)}), http.StatusUnprocessableEntity, "/photos")
		crew.Send(http.MethodPost, path+"/photos", fields{"photos": uploads(1)}).Want(http.StatusCreated)
	})
}
