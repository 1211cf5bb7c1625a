package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// OriginBoundaries is that of updates which other boundaries caused.
const OriginBoundaries Origin = "boundaries"

// openAtOnce is how many open reports are read at once where all are gone through.
const openAtOnce = 500

// rerouteTimeout bounds one attempt to go through all open reports. An attempt
// that is cut short goes through them again and finds most of them done.
const rerouteTimeout = 2 * time.Hour

// Rerouted is an open report that goes elsewhere under other boundaries.
type Rerouted struct {
	Reference string
	From, To  string // codes; To is empty where it goes to the operator's triage
}

// Rerouted goes through all open reports and tells those that x sends elsewhere.
func (s *Service) Rerouted(ctx context.Context, x *routing.Rerouting, yield func(Rerouted) error) error {
	return s.eachOpen(ctx, func(r Report) error {
		to, moved, err := s.next(ctx, r, x)
		if err != nil || !moved {
			return err
		}
		return yield(Rerouted{Reference: r.Reference, From: r.Jurisdiction, To: to.Jurisdiction})
	})
}

func (s *Service) eachOpen(ctx context.Context, yield func(Report) error) error {
	for after := ""; ; {
		page, err := s.Store.OpenReports(ctx, after, openAtOnce)
		if err != nil {
			return fmt.Errorf("go through the open reports: %w", err)
		}
		for _, r := range page {
			if err := yield(r); err != nil {
				return err
			}
			after = r.ID
		}
		if len(page) < openAtOnce {
			return nil
		}
	}
}

// next says where a report goes now. One that is in the triage already is not
// sent there again.
func (s *Service) next(ctx context.Context, r Report, x *routing.Rerouting) (to routing.Route, moved bool, err error) {
	q := routing.Question{Service: r.Service, Lat: r.Lat, Lon: r.Lon, AccuracyM: value(r.AccuracyM)}
	if x.AsksAnswer(q) { // near a border only; the history of all would take long
		if q.Answer, err = s.answered(ctx, r.ID); err != nil {
			return routing.Route{}, false, err
		}
	}
	to, moved = x.Next(q, r.Jurisdiction)
	return to, moved && (to.Jurisdiction != "" || r.Delivery != Held), nil
}

// answered returns whom the reporter chose when the report was filed; empty if
// nobody, or if staff has decided otherwise since. What later boundaries made of
// the answer does not count: they may be taken back.
func (s *Service) answered(ctx context.Context, id string) (string, error) {
	us, err := s.Store.Updates(ctx, id, true)
	if err != nil {
		return "", fmt.Errorf("read how report %s was routed: %w", id, err)
	}
	filed := slices.IndexFunc(us, func(u Update) bool { return len(u.Trace) > 0 })
	byStaff := slices.ContainsFunc(us, func(u Update) bool { return u.Kind == HandedOver && u.Origin != OriginBoundaries })
	if filed < 0 || byStaff {
		return "", nil
	}
	t, err := routing.ReadTrace(us[filed].Trace)
	return t.Answer, err
}

// RerouteHandler hands reports over after boundaries were replaced, one
// transaction for each. Cut short, it starts again, and hands nothing over
// twice: what it did is known by the activation and the report, so that also a
// report which somebody has given back since stays where it is.
func (s *Service) RerouteHandler(b *routing.Boundaries) job.Handler {
	return job.Handler{Workers: 1, Timeout: rerouteTimeout, Run: func(ctx context.Context, j job.Job) error {
		var payload routing.RerouteJob
		if err := json.Unmarshal(j.Payload, &payload); err != nil {
			return job.Permanent(errors.New("the payload of a reroute job cannot be read"))
		}
		x, err := b.Rerouting(ctx, payload.Activation)
		if problem.Is(err, problem.NotFound) {
			return job.Permanent(err)
		}
		if err != nil {
			return err
		}
		return s.reroute(ctx, x, func() bool { return x.Current(b) })
	}}
}

// errOvertaken ends a rerouting for boundaries that are no longer active: what
// took their place says for itself what follows.
var errOvertaken = errors.New("other boundaries are active")

func (s *Service) reroute(ctx context.Context, x *routing.Rerouting, current func() bool) error {
	handed := false
	err := s.eachOpen(ctx, func(r Report) error {
		if !current() {
			return errOvertaken
		}
		if _, moved, err := s.next(ctx, r, x); err != nil || !moved {
			return err
		}
		handed = true
		return s.rerouteOne(ctx, x, r.ID)
	})
	if handed {
		s.wake()
	}
	if errors.Is(err, errOvertaken) {
		return nil
	}
	return err
}

// rerouteOne hands one report over, deciding again under its lock.
func (s *Service) rerouteOne(ctx context.Context, x *routing.Rerouting, id string) error {
	key := Key{Scope: "reroute " + x.ID, Key: id, Fingerprint: x.Set}
	for range deciding {
		r, err := s.Store.Report(ctx, id)
		if err != nil {
			return err
		}
		to, moved, err := s.next(ctx, r, x)
		if err != nil || !moved {
			return err
		}
		recipient, triage := to.Jurisdiction, to.Jurisdiction == ""
		if triage {
			recipient = r.Jurisdiction
		}
		j, err := s.Tenants.Get(ctx, recipient)
		if err != nil {
			return fmt.Errorf("read jurisdiction %s: %w", recipient, err)
		}
		_, _, err = s.Store.AddOnce(ctx, id, key, func(now *Report) (Changes, error) {
			if now.Version != r.Version {
				return Changes{}, errDecideAgain
			}
			if !now.Status.Open() || now.CaseID != "" {
				return Changes{}, nil
			}
			return s.rerouted(now, j, to, triage), nil
		})
		if !errors.Is(err, errDecideAgain) && !errors.Is(err, ErrChannelChanged) {
			return err
		}
	}
	return fmt.Errorf("hand report %s over: it changed each time", id)
}

var errDecideAgain = errors.New("the report has changed")

// rerouted is a hand-over by nobody but the borders: no return, and marked so.
func (s *Service) rerouted(r *Report, j tenant.Jurisdiction, to routing.Route, triage bool) Changes {
	caused := s.handedOver(auth.Itself(), r, j, movedText(j, triage), to.Trace, false)
	u := &caused.Updates[0]
	u.Author, u.Origin = BySystem, OriginBoundaries
	r.BoundarySet, r.Outside = to.BoundarySet, to.Outside
	if triage {
		r.Delivery = Held
		caused.Jobs = withoutDelivery(caused.Jobs)
	}
	return caused
}

func withoutDelivery(jobs []job.Job) []job.Job {
	var rest []job.Job
	for _, j := range jobs {
		if j.Kind != JobDeliver {
			rest = append(rest, j)
		}
	}
	return rest
}

// movedText says why, in the language of whom the report lies with now.
func movedText(j tenant.Jurisdiction, triage bool) string {
	if triage {
		return catalog.Text{
			"sv": "Gränserna har ändrats, och ingen har ännu tagit över ansvaret för platsen.",
			"en": "The borders have changed, and nobody has taken responsibility for this place yet.",
		}.In(j.Language)
	}
	return fmt.Sprintf(catalog.Text{
		"sv": "Gränserna har ändrats: platsen hör nu till %s.",
		"en": "The borders have changed: this place now belongs to %s.",
	}.In(j.Language), j.Name)
}
