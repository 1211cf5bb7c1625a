// Package routing answers where a report goes, and why.
//
// Five steps, each a function that [Router.Route] calls by way of others: locate
// the position in the municipality layer; look what owners the other layers hold
// there; ask the rules in their order, those of the area, of the installation and
// of all of Sweden; find the recipient that the first rule that applies names;
// and write down the [Trace], which is stored with the report and from which the
// decision can be explained and replayed.
//
// All of it comes from memory, one [Snapshot] of boundaries and rules, never from
// a database query.
//
// Routing never fails for a point that somebody owns: a rule that names nobody
// who takes such reports leaves the report with the municipality, and the trace
// says so. A point that nobody owns goes to the nearest area within max(50 m,
// accuracy), at most 500 m, and is marked so; farther out it is refused naming
// the nearest area.
//
// Where the position is not exact enough to tell between two, the choices are
// ranked, one question tells between them, and the trace says how sure the
// answer is. Only one thing is doubted at a time: in which area the position
// lies, or whose the feature of one layer is.
//
// # The files of a set
//
// An import builds a set's index once, and puts two files into the blob store,
// each named by its hash: the index, and the features that it was built from, as
// repaired. The set's row, which names both, comes last. Each process maps a local
// copy of the index ([Boundaries.Load]), which counts only if it has the hash in the
// row. One that is missing or damaged is copied again; where the blob is so too, or
// of another version of the format, the index is built anew from the features, put
// back, and, if this release builds another, made the set's. Processes that do so
// at once make the same file, and put it in its place as a whole.
//
// Where the features are gone as well, a process that starts fails and says what to
// do ([ErrLost]), and one that has the set mapped goes on with it. To import the
// same file again heals the set, because the same features have the same files.
//
// Why the features are kept repaired and as GeoJSON, not as the file that was
// imported: that may be a table of somebody's database, or need a reader of its own
// and the options that were given at the time. Why not in the database: they are
// read once in years, and are larger than everything else in it.
//
// Limits: a blob that is lost while every process has its copy is noticed by the
// next process without one, or by a backup. While two releases that build different
// indexes run side by side, each that starts anew makes its own the set's.
package routing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// How far outside every area a point may lie and still be taken, in metres.
const (
	outsideMin = 50
	outsideMax = 500
)

// Router finds who is responsible, by the boundaries and rules in force now.
type Router struct {
	Boundaries *Boundaries
}

// Question is a fault at a place.
type Question struct {
	Service   string // empty: of any kind, so that rules for some services do not apply
	Lat, Lon  float64
	AccuracyM float64 // radius in metres, 0 if unknown
	// Answer is whom the reporter chose where the position left a doubt, by code;
	// empty if they were not asked or did not say.
	Answer string
}

// Route is where a report goes.
type Route struct {
	Jurisdiction string              // who gets it
	Recipient    tenant.Jurisdiction // the same as it is at the revision
	Area         string              // the municipality where it lies, which need not be the recipient
	Outside      bool
	BoundarySet  string // of the municipality layer
	Revision     int64  // of all that it was routed by
	Trace        []byte // JSON of a Trace
}

// Route finds the recipient of a report. Its errors are problems: Invalid
// naming the nearest area for a point too far outside, Invalid naming the choices
// for an answer that is none of them, Unavailable while no boundaries are loaded.
func (r *Router) Route(_ context.Context, q Question) (Route, error) {
	return r.Boundaries.Now().route(q)
}

func (s *Snapshot) route(q Question) (Route, error) {
	found, err := s.locate(q)
	if err != nil {
		return Route{}, err
	}
	return found.route()
}

// route takes the best of the choices, or the one that the reporter chose.
func (f Found) route() (Route, error) {
	if len(f.Choices) == 0 {
		return Route{}, f.refusal()
	}
	chosen, err := f.chosen()
	if err != nil {
		return Route{}, err
	}
	return Route{
		Jurisdiction: chosen.Code, Recipient: f.weighed.on.jurisdictions[chosen.Code], Area: chosen.Area.Code, Outside: f.Owner == nil,
		BoundarySet: f.Set.ID, Revision: f.Revision, Trace: f.trace(chosen).JSON(),
	}, nil
}

// chosen is the best choice, unless the reporter chose another.
func (f Found) chosen() (Choice, error) {
	if f.weighed.q.Answer == "" {
		return f.Choices[0], nil
	}
	names := make([]string, len(f.Choices))
	for i, c := range f.Choices {
		if c.Code == f.weighed.q.Answer {
			return c, nil
		}
		names[i] = c.Code + " (" + c.Name + ")"
	}
	return Choice{}, problem.Field("/answer", "unknown", "here the answer is one of: %s", strings.Join(names, ", "))
}

// offers reports whether a code is one of the choices.
func (f Found) offers(code string) bool {
	return slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Code == code })
}

// Refresh takes over what is in force in the database, if this process routes by
// something else.
func (r *Router) Refresh(ctx context.Context) error { return r.Boundaries.Refresh(ctx) }

// Found is what boundaries and rules say of a point.
type Found struct {
	Set      Set
	Revision int64  // of all that was looked at
	Owner    *Party // the area that owns the point, nil where none does
	// Areas are the areas that come into question, the largest share first.
	Areas   []Party
	BorderM float64 // metres to the nearest border, at most 10 km
	Beyond  string  // code of the area beyond that border; empty for none
	Nearest *Party  // where nobody owns the point: the nearest, within 10 km
	// Choices are who may be responsible, the best first; none where the point is
	// too far outside every area.
	Choices []Choice
	// Certain tells that neither the position nor approximate boundaries leave a
	// doubt of who is responsible.
	Certain bool

	weighed *weighing
}

// Candidates are who may be responsible, the best first: the choices, and where
// there are none the areas that the accuracy reaches into.
func (f Found) Candidates() []Party {
	if len(f.Choices) == 0 {
		return f.Areas
	}
	ps := make([]Party, len(f.Choices))
	for i, c := range f.Choices {
		ps[i] = c.Party
	}
	return ps
}

// Party is an area or body that comes into question.
type Party struct {
	Code      string  `json:"code"`
	Name      string  `json:"name"`
	DistanceM float64 `json:"distance_m"` // 0 inside
	Share     float64 `json:"share,omitempty"`
}

// Locate says who is responsible at a point, how near the border is and who else
// comes into question within the accuracy.
func (r *Router) Locate(q Question) (Found, error) { return r.Boundaries.Now().locate(q) }

func (s *Snapshot) locate(q Question) (Found, error) {
	active := s.Municipalities()
	if active == nil {
		return Found{}, errNoBoundaries()
	}
	p := orb.Point{q.Lon, q.Lat}
	f := active.found(active.Index.Locate(p, q.AccuracyM), p)
	f.Revision = s.Revision
	f.weighed = s.weighing(q)
	if areas := f.mayLieIn(q.AccuracyM); len(areas) > 0 {
		if f.Owner == nil {
			f.weighed.base = RuleNearest
		}
		f.Choices = f.weighed.weigh(areas)
	}
	f.Certain = f.Owner != nil && !f.Set.Approximate && len(f.Choices) == 1
	return f, nil
}

func (s *Snapshot) weighing(q Question) *weighing {
	return &weighing{on: s, q: q, base: RuleArea}
}

// demoCandidates is how many areas approximate boundaries offer.
const demoCandidates = 3

func (a *ActiveSet) found(loc geo.Location, p orb.Point) Found {
	f := Found{Set: a.Set, BorderM: loc.BorderMetres}
	if loc.Beyond != geo.None {
		f.Beyond, _ = a.Index.Area(loc.Beyond)
	}
	for _, c := range loc.Candidates {
		f.Areas = append(f.Areas, a.party(c.Area, c.Metres, c.Share))
	}
	if loc.Owner != geo.None {
		owner := a.party(loc.Owner, 0, 1)
		f.Owner = &owner
	} else if loc.Nearest.Area != geo.None {
		nearest := a.party(loc.Nearest.Area, loc.Nearest.Metres, 0)
		f.Nearest = &nearest
	}
	if a.Set.Approximate {
		f.Areas = a.nearest(p)
	}
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

// mayLieIn returns the areas that may be responsible: the owner, or the nearest
// if the point is near enough to it, and then the others; none for a point that
// is too far outside.
func (f Found) mayLieIn(accuracyM float64) []Party {
	first := f.Owner
	if first == nil {
		first = f.takenFromOutside(accuracyM)
	}
	if first == nil {
		return nil
	}
	areas := []Party{*first}
	for _, a := range f.Areas {
		if a.Code == first.Code {
			areas[0] = a // it knows its share
		} else {
			areas = append(areas, a)
		}
	}
	return areas
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
