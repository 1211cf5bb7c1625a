package geo

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ReadGeoJSON reads the features of a GeoJSON FeatureCollection (RFC 7946) or of
// features one after the other (newline-delimited, or RFC 8142), plain or gzip,
// and passes each to yield, whose error ends the reading and is returned.
//
// One feature at a time is in memory. Geometries must be of the kind asked for:
// Polygon or MultiPolygon for areas, LineString or MultiLineString for lines,
// Point or MultiPoint for points; heights are dropped. Several features may have
// the same code: a builder merges them. Errors name the feature, and the polygon
// and ring, the line or the point, counted from zero. What was yielded before an
// error must be discarded with the rest: that a file has a foreign coordinate
// system may show only at its end.
func ReadGeoJSON(r io.Reader, opts ReadOptions, yield func(Feature) error) error {
	if opts.Layer != "" {
		return fmt.Errorf("read GeoJSON: it has no layers, but layer %q was asked for", opts.Layer)
	}
	if opts.Kind > Points {
		return fmt.Errorf("read GeoJSON: %v are unknown", opts.Kind)
	}
	opts = opts.WithDefaults()
	s, err := newScanner(r, opts.MaxBytes)
	if err != nil {
		return fmt.Errorf("read GeoJSON: %w", err)
	}
	f := &featureReader{scanner: s, opts: opts, yield: yield}
	f.document()
	switch {
	case f.yieldErr != nil:
		return f.yieldErr
	case s.err != nil && f.inFeature:
		return fmt.Errorf("read GeoJSON: feature %d%s: %w", f.count, f.place(), s.err)
	case s.err != nil:
		return fmt.Errorf("read GeoJSON: %w", s.err)
	}
	return nil
}

// featureReader turns tokens into features.
type featureReader struct {
	*scanner
	opts      ReadOptions
	yield     func(Feature) error
	yieldErr  error
	count     int  // features read
	inFeature bool // to name it in errors
	shape     shape
}

// place says where in a feature's geometry the reader is.
func (f *featureReader) place() string {
	s := &f.shape
	if !s.open {
		return ""
	}
	switch f.opts.Kind {
	case Lines:
		return fmt.Sprintf(", line %d", len(s.pathEnds))
	case Points:
		return fmt.Sprintf(", point %d", len(s.points))
	}
	return fmt.Sprintf(", polygon %d, ring %d", len(s.polygonEnds), len(s.pathEnds)-s.pathsBefore())
}

// document reads top-level values up to the end.
func (f *featureReader) document() {
	for n := 0; ; n++ {
		const recordSeparator = 0x1e // RFC 8142
		for f.next() == recordSeparator {
			f.pos++
		}
		c := f.next()
		if f.err != nil {
			return
		}
		if c == 0 {
			if n == 0 {
				f.fail("the file is empty")
			}
			return
		}
		if collection := f.top(); collection {
			if c := f.next(); c != 0 || n > 0 {
				f.fail("something stands beside the FeatureCollection")
			}
			return
		}
		if f.err != nil {
			return
		}
	}
}

// top reads a collection or a feature, which are told apart by their members.
func (f *featureReader) top() (collection bool) {
	ft := &feature{identity: identity{opts: f.opts}}
	f.shape.reset()
	f.object(func(name string) {
		switch {
		case name == "features" && !collection && !ft.hasGeometry:
			collection = true
			f.collection()
		case name == "features":
			f.fail("features stand beside another geometry or list of features")
		case name == "crs":
			f.crs()
		case collection && name != "type":
			f.skip(1)
		default:
			f.inFeature = name == "geometry" || name == "properties" // to name it in errors
			f.member(ft, name)
		}
	})
	switch {
	case f.err != nil:
	case collection:
		if ft.kind != "FeatureCollection" {
			f.fail("the type is %q, want FeatureCollection", ft.kind)
		}
	case ft.kind == "FeatureCollection":
		f.fail("the FeatureCollection has no features")
	default:
		f.finish(ft)
	}
	return collection
}

func (f *featureReader) collection() {
	f.expect('[')
	for first := true; f.more(']', first); first = false {
		ft := &feature{identity: identity{opts: f.opts}}
		f.shape.reset()
		f.inFeature = true
		f.object(func(name string) {
			if name == "crs" {
				f.crs()
			} else {
				f.member(ft, name)
			}
		})
		f.finish(ft)
		if f.err != nil {
			return
		}
	}
}

// crs accepts what names WGS 84 with longitude first, and refuses the rest.
func (f *featureReader) crs() {
	if f.next() == 'n' {
		f.word("null")
		return
	}
	named := ""
	f.object(func(member string) {
		if member != "properties" {
			f.skip(2)
			return
		}
		f.object(func(property string) {
			if f.next() == '"' && property == "name" {
				named = f.string()
			} else {
				f.skip(3)
			}
		})
	})
	if f.err == nil && !isWGS84(named) {
		f.fail("coordinate system %q is not WGS 84; convert the file to longitude and latitude (EPSG:4326)", named)
	}
}

// isWGS84 knows the names that GIS programs write for what RFC 7946 prescribes.
// EPSG:4326 has latitude first on paper, but never in GeoJSON.
func isWGS84(name string) bool {
	return slices.Contains([]string{
		"urn:ogc:def:crs:ogc:1.3:crs84", "urn:ogc:def:crs:ogc::crs84", "ogc:crs84",
		"http://www.opengis.net/def/crs/ogc/1.3/crs84",
		"urn:ogc:def:crs:epsg::4326", "epsg:4326", "http://www.opengis.net/def/crs/epsg/0/4326",
	}, strings.ToLower(name))
}

// finish passes a feature on.
func (f *featureReader) finish(ft *feature) {
	if f.err != nil {
		return
	}
	read, err := ft.feature(&f.shape)
	if err == nil && f.count >= f.opts.MaxFeatures {
		err = fmt.Errorf("more than %d features", f.opts.MaxFeatures)
	}
	if err != nil {
		f.shape.open = false
		f.err = err
		return
	}
	if err := f.yield(read); err != nil {
		f.yieldErr = err
		f.err = errors.New("stopped")
		return
	}
	f.inFeature = false
	f.count++
}
