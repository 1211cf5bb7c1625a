package geopackage

import (
	"errors"
	"fmt"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo/internal/wkb"
)

// geometry decodes a row's geometry and converts it to degrees.
func (r *reader) geometry(found row) (orb.Geometry, error) {
	switch {
	case found.kind == "null":
		return nil, errors.New("it has no geometry")
	case found.kind != "blob":
		return nil, fmt.Errorf("its geometry is of the type %.10q instead of a blob", found.kind)
	case found.blob == nil:
		return nil, fmt.Errorf("its geometry of %d bytes is longer than one of %d vertices", found.length.Int64, r.opts.MaxVertices)
	}
	srs, binary, err := splitBlob(found.blob)
	if err != nil {
		return nil, err
	}
	// Some writers say in the header that they do not know.
	if srs != r.layer.srs && srs != undefinedCartesian && srs != undefinedGeographic {
		return nil, fmt.Errorf("its coordinate system is %d, the layer's is %d", srs, r.layer.srs)
	}
	g, srid, err := wkb.Decode(binary, r.opts.Kind, r.opts.MaxVertices)
	if err != nil {
		return nil, err
	}
	if srid != 0 {
		return nil, errors.New("its well-known binary names a coordinate system, which GeoPackage does not allow")
	}
	return r.layer.system.ToWGS84(g)
}
