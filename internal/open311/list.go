package open311

import (
	"slices"
	"strings"
	"time"
)

// maxSpan is the longest time that a list may cover.
const maxSpan = 90 * 24 * time.Hour

// maxListed is how many ids or codes a list may name: as many as it may hold.
const maxListed = 1000

// ListQuery is what GET requests asks for.
type ListQuery struct {
	JurisdictionID string // "" asks for all
	// IDs, if there are any, are wanted whatever else is set: the other fields
	// but JurisdictionID are then empty.
	IDs []string
	// Services limits to these service codes; none means all. There may be
	// some that do not exist.
	Services []string
	// Open and Closed say which are wanted; at least one is.
	Open, Closed bool
	// From is the first requested_datetime wanted, Until the first not wanted
	// any more. Until is zero if no end is asked for.
	From, Until time.Time
}

// ParseList reads the query of GET requests at the time now. Without dates it
// asks for the last 90 days; with one, for the 90 days from there on or up to
// there. Parameters that are not known, lat and long among them, are ignored.
func ParseList(rawQuery string, now time.Time) (ListQuery, Errors) {
	var errs Errors
	p := ParseQuery(rawQuery)
	q := ListQuery{JurisdictionID: name(p.Get("jurisdiction_id"))}
	if q.IDs = p.names("service_request_id", &errs); len(q.IDs) > 0 {
		return q, errs
	}
	q.Services = p.names("service_code", &errs)
	q.Open, q.Closed = p.status(&errs)
	q.From, q.Until = p.span(now, &errs)
	return q, errs
}

// names returns the codes or ids of a list, each once.
func (p Params) names(key string, errs *Errors) []string {
	all := p.List(key)
	for i := range all {
		all[i] = name(all[i])
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > maxListed {
		errs.add("%s: at most %d can be asked for at once", key, maxListed)
		return all[:maxListed]
	}
	return all
}

func (p Params) status(errs *Errors) (open, closed bool) {
	for _, s := range p.List("status") {
		switch strings.ToLower(s) {
		case "open":
			open = true
		case "closed":
			closed = true
		default:
			errs.add("status: must be open or closed, or both with a comma between")
			return true, true
		}
	}
	if !open && !closed {
		return true, true
	}
	return open, closed
}

// span returns the time that start_date and end_date ask for. Both are
// inclusive: the end with its whole second, and with its whole day if it is a
// date alone.
func (p Params) span(now time.Time, errs *Errors) (from, until time.Time) {
	start, _ := p.time("start_date", errs)
	end, day := p.time("end_date", errs)
	switch {
	case start.IsZero() && end.IsZero():
		return now.UTC().Truncate(time.Second).Add(-maxSpan), time.Time{}
	case end.IsZero():
		return start, start.Add(maxSpan + time.Second)
	}
	last := end // the last second that is wanted
	if day {
		last = end.AddDate(0, 0, 1).Add(-time.Second)
	}
	switch {
	case start.IsZero():
		return last.Add(-maxSpan), last.Add(time.Second)
	case last.Before(start):
		errs.add("end_date: must not be before start_date")
	case end.Sub(start) > maxSpan:
		errs.add("start_date and end_date: may be at most 90 days apart")
	}
	if latest := start.Add(maxSpan); last.After(latest) {
		last = latest
	}
	return start, last.Add(time.Second)
}

// time reads a parameter; the zero time if it is absent or wrong. It also
// reports whether it is a date alone.
func (p Params) time(key string, errs *Errors) (time.Time, bool) {
	s := p.Get(key)
	if s == "" {
		return time.Time{}, false
	}
	t, day, err := parseTime(s, time.UTC)
	if err != nil {
		errs.add("%s: must be a date and time by ISO 8601, such as 2026-01-31T12:00:00Z", key)
	}
	return t, day
}
