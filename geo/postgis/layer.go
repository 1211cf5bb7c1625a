package postgis

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/geo/internal/names"
	"github.com/kantsten/kantsten/geo/internal/table"
)

// maxLayers bounds what is read about tables; databases stay far below.
const maxLayers = 100_000

// layer is the table to be read.
type layer struct {
	functions     string // the schema in which PostGIS lies
	schema, table string
	geometry      string
	srid          int // of the column; 0 where each geometry has its own
	columns       []table.Column
	key           int // the column that is the primary key alone, or table.None
}

// String is the table as errors and opts.Layer call it.
func (l *layer) String() string { return l.schema + "." + l.table }

// geometryColumn is a row of PostGIS's own lists.
type geometryColumn struct {
	schema, table, column string
	srid                  int
	geography             bool
}

func (c geometryColumn) layer() string { return c.schema + "." + c.table }

// findLayer returns the table of that name, with its schema or without, or the
// only one with a geometry if name is empty.
func findLayer(ctx context.Context, tx *sql.Tx, name string) (*layer, error) {
	functions, err := functionsSchema(ctx, tx)
	if err != nil {
		return nil, err
	}
	all, err := geometryColumns(ctx, tx, functions)
	if err != nil {
		return nil, fmt.Errorf("list its geometry columns: %w", err)
	}
	found := slices.DeleteFunc(slices.Clone(all), func(c geometryColumn) bool {
		return name != "" && c.layer() != name && c.table != name
	})
	switch tables := layers(found); {
	case len(tables) == 0 && name == "":
		return nil, errors.New("it has no table with a geometry that this role may read")
	case len(tables) == 0:
		return nil, fmt.Errorf("it has no table %q with a geometry that this role may read; it has %s", name, names.Listed(layers(all), "none"))
	case len(tables) > 1:
		return nil, fmt.Errorf("say which table to read; it has %s", names.Listed(tables, "none"))
	}
	l, err := choose(found)
	if err != nil {
		return nil, fmt.Errorf("table %q: %w", found[0].layer(), err)
	}
	l.functions = functions
	if err := l.findColumns(ctx, tx); err != nil {
		return nil, fmt.Errorf("table %q: list its columns: %w", l, err)
	}
	return l, nil
}

// functionsSchema is where PostGIS lies, which need not be in the search path.
func functionsSchema(ctx context.Context, tx *sql.Tx) (schema string, err error) {
	const find = `SELECT n.nspname::text FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'`
	err = tx.QueryRowContext(ctx, find).Scan(&schema)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("the database has no PostGIS (CREATE EXTENSION postgis)")
	}
	if err != nil {
		return "", fmt.Errorf("look for PostGIS: %w", err)
	}
	return schema, nil
}

// geometryColumns lists the columns that PostGIS knows, by table.
func geometryColumns(ctx context.Context, tx *sql.Tx, functions string) ([]geometryColumn, error) {
	list := `SELECT f_table_schema::text, f_table_name::text, f_geometry_column::text, srid, false
			FROM ` + table.Quote(functions) + `.geometry_columns
		UNION ALL SELECT f_table_schema::text, f_table_name::text, f_geography_column::text, srid, true
			FROM ` + table.Quote(functions) + `.geography_columns
		ORDER BY 1, 2, 3 LIMIT $1`
	var all []geometryColumn
	err := table.Each(ctx, tx, list, []any{maxLayers}, func(rows *sql.Rows) error {
		var c geometryColumn
		err := rows.Scan(&c.schema, &c.table, &c.column, &c.srid, &c.geography)
		all = append(all, c)
		return err
	})
	return all, err
}

// layers are the tables of columns, which are in the order of tables.
func layers(columns []geometryColumn) []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.layer())
	}
	return slices.Compact(names)
}

// choose takes the geometry column of a table.
func choose(columns []geometryColumn) (*layer, error) {
	var geometries, geographies []string
	var l *layer
	for _, c := range columns {
		if c.geography {
			geographies = append(geographies, c.column)
			continue
		}
		geometries = append(geometries, c.column)
		l = &layer{schema: c.schema, table: c.table, geometry: c.column, srid: c.srid, key: table.None}
	}
	switch {
	case len(geometries) == 0:
		return nil, fmt.Errorf("%s is a geography; cast it to geometry in a view", names.Listed(geographies, "none"))
	case len(geometries) > 1:
		return nil, fmt.Errorf("it has several geometry columns, %s; make a view with one of them", names.Listed(geometries, "none"))
	}
	return l, nil
}

// findColumns lists the columns that this role may read and that can hold a code
// or a name.
func (l *layer) findColumns(ctx context.Context, tx *sql.Tx) error {
	const list = `SELECT a.attname::text, COALESCE(b.typname, t.typname)::text, EXISTS (SELECT FROM pg_catalog.pg_index i
			WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
		FROM pg_catalog.pg_attribute a
		JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
		WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
			AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
		ORDER BY a.attnum`
	return table.Each(ctx, tx, list, []any{l.schema, l.table}, func(rows *sql.Rows) error {
		var name, kind string
		var key bool
		if err := rows.Scan(&name, &kind, &key); err != nil {
			return err
		}
		numeric := slices.Contains([]string{"int2", "int4", "int8", "numeric"}, kind)
		if !numeric && !slices.Contains([]string{"text", "varchar", "bpchar", "name", "uuid"}, kind) {
			return nil
		}
		if key {
			l.key = len(l.columns)
		}
		l.columns = append(l.columns, table.Column{Name: name, Numeric: numeric})
		return nil
	})
}
