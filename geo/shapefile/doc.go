// Package shapefile reads the features of ESRI Shapefiles: of a .shp with its
// .dbf, .prj and .cpg beside it, of a folder, or of a .zip.
//
//	err := shapefile.Read("boundaries.zip", geo.ReadOptions{}, builder.Add)
//
// # What is read
//
// Polygons, lines and points, with or without heights and measures, which are
// dropped; which of the three must be there is said by [geo.ReadOptions]. A
// feature has the code and name of its row in the .dbf. Rows that are marked as
// deleted are left out with their shapes; a null shape in any other is an error.
//
// Rings find their roles by which lies in which, as many programs write them in
// the wrong direction or order: a ring in an odd number of others is a hole.
//
// The .prj must be one that [sweref.ByWKT] knows. Without one, coordinates are
// taken as degrees of WGS 84 if the extent of the file can be nothing else.
//
// Text is decoded as the .cpg says, else by the language driver of the .dbf. Where
// neither does it is UTF-8, if all of it is valid, and else Windows-1252, which
// holds Latin-1.
//
// # Guarantees and limits
//
// One feature at a time is in memory, and memory is taken only for bytes that
// have come, whatever sizes the file claims. Errors name the file, the record
// counted from one, as the format does, the ring counted from zero, and the
// coordinate. Flipped bits inside a coordinate or a text can be found only in a
// .zip, by its checksum and at the end: what was yielded before an error must be
// discarded with the rest.
//
// The .shx is not used: records stand in the order of the .shp. MultiPatch is
// refused, and so are code pages of other alphabets than the Latin of Europe.
package shapefile
