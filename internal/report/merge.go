package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Of several reports of one fault, one is the case and the others are voices of
// it. Work is done on the case alone, and each voice shows it as its own; what the
// voice's own work was is kept beside it until the voice is unmerged, so that
// nothing has to be guessed then.
//
// A report that has voices and is merged brings them along, and takes them back
// when it is unmerged: merges form trees, whose root is the case. Only a root is
// ever merged, and only into another root, so no tree can grow into itself. Since
// a public report is merged into a public one only, all below a private report is
// private too.

// Work is what is being done about a report: what a voice shares with its case.
type Work struct {
	Jurisdiction string
	Status       Status
	CloseReason  CloseReason
	PlannedFor   string
	DuplicateOf  string
	Delivery     Delivery
	Assignee     string
	Returns      int
	ClosedAt     time.Time
}

// Work returns what is being done about r.
func (r *Report) Work() Work {
	return Work{
		Jurisdiction: r.Jurisdiction, Status: r.Status, CloseReason: r.CloseReason, PlannedFor: r.PlannedFor,
		DuplicateOf: r.DuplicateOf, Delivery: r.Delivery, Assignee: r.Assignee, Returns: r.Returns, ClosedAt: r.ClosedAt,
	}
}

func (r *Report) setWork(w Work) {
	r.Jurisdiction, r.Status, r.CloseReason, r.PlannedFor = w.Jurisdiction, w.Status, w.CloseReason, w.PlannedFor
	r.DuplicateOf, r.Delivery, r.Assignee, r.Returns, r.ClosedAt = w.DuplicateOf, w.Delivery, w.Assignee, w.Returns, w.ClosedAt
}

// Voices is how many people stand behind r.
func (r *Report) Voices() int { return 1 + r.Joined + r.SupportedBy }

// joinedLater is how long the followers of a case wait to hear that others have
// reported the same: of a hundred that are merged in a row they hear once.
const joinedLater = 10 * time.Minute

// Merging is a report on its way into a case.
type Merging struct {
	Into    string // id or reference of the case, or of a voice of it
	Text    string // for whoever filed the report
	Version int64  // the version that it was decided on
}

// Merge makes a report, with its voices, a voice of a case. A report that is one
// already stays as it is.
func (s *Service) Merge(ctx context.Context, actor auth.Actor, name string, m Merging) (Report, error) {
	m.Text = tidy(m.Text)
	if f, bad := textFault("/text", m.Text, MaxText); bad {
		return Report{}, problem.Invalidity([]problem.FieldError{f})
	}
	if r, err := s.Read(ctx, actor, name); err != nil {
		return Report{}, err
	} else if err := s.allow(actor, auth.Merge, &r); err != nil {
		return Report{}, err
	}
	into, err := s.Read(ctx, actor, m.Into)
	if problem.Is(err, problem.NotFound) {
		return Report{}, problem.Field("/into", "unknown", "there is no report %q to merge into", m.Into)
	} else if err != nil {
		return Report{}, err
	}
	r, err := s.Store.Merge(ctx, name, into.ID, func(r, c *Report) (Changes, error) {
		if err := s.allow(actor, auth.Merge, r); err != nil {
			return Changes{}, err
		}
		if r.CaseID == c.ID {
			return Changes{}, nil
		}
		if err := r.mayJoin(into.ID, c); err != nil {
			return Changes{}, err
		}
		if err := r.atVersion(m.Version); err != nil {
			return Changes{}, err
		}
		return r.join(actor, c, m.Text, s.now()), nil
	})
	if err == nil {
		s.wake()
	}
	return r, err
}

// mayJoin says why r cannot become a voice of the case c, to which into belongs.
func (r *Report) mayJoin(into string, c *Report) error {
	conflict := func(format string, args ...any) error {
		return &problem.Error{Kind: problem.Conflict, Detail: fmt.Sprintf(format, args...), Current: *r}
	}
	switch {
	case r.ID == into:
		return problem.Field("/into", "itself", "a report is no voice of itself")
	case r.ID == c.ID:
		return conflict("that report is a voice of this one already")
	case r.CaseID != "":
		return conflict("the report is a voice of another case: unmerge it first, or merge that case")
	case r.Jurisdiction != c.Jurisdiction:
		return conflict("the reports lie with %s and %s: hand one over first", r.Jurisdiction, c.Jurisdiction)
	case c.Private && !r.Private:
		return problem.Field("/into", "private", "that report is private, and everybody would learn of it by this one: merge that one into this")
	case r.Delivery == Held || c.Delivery == Held:
		return conflict("a report that waits in triage cannot be merged")
	case r.CloseReason == Withdrawn || c.CloseReason == Withdrawn:
		return conflict("a report that was withdrawn cannot be merged")
	case c.CloseReason == Duplicate:
		return conflict("that report is closed as a duplicate: merge into the one that it duplicates")
	}
	return nil
}

// join makes r a voice of c. What is told of r may hold words for its reporter;
// what is told of c says nothing of r, which may be private.
func (r *Report) join(actor auth.Actor, c *Report, text string, now time.Time) Changes {
	r.setWork(c.Work())
	r.CaseID, r.UpdatedAt = c.ID, now
	u := r.entry(Merged, actor, OriginAPI, now)
	u.Text, u.DuplicateOf = text, c.shownID()
	caused := r.caused(u, EventMerged)
	joined := c.caused(c.entry(Joined, actor, OriginAPI, now), EventJoined)
	joined.Jobs[0].Key, joined.Jobs[0].RunAt = string(Joined)+" "+c.ID, now.Add(joinedLater)
	return caused.and(joined)
}

// shownID is the id of a case as it stands in the history of its voices: nobody learns of a
// private report, not even by its id, which tells when it was filed.
func (r *Report) shownID() string {
	if r.Private {
		return ""
	}
	return r.ID
}

// and joins what two reports cause.
func (c Changes) and(other Changes) Changes {
	c.Updates, c.Events, c.Jobs = slices.Concat(c.Updates, other.Updates), slices.Concat(c.Events, other.Events), slices.Concat(c.Jobs, other.Jobs)
	return c
}

// Leaving is a report that may go its own way.
type Leaving struct {
	Report *Report
	// Case and Own are those of a voice: what it is a voice of, nil for none, and
	// its own work as it was.
	Case *Report
	Own  Work
	// Heir is the voice that becomes the case where a case leaves its voices: the
	// oldest that everybody may see, else the oldest. Nil where there are none.
	Heir *Report
}

// errHandedOver tells that a report was handed over between reading who it lies
// with and changing it.
var errHandedOver = errors.New("the report was handed over meanwhile")

// Unmerge makes a voice a report of its own again, as it was before. What is no
// voice stays as it is.
func (s *Service) Unmerge(ctx context.Context, actor auth.Actor, name, text string, version int64) (Report, error) {
	text = tidy(text)
	if f, bad := textFault("/text", text, MaxText); bad {
		return Report{}, problem.Invalidity([]problem.FieldError{f})
	}
	return s.leave(ctx, name, func(l Leaving, j tenant.Jurisdiction) (Changes, error) {
		if err := s.allow(actor, auth.Merge, l.Report); err != nil || l.Case == nil {
			return Changes{}, err
		}
		if err := l.Report.atVersion(version); err != nil {
			return Changes{}, err
		}
		return l.part(actor, j, text, s.now()), nil
	})
}

// leave runs a change after which a voice may be on its own, by what its
// jurisdiction is then.
func (s *Service) leave(ctx context.Context, name string, change func(Leaving, tenant.Jurisdiction) (Changes, error)) (Report, error) {
	for range deciding {
		r, err := s.Store.Report(ctx, name)
		if err != nil {
			return Report{}, err
		}
		j, err := s.Tenants.Get(ctx, r.Jurisdiction)
		if problem.Is(err, problem.NotFound) {
			j, err = tenant.Jurisdiction{Code: r.Jurisdiction}, nil
		}
		if err != nil {
			return Report{}, fmt.Errorf("read jurisdiction %s: %w", r.Jurisdiction, err)
		}
		r, err = s.Store.Leave(ctx, r.ID, func(l Leaving) (Changes, error) {
			if l.Report.Jurisdiction != j.Code {
				return Changes{}, errHandedOver
			}
			return change(l, j)
		})
		if !errors.Is(err, errHandedOver) && !errors.Is(err, ErrChannelChanged) {
			if err == nil {
				s.wake()
			}
			return r, err
		}
	}
	return Report{}, errJustChanging(errHandedOver)
}

// part gives a voice its own work back. After a hand-over of the case it stays
// where it is now: whoever has it there gets it on the channel that j has.
func (l Leaving) part(actor auth.Actor, j tenant.Jurisdiction, text string, now time.Time) Changes {
	r, own, moved := l.Report, l.Own, l.Own.Jurisdiction != l.Report.Jurisdiction
	if moved {
		own.Jurisdiction, own.Assignee, own.Returns, own.Delivery = r.Jurisdiction, "", 0, deliveryOn(j.Channel)
	}
	r.setWork(own)
	r.CaseID, r.UpdatedAt = "", now
	u := r.entry(Unmerged, actor, OriginAPI, now)
	u.Text, u.DuplicateOf = text, l.Case.shownID()
	left := l.Case.caused(l.Case.entry(Left, actor, OriginAPI, now), EventLeft)
	left.Jobs = nil // no news for who follows the case
	caused := r.caused(u, EventUnmerged).and(left)
	if moved {
		caused.AtVersion = j.Version
	}
	if r.Delivery == Queued { // as a voice it was not delivered by its own job
		caused.Jobs = append(caused.Jobs, newJob(JobDeliver, DeliverJob{ReportID: r.ID}, now))
	}
	return caused
}

// withdraw is a change that withdraws a report, which then no longer speaks for
// others: a voice leaves its case, even if its own work had ended before it came
// to it and there is nothing left to withdraw; and a case leaves its voices to the heir, who
// goes on with the work.
func (s *Service) withdraw(ctx context.Context, actor auth.Actor, name string, change func(*Report) (Changes, error)) (Report, error) {
	return s.leave(ctx, name, func(l Leaving, j tenant.Jurisdiction) (Changes, error) {
		if l.Case == nil || !l.Report.Status.Open() { // what is closed stays as it is
			caused, err := change(l.Report)
			if err == nil && !caused.None() && l.Heir != nil {
				caused = caused.and(l.Heir.inherit(s.now()))
			}
			return caused, err
		}
		parted := l.part(s.known(actor, *l.Report), j, "", s.now())
		caused, err := change(l.Report)
		if err != nil {
			return Changes{}, err
		}
		parted.AtVersion = max(parted.AtVersion, caused.AtVersion)
		return parted.and(caused), nil
	})
}

// inherit makes a voice the case, with the work as it stands.
func (r *Report) inherit(now time.Time) Changes {
	r.CaseID, r.UpdatedAt = "", now
	return r.caused(r.entry(Unmerged, auth.Actor{}, OriginAPI, now), EventUnmerged)
}

// reopened reopens a case because whoever filed a voice of it says that it is not
// fixed. Their words stay with the voice, which may be private.
func (r *Report) reopened(stillBad *bool, now time.Time) Changes {
	caused := r.statusChanged(auth.Actor{}, StatusChange{To: Acknowledged, Origin: OriginAPI}, now)
	caused.Updates[0].StillBad, caused.Updates[0].Author = stillBad, ByResident
	return caused
}

// errVoice refuses work on a voice, which is done on its case.
func (r *Report) errVoice() error {
	return &problem.Error{
		Kind: problem.Conflict, Current: *r,
		Detail: "the report is a voice of another: what is done, is done on that case; or unmerge it first",
	}
}

// ReportVoices returns the voices of a case that actor may see, newest first, with
// contacts for the staff who need them.
func (s *Service) ReportVoices(ctx context.Context, actor auth.Actor, name string, limit int, cursor string) (Page, map[string]Contact, error) {
	r, err := s.Read(ctx, actor, name)
	if err != nil {
		return Page{}, nil, err
	}
	staff := auth.Resource{Jurisdiction: r.Jurisdiction, Private: true} // as of a report that is not actor's own
	q := Query{Case: r.ID, IncludeHidden: actor.Can(auth.ReadPrivate, staff), Limit: limit, Cursor: cursor}
	return s.withContacts(ctx, actor, staff, q)
}

// VoicePhotos counts the photos of a case's voices. Whoever works on the case has
// to learn of them there: voices stand in no queue.
type VoicePhotos struct {
	All    int
	Hidden int // of these
}

// said returns what was said to the voices of a case since they came to it, with
// all their photos: it is for staff.
func (s *Service) said(ctx context.Context, actor auth.Actor, caseID string) ([]Update, error) {
	us, err := s.Store.SaidToVoices(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, u := range us {
		if !slices.Contains(names, u.ReportID) {
			names = append(names, u.ReportID)
		}
	}
	for some := range slices.Chunk(names, 100) {
		voices, err := s.Store.Reports(ctx, Query{Names: some, IncludeHidden: true, Limit: len(some)})
		if err != nil {
			return nil, err
		}
		for _, v := range voices.Reports {
			s.picture(actor, v, us)
		}
	}
	return us, nil
}

// Passage is an entry in the history of a case, as a voice of it goes on with it.
type Passage struct {
	Update
	Private bool // the case is
}

// through returns what the history of a voice goes on with: what is public of its
// case since it came to it, with the photos that actor sees there. Of a private
// case it is what was done, without words: they are for its own reporter.
func (s *Service) through(ctx context.Context, actor auth.Actor, staff bool, voice string) ([]Update, error) {
	all, err := s.Store.Through(ctx, voice)
	if err != nil {
		return nil, err
	}
	var us []Update
	shown := map[string]bool{}
	for _, p := range all {
		if p.Private && !staff {
			if p.Kind != StatusChanged && p.Kind != HandedOver {
				continue
			}
			p.Text, p.DuplicateOf, p.StillBad, p.ReportID = "", "", nil, ""
		} else {
			shown[p.ReportID] = true
		}
		if p.Held && !staff {
			p.Text = ""
		}
		us = append(us, p.Update)
	}
	for id := range shown {
		c, err := s.Store.Report(ctx, id)
		if err != nil {
			return nil, err
		}
		s.picture(actor, s.Shown(actor, c), us)
	}
	return us, nil
}
