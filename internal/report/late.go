package report

import "github.com/kantsten/kantsten/internal/job"

// JobForward brings photos that came after their report to a recipient who has
// the report already. Payload: ForwardJob.
const JobForward = "forward"

// ForwardJob is the payload of JobForward.
type ForwardJob struct {
	UpdateID string `json:"update_id"`
}

// forwarded is the job by which an update's photos follow a report to its
// recipient. A report is delivered at once, whatever is still to come on a bad
// network; only who is told by message would not see what comes later. Staff's own
// photos are no news to them, and a report that is held takes its photos along
// when it is delivered.
func (r *Report) forwarded(u Update) []job.Job {
	if u.Author == ByStaff || r.Delivery == Held || r.Delivery == Delivered {
		return nil
	}
	return []job.Job{newJob(JobForward, ForwardJob{UpdateID: u.ID}, u.CreatedAt)}
}

// withPhotos adds the photos that the first update claims, in the state in which
// they begin, and that they follow the report: once they are checked, if they are,
// for their addresses change when something is masked.
func (c Changes) withPhotos(r *Report, ids, alts []string, state PhotoState) Changes {
	if len(ids) > 0 && state != PhotoChecking {
		c.Jobs = append(c.Jobs, r.forwarded(c.Updates[0])...)
	}
	c.claim(r, ids, alts, state)
	return c
}
