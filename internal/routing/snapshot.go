package routing

import (
	"context"
	"fmt"

	"github.com/kantsten/kantsten/internal/tenant"
)

// Snapshot is all that reports are routed by at one time. It is never changed,
// only replaced as a whole, so one answer never mixes two times.
type Snapshot struct {
	// Revision is the number of the database that the snapshot stands for. A
	// report is stored only while that is still the current one.
	Revision int64
	layers   map[string]*ActiveSet
	lists    map[string]RuleList // by whose they are: a code, installation or national
	// reachM holds the layers that rules ask for, and how far from a feature in
	// them a rule may still hold.
	reachM        map[string]float64
	jurisdictions map[string]tenant.Jurisdiction // by code and by alias
	heirs         heirs                          // of codes that are gone from the boundaries
	// recipients, in a replay, are whom rules named then, and who that was.
	recipients map[string]string
}

// Municipalities returns the active set that gives reports their jurisdiction,
// or nil while there is none.
func (s *Snapshot) Municipalities() *ActiveSet { return s.layers[Municipality] }

// Layer returns the active set of a layer, or nil.
func (s *Snapshot) Layer(name string) *ActiveSet { return s.layers[name] }

// recipient returns the code of the jurisdiction with a code or alias, or of who
// took over from it, that takes reports of a service (empty for any); empty if
// there is none.
func (s *Snapshot) recipient(named, service string) string {
	if s.recipients != nil {
		return s.recipients[named]
	}
	j, ok := s.jurisdictions[named]
	if heir, gone := s.heirs.last(j.Code); gone {
		j, ok = s.jurisdictions[heir]
	}
	if !ok {
		return ""
	}
	if _, takes := j.Catalogue().Service(service); service != "" && !takes {
		return ""
	}
	return j.Code
}

// Contact returns what residents may know of an owner that is a jurisdiction, by
// code or alias; empty for others.
func (s *Snapshot) Contact(owner string) (name, contact string) {
	j := s.jurisdictions[owner]
	return j.Name, j.Contact
}

func (s *Snapshot) nameOf(code string) string { return s.jurisdictions[code].Name }

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
	next, err := b.read(ctx, present)
	if err != nil {
		return err
	}
	next.Revision = revision
	b.now.Store(next)
	b.Log.InfoContext(ctx, "boundaries and rules loaded", "revision", revision, "layers", len(next.layers))
	return nil
}

// read reads what is in force.
func (b *Boundaries) read(ctx context.Context, present *Snapshot) (*Snapshot, error) {
	layers, err := b.layers(ctx, present)
	if err != nil {
		return nil, err
	}
	js, err := b.Sets.Jurisdictions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the jurisdictions: %w", err)
	}
	lists, err := b.lists(ctx)
	if err != nil {
		return nil, err
	}
	successions, err := b.Sets.Successions(ctx)
	if err != nil {
		return nil, err
	}
	return &Snapshot{
		layers: layers, lists: lists, reachM: reaches(lists), jurisdictions: byName(js), heirs: heirsOf(successions),
	}, nil
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
		if layers[set.Layer], err = b.load(ctx, set); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// lists reads the rules in force, beside those of all of Sweden. The first
// process of a release stores the latter, so that a later one can replay them.
func (b *Boundaries) lists(ctx context.Context) (map[string]RuleList, error) {
	inForce, err := b.Sets.RulesInForce(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the routing rules: %w", err)
	}
	lists := map[string]RuleList{national: Defaults()}
	for _, r := range inForce {
		lists[r.Of] = r.RuleList
	}
	return lists, b.keep(ctx, lists[national])
}

// keep stores a list, once in the life of a process.
func (b *Boundaries) keep(ctx context.Context, l RuleList) error {
	_, err := b.rules.get(l.SHA256, func() (RuleList, error) { return l, b.Sets.KeepRuleList(ctx, l) })
	if err != nil {
		return fmt.Errorf("store the rules of this release: %w", err)
	}
	return nil
}

func reaches(lists map[string]RuleList) map[string]float64 {
	reach := map[string]float64{}
	for _, l := range lists {
		for _, r := range l.Rules {
			if r.Layer != "" {
				reach[r.Layer] = max(reach[r.Layer], r.WithinM)
			}
		}
	}
	return reach
}

// byName finds jurisdictions by code and by alias; a code goes before an alias.
func byName(js []tenant.Jurisdiction) map[string]tenant.Jurisdiction {
	names := make(map[string]tenant.Jurisdiction, len(js))
	for _, j := range js {
		for _, a := range j.Aliases {
			names[a] = j
		}
	}
	for _, j := range js {
		names[j.Code] = j
	}
	return names
}
