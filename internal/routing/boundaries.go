package routing

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Municipality is the layer that gives every report its jurisdiction. Every other
// layer says who owns what stands there: it holds owners.
const Municipality = "municipality"

// Kind is what the features of a layer are.
type Kind string

// The kinds.
const (
	Areas  Kind = "areas"
	Lines  Kind = "lines"
	Points Kind = "points"
)

// Set is one version of a layer. At most one set per layer is active.
type Set struct {
	ID          string // UUIDv7
	Layer       string
	Kind        Kind
	Source      string // where the data come from
	Licence     string
	ValidFrom   string // "2026-01-01"
	Index       string // name of the compiled index in the blob store
	SHA256      string // of the compiled index, hex
	Features    string // name of what the index was built from in the blob store
	Areas       int    // how many features it has
	Vertices    int
	Approximate bool // demo data: good guesses, not borders
	Active      bool
	CreatedAt   time.Time
}

// Label names a set in answers: "demo" for approximate boundaries, which nobody
// should take for borders, else where the set comes from.
func (s Set) Label() string {
	if s.Approximate {
		return "demo"
	}
	return s.Source
}

// SetStore keeps what is known of boundary sets.
type SetStore interface {
	// Revision returns the number that is raised, in the same transaction, by
	// whatever changes where reports go; 0 before anything has.
	Revision(ctx context.Context) (int64, error)
	// ActiveSets returns the active set of every layer, by layer.
	ActiveSets(ctx context.Context) ([]Set, error)
	// Set returns one set by id; problem.NotFound if none.
	Set(ctx context.Context, id string) (Set, error)
	// Sets returns all sets, newest first.
	Sets(ctx context.Context) ([]Set, error)
	// AddSet stores a set that is not active.
	AddSet(ctx context.Context, s Set) error
	// ReplaceIndex stores which index a set has from now on, instead of one with
	// the hash was. Where it has yet another already, that stays.
	ReplaceIndex(ctx context.Context, s Set, was string) error
	// AddJurisdictions stores those of the jurisdictions whose code is new, in
	// transactions short enough not to keep reports waiting.
	AddJurisdictions(ctx context.Context, js []tenant.Jurisdiction) error
	// ActivateSet makes a set the active one of its layer, or leaves the layer
	// without one (an empty id), with all that follows from it, in one transaction
	// that raises the revision; where very many successions begin or end, most do in
	// short ones before. What was active before is filled in. A set that is active
	// already stays so, and only the jobs are stored. An activation that was undone
	// meanwhile cannot be undone: Conflict.
	ActivateSet(ctx context.Context, s Switch) error
	// LastActivation returns the last step of a layer, or the last that can be
	// undone; problem.NotFound if none.
	LastActivation(ctx context.Context, layer string, undoable bool) (Activation, error)
	// Activation returns one step; problem.NotFound if none.
	Activation(ctx context.Context, id string) (Activation, error)
	// Activations returns the history of all layers, newest first.
	Activations(ctx context.Context) ([]Activation, error)
	// Successions returns who took over from whom.
	Successions(ctx context.Context) ([]Succession, error)
	// Jurisdictions returns all, by code: those whom rules can send reports to.
	Jurisdictions(ctx context.Context) ([]tenant.Jurisdiction, error)
	RuleStore
}

// ActiveSet is a set with its index mapped into memory.
type ActiveSet struct {
	Set
	Index  *geo.Index   // of areas; nil for lines and points
	Map    *geo.Pyramid // the same areas as they are drawn, zoom by zoom
	owners owners
}

// Boundaries keeps all that reports are routed by in memory, and follows the
// database: a process that just started needs only the database and the blob
// store, and a running one takes over a change within two seconds of its commit.
// Look-ups never wait: the switch is one atomic pointer.
type Boundaries struct {
	Sets     SetStore
	Blobs    blob.Store
	CacheDir string // local copies of indexes, each named by its hash
	Log      *slog.Logger

	loading sync.Mutex // one refresh at a time
	// What replays have read: past sets by id, past rules by hash.
	sets  memo[*ActiveSet]
	rules memo[RuleList]
	now   atomic.Pointer[Snapshot]
}

// pollEvery is how often the database is asked for another revision.
const pollEvery = time.Second

// Now returns what reports are routed by now; empty while nothing is loaded.
func (b *Boundaries) Now() *Snapshot {
	if s := b.now.Load(); s != nil {
		return s
	}
	return &Snapshot{}
}

// Active returns the active set of the municipality layer, or nil while none is
// loaded.
func (b *Boundaries) Active() *ActiveSet { return b.Now().Municipalities() }

// Run follows the database until ctx ends.
func (b *Boundaries) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := b.Refresh(ctx); err != nil && ctx.Err() == nil {
				b.Log.ErrorContext(ctx, "boundaries and rules cannot be refreshed; the present ones stay", "err", err)
			}
		}
	}
}

// Load maps the index of a set, active or not.
func (b *Boundaries) Load(ctx context.Context, set Set) (*ActiveSet, error) { return b.load(ctx, set) }

// load maps a set's index.
func (b *Boundaries) load(ctx context.Context, set Set) (*ActiveSet, error) {
	loaded, err := b.open(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("load boundary set %s: %w", set.ID, err)
	}
	return loaded, nil
}

func (b *Boundaries) open(ctx context.Context, set Set) (*ActiveSet, error) {
	if set.Kind == Areas {
		set, index, err := mapped(ctx, b, set, geo.Open)
		if err != nil {
			return nil, err
		}
		return &ActiveSet{Set: set, Index: index, Map: geo.NewPyramid(index), owners: ownedAreas{index}}, nil
	}
	if set.Layer == Municipality {
		return nil, fmt.Errorf("a municipality is an area; the set holds %s", set.Kind)
	}
	set, index, err := mapped(ctx, b, set, geo.OpenNear)
	if err != nil {
		return nil, err
	}
	return &ActiveSet{Set: set, owners: ownedPlaces{index}}, nil
}
