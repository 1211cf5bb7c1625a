// Package table reads the features of a table in a database, a row each, for the
// readers that differ in how the database is asked and in how its geometries are
// written.
//
// One row at a time is in memory. Errors name the row: by its primary key if
// that is one column, else by its number from zero. The caller says in its SQL
// how long values may be; nothing is cut off here.
package table
