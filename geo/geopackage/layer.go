package geopackage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/geo/internal/names"
	"github.com/kantsten/kantsten/geo/internal/table"
	"github.com/kantsten/kantsten/geo/sweref"
)

// Limits of what is read about layers; real files stay far below.
const (
	maxLayers     = 10_000
	maxColumns    = 1_000
	maxNameBytes  = 1_024
	maxDefinition = 64 << 10 // bytes of a coordinate system in well-known text
)

// layer is what the tables of the standard say of the one to be read.
type layer struct {
	table    string
	view     bool
	geometry string         // its column
	columns  []table.Column // the others that can be selected
	key      int            // the column that is the primary key alone, or table.None
	srs      int32
	system   *sweref.System
}

// quoted is a column of the layer in SQL. With the table's alias before it, it
// can not be taken for a string.
func quoted(column string) string { return "t." + table.Quote(column) }

// checkTables makes sure that the database is a GeoPackage.
func checkTables(ctx context.Context, tx *sql.Tx) error {
	var id int64
	if err := tx.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return fmt.Errorf("open it: %w", err)
	}
	if err := checkApplication(id); err != nil {
		return fmt.Errorf("it %w", err)
	}
	for _, name := range []string{"gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys"} {
		_, view, err := stored(ctx, tx, name)
		if err != nil {
			return err
		}
		if view {
			return fmt.Errorf("%q is a view", name)
		}
	}
	return nil
}

// stored returns the name of a table or view as the schema has it. Nothing else
// may be read by that name: neither a virtual table, whose rows code computes,
// nor a table that SQLite itself makes up.
func stored(ctx context.Context, tx *sql.Tx, wanted string) (name string, view bool, err error) {
	const find = `SELECT name, type = 'view', type = 'table' AND rootpage = 0 FROM main.sqlite_schema
		WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE LIMIT 1`
	var virtual bool
	err = tx.QueryRowContext(ctx, find, wanted).Scan(&name, &view, &virtual)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = fmt.Errorf("it has no table %q", wanted)
	case err != nil:
		err = fmt.Errorf("look for table %q: %w", wanted, err)
	case virtual:
		err = fmt.Errorf("%q is a virtual table", wanted)
	case strings.ContainsRune(name, 0):
		err = fmt.Errorf("the name %q has a zero byte", name)
	}
	return name, view, err
}

// findLayer returns the layer of that name, or the only one if name is empty.
func findLayer(ctx context.Context, tx *sql.Tx, name string) (*layer, error) {
	all, err := layerNames(ctx, tx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(n string) bool { return strings.EqualFold(n, name) })
	if exact := slices.Index(all, name); exact >= 0 {
		at = exact
	}
	switch {
	case name != "" && at < 0:
		return nil, fmt.Errorf("it has no layer %q; it has %s", name, names.Listed(all, "no layers with features"))
	case name == "" && len(all) != 1:
		return nil, fmt.Errorf("say which layer to read; it has %s", names.Listed(all, "no layers with features"))
	case name == "":
		at = 0
	}
	l := &layer{}
	if l.table, l.view, err = stored(ctx, tx, all[at]); err != nil {
		return nil, fmt.Errorf("layer %q: %w", all[at], err)
	}
	for _, complete := range []func(context.Context, *sql.Tx) error{l.findGeometry, l.findColumns, l.findSystem} {
		if err := complete(ctx, tx); err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.table, err)
		}
	}
	return l, nil
}

// layerNames are the tables with features, in order.
func layerNames(ctx context.Context, tx *sql.Tx) ([]string, error) {
	const list = `SELECT CASE WHEN octet_length(table_name) <= ?1 THEN CAST(table_name AS TEXT) END
		FROM main.gpkg_contents WHERE data_type = 'features' ORDER BY table_name LIMIT ?2`
	var names []string
	err := table.Each(ctx, tx, list, []any{maxNameBytes, maxLayers + 1}, func(rows *sql.Rows) error {
		var name sql.NullString
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if !name.Valid {
			return errors.New("a layer without a name, or with one that is too long")
		}
		names = append(names, name.String)
		return nil
	})
	if err == nil && len(names) > maxLayers {
		err = fmt.Errorf("more than %d", maxLayers)
	}
	if err != nil {
		return nil, fmt.Errorf("list its layers: %w", err)
	}
	return names, nil
}

// findGeometry asks for the geometry column and its coordinate system.
func (l *layer) findGeometry(ctx context.Context, tx *sql.Tx) error {
	const find = `SELECT CASE WHEN octet_length(column_name) <= ?2 THEN CAST(column_name AS TEXT) END, srs_id
		FROM main.gpkg_geometry_columns WHERE table_name = ?1 COLLATE NOCASE LIMIT 2`
	found := 0
	err := table.Each(ctx, tx, find, []any{l.table, maxNameBytes}, func(rows *sql.Rows) error {
		found++
		return rows.Scan(&l.geometry, &l.srs)
	})
	switch {
	case err != nil:
		return fmt.Errorf("look for its geometry column: %w", err)
	case found == 0:
		return errors.New("gpkg_geometry_columns names no geometry column of it")
	case found > 1:
		return errors.New("gpkg_geometry_columns names several geometry columns of it")
	}
	return nil
}

// findColumns lists the columns, and makes sure that the geometry is one.
func (l *layer) findColumns(ctx context.Context, tx *sql.Tx) error {
	const list = `SELECT CASE WHEN octet_length(name) <= ?2 THEN name END, pk
		FROM pragma_table_xinfo(?1) WHERE hidden <> 1 LIMIT ?3`
	l.key = table.None
	keys, hasGeometry := 0, false
	err := table.Each(ctx, tx, list, []any{l.table, maxNameBytes, maxColumns + 1}, func(rows *sql.Rows) error {
		var name string
		var key int
		if err := rows.Scan(&name, &key); err != nil {
			return err
		}
		if strings.EqualFold(name, l.geometry) {
			l.geometry, hasGeometry = name, true
			return nil
		}
		if key > 0 {
			keys++
			l.key = len(l.columns)
		}
		l.columns = append(l.columns, table.Column{Name: name})
		return nil
	})
	if keys > 1 {
		l.key = table.None
	}
	switch {
	case err != nil:
		return fmt.Errorf("list its columns: %w", err)
	case len(l.columns) > maxColumns:
		return fmt.Errorf("it has more than %d columns", maxColumns)
	case !hasGeometry:
		return fmt.Errorf("it has no column %q, which gpkg_geometry_columns says is its geometry", l.geometry)
	}
	return nil
}
