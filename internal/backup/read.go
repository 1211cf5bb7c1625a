package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/kantsten/kantsten/internal/blob"
)

// maxLine bounds one row, bytes: descriptions and traces are some thousands.
const maxLine = 16 << 20

// openFolder opens a backup and reads its manifest. The id tells the backup from
// every other: it is the manifest's hash.
func openFolder(path string) (f *folder, m Manifest, id string, err error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Manifest{}, "", fmt.Errorf("open the backup: %w", err)
	}
	f = &folder{root}
	data, err := f.read(manifestName, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is no backup, or one that was broken off: it has no %s", path, manifestName)
	}
	if err == nil {
		m, err = parseManifest(data)
	}
	if err != nil {
		return nil, Manifest{}, "", errors.Join(err, root.Close())
	}
	sum := sha256.Sum256(data)
	return f, m, hex.EncodeToString(sum[:]), nil
}

// read reads a small file.
func (f *folder) read(name string, limit int64) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return data, err
}

// verifyLists compares every file that the manifest names with its sum.
func (f *folder) verifyLists(ctx context.Context, m Manifest) error {
	for _, t := range m.Tables {
		if err := f.verify(ctx, t.path(), t.Sum); err != nil {
			return err
		}
	}
	if err := f.verify(ctx, blobListName, m.Blobs.Sum); err != nil {
		return err
	}
	if err := f.verify(ctx, erasuresName, m.Erasures.Sum); err != nil {
		return err
	}
	if m.Secrets == nil {
		return nil
	}
	return f.verify(ctx, secretsName, *m.Secrets)
}

func (f *folder) verify(ctx context.Context, name string, want Sum) error {
	got, err := f.sumOf(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the backup is not whole: %s is missing", name)
	}
	if err != nil {
		return fmt.Errorf("read %s of the backup: %w", name, err)
	}
	if got != want {
		return fmt.Errorf("the backup is damaged: %s is not what was written (%d bytes with SHA-256 %s, expected %d with %.64s)",
			name, got.Bytes, got.SHA256, want.Bytes, want.SHA256)
	}
	return nil
}

// lines yields the lines of a compressed file; they are valid until the next.
func (f *folder) lines(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		file, err := f.root.Open(name)
		if err != nil {
			yield(nil, fmt.Errorf("the backup is not whole: %w", err))
			return
		}
		defer func() { _ = file.Close() }() // only read from
		unzipped, err := gzip.NewReader(blob.UntilDone(ctx, file))
		if err != nil {
			yield(nil, fmt.Errorf("read %s of the backup: %w", name, err))
			return
		}
		scan := bufio.NewScanner(unzipped)
		scan.Buffer(make([]byte, 0, 64<<10), maxLine)
		for scan.Scan() {
			if !yield(scan.Bytes(), nil) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(nil, fmt.Errorf("read %s of the backup: %w", name, err))
		}
	}
}

// table reads the columns of a table.
func (f *folder) table(ctx context.Context, t TableList) (Table, error) {
	for line, err := range f.lines(ctx, t.path()) {
		if err != nil {
			return Table{}, err
		}
		var head tableHead
		if err := json.Unmarshal(line, &head); err != nil || len(head.Columns) == 0 {
			break
		}
		return Table{Name: t.Name, Columns: head.Columns}, nil
	}
	return Table{}, fmt.Errorf("the backup is damaged: %s does not begin with its columns", t.path())
}

// rows yields the rows of a table, as many as the manifest says.
func (f *folder) rows(ctx context.Context, t TableList, table Table) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		n := int64(-1) // the first line has the columns
		for line, err := range f.lines(ctx, t.path()) {
			var row Row
			if n++; err == nil && n > 0 {
				row, err = decodeRow(line, table.Columns)
			}
			if err != nil {
				yield(nil, fmt.Errorf("%s, line %d: %w", t.path(), n+1, err))
				return
			}
			if n > 0 && !yield(row, nil) {
				return
			}
		}
		if n != t.Lines {
			yield(nil, fmt.Errorf("the backup is damaged: %s has %d rows, expected %d", t.path(), n, t.Lines))
		}
	}
}

// blobs yields the list of files.
func (f *folder) blobs(ctx context.Context) iter.Seq2[blobLine, error] {
	return func(yield func(blobLine, error) bool) {
		for line, err := range f.lines(ctx, blobListName) {
			var b blobLine
			if err == nil && json.Unmarshal(line, &b) != nil {
				err = fmt.Errorf("the backup is damaged: %s has a line that is not what is expected", blobListName)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// erasures yields the ids of the backup's copy of the journal.
func (f *folder) erasures(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for line, err := range f.lines(ctx, erasuresName) {
			var id string
			if err == nil && json.Unmarshal(line, &id) != nil {
				err = fmt.Errorf("the backup is damaged: %s has a line that is not an id", erasuresName)
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// referred yields the files that each row refers to, in the order of tables and
// rows; nothing for rows without files.
func referred(ctx context.Context, db Database, f *folder, m Manifest) iter.Seq2[Files, error] {
	return func(yield func(Files, error) bool) {
		for _, t := range m.Tables {
			table, err := f.table(ctx, t)
			if err != nil {
				yield(Files{}, err)
				return
			}
			if !eachFiles(ctx, db, f, t, table, yield) {
				return
			}
		}
	}
}

// eachFiles yields the files of one table's rows, and reports whether to go on.
func eachFiles(ctx context.Context, db Database, f *folder, t TableList, table Table, yield func(Files, error) bool) bool {
	of, err := db.Files(table)
	if err != nil {
		yield(Files{}, err)
		return false
	}
	if of == nil {
		return true
	}
	for row, err := range f.rows(ctx, t, table) {
		var files Files
		if err == nil {
			files, err = of(row)
		}
		if err != nil {
			yield(Files{}, err)
			return false
		}
		if len(files.Names) > 0 && !yield(files, nil) {
			return false
		}
	}
	return true
}

// summer sums up what is read through it.
type summer struct {
	r    io.Reader
	hash hash.Hash
	n    int64
}

func newSummer(r io.Reader) *summer { return &summer{r: r, hash: sha256.New()} }

func (s *summer) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	_, _ = s.hash.Write(p[:n]) // a hash never fails to write
	s.n += int64(n)
	return n, err
}

func (s *summer) sum() Sum { return Sum{Bytes: s.n, SHA256: hex.EncodeToString(s.hash.Sum(nil))} }
