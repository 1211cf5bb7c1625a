// Package postgis reads areas, lines and points from a table or view of a
// PostgreSQL database with PostGIS 3 or later.
//
// [Read] takes a *sql.DB that the caller has opened; the package depends on no
// driver, and was tested with pgx. Rows are streamed by the server, and one
// feature at a time is in memory. What cannot be read is refused naming the table
// and the row, never skipped.
//
// # Limits
//
//   - Curves, surfaces and collections are refused by name; heights and measures
//     are dropped.
//   - A table must have one geometry column; of several, make a view with the one
//     to be read. A geography column is refused: cast it to geometry in a view.
//   - Coordinate systems are those of package sweref, by the SRID, which is taken
//     as EPSG's number: that of the column, or of each geometry where the column
//     leaves it open.
//   - Properties are columns of text, whole numbers, numeric and uuid, and domains
//     over these.
package postgis
