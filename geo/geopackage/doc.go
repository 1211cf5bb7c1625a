// Package geopackage reads areas, lines and points from a GeoPackage
// (OGC 12-128r19, versions 1.0 to 1.4), the SQLite file in which Lantmäteriet
// and others publish.
//
// [Read] takes a *sql.DB that the caller has opened with an SQLite driver of its
// choice; the package depends on none. [DSN] says how modernc.org/sqlite is to
// open a file that a stranger made, and [CheckFile] what is wrong with a file in
// words for the person who chose it. [Unpack] takes one out of the .zip in which
// it was published.
//
// One feature at a time is in memory. Nothing that stands in the file is
// trusted: names are quoted and must be those of tables or views of the file
// itself, lengths are asked for before values are fetched, and the bytes of a
// geometry are checked before they are decoded. What cannot be read is refused
// naming the layer and the feature, never skipped.
//
// # Limits
//
//   - Curves, surfaces, collections and extended geometries are refused by name;
//     heights and measures are dropped.
//   - Coordinate systems are those of package sweref: the number that the file
//     gives must be one of them, and the definition beside it must agree.
//   - A view is read like a table, but computes whatever its maker wrote, and all
//     of its rows are kept, by SQLite in a temporary file, before the first is
//     passed on. End the context to stop it. A value that it computes is bounded
//     by SQLite's own limit of 10⁹ bytes unless the caller lowers
//     SQLITE_LIMIT_LENGTH.
//   - SQLite 3.43 (2023) or later.
package geopackage
