package geopackage

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/geo/internal/archive"
	"github.com/kantsten/kantsten/geo/internal/names"
)

// ErrNone says that an archive holds no GeoPackage.
var ErrNone = errors.New("it holds no GeoPackage")

// A GeoPackage takes two to ten times as much room as its .zip. One that claims
// more than maxRatio times is refused, so that a small file fills no disk; what
// is not longer than alwaysFits is, however well it was packed.
const (
	maxRatio   = 200
	alwaysFits = 16 << 20
)

// Unpack unpacks the GeoPackage in a .zip of size bytes, as publishers ship it, to
// a new file in dir that nobody else may read, and returns its path. Left empty,
// dir is the folder for temporary files. The caller removes the file.
//
// The archive must hold one .gpkg, in whatever folder; its name is not used. An
// archive with several is refused, and so is one that also holds a Shapefile, as
// it is not plain which of them is meant; one with none gives an error that wraps
// [ErrNone]. All say what is there.
//
// No more than maxBytes are written, nor more than 200 times size, where that is
// more than 16 MiB. An archive that breaks off, or whose checksum is wrong, leaves
// no file. Unpacking stops with the context.
func Unpack(ctx context.Context, dir string, r io.ReaderAt, size, maxBytes int64) (string, error) {
	packed, err := find(r, size)
	if err != nil {
		return "", fmt.Errorf("unpack GeoPackage: %w", err)
	}
	path, err := unpack(ctx, dir, packed, min(maxBytes, max(alwaysFits, size*maxRatio)))
	if err != nil {
		return "", fmt.Errorf("unpack GeoPackage: %.200q: %w", packed.Name, err)
	}
	return path, nil
}

// find returns the one GeoPackage of an archive.
func find(r io.ReaderAt, size int64) (*zip.File, error) {
	files, err := archive.Files(r, size)
	if err != nil {
		return nil, err
	}
	among := func(extension string) []*zip.File {
		return slices.DeleteFunc(slices.Clone(files), func(f *zip.File) bool {
			return !strings.HasSuffix(strings.ToLower(f.Name), extension)
		})
	}
	found := among(".gpkg")
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w, but %s", ErrNone, names.Listed(archive.Names(files), "nothing"))
	case len(found) > 1 || len(among(".shp")) > 0:
		all := archive.Names(append(found, among(".shp")...))
		return nil, fmt.Errorf("it holds %s; unpack the one that is meant", names.Listed(all, ""))
	}
	for _, log := range among(".gpkg-wal") {
		if log.UncompressedSize64 > 0 {
			return nil, fmt.Errorf("there are changes in %.200q that are not in the GeoPackage yet", log.Name)
		}
	}
	return found[0], archive.CheckPlain(found[0])
}

// unpack copies a packed file to a new one.
func unpack(ctx context.Context, dir string, packed *zip.File, limit int64) (string, error) {
	if packed.UncompressedSize64 > uint64(max(limit, 0)) {
		return "", tooLong(limit)
	}
	in, err := packed.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()              // only read
	out, err := os.CreateTemp(dir, "geopackage-*") // which only this user may open
	if err != nil {
		return "", err
	}
	// The size that an archive claims may be wrong, so what comes is counted. Only
	// at the end its checksum is.
	n, err := io.Copy(out, io.LimitReader(stoppable{ctx, in}, limit+1))
	if err = errors.Join(err, out.Close()); err == nil && n > limit {
		err = tooLong(limit)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

func tooLong(limit int64) error {
	return fmt.Errorf("unpacked, it has more than %d bytes", limit)
}

// stoppable is a reader that ends with a context.
type stoppable struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (s stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}
