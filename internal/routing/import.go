package routing

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	var file bytes.Buffer
	if _, err := index.WriteTo(&file); err != nil {
		return Set{}, nil, fmt.Errorf("write the boundary index: %w", err)
	}
	sum := sha256.Sum256(file.Bytes())
	set := Set{
		ID: uuid.Must(uuid.NewV7()).String(), Layer: cmp.Or(about.Layer, Municipality), Kind: Areas,
		Source: about.Source, Licence: about.Licence, ValidFrom: about.ValidFrom, Approximate: about.Approximate,
		SHA256: hex.EncodeToString(sum[:]), Areas: report.Areas, Vertices: report.Vertices, CreatedAt: now.UTC(),
	}
	set.Index = "boundaries/" + set.SHA256
	if err := b.Blobs.Put(ctx, set.Index, &file, "application/octet-stream"); err != nil {
		return Set{}, nil, fmt.Errorf("store the boundary index: %w", err)
	}
	if err := b.Sets.AddSet(ctx, set); err != nil {
		return Set{}, nil, fmt.Errorf("store boundary set %s: %w", set.ID, err)
	}
	return set, report, nil
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
