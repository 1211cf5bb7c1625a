package report

import (
	"fmt"
	"regexp"
	"time"
)

// Reference names a report to people: the receiving jurisdiction, the year in
// Sweden when it was filed, and a number from a series without gaps.
//
// Six digits are a minimum: the millionth report of a year simply has seven.
func Reference(jurisdiction string, year int, number int64) string {
	return fmt.Sprintf("%s-%04d-%06d", jurisdiction, year, number)
}

var referenceForm = regexp.MustCompile(`^[0-9A-Za-z.]{1,64}-[0-9]{4}-[0-9]{6,12}$`)

// IsReference reports whether s has the form of a reference, so that a look-up
// knows by which of a report's two names it was asked.
func IsReference(s string) bool { return referenceForm.MatchString(s) }

// seriesYear is the year that a reference carries: Sweden's, not UTC's, because
// that is the year on the reporter's calendar.
func seriesYear(at time.Time, sweden *time.Location) int { return at.In(sweden).Year() }
