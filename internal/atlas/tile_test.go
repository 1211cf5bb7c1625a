package atlas_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/routing"
)

// What follows reads a tile by the specification (Mapbox Vector Tile 2.1) with
// nothing of the library that wrote it.

// field is one field of a protocol buffers message.
type field struct {
	number uint64
	value  uint64 // of a varint
	bytes  []byte // of what has a length
}

var errWire = errors.New("not a protocol buffers message of varints and bytes")

// fields reads a message. Vector tiles of areas hold no fixed-width values.
func fields(message []byte) ([]field, error) {
	var out []field
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, errWire
		}
		message = message[n:]
		value, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, errWire
		}
		message = message[n:]
		f := field{number: tag >> 3, value: value}
		switch {
		case tag&7 == 2 && value <= uint64(len(message)):
			f.bytes, message = message[:value], message[value:]
		case tag&7 != 0:
			return nil, errWire
		}
		out = append(out, f)
	}
	return out, nil
}

func varints(packed []byte) ([]uint32, error) {
	var out []uint32
	for len(packed) > 0 {
		v, n := binary.Uvarint(packed)
		if n <= 0 {
			return nil, errWire
		}
		out, packed = append(out, uint32(v)), packed[n:]
	}
	return out, nil
}

// readFeature is a feature as the specification has it.
type readFeature struct {
	id         bool
	kind       uint64 // 3 for polygons
	properties map[string]any
	rings      [][][2]int // not closed
}

// readLayer reads the only layer of a tile.
func readLayer(t *testing.T, tile []byte) (name string, version, extent uint64, features []readFeature) {
	t.Helper()
	layers, err := fields(tile)
	must(t, err)
	if len(layers) != 1 || layers[0].number != 3 {
		t.Fatalf("%d fields in the tile, the first number %d", len(layers), layers[0].number)
	}
	parts, err := fields(layers[0].bytes)
	must(t, err)
	var keys []string
	var values []any
	for _, f := range parts {
		switch f.number {
		case 1:
			name = string(f.bytes)
		case 3:
			keys = append(keys, string(f.bytes))
		case 4:
			values = append(values, readValue(t, f.bytes))
		case 5:
			extent = f.value
		case 15:
			version = f.value
		}
	}
	for _, f := range parts {
		if f.number == 2 {
			features = append(features, readOne(t, f.bytes, keys, values))
		}
	}
	return name, version, extent, features
}

func readValue(t *testing.T, message []byte) any {
	t.Helper()
	parts, err := fields(message)
	must(t, err)
	switch {
	case len(parts) == 1 && parts[0].number == 1:
		return string(parts[0].bytes)
	case len(parts) == 1 && parts[0].number == 7:
		return parts[0].value == 1
	}
	t.Fatalf("a value is neither a text nor a yes or no: %v", parts)
	return nil
}

func readOne(t *testing.T, message []byte, keys []string, values []any) readFeature {
	t.Helper()
	parts, err := fields(message)
	must(t, err)
	out := readFeature{properties: map[string]any{}}
	for _, f := range parts {
		switch f.number {
		case 1:
			out.id = true
		case 2:
			tags, err := varints(f.bytes)
			must(t, err)
			for i := 0; i+1 < len(tags); i += 2 {
				out.properties[keys[tags[i]]] = values[tags[i+1]]
			}
		case 3:
			out.kind = f.value
		case 4:
			commands, err := varints(f.bytes)
			must(t, err)
			out.rings = readRings(t, commands)
		}
	}
	return out
}

// readRings follows the commands of a polygon: MoveTo one vertex, LineTo two or
// more, ClosePath.
func readRings(t *testing.T, commands []uint32) (rings [][][2]int) {
	t.Helper()
	x, y := 0, 0
	take := func(id, least, most uint32) (points [][2]int) {
		t.Helper()
		if len(commands) == 0 || commands[0]&7 != id || commands[0]>>3 < least || commands[0]>>3 > most {
			t.Fatalf("want command %d with %d to %d vertices, got %v", id, least, most, commands[:min(3, len(commands))])
		}
		count := commands[0] >> 3
		commands = commands[1:]
		for range count {
			if id == 7 {
				break
			}
			x += int(int32(commands[0]>>1) ^ -int32(commands[0]&1))
			y += int(int32(commands[1]>>1) ^ -int32(commands[1]&1))
			points, commands = append(points, [2]int{x, y}), commands[2:]
		}
		return points
	}
	for len(commands) > 0 {
		ring := take(1, 1, 1)
		ring = append(ring, take(2, 2, 1<<28)...)
		take(7, 1, 1)
		rings = append(rings, ring)
	}
	return rings
}

// shoelace is twice the area, positive for what a tile shows as outer ring.
func shoelace(ring [][2]int) (sum int) {
	a := ring[len(ring)-1]
	for _, b := range ring {
		sum += a[0]*b[1] - b[0]*a[1]
		a = b
	}
	return sum
}

func TestTileByTheSpecification(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: "squares", Approximate: true}, twoSquares()...)
	for _, zoom := range []int{7, 9, 12, 14} {
		x, y, at := geo.TileAt(17.5, 62.2, zoom)
		doc, err := a.Tile(zoom, x, y)
		must(t, err)
		name, version, extent, features := readLayer(t, doc.Body)
		if name != "areas" || version != 2 || extent != 4096 || len(features) != 2 {
			t.Fatalf("zoom %d: layer %q, version %d, extent %d, %d features", zoom, name, version, extent, len(features))
		}
		for i, want := range []map[string]any{
			{"code": "2281", "name": "Sundsvall", "approximate": true}, {"code": "2262", "name": "Timrå", "approximate": true},
		} {
			f := features[i]
			if f.id || f.kind != 3 || len(f.properties) != 3 || f.properties["code"] != want["code"] || f.properties["name"] != want["name"] || f.properties["approximate"] != true {
				t.Errorf("zoom %d: feature %+v, want %v", zoom, f, want)
			}
			for k, ring := range f.rings {
				if area := shoelace(ring); area == 0 || (area > 0) != (k == 0) {
					t.Errorf("zoom %d: ring %d of %s has twice the area %d", zoom, k, want["code"], area)
				}
			}
		}
		meetAlong(t, features, int(at[0]+0.5))
	}
}

// meetAlong fails unless both areas have vertices on the meridian that they
// share, and the same ones.
func meetAlong(t *testing.T, features []readFeature, meridian int) {
	t.Helper()
	var on [2][]int
	for i, f := range features[:2] {
		for _, v := range f.rings[0] {
			if v[0] == meridian {
				on[i] = append(on[i], v[1])
			}
		}
		slices.Sort(on[i])
	}
	if len(on[0]) < 2 || !slices.Equal(on[0], on[1]) {
		t.Errorf("on the border, x %d, one has vertices at %v and the other at %v", meridian, on[0], on[1])
	}
}

func TestTileByTheLibrary(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: "squares"}, twoSquares()...)
	x, y, _ := geo.TileAt(17.7, 62.2, 8)
	doc, err := a.Tile(8, x, y)
	must(t, err)
	layers, err := mvt.Unmarshal(doc.Body)
	must(t, err)
	_, _, _, features := readLayer(t, doc.Body)
	for i, f := range layers[0].Features {
		vertices := 0
		for _, ring := range features[i].rings {
			vertices += len(ring) + 1
		}
		got := 0
		switch g := f.Geometry.(type) {
		case orb.Polygon:
			for _, ring := range g {
				got += len(ring)
			}
		case orb.MultiPolygon:
			for _, polygon := range g {
				for _, ring := range polygon {
					got += len(ring)
				}
			}
		}
		if got != vertices || f.Properties["code"] != features[i].properties["code"] {
			t.Errorf("feature %d: the library reads %d vertices, the walk %d", i, got, vertices)
		}
	}
}

func TestTileWithoutAreasIsEmpty(t *testing.T) {
	t.Parallel()
	a := newAtlas(t)
	activate(t, a, routing.About{Source: "squares"}, twoSquares()...)
	doc, err := a.Tile(9, 0, 0)
	must(t, err)
	if len(doc.Body) != 0 || len(doc.Tag) != 32 {
		t.Errorf("%d bytes, tag %q", len(doc.Body), doc.Tag)
	}
}
