// Package backup writes an installation into a folder while it serves, and fills
// an empty one from such a folder.
//
// [Taker.Take] writes one consistent state: all rows come from one read
// transaction, then the files that those rows refer to are copied. Files never
// change, so they need no snapshot of their own. Reports that are filed
// meanwhile wait for nothing and are in the next backup. Photos that are masked
// meanwhile are in it as masked: what they showed before is deleted, so their rows
// are taken over as they are after that.
//
// The form is the same for both databases, so a backup of SQLite restores into
// PostgreSQL and back:
//
//	manifest.json            format, schema and program version, time; rows, bytes
//	                         and SHA-256 of each file below; written last
//	tables/NAME.ndjson.gz    a line with the columns, then one array a row
//	blobs.ndjson.gz          name, bytes and SHA-256 of each file in blobs
//	blobs/…                  photos, boundary indexes and what these are built from,
//	                         under their own names
//	erasures.ndjson.gz       ids of the reports erased until the backup ended
//	secrets.json             only where KANTSTEN_SECRETS_FILE is used; other
//	                         installations keep their keys in a table
//
// A folder without manifest.json is no backup: one that was broken off, or is
// still being written. Everything is synced to disk before the manifest is.
//
// [Restorer.Restore] checks the whole folder first and refuses what is damaged,
// from a newer release, or would meet anything that is there already. Then it
// stores files first and rows last, the rows in one transaction, so no row ever
// lacks its file. It may be broken off at any point and run again with the same
// folder: until it is through, the database is marked, and nobody serves it.
//
// # Erasures
//
// Who had a report erased after the backup was taken must not come back with it.
// Erasing therefore notes the report's id, and masking or deleting a photo the
// folder of its files, in a journal in the blob store (report.Erasures), before it
// is carried out. A restore erases again what stands in the journal of the blob
// store that it restores into (which survives when only the database was lost), in
// the backup's own copy, and in any further one that the operator names. A photo
// that was masked since is deleted then, for the journal does not know the masks.
// Erasures noted only in a store that was lost together with the database are lost
// too: keep the bucket, or copy its folder erasures/ more often than a backup is
// taken.
//
// # Limits
//
// A backup holds contact data and keys in clear text: everything in it is
// readable by its owner only, and encrypting it is the operator's. It proves
// itself whole, not genuine: who can write into the folder can forge it.
//
// Jobs that were under way when it was taken are in it as unfinished and run
// again after a restore, so messages and deliveries may repeat; nothing that was
// acknowledged is lost. Sessions go on where they have not ended. Not in it are
// what is outside database and blob store: mails written as files, local copies
// of boundary indexes, uploads under way.
//
// Only erasures are carried out again. Keys that were revoked after the backup,
// staff that was dismissed, sessions and subscriptions that were ended are back,
// and have to be ended again; what was filed since is not there, and its
// references are given anew.
//
// While the rows are read, SQLite cannot fold its log into the database, so the
// log grows and an erasure asks to be tried again.
package backup

import (
	"context"
	"iter"
)

// Type is what a column holds, on either database.
type Type string

// The types. A row's value is a string, int64, float64 or bool, or nil.
const (
	Text  Type = "text"
	Int   Type = "int"   // 64 bits
	Float Type = "float" // IEEE 754 double
	Bool  Type = "bool"
)

// Column is one column of a table.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Table is a table with its columns, in the order of its rows' values.
type Table struct {
	Name    string
	Columns []Column
}

// Row is one value for each column.
type Row []any

// Files are the blobs that a row refers to.
type Files struct {
	Names []string
	// Optional files may be missing: those of a photo that no report has claimed,
	// whose row is there before them.
	Optional bool
	// Folder is what the journal of erasures names where these files go; empty for
	// files that no erasure is about.
	Folder string
}

// Database is what is backed up and restored.
type Database interface {
	// Dump reads all tables in one read transaction and returns the version of
	// their schema. A table comes after those that its rows refer to. Rows are
	// read while they are asked for, and the sequence ends with the first error.
	Dump(ctx context.Context, table func(Table, iter.Seq2[Row, error]) error) (schema int64, err error)
	// Files returns how to tell which blobs a row of the table refers to; nil if
	// the table's rows refer to none.
	Files(t Table) (func(Row) (Files, error), error)
	// Current returns a row of a backup that is being taken with the files that it
	// refers to at this moment; false if it is not there any more, or its files
	// never change.
	Current(ctx context.Context, t Table, row Row) (Row, bool, error)
	// Refers reports whether a row refers to the blob at this moment.
	Refers(ctx context.Context, name string) (bool, error)

	// Newest returns the newest version of the schema that this program knows.
	Newest() (int64, error)
	// Occupied returns the name of a table that holds rows, "" if none does.
	Occupied(ctx context.Context) (table string, err error)
	// Load brings an empty database to the schema and fills it in one
	// transaction, with a mark that stays until Finish. The sequences may be
	// asked for more than once.
	Load(ctx context.Context, schema int64, mark string, tables []Table, rows func(Table) iter.Seq2[Row, error]) error
	// Loaded returns the mark of a restore that is not finished, "" if none is.
	Loaded(ctx context.Context) (mark string, err error)
	// Migrate brings the schema forward to the newest version.
	Migrate(ctx context.Context) error
	// Finish removes the mark.
	Finish(ctx context.Context) error
}
