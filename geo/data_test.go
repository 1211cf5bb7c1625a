package geo

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/paulmach/orb"
)

// dataFile returns the path of a file of real borders, which are no part of the
// repository, and skips the test where they are absent.
func dataFile(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("KANTSTEN_TEST_DATA")
	if folder == "" {
		folder = filepath.Join(repositoryRoot(t), "..", "shared")
	}
	path := filepath.Join(folder, "boundaries", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real borders are absent: %v; set KANTSTEN_TEST_DATA to the folder that holds boundaries/", err)
	}
	return path
}

func repositoryRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
}

// buildFile reads and builds a GeoJSON file.
func buildFile(path string) (*Index, *BuildReport, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	b := &Builder{}
	if err := ReadGeoJSON(f, ReadOptions{}, b.Add); err != nil {
		return nil, nil, err
	}
	return b.Finish()
}

// detailed is the set of detailed municipalities, built once for all tests.
type detailed struct {
	index  *Index
	report *BuildReport
}

var buildDetailed sync.Map // path to a function that builds it once

func detailedIndex(t testing.TB) (*Index, *BuildReport) {
	t.Helper()
	path := dataFile(t, "se-municipalities-detailed.geojson.gz")
	once, _ := buildDetailed.LoadOrStore(path, sync.OnceValues(func() (detailed, error) {
		index, report, err := buildFile(path)
		return detailed{index, report}, err
	}))
	d, err := once.(func() (detailed, error))()
	if err != nil {
		t.Fatal(err)
	}
	return d.index, d.report
}

type goldenPoint struct {
	at   orb.Point
	code string // empty where no area owns the point
}

func goldenPoints(t testing.TB) []goldenPoint {
	t.Helper()
	packed, err := os.ReadFile(dataFile(t, "golden-points.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(z)
	var points []goldenPoint
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return points
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[0] == "lon" {
			continue
		}
		lon, err1 := strconv.ParseFloat(row[0], 64)
		lat, err2 := strconv.ParseFloat(row[1], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		points = append(points, goldenPoint{orb.Point{lon, lat}, row[2]})
	}
}
