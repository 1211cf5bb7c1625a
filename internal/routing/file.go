package routing

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/blob"
)

// A set has two files in the blob store, both named by a hash: the compiled index,
// and the features that it was built from, as GeoJSON packed by gzip, whose hash is
// that of the text. Each process maps a local copy of the index.
const (
	// BlobFolder begins the names of both.
	BlobFolder     = "boundaries/"
	featuresSuffix = ".geojson.gz"
)

func indexName(sha256 string) string    { return BlobFolder + sha256 }
func featuresName(sha256 string) string { return BlobFolder + sha256 + featuresSuffix }

// local is the path of the local copy of an index.
func (b *Boundaries) local(sha256 string) string { return filepath.Join(b.CacheDir, sha256+".idx") }

// mapped opens a set's index: the local copy; where that is missing or damaged,
// a new copy of the blob; where that is so too, or of another version of the
// format, one that is built anew. It returns the set as it is then.
func mapped[T any](ctx context.Context, b *Boundaries, set Set, open func(path string) (T, error)) (Set, T, error) {
	var none T
	if !isHash(set.SHA256) {
		return set, none, fmt.Errorf("%q is not the name of an index", set.SHA256)
	}
	index, err := openWhole(b.local(set.SHA256), set.SHA256, open)
	if err == nil {
		return set, index, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		b.Log.WarnContext(ctx, "the local copy of a boundary index is damaged and made anew", "set", set.ID, "err", err)
	}
	if err = b.fetch(ctx, set); err == nil {
		index, err = openWhole(b.local(set.SHA256), set.SHA256, open)
	}
	if err == nil || !useless(err) {
		return set, index, err
	}
	b.Log.WarnContext(ctx, "the index of a boundary set is missing or damaged and is built anew", "set", set.ID, "err", err)
	if set, err = b.rebuild(ctx, set); err != nil {
		return set, none, err
	}
	index, err = openWhole(b.local(set.SHA256), set.SHA256, open)
	return set, index, err
}

// useless tells an index that is not there, or not one, from one that cannot be
// reached at the moment.
func useless(err error) bool {
	return errors.Is(err, blob.ErrNotFound) || errors.Is(err, geo.ErrDamaged) || errors.Is(err, geo.ErrKind)
}

// openWhole opens an index if it is the one with a hash, and not just any.
func openWhole[T any](path, hash string, open func(path string) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path) //nolint:gosec // in the cache, by a name that is a hash
	if err != nil {
		return none, fmt.Errorf("open the boundary index: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return none, fmt.Errorf("read the boundary index: %w", err)
	}
	if err := sameHash(sum.Sum(nil), hash); err != nil {
		return none, fmt.Errorf("read the boundary index: %w", err)
	}
	return open(path)
}

func sameHash(sum []byte, want string) error {
	if got := hex.EncodeToString(sum); got != want {
		return fmt.Errorf("%w: its hash is %s", geo.ErrDamaged, got)
	}
	return nil
}

func isHash(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}

// fetch copies a set's index from the blob store, if it is the one.
func (b *Boundaries) fetch(ctx context.Context, set Set) error {
	in, err := b.Blobs.Get(ctx, set.Index)
	if err != nil {
		return fmt.Errorf("get the boundary index: %w", err)
	}
	defer func() { _ = in.Close() }() // read only
	copied, err := b.spoolFile(func(w io.Writer) ([]byte, error) {
		sum := sha256.New()
		_, err := io.Copy(io.MultiWriter(w, sum), blob.UntilDone(ctx, in))
		return sum.Sum(nil), err
	})
	if err != nil {
		return fmt.Errorf("copy the boundary index: %w", err)
	}
	defer copied.remove()
	if copied.sha256 != set.SHA256 {
		return fmt.Errorf("copy the boundary index: %w: the hash of the blob is %s", geo.ErrDamaged, copied.sha256)
	}
	return os.Rename(copied.path, b.local(set.SHA256))
}

// keepIndex makes the local copy of a new index, and names it in its set.
func (b *Boundaries) keepIndex(set Set, index io.WriterTo) (Set, error) {
	written, err := b.spoolFile(func(w io.Writer) ([]byte, error) {
		sum := sha256.New()
		_, err := index.WriteTo(io.MultiWriter(w, sum))
		return sum.Sum(nil), err
	})
	if err != nil {
		return set, fmt.Errorf("write the boundary index: %w", err)
	}
	defer written.remove()
	set.SHA256, set.Index = written.sha256, indexName(written.sha256)
	return set, os.Rename(written.path, b.local(set.SHA256))
}

// putIndex stores the local copy of a set's index as a blob.
func (b *Boundaries) putIndex(ctx context.Context, set Set) error {
	if err := b.put(ctx, set.Index, b.local(set.SHA256), "application/octet-stream"); err != nil {
		return fmt.Errorf("store the boundary index: %w", err)
	}
	return nil
}

func (b *Boundaries) put(ctx context.Context, name, path, contentType string) error {
	f, err := os.Open(path) //nolint:gosec // in the cache, by a name of ours
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	return b.Blobs.Put(ctx, name, f, contentType)
}

// spooled is a temporary file and the hash of what it holds.
type spooled struct{ path, sha256 string }

func (s spooled) remove() { _ = os.Remove(s.path) } // gone already after a rename

// spool packs the features that a builder holds.
func (b *Boundaries) spool(builder interface{ WriteGeoJSON(io.Writer) error }) (spooled, error) {
	s, err := b.spoolFile(func(w io.Writer) ([]byte, error) {
		packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // a sixth larger than by default, in a sixth of the time
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		err = builder.WriteGeoJSON(io.MultiWriter(packed, sum))
		return sum.Sum(nil), errors.Join(err, packed.Close())
	})
	if err != nil {
		return spooled{}, fmt.Errorf("keep what the boundary index is built from: %w", err)
	}
	return s, nil
}

// spoolFile makes a temporary file beside the local copies; write returns a hash.
func (b *Boundaries) spoolFile(write func(io.Writer) ([]byte, error)) (spooled, error) {
	if err := os.MkdirAll(b.CacheDir, 0o750); err != nil {
		return spooled{}, fmt.Errorf("make the boundary cache: %w", err)
	}
	out, err := os.CreateTemp(b.CacheDir, "fetch-*")
	if err != nil {
		return spooled{}, err
	}
	sum, err := write(out)
	s := spooled{out.Name(), hex.EncodeToString(sum)}
	if err = errors.Join(err, out.Close()); err != nil {
		s.remove()
		return spooled{}, err
	}
	return s, nil
}
