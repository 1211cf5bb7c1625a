package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/backup"
)

// restoring is the fact that marks a database whose restore is not finished.
const restoring = "restoring"

// loadValues is how many values one statement stores; SQLite takes up to 32,766.
const loadValues = 4096

// Newest returns the newest version of the schema that this program knows.
func (s Backups) Newest() (int64, error) {
	provider, err := s.migrations()
	if err != nil {
		return 0, err
	}
	steps := provider.ListSources()
	return steps[len(steps)-1].Version, nil
}

// Occupied returns the name of a table that holds rows.
func (s Backups) Occupied(ctx context.Context) (string, error) {
	tables, err := s.tables(ctx, s.read)
	if err != nil {
		return "", s.asProblem(err)
	}
	table, err := occupied(ctx, s.read, tables)
	return table, s.asProblem(err)
}

func occupied(ctx context.Context, run runner, tables []backup.Table) (string, error) {
	for _, t := range tables {
		var holds bool
		if err := run.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+quoted(t.Name)+`)`).Scan(&holds); err != nil {
			return "", fmt.Errorf("look into table %s: %w", t.Name, err)
		}
		if holds {
			return t.Name, nil
		}
	}
	return "", nil
}

// Load brings an empty database to the schema and fills it in one transaction.
func (s Backups) Load(ctx context.Context, schema int64, mark string, tables []backup.Table, rows func(backup.Table) iter.Seq2[backup.Row, error]) error {
	if err := s.migrateTo(ctx, schema); err != nil {
		return err
	}
	return s.inTx(ctx, func(txCtx context.Context, t *tx) error {
		present, err := s.tables(txCtx, t.run)
		if err != nil {
			return err
		}
		if err := sameTables(present, tables); err != nil {
			return err
		}
		holds, err := occupied(txCtx, t.run, present)
		if err != nil {
			return err
		}
		if holds != "" {
			return fmt.Errorf("the database is not empty, its table %s holds rows: a restore goes into an empty one", holds)
		}
		for _, table := range tables {
			// The writer sees a transaction through once it has begun; this one is
			// long, so it asks its own caller whether to go on.
			if err := t.fill(txCtx, table, untilDone(ctx, rows(table))); err != nil {
				return fmt.Errorf("restore table %s: %w", table.Name, err)
			}
		}
		_, err = t.exec(txCtx, `INSERT INTO installation (name, value) VALUES ($1, $2)`, restoring, mark)
		return err
	})
}

// untilDone ends a sequence when the context is done.
func untilDone(ctx context.Context, rows iter.Seq2[backup.Row, error]) iter.Seq2[backup.Row, error] {
	return func(yield func(backup.Row, error) bool) {
		for row, err := range rows {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// sameTables makes sure that the names in a backup, which become part of
// statements, are those of the schema, and that none is missing.
func sameTables(present, given []backup.Table) error {
	if len(present) != len(given) {
		return fmt.Errorf("the backup has %d tables, its schema has %d", len(given), len(present))
	}
	byName := func(a, b backup.Column) int { return strings.Compare(a.Name, b.Name) }
	for _, p := range present {
		i := slices.IndexFunc(given, func(g backup.Table) bool { return g.Name == p.Name })
		if i < 0 {
			return fmt.Errorf("the backup has no table %s", p.Name)
		}
		if !slices.Equal(slices.SortedFunc(slices.Values(p.Columns), byName), slices.SortedFunc(slices.Values(given[i].Columns), byName)) {
			return fmt.Errorf("table %s of the backup has not the columns of its schema", p.Name)
		}
	}
	return nil
}

// fill stores rows, many in a statement.
func (t *tx) fill(ctx context.Context, table backup.Table, rows iter.Seq2[backup.Row, error]) error {
	most := max(1, loadValues/len(table.Columns)) * len(table.Columns)
	values := make([]any, 0, most)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if values = append(values, row...); len(values) < most {
			continue
		}
		if err := t.insertMany(ctx, table, values); err != nil {
			return err
		}
		values = values[:0]
	}
	if len(values) == 0 {
		return nil
	}
	return t.insertMany(ctx, table, values)
}

// insertMany stores as many rows as there are values for.
func (t *tx) insertMany(ctx context.Context, table backup.Table, values []any) error {
	var query strings.Builder
	query.WriteString("INSERT INTO " + quoted(table.Name) + " (" + columnList(table) + ") VALUES ")
	for i := range values {
		switch {
		case i == 0:
			query.WriteString("(")
		case i%len(table.Columns) == 0:
			query.WriteString("), (")
		default:
			query.WriteString(", ")
		}
		fmt.Fprintf(&query, "$%d", i+1)
	}
	query.WriteString(")")
	_, err := t.exec(ctx, query.String(), values...)
	return err
}

// Loaded returns the mark of a restore that is not finished.
func (s Backups) Loaded(ctx context.Context) (string, error) {
	tables, err := s.tables(ctx, s.read)
	if err != nil {
		return "", s.asProblem(err)
	}
	if !slices.ContainsFunc(tables, func(t backup.Table) bool { return t.Name == "installation" }) {
		return "", nil
	}
	return Installation(s).Fact(ctx, restoring)
}

// Finish removes the mark.
func (s Backups) Finish(ctx context.Context) error {
	return s.inTx(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `DELETE FROM installation WHERE name = $1`, restoring)
		return err
	})
}
