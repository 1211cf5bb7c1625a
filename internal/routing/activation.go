package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Activation is one step in the history of a layer: a set took another's place.
type Activation struct {
	ID     string // UUIDv7
	Layer  string
	Set    string // id of the set that became active; empty where the layer was left without one
	Before string // id of the one that was active; empty for none
	// Undoes tells that the step took another one back. Neither of the two can be
	// undone again.
	Undoes string
	At     time.Time
}

// Succession says which jurisdiction took over from one whose code is gone from
// the boundaries, or almost all of its ground.
type Succession struct{ Old, New string }

// nearlyAll is the share of an area's ground from which on one successor is taken
// to have taken over from it: borders are drawn anew a little at such a time.
const nearlyAll = 0.9

// JobReroute hands open reports over after an activation. Payload: [RerouteJob].
const JobReroute = "reroute"

// RerouteJob is the payload of JobReroute.
type RerouteJob struct {
	Activation string `json:"activation"`
}

// Switch is all that activating a set writes in one transaction.
type Switch struct {
	Activation
	// Heirs are recorded; of those that are still as the boundaries made them, an
	// heir inherits how the old one wants its reports, its rules and its staff. An
	// old one is there once.
	Heirs []Succession
	// Back are codes that are in the boundaries again: they have no heir any more,
	// and who was it gives back what it inherited and has not changed since.
	Back []string
	Jobs []job.Job
}

// Options is what an operator decides when a set is activated.
type Options struct {
	Heirs   []Succession // beside those that the borders tell, and before them
	Reroute bool         // hand the open reports over that would now go elsewhere
}

// Activate makes a set the active one of its layer. Municipalities whose code is
// new become jurisdictions with the channel none.
func (b *Boundaries) Activate(ctx context.Context, id string, now time.Time) error {
	_, err := b.ActivateWith(ctx, id, Options{}, now)
	return err
}

// ActivateWith does the same and more; activating the active set again only
// leaves the hand-overs to do, if they are asked for. It returns the step that
// made the set the active one.
func (b *Boundaries) ActivateWith(ctx context.Context, id string, opts Options, now time.Time) (Activation, error) {
	set, err := b.Sets.Set(ctx, id)
	if err != nil {
		return Activation{}, err
	}
	s := Switch{Activation: Activation{ID: newID(), Layer: set.Layer, Set: id, At: now.UTC()}}
	if last, err := b.Sets.LastActivation(ctx, set.Layer, false); err == nil && last.Set == id {
		s.Activation = last
	} else if err != nil && !problem.Is(err, problem.NotFound) {
		return Activation{}, err
	}
	return s.Activation, b.switchTo(ctx, set, s, opts, now)
}

// Undo takes the last step of a layer back that was not taken back yet: the set
// that was active before it is active again. Where none was, the layer is left
// without one, but for the municipalities, without which no report can be filed:
// Conflict.
func (b *Boundaries) Undo(ctx context.Context, layer string, opts Options, now time.Time) (Activation, error) {
	last, err := b.Sets.LastActivation(ctx, layer, true)
	if err != nil {
		return Activation{}, err
	}
	if last.Before == "" && layer == Municipality {
		return Activation{}, problem.New(problem.Conflict, "before set %s the layer %s had none, so there is nothing to go back to", last.Set, layer)
	}
	s := Switch{Activation: Activation{ID: newID(), Layer: layer, Set: last.Before, Undoes: last.ID, At: now.UTC()}}
	if last.Before == "" {
		return s.Activation, b.commit(ctx, s, opts, now)
	}
	set, err := b.Sets.Set(ctx, last.Before)
	if err != nil {
		return Activation{}, err
	}
	return s.Activation, b.switchTo(ctx, set, s, opts, now)
}

// switchTo activates a set. What takes long is done before the transaction: the
// index is loaded (what cannot be loaded is not activated), compared with the
// active one, and the missing jurisdictions are added in batches. Those hurt
// nobody if the rest fails: no area leads to them.
func (b *Boundaries) switchTo(ctx context.Context, set Set, s Switch, opts Options, now time.Time) error {
	loaded, err := b.load(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = loaded.owners.Close() }() // read only
	if index := loaded.Index; set.Layer == Municipality {
		if s.Heirs, err = b.heirs(ctx, index, opts.Heirs); err != nil {
			return err
		}
		if s.Back, err = b.back(ctx, index); err != nil {
			return err
		}
		if err := b.Sets.AddJurisdictions(ctx, jurisdictions(index, now)); err != nil {
			return fmt.Errorf("add the jurisdictions of boundary set %s: %w", set.ID, err)
		}
	}
	return b.commit(ctx, s, opts, now)
}

// commit writes the switch and takes it over.
func (b *Boundaries) commit(ctx context.Context, s Switch, opts Options, now time.Time) error {
	if opts.Reroute {
		j, err := job.New(JobReroute, s.ID, RerouteJob{s.ID}, now.UTC())
		if err != nil {
			return err
		}
		s.Jobs = append(s.Jobs, j)
	}
	if err := b.Sets.ActivateSet(ctx, s); err != nil {
		return fmt.Errorf("make %q the active set of layer %s: %w", s.Set, s.Layer, err)
	}
	return b.Refresh(ctx)
}

// heirs says who succeeds the codes that an index does not have and the active
// one has: as the operator says, else who has nearly all of the ground. Where an
// heir has several, the largest comes first. A set that is lost tells nothing: it
// must be possible to put another in its place.
func (b *Boundaries) heirs(ctx context.Context, index *geo.Index, said []Succession) ([]Succession, error) {
	for i, s := range said {
		if err := checkSuccession(index, s); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(said[:i], func(o Succession) bool { return o.Old == s.Old }) {
			return nil, problem.New(problem.Invalid, "%s has two successors; name one", s.Old)
		}
	}
	if err := b.Refresh(ctx); err != nil && !errors.Is(err, ErrLost) {
		return nil, err
	}
	active := b.Active()
	if active == nil || active.Approximate {
		return said, nil // guesses tell nothing about borders
	}
	c, err := geo.Compare(active.Index, index)
	if err != nil {
		return said, nil //nolint:nilerr // borders too tangled to compare tell of no heir
	}
	return Heirs(c, said), nil
}

func checkSuccession(index *geo.Index, s Succession) error {
	if _, ok := index.Lookup(s.Old); ok {
		return problem.New(problem.Invalid, "%s cannot be succeeded: the set has an area with that code", s.Old)
	}
	if _, ok := index.Lookup(s.New); !ok {
		return problem.New(problem.Invalid, "%s cannot succeed %s: the set has no area with that code", s.New, s.Old)
	}
	return nil
}

// Heirs reads the successors out of a comparison; what is said goes before.
func Heirs(c geo.Comparison, said []Succession) []Succession {
	gone := slices.Clone(c.Removed)
	slices.SortStableFunc(gone, func(a, b geo.Gone) int { return int(min(max(b.SquareMetres-a.SquareMetres, -1), 1)) })
	heirs, known := slices.Clone(said), heirsOf(said)
	for _, g := range gone {
		if _, is := known[g.Code]; !is && len(g.To) > 0 && g.To[0].Code != "" && g.To[0].Share >= nearlyAll {
			heirs = append(heirs, Succession{g.Code, g.To[0].Code})
		}
	}
	return heirs
}

// back lists the codes that had an heir and are in the boundaries again.
func (b *Boundaries) back(ctx context.Context, index *geo.Index) ([]string, error) {
	all, err := b.Sets.Successions(ctx)
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, s := range all {
		if _, ok := index.Lookup(s.Old); ok {
			codes = append(codes, s.Old)
		}
	}
	return codes, nil
}

func jurisdictions(index *geo.Index, now time.Time) []tenant.Jurisdiction {
	js := make([]tenant.Jurisdiction, index.Len())
	for i := range js {
		code, name := index.Area(i)
		js[i] = tenant.Jurisdiction{Code: code, Name: name, Channel: tenant.None, Language: "sv", UpdatedAt: now.UTC()}
	}
	return js
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
