// Package demo holds the demo boundary set that ships inside the program: an
// approximate area for each of the 290 Swedish municipalities, so that real
// names and codes answer at real places on the first run, offline.
//
// The areas are generated, not surveyed. places.csv lists localities of every
// municipality with positions from general knowledge, good to a kilometre or
// two. An area is the part of the plane that is nearest to one of its own
// places, cut off at a hand-drawn outline of the country that includes the
// territorial sea generously. The areas tile that outline: neighbours share
// border vertices exactly (whole units of 1e-7 degree), so no two overlap and
// no gap is left between them.
//
// Limits: a border may be kilometres from the official one and the answer near
// a border is often the neighbour. The set is for demonstration; whoever routes
// real reports imports the official boundaries.
package demo

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/paulmach/orb"
)

//go:embed places.csv
var placesCSV string

// Area is one municipality of the demo set.
type Area struct {
	Code     string    // four digits, with leading zero
	Name     string    // as used plainly, such as "Sundsvall"
	County   string    // such as "Västernorrlands län"
	Seat     orb.Point // position of the seat, WGS 84
	Geometry orb.MultiPolygon
}

// Boundaries builds the demo set, ordered by code. Outer rings run
// counter-clockwise and holes clockwise; coordinates are WGS 84 in degrees.
// It costs some 100 ms; callers keep the result.
func Boundaries() ([]Area, error) {
	places, err := readPlaces(strings.NewReader(placesCSV))
	if err != nil {
		return nil, fmt.Errorf("read demo places: %w", err)
	}
	areas, owners := areasOf(places)
	sites := make([]xy, len(places))
	for i, p := range places {
		sites[i] = project(p.Lon, p.Lat)
	}
	borders := partition(sites, owners, outline())
	for i := range areas {
		areas[i].Geometry, err = dissolve(borders[i])
		if err != nil {
			return nil, fmt.Errorf("build demo area %s %s: %w", areas[i].Code, areas[i].Name, err)
		}
	}
	return areas, nil
}

// areasOf groups places, which are ordered by code, into areas without
// geometry, and tells for each place the index of its area.
func areasOf(places []place) (areas []Area, owners []int) {
	owners = make([]int, len(places))
	for i, p := range places {
		if i == 0 || p.Code != places[i-1].Code {
			areas = append(areas, Area{Code: p.Code, Name: p.Municipality, County: p.County})
		}
		owners[i] = len(areas) - 1
		if p.Seat {
			areas[owners[i]].Seat = orb.Point{p.Lon, p.Lat}
		}
	}
	return areas, owners
}
