package routing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Import compiles areas into a new, inactive set of a layer. The index goes to the
// blob store first, so that a set whose row is there can always be loaded; the
// row is all that is written to the database.
func (b *Boundaries) Import(ctx context.Context, areas *geo.Builder, about About, now time.Time) (Set, *geo.BuildReport, error) {
	index, report, err := areas.Finish()
	if err != nil {
		return Set{}, nil, fmt.Errorf("build the boundary index: %w", err)
	}
	set := about.set(Areas, now)
	set.Areas, set.Vertices = report.Areas, report.Vertices
	set, err = b.add(ctx, set, index)
	return set, report, err
}

// ImportPlaces compiles lines or points into a new, inactive set of a layer of
// owners, as Import does areas.
func (b *Boundaries) ImportPlaces(ctx context.Context, places *geo.NearBuilder, about About, now time.Time) (Set, *geo.NearReport, error) {
	if cmp.Or(about.Layer, Municipality) == Municipality {
		return Set{}, nil, fmt.Errorf("the layer %s takes areas only", Municipality)
	}
	index, report, err := places.Finish()
	if err != nil {
		return Set{}, nil, fmt.Errorf("build the index of places: %w", err)
	}
	set := about.set(Kind(index.Kind().String()), now)
	set.Areas, set.Vertices = report.Features, report.Vertices
	set, err = b.add(ctx, set, index)
	return set, report, err
}

// set is the row of a new set.
func (about About) set(kind Kind, now time.Time) Set {
	return Set{
		ID: newID(), Layer: cmp.Or(about.Layer, Municipality), Kind: kind,
		Source: about.Source, Licence: about.Licence, ValidFrom: about.ValidFrom, Approximate: about.Approximate, CreatedAt: now.UTC(),
	}
}

// add stores an index and then its row.
func (b *Boundaries) add(ctx context.Context, set Set, index io.WriterTo) (Set, error) {
	var file bytes.Buffer
	if _, err := index.WriteTo(&file); err != nil {
		return Set{}, fmt.Errorf("write the boundary index: %w", err)
	}
	sum := sha256.Sum256(file.Bytes())
	set.SHA256 = hex.EncodeToString(sum[:])
	set.Index = "boundaries/" + set.SHA256
	if err := b.Blobs.Put(ctx, set.Index, &file, "application/octet-stream"); err != nil {
		return Set{}, fmt.Errorf("store the boundary index: %w", err)
	}
	if err := b.Sets.AddSet(ctx, set); err != nil {
		return Set{}, fmt.Errorf("store boundary set %s: %w", set.ID, err)
	}
	return set, nil
}
