package routing

import (
	"context"
	"slices"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/catalog"
)

// ReachesReports reports whether reports may be filed within a circle, whose
// radius is in metres and at most 100 km: whether it touches an area, or comes as
// near to one as a position may be that is still taken. Unavailable while no
// boundaries are loaded. The boundaries in force are looked up before a no.
func (r *Router) ReachesReports(ctx context.Context, lat, lon, radiusM float64) (bool, error) {
	return r.lookTwice(ctx, func(s *Snapshot) (bool, error) {
		active := s.Municipalities()
		if active == nil {
			return false, errNoBoundaries()
		}
		return len(active.Index.Nearest(orb.Point{lon, lat}, radiusM+outsideMax, 1)) > 0, nil
	})
}

// TakesService reports whether a service can be reported anywhere: whether the
// base catalogue has it, or a jurisdiction as one of its own. One that is switched
// off is still known. The catalogues in force are looked up before a no.
func (r *Router) TakesService(ctx context.Context, code string) (bool, error) {
	if _, ok := catalog.Base().Service(code); ok {
		return true, nil
	}
	return r.lookTwice(ctx, func(s *Snapshot) (bool, error) {
		for _, j := range s.jurisdictions {
			if slices.ContainsFunc(j.Services, func(o catalog.Override) bool { return o.Code == code }) {
				return true, nil // not of the base, so one of its own
			}
		}
		return false, nil
	})
}

// lookTwice asks a snapshot, and before it takes no for an answer, one that is
// as new as the database: another process may have changed it.
func (r *Router) lookTwice(ctx context.Context, ask func(*Snapshot) (bool, error)) (bool, error) {
	present := r.Boundaries.Now()
	ok, err := ask(present)
	if ok {
		return true, nil
	}
	if failed := r.Boundaries.Refresh(ctx); failed != nil {
		return false, failed
	}
	if now := r.Boundaries.Now(); now != present {
		return ask(now)
	}
	return ok, err
}
