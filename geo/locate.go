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
	return t.LocateWithin(p, accuracy, MaxDistance)
}

// LocateWithin is Locate for who need not know how far a distant border is: it
// takes less than a microsecond where none is near. What lies within reach
// metres is as Locate says; where the nearest border, or for a point without
// owner the nearest area, is farther, the answer is as if it were farther than
// MaxDistance: BorderMetres is reach, Beyond and Nearest.Area are None. A reach
// below the accuracy counts as the accuracy.
func (t *Index) LocateWithin(p orb.Point, accuracy, reach float64) Location {
	defer runtime.KeepAlive(t)
	if !(accuracy > 0) {
		accuracy = 0
	}
	accuracy = min(accuracy, MaxDistance)
	if !(reach > accuracy) {
		reach = accuracy
	}
	reach = min(reach, MaxDistance)
	loc := Location{Owner: None, Beyond: None, BorderMetres: reach, Nearest: Near{None, reach}}
	if !onEarth(p) {
		return loc
	}
	c, shift, inGrid := t.find(p[0], p[1])
	far := min(MaxDistance, reach+gapMetres) // who is beyond a border just within reach
	if inGrid && t.isAlone(c, shift, p[1], far) {
		if area, ok := t.numbered(c.entry); ok {
			loc.Owner = area
			loc.Candidates = []Candidate{{Area: area, Share: 1}}
		}
		return loc
	}
	var holders [8]int
	var found [16]Near
	s := search{
		// The frame is the same for every reach, and so is every distance.
		Index: t, frame: newFrame(p[0], p[1], MaxDistance), limit: far, found: found[:0],
		owner: None, accuracy: accuracy, reach: reach, border: math.Inf(1),
	}
	if inGrid {
		s.hold(t.holdersInCell(c, holders[:0]))
	}
	s.run()
	s.sort()
	s.describe(&loc)
	loc.Candidates = s.candidates(p)
	return loc
}

// isAlone tells that a cell, 2^shift units wide, has one owner, or none, and that
// its sides are farther than so many metres from the point at a latitude, so
// that nothing beyond them matters.
func (t *Index) isAlone(c cellAt, shift uint32, lat, metres float64) bool {
	if c.entry>>tagShift != tagArea {
		return false
	}
	last := int64(1)<<shift - 1
	inX, inY := c.x-c.left, (c.y-int64(t.originY))&last
	dx, dy := float64(min(inX, last-inX)), float64(min(inY, last-inY))
	if dy*leastMeridian < metres {
		return false
	}
	// The parallel is shortest at the cap's highest latitude.
	phi := min(math.Abs(lat)*(math.Pi/180)+metres/leastRadius, math.Pi/2)
	return dx*math.Cos(phi)*leastParallel >= metres
}

// Lower bounds for metres in a unit on the ellipsoid: of latitude anywhere, and
// of longitude on a parallel, to be multiplied by the cosine of the latitude.
const (
	leastRadius   = 6_335_439 // of the meridian's curvature, at the equator
	leastMeridian = leastRadius * radiansPerUnit * 0.9999
	leastParallel = equatorRadius * radiansPerUnit * 0.9999
)

// hold notes the areas that hold the point, the owner first. The others are at
// distance 0, so that their own borders do not matter.
func (s *search) hold(areas []int) {
	for i, area := range areas {
		if i == 0 {
			s.owner = area
		} else {
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

// describe fills in the owner, the border and who is beyond it, or nearest.
func (s *search) describe(loc *Location) {
	loc.Owner = s.owner
	if s.border > s.reach {
		return
	}
	loc.BorderMetres = s.border
	for _, n := range s.found {
		if n.Area == s.owner {
			continue
		}
		if n.Metres <= s.border+gapMetres {
			loc.Beyond = n.Area
		}
		if s.owner == None {
			loc.Nearest = n
		}
		return
	}
}

// candidates ranks the owner and the areas within the accuracy.
func (s *search) candidates(p orb.Point) []Candidate {
	var out []Candidate
	if s.owner != None {
		out = append(out, Candidate{Area: s.owner, Share: 1})
	}
	alone := true
	for _, n := range s.found {
		if n.Metres > s.accuracy {
			break
		}
		alone = false // even the owner's own border counts
		if n.Area != s.owner {
			out = append(out, Candidate{Area: n.Area, Metres: n.Metres})
		}
	}
	if alone || s.accuracy == 0 {
		return out
	}
	s.share(out, p)
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// share estimates how much of the circle each candidate owns, by the owners of
// points on a sunflower spiral (Vogel 1979), which covers a disc evenly.
func (s *search) share(out []Candidate, p orb.Point) {
	const samples = 127
	goldenSin, goldenCos := math.Sincos(math.Pi * (3 - math.Sqrt(5)))
	lonPerMetre, latPerMetre := 1/(s.c0*unitsPerDegree), 1/(s.m0*unitsPerDegree)
	for i := range out {
		out[i].Share = 0
	}
	x, y := 1.0, 0.0
	for i := range samples {
		r := s.accuracy * math.Sqrt((float64(i)+0.5)/samples)
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
	s := search{Index: t, frame: newFrame(p[0], p[1], reach), limit: reach, nearest: n}
	for _, area := range t.holders(p[0], p[1]) {
		s.found = append(s.found, Near{area, 0})
	}
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
