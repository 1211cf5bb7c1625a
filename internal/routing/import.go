package routing

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/kantsten/kantsten/geo"
)

// About describes a boundary set that is being imported.
type About struct {
	Layer                      string // empty: the municipality layer
	Source, Licence, ValidFrom string
	Approximate                bool
}

// Import compiles areas into a new, inactive set of a layer. What they were built
// from and the index go to the blob store first, so that a set whose row is there
// can always be loaded; the row is all that is written to the database. The same
// areas again have the same files, so that to import them puts back what was lost.
func (b *Boundaries) Import(ctx context.Context, areas *geo.Builder, about About, now time.Time) (Set, *geo.BuildReport, error) {
	features, err := b.spool(areas)
	if err != nil {
		return Set{}, nil, err
	}
	defer features.remove()
	index, report, err := areas.Finish()
	if err != nil {
		return Set{}, nil, fmt.Errorf("build the boundary index: %w", err)
	}
	set := about.set(Areas, now)
	set.Areas, set.Vertices = report.Areas, report.Vertices
	set, err = b.add(ctx, set, features, index)
	return set, report, err
}

// ImportPlaces compiles lines or points into a new, inactive set of a layer of
// owners, as Import does areas.
func (b *Boundaries) ImportPlaces(ctx context.Context, places *geo.NearBuilder, about About, now time.Time) (Set, *geo.NearReport, error) {
	if cmp.Or(about.Layer, Municipality) == Municipality {
		return Set{}, nil, fmt.Errorf("the layer %s takes areas only", Municipality)
	}
	features, err := b.spool(places)
	if err != nil {
		return Set{}, nil, err
	}
	defer features.remove()
	index, report, err := places.Finish()
	if err != nil {
		return Set{}, nil, fmt.Errorf("build the index of places: %w", err)
	}
	set := about.set(Kind(index.Kind().String()), now)
	set.Areas, set.Vertices = report.Features, report.Vertices
	set, err = b.add(ctx, set, features, index)
	return set, report, err
}

// set is the row of a new set.
func (about About) set(kind Kind, now time.Time) Set {
	return Set{
		ID: newID(), Layer: cmp.Or(about.Layer, Municipality), Kind: kind,
		Source: about.Source, Licence: about.Licence, ValidFrom: about.ValidFrom, Approximate: about.Approximate, CreatedAt: now.UTC(),
	}
}

// add stores what a set was built from, the index and then the row.
func (b *Boundaries) add(ctx context.Context, set Set, features spooled, index io.WriterTo) (Set, error) {
	set.Features = featuresName(features.sha256)
	if err := b.put(ctx, set.Features, features.path, "application/gzip"); err != nil {
		return Set{}, fmt.Errorf("store what the boundary index was built from: %w", err)
	}
	set, err := b.keepIndex(set, index)
	if err != nil {
		return Set{}, err
	}
	if err := b.putIndex(ctx, set); err != nil {
		return Set{}, err
	}
	if err := b.Sets.AddSet(ctx, set); err != nil {
		return Set{}, fmt.Errorf("store boundary set %s: %w", set.ID, err)
	}
	return set, nil
}
