package geo

// hilbert returns the place of a point on the Hilbert curve through a square of
// 2^bits by 2^bits: points that are near on the curve are near in the square.
func hilbert(x, y uint32, bits int) uint64 {
	var d uint64
	for s := bits - 1; s >= 0; s-- {
		rx, ry := x>>s&1, y>>s&1
		d = d<<2 | uint64(3*rx^ry)
		if ry == 0 { // turn the quarter, so that the curve through it begins where it should
			flip := -rx // all ones where rx is 1; bits above s are not looked at again
			x, y = y^flip, x^flip
		}
	}
	return d
}

// keyed is something at a place, to be sorted by a key.
type keyed struct {
	key uint64
	at  uint32
}

// sortKeys sorts by key and keeps the order of equal ones, in linear time: a
// radix sort from the lowest byte up, which leaves out bytes that do not differ.
func sortKeys(list []keyed) []keyed {
	const radix = 256
	var counts [8][radix]uint32
	for _, k := range list {
		for digit := range counts {
			counts[digit][byte(k.key>>(8*digit))]++
		}
	}
	spare := make([]keyed, len(list))
	for digit := range counts {
		count := &counts[digit]
		if len(list) == 0 || count[byte(list[0].key>>(8*digit))] == uint32(len(list)) {
			continue
		}
		sum := uint32(0)
		for i, n := range count {
			count[i], sum = sum, sum+n
		}
		for _, k := range list {
			b := byte(k.key >> (8 * digit))
			spare[count[b]] = k
			count[b]++
		}
		list, spare = spare, list
	}
	return list
}
