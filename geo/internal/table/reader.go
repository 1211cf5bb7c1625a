package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// MaxTextBytes is the longest value that is looked at for a code or a name.
const MaxTextBytes = 4096

// None is the number of no column.
const None = -1

// Reader reads the features of one table.
type Reader struct {
	Opts geo.ReadOptions // with defaults

	yield    func(geo.Feature) error
	yieldErr error
	count    int // features read
	values   []any
	props    []geo.Property
}

// NewReader returns a reader that passes each feature to yield.
func NewReader(opts geo.ReadOptions, yield func(geo.Feature) error) *Reader {
	return &Reader{Opts: opts.WithDefaults(), yield: yield}
}

// Column is a column that can hold a code or a name.
type Column struct {
	Name    string
	Numeric bool // whatever the driver makes of its values
}

// Selection is how features are selected: by a statement whose first columns hold
// the geometry, and the others, in their order, the properties.
type Selection struct {
	Statement string
	Arguments []any
	Geometry  []any                        // what the first columns are scanned into
	Decode    func() (orb.Geometry, error) // of what was scanned, in degrees
	Columns   []Column
	Key       int // of Columns, that which is the primary key alone, or None
}

// errStopped ends a query because yield has failed.
var errStopped = errors.New("stopped")

// Read has read do what there is to do, in one transaction. What yield returned
// is returned as it is; any other error says that source was being read, and that
// the context has ended, if that is why.
func (r *Reader) Read(ctx context.Context, db *sql.DB, tx *sql.TxOptions, source string, read func(*sql.Tx) error) error {
	err := r.read(ctx, db, tx, read)
	if r.yieldErr != nil {
		return r.yieldErr
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err) // some drivers say only that they were interrupted
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", source, err)
	}
	return nil
}

func (r *Reader) read(ctx context.Context, db *sql.DB, options *sql.TxOptions, read func(*sql.Tx) error) error {
	if r.Opts.Kind > geo.Points {
		return fmt.Errorf("%v are unknown", r.Opts.Kind)
	}
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("open it: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return read(tx)
}

// Features passes on the features of a selection.
func (r *Reader) Features(ctx context.Context, tx *sql.Tx, s Selection) error {
	r.values = make([]any, len(s.Columns))
	targets := append([]any{}, s.Geometry...)
	for i := range r.values {
		targets = append(targets, &r.values[i])
	}
	err := Each(ctx, tx, s.Statement, s.Arguments, func(rows *sql.Rows) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		feature, err := r.feature(s)
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
		return fmt.Errorf("%s: %w", r.name(s), err)
	}
	return err
}

// name is the row being read, as errors call it.
func (r *Reader) name(s Selection) string {
	if s.Key != None {
		if p := property(s.Columns[s.Key], r.values[s.Key]); p.Value != "" {
			return fmt.Sprintf("row with %.100q %.100q", p.Name, p.Value)
		}
	}
	return fmt.Sprintf("row %d", r.count)
}

// feature makes a feature of the row being read.
func (r *Reader) feature(s Selection) (geo.Feature, error) {
	if r.count >= r.Opts.MaxFeatures {
		return geo.Feature{}, fmt.Errorf("more than %d features", r.Opts.MaxFeatures)
	}
	r.props = r.props[:0]
	for i, c := range s.Columns {
		r.props = append(r.props, property(c, r.values[i]))
	}
	code, name, err := r.Opts.Identify(geo.Property{}, r.props)
	if err != nil {
		return geo.Feature{}, err
	}
	f := geo.Feature{Code: code, Name: name}
	if f.Geometry, err = s.Decode(); err != nil {
		return geo.Feature{}, fmt.Errorf("code %.100q: %w", code, err)
	}
	return f, nil
}

// property is a value as a property; one of no fit type has an empty value.
func property(c Column, value any) geo.Property {
	p := geo.Property{Name: c.Name, Numeric: c.Numeric}
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
