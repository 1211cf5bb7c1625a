// Package migrations embeds the database schema, one step a file.
//
// The same text runs on SQLite and on PostgreSQL: keys and JSON are TEXT, times
// are BIGINT microseconds since 1970 UTC, floats DOUBLE PRECISION. A file that
// has been released is never changed: hashes.txt holds the SHA-256 of each, and
// a test compares. Every step works with the previous release's code, so that
// replicas can be replaced one by one.
package migrations

import "embed"

// Files holds the steps, "00001_name.sql" and on.
//
//go:embed *.sql
var Files embed.FS
