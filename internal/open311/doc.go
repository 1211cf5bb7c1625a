// Package open311 speaks Open311 GeoReport v2: its documents in XML and JSON,
// and the reading of its requests.
//
// Every document is described once, as a small tree ([Document]), and both
// encodings are written from that tree, so they cannot drift apart: the JSON is
// always the Spark mapping of the XML. Reading is as lenient as the clients in
// use need (boundaries that mime refuses, "+" in dates that arrives as space,
// Latin-1 bodies) and strict about what is kept: text that a reader gives back
// is UTF-8 without control characters other than TAB and LF.
//
// What a client did wrong comes back as [Errors], one for each fault, ready to
// be encoded. The package knows no domain, no HTTP framework and no database; it
// checks the form of a request, not whether a service exists or a key is right.
//
// Limits: core GeoReport v2 only; extensions are not read and not written.
package open311
