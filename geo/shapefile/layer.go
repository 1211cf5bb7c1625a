package shapefile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/names"
	"github.com/kantsten/kantsten/geo/sweref"
)

// layer is one Shapefile: its parts.
type layer struct {
	name               string // of the .shp without extension, with folders
	shp, dbf, prj, cpg *member
}

// layersOf puts the parts together. Upper and lower case are the same, as they
// are where most Shapefiles come from.
func layersOf(members []member) ([]*layer, error) {
	byStem := map[string]*layer{}
	var order []*layer
	for i, m := range members {
		key := strings.ToLower(stem(m.name))
		l := byStem[key]
		if l == nil {
			l = &layer{name: stem(m.name)}
			byStem[key] = l
			order = append(order, l)
		}
		part := map[string]**member{".shp": &l.shp, ".dbf": &l.dbf, ".prj": &l.prj, ".cpg": &l.cpg}[strings.ToLower(filepath.Ext(m.name))]
		if *part != nil {
			return nil, fmt.Errorf("two files are called %.200q", strings.ToLower(m.name))
		}
		*part = &members[i]
		if part == &l.shp {
			l.name = stem(m.name)
		}
	}
	return slices.DeleteFunc(order, func(l *layer) bool { return l.shp == nil }), nil
}

// choose returns the layer that is wanted, or the only one.
func choose(layers []*layer, wanted string) (*layer, error) {
	if len(layers) == 0 {
		return nil, ErrNone
	}
	var found []*layer
	for _, l := range layers {
		if wanted == "" || strings.EqualFold(l.name, wanted) || strings.EqualFold(l.base(), wanted) {
			found = append(found, l)
		}
	}
	for _, l := range found {
		if strings.EqualFold(l.name, wanted) {
			return l, nil // the one in no folder, if others are in some
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("there is no layer %.200q, but %s", wanted, list(layers))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("there are several layers: %s; say which one to read", list(found))
}

func (l *layer) base() string { return l.name[strings.LastIndexByte(l.name, '/')+1:] }

// list names layers for an error.
func list(layers []*layer) string {
	all := make([]string, len(layers))
	for i, l := range layers {
		all[i] = l.name
	}
	return names.Listed(all, "none")
}

// read passes the features of the layer to yield.
func (l *layer) read(opts geo.ReadOptions, yield func(geo.Feature) error) error {
	if l.dbf == nil {
		return errors.New("there is no .dbf beside the .shp, so features have neither code nor name")
	}
	shapes, err := openShapes(l.shp, opts)
	if err != nil {
		return fmt.Errorf("the .shp: %w", err)
	}
	defer shapes.close()
	system, err := l.system(shapes.box)
	if err != nil {
		return err
	}
	rows, err := l.rows(opts.MaxBytes)
	if err != nil {
		return err
	}
	defer rows.close()
	return (&features{system, shapes, rows, opts, yield}).each()
}

// system finds the coordinate system.
func (l *layer) system(box [4]float64) (*sweref.System, error) {
	if l.prj == nil {
		if !degrees(box) {
			return nil, errors.New("there is no .prj, which would say what its coordinates mean; " +
				"get it from where the .shp came from, or convert to SWEREF 99 TM (EPSG:3006) and have one written")
		}
		return sweref.ByEPSG(4326)
	}
	text, err := l.prj.text()
	if err != nil {
		return nil, fmt.Errorf("the .prj: %w", err)
	}
	s, err := sweref.ByWKT(text)
	if err != nil {
		return nil, fmt.Errorf("the .prj: %w", err)
	}
	return s, nil
}

// degrees tells whether an extent (x and y, least and greatest) cannot be one of
// metres. A box of zeros, as careless programs write, tells nothing.
func degrees(box [4]float64) bool {
	return box[0] >= -180 && box[1] >= -90 && box[2] <= 180 && box[3] <= 90 &&
		box[0] <= box[2] && box[1] <= box[3] && box != [4]float64{} &&
		!math.IsNaN(box[0]+box[1]+box[2]+box[3])
}

// features brings shapes and rows together.
type features struct {
	system *sweref.System
	shapes *shapes
	rows   *table
	opts   geo.ReadOptions
	yield  func(geo.Feature) error
}

func (f *features) each() error {
	for record := 1; ; record++ {
		shape, err := f.shapes.next()
		if errors.Is(err, io.EOF) {
			return f.end(record - 1)
		}
		if err != nil {
			return fmt.Errorf("the .shp: record %d: %w", record, err)
		}
		if record > f.opts.MaxFeatures {
			return fmt.Errorf("more than %d features", f.opts.MaxFeatures)
		}
		row, err := f.rows.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the .dbf has %d rows, but the .shp has more shapes", record-1)
		}
		if err != nil {
			return fmt.Errorf("the .dbf: row %d: %w", record, err)
		}
		if row.deleted {
			continue
		}
		if err := f.one(shape, row); err != nil {
			return fmt.Errorf("record %d: %w", record, err)
		}
	}
}

// one makes a feature of a shape and its row.
func (f *features) one(s shape, r row) error {
	code, name, err := f.opts.Identify(geo.Property{}, r.properties)
	if err != nil {
		return err
	}
	if strings.ContainsRune(code+name, '\ufffd') {
		return fmt.Errorf("code %q, name %q: not %s, as which the .dbf is read; a .cpg beside it can say what it is", code, name, f.rows.encoding)
	}
	g, err := s.geometry()
	if err != nil {
		return fmt.Errorf("code %s: %w", code, err)
	}
	g, err = f.system.ToWGS84(g)
	if err != nil {
		return fmt.Errorf("code %s: %w", code, err)
	}
	if err := f.yield(geo.Feature{Code: code, Name: name, Geometry: g}); err != nil {
		return stopped{err}
	}
	return nil
}

// end checks that the table has no more rows than there are shapes.
func (f *features) end(shapes int) error {
	if f.rows.count != shapes {
		return fmt.Errorf("the .shp has %d shapes, but the .dbf has %d rows", shapes, f.rows.count)
	}
	if err := f.rows.drain(); err != nil {
		return fmt.Errorf("the .dbf: %w", err)
	}
	return nil
}
