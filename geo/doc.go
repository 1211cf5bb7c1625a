// Package geo finds which of many areas contains a point, and which of many
// lines or points are nearest to it.
//
// An [Index] is built once from polygons and then answers any number of
// concurrent queries. Coordinates are WGS 84, held as whole units of 1e-7
// degree (about a centimetre), so containment is decided in exact integer
// arithmetic: there is no tolerance to tune and no rounding at borders.
//
// # Borders
//
// Areas own their borders half-openly. Where two areas share the same border
// vertices, a point on that border belongs to exactly one of them: never to
// both, never to neither. The rule, and why it holds, stands in coordinate.go.
// Areas that were simplified apart may leave gaps; for those, [Index.Nearest]
// finds the closest areas within a given distance. Where areas overlap, the one
// with the smaller area in square metres owns the point.
//
// A polygon holds the points inside an odd number of its rings, so holes,
// islands in holes and rings of any direction need no special case. An area
// holds the union of its polygons.
//
// # From file to answer
//
// [ReadGeoJSON] streams a [Feature] at a time into a [Builder], whose Finish
// makes the index. [Index.WriteTo] stores it as one flat file, and [Open] maps
// that file into memory, so that it costs hardly any memory of its own.
// [Index.Owner] then takes tens to hundreds of nanoseconds and allocates nothing;
// for many points at once [Index.AppendOwners] takes about two thirds of that.
// [Index.Locate] adds what a person wants to know near a border: how far it is,
// who is beyond it, and which other areas the position may lie in. It looks as
// far as 10 km, which takes microseconds; [Index.LocateWithin] looks no farther
// than need be and mostly answers in a fraction of one.
//
// # Open or Map
//
// [Open] reads the whole file once, some 15 ms for all of Sweden, and refuses
// one in which a single bit has changed. That is right for a server, which opens
// a file once and gives wrong answers to nobody, and for files from elsewhere.
//
// [Map] answers after a fraction of a millisecond, for a command that looks a
// few points up, or a process that switches between many files. It sees a file
// that is cut off, of another version or not an index, but not one that has
// rotted in the middle: then answers may be wrong, though never a crash, until
// [Index.Verify] is asked, perhaps in the background.
//
// # Lines and points
//
// A [NearIndex] is built in the same way, by a [NearBuilder], from the lines of a
// road register, whose codes are the owners, or from points such as lamp posts.
// [NearIndex.Nearest] returns the nearest features within a distance, each once,
// with the place on it that is the nearest; [NearIndex.AppendNearest] does so
// without allocating. Among a million segments of 14,000 owners the nearest owner
// is found in one to two microseconds; a vertex takes 14 bytes of file, and to
// build 150 ns and 45 bytes of memory. A point with a code of its own takes 50
// bytes, and to build 2 µs and 160 bytes. A long segment is searched in pieces,
// each with its own box.
//
// # On a map
//
// A [Pyramid] draws the areas for a web map: as tiles and as outlines, simplified
// by zoom. Neighbours that share border vertices share the simplified border too,
// because borders are simplified piece by piece between the places where three
// areas meet, and never area by area.
//
// # Before a set is used
//
// [Index.Flaws] finds where areas overlap and what they leave out between them,
// and [Compare] what one set changes against another, both by cutting the plane
// up exactly.
//
// # What it needs
//
// Beside the standard library, only the geometries of github.com/paulmach/orb,
// and the readers of databases github.com/twpayne/go-geom, for well-known binary.
// Those take a *sql.DB, so which driver is used is not decided here.
//
// # Limits
//
//   - An edge is straight in longitude and latitude and spans at most 180
//     degrees. What crosses the antimeridian must come cut there (RFC 7946,
//     section 3.1.9); distances to areas do not look across it. As a border
//     belongs to what lies to its north or east, 180 degrees east is owned by
//     nobody.
//   - Distances are those of the WGS 84 ellipsoid to 0.5 m, up to 10 km, and
//     up to 85 degrees north or south; nearer to a pole they degrade.
//   - Lines and points more than 85 degrees north or south are refused. Distances
//     to them are measured across the antimeridian, but a line that crosses it
//     must come cut there, too.
//   - A ring that crosses itself is taken as it stands, by the even-odd rule.
//   - Where polygons of the same area overlap, the edges inside the union still
//     count as border in distances; ownership is not affected. Edges that they
//     share vertex for vertex do not count.
package geo
