package geopackage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/wkb"
)

// maxTextBytes is the longest value that is looked at for a code or a name.
const maxTextBytes = 4096

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
	r := reader{opts: opts.WithDefaults(), yield: yield}
	err := r.read(ctx, db)
	if r.yieldErr != nil {
		return r.yieldErr
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err) // drivers say only that they were interrupted
	}
	if err != nil {
		return fmt.Errorf("read GeoPackage: %w", err)
	}
	return nil
}

// reader reads one layer.
type reader struct {
	opts     geo.ReadOptions
	yield    func(geo.Feature) error
	yieldErr error
	layer    *layer
	count    int // features read
	values   []any
	props    []geo.Property
}

var errStopped = errors.New("stopped")

// read does it in one transaction, so that all statements see the same file.
func (r *reader) read(ctx context.Context, db *sql.DB) error {
	if r.opts.Kind > geo.Points {
		return fmt.Errorf("%v are unknown", r.opts.Kind)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("open it: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := checkTables(ctx, tx); err != nil {
		return err
	}
	if err := r.checkLength(ctx, tx); err != nil {
		return err
	}
	if r.layer, err = findLayer(ctx, tx, r.opts.Layer); err != nil {
		return err
	}
	if err := r.features(ctx, tx); err != nil {
		return fmt.Errorf("layer %q: %w", r.layer.table, err)
	}
	return nil
}

// checkLength holds the length of the file against the options.
func (r *reader) checkLength(ctx context.Context, tx *sql.Tx) error {
	var pages, pageSize int64
	if err := tx.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return fmt.Errorf("ask for its length: %w", err)
	}
	if err := tx.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&pageSize); err != nil {
		return fmt.Errorf("ask for its length: %w", err)
	}
	if pages*pageSize > r.opts.MaxBytes {
		return fmt.Errorf("it has %d bytes, more than %d", pages*pageSize, r.opts.MaxBytes)
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
	geometry := l.geometry.quoted()
	fmt.Fprintf(&s, "SELECT typeof(%s), octet_length(%[1]s), CASE WHEN typeof(%[1]s) = 'blob' AND octet_length(%[1]s) <= ?1 THEN %[1]s END", geometry)
	for _, c := range l.columns {
		fmt.Fprintf(&s, ", CASE WHEN typeof(%s) IN ('text', 'integer', 'real') AND octet_length(%[1]s) <= %d THEN %[1]s END", c.quoted(), maxTextBytes)
	}
	s.WriteString(" FROM main." + quote(l.table) + " AS t")
	if l.view {
		return "WITH all_of_it AS MATERIALIZED (" + s.String() + " LIMIT ?2) SELECT * FROM all_of_it"
	}
	return s.String()
}

// row is what is selected of a feature; the properties stand beside it.
type row struct {
	kind   string // of SQLite's five
	length sql.NullInt64
	blob   sql.RawBytes // valid until the next row
}

// features reads the rows of the layer.
func (r *reader) features(ctx context.Context, tx *sql.Tx) error {
	r.values = make([]any, len(r.layer.columns))
	var found row
	targets := []any{&found.kind, &found.length, &found.blob}
	for i := range r.values {
		targets = append(targets, &r.values[i])
	}
	arguments := []any{wkb.MaxBytes(r.opts.MaxVertices)}
	if r.layer.view {
		arguments = append(arguments, int64(r.opts.MaxFeatures)+1)
	}
	err := each(ctx, tx, r.layer.statement(), arguments, func(rows *sql.Rows) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		feature, err := r.feature(found)
		if err != nil {
			return err
		}
		if r.yieldErr = r.yield(feature); r.yieldErr != nil {
			return errStopped
		}
		r.count++
		clear(r.values) // what fails now is no longer this feature
		return nil
	})
	if err != nil && r.yieldErr == nil {
		return fmt.Errorf("%s: %w", r.name(), err)
	}
	return err
}

// name is the feature being read, as errors call it.
func (r *reader) name() string {
	if key := r.layer.key; key != none {
		if p := property(r.layer.columns[key].name, r.values[key]); p.Value != "" {
			return fmt.Sprintf("feature %.100q", p.Value)
		}
	}
	return fmt.Sprintf("row %d", r.count)
}

// feature makes a feature of a row.
func (r *reader) feature(found row) (geo.Feature, error) {
	if r.count >= r.opts.MaxFeatures {
		return geo.Feature{}, fmt.Errorf("more than %d features", r.opts.MaxFeatures)
	}
	r.props = r.props[:0]
	for i, c := range r.layer.columns {
		r.props = append(r.props, property(c.name, r.values[i]))
	}
	code, name, err := r.opts.Identify(geo.Property{}, r.props)
	if err != nil {
		return geo.Feature{}, err
	}
	f := geo.Feature{Code: code, Name: name}
	if f.Geometry, err = r.geometry(found); err != nil {
		return geo.Feature{}, fmt.Errorf("code %.100q: %w", code, err)
	}
	return f, nil
}

// property is a value as a property; one of no fit type has an empty value.
func property(name string, value any) geo.Property {
	p := geo.Property{Name: name}
	switch v := value.(type) {
	case int64:
		p.Value, p.Numeric = strconv.FormatInt(v, 10), true
	case float64:
		p.Value, p.Numeric = strconv.FormatFloat(v, 'f', -1, 64), true
	case string:
		p.Value = v
	case []byte:
		p.Value = string(v) // some drivers give text so
	}
	return p
}
