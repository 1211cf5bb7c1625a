package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// DefaultLimit is how many reports a page holds where nothing else is said.
const DefaultLimit = 20

// Read returns a report that actor may see, by id or reference.
func (s *Service) Read(ctx context.Context, actor auth.Actor, name string) (Report, error) {
	r, err := s.readable(ctx, actor, name)
	if err != nil {
		return Report{}, err
	}
	return s.Shown(actor, r), nil
}

// readable is Read with what is held.
func (s *Service) readable(ctx context.Context, actor auth.Actor, name string) (Report, error) {
	r, err := s.Store.Report(ctx, name)
	if err != nil {
		return Report{}, err
	}
	if r.Private && !s.known(actor, r).Can(auth.ReadPrivate, r.resource()) {
		return Report{}, errNoReport(name)
	}
	return r, nil
}

// errNoReport is the same for a report that is not there and for one that the
// asker may not know of.
func errNoReport(name string) error {
	return problem.New(problem.NotFound, "there is no report %q", name)
}

// known makes actor the reporter of r if the follow token that came along is r's.
func (s *Service) known(actor auth.Actor, r Report) auth.Actor {
	actor.ReportID = ""
	if actor.FollowToken != "" && s.Follow.Verify(actor.FollowToken, r.ID, r.TokenEpoch) {
		actor.ReportID = r.ID
	}
	return actor
}

// List returns public reports, newest first; with UpdatedAfter those that
// changed since, oldest change first.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	q.IncludeHidden = false
	if q.Text != "" && q.Box == nil && q.Near == nil && q.Jurisdiction == "" {
		return Page{}, problem.Field("q", "too-wide", "a text search needs bbox, near or jurisdiction beside it")
	}
	page, err := s.Store.Reports(ctx, q.limited())
	for i, r := range page.Reports {
		page.Reports[i] = s.Shown(auth.Actor{}, r)
	}
	return page, err
}

// Queue returns the reports that lie with a jurisdiction, for its staff; an
// operator gets the triage, which holds what nobody takes yet.
func (s *Service) Queue(ctx context.Context, actor auth.Actor, q Query) (Page, map[string]Contact, error) {
	action := auth.ReadQueue
	if q.Triage {
		action = auth.ReadTriage
	}
	where := auth.Resource{Jurisdiction: q.Jurisdiction, Triage: q.Triage}
	if err := actor.May(action, where); err != nil {
		return Page{}, nil, err
	}
	q.IncludeHidden = true
	return s.withContacts(ctx, actor, where, q)
}

// withContacts returns a page of what lies somewhere, with contacts for those who
// may read them there.
func (s *Service) withContacts(ctx context.Context, actor auth.Actor, where auth.Resource, q Query) (Page, map[string]Contact, error) {
	page, err := s.Store.Reports(ctx, q.limited())
	for i, r := range page.Reports {
		page.Reports[i] = s.Shown(actor, r)
	}
	if err != nil || !actor.Can(auth.ReadContact, where) {
		return page, nil, err
	}
	ids := make([]string, len(page.Reports))
	for i, r := range page.Reports {
		ids[i] = r.ID
	}
	contacts, err := s.Store.Contacts(ctx, ids)
	return page, contacts, err
}

func (q Query) limited() Query {
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	return q
}

// History returns what happened to a report, oldest first, with the notes of
// staff for those who may read them. That of a voice goes on with its case's; and
// staff, who work on the case alone, read there what was said to its voices.
func (s *Service) History(ctx context.Context, actor auth.Actor, name string) (Report, []Update, error) {
	whole, err := s.readable(ctx, actor, name)
	if err != nil {
		return Report{}, nil, err
	}
	r := s.Shown(actor, whole)
	staff := actor.Can(auth.ReadInternal, r.resource())
	us, err := s.Store.Updates(ctx, r.ID, staff)
	if err != nil {
		return Report{}, nil, err
	}
	own := map[string]bool{} // held, and written by actor
	for i, u := range us {
		us[i] = s.shownUpdate(actor, r, u)
		own[u.ID] = u.Held && s.wrote(s.known(actor, r), r, u)
	}
	for i, p := range whole.Photos {
		if own[p.UpdateID] {
			r.Photos[i].Alt = p.Alt
		}
	}
	s.picture(actor, r, us)
	var more []Update
	switch {
	case r.CaseID != "":
		more, err = s.through(ctx, actor, staff, r.ID)
	case staff:
		more, err = s.said(ctx, actor, r.ID)
	}
	if len(more) > 0 {
		us = append(us, more...)
		slices.SortStableFunc(us, func(a, b Update) int { return strings.Compare(a.ID, b.ID) })
	}
	return r, us, err
}

// Routing returns the traces of why a report went where it went, oldest first.
func (s *Service) Routing(ctx context.Context, actor auth.Actor, name string) (Report, []json.RawMessage, error) {
	r, us, err := s.History(ctx, actor, name)
	if err != nil {
		return Report{}, nil, err
	}
	var traces []json.RawMessage
	for _, u := range us {
		if len(u.Trace) > 0 {
			traces = append(traces, u.Trace)
		}
	}
	return r, traces, nil
}

// Contact returns how to reach the reporter, for staff who need it for the work.
func (s *Service) Contact(ctx context.Context, actor auth.Actor, r Report) (Contact, error) {
	if !s.known(actor, r).Can(auth.ReadContact, r.resource()) {
		return Contact{}, nil
	}
	c, err := s.Store.Contact(ctx, r.ID)
	if err != nil {
		return Contact{}, fmt.Errorf("read the contact of report %s: %w", r.ID, err)
	}
	return c, nil
}

// SeesInternal reports whether actor sees what is for the staff of r only.
func (s *Service) SeesInternal(actor auth.Actor, r Report) bool {
	return actor.Can(auth.ReadInternal, r.resource())
}
