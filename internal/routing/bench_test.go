package routing_test

import (
	"testing"

	"github.com/kantsten/kantsten/internal/routing"
)

// BenchmarkRoute measures a whole decision with its trace: where no rule is near,
// on a road, and where two come into question.
func BenchmarkRoute(b *testing.B) {
	w := newTown(b)
	for _, bb := range []struct {
		name          string
		lon, accuracy float64
	}{{"an area", 17.05, 8}, {"a road", stateRoad, 8}, {"a doubt", theBorder - 20*metre, 30}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := w.Route(b.Context(), routing.Question{Service: "pothole", Lat: 62.05, Lon: bb.lon, AccuracyM: bb.accuracy}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
