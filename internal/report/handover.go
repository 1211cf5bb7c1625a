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
	To      string // code or alias
	Text    string // why
	Version int64  // the version that it was decided on
	Key     Key
}

// HandOver gives a report to another jurisdiction. It is not a status: id,
// reference, followers and history stay. A report that comes back to where it
// has been before is a return. The same key again changes nothing, and is
// answered although the report has left the sender's hands.
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
	j, err := s.Tenants.Get(ctx, p.To)
	if problem.Is(err, problem.NotFound) {
		return Report{}, false, problem.Field("/to", "unknown", "no jurisdiction has the code %q", p.To)
	} else if err != nil {
		return Report{}, false, err
	}
	before, err := s.been(ctx, actor, name)
	if err != nil {
		return Report{}, false, err
	}
	r, first, err := s.Store.AddOnce(ctx, name, p.Key, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.HandOver, r); err != nil {
			return Changes{}, err
		}
		if r.Jurisdiction == j.Code && r.Delivery != Held {
			return Changes{}, nil
		}
		if err := r.atVersion(p.Version); err != nil {
			return Changes{}, err
		}
		return s.handedOver(actor, r, j, p.Text, before[j.Code]), nil
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

// been says with which jurisdictions a report has been.
func (s *Service) been(ctx context.Context, actor auth.Actor, name string) (map[string]bool, error) {
	_, us, err := s.History(ctx, actor, name)
	if err != nil {
		return nil, err
	}
	been := map[string]bool{}
	for _, u := range us {
		if u.Kind == HandedOver {
			been[u.From] = true
		}
	}
	return been, nil
}

func (s *Service) handedOver(actor auth.Actor, r *Report, j tenant.Jurisdiction, text string, back bool) Changes {
	now := s.now()
	u := r.entry(HandedOver, s.known(actor, *r), OriginAPI, now)
	u.Text, u.From, u.To = text, r.Jurisdiction, j.Code
	u.Trace = handOverTrace(r, j)
	if r.Returns++; !back || r.Delivery == Held { // what triage decides is no return
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

func handOverTrace(r *Report, to tenant.Jurisdiction) json.RawMessage {
	return routing.Trace{
		Rule: routing.RuleHandOver, Owner: routing.Party{Code: to.Code, Name: to.Name},
		From: r.Jurisdiction, Lat: r.Lat, Lon: r.Lon, BoundarySet: r.BoundarySet,
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
