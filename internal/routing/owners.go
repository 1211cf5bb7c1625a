package routing

import (
	"math"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// Hit is a feature of a layer of owners at or near a position.
type Hit struct {
	Layer     string  `json:"layer"`
	Code      string  `json:"code"` // whose it is
	Name      string  `json:"name"`
	DistanceM float64 `json:"distance_m"` // 0 inside an area
}

// maxHits is how many owners in one layer a position may have.
const maxHits = 8

// owners is the index of a layer, whatever its features are.
type owners interface {
	// nearest returns the nearest feature of each owner within some metres, the
	// nearest first, at most maxHits.
	nearest(p orb.Point, metres float64) []Hit
	// edge is how many metres the position lies from where the first of them ends
	// and no other begins; only areas know.
	edge(p orb.Point) (metres float64, known bool)
	Close() error
}

type ownedAreas struct{ *geo.Index }

func (o ownedAreas) nearest(p orb.Point, metres float64) []Hit {
	var hits []Hit
	for _, n := range o.Nearest(p, metres, maxHits) {
		code, name := o.Area(n.Area)
		hits = append(hits, Hit{Code: code, Name: name, DistanceM: n.Metres})
	}
	return hits
}

func (o ownedAreas) edge(p orb.Point) (float64, bool) {
	loc := o.Locate(p, 0)
	if loc.Owner == geo.None || loc.Beyond != geo.None {
		return math.Inf(1), true
	}
	return loc.BorderMetres, true
}

type ownedPlaces struct{ *geo.NearIndex }

func (o ownedPlaces) nearest(p orb.Point, metres float64) []Hit {
	var hits []Hit
	for _, n := range o.Nearest(p, metres, maxHits) {
		code, name := o.Feature(n.Feature)
		hits = append(hits, Hit{Code: code, Name: name, DistanceM: n.Metres})
	}
	return hits
}

// edge is not known: a line or point has no ground of its own, only what a rule
// says is near enough.
func (ownedPlaces) edge(orb.Point) (float64, bool) { return 0, false }
