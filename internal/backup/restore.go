package backup

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/report"
)

// Restorer fills an empty installation from a backup.
type Restorer struct {
	Database    Database
	Blobs       blob.Store
	SecretsFile string // where keys that came in a file go
	// Journals are further journals of erasures, beside those of Blobs and of the
	// backup.
	Journals []report.Erasures
	// Erase erases what is personal in a restored report; done is false where
	// there was nothing to erase.
	Erase func(ctx context.Context, reportID string) (done bool, err error)
}

// Restored is what a restore has done.
type Restored struct {
	Manifest Manifest
	Erased   int  // reports that were erased after the backup, and again now
	Resumed  bool // the rows were there already, of an earlier try
}

// Restore fills the installation from the backup in a folder. What is there
// already is never overwritten: a database that holds rows is refused, and so is
// a file of the same name with another content; the same content may be there.
func (r Restorer) Restore(ctx context.Context, path string) (done Restored, err error) {
	from, m, id, err := openFolder(path)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, from.root.Close()) }()
	done.Manifest = m
	mark, err := r.Database.Loaded(ctx)
	switch {
	case err != nil:
		return done, err
	case mark == id:
		done.Resumed = true
		err = from.verifyLists(ctx, m)
	case mark != "":
		err = errors.New("the database is half restored from another backup: finish with that one, or empty it")
	default:
		err = r.fill(ctx, from, m, id)
	}
	if err != nil {
		return done, err
	}
	if err := r.Database.Migrate(ctx); err != nil {
		return done, err
	}
	if done.Erased, err = r.eraseAgain(ctx, from); err != nil {
		return done, fmt.Errorf("carry out erasures again: %w", err)
	}
	return done, r.Database.Finish(ctx)
}

// fill checks everything, and then stores files first and rows last.
func (r Restorer) fill(ctx context.Context, from *folder, m Manifest, id string) error {
	if err := r.mayRestore(ctx, m); err != nil {
		return err
	}
	if err := from.verifyLists(ctx, m); err != nil {
		return err
	}
	if err := from.verifyRows(ctx, m); err != nil {
		return err
	}
	leftOut, err := r.verifyFiles(ctx, from, m)
	if err != nil {
		return err
	}
	if err := r.putSecrets(from, m); err != nil {
		return err
	}
	if err := r.putBlobs(ctx, from); err != nil {
		return err
	}
	tables, lists := make([]Table, len(m.Tables)), map[string]TableList{}
	for i, t := range m.Tables {
		if tables[i], err = from.table(ctx, t); err != nil {
			return err
		}
		lists[t.Name] = t
	}
	return r.Database.Load(ctx, m.Schema, id, tables, func(table Table) iter.Seq2[Row, error] {
		return r.wholeRows(from.rows(ctx, lists[table.Name], table), table, leftOut)
	})
}

// mayRestore tells whether the backup and the installation fit.
func (r Restorer) mayRestore(ctx context.Context, m Manifest) error {
	newest, err := r.Database.Newest()
	if err != nil {
		return err
	}
	if m.Schema > newest {
		return fmt.Errorf("the backup has schema %d and was written by version %q; this program knows schemas up to %d: use a newer one",
			m.Schema, m.Program, newest)
	}
	table, err := r.Database.Occupied(ctx)
	if err != nil {
		return err
	}
	if table != "" {
		return fmt.Errorf("the database is not empty, its table %s holds rows: a restore goes into an empty one", table)
	}
	return r.checkSecrets(m)
}

// wholeRows leaves out the rows whose files were left out.
func (r Restorer) wholeRows(rows iter.Seq2[Row, error], table Table, leftOut map[string]bool) iter.Seq2[Row, error] {
	of, err := r.Database.Files(table)
	return func(yield func(Row, error) bool) {
		if err != nil {
			yield(nil, err)
			return
		}
		for row, err := range rows {
			if err == nil && of != nil {
				files, ferr := of(row)
				if ferr == nil && len(files.Names) > 0 && leftOut[files.Names[0]] {
					continue
				}
				err = ferr
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// verifyRows reads every row, so that a damaged one is found before the first
// write.
func (f *folder) verifyRows(ctx context.Context, m Manifest) error {
	for _, t := range m.Tables {
		table, err := f.table(ctx, t)
		if err != nil {
			return err
		}
		for _, err := range f.rows(ctx, t, table) {
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// verifyFiles makes sure that each file that a row refers to is in the list at
// its place, is in the backup as it was written, and that the blob store has no
// other one of that name. It returns the names of those that were left out.
func (r Restorer) verifyFiles(ctx context.Context, from *folder, m Manifest) (map[string]bool, error) {
	next, stop := iter.Pull2(from.blobs(ctx))
	defer stop()
	leftOut := map[string]bool{}
	for files, err := range referred(ctx, r.Database, from, m) {
		if err != nil {
			return nil, err
		}
		for _, name := range files.Names {
			listed, err, ok := next()
			if err != nil {
				return nil, err
			}
			if !ok || listed.Name != name {
				return nil, fmt.Errorf("the backup is damaged: %s does not list %.200q, to which a row refers", blobListName, name)
			}
			if leftOut[name] = listed.LeftOut; listed.LeftOut {
				continue
			}
			delete(leftOut, name) // few are left out, so few are remembered
			if err := r.verifyFile(ctx, from, listed); err != nil {
				return nil, err
			}
		}
	}
	switch more, err, ok := next(); {
	case err != nil:
		return nil, err
	case ok:
		return nil, fmt.Errorf("the backup is damaged: %s lists %.200q, to which no row refers", blobListName, more.Name)
	}
	return leftOut, nil
}

func (r Restorer) verifyFile(ctx context.Context, from *folder, b blobLine) error {
	if !blob.ValidName(b.Name) {
		return fmt.Errorf("the backup is damaged: %.200q is not the name of a file", b.Name)
	}
	if err := from.verify(ctx, blobsFolder+"/"+b.Name, b.Sum); err != nil {
		return err
	}
	_, err := r.present(ctx, b)
	return err
}

// present reports whether the blob store has the file already; with another
// content that is an error.
func (r Restorer) present(ctx context.Context, b blobLine) (bool, error) {
	there, err := r.Blobs.Get(ctx, b.Name)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s in the blob store: %w", b.Name, err)
	}
	defer func() { _ = there.Close() }() // only read from
	sum, err := sumOf(ctx, there)
	if err != nil {
		return false, fmt.Errorf("read %s in the blob store: %w", b.Name, err)
	}
	if sum != b.Sum {
		return false, fmt.Errorf("the blob store is not empty: it has another file named %s", b.Name)
	}
	return true, nil
}

func (r Restorer) putBlobs(ctx context.Context, from *folder) error {
	disk, err := blob.OpenDisk(from.path(blobsFolder))
	if err != nil {
		return fmt.Errorf("open the backup's files: %w", err)
	}
	defer func() { _ = disk.Close() }() // only read from
	for b, err := range from.blobs(ctx) {
		if err == nil && !b.LeftOut {
			err = r.putBlob(ctx, disk, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r Restorer) putBlob(ctx context.Context, disk *blob.Disk, b blobLine) error {
	if there, err := r.present(ctx, b); there || err != nil {
		return err
	}
	from, err := disk.Get(ctx, b.Name)
	if err != nil {
		return fmt.Errorf("the backup is not whole: %w", err)
	}
	defer func() { _ = from.Close() }() // only read from
	if err := r.Blobs.Put(ctx, b.Name, from, from.ContentType); err != nil {
		return fmt.Errorf("restore %s: %w", b.Name, err)
	}
	return nil
}

// eraseAgain carries out the erasures of all journals, and notes them in the
// blob store's own, for the next restore.
func (r Restorer) eraseAgain(ctx context.Context, from *folder) (n int, err error) {
	own := report.Erasures{Blobs: r.Blobs}
	journals := []iter.Seq2[string, error]{own.All(ctx), from.erasures(ctx)}
	for _, j := range r.Journals {
		journals = append(journals, j.All(ctx))
	}
	for _, ids := range journals {
		for id, err := range ids {
			if err != nil {
				return n, err
			}
			if err := own.Note(ctx, id); err != nil {
				return n, err
			}
			done, err := r.Erase(ctx, id)
			if err != nil {
				return n, fmt.Errorf("report %s: %w", id, err)
			}
			if done {
				n++
			}
		}
	}
	return n, nil
}
