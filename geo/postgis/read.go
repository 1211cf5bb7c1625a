package postgis

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/table"
	"github.com/kantsten/kantsten/geo/internal/wkb"
	"github.com/kantsten/kantsten/geo/sweref"
)

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
	r := table.NewReader(opts, yield)
	isolation := sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	return r.Read(ctx, db, &isolation, "PostGIS", func(tx *sql.Tx) error {
		l, err := findLayer(ctx, tx, r.Opts.Layer)
		if err != nil {
			return err
		}
		if err := r.Features(ctx, tx, l.selection(r.Opts)); err != nil {
			return fmt.Errorf("table %q: %w", l, err)
		}
		return nil
	})
}

// statement selects a table's features. What is too long to be right comes as
// NULL: a geometry in memory is about as long as its EWKB.
func (l *layer) statement() string {
	var s strings.Builder
	functions, geometry := table.Quote(l.functions), "t."+table.Quote(l.geometry)
	fmt.Fprintf(&s, "SELECT %s.ST_MemSize(%s), CASE WHEN %[1]s.ST_MemSize(%[2]s) <= $1 THEN %[1]s.ST_AsEWKB(%[2]s) END", functions, geometry)
	for _, c := range l.columns {
		fmt.Fprintf(&s, ", CASE WHEN pg_catalog.octet_length(t.%s::text) <= %d THEN t.%[1]s::text END", table.Quote(c.Name), table.MaxTextBytes)
	}
	return s.String() + " FROM " + table.Quote(l.schema) + "." + table.Quote(l.table) + " AS t"
}

// selection is how the table's features are selected and decoded.
func (l *layer) selection(opts geo.ReadOptions) table.Selection {
	var found value
	d := &decoder{layer: l, opts: opts}
	return table.Selection{
		Statement: l.statement(),
		// ST_MemSize is an int4, and no value of PostgreSQL is longer than 1 GiB.
		Arguments: []any{min(wkb.MaxBytes(opts.MaxVertices), 1<<30)},
		Geometry:  []any{&found.size, &found.ewkb},
		Decode:    func() (orb.Geometry, error) { return d.decode(found) },
		Columns:   l.columns,
		Key:       l.key,
	}
}

// value is what is selected of a geometry.
type value struct {
	size sql.NullInt64 // bytes in the server's memory
	ewkb sql.RawBytes  // valid until the next row
}

// decoder decodes the geometries of a table.
type decoder struct {
	layer  *layer
	opts   geo.ReadOptions
	bytes  int64          // of the geometries so far
	system *sweref.System // of the last one
	srid   int            // that of system
}

// decode decodes a geometry and converts it to degrees.
func (d *decoder) decode(found value) (orb.Geometry, error) {
	switch {
	case !found.size.Valid:
		return nil, errors.New("it has no geometry")
	case found.ewkb == nil:
		return nil, fmt.Errorf("its geometry of %d bytes is longer than one of %d vertices", found.size.Int64, d.opts.MaxVertices)
	}
	if d.bytes += int64(len(found.ewkb)); d.bytes > d.opts.MaxBytes {
		return nil, fmt.Errorf("geometries of more than %d bytes", d.opts.MaxBytes)
	}
	g, srid, err := wkb.Decode(found.ewkb, d.opts.Kind, d.opts.MaxVertices)
	if err != nil {
		return nil, err
	}
	system, err := d.systemOf(srid)
	if err != nil {
		return nil, err
	}
	return system.ToWGS84(g)
}

// systemOf returns the coordinate system of a geometry with an SRID.
func (d *decoder) systemOf(srid int) (*sweref.System, error) {
	if column := d.layer.srid; column != 0 && srid != column {
		return nil, fmt.Errorf("its SRID is %d, the column's is %d", srid, column)
	}
	if srid == 0 {
		return nil, errors.New("its coordinate system is unknown (SRID 0)")
	}
	if d.system != nil && d.srid == srid {
		return d.system, nil
	}
	system, err := sweref.ByEPSG(srid)
	if err != nil {
		return nil, err
	}
	d.system, d.srid = system, srid
	return system, nil
}
