package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/tenant"
)

// A fetched picture is held in memory whole, so few are fetched at once.
const (
	mediaWorkers = 2
	mediaTimeout = 2 * time.Minute
)

// MediaHandler carries out the jobs of the kind JobFetchMedia.
func (s *Service) MediaHandler() job.Handler {
	return job.Handler{Workers: mediaWorkers, Timeout: mediaTimeout, Run: func(ctx context.Context, j job.Job) error {
		var m FetchMediaJob
		if err := json.Unmarshal(j.Payload, &m); err != nil {
			return job.Permanent(fmt.Errorf("the payload of a %s job cannot be read", j.Kind))
		}
		return s.FetchMedia(ctx, m)
	}}
}

// FetchMedia fetches a picture that was linked to a report when it was filed,
// makes it safe and adds it to the report, once. Only our rendition is ever
// shown. An address that may not be reached, or that gives no picture, is a
// permanent error of its job; no error names the address.
func (s *Service) FetchMedia(ctx context.Context, m FetchMediaJob) error {
	before, err := s.Store.Report(ctx, m.ReportID)
	if err != nil {
		return err
	}
	address, ok, err := s.Store.MediaURL(ctx, m.ReportID, m.Position)
	if err != nil || !ok { // done before, or erased
		return err
	}
	picture, err := s.Egress.Fetch(ctx, address, "image/jpeg, image/png, image/webp")
	if egress.Lasting(err) {
		err = job.Permanent(err)
	}
	if err != nil {
		return fmt.Errorf("fetch a picture of report %s: %w", m.ReportID, err)
	}
	kept, _, err := s.Photos.Keep(ctx, bytes.NewReader(picture))
	if problem.Is(err, problem.Invalid) || problem.Is(err, problem.TooLarge) {
		err = job.Permanent(err)
	}
	if err != nil {
		return fmt.Errorf("keep a picture of report %s: %w", m.ReportID, err)
	}
	rules, err := s.photoRules(ctx, before, []string{kept.ID})
	if err != nil {
		return err
	}
	once := Key{Scope: JobFetchMedia + " " + m.ReportID, Key: strconv.Itoa(m.Position)}
	if _, _, err := s.Store.AddOnce(ctx, m.ReportID, once, func(r *Report) (Changes, error) {
		if r.TokenEpoch != before.TokenEpoch { // raised by erasing; the next attempt finds out
			return Changes{}, errors.New("the report was erased meanwhile, or its token revoked")
		}
		if err := r.roomFor(1, false); err != nil { // others came faster
			return Changes{}, job.Permanent(err)
		}
		return s.mediaAdded(r, kept.ID, rules), nil
	}); err != nil {
		return fmt.Errorf("add a picture to report %s: %w", m.ReportID, err)
	}
	return s.Store.MediaDone(ctx, m.ReportID, m.Position)
}

// mediaAdded is the update by which a linked picture joins its report. It is a
// part of what the reporter filed, so no follower is told as of news; a recipient
// who got the report by message has not seen it yet.
func (s *Service) mediaAdded(r *Report, photoID string, rules tenant.PhotoRules) Changes {
	r.UpdatedAt = s.now()
	u := r.entry(PhotoAdded, auth.Actor{}, r.Origin, r.UpdatedAt)
	u.Author = ByReporter
	caused := r.caused(u, EventPhoto)
	caused.Jobs = nil
	return caused.withPhotos(r, []string{photoID}, nil, s.arrival(auth.Actor{}, r, rules))
}
