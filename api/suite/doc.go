// Package suite tests the v1 API as its clients meet it: over HTTP, on the whole
// server, on SQLite and on PostgreSQL. It holds tests only.
//
// Nothing in it is played: the databases, the files, the photos, the e-mails and
// the push service are real. Two things are arranged: the boundaries are a few
// squares with sea around them, and the clock can be moved forward. Every answer
// of every test is held against the contract by [apitest.Client].
package suite
