package report

import "testing"

func TestStatusCanBecome(t *testing.T) {
	t.Parallel()
	// A row for each status, a column for each that it may become, in the order
	// of Statuses: received, acknowledged, planned, in-progress, waiting, fixed, closed.
	table := map[Status]string{
		Received:           "·xxxxxx",
		Acknowledged:       "··xxxxx",
		Planned:            "·x·xxxx",
		InProgress:         "·xx·xxx",
		WaitingForReporter: "·xxx·xx",
		Fixed:              "·x·····", // reopening goes to acknowledged: a crew must look again
		Closed:             "·x·····",
		"nonsense":         "·······",
		"":                 "·······",
	}
	for from, row := range table {
		for i, mark := range []rune(row) {
			if to := Statuses()[i]; from.canBecome(to) != (mark == 'x') {
				t.Errorf("%s can become %s = %v", from, to, from.canBecome(to))
			}
		}
		if from.canBecome("nonsense") || from.canBecome("") {
			t.Errorf("%s can become what is no status", from)
		}
	}
}

func TestOpenStatusesAreThoseWhereSomebodyHasToAct(t *testing.T) {
	t.Parallel()
	for s, open := range map[Status]bool{
		Received: true, Acknowledged: true, Planned: true, InProgress: true, WaitingForReporter: true,
		Fixed: false, Closed: false, "nonsense": false, "": false,
	} {
		if s.Open() != open {
			t.Errorf("%q is open = %v, want %v", s, s.Open(), open)
		}
	}
}
