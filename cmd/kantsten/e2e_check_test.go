package main_test

import (
	"bytes"
	"database/sql"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kantsten/kantsten/api/apitest"
)

// TestACheckOutlivesTheProcess kills the program while a detector looks at a photo:
// the next process asks again, and nobody sees the photo before.
func TestACheckOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		var asked atomic.Int32
		detector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if asked.Add(1) == 1 {
				<-r.Context().Done() // until the process is dead
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"areas": [{"x": 0.25, "y": 0.25, "width": 0.25, "height": 0.25}]}`)
		}))
		t.Cleanup(detector.Close)
		p := newPlace(t, databaseURL, "KANTSTEN_MASK_URL="+detector.URL, "KANTSTEN_EGRESS_ALLOW=127.0.0.0/8")
		s := p.serve("--demo")
		var r filed
		s.api().Form("/v1/reports",
			apitest.Part{Name: "report", ContentType: "application/json", Data: []byte(`{"service": "litter", "lat": 62.3908, "lon": 17.3069}`)},
			apitest.Part{Name: "photo", FileName: "a.jpg", ContentType: "image/jpeg", Data: secretPicture(t)},
		).Want(http.StatusCreated).JSON(&r)
		eventually(t, "the detector looks", func() bool { return asked.Load() > 0 })
		s.kill()
		p.grewOlder(databaseURL, time.Hour)

		s = p.serveAt(strings.TrimPrefix(s.base, "http://"), "--demo")
		var now filed
		eventually(t, "the photo is shown", func() bool {
			s.api().Get("/v1/reports/" + r.Reference).Want(http.StatusOK).JSON(&now)
			return len(now.Photos) == 1
		})
		for size, address := range now.Photos[0].Renditions {
			res := s.api().Get(pathOf(t, address)).Want(http.StatusOK)
			if shows, err := showsSecret(res.Body); shows || err != nil {
				t.Errorf("rendition %s shows what the detector found: %v, %v", size, shows, err)
			}
			old, _, _ := strings.Cut(pathOf(t, r.Photos[0].Renditions[size]), "?")
			s.api().Get(old).Want(http.StatusGone)
		}
	})
}

// grewOlder moves what the database of a place knows into the past while its program
// does not run: photos that nobody has claimed, and the leases of jobs.
func (p *place) grewOlder(databaseURL string, by time.Duration) {
	p.t.Helper()
	driver, at := "pgx", databaseURL
	if at == "" {
		driver, at = "sqlite", "file:"+filepath.Join(p.data, "kantsten.db")
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"UPDATE photos SET created_at = created_at - $1 WHERE report IS NULL", "UPDATE jobs SET run_at = run_at - $1"} {
		if _, err := db.ExecContext(p.t.Context(), statement, by.Microseconds()); err != nil {
			p.t.Fatal(err)
		}
	}
}

// secretPicture is grey, with a square of red and blue checks in [secretArea].
func secretPicture(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 512, 512))
	for y := range 512 {
		for x := range 512 {
			c := color.RGBA{120, 120, 120, 255}
			if x >= 128 && x < 256 && y >= 128 && y < 256 {
				c = color.RGBA{250, 20, 20, 255}
				if (x/16+y/16)%2 == 0 {
					c = color.RGBA{20, 20, 250, 255}
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// showsSecret reports whether a JPEG has reds beside blues; the mosaic over them is
// of one colour, or nearly.
func showsSecret(data []byte) (bool, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return false, err
	}
	reds, blues := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, _, b, _ := img.At(x, y).RGBA()
			switch d := int(r>>8) - int(b>>8); {
			case d > 60:
				reds++
			case d < -60:
				blues++
			}
		}
	}
	return reds > 20 && blues > 20, nil
}

// pathOf is what stands in a URL behind the host.
func pathOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}
