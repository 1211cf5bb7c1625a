package api

import (
	"context"
	"math"

	"github.com/kantsten/kantsten/internal/likeness"
	"github.com/kantsten/kantsten/internal/report"
)

// nearby lists open reports that may be about the same fault, the likest first, so
// that one fault becomes one report.
func (s *Server) nearby(ctx context.Context, about likeness.Report) ([]NearbyReport, error) {
	similar, err := s.Reports.Similar(ctx, about)
	if err != nil {
		return nil, err
	}
	wire := make([]NearbyReport, len(similar))
	for i, r := range similar {
		wire[i] = toNearby(r)
	}
	return wire, nil
}

func toNearby(r report.Similar) NearbyReport {
	return NearbyReport{
		Id: r.ID, Reference: r.Reference, Service: r.Service, Status: Status(r.Status), Lat: r.Lat, Lon: r.Lon,
		DistanceM: decimetres(r.DistanceM), Likeness: math.Round(1000*r.Likeness) / 1000, Description: r.Description,
		SupportCount: r.SupportedBy, Voices: r.Voices(), CreatedAt: r.CreatedAt,
	}
}
