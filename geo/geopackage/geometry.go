package geopackage

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/internal/wkb"
)

// value is what is selected of a geometry.
type value struct {
	kind   string // of SQLite's five
	length sql.NullInt64
	blob   sql.RawBytes // valid until the next row
}

// decode decodes a geometry of the layer and converts it to degrees.
func (l *layer) decode(found value, opts geo.ReadOptions) (orb.Geometry, error) {
	switch {
	case found.kind == "null":
		return nil, errors.New("it has no geometry")
	case found.kind != "blob":
		return nil, fmt.Errorf("its geometry is of the type %.10q instead of a blob", found.kind)
	case found.blob == nil:
		return nil, fmt.Errorf("its geometry of %d bytes is longer than one of %d vertices", found.length.Int64, opts.MaxVertices)
	}
	srs, binary, err := splitBlob(found.blob)
	if err != nil {
		return nil, err
	}
	// Some writers say in the header that they do not know.
	if srs != l.srs && srs != undefinedCartesian && srs != undefinedGeographic {
		return nil, fmt.Errorf("its coordinate system is %d, the layer's is %d", srs, l.srs)
	}
	g, srid, err := wkb.Decode(binary, opts.Kind, opts.MaxVertices)
	if err != nil {
		return nil, err
	}
	if srid != 0 {
		return nil, errors.New("its well-known binary names a coordinate system, which GeoPackage does not allow")
	}
	return l.system.ToWGS84(g)
}
