package catalog

import "slices"

// anything is the service of those who find no better one, so whatever it is
// used for may be filed under another service by the next resident.
const anything = "other"

// kinship lists pairs of base services under which two residents may file the
// same thing: the hole at the edge of a cycle path, the rubbish beside a bin.
// That two faults often stand beside each other makes no kin: a lamp lights many
// potholes.
var kinship = [...][2]string{
	{"pothole", "cycle-path"},
	{"pothole", "bridge"},
	{"pothole", "drain-water"}, // around a sunken cover
	{"pothole", "sign"},        // worn markings
	{"cycle-path", "bridge"},
	{"cycle-path", "tree-park"}, // roots, and hedges that hang over
	{"cycle-path", "dangerous-object"},
	{"cycle-path", "snow-ice"},
	{"cycle-path", "winter-road"},
	{"snow-ice", "winter-road"},
	{"snow-ice", "bridge"},      // icy steps
	{"drain-water", "snow-ice"}, // what leaks freezes
	{"street-light", "bridge"},  // lamps in a subway
	{"litter", "bin"},           // beside one that is full
	{"litter", "dead-animal"},
	{"litter", "dangerous-object"}, // broken glass
	{"litter", "abandoned-vehicle"},
	{"litter", "public-toilet"},
	{"bench-furniture", "bin"},
	{"bench-furniture", "playground"},
	{"bench-furniture", "tree-park"},
	{"bench-furniture", "abandoned-vehicle"}, // a wreck in a bicycle stand
	{"playground", "tree-park"},
	{"playground", "dangerous-object"},
	{"street-light", "dangerous-object"}, // an open post
	{"traffic-signal", "sign"},
}

// Kindred reports whether two different services may mean the same thing on the
// ground. A jurisdiction's own services are kin to "other" only.
func Kindred(a, b string) bool {
	if a == b {
		return false
	}
	if a == anything || b == anything {
		return true
	}
	return slices.Contains(kinship[:], [2]string{a, b}) || slices.Contains(kinship[:], [2]string{b, a})
}
