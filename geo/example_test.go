package geo_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// Two municipalities that share a border at 17.3 degrees east.
const twoAreas = `{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"kommunkod":"2281","namn":"Sundsvall"},"geometry":{"type":"Polygon",
 "coordinates":[[[17.0,62.2],[17.3,62.2],[17.3,62.6],[17.0,62.6],[17.0,62.2]]]}},
{"type":"Feature","properties":{"kommunkod":"2262","namn":"Timrå"},"geometry":{"type":"Polygon",
 "coordinates":[[[17.3,62.2],[17.6,62.2],[17.6,62.6],[17.3,62.6],[17.3,62.2]]]}}
]}`

func buildExample() *geo.Index {
	b := &geo.Builder{}
	if err := geo.ReadGeoJSON(strings.NewReader(twoAreas), geo.ReadOptions{}, b.Add); err != nil {
		log.Fatal(err)
	}
	index, _, err := b.Finish()
	if err != nil {
		log.Fatal(err)
	}
	return index
}

func Example() {
	b := &geo.Builder{}
	if err := geo.ReadGeoJSON(strings.NewReader(twoAreas), geo.ReadOptions{}, b.Add); err != nil {
		log.Fatal(err)
	}
	index, report, err := b.Finish()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Areas, "areas,", report.Vertices, "vertices,", report.Shared, "shared edge")
	if owner, ok := index.Owner(17.1, 62.39); ok {
		fmt.Println(index.Area(owner))
	}
	// Output:
	// 2 areas, 8 vertices, 1 shared edge
	// 2281 Sundsvall
}

func ExampleIndex_Owner() {
	index := buildExample()
	for _, lon := range []float64{17.2999999, 17.3, 17.3000001, 18} {
		owner, ok := index.Owner(lon, 62.4)
		if !ok {
			fmt.Println(lon, "belongs to nobody")
			continue
		}
		_, name := index.Area(owner)
		fmt.Println(lon, name)
	}
	// Output:
	// 17.2999999 Sundsvall
	// 17.3 Timrå
	// 17.3000001 Timrå
	// 18 belongs to nobody
}

func ExampleIndex_Locate() {
	index := buildExample()
	loc := index.Locate(orb.Point{17.2995, 62.4}, 50)
	_, owner := index.Area(loc.Owner)
	_, beyond := index.Area(loc.Beyond)
	fmt.Printf("%s, %.1f m from %s\n", owner, loc.BorderMetres, beyond)
	for _, c := range loc.Candidates {
		_, name := index.Area(c.Area)
		fmt.Printf("%s: %.0f %%\n", name, 100*c.Share)
	}
	// Output:
	// Sundsvall, 25.9 m from Timrå
	// Sundsvall: 81 %
	// Timrå: 19 %
}

func ExampleIndex_Nearest() {
	index := buildExample()
	for _, n := range index.Nearest(orb.Point{17.29, 62.61}, 5000, 3) {
		_, name := index.Area(n.Area)
		fmt.Printf("%s: %.0f m\n", name, n.Metres)
	}
	// Output:
	// Sundsvall: 1115 m
	// Timrå: 1227 m
}

func ExampleOpen() {
	path := filepath.Join(os.TempDir(), "kantsten-geo-example")
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.Remove(path) }()
	if _, err := buildExample().WriteTo(f); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	index, err := geo.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	timra, _ := index.Lookup("2262")
	fmt.Println(index.Area(timra))
	// Output: 2262 Timrå
}

// A border that two areas share stays one border however coarse it is drawn.
func ExamplePyramid() {
	p := geo.NewPyramid(buildExample())
	x, y, _ := geo.TileAt(17.3, 62.4, 7)
	for _, area := range p.Tile(7, x, y, 64) {
		_, name := p.Index().Area(area.Area)
		fmt.Println(name, area.Geometry[0][0])
	}
	// Output:
	// Sundsvall [[619 2260] [182 2260] [182 1003] [619 1003] [619 2260]]
	// Timrå [[619 2260] [619 1003] [1056 1003] [1056 2260] [619 2260]]
}
