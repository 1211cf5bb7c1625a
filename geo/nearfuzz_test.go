package geo

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
)

// fuzzNear makes a layer and places to ask for of bytes: small coordinates, so
// that vertices and lines coincide often, or any.
func fuzzNear(data []byte) (features []Feature, places []orb.Point) {
	if len(data) < 2 {
		return nil, nil
	}
	scale := []int32{1, 7, 4097, 1_000_003, 14_000_000}[data[0]%5]
	middle := []point{{}, {170_000_000, 620_000_000}, {1_799_999_900, -160_000_000}, {0, 849_999_000}}[data[0]/5%4]
	kind := []Kind{Lines, Points}[data[0]/20%2]
	whole := data[1]%8 == 0
	data = data[2:]
	next := func() orb.Point {
		var p point
		if whole && len(data) >= 8 {
			p = point{int32(binary.LittleEndian.Uint32(data) / 3), int32(binary.LittleEndian.Uint32(data[4:]) / 6)}
			data = data[8:]
		} else {
			p = point{middle.x + int32(int8(data[0]))*scale/40, middle.y + int32(int8(data[1]))*scale/40}
			data = data[2:]
		}
		return wrap(unitPoint(p.x, p.y))
	}
	for len(data) >= 3 && len(features) < 200 {
		code := string(rune('a' + data[0]%11))
		var path orb.LineString
		for n := data[0]/11 + 1; n > 0 && len(data) >= 3; n-- {
			data = data[1:]
			path = append(path, next())
		}
		places = append(places, path[len(path)-1])
		if kind == Points {
			features = append(features, Feature{Code: code, Geometry: orb.MultiPoint(path)})
		} else {
			features = append(features, Feature{Code: code, Geometry: orb.MultiLineString{path}})
		}
	}
	return features, places
}

func FuzzNearLookup(f *testing.F) {
	r := rand.New(rand.NewPCG(37, 38))
	for i := range 80 {
		seed := make([]byte, 20+20*i)
		for k := range seed {
			seed[k] = byte(r.Uint32())
			if i%2 == 0 && k > 2 {
				seed[k] %= 16 // many coincide
			}
		}
		seed[0] = byte(i)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		features, places := fuzzNear(data)
		index, _, err := BuildNear(features)
		if err != nil {
			return
		}
		stored, err := DecodeNear(encodeNear(t, index))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range places[:min(len(places), 20)] {
			p = wrap(orb.Point{p[0] + float64(i%3)*1e-5, p[1] - float64(i%7)*1e-6})
			reach := []float64{0, 1, 500, MaxDistance}[i%4]
			n := 1 + i%5
			got, want := stored.Nearest(p, reach, n), nearestByFrame(index, features, p, reach, n)
			if !slices.Equal(got, want) {
				t.Errorf("%d within %g m of %v:\n%+v, want\n%+v", n, reach, p, got, want)
			}
		}
	})
}
