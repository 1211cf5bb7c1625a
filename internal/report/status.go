package report

import "slices"

// Status says where a report stands. The five open ones mean that somebody
// still has to act; the two closed ones that nobody does.
type Status string

// The statuses, as they are stored, shown and sent.
const (
	Received           Status = "received"
	Acknowledged       Status = "acknowledged"
	Planned            Status = "planned" // needs a date
	InProgress         Status = "in-progress"
	WaitingForReporter Status = "waiting-for-reporter" // the clock stops
	Fixed              Status = "fixed"
	Closed             Status = "closed" // needs a CloseReason
)

// Statuses lists all statuses in the order in which a report usually meets them.
func Statuses() []Status {
	return []Status{Received, Acknowledged, Planned, InProgress, WaitingForReporter, Fixed, Closed}
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return slices.Contains(Statuses(), s) }

// Open reports whether somebody still has to act.
func (s Status) Open() bool { return s.Valid() && s != Fixed && s != Closed }

// canBecome holds the whole state machine:
//
//	received ──▶ any other
//	acknowledged, planned, in-progress, waiting-for-reporter ──▶ each other, fixed, closed
//	fixed, closed ──▶ acknowledged (reopening: a crew must look again)
func (s Status) canBecome(to Status) bool {
	switch {
	case !s.Valid() || !to.Valid() || s == to || to == Received:
		return false
	case s.Open():
		return true
	default:
		return to == Acknowledged
	}
}

// CloseReason says why a report was closed without being fixed.
type CloseReason string

// The reasons.
const (
	Duplicate CloseReason = "duplicate" // needs the report that it duplicates
	NoAction  CloseReason = "no-action"
	NotFound  CloseReason = "not-found"
	Withdrawn CloseReason = "withdrawn"
)

// CloseReasons lists all reasons.
func CloseReasons() []CloseReason {
	return []CloseReason{Duplicate, NoAction, NotFound, Withdrawn}
}

// Valid reports whether c is one of the reasons.
func (c CloseReason) Valid() bool { return slices.Contains(CloseReasons(), c) }
