package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// matching lists files below the data folder by a pattern; there has to be one.
func (p *place) matching(pattern string) []string {
	p.t.Helper()
	all, err := filepath.Glob(filepath.Join(p.data, filepath.FromSlash(pattern)))
	if err != nil || len(all) == 0 {
		p.t.Fatalf("no file %s, %v", pattern, err)
	}
	return all
}

func (p *place) remove(pattern string) {
	p.t.Helper()
	for _, path := range p.matching(pattern) {
		if err := os.Remove(path); err != nil {
			p.t.Fatal(err)
		}
	}
}

// answersAs checks where two places lie; either side of the border at 17.5 degrees.
func (s *server) answersAs(west, east string) {
	s.t.Helper()
	for lon, want := range map[string]string{"17.4": west, "17.6": east} {
		var at struct{ Jurisdiction struct{ Code string } }
		s.api().Get("/v1/locate?lat=62.5&lon=" + lon).Want(http.StatusOK).JSON(&at)
		if at.Jurisdiction.Code != want {
			s.t.Errorf("%s lies in %q, want %s", lon, at.Jurisdiction.Code, want)
		}
	}
}

// restart stops the program and starts it again.
func (p *place) restart(s *server) *server {
	p.t.Helper()
	s.terminate()
	s.exitCode()
	return p.serve()
}

// TestALostIndexIsBuiltAnew: a local copy, the blob and at last also what it was
// built from are lost, one after the other.
func TestALostIndexIsBuiltAnew(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		areas := boxes(t, box{"2281", "Sundsvall", 17, 17.5}, box{"2262", "Timrå", 17.5, 18})
		p.do("boundaries", "import", "--source", "borders of the year", areas)
		s := p.serve()
		s.answersAs("2281", "2262")

		p.remove("boundaries/*.idx")
		s = p.restart(s)
		s.answersAs("2281", "2262")

		index := strings.TrimSuffix(filepath.Base(p.matching("boundaries/*.idx")[0]), ".idx")
		p.remove("boundaries/*.idx")
		p.remove("blobs/boundaries/" + index)
		s = p.restart(s)
		s.answersAs("2281", "2262")
		p.matching("blobs/boundaries/" + index)

		p.remove("boundaries/*.idx")
		p.remove("blobs/boundaries/*")
		s.answersAs("2281", "2262") // who serves goes on
		s.terminate()
		s.exitCode()
		s = p.start(freeAddr(t))
		if code := s.exitCode(); code == 0 {
			t.Error("the program serves without boundaries")
		}
		wantLines(t, s.said.String(), "load boundary set ", "borders of the year", "kantsten boundaries import")

		// Another set can take its place, and the same file brings it back.
		another, said := p.imported(boxes(t, box{"2281", "Sundsvall", 17, 18}))
		wantLines(t, said, "nothing can be compared", "borders of the year")
		p.do("boundaries", "activate", another)
		s = p.serve()
		s.answersAs("2281", "2281")
		p.imported(areas)
		p.do("boundaries", "undo")
		s = p.restart(s)
		s.answersAs("2281", "2262")
	})
}
