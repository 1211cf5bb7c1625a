package shapefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/archive"
	"github.com/kantsten/kantsten/geo/internal/names"
)

// ErrNone says that a folder or an archive holds no Shapefile.
var ErrNone = errors.New("there is no .shp")

// Read reads the features of one layer and passes each to yield, whose error ends
// the reading and is returned. The path is a .shp, whose siblings have the same
// name, a folder of such files, or a .zip, in which they may lie in folders. Where
// there are several layers, opts.Layer says which: the name without .shp,
// with its folders if it is not the only one of that name.
func Read(path string, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read Shapefile: %w", err)
	}
	switch extension := strings.ToLower(filepath.Ext(path)); {
	case info.IsDir():
		members, err := folder(path)
		if err != nil {
			return fmt.Errorf("read Shapefile: %w", err)
		}
		return read(members, opts, yield)
	case extension == ".shp":
		members, err := folder(filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("read Shapefile: %w", err)
		}
		return read(siblings(members, filepath.Base(path)), opts, yield)
	case extension == ".zip":
		f, err := os.Open(path) //nolint:gosec // the file that the caller wants to be read
		if err != nil {
			return fmt.Errorf("read Shapefile: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		return ReadZip(f, info.Size(), opts, yield)
	}
	return fmt.Errorf("read Shapefile: %q is neither a .shp nor a .zip nor a folder", filepath.Base(path))
}

// ReadZip reads one layer of a .zip of that many bytes, as [Read] does.
func ReadZip(r io.ReaderAt, size int64, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	members, err := zipped(r, size)
	if err != nil {
		return fmt.Errorf("read Shapefile: %w", err)
	}
	return read(members, opts, yield)
}

// zipped lists the parts of Shapefiles in an archive, in which there must be one.
func zipped(r io.ReaderAt, size int64) ([]member, error) {
	files, err := archive.Files(r, size)
	if err != nil {
		return nil, err
	}
	var members []member
	for _, f := range files {
		if !isPart(f.Name) {
			continue
		}
		if err := archive.CheckPlain(f); err != nil {
			return nil, err
		}
		size := int64(min(f.UncompressedSize64, 1<<62)) // no more than fits
		members = append(members, member{f.Name, size, f.Open})
	}
	if !slices.ContainsFunc(members, func(m member) bool { return strings.EqualFold(filepath.Ext(m.name), ".shp") }) {
		return nil, fmt.Errorf("%w, but %s", ErrNone, names.Listed(archive.Names(files), "nothing"))
	}
	return members, nil
}

// read reads the layer that is wanted.
func read(members []member, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	layers, err := layersOf(members)
	if err != nil {
		return fmt.Errorf("read Shapefile: %w", err)
	}
	l, err := choose(layers, opts.Layer)
	if err != nil {
		return fmt.Errorf("read Shapefile: %w", err)
	}
	err = l.read(opts.WithDefaults(), yield)
	var stop stopped
	if errors.As(err, &stop) {
		return stop.error
	}
	if err != nil {
		return fmt.Errorf("read Shapefile %q: %w", l.name, err)
	}
	return nil
}

// stopped carries the error of yield out, as it is.
type stopped struct{ error }

// member is one of the files that make up a Shapefile.
type member struct {
	name string // with folders, slashes between them
	size int64  // as the folder or archive has it, which may be wrong
	open func() (io.ReadCloser, error)
}

// folder lists the files in a folder, not those in folders in it.
func folder(path string) ([]member, error) {
	tree := os.DirFS(path)
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, fmt.Errorf("list the folder: %w", err)
	}
	var members []member
	for _, e := range entries {
		if !isPart(e.Name()) {
			continue
		}
		info, err := fs.Stat(tree, e.Name()) // follows links
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			continue // a folder called x.shp, or a pipe, which would wait for ever
		}
		members = append(members, member{e.Name(), info.Size(), func() (io.ReadCloser, error) { return tree.Open(e.Name()) }})
	}
	return members, nil
}

// siblings leaves the files of one Shapefile.
func siblings(members []member, shp string) []member {
	var out []member
	for _, m := range members {
		if m.name == shp || !strings.EqualFold(filepath.Ext(m.name), ".shp") && strings.EqualFold(stem(m.name), stem(shp)) {
			out = append(out, m)
		}
	}
	return out
}

// isPart tells whether a file belongs to a Shapefile and is of use here. What macOS
// adds to archives does not.
func isPart(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	if strings.HasPrefix(base, "._") {
		return false
	}
	switch strings.ToLower(filepath.Ext(base)) {
	case ".shp", ".dbf", ".prj", ".cpg":
		return true
	}
	return false
}

// stem is a file's name without its extension.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }
