package postgis

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/wkb"
	"github.com/kantsten/kantsten/geo/sweref"
)

// maxTextBytes is the longest value that is looked at for a code or a name.
const maxTextBytes = 4096

// Read reads the features of a table or view and passes each to yield, whose
// error ends the reading and is returned as it is. opts.Layer is the table, or
// the schema and the table with a point between them, as they are written in
// the catalogue; left empty, it is the only table with a geometry there is.
//
// A feature is named in errors by its primary key if it is one column, else by
// its row from zero, and by its code. Rows come in the order in which the server
// sends them; opts.MaxBytes bounds the geometries together. What was yielded
// before an error must be discarded with the rest. All is read in one read-only
// transaction, so concurrent changes are seen whole or not at all. Reading stops
// with the context.
func Read(ctx context.Context, db *sql.DB, opts geo.ReadOptions, yield func(geo.Feature) error) error {
	r := reader{opts: opts.WithDefaults(), yield: yield}
	err := r.read(ctx, db)
	if r.yieldErr != nil {
		return r.yieldErr
	}
	if err != nil {
		return fmt.Errorf("read PostGIS: %w", err)
	}
	return nil
}

// reader reads one table.
type reader struct {
	opts     geo.ReadOptions
	yield    func(geo.Feature) error
	yieldErr error
	layer    *layer
	system   *sweref.System // of the last geometry
	srid     int            // that of system
	count    int            // features read
	bytes    int64          // of their geometries
	values   []sql.NullString
	props    []geo.Property
}

var errStopped = errors.New("stopped")

func (r *reader) read(ctx context.Context, db *sql.DB) error {
	if r.opts.Kind > geo.Points {
		return fmt.Errorf("%v are unknown", r.opts.Kind)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if r.layer, err = findLayer(ctx, tx, r.opts.Layer); err != nil {
		return err
	}
	if err := r.features(ctx, tx); err != nil {
		return fmt.Errorf("table %q: %w", r.layer, err)
	}
	return nil
}

// statement selects a table's features. What is too long to be right comes as
// NULL: a geometry in memory is about as long as its EWKB.
func (l *layer) statement() string {
	var s strings.Builder
	functions, geometry := quote(l.functions), "t."+quote(l.geometry)
	fmt.Fprintf(&s, "SELECT %s.ST_MemSize(%s), CASE WHEN %[1]s.ST_MemSize(%[2]s) <= $1 THEN %[1]s.ST_AsEWKB(%[2]s) END", functions, geometry)
	for _, c := range l.columns {
		fmt.Fprintf(&s, ", CASE WHEN pg_catalog.octet_length(t.%s::text) <= %d THEN t.%[1]s::text END", quote(c.name), maxTextBytes)
	}
	return s.String() + " FROM " + quote(l.schema) + "." + quote(l.table) + " AS t"
}

// row is what is selected of a feature; the properties stand beside it.
type row struct {
	size sql.NullInt64 // bytes in the server's memory
	ewkb sql.RawBytes  // valid until the next row
}

// features reads the rows of the table.
func (r *reader) features(ctx context.Context, tx *sql.Tx) error {
	r.values = make([]sql.NullString, len(r.layer.columns))
	var found row
	targets := []any{&found.size, &found.ewkb}
	for i := range r.values {
		targets = append(targets, &r.values[i])
	}
	// ST_MemSize is an int4, and no value of PostgreSQL is longer than 1 GiB.
	longest := min(wkb.MaxBytes(r.opts.MaxVertices), 1<<30)
	err := each(ctx, tx, r.layer.statement(), []any{longest}, func(rows *sql.Rows) error {
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
	if key := r.layer.key; key != none && r.values[key].Valid {
		return fmt.Sprintf("row with %s %.100q", r.layer.columns[key].name, r.values[key].String)
	}
	return fmt.Sprintf("row %d", r.count)
}

// feature makes a feature of a row.
func (r *reader) feature(found row) (geo.Feature, error) {
	if r.count >= r.opts.MaxFeatures {
		return geo.Feature{}, fmt.Errorf("more than %d features", r.opts.MaxFeatures)
	}
	if r.bytes += int64(len(found.ewkb)); r.bytes > r.opts.MaxBytes {
		return geo.Feature{}, fmt.Errorf("geometries of more than %d bytes", r.opts.MaxBytes)
	}
	r.props = r.props[:0]
	for i, c := range r.layer.columns {
		r.props = append(r.props, geo.Property{Name: c.name, Value: r.values[i].String, Numeric: c.numeric})
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

// geometry decodes a row's geometry and converts it to degrees.
func (r *reader) geometry(found row) (orb.Geometry, error) {
	switch {
	case !found.size.Valid:
		return nil, errors.New("it has no geometry")
	case found.ewkb == nil:
		return nil, fmt.Errorf("its geometry of %d bytes is longer than one of %d vertices", found.size.Int64, r.opts.MaxVertices)
	}
	g, srid, err := wkb.Decode(found.ewkb, r.opts.Kind, r.opts.MaxVertices)
	if err != nil {
		return nil, err
	}
	system, err := r.systemOf(srid)
	if err != nil {
		return nil, err
	}
	return system.ToWGS84(g)
}

// systemOf returns the coordinate system of a geometry with an SRID.
func (r *reader) systemOf(srid int) (*sweref.System, error) {
	if column := r.layer.srid; column != 0 && srid != column {
		return nil, fmt.Errorf("its SRID is %d, the column's is %d", srid, column)
	}
	if srid == 0 {
		return nil, errors.New("its coordinate system is unknown (SRID 0)")
	}
	if r.system != nil && r.srid == srid {
		return r.system, nil
	}
	system, err := sweref.ByEPSG(srid)
	if err != nil {
		return nil, err
	}
	r.system, r.srid = system, srid
	return system, nil
}
