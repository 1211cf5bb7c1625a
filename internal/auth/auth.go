// Package auth decides who is asking and what they may do.
//
// An [Actor] is whoever stands behind a request: nobody in particular, a person
// with a session, a program with an API key, the holder of a report's follow
// token, or Kantsten itself. What an actor may do stands in one table of roles
// and actions (policy.go); what the table does not name is refused. A [Service]
// signs people in by a code sent to their address, and keeps sessions, API keys
// and invitations. [FollowKeys] and [LinkKey] sign what has to be verified
// without a look into the database.
//
// Guarantees: no password exists. Session tokens, API keys, invitations and
// sign-in ids are 256 random bits, shown once and stored as SHA-256. The hash of
// a random value is looked up by an index; how long that takes tells nothing
// about the value. What is computed from a key (codes, follow tokens, links) is
// compared in constant time. A sign-in code stands neither in a job nor in a
// table, only its keyed hash. The rights of a session are read at every
// request, so a dismissal counts at once.
//
// Limits: addresses are ASCII (an internationalised domain is written in its
// xn-- form). Limits per address see anna@ and anna+1@ as two addresses; limits
// per network belong to the api package. The package knows no SQL and no HTTP;
// [Store] states what a database has to guarantee, and the storetest package
// checks it.
package auth

import "time"

// Service signs people and programs in. All fields are required. It keeps no
// state of its own, so any number of processes may share one store.
type Service struct {
	Store Store
	// CodeKey keys the hashes of sign-in codes; at least 32 bytes, the same in
	// every process.
	CodeKey []byte
	// Now is the clock.
	Now func() time.Time
}

// now is the time in the unit that the database keeps: UTC microseconds.
func (s *Service) now() time.Time {
	return s.Now().UTC().Truncate(time.Microsecond)
}
