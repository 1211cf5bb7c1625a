package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// How long a detector is waited for. A resident's photo is not shown meanwhile, so
// the tries end within about a minute, and then the jurisdiction's rule decides.
const (
	checkWorkers = 2
	checkTries   = 3
	checkTimeout = time.Minute // of one try: the detector's own is shorter
)

// CheckHandler carries out the jobs of the kind JobCheckPhoto.
func (s *Service) CheckHandler() job.Handler {
	return job.Handler{Workers: checkWorkers, Timeout: checkTimeout, Run: func(ctx context.Context, j job.Job) error {
		var c CheckPhotoJob
		if err := json.Unmarshal(j.Payload, &c); err != nil {
			return job.Permanent(fmt.Errorf("the payload of a %s job cannot be read", j.Kind))
		}
		return s.CheckPhoto(ctx, c, j.Attempts >= checkTries)
	}}
}

// CheckPhoto asks the detector what of a photo nobody should see, masks that, and
// shows the photo or holds it for a handler, as the jurisdiction wishes. Where the
// detector fails, that is an error to try again after, until last: then the
// jurisdiction's rule for photos that are not checked decides.
func (s *Service) CheckPhoto(ctx context.Context, c CheckPhotoJob, last bool) error {
	r, err := s.Store.Report(ctx, c.ReportID)
	if err != nil {
		return err
	}
	p, ok := r.photo(c.PhotoID)
	if !ok || p.State != PhotoChecking { // deleted, erased, or a handler was faster
		return nil
	}
	rules, err := s.photoRules(ctx, r, []string{p.ID})
	if err != nil {
		return err
	}
	change := PhotoChange{ID: p.ID, State: PhotoShown}
	areas, detected := s.detect(ctx, p)
	if detected != nil && !last && !photo.LastingFault(detected) {
		return fmt.Errorf("check photo %s: %w", p.ID, detected)
	}
	if rules.Hold || detected != nil && rules.Unchecked != tenant.PublishUnchecked {
		change.State = PhotoHeld
	}
	if len(areas) > 0 {
		areas = append(slices.Clone(p.Masks), areas...) // a handler may have been there
		made, err := s.mask(ctx, r, p, areas)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("photo %s was masked meanwhile: %w", p.ID, err) // the next try looks again
		}
		if err != nil {
			return fmt.Errorf("mask photo %s: %w", p.ID, err)
		}
		if err := s.noteGone(ctx, p); err != nil {
			return err
		}
		change.Version, change.Masks = &made, areas
	}
	return s.checked(ctx, r.ID, p, change)
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
