// Package atlas draws areas for maps: as vector tiles and as GeoJSON outlines.
//
// What it draws is the active boundary set of a layer, simplified by zoom so
// that neighbours still meet (see [geo.Pyramid]). What was drawn is kept, packed
// too where that is smaller, in a cache that is bounded in bytes; of a set that
// is no longer active it ages out. Everything is safe for concurrent use.
//
// A tile is a Mapbox Vector Tile of version 2 with one layer, "areas", whose
// features are polygons with the properties code, name and approximate. Borders
// reach beyond the tile's sides, so that a line drawn along them shows no seam.
package atlas

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
)

// Layer is the name of the layer in a tile, and in the path of its address.
const Layer = "areas"

// buffer is how far a tile reaches beyond its sides, in units of which it is
// 4096 wide: 8 pixels where it is 512 pixels wide.
const buffer = 64

// defaultBytes is the size of the cache if nothing else is said.
const defaultBytes = 32 << 20

// Atlas draws the areas of the active boundary sets.
type Atlas struct {
	Boundaries *routing.Boundaries
	MaxBytes   int // of the cache; 0 means 32 MiB

	drawn cache
}

// Document is an answer that is the same for everybody.
type Document struct {
	Body   []byte
	Packed []byte // Body by gzip, nil where that is hardly smaller
	Tag    string // a digest of Body, 32 hexadecimal digits
}

// minPacked is how many bytes a body must have to be worth packing.
const minPacked = 512

func newDocument(body []byte) (Document, error) {
	sum := sha256.Sum256(body)
	d := Document{Body: body, Tag: hex.EncodeToString(sum[:16])}
	if len(body) < minPacked {
		return d, nil
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(body)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return Document{}, fmt.Errorf("pack a document: %w", err)
	}
	if packed.Len() < len(body)*9/10 {
		d.Packed = bytes.Clone(packed.Bytes())
	}
	return d, nil
}

// size is what a document costs the cache.
func (d Document) size() int { return len(d.Body) + len(d.Packed) }

// active returns the set that is drawn.
func (a *Atlas) active() (*routing.ActiveSet, error) {
	set := a.Boundaries.Now().Municipalities()
	if set == nil {
		return nil, &problem.Error{Kind: problem.Unavailable, Detail: "no boundaries are loaded yet", RetryAfter: 5 * time.Second}
	}
	return set, nil
}

// keep returns a document from the cache, or draws it and keeps it. Two who ask
// at the same time may both draw it; the expensive part, a zoom's simplified
// borders, is made once all the same.
func (a *Atlas) keep(k key, draw func() ([]byte, error)) (Document, error) {
	if d, ok := a.drawn.get(k); ok {
		return d, nil
	}
	body, err := draw()
	if err != nil {
		return Document{}, err
	}
	d, err := newDocument(body)
	if err != nil {
		return Document{}, err
	}
	limit := a.MaxBytes
	if limit == 0 {
		limit = defaultBytes
	}
	a.drawn.put(k, d, limit)
	return d, nil
}
