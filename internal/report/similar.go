package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/likeness"
	"github.com/kantsten/kantsten/internal/photo"
)

// Similar is an open report that may be about the same fault as another.
type Similar struct {
	Report    // what a [Neighbour] has of it
	DistanceM float64
	Likeness  float64 // above 0, at most 1; see package likeness
}

// Around asks for the public reports around a place.
type Around struct {
	Lat, Lon float64 // degrees
	RadiusM  float64
	Statuses []Status
	Photos   bool // with the hashes of their photos
	Limit    int  // the nearest so many
}

// Neighbour is a report near a place, with what it is shown and compared by: id,
// reference, service, status, position with its accuracy, address, description,
// voices, the time when it was filed, and whether its words are held.
type Neighbour struct {
	Report
	Hashes []photo.Likeness // of its photos
}

// How many similar reports are shown, among how many of the nearest they are
// looked for, and how far away, in metres: so far at least, and with a bad
// position as far as that may be off, up to the most.
const (
	similarShown   = 10
	similarAmong   = 200
	similarNear    = 100.0
	similarFarther = 1000.0
)

// Similar lists the public open reports around a place that may be about the same
// fault, the likest first. Services that are not kin to the one asked about have
// none; where none is given, all may.
func (s *Service) Similar(ctx context.Context, about likeness.Report) ([]Similar, error) {
	found, err := s.Store.Around(ctx, Around{
		Lat: about.Lat, Lon: about.Lon, RadiusM: max(similarNear, min(about.AccuracyM, similarFarther)),
		Statuses: openStatuses(), Photos: len(about.Photos) > 0, Limit: similarAmong,
	})
	if err != nil {
		return nil, fmt.Errorf("look for similar reports: %w", err)
	}
	if about.Filed.IsZero() {
		about.Filed = s.now()
	}
	sketch := likeness.NewSketch(about)
	var similar []Similar
	for _, n := range found {
		n.Report = s.Shown(auth.Actor{}, n.Report) // held words are not compared by: a guess would show what they are
		like := sketch.Like(likeness.NewSketch(n.said()))
		if like > 0 {
			similar = append(similar, Similar{Report: n.Report, Likeness: like, DistanceM: metresBetween(about.Lat, about.Lon, n.Lat, n.Lon)})
		}
	}
	slices.SortFunc(similar, func(a, b Similar) int {
		return cmp.Or(cmp.Compare(b.Likeness, a.Likeness), cmp.Compare(a.DistanceM, b.DistanceM), cmp.Compare(b.ID, a.ID))
	})
	return similar[:min(len(similar), similarShown)], nil
}

func openStatuses() []Status {
	return slices.DeleteFunc(Statuses(), func(s Status) bool { return !s.Open() })
}

// said is a report as the measure looks at it.
func (n Neighbour) said() likeness.Report {
	return likeness.Report{
		Service: n.Service, Lat: n.Lat, Lon: n.Lon, AccuracyM: value(n.AccuracyM), Filed: n.CreatedAt,
		Address: n.Address, Words: n.Description, Photos: n.Hashes,
	}
}

// metresBetween is the distance of two points on a sphere.
func metresBetween(lat1, lon1, lat2, lon2 float64) float64 {
	return geo.DistanceHaversine(orb.Point{lon1, lat1}, orb.Point{lon2, lat2})
}
