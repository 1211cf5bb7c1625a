package geo

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paulmach/orb"
)

// Move is ground that changed hands between two sets of areas.
type Move struct {
	From, To     string    // codes of the owners in the old set and in the new; empty for nobody
	SquareMetres float64   // in all
	Places       int       // how many
	At           orb.Point // in the largest

	largest float64
}

// Rename is an area that kept its code and not its name.
type Rename struct{ Code, Old, New string }

// Share is a part of an area's ground, 0 to 1, and who has it: a code, or empty
// for nobody.
type Share struct {
	Code  string
	Share float64
}

// Gone is an area whose code the new set does not have, with those who took
// over its ground, the largest share first.
type Gone struct {
	Code, Name   string
	SquareMetres float64
	To           []Share
}

// New is an area whose code the old set does not have, with those whose ground
// it was, the largest share first; shares are of the new area.
type New struct {
	Code, Name   string
	SquareMetres float64
	From         []Share
}

// Comparison is what became of a set of areas. Lists of areas are in the order
// of their codes, Moved has the largest first.
type Comparison struct {
	Same    int // areas with the same code and the same borders, vertex for vertex
	Added   []New
	Removed []Gone
	Renamed []Rename
	Moved   []Move // also what moved to or from areas with a new code, and those without
	// Rerounded is ground that changed hands in places narrower on average than
	// RoundingMetres, in square metres: what is left when the same border is
	// written with other digits.
	Rerounded float64
}

// RoundingMetres is how far a border may lie beside the old one and still count
// as the same, written with other digits: coordinates of five decimals are off
// by up to 0.6 m, those of six by 6 cm.
const RoundingMetres = 0.6

// Compare tells what changes when the areas of one set take the place of
// another's. Who owns ground, and how much changed hands, is exact in the stored
// coordinates, overlaps being settled by the rule of [Index.Owner]; only places
// of less than a square centimetre are left out. Areas that are the same vertex
// for vertex, and have no other area near, cost next to nothing. The error is
// about borders that cross each other thousands of times.
func Compare(old, now *Index) (Comparison, error) {
	c := comparer{old: old, now: now}
	c.match()
	if len(c.changed) == 0 {
		return c.Comparison, nil
	}
	moved, err := c.moves()
	if err != nil {
		return Comparison{}, fmt.Errorf("compare sets of areas: %w", err)
	}
	c.sum(moved)
	for i := range c.Removed {
		g := &c.Removed[i]
		g.To = c.shares(g.SquareMetres, func(m Move) (string, bool) { return m.To, m.From == g.Code })
	}
	for i := range c.Added {
		n := &c.Added[i]
		n.From = c.shares(n.SquareMetres, func(m Move) (string, bool) { return m.From, m.To == n.Code })
	}
	return c.Comparison, nil
}

type comparer struct {
	Comparison
	old, now *Index
	changed  []orb.Bound // boxes of areas that are not the same in both sets
}

// match pairs the areas by their codes.
func (c *comparer) match() {
	for _, i := range c.old.byCode {
		code, name := c.old.Area(int(i))
		j, ok := c.now.Lookup(code)
		if !ok {
			c.Removed = append(c.Removed, Gone{Code: code, Name: name, SquareMetres: c.old.SquareMetres(int(i))})
			c.changed = append(c.changed, c.old.AreaBounds(int(i)))
			continue
		}
		if _, other := c.now.Area(j); other != name {
			c.Renamed = append(c.Renamed, Rename{code, name, other})
		}
		if sameBorders(c.old, int(i), c.now, j) {
			c.Same++
			continue
		}
		c.changed = append(c.changed, c.old.AreaBounds(int(i)).Union(c.now.AreaBounds(j)))
	}
	for _, j := range c.now.byCode {
		code, name := c.now.Area(int(j))
		if _, ok := c.old.Lookup(code); !ok {
			c.Added = append(c.Added, New{Code: code, Name: name, SquareMetres: c.now.SquareMetres(int(j))})
			c.changed = append(c.changed, c.now.AreaBounds(int(j)))
		}
	}
}

// sameBorders compares the rings of two areas: as they stand, else by their
// edges, because another program may begin a ring elsewhere or sort polygons.
func sameBorders(s *Index, i int, t *Index, j int) bool {
	if s.areaPart[i+1]-s.areaPart[i] != t.areaPart[j+1]-t.areaPart[j] {
		return false
	}
	a, b := s.areaVertices(i), t.areaVertices(j)
	if len(a) != len(b) {
		return false
	}
	if slices.Equal(a, b) {
		return true
	}
	return slices.EqualFunc(s.areaEdges(i), t.areaEdges(j), func(a, b occurrence) bool { return a.segment == b.segment })
}

func (t *Index) areaVertices(i int) []uint32 {
	from, to := t.ringVertex[t.partRing[t.areaPart[i]]], t.ringVertex[t.partRing[t.areaPart[i+1]]]
	return t.vertices[2*from : 2*to]
}

func (t *Index) areaEdges(i int) []occurrence {
	var occ []occurrence
	for r := t.partRing[t.areaPart[i]]; r < t.partRing[t.areaPart[i+1]]; r++ {
		occ = t.ringOccurrences(occ, r, 0)
	}
	slices.SortFunc(occ, func(a, b occurrence) int { return a.compare(b.segment) })
	return occ
}

// maxChanged is from how many changed areas on it is cheaper to compare all of
// the ground than to look for the areas near them.
const maxChanged = 1000

// moves finds the regions whose owner has another code in the new set. Ground
// can change hands only where an area changed, so others are left out.
func (c *comparer) moves() ([]region, error) {
	sources := [2]*Index{c.old, c.now}
	o, err := arrange(func(s, area int) bool {
		return len(c.changed) > maxChanged || slices.ContainsFunc(c.changed, sources[s].AreaBounds(area).Intersects)
	}, c.old, c.now)
	if err != nil {
		return nil, err
	}
	return o.regions(func(polygons []uint32) []uint64 {
		split, _ := slices.BinarySearch(polygons, o.first[1])
		from, to := None, None
		if split > 0 {
			from = int(o.areaOf[polygons[0]])
		}
		if split < len(polygons) {
			to = int(o.areaOf[polygons[split]])
		}
		if c.oldCode(from) == c.newCode(to) {
			return nil
		}
		return []uint64{uint64(from+1)<<32 | uint64(to+1)}
	})
}

func (c *comparer) oldCode(i int) string { return codeOf(c.old, i) }
func (c *comparer) newCode(i int) string { return codeOf(c.now, i) }

func codeOf(t *Index, area int) string {
	if area == None {
		return ""
	}
	return t.codes[area]
}

// sum adds the regions of each pair of owners up.
func (c *comparer) sum(regions []region) {
	var m *Move
	last := uint64(0)
	for _, r := range regions {
		if r.width() < RoundingMetres {
			c.Rerounded += r.squareMetres
			continue
		}
		if m == nil || r.key != last {
			last = r.key
			c.Moved = append(c.Moved, Move{From: c.oldCode(int(r.key>>32) - 1), To: c.newCode(int(uint32(r.key)) - 1)})
			m = &c.Moved[len(c.Moved)-1]
		}
		m.SquareMetres += r.squareMetres
		m.Places++
		if r.squareMetres > m.largest {
			m.At, m.largest = r.at, r.squareMetres
		}
	}
	slices.SortStableFunc(c.Moved, func(a, b Move) int { return cmp.Compare(b.SquareMetres, a.SquareMetres) })
}

// shares lists who has what of some ground by the moves that of tells.
func (c *comparer) shares(squareMetres float64, of func(Move) (string, bool)) []Share {
	var out []Share
	for _, m := range c.Moved { // the largest first
		if code, ok := of(m); ok {
			out = append(out, Share{code, min(1, m.SquareMetres/squareMetres)})
		}
	}
	return out
}
