package geo

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// validateTables checks the small tables: all but cells and vertices, which
// queries do not take on trust. It takes a time in proportion to the number of
// areas and rings.
func (t *Index) validateTables() error {
	for _, check := range []func() error{t.validateSizes, t.validateTexts, t.validateRings, t.validateSets} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// validateContent checks that every number in the cells and vertices is one that
// Build could have written: a hash protects from accidents, not from a file made
// on purpose.
func (t *Index) validateContent() error {
	for i := 0; i < len(t.vertices); i += 2 {
		if !inWorld(t.vertices[i], t.vertices[i+1]) {
			return errors.New("vertices: outside the world")
		}
	}
	v := validator{Index: t}
	for _, entry := range t.top {
		if err := v.entry(entry, t.shift); err != nil {
			return err
		}
	}
	if int(v.node)*16 != len(t.nodes) || int(v.leaf) != len(t.leaves) {
		return errors.New("nodes or leaves that nothing points to")
	}
	return nil
}

func (t *Index) validateSizes() error {
	n := len(t.rank)
	switch {
	case t.shift < minTopShift || t.shift > maxTopShift:
		return fmt.Errorf("cells of 2^%d units", t.shift)
	case t.columns == 0 || t.rows == 0 || uint64(t.columns)*uint64(t.rows) != uint64(len(t.top)):
		return errors.New("the top grid's size")
	case (uint64(t.columns-1)<<t.shift) > 2*uint64(maxLon)+1 || (uint64(t.rows-1)<<t.shift) > 2*uint64(maxLat)+1:
		return errors.New("the top grid is larger than the world")
	case int64(t.originX) < -maxLon-1 || int64(t.originX) > maxLon || int64(t.originY) < -maxLat-1 || int64(t.originY) > maxLat:
		return errors.New("the top grid's origin")
	case n == 0 || n >= numMask || len(t.byCode) != n || len(t.size) != 2*n || len(t.areaPart) != n+1 || len(t.textStart) != 2*n+1:
		return errors.New("the number of areas")
	case len(t.nodes)%16 != 0 || len(t.nodes)/16 > numMask || len(t.leaves) > numMask || len(t.vertices)%2 != 0:
		return errors.New("the size of a table")
	}
	for _, table := range [][]uint32{t.rank, t.byCode} {
		seen := make([]bool, n)
		for _, v := range table {
			if int(v) >= n || seen[v] {
				return errors.New("the order of the areas")
			}
			seen[v] = true
		}
	}
	return nil
}

func (t *Index) validateTexts() error {
	if err := ascending(t.textStart, len(t.texts), 0); err != nil {
		return fmt.Errorf("texts: %w", err)
	}
	if !utf8.Valid(t.texts) {
		return errors.New("texts: not UTF-8")
	}
	code := func(i uint32) string { return string(t.texts[t.textStart[2*i]:t.textStart[2*i+1]]) }
	for i := 1; i < len(t.byCode); i++ {
		if code(t.byCode[i-1]) >= code(t.byCode[i]) {
			return errors.New("texts: codes are not in order")
		}
	}
	return nil
}

func (t *Index) validateRings() error {
	if len(t.partRing) == 0 || len(t.ringVertex) == 0 {
		return errors.New("rings: none")
	}
	if err := ascending(t.areaPart, len(t.partRing)-1, 1); err != nil {
		return fmt.Errorf("polygons: %w", err)
	}
	if err := ascending(t.partRing, len(t.ringVertex)-1, 1); err != nil {
		return fmt.Errorf("rings: %w", err)
	}
	if err := ascending(t.ringVertex, len(t.vertices)/2, 3); err != nil {
		return fmt.Errorf("vertices: %w", err)
	}
	return nil
}

func inWorld(x, y uint32) bool {
	lon, lat := int64(int32(x)), int64(int32(y))
	return lon >= -maxLon && lon <= maxLon && lat >= -maxLat && lat <= maxLat
}

func (t *Index) validateSets() error {
	if len(t.setStart) == 0 || len(t.setStart)-1 > numMask {
		return errors.New("sets: none")
	}
	if err := ascending(t.setStart, len(t.setArea), 1); err != nil {
		return fmt.Errorf("sets: %w", err)
	}
	for _, area := range t.setArea {
		if int(area) >= len(t.rank) {
			return errors.New("sets: no such area")
		}
	}
	return nil
}

// ascending checks that starts run from zero to end in steps of at least step.
func ascending(starts []uint32, end, step int) error {
	if len(starts) == 0 || starts[0] != 0 || int(starts[len(starts)-1]) != end {
		return errors.New("do not span their table")
	}
	for i := 1; i < len(starts); i++ {
		if int64(starts[i])-int64(starts[i-1]) < int64(step) {
			return errors.New("are not in order")
		}
	}
	return nil
}

// validator walks the cells in the order in which Build writes them, so every
// node and every leaf must be the next one: each is reached exactly once.
type validator struct {
	*Index
	node, leaf uint32
}

func (v *validator) entry(entry, shift uint32) error {
	number := entry & numMask
	switch entry >> tagShift {
	case tagArea:
		if int(number) > len(v.rank) {
			return errors.New("cells: no such area")
		}
	case tagSet:
		if int(number) >= len(v.setStart)-1 {
			return errors.New("cells: no such set")
		}
	case tagNode:
		return v.inner(number, shift)
	case tagLeaf:
		if number != v.leaf || int(number) >= len(v.leaves) {
			return errors.New("cells: a leaf out of order")
		}
		words, err := v.leafWords(v.leaves[number:])
		if err != nil {
			return err
		}
		v.leaf += uint32(words)
	}
	return nil
}

func (v *validator) inner(number, shift uint32) error {
	if number != v.node || int(number)*16 >= len(v.nodes) || shift < minCell+2 {
		return errors.New("cells: a node out of order")
	}
	v.node++
	for _, child := range v.nodes[16*number : 16*number+16] {
		if err := v.entry(child, shift-2); err != nil {
			return err
		}
	}
	return nil
}

var errLeaf = errors.New("cells: a leaf is not whole")

// leafWords checks a leaf and returns its length.
func (v *validator) leafWords(leaf []uint32) (int, error) {
	edges, slots := int(leaf[0]&0xffff), int(leaf[0]>>16&0xff)
	if slots == wideSlots {
		return v.wideLeafWords(leaf)
	}
	words := 1 + slots + edgeWords*edges
	if slots == 0 || slots > maxSlots || edges == 0 || words > len(leaf) || leaf[0]>>24>>slots != 0 {
		return 0, errLeaf
	}
	for _, area := range leaf[words-slots : words] {
		if int(area) >= len(v.rank) {
			return 0, errLeaf
		}
	}
	return words, validEdges(leaf[1:words-slots], slots)
}

func (v *validator) wideLeafWords(leaf []uint32) (int, error) {
	if len(leaf) < wideHead || leaf[0] != wideSlots<<16 {
		return 0, errLeaf
	}
	words := wideHead
	for range leaf[1] {
		if words+2 > len(leaf) || int(leaf[words]) >= len(v.rank) {
			return 0, errLeaf
		}
		length := edgeWords * int(leaf[words+1]>>1)
		words += 2
		if length > len(leaf)-words {
			return 0, errLeaf
		}
		if err := validEdges(leaf[words:words+length], 1); err != nil {
			return 0, err
		}
		words += length
	}
	if uint64(leaf[2]) != uint64(words) {
		return 0, errLeaf
	}
	return words, nil
}

func validEdges(e []uint32, slots int) error {
	for ; len(e) >= edgeWords; e = e[edgeWords:] {
		flags := e[4]
		ordered := int32(e[0]) < int32(e[2]) || e[0] == e[2] && int32(e[1]) < int32(e[3])
		if !ordered || !inWorld(e[0], e[1]) || !inWorld(e[2], e[3]) || int64(int32(e[2]))-int64(int32(e[0])) > maxSpan {
			return errLeaf
		}
		if flags&^uint32(flagAll) != 0 || flags&flagBounds>>slots != 0 || flags>>flagBorder>>slots != 0 {
			return errLeaf
		}
	}
	return nil
}
