package geopackage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/kantsten/kantsten/geo/sweref"
)

// The numbers by which the standard says that nothing is known of a coordinate
// system (requirement 11).
const (
	undefinedCartesian  = -1
	undefinedGeographic = 0
)

// findSystem asks for the coordinate system of a layer.
func (l *layer) findSystem(ctx context.Context, tx *sql.Tx) error {
	if l.srs == undefinedCartesian || l.srs == undefinedGeographic {
		return errors.New("its coordinate system is undefined; give it one in a GIS program")
	}
	const find = `SELECT CASE WHEN octet_length(organization) <= ?2 THEN CAST(organization AS TEXT) END,
			organization_coordsys_id,
			CASE WHEN octet_length(definition) <= ?3 THEN CAST(definition AS TEXT) END
		FROM main.gpkg_spatial_ref_sys WHERE srs_id = ?1 LIMIT 1`
	var organization, definition sql.NullString
	var code int64
	err := tx.QueryRowContext(ctx, find, l.srs, maxNameBytes, maxDefinition).Scan(&organization, &code, &definition)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("its coordinate system %d is not in gpkg_spatial_ref_sys", l.srs)
	case err != nil:
		return fmt.Errorf("look for its coordinate system %d: %w", l.srs, err)
	case !definition.Valid:
		return fmt.Errorf("its coordinate system %d has no definition, or one of more than %d bytes", l.srs, maxDefinition)
	}
	l.system, err = system(organization.String, code, definition.String)
	return err
}

// system returns the coordinate system of an organization's number. The
// definition must describe the same one: where the two differ, one is wrong, and
// every coordinate with it.
func system(organization string, code int64, definition string) (*sweref.System, error) {
	described := strings.TrimSpace(definition)
	if strings.EqualFold(described, "undefined") {
		described = ""
	}
	if !strings.EqualFold(strings.TrimSpace(organization), "EPSG") {
		if described == "" {
			return nil, fmt.Errorf("its coordinate system is number %d of %q, and not defined", code, organization)
		}
		return sweref.ByWKT(described)
	}
	if code != int64(int32(code)) {
		return nil, fmt.Errorf("EPSG:%d is no coordinate system", code)
	}
	byCode, err := sweref.ByEPSG(int(code))
	if err != nil || described == "" {
		return byCode, err
	}
	byText, err := sweref.ByWKT(described)
	if err != nil {
		return nil, fmt.Errorf("it has the number of %v, but its definition is of another: %w", byCode, err)
	}
	if byText.EPSG() != byCode.EPSG() {
		return nil, fmt.Errorf("its coordinate system has the number of %v and the definition of %v", byCode, byText)
	}
	return byCode, nil
}
