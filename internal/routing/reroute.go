package routing

import (
	"cmp"
	"context"
)

// Rerouting says where reports go once another set is active in the place of
// what was before it.
type Rerouting struct {
	Activation
	before, after *Snapshot
}

// Rerouting prepares what an activation means for reports, from its two sets and
// everything else as it is now.
func (b *Boundaries) Rerouting(ctx context.Context, activation string) (*Rerouting, error) {
	step, err := b.Sets.Activation(ctx, activation)
	if err != nil {
		return nil, err
	}
	if err := b.Refresh(ctx); err != nil {
		return nil, err
	}
	x := &Rerouting{Activation: step, after: b.Now(), before: b.Now().without(step.Layer)}
	if step.Before == "" {
		return x, nil
	}
	set, err := b.Sets.Set(ctx, step.Before)
	if err != nil {
		return nil, err
	}
	was, err := b.load(ctx, set)
	if err != nil {
		return nil, err
	}
	x.before = x.after.with(was)
	return x, nil
}

// Preview prepares what activating a set would mean.
func (b *Boundaries) Preview(set *ActiveSet, list []Succession) *Rerouting {
	x := &Rerouting{Activation: Activation{Layer: set.Layer, Set: set.ID}, before: b.Now(), after: b.Now().with(set)}
	x.after.heirs = heirsOf(list)
	return x
}

// heirs is who took over from a code.
type heirs map[string]string

func heirsOf(list []Succession) heirs {
	h := make(heirs, len(list))
	for _, s := range list {
		h[s.Old] = s.New
	}
	return h
}

// last is the heir of a code, or the heir's heir; gone is false where it has none.
func (h heirs) last(code string) (heir string, gone bool) {
	for range len(h) { // a circle has no end
		next, ok := h[code]
		if !ok {
			break
		}
		code, gone = next, true
	}
	return code, gone
}

// Current tells that the layer is still as the activation left it.
func (x *Rerouting) Current(b *Boundaries) bool {
	active := b.Now().Layer(x.Layer)
	if active == nil {
		return x.Set == ""
	}
	return active.ID == x.Set
}

// AsksAnswer tells that at this place an answer of the reporter may decide, so
// that [Rerouting.Next] has to be told of it.
func (x *Rerouting) AsksAnswer(q Question) bool {
	for _, s := range []*Snapshot{x.before, x.after} {
		if found, err := s.locate(q); err == nil && len(found.Choices) > 1 {
			return true
		}
	}
	return false
}

// Next says where a report that lies with a jurisdiction goes now. Moved is false
// for one that stays: where the change does not reach, and also where a person
// has given it to somebody whom neither the boundaries nor the reporter named. An
// empty recipient is nobody: its jurisdiction is gone from the boundaries and has
// no heir there.
func (x *Rerouting) Next(q Question, present string) (to Route, moved bool) {
	gone := x.gone(present)
	was, err := x.before.routeAnswered(q)
	byPlace := err == nil && was.Jurisdiction == present
	if !byPlace && !gone {
		return Route{}, false
	}
	to, err = x.after.routeAnswered(q)
	switch {
	case err == nil && byPlace:
		return to, to.Jurisdiction != present
	case !gone:
		return Route{}, false
	}
	t, found := x.after.succession(q, present)
	to.BoundarySet, to.Trace, to.Jurisdiction = t.BoundarySet, t.JSON(), ""
	if found {
		to.Jurisdiction = t.Owner.Code
	}
	return to, true
}

// routeAnswered routes by what the reporter once answered, or by who took over
// from that; where neither is a choice any more, as if nothing had been answered.
func (s *Snapshot) routeAnswered(q Question) (Route, error) {
	found, err := s.locate(q)
	if err != nil {
		return Route{}, err
	}
	heir, _ := s.heirs.last(q.Answer)
	for _, answer := range []string{q.Answer, heir} {
		if found.offers(answer) {
			found.weighed.q.Answer = answer
			return found.route()
		}
	}
	found.weighed.q.Answer = ""
	return found.route()
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

// succession says why a report goes to who took over from a code that is gone, or,
// where the boundaries have no such heir (found is false), stays with the code
// until the operator places it.
func (s *Snapshot) succession(q Question, gone string) (t Trace, found bool) {
	set := s.Municipalities()
	t = Trace{
		Rule: RuleNoHeir, Owner: Party{Code: gone, Name: cmp.Or(s.nameOf(gone), gone)}, From: gone,
		Service: q.Service, Lat: q.Lat, Lon: q.Lon, BoundarySet: set.ID, Recipients: map[string]string{gone: ""},
	}
	heir := s.heir(gone)
	area, found := set.Index.Lookup(heir)
	if !found {
		return t, false
	}
	t.Rule, t.Recipients[gone] = RuleSuccession, heir
	t.Owner.Code, t.Owner.Name = set.Index.Area(area)
	return t, true
}

// heir is who took over from a code; in a replay, who had then. It is empty where
// nobody has.
func (s *Snapshot) heir(code string) string {
	if s.recipients != nil {
		return s.recipients[code]
	}
	heir, gone := s.heirs.last(code)
	if !gone {
		return ""
	}
	return heir
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
