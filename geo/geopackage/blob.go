package geopackage

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// blobHead is the part of a geometry's header that is always there.
const blobHead = 8

// The bits of a header's flags (GeoPackage 1.4, section 2.1.3.1.1).
const (
	flagLittleEndian = 1 << 0
	flagEmpty        = 1 << 4
	flagExtended     = 1 << 5
	flagReserved     = 1<<6 | 1<<7
)

// splitBlob returns the number of the coordinate system in a geometry's header
// and the well-known binary that follows it.
func splitBlob(blob []byte) (srs int32, wkb []byte, err error) {
	if len(blob) < blobHead {
		return 0, nil, fmt.Errorf("a geometry of %d bytes has no GeoPackage header", len(blob))
	}
	if blob[0] != 'G' || blob[1] != 'P' {
		return 0, nil, fmt.Errorf("a geometry that begins with %q instead of GP", blob[:2])
	}
	version, flags := blob[2], blob[3]
	switch {
	case version != 0:
		return 0, nil, fmt.Errorf("a geometry of the unknown version %d", version)
	case flags&flagExtended != 0:
		return 0, nil, errors.New("an extended geometry, whose form only its maker knows")
	case flags&flagReserved != 0:
		return 0, nil, fmt.Errorf("a geometry with the unknown flags %#x", flags)
	case flags&flagEmpty != 0:
		return 0, nil, errors.New("it is empty")
	}
	envelope := [8]int{0, 4, 6, 6, 8, none, none, none}[flags>>1&7] // how many numbers it has
	if envelope == none {
		return 0, nil, fmt.Errorf("an envelope of the unknown form %d", flags>>1&7)
	}
	if len(blob) < blobHead+8*envelope {
		return 0, nil, errors.New("the geometry breaks off in its envelope")
	}
	order := binary.ByteOrder(binary.BigEndian)
	if flags&flagLittleEndian != 0 {
		order = binary.LittleEndian
	}
	return int32(order.Uint32(blob[4:])), blob[blobHead+8*envelope:], nil
}

const none = -1
