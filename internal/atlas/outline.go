package atlas

import (
	"encoding/json"
	"fmt"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// Full is the zoom at which an outline is not simplified.
const Full = geo.FullZoom

// Outline draws the area with a code as a GeoJSON Feature, simplified for a
// zoom. At a zoom at which the area is too small to be seen it has no polygons.
// Its errors are problems: NotFound where the active set has no such area,
// Unavailable while no boundaries are loaded.
func (a *Atlas) Outline(code string, zoom int) (Document, error) {
	set, err := a.active()
	if err != nil {
		return Document{}, err
	}
	if _, ok := set.Index.Lookup(code); !ok {
		return Document{}, problem.New(problem.NotFound, "the boundaries in force have no area for %s", code)
	}
	zoom = min(max(0, zoom), Full)
	return a.keep(key{set: set.ID, code: code, zoom: zoom}, func() ([]byte, error) {
		return feature(set, code, set.Map.Boundary(code, zoom))
	})
}

func feature(set *routing.ActiveSet, code string, outline orb.MultiPolygon) ([]byte, error) {
	area, _ := set.Index.Lookup(code)
	_, name := set.Index.Area(area)
	f := geojson.NewFeature(outline)
	f.ID = code
	f.Properties = geojson.Properties{
		"code": code, "name": name, "approximate": set.Approximate, "source": set.Source, "licence": set.Licence,
	}
	body, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode the outline of %s: %w", code, err)
	}
	return body, nil
}
