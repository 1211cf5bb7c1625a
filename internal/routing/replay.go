package routing

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/kantsten/kantsten/internal/tenant"
)

// ErrNotRouted tells that a trace is of what staff decided.
var ErrNotRouted = errors.New("staff decided this; there is nothing to replay")

// Replay decides once more what a trace tells of, by the boundaries and rules
// that were in force then, whatever is now. The result is the same trace: a
// difference means that the data, or the program, are not what they were.
//
// Indexes and lists are kept for the next replay, so many are cheap.
func (r *Router) Replay(ctx context.Context, t Trace) (Trace, error) {
	if t.byStaff() {
		return Trace{}, ErrNotRouted
	}
	past, err := r.Boundaries.past(ctx, t)
	if err != nil {
		return Trace{}, fmt.Errorf("replay: %w", err)
	}
	q := Question{Service: t.Service, Lat: t.Lat, Lon: t.Lon, AccuracyM: t.AccuracyM, Answer: t.Answer}
	if t.succeeded() {
		return past.succeed(q, t.From)
	}
	found, err := past.locate(q)
	if err != nil {
		return Trace{}, fmt.Errorf("replay: %w", err)
	}
	chosen, err := found.chosen()
	if err != nil {
		return Trace{}, fmt.Errorf("replay: %w", err)
	}
	return found.trace(chosen), nil
}

// succeed replays who took over from a code.
func (s *Snapshot) succeed(q Question, gone string) (Trace, error) {
	if _, is := s.Municipalities().Index.Lookup(gone); is {
		return Trace{}, fmt.Errorf("replay: boundary set %s has %s, which was gone from it", s.Municipalities().ID, gone)
	}
	again, _ := s.succession(q, gone)
	return again, nil
}

// past is what a trace was decided by.
func (b *Boundaries) past(ctx context.Context, t Trace) (*Snapshot, error) {
	s := &Snapshot{
		layers: map[string]*ActiveSet{}, lists: map[string]RuleList{}, reachM: map[string]float64{},
		recipients: map[string]string{}, jurisdictions: map[string]tenant.Jurisdiction{},
	}
	maps.Copy(s.recipients, t.Recipients)
	for _, c := range append(slices.Clone(t.Candidates), t.Owner) { // as they were called then
		s.jurisdictions[c.Code] = tenant.Jurisdiction{Code: c.Code, Name: c.Name}
	}
	for _, ref := range slices.Concat(t.Layers, []SetRef{{Layer: Municipality, Set: t.BoundarySet}}) {
		set, err := b.pastSet(ctx, ref.Set)
		if err != nil {
			return nil, err
		}
		s.layers[ref.Layer] = set
		if ref.Layer != Municipality {
			s.reachM[ref.Layer] = ref.ReachM
		}
	}
	for _, ref := range t.Lists {
		list, err := b.pastList(ctx, ref.SHA256)
		if err != nil {
			return nil, err
		}
		s.lists[ref.Of] = list
	}
	return s, nil
}

// pastSet maps a set that need not be active.
func (b *Boundaries) pastSet(ctx context.Context, id string) (*ActiveSet, error) {
	for _, active := range b.Now().layers {
		if active.ID == id {
			return active, nil
		}
	}
	return b.sets.get(id, func() (*ActiveSet, error) {
		set, err := b.Sets.Set(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read boundary set %s: %w", id, err)
		}
		return b.load(ctx, set)
	})
}

// pastList reads a list that need not be in force.
func (b *Boundaries) pastList(ctx context.Context, sha256 string) (RuleList, error) {
	return b.rules.get(sha256, func() (RuleList, error) {
		list, err := b.Sets.RuleList(ctx, sha256)
		if err != nil {
			return RuleList{}, fmt.Errorf("read rule list %s: %w", sha256, err)
		}
		return list, nil
	})
}

// memo keeps what never changes, by name.
type memo[T any] struct {
	mu   sync.Mutex
	kept map[string]T
}

// get returns what has a name, and makes it the first time.
func (m *memo[T]) get(name string, build func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.kept[name]; ok {
		return v, nil
	}
	v, err := build()
	if err != nil {
		return v, err
	}
	if m.kept == nil {
		m.kept = map[string]T{}
	}
	m.kept[name] = v
	return v, nil
}
