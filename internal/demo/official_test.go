package demo

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

// official is one real municipality, its edges sorted into bands of latitude.
type official struct {
	Name  string
	Bound orb.Bound
	bands map[int][][2]orb.Point
}

const bandsPerDegree = 200

// contains decides by the even-odd rule over all rings.
func (o *official) contains(p orb.Point) bool {
	if !o.Bound.Contains(p) {
		return false
	}
	inside := false
	for _, e := range o.bands[int(p[1]*bandsPerDegree)] {
		a, b := e[0], e[1]
		if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0]+(b[0]-a[0])*(p[1]-a[1])/(b[1]-a[1]) {
			inside = !inside
		}
	}
	return inside
}

func (o *official) addRing(ring orb.Ring) {
	for k := range len(ring) - 1 {
		a, b := ring[k], ring[k+1]
		o.Bound = o.Bound.Extend(a)
		low, high := min(a[1], b[1]), max(a[1], b[1])
		for band := int(low * bandsPerDegree); band <= int(high*bandsPerDegree); band++ {
			o.bands[band] = append(o.bands[band], [2]orb.Point{a, b})
		}
	}
}

// officialFile returns the path of the real boundaries, or skips the test.
func officialFile(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join(repositoryRoot(t), "..", "shared")
	}
	path := filepath.Join(folder, "boundaries", "se-municipalities-detailed.geojson.gz")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is missing; KANTSTEN_TEST_DATA names the folder above boundaries", path)
	}
	return path
}

// repositoryRoot returns the folder of go.mod.
func repositoryRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// readOfficial reads the real municipalities, by code.
func readOfficial(t *testing.T) map[string]*official {
	t.Helper()
	f, err := os.Open(officialFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var collection struct {
		Features []struct {
			Properties struct{ Kommunkod, Namn string }
			Geometry   struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.NewDecoder(unzipped).Decode(&collection); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*official)
	for _, feature := range collection.Features {
		var polygons orb.MultiPolygon
		if feature.Geometry.Type == "Polygon" {
			polygons = make(orb.MultiPolygon, 1)
			err = json.Unmarshal(feature.Geometry.Coordinates, &polygons[0])
		} else {
			err = json.Unmarshal(feature.Geometry.Coordinates, &polygons)
		}
		if err != nil {
			t.Fatal(err)
		}
		o := &official{Name: feature.Properties.Namn, bands: make(map[int][][2]orb.Point)}
		o.Bound = polygons.Bound()
		for _, polygon := range polygons {
			for _, ring := range polygon {
				o.addRing(ring)
			}
		}
		all[feature.Properties.Kommunkod] = o
	}
	return all
}

// TestAgainstOfficialBoundaries checks the table against the real borders, and
// how much of the country the demo set answers right.
func TestAgainstOfficialBoundaries(t *testing.T) {
	t.Parallel()
	municipalities := readOfficial(t)
	places := mustPlaces(t)
	seen := make(map[string]bool)
	for _, p := range places {
		o := municipalities[p.Code]
		if o == nil {
			t.Fatalf("there is no municipality %s", p.Code)
		}
		if !seen[p.Code] && o.Name != p.Municipality {
			t.Errorf("%s is called %s, not %s", p.Code, o.Name, p.Municipality)
		}
		seen[p.Code] = true
		if !o.contains(orb.Point{p.Lon, p.Lat}) {
			t.Errorf("%s (%g, %g) does not lie in %s", p.Name, p.Lat, p.Lon, p.Municipality)
		}
	}
	if len(seen) != len(municipalities) {
		t.Errorf("the table has %d of %d municipalities", len(seen), len(municipalities))
	}

	right, wrong := score(bounded(mustBoundaries(t)), municipalities)
	share := float64(right) / scoredPoints
	t.Logf("the demo set answers %.1f %% of %d points in the country right", 100*share, scoredPoints)
	t.Log("most points lost, as official -> demo:\n" + worst(wrong, municipalities))
	if share < 0.85 {
		t.Errorf("only %.3f of the country is answered right, want 0.85", share)
	}
}

// scoredPoints is how many points the share of right answers is taken from.
const scoredPoints = 20_000

// score draws points uniformly by area within the real municipalities and
// counts right answers, and wrong ones by the pair of codes.
func score(areas []boundedArea, municipalities map[string]*official) (right int, wrong map[[2]string]int) {
	random := rand.New(rand.NewPCG(1, 2))
	low, high := project(10.5, 55), project(24.5, 69.2)
	low.x, high.x = -500_000, 500_000
	wrong = make(map[[2]string]int)
	for n := 0; n < scoredPoints; {
		p := unproject(xy{low.x + random.Float64()*(high.x-low.x), low.y + random.Float64()*(high.y-low.y)}).degrees()
		code := ""
		for c, o := range municipalities {
			if o.contains(p) && (code == "" || c < code) {
				code = c
			}
		}
		if code == "" {
			continue
		}
		n++
		if got := codesAt(areas, p); slices.Equal(got, []string{code}) {
			right++
		} else {
			wrong[[2]string{code, strings.Join(got, "+")}]++
		}
	}
	return right, wrong
}

// worst lists the 60 pairs of municipalities between which most points are lost.
func worst(wrong map[[2]string]int, municipalities map[string]*official) string {
	pairs := make([][2]string, 0, len(wrong))
	for p := range wrong {
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(wrong[b], wrong[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	var out strings.Builder
	for _, p := range pairs[:min(60, len(pairs))] {
		other := "outside"
		if o := municipalities[p[1]]; o != nil {
			other = o.Name
		}
		fmt.Fprintf(&out, "%4d  %s -> %s\n", wrong[p], municipalities[p[0]].Name, other)
	}
	return out.String()
}

// boundedArea is an area with its bound, which is costly to compute.
type boundedArea struct {
	Area
	bound orb.Bound
}

func bounded(areas []Area) []boundedArea {
	all := make([]boundedArea, len(areas))
	for i, a := range areas {
		all[i] = boundedArea{a, a.Geometry.Bound()}
	}
	return all
}

// codesAt returns the codes of all areas that contain p by the even-odd rule.
func codesAt(areas []boundedArea, p orb.Point) []string {
	var codes []string
	for _, a := range areas {
		if !a.bound.Contains(p) {
			continue
		}
		inside := false
		for _, polygon := range a.Geometry {
			for _, ring := range polygon {
				if evenOdd(ring, p) {
					inside = !inside
				}
			}
		}
		if inside {
			codes = append(codes, a.Code)
		}
	}
	return codes
}

func evenOdd(ring orb.Ring, p orb.Point) bool {
	inside := false
	for k := range len(ring) - 1 {
		a, b := ring[k], ring[k+1]
		if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0]+(b[0]-a[0])*(p[1]-a[1])/(b[1]-a[1]) {
			inside = !inside
		}
	}
	return inside
}

// haversine is the distance of two places on the sphere in metres.
func haversine(lon1, lat1, lon2, lat2 float64) float64 {
	const rad = math.Pi / 180
	s1, s2 := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	return 2 * earthRadius * math.Asin(math.Sqrt(s1*s1+math.Cos(lat1*rad)*math.Cos(lat2*rad)*s2*s2))
}
