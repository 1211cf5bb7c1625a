package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/kantsten/kantsten/internal/blob"
)

// folder is a backup's folder. Nothing outside it can be reached, whatever names
// and symbolic links are in it.
type folder struct{ root *os.Root }

// newFolder makes the folder, or takes one that is there and empty.
func newFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the backup's folder: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("look into the backup's folder: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: a backup goes into a folder of its own", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the backup's folder: %w", err)
	}
	f := &folder{root}
	if err := errors.Join(root.Chmod(".", 0o700), root.Mkdir(tablesFolder, 0o700), root.Mkdir(blobsFolder, 0o700)); err != nil {
		return nil, errors.Join(fmt.Errorf("make the backup's folder: %w", err), f.empty(), root.Close())
	}
	return f, nil
}

// empty removes what an unfinished backup has written.
func (f *folder) empty() error {
	var errs []error
	for _, name := range []string{manifestName, tempManifest, tablesFolder, blobsFolder, blobListName, newBlobList, newTable, erasuresName, secretsName} {
		errs = append(errs, f.root.RemoveAll(name))
	}
	return errors.Join(errs...)
}

// path is where something in the folder lies.
func (f *folder) path(name string) string { return filepath.Join(f.root.Name(), name) }

// sync makes the entries of a folder durable.
func (f *folder) sync(name string) error {
	d, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const tempManifest = ".manifest.tmp"

// finish writes the manifest: complete and durable, after everything else is.
func (f *folder) finish(manifest []byte) error {
	if err := errors.Join(f.sync(tablesFolder), f.sync(blobsFolder), f.sync(".")); err != nil {
		return fmt.Errorf("sync the backup: %w", err)
	}
	if _, err := f.write(tempManifest, manifest); err != nil {
		return err
	}
	if err := f.root.Rename(tempManifest, manifestName); err != nil {
		return fmt.Errorf("write %s: %w", manifestName, err)
	}
	if err := f.sync("."); err != nil {
		return fmt.Errorf("sync the backup: %w", err)
	}
	return syncPath(filepath.Dir(f.root.Name()))
}

func syncPath(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// write writes a small file, durably.
func (f *folder) write(name string, data []byte) (Sum, error) {
	out, err := f.create(name)
	if err != nil {
		return Sum{}, err
	}
	_, err = out.Write(data)
	return out.end(err)
}

// output is a file being written, and its sum so far.
type output struct {
	name string
	file *os.File
	hash hash.Hash
	n    int64
}

func (f *folder) create(name string) (*output, error) {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return &output{name: name, file: file, hash: sha256.New()}, nil
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	_, _ = o.hash.Write(p[:n]) // a hash never fails to write
	o.n += int64(n)
	return n, err
}

// end closes the file, durably unless writing it failed.
func (o *output) end(err error) (Sum, error) {
	if err == nil {
		err = o.file.Sync()
	}
	if err = errors.Join(err, o.file.Close()); err != nil {
		return Sum{}, fmt.Errorf("write %s: %w", o.name, err)
	}
	return Sum{Bytes: o.n, SHA256: hex.EncodeToString(o.hash.Sum(nil))}, nil
}

// lines is a compressed file of lines being written.
type lines struct {
	out  *output
	gzip *gzip.Writer
	buf  *bufio.Writer
	n    int64
}

func (f *folder) createLines(name string) (*lines, error) {
	out, err := f.create(name)
	if err != nil {
		return nil, err
	}
	// Fast, because the read transaction stays open meanwhile.
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		_, err = out.end(err)
		return nil, err
	}
	return &lines{out: out, gzip: z, buf: bufio.NewWriterSize(z, 64<<10)}, nil
}

// add writes a line, which ends in a line break.
func (l *lines) add(line []byte) error {
	l.n++
	_, err := l.buf.Write(line)
	return err
}

// end closes the file, durably unless writing it failed.
func (l *lines) end(err error) (List, error) {
	if err == nil {
		err = errors.Join(l.buf.Flush(), l.gzip.Close())
	}
	sum, err := l.out.end(err)
	return List{Lines: l.n, Sum: sum}, err
}

// sumOf reads a file to its end.
func (f *folder) sumOf(ctx context.Context, name string) (Sum, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return Sum{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	return sumOf(ctx, file)
}

func sumOf(ctx context.Context, r io.Reader) (Sum, error) {
	h := sha256.New()
	n, err := io.Copy(h, blob.UntilDone(ctx, r))
	return Sum{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}
