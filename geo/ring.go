package geo

import (
	"errors"
	"fmt"
	"math"

	"github.com/paulmach/orb"
)

// point is a vertex in units.
type point struct{ x, y int32 }

var (
	errOutsideWorld = errors.New("is not a longitude and latitude in degrees")
	errLongEdge     = errors.New("is more than 180 degrees from the one before; cut the area at the antimeridian")
)

// ringRepairs counts what cleaning a ring changed.
type ringRepairs struct {
	closed   bool // the last vertex did not repeat the first
	repeated int  // vertices equal to the one before, to 1e-7 degree
	spikes   int  // vertices where the ring went straight back to where it came from
}

// cleanRing rounds a ring to units and takes out what bounds nothing. The
// result is not closed; it is empty if fewer than three vertices are left. It
// reuses scratch.
func cleanRing(ring orb.Ring, scratch []point) ([]point, ringRepairs, error) {
	var did ringRepairs
	out := scratch[:0]
	did.closed = len(ring) > 0 && ring[0] != ring[len(ring)-1]
	if len(ring) > 1 && !did.closed {
		ring = ring[:len(ring)-1]
	}
	for i, p := range ring {
		if !onEarth(p) {
			return nil, did, fmt.Errorf("vertex %d (%g, %g) %w", i, p[0], p[1], errOutsideWorld)
		}
		q := point{toUnit(p[0]), toUnit(p[1])}
		if n := len(out); n > 0 && tooFar(out[n-1], q) {
			return nil, did, fmt.Errorf("vertex %d (%g, %g) %w", i, p[0], p[1], errLongEdge)
		}
		out = push(out, q, &did)
	}
	out = unwind(out, &did)
	if len(out) < 3 {
		return out[:0], did, nil
	}
	if tooFar(out[len(out)-1], out[0]) {
		return nil, did, fmt.Errorf("vertex 0 (%g, %g) %w", ring[0][0], ring[0][1], errLongEdge)
	}
	return out, did, nil
}

// onEarth refuses what is not finite, too.
func onEarth(p orb.Point) bool {
	return math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90
}

func tooFar(a, b point) bool {
	dx := int64(a.x) - int64(b.x)
	return dx > maxSpan || dx < -maxSpan // latitudes cannot
}

// push appends a vertex to a ring and drops the tip of a spike and repeats.
func push(out []point, q point, did *ringRepairs) []point {
	for {
		n := len(out)
		switch {
		case n > 0 && out[n-1] == q:
			did.repeated++
			return out
		case n > 1 && out[n-2] == q:
			did.spikes++
			out = out[:n-1]
		default:
			return append(out, q)
		}
	}
}

// unwind does the same where the end of the ring meets its beginning.
func unwind(out []point, did *ringRepairs) []point {
	for len(out) >= 3 {
		n := len(out)
		switch {
		case out[n-1] == out[0]:
			did.repeated++
			out = out[:n-1]
		case out[n-2] == out[0]:
			did.spikes++
			out = out[:n-1]
		case out[n-1] == out[1]:
			did.spikes++
			out = out[1:]
		default:
			return out
		}
	}
	return out
}

// turn reverses a ring that does not run counter-clockwise, or clockwise for a
// hole, so that the inside of a polygon is to the left of its edges.
// One that holds nothing stays as it runs, so that to turn it again changes nothing.
func turn(ring []point, hole bool) {
	if signed := twiceSigned(ring); signed == 0 || (signed < 0) == hole {
		return
	}
	for i, j := 0, len(ring)-1; i < j; i, j = i+1, j-1 {
		ring[i], ring[j] = ring[j], ring[i]
	}
}

// twiceSigned is twice the area of a ring in square units, positive where it
// runs counter-clockwise. Rounding is harmless: only the sign is used, and only
// to tell an outer border from an edge between two parts of one area.
func twiceSigned(ring []point) float64 {
	sum := 0.0
	o, last := ring[0], ring[len(ring)-1]
	for _, p := range ring {
		sum += (float64(last.x)-float64(o.x))*(float64(p.y)-float64(o.y)) -
			(float64(p.x)-float64(o.x))*(float64(last.y)-float64(o.y))
		last = p
	}
	return sum
}
