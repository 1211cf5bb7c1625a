package report

import (
	"context"
	"fmt"
	"io"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Comment is what somebody adds to a report without changing its status.
type Comment struct {
	Text      string
	Internal  bool  // a note for staff only
	StillBad  *bool // a resident says "not fixed" (true) or "it is fixed" (false)
	PhotoIDs  []string
	NewPhotos []io.ReadSeeker
	Alts      []string // what the photos of PhotoIDs show, in their order; empty leaves what is known
	NewAlts   []string // what those of NewPhotos show
	Key       Key
	Origin    Origin

	rules tenant.PhotoRules // where the report lies
}

// maxPhotos is how many photos a report can have, however many calls bring them.
// Staff may go further, so that pictures of the work always find room.
const (
	maxPhotos      = 10
	maxStaffPhotos = 20
)

// roomFor refuses photos that are too many beside those that r has.
func (r *Report) roomFor(n int, staff bool) error {
	most := maxPhotos
	if staff {
		most = maxStaffPhotos
	}
	if n == 0 || r.PhotoCount+n <= most {
		return nil
	}
	return problem.Field("/photos", "too-many", "the report has %d photos and takes %d from you: %d more fit", r.PhotoCount, most, max(0, most-r.PhotoCount))
}

// Commentary is a comment that is safely stored.
type Commentary struct {
	Report   Report
	Update   Update
	Replayed bool
}

// AddComment appends a comment, a photo, or "it is (not) fixed". The reporter
// who says "not fixed" within 30 days of closing reopens the report by it.
func (s *Service) AddComment(ctx context.Context, actor auth.Actor, name string, c Comment) (Commentary, error) {
	c.Text = tidy(c.Text)
	if p := problem.Invalidity(c.faults()); p != nil {
		return Commentary{}, p
	}
	r, err := s.Read(ctx, actor, name)
	if err != nil {
		return Commentary{}, err
	}
	if err := s.mayComment(actor, &r, c); err != nil {
		return Commentary{}, err
	}
	if done, ok, err := s.commentedBefore(ctx, r, c.Key); ok || err != nil {
		return done, err
	}
	if err := r.roomFor(len(c.PhotoIDs)+len(c.NewPhotos), s.SeesInternal(actor, r)); err != nil {
		return Commentary{}, err // before any work is done; the transaction asks again
	}
	if err := c.keepPhotos(ctx, s); err != nil {
		return Commentary{}, err
	}
	if c.rules, err = s.photoRules(ctx, r, c.PhotoIDs); err != nil {
		return Commentary{}, err
	}
	r, added, first, err := s.add(ctx, actor, r, c)
	if err != nil {
		return Commentary{}, err
	}
	if first.Replayed {
		return s.replayedComment(ctx, r, first, c.Key)
	}
	s.wake()
	added.picture(r, r.Photos)
	return Commentary{Report: r, Update: added}, nil
}

// add stores a comment. What is said to a voice may reopen its case.
func (s *Service) add(ctx context.Context, actor auth.Actor, r Report, c Comment) (_ Report, added Update, first Replay, err error) {
	say := func(r *Report) (Changes, error) {
		if err := s.mayComment(actor, r, c); err != nil {
			return Changes{}, err
		}
		if err := r.roomFor(len(c.PhotoIDs), s.SeesInternal(actor, *r)); err != nil {
			return Changes{}, err
		}
		caused := r.holdTexts(s.commented(actor, r, c))
		added = caused.Updates[0]
		return caused, nil
	}
	if r.CaseID != "" && c.reopens() {
		r, first, err = s.Store.AddToVoice(ctx, r.ID, c.Key, func(v, of *Report) (said, done Changes, err error) {
			if said, err = say(v); err == nil && of != nil && s.mayReopen(s.known(actor, *v), v) {
				done = of.reopened(c.StillBad, s.now())
			}
			return said, done, err
		})
	} else {
		r, first, err = s.Store.AddOnce(ctx, r.ID, c.Key, say)
	}
	return r, added, first, err
}

// commentedBefore answers a repeated idempotency key before any work is done.
func (s *Service) commentedBefore(ctx context.Context, r Report, key Key) (Commentary, bool, error) {
	first, ok, err := s.usedBefore(ctx, key)
	if err != nil || !ok {
		return Commentary{}, false, err
	}
	// What was read may be from before the comment, and without its writer's own held words.
	if r, err = s.Store.Report(ctx, r.ID); err != nil {
		return Commentary{}, false, err
	}
	done, err := s.replayedComment(ctx, r, first, key)
	return done, true, err
}

func (c Comment) faults() []problem.FieldError {
	var faults []problem.FieldError
	if f, bad := textFault("/text", c.Text, MaxText); bad {
		faults = append(faults, f)
	}
	faults = append(faults, altFaults(c.Alts, len(c.PhotoIDs))...)
	switch n := len(c.PhotoIDs) + len(c.NewPhotos); {
	case n > maxPhotos:
		faults = append(faults, problem.FieldError{Field: "/photos", Code: "too-many", Detail: "at most 10 photos"})
	case n > 0 && c.Internal: // whoever sees the report sees its photos
		faults = append(faults, problem.FieldError{Field: "/photos", Code: "not-allowed", Detail: "photos are not internal: add them without a note, or the note without photos"})
	case n == 0 && c.Text == "" && c.StillBad == nil:
		faults = append(faults, problem.FieldError{Field: "/text", Code: "required", Detail: "say something, or add a photo"})
	}
	return faults
}

func (s *Service) mayComment(actor auth.Actor, r *Report, c Comment) error {
	action := auth.Comment
	switch {
	case c.Internal:
		action = auth.AddInternalNote
	case len(c.PhotoIDs)+len(c.NewPhotos) > 0:
		action = auth.AddPhoto
	}
	return s.allow(actor, action, r)
}

func (c *Comment) keepPhotos(ctx context.Context, s *Service) error {
	ids, err := s.keep(ctx, c.NewPhotos, c.NewAlts)
	if err != nil {
		return err
	}
	c.PhotoIDs, c.NewPhotos = append(c.PhotoIDs, ids...), nil
	c.Alts, err = s.altTexts(ctx, c.PhotoIDs, c.Alts)
	return err
}

// commented is the update that a comment makes, and what follows from it.
func (s *Service) commented(actor auth.Actor, r *Report, c Comment) Changes {
	now := s.now()
	actor = s.known(actor, *r)
	r.UpdatedAt = now
	state := s.arrival(actor, r, c.rules)
	if c.reopens() && r.CaseID == "" && s.mayReopen(actor, r) {
		caused := r.statusChanged(actor, StatusChange{To: Acknowledged, Text: c.Text, Origin: c.Origin}, now)
		caused.Updates[0].StillBad = c.StillBad
		return caused.withPhotos(r, c.PhotoIDs, c.Alts, state)
	}
	kind, event := Commented, EventCommented
	if len(c.PhotoIDs) > 0 {
		kind, event = PhotoAdded, EventPhoto
	}
	u := r.entry(kind, actor, c.Origin, now)
	u.Text, u.Internal, u.StillBad = c.Text, c.Internal, c.StillBad
	return r.caused(u, event).withPhotos(r, c.PhotoIDs, c.Alts, state)
}

func (c Comment) reopens() bool { return c.StillBad != nil && *c.StillBad && !c.Internal }

func (s *Service) replayedComment(ctx context.Context, r Report, first Replay, key Key) (Commentary, error) {
	if first.Fingerprint != key.Fingerprint {
		return Commentary{}, ErrKeyReused()
	}
	us, err := s.Store.Updates(ctx, r.ID, true)
	if err != nil {
		return Commentary{}, err
	}
	for _, u := range us {
		if u.ID == first.Resource {
			u.picture(r, r.Photos)
			return Commentary{Report: r, Update: u, Replayed: true}, nil
		}
	}
	return Commentary{}, fmt.Errorf("update %s of report %s is gone", first.Resource, r.ID)
}
