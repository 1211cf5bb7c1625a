package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/kantsten/kantsten/internal/backup"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/routing"
)

// Backups is the backup.Database. Tables and columns come from the schema
// itself, so that none can be forgotten.
type Backups struct{ *DB }

var _ backup.Database = Backups{}

// Dump reads all tables in one read transaction.
func (s Backups) Dump(ctx context.Context, table func(backup.Table, iter.Seq2[backup.Row, error]) error) (schema int64, err error) {
	// On SQLite every read transaction is such a snapshot, from its first read on.
	snapshot, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return 0, s.asProblem(fmt.Errorf("begin to read: %w", err))
	}
	defer func() { err = errors.Join(err, ended(snapshot.Rollback())) }()
	tables, err := s.tables(ctx, snapshot)
	if err != nil {
		return 0, s.asProblem(err)
	}
	if len(tables) == 0 {
		return 0, errors.New("the database is empty: there is nothing to back up")
	}
	if err := snapshot.QueryRowContext(ctx, `SELECT max(version_id) FROM `+goose.DefaultTablename+` WHERE is_applied`).Scan(&schema); err != nil {
		return 0, s.asProblem(fmt.Errorf("read the version of the schema: %w", err))
	}
	for _, t := range tables {
		if err := table(t, s.all(ctx, snapshot, t)); err != nil {
			return 0, err
		}
	}
	return schema, nil
}

// all yields the rows of a table.
func (s Backups) all(ctx context.Context, snapshot runner, t backup.Table) iter.Seq2[backup.Row, error] {
	return func(yield func(backup.Row, error) bool) {
		rows, err := snapshot.QueryContext(ctx, "SELECT "+columnList(t)+" FROM "+quoted(t.Name)+rowsOf(t))
		if err != nil {
			yield(nil, s.asProblem(err))
			return
		}
		defer func() { _ = rows.Close() }() // rows.Err below says what went wrong
		for rows.Next() {
			row, err := scanAny(rows, t.Columns)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, s.asProblem(err))
		}
	}
}

// rowsOf leaves out uploads on their way: what has arrived of them is original
// bytes, which are in no backup, so a row would promise what cannot be kept.
func rowsOf(t backup.Table) string {
	if t.Name == "uploads" {
		return " WHERE 1 = 0"
	}
	return ""
}

// nullable is a value of any column: it takes one from a row and gives it back.
type nullable[T any] struct{ sql.Null[T] }

func (n *nullable[T]) value() any {
	if !n.Valid {
		return nil
	}
	return n.V
}

func scanAny(rows *sql.Rows, columns []backup.Column) (backup.Row, error) {
	into := make([]any, len(columns))
	for i, c := range columns {
		switch c.Type {
		case backup.Text:
			into[i] = &nullable[string]{}
		case backup.Int:
			into[i] = &nullable[int64]{}
		case backup.Float:
			into[i] = &nullable[float64]{}
		case backup.Bool:
			into[i] = &nullable[bool]{}
		}
	}
	if err := rows.Scan(into...); err != nil {
		return nil, fmt.Errorf("read a row: %w", err)
	}
	row := make(backup.Row, len(columns))
	for i, v := range into {
		row[i] = v.(interface{ value() any }).value() //nolint:errcheck // all of them are nullable
	}
	return row, nil
}

// columnTypes are the types that the migrations use, as either database calls
// them.
var columnTypes = map[string]backup.Type{
	"text": backup.Text, "bigint": backup.Int, "double precision": backup.Float, "boolean": backup.Bool,
}

// tables lists all tables but the migrations' own, each after those that it
// refers to.
func (db *DB) tables(ctx context.Context, run runner) ([]backup.Table, error) {
	columns := map[string][]backup.Column{}
	rows, err := run.QueryContext(ctx, db.dialect.columns)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var table, name, kind string
		if err := row.Scan(&table, &name, &kind); err != nil || table == goose.DefaultTablename {
			return struct{}{}, err
		}
		as, known := columnTypes[strings.ToLower(kind)]
		if !known {
			return struct{}{}, fmt.Errorf("column %s of table %s has the type %s, which a backup cannot hold", name, table, kind)
		}
		columns[table] = append(columns[table], backup.Column{Name: name, Type: as})
		return struct{}{}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	refers, err := db.references(ctx, run)
	if err != nil {
		return nil, err
	}
	var all []backup.Table
	for _, name := range parentsFirst(slices.Sorted(maps.Keys(columns)), refers) {
		all = append(all, backup.Table{Name: name, Columns: columns[name]})
	}
	return all, nil
}

// references returns for each table those that its rows refer to.
func (db *DB) references(ctx context.Context, run runner) (map[string][]string, error) {
	refers := map[string][]string{}
	rows, err := run.QueryContext(ctx, db.dialect.references)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var child, parent string
		err := row.Scan(&child, &parent)
		refers[child] = append(refers[child], parent)
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the references between tables: %w", err)
	}
	return refers, nil
}

// parentsFirst puts each name after those that it refers to. Of a circle, whose
// references have to be deferred anyway, it takes one name first.
func parentsFirst(names []string, refers map[string][]string) []string {
	var ordered []string
	seen := map[string]bool{}
	var put func(name string)
	put = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, parent := range refers[name] {
			put(parent)
		}
		ordered = append(ordered, name)
	}
	for _, name := range names {
		put(name)
	}
	return ordered
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func columnList(t backup.Table) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = quoted(c.Name)
	}
	return strings.Join(names, ", ")
}

// Files tells which blobs the rows of a table refer to. A table that comes to
// refer to blobs is added here.
func (s Backups) Files(t backup.Table) (func(backup.Row) (backup.Files, error), error) {
	switch t.Name {
	case "photos":
		at, err := positions(t, "folder", "sha256", "report", "unmasked")
		return func(row backup.Row) (backup.Files, error) {
			return photoFiles(row[at[0]], row[at[1]], row[at[3]], row[at[2]] != nil)
		}, err
	case "boundary_sets":
		at, err := positions(t, "index_blob", "features_blob")
		return func(row backup.Row) (backup.Files, error) {
			index, ok1 := row[at[0]].(string)
			features, ok2 := row[at[1]].(string)
			if !ok1 || !ok2 {
				return backup.Files{}, errors.New("a boundary set does not name its files")
			}
			return backup.Files{Names: []string{index, features}}, nil
		}, err
	}
	return nil, nil
}

func positions(t backup.Table, names ...string) ([]int, error) {
	at := make([]int, len(names))
	for i, name := range names {
		at[i] = slices.IndexFunc(t.Columns, func(c backup.Column) bool { return c.Name == name })
		if at[i] < 0 {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, name)
		}
	}
	return at, nil
}

func photoFiles(folder, hashes, unmasked any, claimed bool) (backup.Files, error) {
	name, ok1 := folder.(string)
	text, ok2 := hashes.(string)
	before, ok3 := unmasked.(string)
	var bySize map[int]string
	if !ok1 || !ok2 || !ok3 || json.Unmarshal([]byte(text), &bySize) != nil {
		return backup.Files{}, fmt.Errorf("photo %.60q does not name its renditions", name)
	}
	files := backup.Files{Optional: !claimed, Folder: name}
	for _, size := range slices.Sorted(maps.Keys(bySize)) {
		files.Names = append(files.Names, photo.Name(name, size, bySize[size]))
	}
	if before != "" {
		files.Names = append(files.Names, photo.UnmaskedName(name, before))
	}
	return files, nil
}

// Current returns the row of a photo with the version of its pictures that it has at
// this moment, if it still belongs to its report.
func (s Backups) Current(ctx context.Context, t backup.Table, row backup.Row) (backup.Row, bool, error) {
	if t.Name != "photos" {
		return nil, false, nil
	}
	at, err := positions(t, "id", "report", "folder", "sha256", "likeness", "blurhash", "masks", "unmasked")
	if err != nil {
		return nil, false, err
	}
	var folder, hashes, blurHash, masks, unmasked string
	var likeness int64
	ok, err := s.one(ctx, `SELECT folder, sha256, likeness, blurhash, masks, unmasked FROM photos WHERE id = $1 AND report = $2`,
		[]any{row[at[0]], row[at[1]]}, &folder, &hashes, &likeness, &blurHash, &masks, &unmasked)
	if err != nil || !ok {
		return nil, false, err
	}
	now := slices.Clone(row)
	for i, v := range []any{folder, hashes, likeness, blurHash, masks, unmasked} {
		now[at[2+i]] = v
	}
	return now, true, nil
}

// Refers reports whether a row refers to the blob at this moment. Those of boundary
// sets count as referred to for good, also an index whose place another has taken
// since: sets share files, so that none may be left out of a backup.
func (s Backups) Refers(ctx context.Context, name string) (bool, error) {
	if strings.HasPrefix(name, routing.BlobFolder) {
		return true, nil
	}
	folder, _, _, ok := photo.ParseName(name)
	unmasked := ""
	if !ok {
		unmasked, _ = photo.ParseUnmaskedName(name)
	}
	var n int
	if _, err := s.one(ctx, `SELECT count(*) FROM photos WHERE folder = $1 OR folder = $2 AND unmasked <> ''`,
		[]any{folder, unmasked}, &n); err != nil {
		return false, fmt.Errorf("look up who refers to %s: %w", name, err)
	}
	return n > 0, nil
}
