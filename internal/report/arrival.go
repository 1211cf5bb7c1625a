package report

import (
	"context"
	"fmt"
	"slices"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/tenant"
)

// ShownPhotos are the photos that whoever sees the report sees.
func (r Report) ShownPhotos() []Photo {
	return slices.DeleteFunc(slices.Clone(r.Photos), func(p Photo) bool { return p.State.Hidden() })
}

// SeesHidden reports whether actor sees photos of r that are not shown: whoever
// would see r if it were private, which is its reporter and the staff it lies with.
func (s *Service) SeesHidden(actor auth.Actor, r Report) bool {
	return s.known(actor, r).Can(auth.ReadPrivate, r.resource())
}

// seenBy are the photos of r that actor sees.
func (s *Service) seenBy(actor auth.Actor, r Report) []Photo {
	if s.SeesHidden(actor, r) {
		return r.Photos
	}
	return r.ShownPhotos()
}

// picture gives the updates of r those of its photos that actor sees. Whoever sees
// the held photos of one report of a case sees no others': each is asked for by
// its own report.
func (s *Service) picture(actor auth.Actor, r Report, us []Update) {
	photos := s.seenBy(actor, r)
	for i := range us {
		us[i].picture(r, photos)
	}
}

// picture adds those of some photos of r that came with u.
func (u *Update) picture(r Report, photos []Photo) {
	for _, p := range photos {
		if p.UpdateID == u.ID {
			u.Pictures = append(u.Pictures, Picture{p, r.Private})
		}
	}
}

// photoRules are those of the jurisdiction that has the report; nothing is read for
// no photos. A rule that is changed at the same moment counts for the next photo.
func (s *Service) photoRules(ctx context.Context, r Report, ids []string) (tenant.PhotoRules, error) {
	if len(ids) == 0 {
		return tenant.PhotoRules{}, nil
	}
	j, err := s.Tenants.Get(ctx, r.Jurisdiction)
	if err != nil {
		return tenant.PhotoRules{}, fmt.Errorf("read how %s handles photos: %w", r.Jurisdiction, err)
	}
	return j.Photos, nil
}

// arrival is the state in which photos of r begin. What a handler adds, a handler
// has looked at.
func (s *Service) arrival(actor auth.Actor, r *Report, rules tenant.PhotoRules) PhotoState {
	switch {
	case s.Detector != nil:
		return PhotoChecking
	case rules.Hold && !actor.Can(auth.Moderate, r.resource()):
		return PhotoHeld
	}
	return PhotoShown
}

// claim lets the first update claim photos. Nobody hears of one that nobody sees,
// until it is released.
func (c *Changes) claim(r *Report, ids, alts []string, state PhotoState) {
	if len(ids) == 0 {
		return
	}
	u := &c.Updates[0]
	c.Photos, c.Alts, c.PhotoState = ids, alts, state
	if state == PhotoChecking {
		for _, id := range ids {
			check := newJob(JobCheckPhoto, CheckPhotoJob{ReportID: r.ID, PhotoID: id}, u.CreatedAt)
			check.Key = id // by which Store.Unchecked finds it
			c.Jobs = append(c.Jobs, check)
		}
	}
	if !state.Hidden() || u.Kind != PhotoAdded {
		return
	}
	if u.Text != "" || u.StillBad != nil { // what is said is news by itself
		u.Kind, c.Events[0].Kind = Commented, EventCommented
		return
	}
	c.Events[0].Internal = true
	c.Jobs = slices.DeleteFunc(c.Jobs, func(j job.Job) bool { return j.Kind == JobTell })
}
