package atlas

import (
	"fmt"

	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// tileVersion is the version of the Mapbox Vector Tile specification.
const tileVersion = 2

// Tile draws a tile of the web Mercator map, x counted from the west and y from
// the north. A tile without areas has an empty body. Its errors are problems:
// BadRequest naming z, x or y for a tile that does not exist, Unavailable while
// no boundaries are loaded.
func (a *Atlas) Tile(z, x, y int) (Document, error) {
	if err := tileExists(z, x, y); err != nil {
		return Document{}, err
	}
	set, err := a.active()
	if err != nil {
		return Document{}, err
	}
	return a.keep(key{set: set.ID, zoom: z, x: x, y: y}, func() ([]byte, error) {
		return encode(set, set.Map.Tile(z, x, y, buffer))
	})
}

func tileExists(z, x, y int) error {
	if z < 0 || z > geo.MaxZoom {
		return outOfRange("z", geo.MaxZoom)
	}
	last := 1<<z - 1
	if x < 0 || x > last {
		return outOfRange("x", last)
	}
	if y < 0 || y > last {
		return outOfRange("y", last)
	}
	return nil
}

func outOfRange(field string, last int) error {
	detail := fmt.Sprintf("must be a whole number from 0 to %d", last)
	return &problem.Error{
		Kind: problem.BadRequest, Detail: "there is no such tile: " + field + " " + detail,
		Fields: []problem.FieldError{{Field: field, Code: "out-of-range", Detail: detail}},
	}
}

func encode(set *routing.ActiveSet, areas []geo.TileArea) ([]byte, error) {
	if len(areas) == 0 {
		return nil, nil
	}
	layer := &mvt.Layer{Name: Layer, Version: tileVersion, Extent: geo.TileExtent}
	for _, area := range areas {
		f := geojson.NewFeature(area.Geometry)
		code, name := set.Index.Area(area.Area)
		f.Properties = geojson.Properties{"code": code, "name": name, "approximate": set.Approximate}
		layer.Features = append(layer.Features, f)
	}
	body, err := mvt.Marshal(mvt.Layers{layer})
	if err != nil {
		return nil, fmt.Errorf("encode a tile: %w", err)
	}
	return body, nil
}
