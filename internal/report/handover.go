package report

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// returnsToTriage is how many returns in a row send a report to the operator:
// two bodies that both say "not ours" will not agree by trying again.
const returnsToTriage = 2

// Passing is a report on its way to another jurisdiction.
type Passing struct {
	To      string // code or alias; empty for whoever comes into question next
	Text    string // why
	Version int64  // the version that it was decided on
	Key     Key
}

// HandOver gives a report to another jurisdiction. It is not a status: id,
// reference, followers and history stay. A report that comes back to where it
// has been before is a return, and so is one that its holder gives back without
// saying to whom: that goes to the next of those who came into question when it
// was routed, and where there is none to the operator's triage. The same key
// again changes nothing, and is answered although the report has left the
// sender's hands.
func (s *Service) HandOver(ctx context.Context, actor auth.Actor, name string, p Passing) (r Report, replayed bool, err error) {
	if _, ok, err := s.usedBefore(ctx, p.Key); err != nil {
		return Report{}, false, err
	} else if ok {
		r, err = s.Store.Report(ctx, name)
		return r, true, err
	}
	p.Text = tidy(p.Text)
	if f, bad := textFault("/text", p.Text, MaxText); bad {
		return Report{}, false, problem.Invalidity([]problem.FieldError{f})
	}
	for range deciding {
		r, replayed, err = s.pass(ctx, actor, name, p)
		if !errors.Is(err, ErrChannelChanged) {
			return r, replayed, err
		}
	}
	return Report{}, false, errJustChanging(ErrChannelChanged)
}

// pass hands a report over, once, by the channel that the recipient has now.
func (s *Service) pass(ctx context.Context, actor auth.Actor, name string, p Passing) (Report, bool, error) {
	before, err := s.been(ctx, actor, name)
	if err != nil {
		return Report{}, false, err
	}
	j, err := s.goesTo(ctx, p, before)
	if err != nil {
		return Report{}, false, err
	}
	r, first, err := s.Store.AddOnce(ctx, name, p.Key, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.HandOver, r); err != nil {
			return Changes{}, err
		}
		if r.CaseID != "" {
			return Changes{}, r.errVoice()
		}
		if r.Jurisdiction == j.Code && r.Delivery != Held {
			return Changes{}, nil
		}
		if err := r.atVersion(p.Version); err != nil {
			return Changes{}, err
		}
		return s.passed(actor, r, j, p, before)
	})
	if err == nil && first.Replayed && first.Fingerprint != p.Key.Fingerprint {
		err = ErrKeyReused()
	}
	if err != nil {
		return Report{}, false, err
	}
	s.wake()
	return r, first.Replayed, nil
}

// goesTo returns who gets a report: the one that was named, else the next who
// comes into question; the zero jurisdiction if nobody does.
func (s *Service) goesTo(ctx context.Context, p Passing, before past) (tenant.Jurisdiction, error) {
	to := p.To
	if to == "" {
		if to = before.next(); to == "" {
			return tenant.Jurisdiction{}, nil
		}
	}
	j, err := s.Tenants.Get(ctx, to)
	if problem.Is(err, problem.NotFound) {
		return j, problem.Field("/to", "unknown", "no jurisdiction has the code %q", to)
	}
	return j, err
}

// passed is what handing over, or giving back, causes.
func (s *Service) passed(actor auth.Actor, r *Report, j tenant.Jurisdiction, p Passing, before past) (Changes, error) {
	switch {
	case p.To != "":
		return s.handedOver(actor, r, j, p.Text, r.passingTrace(routing.RuleHandOver, j), before.had[j.Code]), nil
	case r.Delivery == Held:
		return Changes{}, problem.Field("/to", "required", "name who gets it: the report waits for that")
	case j.Code == "":
		return s.givenUp(actor, r, p.Text), nil
	}
	return s.handedOver(actor, r, j, p.Text, r.passingTrace(routing.RuleReturned, j), true), nil
}

// past is what a report has been through.
type past struct {
	holder string
	had    map[string]bool // the jurisdictions that have handed it on
	// candidates are those whom boundaries and rules last brought into question,
	// the best first.
	candidates []routing.Party
}

// been reads what a report has been through.
func (s *Service) been(ctx context.Context, actor auth.Actor, name string) (past, error) {
	r, us, err := s.History(ctx, actor, name)
	if err != nil {
		return past{}, err
	}
	before := past{holder: r.Jurisdiction, had: map[string]bool{}}
	for _, u := range us {
		if u.Kind == HandedOver {
			before.had[u.From] = true
		}
		if len(u.Trace) == 0 {
			continue
		}
		t, err := routing.ReadTrace(u.Trace)
		if err != nil {
			return past{}, err
		}
		if t.Routed() {
			before.candidates = t.Candidates
		}
	}
	return before, nil
}

// next is the best of those who come into question and have not had the report;
// empty if there is none.
func (p past) next() string {
	for _, c := range p.candidates {
		if c.Code != p.holder && !p.had[c.Code] {
			return c.Code
		}
	}
	return ""
}

// handedOver gives a report to j. A return is one that comes back, or that its
// holder gave back without saying to whom.
func (s *Service) handedOver(actor auth.Actor, r *Report, j tenant.Jurisdiction, text string, why json.RawMessage, isReturn bool) Changes {
	now := s.now()
	u := r.entry(HandedOver, s.known(actor, *r), OriginAPI, now)
	u.Text, u.From, u.To, u.Trace = text, r.Jurisdiction, j.Code, why
	if r.Returns++; !isReturn || r.Delivery == Held { // what triage decides is no return
		r.Returns = 0
	}
	r.Jurisdiction, r.Assignee, r.UpdatedAt = j.Code, "", now
	r.Delivery = deliveryOn(j.Channel)
	if r.Returns >= returnsToTriage {
		r.Delivery = Held
	}
	caused := r.caused(u, EventHandedOver)
	caused.AtVersion = j.Version
	if r.Delivery == Queued {
		caused.Jobs = append(caused.Jobs, newJob(JobDeliver, DeliverJob{ReportID: r.ID}, now))
	}
	return caused
}

// givenUp leaves to the operator's triage a report that its holder gave back and
// for which nobody else comes into question. For the public nothing has changed,
// so only staff hear of it.
func (s *Service) givenUp(actor auth.Actor, r *Report, text string) Changes {
	now := s.now()
	u := r.entry(HandedOver, s.known(actor, *r), OriginAPI, now)
	u.Text, u.From, u.Internal = text, r.Jurisdiction, true
	u.Trace = r.passingTrace(routing.RuleTriage, tenant.Jurisdiction{Code: r.Jurisdiction, Name: r.Jurisdiction})
	r.Returns, r.Delivery = returnsToTriage, Held // not to be released by a change of its holder
	r.Assignee, r.UpdatedAt = "", now
	return r.caused(u, EventHandedOver)
}

// passingTrace says that staff gave the report away.
func (r *Report) passingTrace(rule string, to tenant.Jurisdiction) json.RawMessage {
	return routing.Trace{
		Rule: rule, Owner: routing.Party{Code: to.Code, Name: to.Name}, From: r.Jurisdiction, Lat: r.Lat, Lon: r.Lon, BoundarySet: r.BoundarySet,
	}.JSON()
}

// Assign gives a report to one member of staff, or to nobody.
func (s *Service) Assign(ctx context.Context, actor auth.Actor, name, assignee string, version int64) (Report, error) {
	if f, bad := textFault("/assignee", assignee, maxName); bad {
		return Report{}, problem.Invalidity([]problem.FieldError{f})
	}
	return s.update(ctx, name, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.Assign, r); err != nil {
			return Changes{}, err
		}
		if r.CaseID != "" {
			return Changes{}, r.errVoice()
		}
		if r.Assignee == assignee {
			return Changes{}, nil
		}
		if err := r.atVersion(version); err != nil {
			return Changes{}, err
		}
		now := s.now()
		r.Assignee, r.UpdatedAt = assignee, now
		u := r.entry(Assigned, actor, OriginAPI, now)
		u.Internal = true
		return r.caused(u, EventAssigned), nil
	})
}
