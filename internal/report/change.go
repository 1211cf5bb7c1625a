package report

import (
	"context"
	"fmt"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// reopenWithin is how long the reporter may reopen a closed report; later, and
// for anyone else, "not fixed" is a comment that staff see.
const reopenWithin = 30 * 24 * time.Hour

// StatusChange is what a crew did, or decided.
type StatusChange struct {
	To          Status
	Text        string
	Reason      CloseReason // with Closed
	PlannedFor  string      // with Planned, "2026-05-01"
	DuplicateOf string      // with Duplicate, an id or reference
	Version     int64       // the version that the change was decided on
	Origin      Origin

	hiddenOriginal bool   // the report that it duplicates is private
	caseOfOriginal string // the case that the report that it duplicates is a voice of
}

// ChangeStatus moves a report to a new status on behalf of actor. The status,
// its update, its event and the jobs that follow are stored together or not at
// all. A crew on a bad network may send the same change again: without new
// text it changes nothing.
func (s *Service) ChangeStatus(ctx context.Context, actor auth.Actor, name string, ch StatusChange) (Report, error) {
	ch.Text = tidy(ch.Text)
	if err := s.checkChange(ctx, actor, &ch); err != nil {
		return Report{}, err
	}
	if ch.Reason == Withdrawn {
		return s.withdraw(ctx, actor, name, func(r *Report) (Changes, error) { return s.changed(actor, r, ch) })
	}
	return s.update(ctx, name, func(r *Report) (Changes, error) { return s.changed(actor, r, ch) })
}

// changed is one change of status and what it causes.
func (s *Service) changed(actor auth.Actor, r *Report, ch StatusChange) (Changes, error) {
	if err := s.mayChange(actor, r, ch); err != nil {
		return Changes{}, err
	}
	if r.CaseID != "" {
		return Changes{}, r.errVoice()
	}
	if ch.DuplicateOf == r.ID {
		return Changes{}, problem.Field("/duplicate_of", "itself", "a report is no duplicate of itself")
	}
	if r.Status == ch.To && r.sameDetails(ch) {
		return r.holdTexts(r.comment(s.known(actor, *r), ch, s.now())), nil
	}
	if err := r.atVersion(ch.Version); err != nil {
		return Changes{}, err
	}
	if r.Status != ch.To && !r.Status.canBecome(ch.To) {
		return Changes{}, &problem.Error{
			Kind:    problem.Conflict,
			Detail:  fmt.Sprintf("a report that is %s cannot become %s", r.Status, ch.To),
			Current: *r,
		}
	}
	if err := r.mayDuplicate(ch); err != nil {
		return Changes{}, err
	}
	return r.holdTexts(r.statusChanged(s.known(actor, *r), ch, s.now())), nil
}

// mayDuplicate refuses what a duplicate cannot name: itself, and, where everybody
// sees the duplicate, a report of which nobody may know.
func (r *Report) mayDuplicate(ch StatusChange) error {
	switch {
	case ch.DuplicateOf == r.ID:
		return problem.Field("/duplicate_of", "itself", "a report is no duplicate of itself")
	case ch.caseOfOriginal == r.ID:
		return problem.Field("/duplicate_of", "voice", "that report is a voice of this one")
	case ch.hiddenOriginal && !r.Private:
		return problem.Field("/duplicate_of", "private", "that report is private, and everybody would learn of it by this one: close this one for another reason")
	}
	return nil
}

// mayChange lets staff change the status, and the reporter withdraw or, for a
// while, reopen.
func (s *Service) mayChange(actor auth.Actor, r *Report, ch StatusChange) error {
	actor = s.known(actor, *r)
	switch {
	case ch.To == Acknowledged && s.mayReopen(actor, r),
		ch.To == Closed && ch.Reason == Withdrawn && actor.Can(auth.Withdraw, r.resource()):
		return nil
	}
	return s.allow(actor, auth.ChangeStatus, r)
}

// mayReopen lets staff reopen at any time, the reporter within 30 days.
func (s *Service) mayReopen(actor auth.Actor, r *Report) bool {
	if r.Status.Open() {
		return false
	}
	recent := s.now().Sub(r.ClosedAt) <= reopenWithin
	return actor.Can(auth.ChangeStatus, r.resource()) || recent && actor.Can(auth.Reopen, r.resource())
}

// allow asks the policy, and hides private reports from those who may not even
// know of them.
func (s *Service) allow(actor auth.Actor, action auth.Action, r *Report) error {
	actor = s.known(actor, *r)
	if r.Private && !actor.Can(auth.ReadPrivate, r.resource()) {
		return errNoReport(r.ID)
	}
	return actor.May(action, r.resource())
}

// checkChange says what is wrong with a change before anything is locked.
func (s *Service) checkChange(ctx context.Context, actor auth.Actor, ch *StatusChange) error {
	var faults []problem.FieldError
	fault := func(field, code, detail string) {
		faults = append(faults, problem.FieldError{Field: field, Code: code, Detail: detail})
	}
	if f, bad := textFault("/text", ch.Text, MaxText); bad {
		faults = append(faults, f)
	}
	if !ch.To.Valid() {
		fault("/status", "unknown", fmt.Sprintf("a status is one of %v", Statuses()))
	}
	if ch.To == Closed {
		if ch.Text == "" {
			fault("/text", "required", "closing needs a reason in words")
		}
		if !ch.Reason.Valid() {
			fault("/reason", "required", fmt.Sprintf("closing needs a reason: one of %v", CloseReasons()))
		}
	} else if ch.Reason != "" {
		fault("/reason", "not-allowed", "only closing has a reason")
	}
	if _, err := time.Parse(time.DateOnly, ch.PlannedFor); ch.To == Planned && err != nil {
		fault("/planned_for", "required", "planned needs the date for which it is planned, such as 2026-05-01")
	} else if ch.To != Planned && ch.PlannedFor != "" {
		fault("/planned_for", "not-allowed", "only planned has a date")
	}
	switch {
	case ch.Reason != Duplicate && ch.DuplicateOf != "":
		fault("/duplicate_of", "not-allowed", "only a duplicate names another report")
	case ch.Reason == Duplicate:
		other, err := s.Read(ctx, actor, ch.DuplicateOf)
		if err != nil && problem.As(err) == nil {
			return err
		} else if err != nil {
			fault("/duplicate_of", "required", "a duplicate needs the id or reference of the report that it duplicates")
		}
		ch.DuplicateOf, ch.hiddenOriginal, ch.caseOfOriginal = other.ID, other.Private, other.CaseID
	}
	if p := problem.Invalidity(faults); p != nil {
		return p
	}
	return nil
}

func (r *Report) sameDetails(ch StatusChange) bool {
	return r.CloseReason == ch.Reason && r.PlannedFor == ch.PlannedFor && r.DuplicateOf == ch.DuplicateOf
}

// atVersion refuses a change that was decided on an older state.
func (r *Report) atVersion(version int64) error {
	switch version {
	case r.Version:
		return nil
	case 0:
		return &problem.Error{
			Kind: problem.VersionRequired, Current: *r,
			Detail: "send If-Match with the report's current version, so that nobody's work is overwritten unseen",
		}
	}
	return &problem.Error{
		Kind: problem.Stale, Current: *r,
		Detail: fmt.Sprintf("the report has changed: version %d is current, not %d", r.Version, version),
	}
}

// statusChanged moves r and returns what that causes.
func (r *Report) statusChanged(actor auth.Actor, ch StatusChange, now time.Time) Changes {
	wasOpen := r.Status.Open()
	r.Status, r.CloseReason, r.PlannedFor, r.DuplicateOf = ch.To, ch.Reason, ch.PlannedFor, ch.DuplicateOf
	r.UpdatedAt, r.Returns = now, 0
	switch {
	case r.Status.Open():
		r.ClosedAt = time.Time{}
	case wasOpen:
		r.ClosedAt = now
	}
	u := r.entry(StatusChanged, actor, ch.Origin, now)
	u.Text, u.CloseReason, u.PlannedFor, u.DuplicateOf = ch.Text, ch.Reason, ch.PlannedFor, ch.DuplicateOf
	return r.caused(u, EventStatus)
}

// comment appends new text to an unchanged status; without text nothing happens.
func (r *Report) comment(actor auth.Actor, ch StatusChange, now time.Time) Changes {
	if ch.Text == "" {
		return Changes{}
	}
	r.UpdatedAt = now
	u := r.entry(Commented, actor, ch.Origin, now)
	u.Text = ch.Text
	return r.caused(u, EventCommented)
}

// Withdraw closes a report on its reporter's behalf. A version of 0 withdraws
// whatever has happened meanwhile: a reporter need not have read it.
func (s *Service) Withdraw(ctx context.Context, actor auth.Actor, name string, version int64) (Report, error) {
	return s.withdraw(ctx, actor, name, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.Withdraw, r); err != nil {
			return Changes{}, err
		}
		if !r.Status.Open() {
			return Changes{}, nil
		}
		if version != 0 {
			if err := r.atVersion(version); err != nil {
				return Changes{}, err
			}
		}
		ch := StatusChange{To: Closed, Reason: Withdrawn, Text: withdrawnText(r.Language), Origin: OriginAPI}
		return r.statusChanged(s.known(actor, *r), ch, s.now()), nil
	})
}

// withdrawnText is what a withdrawal says when its reporter said nothing:
// every close has a reason in words.
func withdrawnText(language string) string {
	if language == "sv" {
		return "Anmälaren har dragit tillbaka anmälan."
	}
	return "The reporter has withdrawn the report."
}

// update runs a change and wakes those who carry out what it caused.
func (s *Service) update(ctx context.Context, name string, change func(*Report) (Changes, error)) (Report, error) {
	r, err := s.Store.Update(ctx, name, change)
	if err == nil {
		s.wake()
	}
	return r, err
}
