package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// box is an area between two degrees of longitude, from 62 to 63 degrees north.
type box struct {
	code, name string
	west, east float64
}

func boxes(t *testing.T, areas ...box) string {
	t.Helper()
	var features []string
	for _, a := range areas {
		features = append(features, fmt.Sprintf(`{"type":"Feature","properties":{"code":%q,"name":%q},"geometry":{"type":"Polygon",
			"coordinates":[[[%[3]v,62],[%[4]v,62],[%[4]v,63],[%[3]v,63],[%[3]v,62]]]}}`, a.code, a.name, a.west, a.east))
	}
	path := filepath.Join(t.TempDir(), "boxes.geojson")
	if err := os.WriteFile(path, []byte(`{"type":"FeatureCollection","features":[`+strings.Join(features, ",")+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var nextStep = regexp.MustCompile(`boundaries activate ([0-9a-f-]{36})`)

// imported imports a set that is not the first of its layer, and returns its id
// and what the program says of it.
func (p *place) imported(args ...string) (id, said string) {
	p.t.Helper()
	said = p.do(append([]string{"boundaries", "import"}, args...)...)
	found := nextStep.FindStringSubmatch(said)
	if found == nil {
		p.t.Fatalf("import does not say how to go on:\n%s", said)
	}
	return found[1], said
}

// filed files a report at a longitude and returns its reference.
func (s *server) filed(lon float64) string {
	s.t.Helper()
	var r struct{ Reference string }
	s.api().Send(http.MethodPost, "/v1/reports", map[string]any{
		"service": "pothole", "lat": 62.5, "lon": lon, "description": "A hole", "attributes": map[string]string{"size": "large"},
	}).Want(http.StatusCreated).JSON(&r)
	return r.Reference
}

// liesWith tells with which jurisdiction a report lies.
func (s *server) liesWith(reference string) string {
	s.t.Helper()
	var r struct {
		Reference    string
		Jurisdiction struct{ Code string }
	}
	s.api().Get("/v1/reports/" + reference).Want(http.StatusOK).JSON(&r)
	if r.Reference != reference {
		s.t.Errorf("the report %s is called %s now", reference, r.Reference)
	}
	return r.Jurisdiction.Code
}

func wantLines(t *testing.T, said string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q:\n%s", line, said)
		}
	}
}

// history is what happened to a report, as anyone may read it.
type history struct {
	Updates []struct{ Kind, Author, Text string }
}

func (s *server) history(reference string) (h history) {
	s.t.Helper()
	s.api().Get("/v1/reports/" + reference + "/updates").Want(http.StatusOK).JSON(&h)
	return h
}

// routing is why a report lies where it lies.
type routing struct {
	Reason, Explanation string
	BoundarySet         string `json:"boundary_set"`
}

func (s *server) routing(reference string) (r routing) {
	s.t.Helper()
	s.api().Get("/v1/reports/" + reference + "/routing").Want(http.StatusOK).JSON(&r)
	return r
}

// TestANewSetIsReviewedActivatedAndUndone: a border moves and a municipality gets
// a new code; reports follow when the operator says so, and go back when it was
// a mistake.
func TestANewSetIsReviewedActivatedAndUndone(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		p := newPlace(t, databaseURL)
		p.do("boundaries", "import", boxes(t, box{"2281", "West", 17, 17.5}, box{"2262", "East", 17.5, 18}))
		p.do("jurisdiction", "add", "2262", "East", "--channel", "web")
		s := p.serve()
		stays, moves, renamed := s.filed(17.1), s.filed(17.4), s.filed(17.8)
		under := s.routing(stays)
		id, said := p.imported(boxes(t, box{"2281", "Far West", 17, 17.3}, box{"2299", "Great East", 17.3, 18}),
			"--valid-from", "2027-01-01", "--licence", "CC0")
		wantLines(t, said, "read: 2 areas", "overlaps: 0 pairs", "gaps: 0", "1 added, 1 removed, 1 renamed",
			"added: 2299 Great East, made of 2262 71.4 %, 2281 28.6 %", "removed: 2262 East, whose ground is now 2299 100.0 %",
			"renamed: 2281 from West to Far West", "from 2281 to 2299", "2299 will take over from 2262",
			"open reports that would go elsewhere: 2", moves+" from 2281 to 2299", renamed+" from 2262 to 2299")
		if got := s.liesWith(moves); got != "2281" {
			t.Errorf("the import alone gave a report to %s", got)
		}
		wantLines(t, p.do("boundaries", "diff", "active", id), "added: 2299", "removed: 2262")

		wantLines(t, p.do("boundaries", "activate", id, "--reroute"), id+" is active", "2299 takes over from 2262")
		eventually(t, "the reports are handed over", func() bool { return s.liesWith(moves) == "2299" && s.liesWith(renamed) == "2299" })
		theHeirHasTakenOver(t, s, moves)
		if got := s.liesWith(stays); got != "2281" || s.routing(stays) != under || under.BoundarySet == "" || under.BoundarySet == id {
			t.Errorf("a report that nothing changed for lies with %s for %+v; it was %+v", got, s.routing(stays), under)
		}
		if now := s.routing(moves); now.BoundarySet != id {
			t.Errorf("a report that was handed over lies where it lies for %+v", now)
		}

		p.do("boundaries", "activate", id, "--reroute") // again: nothing is left to do
		p.do("boundaries", "undo", "--reroute")
		eventually(t, "the reports are back", func() bool { return s.liesWith(moves) == "2281" && s.liesWith(renamed) == "2262" })
		if h := s.history(moves); len(h.Updates) != 3 {
			t.Errorf("its history is %+v", h)
		}
		if got := p.call("boundaries", "undo"); got.code != 1 || !strings.Contains(got.stderr, "nothing to go back to") {
			t.Errorf("undo without a step before: exit code %d\n%s", got.code, got.stderr)
		}
		wantLines(t, p.do("boundaries", "list"), "back to", "valid from 2027-01-01")
		// What was decided since for the old code holds when the heir takes over again.
		wantLines(t, p.do("jurisdiction", "list"), "2262\tEast\tweb", "2299\tGreat East\tnone")
		p.do("jurisdiction", "add", "2262", "East", "--channel", "email", "--email", "new@east.example")
		p.do("boundaries", "activate", id)
		wantLines(t, p.do("jurisdiction", "list"), "2299\tGreat East\temail\tnew@east.example")
	})
}

// theHeirHasTakenOver looks at a report that lies with 2299 now, and at what it has
// from 2262.
func theHeirHasTakenOver(t *testing.T, s *server, reference string) {
	t.Helper()
	h := s.history(reference)
	if n := len(h.Updates); n != 2 || h.Updates[1].Kind != "hand-over" || h.Updates[1].Author != "system" || !strings.Contains(h.Updates[1].Text, "Great East") {
		t.Errorf("its history is %+v", h)
	}
	var heir struct{ Channel string }
	s.api().Get("/v1/jurisdictions/2299").Want(http.StatusOK).JSON(&heir)
	if heir.Channel != "web" {
		t.Errorf("the heir's channel is %s", heir.Channel)
	}
	s.api().Get("/v1/jurisdictions/2262").Want(http.StatusOK)
	s.api().Get("/v1/reports?jurisdiction=2262").Want(http.StatusOK)
}

// flawed is 2281 with 25 holes, and 25 areas over it.
func flawed(t *testing.T) string {
	t.Helper()
	ring := func(west, south float64) string {
		return fmt.Sprintf(`[[%[1]v,%[2]v],[%[3]v,%[2]v],[%[3]v,%[4]v],[%[1]v,%[4]v],[%[1]v,%[2]v]]`, west, south, west+0.01, south+0.01)
	}
	feature := `{"type":"Feature","properties":{"code":%q,"name":%[1]q},"geometry":{"type":"Polygon","coordinates":[%[2]s]}}`
	around := "[[17,62],[18,62],[18,63],[17,63],[17,62]]"
	var features []string
	for i := range 25 {
		west := 17.02 + 0.03*float64(i)
		around += "," + ring(west, 62.7)
		features = append(features, fmt.Sprintf(feature, fmt.Sprint(3000+i), ring(west, 62.495)))
	}
	features = append(features, fmt.Sprintf(feature, "2281", around))
	path := filepath.Join(t.TempDir(), "flawed.geojson")
	if err := os.WriteFile(path, []byte(`{"type":"FeatureCollection","features":[`+strings.Join(features, ",")+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAReviewListsAllThatItCounts: the first twenty of each kind, and all if asked.
func TestAReviewListsAllThatItCounts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	p.do("boundaries", "import", boxes(t, box{"2281", "West", 17, 18}))
	s := p.serve()
	var references []string
	for i := range 25 {
		references = append(references, s.filed(17.025+0.03*float64(i)))
	}
	file := flawed(t)
	id, short := p.imported(file)
	_, long := p.imported(file, "--all")
	for _, kind := range []string{`\d{4} over 2281: .* in 1 places, the largest at 62\.\d+, 17\.\d+`, `.* at 62\.70\d+, 17\.\d+ between 2281`, `added: 30\d\d`, `\S+ from 2281 to 30\d\d`} {
		lines := regexp.MustCompile(`(?m)^  ` + kind)
		if some, all := len(lines.FindAllString(short, -1)), len(lines.FindAllString(long, -1)); some != 20 || all != 25 {
			t.Errorf("of the lines “%s” it lists %d, and %d by --all; want 20 and 25:\n%s\n%s", kind, some, all, short, long)
		}
	}
	wantLines(t, short, "overlaps: 25 pairs", "gaps: 25", "open reports that would go elsewhere: 25", "… and 5 more; list them by --all")
	wantLines(t, long, references...)
	if strings.Contains(long, "more") {
		t.Errorf("--all leaves some out:\n%s", long)
	}
	if said := p.do("boundaries", "diff", "--all", "active", id); strings.Count(said, "added: 30") != 25 {
		t.Errorf("diff --all lists less:\n%s", said)
	}
}

// TestAHostileFileChangesNothing: what cannot be read is refused, and the active
// set stays active.
func TestAHostileFileChangesNothing(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) { aHostileFileChangesNothing(t, newPlace(t, databaseURL)) })
}

func aHostileFileChangesNothing(t *testing.T, p *place) {
	t.Helper()
	p.do("boundaries", "import", boxes(t, box{"2281", "West", 17, 18}))
	before := p.do("boundaries", "list")
	for name, content := range map[string]string{
		"empty":                 "",
		"no GeoJSON":            "code;name\n2281;Sundsvall\n",
		"broken off":            `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"1","name":"a"},"geometry":{"type":"Polygon","coordinates":[[[17,62],`,
		"not on Earth":          `{"type":"Feature","properties":{"code":"1","name":"a"},"geometry":{"type":"Polygon","coordinates":[[[1e308,62],[18,62],[18,63],[17,62]]]}}`,
		"no GeoPackage":         "SQLite format 3\x00" + strings.Repeat("\xff", 5000),
		"no archive":            "PK\x03\x04" + strings.Repeat("\xff", 5000),
		"no Shapefile":          "\x00\x00\x27\x0a" + strings.Repeat("\xff", 5000),
		"no gzip":               "\x1f\x8b" + strings.Repeat("\xff", 5000),
		"a code without ground": `{"type":"Feature","properties":{"code":"1","name":"a"},"geometry":{"type":"Polygon","coordinates":[[[17,62],[17,62],[17,62],[17,62]]]}}`,
	} {
		path := filepath.Join(t.TempDir(), "hostile")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := p.call("boundaries", "import", path); got.code != 1 || got.stderr == "" || strings.Contains(got.stderr, "panic") {
			t.Errorf("%s: exit code %d\n%s%s", name, got.code, got.stdout, got.stderr)
		}
	}
	if after := p.do("boundaries", "list"); after != before {
		t.Errorf("the sets were\n%sand are\n%s", before, after)
	}
}

// TestReroutingSurvivesAKill: the process dies while reports are handed over. The
// next one goes on, and each report is handed over once.
func TestReroutingSurvivesAKill(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, databaseURL string) { reroutingSurvivesAKill(t, newPlace(t, databaseURL)) })
}

func reroutingSurvivesAKill(t *testing.T, p *place) {
	t.Helper()
	p.do("boundaries", "import", boxes(t, box{"2281", "West", 17, 17.5}, box{"2262", "East", 17.5, 18}))
	s := p.serve()
	var references []string
	for i := range 120 {
		references = append(references, s.filed(17.2+float64(i)/1000))
	}
	id, _ := p.imported(boxes(t, box{"2281", "West", 17, 17.1}, box{"2262", "East", 17.1, 18}))
	p.do("boundaries", "activate", id, "--reroute")
	eventually(t, "the first report is handed over", func() bool { return s.liesWith(references[0]) == "2262" })
	s.kill()
	s = p.serve()
	t.Logf("when it was killed, the last one lay with %s", s.liesWith(references[len(references)-1]))
	eventually(t, "the last report is handed over", func() bool { return s.liesWith(references[len(references)-1]) == "2262" })
	for _, reference := range references {
		h := s.history(reference)
		if with := s.liesWith(reference); with != "2262" || len(h.Updates) != 2 || h.Updates[1].Kind != "hand-over" {
			t.Fatalf("%s lies with %s after %+v", reference, with, h)
		}
	}
}
