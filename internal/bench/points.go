package main

import (
	"math"
	"math/rand/v2"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
)

// nearMetres is how near a border the points of the third kind lie.
const nearMetres = 50.0

// pointSets are the places that are asked for. Mixed is a third each: anywhere
// in the box round all areas, inside an area, and near a border.
type pointSets struct{ mixed, inside, border []orb.Point }

// newPoints draws the same points for the same areas, n of each kind.
func newPoints(index *geo.Index, areas []geo.Feature, n int) pointSets {
	random := rand.New(rand.NewPCG(7, 7))
	box := index.Bounds()
	anywhere := func() orb.Point {
		return orb.Point{between(random, box.Left(), box.Right()), between(random, box.Bottom(), box.Top())}
	}
	var s pointSets
	for range n {
		s.mixed = append(s.mixed, anywhere())
	}
	for len(s.inside) < n {
		if p := anywhere(); owned(index, p) {
			s.inside = append(s.inside, p)
		}
	}
	rings := allRings(areas)
	for len(s.border) < n {
		if p := nearBorder(random, rings); index.LocateWithin(p, 0, 2*nearMetres).BorderMetres <= nearMetres {
			s.border = append(s.border, p)
		}
	}
	s.mixed = append(append(s.mixed, s.inside...), s.border...)
	random.Shuffle(len(s.mixed), func(i, k int) { s.mixed[i], s.mixed[k] = s.mixed[k], s.mixed[i] })
	return s
}

func owned(index *geo.Index, p orb.Point) bool {
	_, ok := index.Owner(p[0], p[1])
	return ok
}

func allRings(areas []geo.Feature) []orb.Ring {
	var out []orb.Ring
	for _, a := range areas {
		for _, p := range polygons(a) {
			out = append(out, p...)
		}
	}
	return out
}

// nearBorder is a place beside an edge; each vertex is as likely as any other,
// whatever its ring, to begin that edge.
func nearBorder(random *rand.Rand, rings []orb.Ring) orb.Point {
	for {
		// A ring counts by its length: it is taken or left by a second draw.
		r := rings[random.IntN(len(rings))]
		const longest = 10_000
		if random.IntN(longest) >= len(r) {
			continue
		}
		k := random.IntN(len(r) - 1)
		at := random.Float64()
		degrees := 2 * nearMetres / 111_000 // of latitude; the caller drops what is too far
		aside := func() float64 { return (random.Float64() - 0.5) * degrees }
		lat := r[k][1] + at*(r[k+1][1]-r[k][1]) + aside()
		lon := r[k][0] + at*(r[k+1][0]-r[k][0]) + aside()/math.Cos(lat*math.Pi/180)
		return orb.Point{lon, lat}
	}
}
