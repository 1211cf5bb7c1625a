package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// Disk keeps blobs as files in a folder, the name being the path. A blob is
// written to a temporary file beside its place, synced, renamed and made
// durable by syncing every folder on its path, so that a crash at any moment
// leaves the old content or the new.
type Disk struct {
	root *os.Root // confines every path, also through symbolic links
}

// tempPrefix begins the names of unfinished files. No blob can be named so.
const tempPrefix = ".tmp-"

// OpenDisk opens the store in folder, which is made if it is missing.
func OpenDisk(folder string) (*Disk, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	return &Disk{root: root}, nil
}

// Close closes the folder.
func (d *Disk) Close() error { return d.root.Close() }

// Put stores a blob durably; see [Store]. The content type is not kept.
func (d *Disk) Put(ctx context.Context, name string, r io.Reader, _ string) error {
	if !ValidName(name) {
		return &nameError{"put", name}
	}
	temp, err := d.writeTemp(ctx, path.Dir(name), r)
	if err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	if err := d.root.Rename(temp, name); err != nil {
		return fmt.Errorf("put blob %s: %w", name, errors.Join(err, d.root.Remove(temp)))
	}
	if err := d.syncFolders(path.Dir(name)); err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	return nil
}

// writeTemp writes and syncs a new temporary file in folder and returns its
// path. After an error there is no such file.
func (d *Disk) writeTemp(ctx context.Context, folder string, r io.Reader) (_ string, err error) {
	temp, f, err := d.createTemp(folder)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.root.Remove(temp))
		}
	}()
	if _, err = io.Copy(f, UntilDone(ctx, r)); err == nil {
		err = f.Sync()
	}
	return temp, errors.Join(err, f.Close())
}

// createTemp makes the folder and a new file in it. Sweep may remove an old
// folder while it is empty, in the middle of this: MkdirAll then says that it is
// missing, or that it exists, and the file cannot be created. So both are tried
// again: the folder is new then, and Sweep lets it be.
func (d *Disk) createTemp(folder string) (string, *os.File, error) {
	temp := path.Join(folder, tempPrefix+rand.Text())
	for try := 1; ; try++ {
		err := d.root.MkdirAll(folder, 0o750)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return "", nil, err
		}
		f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil || try == 5 || !errors.Is(err, fs.ErrNotExist) {
			return temp, f, err
		}
	}
}

// syncFolders makes the entries of folder and of all above it durable. It does
// not ask which of them are new: one that another Put has just made may not be
// durable yet, and to sync a clean folder costs next to nothing.
func (d *Disk) syncFolders(folder string) error {
	for ; ; folder = path.Dir(folder) {
		if err := d.syncFolder(folder); err != nil {
			return err
		}
		if folder == "." {
			return nil
		}
	}
}

func (d *Disk) syncFolder(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get opens a blob; see [Store].
func (d *Disk) Get(_ context.Context, name string) (*Object, error) {
	if !ValidName(name) {
		return nil, &nameError{"get", name}
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("get blob %s: %w", name, notFound(err))
	}
	info, err := describe(f, name)
	if err != nil {
		return nil, fmt.Errorf("get blob %s: %w", name, errors.Join(err, f.Close()))
	}
	return &Object{ReadSeekCloser: f, Info: info}, nil
}

// describe reads what there is to know of an open file and rewinds it.
func describe(f *os.File, name string) (Info, error) {
	stat, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	if !stat.Mode().IsRegular() { // a folder: blobs lie in it, it is none
		return Info{}, ErrNotFound
	}
	head := make([]byte, 512) // as much as DetectContentType looks at
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Info{}, err
	}
	return Info{Name: name, Size: stat.Size(), ModTime: stat.ModTime(), ContentType: recognise(head[:n])}, nil
}

// recognise names the content types that this program stores.
func recognise(head []byte) string {
	switch t := http.DetectContentType(head); t {
	case "image/jpeg", "image/png", "image/webp":
		return t
	case "application/x-gzip":
		return "application/gzip" // RFC 6713
	}
	return "application/octet-stream"
}

// Delete removes a blob durably; see [Store]. Its folder stays until a sweep.
func (d *Disk) Delete(_ context.Context, name string) error {
	if !ValidName(name) {
		return nil // nothing can be there
	}
	err := d.remove(name)
	if err == nil {
		err = d.syncFolder(path.Dir(name))
	}
	if err != nil && !errors.Is(notFound(err), ErrNotFound) {
		return fmt.Errorf("delete blob %s: %w", name, err)
	}
	return nil
}

// remove removes a file, but no folder: os.Root.Remove would take an empty one.
func (d *Disk) remove(name string) error {
	stat, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if stat.IsDir() {
		return ErrNotFound
	}
	return d.root.Remove(name)
}

// notFound turns "part of the path is a file" into ErrNotFound: in a flat name
// space, "a/b" is simply missing where "a" is a blob.
func notFound(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return ErrNotFound
	}
	return err
}

// List yields the blobs whose names begin with prefix; see [Store].
func (d *Disk) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if !validPrefix(prefix) {
			return // no blob can be named so
		}
		err := d.walk(ctx, folderOf(prefix), func(name string, entry fs.DirEntry) error {
			if entry.IsDir() || !strings.HasPrefix(name, prefix) || !ValidName(name) {
				return nil
			}
			stat, err := entry.Info()
			if err != nil {
				return err
			}
			if stat.Mode().IsRegular() && !yield(Info{Name: name, Size: stat.Size(), ModTime: stat.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list blobs %q: %w", prefix, err))
		}
	}
}

// folderOf returns the deepest folder that holds every name with the prefix.
func folderOf(prefix string) string {
	return path.Dir(prefix + "x")
}

// Sweep removes the temporary files and the empty folders that have not been
// touched for olderThan: what killed processes and deleted photos left behind.
// It returns how many files it removed. olderThan must be longer than any Put
// takes; an hour is plenty.
func (d *Disk) Sweep(ctx context.Context, olderThan time.Duration) (int, error) {
	return d.SweepBelow(ctx, ".", olderThan)
}

// SweepBelow is Sweep for one folder and all below it; one that is not there is
// no error.
func (d *Disk) SweepBelow(ctx context.Context, folder string, olderThan time.Duration) (int, error) {
	limit := time.Now().Add(-olderThan)
	removed := 0
	var folders []string // parents before their children
	err := d.walk(ctx, folder, func(name string, entry fs.DirEntry) error {
		stat, err := entry.Info()
		if err != nil || !stat.ModTime().Before(limit) {
			return err
		}
		switch {
		case entry.IsDir() && name != folder:
			folders = append(folders, name)
		case strings.HasPrefix(entry.Name(), tempPrefix):
			removed++
			return d.root.Remove(name)
		}
		return nil
	})
	for i := len(folders) - 1; i >= 0; i-- {
		// Only an empty folder goes; that one with blobs stays is no error, and a
		// Put that meets the gap makes its folder anew.
		_ = d.root.Remove(folders[i])
	}
	if err != nil {
		return removed, fmt.Errorf("sweep blobs: %w", err)
	}
	return removed, nil
}

// walk calls visit for everything in folder. What disappears meanwhile, and a
// folder that is not there, is passed over.
func (d *Disk) walk(ctx context.Context, folder string, visit func(name string, entry fs.DirEntry) error) error {
	return fs.WalkDir(d.root.FS(), folder, func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = visit(name, entry)
		}
		if errors.Is(notFound(err), ErrNotFound) {
			return nil
		}
		return err
	})
}
