package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// How long a detector is waited for. A resident's photo is not shown meanwhile, so
// the tries end within about a minute, or a quarter of an hour where many photos
// wait, and then the jurisdiction's rule decides.
const (
	checkWorkers = 2
	checkTries   = 3
	checkTimeout = time.Minute      // of one try: the detector's own is shorter
	checkLook    = 45 * time.Second // of that for the picture; the rest is for storing the outcome
	checkWithin  = 15 * time.Minute
	// checkAtMost is when not even a job that is still under way is waited for.
	checkAtMost = 24 * time.Hour
)

// CheckTry says how a photo is checked this time.
type CheckTry struct {
	// Last: a failure decides, instead of being tried again.
	Last bool
	// Broken: none of the tries before has come to an end, and to mask the photo may
	// be what ended the process. What the detector finds is not masked any more, but
	// left to a handler.
	Broken bool
}

// CheckHandler carries out the jobs of the kind JobCheckPhoto.
func (s *Service) CheckHandler() job.Handler {
	return job.Handler{Workers: checkWorkers, Timeout: checkTimeout, Run: func(ctx context.Context, j job.Job) error {
		var c CheckPhotoJob
		if err := json.Unmarshal(j.Payload, &c); err != nil {
			return job.Permanent(fmt.Errorf("the payload of a %s job cannot be read", j.Kind))
		}
		late := !s.now().Before(j.CreatedAt.Add(checkWithin))
		return s.CheckPhoto(ctx, c, CheckTry{Last: late || j.Attempts >= checkTries, Broken: j.Attempts > checkTries})
	}}
}

// CheckPhoto asks the detector what of a photo nobody should see, masks that, and
// shows the photo or holds it for a handler, as the jurisdiction wishes. Where the
// detector fails, that is an error to try again after, until the last try: then the
// jurisdiction's rule for photos that are not checked decides. Where something was
// found that cannot be masked, the photo is held whatever the rule.
func (s *Service) CheckPhoto(ctx context.Context, c CheckPhotoJob, try CheckTry) error {
	r, p, rules, err := s.checking(ctx, c)
	if err != nil || p.ID == "" {
		return err
	}
	look, done := context.WithTimeout(ctx, checkLook)
	defer done()
	change, err := s.look(look, r, p, rules, try)
	if err != nil {
		return fmt.Errorf("check photo %s: %w", p.ID, err)
	}
	return s.checked(ctx, r.ID, p, change)
}

// checking reads a photo that waits for the detector; the zero Photo where there is
// none any more, because it was deleted or erased, or a handler was faster.
func (s *Service) checking(ctx context.Context, c CheckPhotoJob) (Report, Photo, tenant.PhotoRules, error) {
	r, err := s.Store.Report(ctx, c.ReportID)
	if problem.Is(err, problem.NotFound) {
		return Report{}, Photo{}, tenant.PhotoRules{}, nil
	}
	p, ok := r.photo(c.PhotoID)
	if err != nil || !ok || p.State != PhotoChecking {
		return Report{}, Photo{}, tenant.PhotoRules{}, err
	}
	rules, err := s.photoRules(ctx, r, []string{p.ID})
	return r, p, rules, err
}

// look finds out what becomes of a photo; an error is to be tried again after.
func (s *Service) look(ctx context.Context, r Report, p Photo, rules tenant.PhotoRules, try CheckTry) (PhotoChange, error) {
	areas, err := s.detect(ctx, p)
	if err != nil {
		if !try.Last && !photo.LastingFault(err) {
			return PhotoChange{}, err
		}
		return unchecked(p, rules), nil
	}
	change := PhotoChange{ID: p.ID, State: PhotoShown}
	if rules.Hold {
		change.State = PhotoHeld
	}
	if len(areas) == 0 {
		return change, nil
	}
	held := PhotoChange{ID: p.ID, State: PhotoHeld}
	if try.Broken {
		return held, nil
	}
	change.Masks = append(slices.Clone(p.Masks), areas...) // a handler may have been there
	made, err := s.mask(ctx, r, p, change.Masks)
	if err == nil {
		change.Version = &made
		err = s.noteGone(ctx, p)
	}
	switch {
	case err == nil:
		return change, nil
	case try.Last:
		return held, nil
	}
	return PhotoChange{}, fmt.Errorf("mask what was found: %w", err)
}

// unchecked is what becomes of a photo that the detector has not answered for.
func unchecked(p Photo, rules tenant.PhotoRules) PhotoChange {
	change := PhotoChange{ID: p.ID, State: PhotoHeld}
	if rules.Unchecked == tenant.PublishUnchecked && !rules.Hold {
		change.State = PhotoShown
	}
	return change
}

// settleAtOnce is how many photos are read at once that nobody will check.
const settleAtOnce = 100

// SettleUnchecked decides by the jurisdictions' rules about photos that nobody will
// check any more: those whose job was given up or is not there, and those that have
// waited for a day. So no photo waits for ever, whatever became of its job.
func (s *Service) SettleUnchecked(ctx context.Context) error {
	var failed error
	now, after := s.now(), ""
	for {
		left, err := s.Store.Unchecked(ctx, after, now.Add(-checkWithin), now.Add(-checkAtMost), settleAtOnce)
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, c := range left {
			after = c.PhotoID
			if err := s.settle(ctx, c); err != nil {
				failed = errors.Join(failed, fmt.Errorf("settle photo %s: %w", c.PhotoID, err))
			}
		}
		if len(left) < settleAtOnce {
			return failed
		}
	}
}

func (s *Service) settle(ctx context.Context, c CheckPhotoJob) error {
	r, p, rules, err := s.checking(ctx, c)
	if err != nil || p.ID == "" {
		return err
	}
	return s.checked(ctx, r.ID, p, unchecked(p, rules))
}

// detect asks the detector; without one it fails.
func (s *Service) detect(ctx context.Context, p Photo) ([]photo.Area, error) {
	if s.Detector == nil {
		return nil, photo.ErrNoDetector
	}
	picture, err := s.Photos.Picture(ctx, p.version())
	if err != nil {
		return nil, err
	}
	defer func() { _ = picture.Close() }() // only read from
	return s.Detector.Detect(ctx, picture, picture.Size)
}

// checked stores the outcome, unless a handler was faster.
func (s *Service) checked(ctx context.Context, reportID string, p Photo, change PhotoChange) error {
	us, err := s.Store.Updates(ctx, reportID, false)
	if err != nil {
		return err
	}
	_, err = s.update(ctx, reportID, func(r *Report) (Changes, error) {
		now, ok := r.photo(p.ID)
		if !ok || now.State != PhotoChecking {
			return Changes{}, nil
		}
		if now.Folder != p.Folder {
			return Changes{}, problem.New(problem.Conflict, "photo %s was masked meanwhile", p.ID)
		}
		kind := PhotoReleased
		if change.Version != nil {
			kind = PhotoMasked
		}
		caused := r.photoChanged(auth.Itself(), kind, change, us, s.now())
		if change.Version == nil && change.State == PhotoHeld {
			caused.Updates, caused.Events[0].UpdateID = nil, "" // nothing was done to it
		}
		for i := range caused.Updates {
			caused.Updates[i].Author, caused.Updates[i].AuthorID = BySystem, ""
		}
		return caused, nil
	})
	return err
}
