// Package routing answers where a report goes, and why.
//
// The owner of a point comes from boundary data in memory, never from a
// database query. Every answer is explained by a [Trace], which is stored with
// the report: what was asked, which boundaries were used, which areas came into
// question at what distance, and which rule decided.
//
// Routing never fails for a point that somebody owns. A point that nobody owns
// goes to the nearest area within max(50 m, accuracy), at most 500 m, and is
// marked so; farther out it is refused naming the nearest area.
package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
)

// How far outside every area a point may lie and still be taken, in metres.
const (
	outsideMin = 50
	outsideMax = 500
)

// Router finds who is responsible, on the boundaries that are active now.
type Router struct {
	Boundaries *Boundaries
}

// Question is a fault at a place.
type Question struct {
	Service   string
	Lat, Lon  float64
	AccuracyM float64 // radius in metres, 0 if unknown
}

// Route is where a report goes.
type Route struct {
	Jurisdiction string
	Outside      bool
	BoundarySet  string // of the municipality layer
	Revision     int64  // of all that it was routed by
	Trace        []byte // JSON of a Trace
}

// Route finds the recipient of a report. Its errors are problems: Invalid
// naming the nearest area for a point too far outside, Unavailable while no
// boundaries are loaded.
func (r *Router) Route(_ context.Context, q Question) (Route, error) {
	found, err := r.Locate(q.Lat, q.Lon, q.AccuracyM)
	if err != nil {
		return Route{}, err
	}
	owner, rule := found.Owner, RuleArea
	if owner == nil {
		if owner, rule = found.takenFromOutside(q.AccuracyM), RuleNearest; owner == nil {
			return Route{}, found.refusal()
		}
	}
	trace := found.trace(q, *owner, rule)
	return Route{
		Jurisdiction: owner.Code, Outside: rule == RuleNearest,
		BoundarySet: found.Set.ID, Revision: found.Revision, Trace: trace.JSON(),
	}, nil
}

// Refresh takes over what is in force in the database, if this process routes by
// something else.
func (r *Router) Refresh(ctx context.Context) error { return r.Boundaries.Refresh(ctx) }

// Found is what the boundaries say of a point.
type Found struct {
	Set      Set
	Revision int64  // of all that was looked at
	Owner    *Party // nil where no area owns the point
	// Candidates are the areas that come into question, the best first.
	Candidates []Party
	BorderM    float64 // metres to the nearest border, at most 10 km
	Beyond     string  // code of the area beyond that border; empty for none
	Nearest    *Party  // where nobody owns the point: the nearest, within 10 km
	// Certain tells that neither the border nor approximate boundaries leave a doubt.
	Certain bool
}

// Party is an area that comes into question.
type Party struct {
	Code      string  `json:"code"`
	Name      string  `json:"name"`
	DistanceM float64 `json:"distance_m"` // 0 inside
	Share     float64 `json:"share,omitempty"`
}

// Locate says who owns a point, how near the border is and who else comes into
// question within the accuracy (metres).
func (r *Router) Locate(lat, lon, accuracyM float64) (Found, error) {
	now := r.Boundaries.Now()
	active := now.Municipalities()
	if active == nil {
		return Found{}, errNoBoundaries()
	}
	loc := active.Index.Locate(orb.Point{lon, lat}, accuracyM)
	found := active.found(loc, orb.Point{lon, lat})
	found.Revision = now.Revision
	return found, nil
}

// demoCandidates is how many areas approximate boundaries offer.
const demoCandidates = 3

func (a *ActiveSet) found(loc geo.Location, p orb.Point) Found {
	f := Found{Set: a.Set, BorderM: loc.BorderMetres}
	if loc.Beyond != geo.None {
		f.Beyond, _ = a.Index.Area(loc.Beyond)
	}
	for _, c := range loc.Candidates {
		f.Candidates = append(f.Candidates, a.party(c.Area, c.Metres, c.Share))
	}
	if loc.Owner != geo.None {
		owner := a.party(loc.Owner, 0, 1)
		f.Owner = &owner
	} else if loc.Nearest.Area != geo.None {
		nearest := a.party(loc.Nearest.Area, loc.Nearest.Metres, 0)
		f.Nearest = &nearest
	}
	if a.Set.Approximate {
		f.Candidates = a.nearest(p)
	}
	f.Certain = f.Owner != nil && !a.Set.Approximate && len(f.Candidates) <= 1
	return f
}

// nearest returns the three nearest areas: approximate borders cannot tell more.
func (a *ActiveSet) nearest(p orb.Point) []Party {
	var ps []Party
	for _, n := range a.Index.Nearest(p, geo.FarDistance, demoCandidates) {
		ps = append(ps, a.party(n.Area, n.Metres, 0))
	}
	return ps
}

func (a *ActiveSet) party(area int, distanceM, share float64) Party {
	code, name := a.Index.Area(area)
	return Party{Code: code, Name: name, DistanceM: distanceM, Share: share}
}

// takenFromOutside returns the nearest area if the point is near enough to it.
func (f Found) takenFromOutside(accuracyM float64) *Party {
	if f.Nearest == nil || f.Nearest.DistanceM > min(max(outsideMin, accuracyM), outsideMax) {
		return nil
	}
	return f.Nearest
}

// refusal says that nobody is responsible there, and who is nearest.
func (f Found) refusal() error {
	detail := "no area within 10 km is responsible for this position"
	if n := f.Nearest; n != nil {
		detail = fmt.Sprintf("nobody is responsible for this position; the nearest is %s (%s), %.0f m away", n.Name, n.Code, n.DistanceM)
	}
	return &problem.Error{Kind: problem.Invalid, Detail: detail, Fields: []problem.FieldError{
		{Field: "/lat", Code: "outside", Detail: detail},
		{Field: "/lon", Code: "outside", Detail: detail},
	}}
}

func errNoBoundaries() error {
	return &problem.Error{
		Kind: problem.Unavailable, Detail: "no boundaries are loaded yet", RetryAfter: 5 * time.Second,
	}
}
