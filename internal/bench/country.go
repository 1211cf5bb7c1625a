package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/demo"
)

// country is where the reports are.
type country struct {
	source string // what the borders are
	file   string // GeoJSON that the program loads
	areas  []area
}

// area is a municipality with some positions inside it.
type area struct {
	code, name string
	places     []orb.Point
}

// detailed is the file of real borders, beside the repository or where
// KANTSTEN_TEST_DATA says.
const detailed = "boundaries/se-municipalities-detailed.geojson.gz"

// placesPerArea is how many positions each area is represented by.
const placesPerArea = 10

// readCountry takes the real borders if they are there, else those of the demo,
// which it writes to a file in dir.
func readCountry(dir string) (country, error) {
	c := country{source: "real borders", file: dataFile(detailed)}
	if _, err := os.Stat(c.file); err != nil {
		c = country{source: "the demo's borders", file: filepath.Join(dir, "demo.geojson")}
		if err := writeDemo(c.file); err != nil {
			return c, err
		}
	}
	in, err := os.Open(c.file)
	if err != nil {
		return c, fmt.Errorf("open the borders: %w", err)
	}
	defer func() { _ = in.Close() }() // only read from
	var builder geo.Builder
	if err := geo.ReadGeoJSON(in, geo.ReadOptions{PadCode: 4}, builder.Add); err != nil {
		return c, fmt.Errorf("read the borders: %w", err)
	}
	index, _, err := builder.Finish()
	if err != nil {
		return c, fmt.Errorf("build the borders: %w", err)
	}
	c.areas = sample(index)
	return c, nil
}

// dataFile is the path of a file of the real data.
func dataFile(name string) string {
	root := os.Getenv("KANTSTEN_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "shared") // make runs beside go.mod
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

// sample picks positions inside every area, the same in every run.
func sample(index *geo.Index) []area {
	random := rand.New(rand.NewPCG(1, 1))
	areas := make([]area, index.Len())
	for i := range areas {
		a := &areas[i]
		a.code, a.name = index.Area(i)
		box := index.AreaBounds(i)
		for tries := 0; len(a.places) < placesPerArea && tries < 100_000; tries++ {
			p := orb.Point{between(random, box.Left(), box.Right()), between(random, box.Bottom(), box.Top())}
			if owner, ok := index.Owner(p.Lon(), p.Lat()); ok && owner == i {
				a.places = append(a.places, p)
			}
		}
	}
	return areas
}

func between(random *rand.Rand, low, high float64) float64 { return low + random.Float64()*(high-low) }

// writeDemo writes the demo's borders as GeoJSON.
func writeDemo(path string) error {
	areas, err := demo.Boundaries()
	if err != nil {
		return fmt.Errorf("make the demo's borders: %w", err)
	}
	type feature struct {
		Type       string            `json:"type"`
		Properties map[string]string `json:"properties"`
		Geometry   any               `json:"geometry"`
	}
	features := make([]feature, len(areas))
	for i, a := range areas {
		features[i] = feature{
			Type: "Feature", Properties: map[string]string{"code": a.Code, "name": a.Name},
			Geometry: map[string]any{"type": "MultiPolygon", "coordinates": a.Geometry},
		}
	}
	data, err := json.Marshal(map[string]any{"type": "FeatureCollection", "features": features})
	if err != nil {
		return fmt.Errorf("encode the demo's borders: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write the demo's borders: %w", err)
	}
	return nil
}
