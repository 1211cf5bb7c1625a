package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/report"
)

// Taker takes backups.
type Taker struct {
	Database    Database
	Blobs       blob.Store
	SecretsFile string // "" where the keys are in the database
	Program     string // version of this program
	Now         func() time.Time
}

// Take writes a backup into a folder, which it makes; one that is there has to
// be empty. With an error there is no manifest, and what was written is removed.
func (t Taker) Take(ctx context.Context, path string) (m Manifest, err error) {
	to, err := newFolder(path)
	if err != nil {
		return Manifest{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, to.empty())
		}
		err = errors.Join(err, to.root.Close())
	}()
	m = Manifest{Format: format, Program: t.Program, TakenAt: t.Now().UTC()}
	if err := t.dump(ctx, to, &m); err != nil {
		return Manifest{}, err
	}
	if m.Blobs, err = t.copyBlobs(ctx, to, m); err != nil {
		return Manifest{}, err
	}
	if m.Erasures, err = t.copyErasures(ctx, to); err != nil {
		return Manifest{}, err
	}
	if err := t.amend(ctx, to, &m); err != nil {
		return Manifest{}, err
	}
	if m.Secrets, err = t.copySecrets(to); err != nil {
		return Manifest{}, err
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return Manifest{}, fmt.Errorf("encode the manifest: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Manifest{}, err
	}
	return m, to.finish(append(data, '\n'))
}

// dump writes the tables.
func (t Taker) dump(ctx context.Context, to *folder, m *Manifest) (err error) {
	mark, err := t.Database.Loaded(ctx)
	if err != nil {
		return err
	}
	if mark != "" {
		return errors.New("a restore into this database is not finished: there is nothing to back up yet")
	}
	m.Schema, err = t.Database.Dump(ctx, func(table Table, rows iter.Seq2[Row, error]) error {
		if !tableName.MatchString(table.Name) {
			return fmt.Errorf("%q is not a name that a backup can hold", table.Name)
		}
		entry := TableList{Name: table.Name}
		var err error
		entry.List, err = writeRows(to, entry.path(), table, rows)
		if err != nil {
			return fmt.Errorf("back up table %s: %w", table.Name, err)
		}
		m.Tables = append(m.Tables, entry)
		return nil
	})
	return err
}

// tableHead is the first line of a table's file.
type tableHead struct {
	Columns []Column `json:"columns"`
}

func writeRows(to *folder, name string, table Table, rows iter.Seq2[Row, error]) (List, error) {
	out, err := to.createLines(name)
	if err != nil {
		return List{}, err
	}
	list, err := out.end(addRows(out, table, rows))
	list.Lines-- // the line of columns
	return list, err
}

func addRows(out *lines, table Table, rows iter.Seq2[Row, error]) error {
	if err := addJSON(out, tableHead{table.Columns}); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		line, err := encodeRow(row)
		if err != nil {
			return err
		}
		if err := out.add(line); err != nil {
			return err
		}
	}
	return nil
}

func addJSON(out *lines, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a line: %w", err)
	}
	return out.add(append(line, '\n'))
}

// copyBlobs copies the files that the rows of the backup refer to. The rows are
// read back from the backup, so that the database's transaction is over by now.
func (t Taker) copyBlobs(ctx context.Context, to *folder, m Manifest) (List, error) {
	disk, err := blob.OpenDisk(to.path(blobsFolder))
	if err != nil {
		return List{}, fmt.Errorf("open the backup's files: %w", err)
	}
	defer func() { _ = disk.Close() }() // each Put is durable when it returns
	out, err := to.createLines(blobListName)
	if err != nil {
		return List{}, err
	}
	return out.end(func() error {
		for files, err := range referred(ctx, t.Database, to, m) {
			if err == nil {
				err = t.copyFiles(ctx, disk, out, files)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}())
}

// copyFiles copies the files of one row: all of them, or none.
func (t Taker) copyFiles(ctx context.Context, disk *blob.Disk, out *lines, files Files) error {
	copied, err := t.copyAll(ctx, disk, files)
	if gone := (*goneError)(nil); errors.As(err, &gone) {
		if err := t.mayBeGone(ctx, gone.name, files); err != nil {
			return err
		}
		return leaveOut(ctx, disk, out, files)
	}
	if err != nil {
		return err
	}
	return addAll(out, copied)
}

// copyAll copies the files of one row. Where one of them is not there, that is a
// [goneError], and some may have been copied.
func (t Taker) copyAll(ctx context.Context, disk *blob.Disk, files Files) ([]blobLine, error) {
	copied := make([]blobLine, len(files.Names))
	for i, name := range files.Names {
		sum, err := t.copyBlob(ctx, disk, name)
		if errors.Is(err, blob.ErrNotFound) {
			return nil, &goneError{name, err}
		}
		if err != nil {
			return nil, err
		}
		copied[i] = blobLine{Name: name, Sum: sum}
	}
	return copied, nil
}

// goneError is the error of copying a file that is not there.
type goneError struct {
	name string
	error
}

func (e *goneError) Unwrap() error { return e.error }

// mayBeGone tells a file that was erased or swept meanwhile, or was not there
// yet, from one that is lost.
func (t Taker) mayBeGone(ctx context.Context, name string, files Files) error {
	if files.Optional {
		return nil
	}
	still, err := t.Database.Refers(ctx, name)
	if err != nil {
		return err
	}
	if still {
		return fmt.Errorf("the file %s is lost: the database refers to it, and the blob store does not have it", name)
	}
	return nil
}

func leaveOut(ctx context.Context, disk *blob.Disk, out *lines, files Files) error {
	gone := make([]blobLine, len(files.Names))
	for i, name := range files.Names {
		if err := disk.Delete(ctx, name); err != nil {
			return err
		}
		gone[i] = blobLine{Name: name, LeftOut: true}
	}
	return addAll(out, gone)
}

func addAll(out *lines, all []blobLine) error {
	for _, b := range all {
		if err := addJSON(out, b); err != nil {
			return err
		}
	}
	return nil
}

func (t Taker) copyBlob(ctx context.Context, disk *blob.Disk, name string) (Sum, error) {
	from, err := t.Blobs.Get(ctx, name)
	if err != nil {
		return Sum{}, err
	}
	defer func() { _ = from.Close() }() // only read from
	s := newSummer(from)
	if err := disk.Put(ctx, name, s, from.ContentType); err != nil {
		return Sum{}, fmt.Errorf("copy %s: %w", name, withoutNotFound{err})
	}
	return s.sum(), nil
}

// withoutNotFound is an error of the copy, which says nothing of the original.
type withoutNotFound struct{ error }

// copyErasures copies the journal. It comes last: who had a report erased while
// the backup was taken is in it.
func (t Taker) copyErasures(ctx context.Context, to *folder) (List, error) {
	out, err := to.createLines(erasuresName)
	if err != nil {
		return List{}, err
	}
	return out.end(func() error {
		for id, err := range (report.Erasures{Blobs: t.Blobs}).All(ctx) {
			if err == nil {
				err = addJSON(out, id)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}())
}
