package geo

import (
	"cmp"
	"math"
	"runtime"
	"slices"

	"github.com/paulmach/orb"
)

// gapMetres is how far behind a border the next area may begin and still count
// as the one beyond it: neighbours that were drawn apart leave gaps.
const gapMetres = 50.0

// Location is what is known about a point of some accuracy.
type Location struct {
	// Owner is the area that owns the point, or None.
	Owner int
	// BorderMetres is the distance to the nearest place where another area, or
	// none, begins; at most MaxDistance.
	BorderMetres float64
	// Beyond is the area on the other side of that border: the nearest one
	// other than the owner, if it begins at most 50 m behind the border. It is
	// None at the sea or a foreign border, and where the border is more than
	// MaxDistance away.
	Beyond int
	// Candidates are the areas that reach into the accuracy circle, the largest
	// share first. Equal shares stand in the order of their distance.
	Candidates []Candidate
	// Nearest is the nearest area and its distance, for a point without owner;
	// Nearest.Area is None where there is an owner or no area within MaxDistance.
	Nearest Near
}

// Candidate is an area that a point may lie in.
type Candidate struct {
	Area   int
	Metres float64 // distance, 0 for areas that hold the point
	// Share is the part of the accuracy circle that the area owns, 0 to 1, from
	// 127 points spread evenly over the circle: an estimate to about 0.02. It may
	// be 0 for an area that the circle only grazes.
	Share float64
}

// Locate tells who owns a point, given in degrees, longitude first, and who
// else might, if its position is accurate to so many metres: the radius of a
// circle round it, at most MaxDistance; anything not above zero is exact.
func (t *Index) Locate(p orb.Point, accuracy float64) Location {
	defer runtime.KeepAlive(t)
	loc := Location{Owner: None, Beyond: None, BorderMetres: MaxDistance, Nearest: Near{None, MaxDistance}}
	if !onEarth(p) {
		return loc
	}
	if !(accuracy > 0) {
		accuracy = 0
	}
	accuracy = min(accuracy, MaxDistance)
	if owner, ok := t.Owner(p[0], p[1]); ok {
		loc.Owner = owner
	}
	var space [16]Near
	s := search{Index: t, frame: newFrame(p[0], p[1], MaxDistance), limit: MaxDistance, found: space[:0]}
	border := MaxDistance
	s.border = func(area int, metres float64) {
		if loc.Owner == None || area == loc.Owner || t.rank[area] < t.rank[loc.Owner] {
			border = min(border, metres)
			s.limit = min(MaxDistance, max(accuracy, border+gapMetres))
		}
	}
	t.markHolders(&s, p)
	s.run()
	s.sort()
	loc.BorderMetres = border
	s.describe(&loc)
	loc.Candidates = s.candidates(loc.Owner, p, accuracy)
	return loc
}

// markHolders notes areas that hold the point, other than the owner, as at
// distance 0. Their own borders do not matter then.
func (t *Index) markHolders(s *search, p orb.Point) {
	var space [8]int
	for i, area := range t.holders(p[0], p[1], space[:0]) {
		if i > 0 {
			s.found = append(s.found, Near{area, 0})
		}
	}
}

// sort orders what was found by distance, then by rank, and drops areas that
// turned out too far.
func (s *search) sort() {
	s.found = slices.DeleteFunc(s.found, func(n Near) bool { return math.IsInf(n.Metres, 1) })
	slices.SortFunc(s.found, func(a, b Near) int {
		return cmp.Or(cmp.Compare(a.Metres, b.Metres), cmp.Compare(s.rank[a.Area], s.rank[b.Area]))
	})
}

// describe fills in who is beyond the border, or nearest.
func (s *search) describe(loc *Location) {
	for _, n := range s.found {
		if n.Area == loc.Owner {
			continue
		}
		if loc.Owner == None {
			loc.Nearest, loc.Beyond = n, n.Area
		} else if loc.BorderMetres < MaxDistance && n.Metres <= loc.BorderMetres+gapMetres {
			loc.Beyond = n.Area
		}
		return
	}
}

// candidates ranks the owner and the areas within the accuracy.
func (s *search) candidates(owner int, p orb.Point, accuracy float64) []Candidate {
	var out []Candidate
	if owner != None {
		out = append(out, Candidate{Area: owner, Share: 1})
	}
	alone := true
	for _, n := range s.found {
		if n.Metres > accuracy {
			break
		}
		alone = false // even the owner's own border counts
		if n.Area != owner {
			out = append(out, Candidate{Area: n.Area, Metres: n.Metres})
		}
	}
	if alone || accuracy == 0 {
		return out
	}
	s.share(out, p, accuracy)
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// share estimates how much of the circle each candidate owns, by the owners of
// points on a sunflower spiral (Vogel 1979), which covers a disc evenly.
func (s *search) share(out []Candidate, p orb.Point, accuracy float64) {
	const samples = 127
	goldenSin, goldenCos := math.Sincos(math.Pi * (3 - math.Sqrt(5)))
	lonPerMetre, latPerMetre := 1/(s.c0*unitsPerDegree), 1/(s.m0*unitsPerDegree)
	for i := range out {
		out[i].Share = 0
	}
	x, y := 1.0, 0.0
	for i := range samples {
		r := accuracy * math.Sqrt((float64(i)+0.5)/samples)
		if area, ok := s.Owner(p[0]+r*x*lonPerMetre, p[1]+r*y*latPerMetre); ok {
			for k := range out {
				if out[k].Area == area {
					out[k].Share += 1.0 / samples
				}
			}
		}
		x, y = x*goldenCos-y*goldenSin, x*goldenSin+y*goldenCos
	}
}

// Nearest returns up to n areas at most maxMetres away, which is capped at
// FarDistance, the nearest first. Areas that hold the point come first, at
// distance 0, the owner before the others.
func (t *Index) Nearest(p orb.Point, maxMetres float64, n int) []Near {
	defer runtime.KeepAlive(t)
	if n <= 0 || !onEarth(p) || !(maxMetres >= 0) {
		return nil
	}
	reach := min(maxMetres, FarDistance)
	s := search{Index: t, frame: newFrame(p[0], p[1], reach), limit: reach}
	for _, area := range t.holders(p[0], p[1], nil) {
		s.found = append(s.found, Near{area, 0})
	}
	s.border = func(int, float64) { s.limit = min(s.limit, s.nth(n)) }
	s.run()
	s.sort()
	return s.found[:min(n, len(s.found))]
}

// nth returns the n-th smallest distance known, or infinity.
func (s *search) nth(n int) float64 {
	if len(s.found) < n {
		return math.Inf(1)
	}
	metres := make([]float64, len(s.found))
	for i, f := range s.found {
		metres[i] = f.Metres
	}
	slices.Sort(metres)
	return metres[n-1]
}
