// Package sweref converts the coordinate systems in which Swedish map data come
// to WGS 84, and back.
//
// It knows SWEREF 99 TM (EPSG:3006), its twelve local zones (EPSG:3007 to 3018)
// and the geographic systems WGS 84 (EPSG:4326), ETRS 89 and SWEREF 99
// (EPSG:4258, 4619). Every other system is refused by name: a shift between
// datums, as RT 90 needs, is work for a tool that measures how good it is.
//
//	s, err := sweref.ByEPSG(3006)
//	lon, lat := s.Inverse(674032, 6580822)
//
// # Guarantees
//
// [System.Forward] and [System.Inverse] follow the Krüger series on the GRS 80
// ellipsoid. They agree with Lantmäteriet's published check points to the
// half millimetre that those are rounded to, with the exact projection to a
// micrometre up to 10 degrees off the central meridian, and with each other to half
// a micrometre.
//
// [System.ToWGS84] converts whole geometries. What is straight in the plane of a
// projection bends in longitude and latitude, a 60-km edge by 60 m or more; so long
// edges get vertices until no part of an edge is more than a centimetre away.
// An edge gets the same vertices in whichever direction it is walked, so that
// areas which shared it still do. Coordinates whose axes are swapped are
// recognised by where Sweden lies, and what cannot be is refused by name.
//
// # Limits
//
//   - SWEREF 99, ETRS 89 and WGS 84 are taken as one, as is usual for maps. The
//     Eurasian plate moves: the WGS 84 of a satellite receiver without correction
//     is almost a metre north-east of SWEREF 99, by 2 cm more each year.
//   - Heights are no part of it: EPSG:5845 to 5857, SWEREF 99 with heights of
//     RH 2000, are read as their plane.
//   - Where one area has a vertex in the middle of another's edge, the two get
//     different new vertices there and part by up to two centimetres.
package sweref
