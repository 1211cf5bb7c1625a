package geo_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// A state road and a street of the town that crosses it.
const twoRoads = `{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"owner":"state","road":"E4"},"geometry":{"type":"LineString",
 "coordinates":[[17.30,62.38],[17.31,62.39],[17.32,62.41]]}},
{"type":"Feature","properties":{"owner":"2281","road":"Storgatan"},"geometry":{"type":"MultiLineString",
 "coordinates":[[[17.300,62.390],[17.309,62.390]],[[17.311,62.390],[17.330,62.391]]]}}
]}`

func ExampleNearIndex_Nearest() {
	b := &geo.NearBuilder{}
	opts := geo.ReadOptions{Kind: geo.Lines, CodeProperty: "owner", NameProperty: "road"}
	if err := geo.ReadGeoJSON(strings.NewReader(twoRoads), opts, b.Add); err != nil {
		log.Fatal(err)
	}
	roads, _, err := b.Finish()
	if err != nil {
		log.Fatal(err)
	}
	for _, near := range roads.Nearest(orb.Point{17.308, 62.3902}, 500, 2) {
		owner, road := roads.Feature(near.Feature)
		fmt.Printf("%s (%s): %.1f m, at %.5f %.5f\n", road, owner, near.Metres, near.At[0], near.At[1])
	}
	// Output:
	// Storgatan (2281): 22.3 m, at 17.30800 62.39000
	// E4 (state): 103.2 m, at 17.30981 62.38981
}
