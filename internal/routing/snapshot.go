package routing

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/geo"
)

// Snapshot is all that reports are routed by at one time. It is never changed,
// only replaced as a whole, so one answer never mixes two times.
type Snapshot struct {
	// Revision is the number of the database that the snapshot stands for. A
	// report is stored only while that is still the current one.
	Revision int64
	layers   map[string]*ActiveSet
}

// Municipalities returns the active set that gives reports their jurisdiction,
// or nil while there is none.
func (s *Snapshot) Municipalities() *ActiveSet { return s.layers[Municipality] }

// Layer returns the active set of a layer, or nil.
func (s *Snapshot) Layer(name string) *ActiveSet { return s.layers[name] }

// Refresh takes over what is in force in the database, if that is something else.
// With an error the present snapshot stays whole. No active set is no error:
// then nothing is loaded.
func (b *Boundaries) Refresh(ctx context.Context) error {
	b.loading.Lock()
	defer b.loading.Unlock()
	// The number is read before what it stands for: what is newer than its number
	// is read once more, and no report is stored by it until then.
	revision, err := b.Sets.Revision(ctx)
	if err != nil {
		return fmt.Errorf("read the routing revision: %w", err)
	}
	present := b.Now()
	if present.Revision == revision {
		return nil
	}
	next := &Snapshot{Revision: revision}
	if next.layers, err = b.layers(ctx, present); err != nil {
		return err
	}
	b.now.Store(next)
	b.Log.InfoContext(ctx, "boundaries and rules loaded", "revision", revision, "layers", len(next.layers))
	return nil
}

// layers maps the active set of every layer; those that are mapped already stay.
func (b *Boundaries) layers(ctx context.Context, present *Snapshot) (map[string]*ActiveSet, error) {
	sets, err := b.Sets.ActiveSets(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the active boundary sets: %w", err)
	}
	layers := make(map[string]*ActiveSet, len(sets))
	for _, set := range sets {
		if same := present.Layer(set.Layer); same != nil && same.ID == set.ID {
			layers[set.Layer] = same
			continue
		}
		index, err := b.load(ctx, set)
		if err != nil {
			return nil, fmt.Errorf("load boundary set %s: %w", set.ID, err)
		}
		layers[set.Layer] = &ActiveSet{Set: set, Index: index, Map: geo.NewPyramid(index)}
	}
	return layers, nil
}
