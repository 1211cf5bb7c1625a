package geopackage

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/table"
	"github.com/kantsten/kantsten/geo/internal/wkb"
)

// Read reads the features of a layer of the GeoPackage db and passes each to
// yield, whose error ends the reading and is returned as it is. The layer is a
// table of features by its name, opts.Layer, or the only one there is.
//
// All columns but the geometry are properties, the primary key among them. A
// feature is named in errors by its primary key if it is one column, else by its
// row from zero. Features come in the order in which they are stored; what was
// yielded before an error must be discarded with the rest. Reading stops with
// the context.
func Read(ctx context.Context, db *sql.DB, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	r := table.NewReader(opts, yield)
	// In one transaction, all statements see the same file.
	return r.Read(ctx, db, &sql.TxOptions{ReadOnly: true}, "GeoPackage", func(tx *sql.Tx) error {
		if err := checkTables(ctx, tx); err != nil {
			return err
		}
		if err := checkLength(ctx, tx, r.Opts.MaxBytes); err != nil {
			return err
		}
		l, err := findLayer(ctx, tx, r.Opts.Layer)
		if err != nil {
			return err
		}
		if err := r.Features(ctx, tx, l.selection(r.Opts)); err != nil {
			return fmt.Errorf("layer %q: %w", l.table, err)
		}
		return nil
	})
}

// checkLength holds the length of the file against the longest that is allowed.
func checkLength(ctx context.Context, tx *sql.Tx, maxBytes int64) error {
	var pages, pageSize int64
	if err := tx.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return fmt.Errorf("ask for its length: %w", err)
	}
	if err := tx.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&pageSize); err != nil {
		return fmt.Errorf("ask for its length: %w", err)
	}
	if pages*pageSize > maxBytes {
		return fmt.Errorf("it has %d bytes, more than %d", pages*pageSize, maxBytes)
	}
	return nil
}

// statement selects a layer's features. What is too long to be right, or of a
// type that is no property, comes as NULL. A value that is an expression has no
// declared type, so that no driver makes a time or a truth value of it.
//
// A view may compute for ever between two rows, where modernc.org/sqlite does not
// look at the context; so all its rows are computed before the first is there.
func (l *layer) statement() string {
	var s strings.Builder
	fmt.Fprintf(&s, "SELECT typeof(%s), octet_length(%[1]s), CASE WHEN typeof(%[1]s) = 'blob' AND octet_length(%[1]s) <= ?1 THEN %[1]s END", quoted(l.geometry))
	for _, c := range l.columns {
		fmt.Fprintf(&s, ", CASE WHEN typeof(%s) IN ('text', 'integer', 'real') AND octet_length(%[1]s) <= %d THEN %[1]s END", quoted(c.Name), table.MaxTextBytes)
	}
	s.WriteString(" FROM main." + table.Quote(l.table) + " AS t")
	if l.view {
		return "WITH all_of_it AS MATERIALIZED (" + s.String() + " LIMIT ?2) SELECT * FROM all_of_it"
	}
	return s.String()
}

// selection is how the layer's features are selected and decoded.
func (l *layer) selection(opts geo.ReadOptions) table.Selection {
	var found value
	s := table.Selection{
		Statement: l.statement(),
		Arguments: []any{wkb.MaxBytes(opts.MaxVertices)},
		Geometry:  []any{&found.kind, &found.length, &found.blob},
		Decode:    func() (orb.Geometry, error) { return l.decode(found, opts) },
		Columns:   l.columns,
		Key:       l.key,
	}
	if l.view {
		s.Arguments = append(s.Arguments, int64(opts.MaxFeatures)+1)
	}
	return s
}
