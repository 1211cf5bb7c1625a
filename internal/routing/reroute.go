package routing

import (
	"context"
	"fmt"
)

// Rerouting says where reports go once another set is active in the place of
// what was before it.
type Rerouting struct {
	Activation
	before, after *Snapshot
	heirs         map[string]string
}

// Rerouting prepares what an activation means for reports, from its two sets and
// everything else as it is now.
func (b *Boundaries) Rerouting(ctx context.Context, activation string) (*Rerouting, error) {
	step, err := b.Sets.Activation(ctx, activation)
	if err != nil {
		return nil, err
	}
	heirs, err := b.Sets.Successions(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.Refresh(ctx); err != nil {
		return nil, err
	}
	x := &Rerouting{Activation: step, after: b.Now(), before: b.Now().without(step.Layer), heirs: heirOf(heirs)}
	if step.Before == "" {
		return x, nil
	}
	set, err := b.Sets.Set(ctx, step.Before)
	if err != nil {
		return nil, err
	}
	was, err := b.load(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("load boundary set %s: %w", set.ID, err)
	}
	x.before = x.after.with(was)
	return x, nil
}

// Preview prepares what activating a set would mean.
func (b *Boundaries) Preview(set *ActiveSet, heirs []Succession) *Rerouting {
	now := b.Now()
	return &Rerouting{
		Activation: Activation{Layer: set.Layer, Set: set.ID},
		before:     now, after: now.with(set), heirs: heirOf(heirs),
	}
}

func heirOf(list []Succession) map[string]string {
	heirs := make(map[string]string, len(list))
	for _, s := range list {
		heirs[s.Old] = s.New
	}
	return heirs
}

// Current tells that the set of the activation is still the active one.
func (x *Rerouting) Current(b *Boundaries) bool {
	active := b.Now().Layer(x.Layer)
	return active != nil && active.ID == x.Set
}

// Next says where a report that lies with a jurisdiction goes now. Moved is false
// for one that stays: where the change does not reach, and also where a person
// has given it to somebody whom the boundaries did not name. An empty recipient
// is nobody: its jurisdiction is gone from the boundaries and has no heir there.
func (x *Rerouting) Next(q Question, present string) (to Route, moved bool) {
	gone := x.gone(present)
	was, err := x.before.route(q)
	byPlace := err == nil && was.Jurisdiction == present
	if !byPlace && !gone {
		return Route{}, false
	}
	to, err = x.after.route(q)
	if err != nil || !byPlace {
		to.Jurisdiction = ""
		if gone {
			to.Jurisdiction = x.heir(present)
		}
		to.BoundarySet = x.Set
	}
	if to.Jurisdiction == "" && !gone {
		return Route{}, false
	}
	return to, to.Jurisdiction != present
}

// gone tells that a code is no longer in the boundaries.
func (x *Rerouting) gone(code string) bool {
	before, after := x.before.Municipalities(), x.after.Municipalities()
	if before == nil || after == nil || before == after {
		return false
	}
	_, was := before.Index.Lookup(code)
	_, is := after.Index.Lookup(code)
	return was && !is
}

// heir follows the successors of a code to one that is in the boundaries.
func (x *Rerouting) heir(code string) string {
	for range len(x.heirs) {
		next, ok := x.heirs[code]
		if !ok {
			return ""
		}
		if _, is := x.after.Municipalities().Index.Lookup(next); is {
			return next
		}
		code = next
	}
	return ""
}

// with returns the same snapshot with another set in the place of its layer's.
func (s *Snapshot) with(set *ActiveSet) *Snapshot {
	next := s.without(set.Layer)
	next.layers[set.Layer] = set
	return next
}

// without returns the same snapshot without a layer.
func (s *Snapshot) without(layer string) *Snapshot {
	next := *s
	next.layers = make(map[string]*ActiveSet, len(s.layers)+1)
	for name, set := range s.layers {
		if name != layer {
			next.layers[name] = set
		}
	}
	return &next
}
