package geo

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/paulmach/orb"
)

// Kind is what the features of a layer are.
type Kind uint8

// The kinds of layers: territories, roads and the like, lamp posts and the like.
const (
	Areas Kind = iota
	Lines
	Points
)

// String is the kind in lower case, as errors name it.
func (k Kind) String() string {
	switch k {
	case Areas:
		return "areas"
	case Lines:
		return "lines"
	case Points:
		return "points"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Feature is a part of a layer: a territory, a road, a lamp post. Code says
// which one it is or whose it is, Name is for people. Several features may have
// the same code.
//
// Geometry is in degrees of WGS 84, longitude first: an [orb.MultiPolygon] in a
// layer of areas, an [orb.MultiLineString] in one of lines, an [orb.MultiPoint]
// in one of points.
type Feature struct {
	Code, Name string
	Geometry   orb.Geometry
}

// geometryName is a geometry's type, as errors name it.
func geometryName(g orb.Geometry) string {
	if g == nil {
		return "no geometry"
	}
	return g.GeoJSONType()
}

// check refuses a feature's texts as far as every kind of index does.
func (f Feature) check() error {
	if f.Code == "" {
		return errNoCode
	}
	if !utf8.ValidString(f.Code) || !utf8.ValidString(f.Name) {
		return errors.New("code or name is not UTF-8")
	}
	if len(f.Code) > maxTextBytes || len(f.Name) > maxTextBytes {
		return fmt.Errorf("code or name is longer than %d bytes", maxTextBytes)
	}
	return nil
}
