// Package archtest holds tests only: what may import what.
//
// rules_test.go is the list of DESIGN.md, under Packages, in full: every package
// of the module with the packages of the module that it may import, and the
// technologies that stay in one place each. A package that is not in the list
// fails the test, so a new one begins with a line there that says why. Packages
// that the list names and that do not exist yet are no fault.
//
// The rules are for what is built into the program. Tests may import more, above
// all the real store, because nothing is mocked here; but nothing that is built
// into the program imports what is for tests.
//
// The public library, geo and what lies below it, has one rule more: all that it
// needs, by whatever way, is the standard library and two modules.
//
// Limits: it reads import lists as `go list` gives them for this system and the
// build tags of the release; files for other systems go unread, but for the
// library's.
package archtest
