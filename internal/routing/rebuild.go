package routing

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/blob"
)

// ErrLost is wrapped by the error about a set of which nothing is left to load:
// neither the index nor the features that it was built from.
var ErrLost = errors.New("neither its index nor what that was built from can be read")

// lost says what is to be done about it.
func lost(set Set, cause error) error {
	return fmt.Errorf("%w (layer %s, from %s, imported %s): import the same file again by kantsten boundaries import, which puts both back; "+
		"or import and activate another; or bring the files %s back from a backup: %w",
		ErrLost, set.Layer, set.Source, set.CreatedAt.Format(time.DateTime), BlobFolder, cause)
}

// rebuild builds the index of a set anew and puts it back into the blob store. A
// release with another format, or another way of building, makes another index,
// which is then the set's. Several processes may do so at once: they make the same
// file, and put it in its place as a whole. Where it cannot be put back, this
// process serves by its local copy all the same, and the next one builds it again.
func (b *Boundaries) rebuild(ctx context.Context, set Set) (Set, error) {
	index, err := b.fromFeatures(ctx, set)
	if err != nil {
		return set, err
	}
	was := set.SHA256
	if set, err = b.keepIndex(set, index); err != nil {
		return set, err
	}
	err = b.putIndex(ctx, set)
	if err == nil && set.SHA256 != was {
		err = b.Sets.ReplaceIndex(ctx, set, was)
	}
	if err != nil {
		b.Log.WarnContext(ctx, "a boundary index that was built anew cannot be put back", "set", set.ID, "err", err)
	} else {
		b.Log.InfoContext(ctx, "a boundary index was built anew", "set", set.ID, "index", set.Index)
	}
	return set, nil
}

// fromFeatures builds the index of a set from what it was built from before.
func (b *Boundaries) fromFeatures(ctx context.Context, set Set) (io.WriterTo, error) {
	if set.Kind == Areas {
		var areas geo.Builder
		if err := b.readFeatures(ctx, set, geo.Areas, areas.Add); err != nil {
			return nil, err
		}
		index, _, err := areas.Finish()
		if err != nil {
			return nil, lost(set, err)
		}
		return index, nil
	}
	kind := geo.Lines
	if set.Kind == Points {
		kind = geo.Points
	}
	var places geo.NearBuilder
	if err := b.readFeatures(ctx, set, kind, places.Add); err != nil {
		return nil, err
	}
	index, _, err := places.Finish()
	if err != nil {
		return nil, lost(set, err)
	}
	return index, nil
}

// readFeatures reads the features of a set and checks the hash of all. A blob that
// is missing or damaged is lost; one that cannot be read at the moment is not.
func (b *Boundaries) readFeatures(ctx context.Context, set Set, kind geo.Kind, yield func(geo.Feature) error) error {
	in, err := b.Blobs.Get(ctx, set.Features)
	if errors.Is(err, blob.ErrNotFound) {
		return lost(set, err)
	}
	if err != nil {
		return fmt.Errorf("get what the boundary index was built from: %w", err)
	}
	defer func() { _ = in.Close() }() // read only
	file := &noted{r: blob.UntilDone(ctx, in)}
	err = unpack(file, set, geo.SourceOptions(kind), yield)
	switch {
	case file.err != nil:
		return fmt.Errorf("read what the boundary index was built from: %w", file.err)
	case err != nil:
		return lost(set, err)
	}
	return nil
}

// unpack reads the features in a file whose name says the hash of the text in it.
func unpack(file io.Reader, set Set, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	text, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", set.Features, err)
	}
	sum := sha256.New()
	if err := geo.ReadGeoJSON(io.TeeReader(text, sum), opts, yield); err != nil {
		return fmt.Errorf("%s: %w", set.Features, err)
	}
	hash := strings.TrimSuffix(strings.TrimPrefix(set.Features, BlobFolder), featuresSuffix)
	if err := sameHash(sum.Sum(nil), hash); err != nil {
		return fmt.Errorf("%s: %w", set.Features, err)
	}
	return nil
}

// noted keeps the error of what it reads from, apart from those of who reads it.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return got, err
}
