package backup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/report"
)

// retakes is how often a row is read again whose files change once more while they
// are copied.
const retakes = 10

// place is where a row stands in a backup.
type place struct {
	table string
	row   int
}

// late is what changed after the rows were read, in the pictures that they refer
// to: a photo was masked, or lost what it kept from before. Its row is taken over as
// it is now, so that it fits files that are there.
type late struct {
	rows map[place]lateRow
	// folders are those that these rows refer to now. Where they lay under rows of
	// their own until then, those rows are left out.
	folders map[string]bool
}

type lateRow struct {
	row   Row
	lines []blobLine
}

// amend takes over what was masked while the files were copied. The journal has been
// copied by then, and names every folder whose files were to go; without its row
// taken over, a photo in one of them would be deleted by a restore, or be left out.
func (t Taker) amend(ctx context.Context, to *folder, m *Manifest) error {
	found, err := t.findLate(ctx, to, *m)
	if err != nil || len(found.rows) == 0 {
		return err
	}
	next, stop := iter.Pull2(to.blobs(ctx))
	defer stop()
	list, err := to.createLines(newBlobList)
	if err != nil {
		return err
	}
	tables := slices.Clone(m.Tables)
	m.Blobs, err = list.end(func() error {
		for i, of := range m.Tables {
			if err := t.rewrite(ctx, to, &tables[i], of, found, next, list); err != nil {
				return fmt.Errorf("take over what changed in table %s: %w", of.Name, err)
			}
		}
		return nil
	}())
	if err != nil {
		return err
	}
	m.Tables = tables
	return to.root.Rename(newBlobList, blobListName)
}

// The names of files that take the place of others once they are whole.
const (
	newBlobList = ".blobs.new"
	newTable    = ".table.new"
)

// findLate looks for rows whose files were gone, or stand in the journal, and
// copies what they refer to now.
func (t Taker) findLate(ctx context.Context, to *folder, m Manifest) (late, error) {
	found := late{rows: map[place]lateRow{}, folders: map[string]bool{}}
	going := map[string]bool{}
	for id, err := range (report.Erasures{Blobs: t.Blobs}).All(ctx) {
		if err != nil {
			return late{}, err
		}
		going[id] = true
	}
	disk, err := blob.OpenDisk(to.path(blobsFolder))
	if err != nil {
		return late{}, fmt.Errorf("open the backup's files: %w", err)
	}
	defer func() { _ = disk.Close() }() // each Put is durable when it returns
	next, stop := iter.Pull2(to.blobs(ctx))
	defer stop()
	for _, list := range m.Tables {
		err := t.eachWithFiles(ctx, to, list, func(table Table, n int, row Row, files Files) error {
			lines, err := take(next, len(files.Names))
			if err != nil || files.Optional || !lines[0].LeftOut && !going[files.Folder] {
				return err
			}
			return t.retake(ctx, disk, found, place{list.Name, n}, table, row, files)
		})
		if err != nil {
			return late{}, err
		}
	}
	return found, nil
}

// eachWithFiles visits the rows of a table that refer to files.
func (t Taker) eachWithFiles(ctx context.Context, to *folder, list TableList, visit func(table Table, n int, row Row, files Files) error) error {
	table, err := to.table(ctx, list)
	if err != nil {
		return err
	}
	of, err := t.Database.Files(table)
	if err != nil || of == nil {
		return err
	}
	n := 0
	for row, err := range to.rows(ctx, list, table) {
		if err != nil {
			return err
		}
		files, err := of(row)
		if err == nil && len(files.Names) > 0 {
			err = visit(table, n, row, files)
		}
		if err != nil {
			return err
		}
		n++
	}
	return nil
}

// take reads the next lines of a list.
func take(next func() (blobLine, error, bool), n int) ([]blobLine, error) {
	lines := make([]blobLine, n)
	for i := range lines {
		line, err, ok := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errors.New("the list of files is shorter than what the rows refer to")
		}
		lines[i] = line
	}
	return lines, nil
}

// retake copies the files that a row refers to now. A row that is gone, or whose
// files are still what they were, stays as it was taken.
func (t Taker) retake(ctx context.Context, disk *blob.Disk, found late, at place, table Table, row Row, before Files) error {
	of, err := t.Database.Files(table)
	if err != nil {
		return err
	}
	for range retakes {
		now, ok, err := t.Database.Current(ctx, table, row)
		if err != nil || !ok {
			return err
		}
		files, err := of(now)
		if err != nil || slices.Equal(files.Names, before.Names) {
			return err
		}
		lines, err := t.copyAll(ctx, disk, files)
		if errors.Is(err, blob.ErrNotFound) {
			continue // masked once more
		}
		if err != nil {
			return err
		}
		found.rows[at], found.folders[files.Folder] = lateRow{now, lines}, true
		return deleteOthers(ctx, disk, before.Names, files.Names)
	}
	return fmt.Errorf("the files of a row of table %s change faster than they can be copied", table.Name)
}

// deleteOthers removes from the backup what no row refers to any more: it shows what
// was masked.
func deleteOthers(ctx context.Context, disk *blob.Disk, names, but []string) error {
	for _, name := range names {
		if slices.Contains(but, name) {
			continue
		}
		if err := disk.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// rewrite writes a table's part of the list of files, and the table itself if one of
// its rows was found.
func (t Taker) rewrite(ctx context.Context, to *folder, into *TableList, list TableList, found late, next func() (blobLine, error, bool), out *lines) error {
	left := map[int]bool{} // rows that are left out
	changes := false
	err := t.eachWithFiles(ctx, to, list, func(_ Table, n int, _ Row, files Files) error {
		lines, err := take(next, len(files.Names))
		if err != nil {
			return err
		}
		now, is := found.rows[place{list.Name, n}]
		switch {
		case is:
			lines = now.lines
		case files.Optional && found.folders[files.Folder]:
			left[n], lines = true, nil
		}
		changes = changes || is || left[n]
		return addAll(out, lines)
	})
	if err != nil || !changes {
		return err
	}
	return rewriteRows(ctx, to, into, list, found, left)
}

// rewriteRows writes a table anew.
func rewriteRows(ctx context.Context, to *folder, into *TableList, list TableList, found late, left map[int]bool) error {
	table, err := to.table(ctx, list)
	if err != nil {
		return err
	}
	n := -1
	into.List, err = writeRows(to, newTable, table, func(yield func(Row, error) bool) {
		for row, err := range to.rows(ctx, list, table) {
			n++
			if left[n] {
				continue
			}
			if now, is := found.rows[place{list.Name, n}]; is {
				row = now.row
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return to.root.Rename(newTable, list.path())
}
