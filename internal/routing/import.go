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

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/tenant"
)

// About describes a boundary set that is being imported.
type About struct {
	Layer                      string // empty: the municipality layer
	Source, Licence, ValidFrom string
	Approximate                bool
}

// Import compiles areas into a new, inactive set of a layer: the index goes to the blob store first, so that a set whose row is there can
// always be loaded.
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
		ID: uuid.Must(uuid.NewV7()).String(), Layer: cmp.Or(about.Layer, Municipality), Kind: kind,
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

// Activate makes a set the active one of its layer. Municipalities whose code is
// new become jurisdictions with the channel none.
func (b *Boundaries) Activate(ctx context.Context, id string, now time.Time) error {
	set, err := b.Sets.Set(ctx, id)
	if err != nil {
		return err
	}
	loaded, err := b.load(ctx, set) // what cannot be loaded is not activated
	if err != nil {
		return fmt.Errorf("load boundary set %s: %w", id, err)
	}
	defer func() { _ = loaded.owners.Close() }() // read only
	var js []tenant.Jurisdiction
	if set.Layer == Municipality {
		js = jurisdictions(loaded.Index, now)
	}
	if err := b.Sets.ActivateSet(ctx, id, js); err != nil {
		return fmt.Errorf("activate boundary set %s: %w", id, err)
	}
	return b.Refresh(ctx)
}

func jurisdictions(index *geo.Index, now time.Time) []tenant.Jurisdiction {
	js := make([]tenant.Jurisdiction, index.Len())
	for i := range js {
		code, name := index.Area(i)
		js[i] = tenant.Jurisdiction{Code: code, Name: name, Channel: tenant.None, Language: "sv", UpdatedAt: now.UTC()}
	}
	return js
}
