package geo

import (
	"math"
	"runtime"

	"github.com/paulmach/orb"
)

// NearFeature is a line or point near a place that was asked for.
type NearFeature struct {
	Feature int       // its number
	Metres  float64   // the distance to the nearest of its parts
	At      orb.Point // the place on it that is that near, in degrees
}

// Nearest returns the n nearest features at most maxMetres away, which is capped
// at FarDistance, the nearest first and of equally near ones the one whose code
// comes first. A feature is returned once, whatever it consists of. Distances are
// good to 0.5 m up to MaxDistance; beyond, to a thousandth up to 75 degrees north
// or south and to six up to 85. They are measured across the antimeridian, too.
//
// The time grows with n times what has to be looked at: n is meant to be small.
func (t *NearIndex) Nearest(p orb.Point, maxMetres float64, n int) []NearFeature {
	return t.AppendNearest(nil, p, maxMetres, n)
}

// AppendNearest appends what Nearest returns to out. It allocates nothing if out
// has room for n features more.
func (t *NearIndex) AppendNearest(out []NearFeature, p orb.Point, maxMetres float64, n int) []NearFeature {
	defer runtime.KeepAlive(t)
	if n <= 0 || !onEarth(p) || !(maxMetres >= 0) || len(t.levels) == 0 {
		return out
	}
	reach := min(maxMetres, FarDistance)
	s := nearSearch{NearIndex: t, frame: newFrame(p[0], p[1], reach), limit: reach, n: n, out: out, before: len(out)}
	root := t.root()
	x := s.x
	for _, turn := range [...]float64{0, -fullTurn, fullTurn} {
		s.x = x + turn
		s.aim()
		if s.toBox(root) <= s.squaredLimit() {
			s.level(len(t.levels)-1, 0, t.levels[len(t.levels)-1].count)
		}
	}
	return s.out
}

const fullTurn = 360 * unitsPerDegree

// boundSlack is by how many metres rounding may lift a lower bound above the
// distance: coordinates in units are good to 5e-9 m. It decides who is found
// where several are equally near.
const boundSlack = 1e-6

// nearSearch visits boxes and runs round a point, roughly the nearest first.
type nearSearch struct {
	*NearIndex
	frame
	x0, x1, y0, y1 int64   // the point's units, rounded down and up
	limit          float64 // what is farther, in metres, is left out
	n              int
	out            []NearFeature
	before         int // length of out at the start; what follows is sorted
}

// aim rounds the point for toBox.
func (s *nearSearch) aim() {
	s.x0, s.x1 = int64(math.Floor(s.x)), int64(math.Ceil(s.x))
	s.y0, s.y1 = int64(math.Floor(s.y)), int64(math.Ceil(s.y))
}

// toBox is a lower bound of the squared distance to a box. Most of the time goes
// by here, so it has neither a root nor a branch.
func (s *nearSearch) toBox(b nearBox) float64 {
	dx := float64(max(int64(b.x0)-s.x1, s.x0-int64(b.x1), 0)) * s.leastX
	dy := float64(max(int64(b.y0)-s.y1, s.y0-int64(b.y1), 0)) * s.leastY
	return dx*dx + dy*dy
}

// squaredLimit is what toBox is compared with.
func (s *nearSearch) squaredLimit() float64 {
	limit := s.limit + boundSlack
	return limit * limit
}

// level visits count boxes of a level from a first one on, at most nodeChildren,
// the nearest first.
func (s *nearSearch) level(level int, first, count uint32) {
	var order [nodeChildren]struct {
		squared float64
		at      uint32
	}
	n, limit := 0, s.squaredLimit()
	start := s.levels[level].start
	for at := first; at < first+count; at++ {
		squared := s.toBox(s.boxAt(start + at))
		if squared > limit {
			continue
		}
		k := n
		for ; k > 0 && order[k-1].squared > squared; k-- {
			order[k] = order[k-1]
		}
		order[k].squared, order[k].at = squared, at
		n++
	}
	for _, c := range order[:n] {
		if c.squared > s.squaredLimit() {
			return
		}
		if level == 0 {
			s.run(c.at)
			continue
		}
		below := s.levels[level-1]
		from, to := children(below, c.at)
		s.level(level-1, from-below.start, to-from)
	}
}

// run measures the segments or points of a run.
func (s *nearSearch) run(i uint32) {
	owner := int(s.runOwner[i])
	limit := s.limitFor(owner)
	v := s.vertices[2*uint64(s.runStart[i]) : 2*uint64(s.runStart[i+1])]
	if s.kind == Points || len(v) == 2 {
		for ; len(v) >= 2; v = v[2:] {
			limit = s.segment(owner, limit, v[0], v[1], v[0], v[1])
		}
		return
	}
	for ; len(v) >= 4; v = v[2:] {
		limit = s.segment(owner, limit, v[0], v[1], v[2], v[3])
	}
}

// limitFor is how near a part of a feature must be to matter.
func (s *nearSearch) limitFor(feature int) float64 {
	for _, f := range s.out[s.before:] {
		if f.Feature == feature {
			return min(f.Metres, s.limit)
		}
	}
	return s.limit
}

// segment measures one segment, if it is not surely farther than limit, and
// returns the feature's limit afterwards.
func (s *nearSearch) segment(owner int, limit float64, ax, ay, bx, by uint32) float64 {
	x, y := float64(int32(ax)), float64(int32(ay))
	ex, ey := float64(int32(bx))-x, float64(int32(by))-y
	metres, at := s.least(x-s.x, y-s.y, ex, ey)
	if metres > limit+boundSlack {
		return limit
	}
	metres, at = s.foot(x-s.x, y-s.y, ex, ey, at)
	if metres > limit {
		return limit
	}
	s.offer(NearFeature{owner, metres, orb.Point{(x + at*ex) / unitsPerDegree, (y + at*ey) / unitsPerDegree}})
	return s.limitFor(owner)
}

// offer takes a feature into the list if it belongs to the n nearest.
func (s *nearSearch) offer(f NearFeature) {
	list := s.out[s.before:]
	for i := range list {
		if list[i].Feature == f.Feature {
			if f.before(list[i]) {
				s.settle(i, f)
			}
			return
		}
	}
	if len(list) < s.n {
		s.out = append(s.out, f)
	} else if !f.before(list[len(list)-1]) {
		return
	}
	s.settle(len(s.out)-s.before-1, f)
}

// settle puts f in the place of entry i or, in order, before it, and lowers the
// limit once there are n.
func (s *nearSearch) settle(i int, f NearFeature) {
	list := s.out[s.before:]
	for ; i > 0 && f.before(list[i-1]); i-- {
		list[i] = list[i-1]
	}
	list[i] = f
	if len(list) == s.n {
		s.limit = list[s.n-1].Metres
	}
}

// before orders by distance, then by code, then by place, so that an answer does
// not depend on the order in which features were added.
func (f NearFeature) before(g NearFeature) bool {
	switch {
	case f.Metres != g.Metres:
		return f.Metres < g.Metres
	case f.Feature != g.Feature:
		return f.Feature < g.Feature
	case f.At[0] != g.At[0]:
		return f.At[0] < g.At[0]
	}
	return f.At[1] < g.At[1]
}
