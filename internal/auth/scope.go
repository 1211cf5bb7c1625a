package auth

import "slices"

// Scope narrows what an API key may do in its jurisdiction.
type Scope string

// The scopes.
const (
	ScopeOpen311        Scope = "open311"         // file through Open311
	ScopeReportsRead    Scope = "reports:read"    // the queue, private reports, internal notes
	ScopeReportsContact Scope = "reports:contact" // contact details of reporters
	ScopeReportsWrite   Scope = "reports:write"   // status, comments, photos, notes, hand-over
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{ScopeOpen311, ScopeReportsRead, ScopeReportsContact, ScopeReportsWrite}
}

// allows reports whether the scope covers the action. Every action that the
// policy gives to System stands here under exactly one scope.
func (s Scope) allows(action Action) bool {
	switch s {
	case ScopeOpen311:
		return action == FileByKey
	case ScopeReportsRead:
		return slices.Contains([]Action{ReadQueue, ReadPrivate, ReadInternal}, action)
	case ScopeReportsContact:
		return action == ReadContact
	case ScopeReportsWrite:
		return slices.Contains([]Action{Comment, AddPhoto, Reopen, AddInternalNote, ChangeStatus, HandOver}, action)
	default:
		return false
	}
}
