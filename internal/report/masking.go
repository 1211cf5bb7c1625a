package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// Masking says which areas of a photo are pixelated from now on.
type Masking struct {
	PhotoID string
	Areas   []photo.Area // all of them; none uncovers the photo
	Version int64        // of the report that the handler looked at
}

// MaskPhoto pixelates areas of a photo in all its renditions, which get new names;
// the old ones are gone with the commit, and their files by a job after it. What
// was there is destroyed, or kept where the jurisdiction has it kept; only while it
// is kept can an area be taken away again. The same areas again change nothing.
func (s *Service) MaskPhoto(ctx context.Context, actor auth.Actor, name string, m Masking) (Report, Photo, error) {
	if p := problem.Invalidity(photo.CheckAreas("/areas", m.Areas)); p != nil {
		return Report{}, Photo{}, p
	}
	r, p, err := s.forHandler(ctx, actor, name, m.PhotoID)
	if err != nil || slices.Equal(p.Masks, m.Areas) {
		return r, p, err
	}
	if err := r.atVersion(m.Version); err != nil {
		return r, p, err
	}
	if err := r.mayUncover(p, m.Areas); err != nil {
		return r, p, s.unlessStale(ctx, r.ID, m.Version, err)
	}
	made, err := s.mask(ctx, r, p, m.Areas)
	if errors.Is(err, fs.ErrNotExist) { // somebody else has just masked it
		err = r.changedMeanwhile()
	}
	if err != nil {
		return r, p, err
	}
	// Once more, for that took its time: what is in the journal is deleted by a restore,
	// though nothing is masked.
	if err := s.unlessStale(ctx, r.ID, m.Version, nil); err != nil {
		return r, p, err
	}
	if err := s.noteGone(ctx, p); err != nil {
		return r, p, err
	}
	return s.changePhoto(ctx, actor, r.ID, m.Version, PhotoMasked, PhotoChange{ID: p.ID, Version: &made, Masks: m.Areas})
}

// noteGone writes into the journal of erasures that the files of a photo go, before
// they do: whoever restores a database from before that must not show them again.
func (s *Service) noteGone(ctx context.Context, p Photo) error {
	if err := (Erasures{Blobs: s.Photos.Blobs}).Note(ctx, p.Folder); err != nil {
		return &problem.Error{
			Kind: problem.Unavailable, Detail: "the storage does not answer; nothing was changed, try again",
			RetryAfter: 5 * time.Second, Cause: err,
		}
	}
	return nil
}

// mask makes another version of a photo's pictures, by the rules of the
// jurisdiction that has the report.
func (s *Service) mask(ctx context.Context, r Report, p Photo, areas []photo.Area) (photo.Version, error) {
	rules, err := s.photoRules(ctx, r, []string{p.ID})
	if err != nil {
		return photo.Version{}, err
	}
	unmasked := p.Unmasked != "" || len(p.Masks) == 0 // what the version is made of
	return s.Photos.Mask(ctx, p.version(), areas, rules.KeepUnmasked && unmasked && len(areas) > 0)
}

func (p Photo) version() photo.Version {
	return photo.Version{Folder: p.Folder, SHA256: p.SHA256, Likeness: p.Likeness, BlurHash: p.BlurHash, Unmasked: p.Unmasked}
}

// mayUncover refuses to take an area away whose pixels are no longer there.
func (r *Report) mayUncover(p Photo, areas []photo.Area) error {
	stays := func(a photo.Area) bool { return slices.Contains(areas, a) }
	if p.Unmasked != "" || !slices.ContainsFunc(p.Masks, func(a photo.Area) bool { return !stays(a) }) {
		return nil
	}
	return &problem.Error{
		Kind: problem.Conflict, Current: *r,
		Detail: "what the masks cover was destroyed, so none can be changed or taken away: send them all, with those to add",
	}
}

// unlessStale is err, which may be nil, unless the report has another version by now:
// a report and its photos are read one after the other, so the photo may be newer.
func (s *Service) unlessStale(ctx context.Context, id string, version int64, err error) error {
	now, readErr := s.Store.Report(ctx, id)
	if readErr != nil {
		return readErr
	}
	return cmp.Or(now.atVersion(version), err)
}

func (r *Report) changedMeanwhile() error {
	return &problem.Error{Kind: problem.Stale, Current: *r, Detail: "the photo has changed meanwhile: read the report again"}
}

// ReleasePhoto shows a photo that was held, after a handler has looked at it. One
// that is shown already stays so.
func (s *Service) ReleasePhoto(ctx context.Context, actor auth.Actor, name, photoID string, version int64) (Report, Photo, error) {
	r, p, err := s.forHandler(ctx, actor, name, photoID)
	if err != nil || !p.State.Hidden() {
		return r, p, err
	}
	return s.changePhoto(ctx, actor, r.ID, version, PhotoReleased, PhotoChange{ID: p.ID, State: PhotoShown})
}

// DeletePhoto removes a photo for good: its addresses are gone with the commit, its
// files by a job after it.
func (s *Service) DeletePhoto(ctx context.Context, actor auth.Actor, name, photoID string, version int64) error {
	r, p, err := s.forHandler(ctx, actor, name, photoID)
	if err != nil {
		return err
	}
	if err := r.atVersion(version); err != nil {
		return err
	}
	if err := s.noteGone(ctx, p); err != nil {
		return err
	}
	_, _, err = s.changePhoto(ctx, actor, r.ID, version, PhotoRemoved, PhotoChange{ID: p.ID, Delete: true})
	return err
}

// Unmasked opens what a photo showed before it was masked, for a handler, and notes
// in the history who has looked. The note is durable first. It is no change of the
// report: whoever is about to change it is not stopped by it.
func (s *Service) Unmasked(ctx context.Context, actor auth.Actor, name, photoID string) (*blob.Object, error) {
	r, p, err := s.forHandler(ctx, actor, name, photoID)
	switch {
	case err != nil:
		return nil, err
	case len(p.Masks) == 0:
		return nil, problem.New(problem.NotFound, "the photo is not masked: its renditions show all of it")
	case p.Unmasked == "":
		return nil, problem.New(problem.Gone, "what the photo showed before it was masked was destroyed")
	}
	u := r.entry(PhotoUnmasked, s.known(actor, r), OriginAPI, s.now())
	u.Text, u.Internal = p.ID, true
	if err := s.Store.Note(ctx, r.ID, r.caused(u, EventPhoto)); err != nil {
		return nil, fmt.Errorf("note who looks at photo %s: %w", p.ID, err)
	}
	picture, err := s.Photos.Picture(ctx, p.version())
	if errors.Is(err, fs.ErrNotExist) {
		err = r.changedMeanwhile()
	}
	return picture, err
}

// forHandler reads a report with one of its photos for a handler.
func (s *Service) forHandler(ctx context.Context, actor auth.Actor, name, photoID string) (Report, Photo, error) {
	r, err := s.Store.Report(ctx, name)
	if err != nil {
		return Report{}, Photo{}, err
	}
	if err := s.allow(actor, auth.Moderate, &r); err != nil {
		return Report{}, Photo{}, err
	}
	if p, ok := r.photo(photoID); ok {
		return r, p, nil
	}
	gone, err := s.Store.PhotoGone(ctx, r.ID, photoID)
	switch {
	case err != nil:
		return Report{}, Photo{}, err
	case gone:
		return Report{}, Photo{}, errPhotoGone()
	}
	return Report{}, Photo{}, problem.New(problem.NotFound, "the report has no photo %q", photoID)
}

func errPhotoGone() error { return problem.New(problem.Gone, "the photo was deleted") }

func (r *Report) photo(id string) (Photo, bool) {
	i := slices.IndexFunc(r.Photos, func(p Photo) bool { return p.ID == id })
	if i < 0 {
		return Photo{}, false
	}
	return r.Photos[i], true
}

// changePhoto stores what a handler does with one photo.
func (s *Service) changePhoto(ctx context.Context, actor auth.Actor, id string, version int64, kind UpdateKind, change PhotoChange) (Report, Photo, error) {
	us, err := s.Store.Updates(ctx, id, false)
	if err != nil {
		return Report{}, Photo{}, err
	}
	r, err := s.update(ctx, id, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.Moderate, r); err != nil {
			return Changes{}, err
		}
		if err := r.atVersion(version); err != nil {
			return Changes{}, err
		}
		if _, ok := r.photo(change.ID); !ok {
			return Changes{}, errPhotoGone()
		}
		return r.photoChanged(s.known(actor, *r), kind, change, us, s.now()), nil
	})
	p, _ := r.photo(change.ID)
	return r, p, err
}

// photoChanged is what follows from a change of a photo, which is there: an entry
// for the staff, and an event for everybody where they see, or saw, the photo.
// History are the public updates, of which one may only now be news.
func (r *Report) photoChanged(actor auth.Actor, kind UpdateKind, change PhotoChange, history []Update, now time.Time) Changes {
	before, _ := r.photo(change.ID)
	r.UpdatedAt, change.At = now, now
	u := r.entry(kind, actor, OriginAPI, now)
	u.Text, u.Internal = change.ID, true
	caused := r.caused(u, EventPhoto)
	shows := change.State == PhotoShown
	if e := &caused.Events[0]; shows || !before.State.Hidden() {
		e.Internal, e.UpdateID = false, "" // of the entry they learn nothing
	}
	caused.PhotoChanges = []PhotoChange{change}
	if change.Delete || change.Version != nil {
		caused.Jobs = append(caused.Jobs, newJob(JobEraseFiles, EraseFilesJob{PhotoIDs: []string{before.Folder}}, now))
	}
	caused.Jobs = append(caused.Jobs, r.forwardChecked(before, change, history)...)
	if shows && before.State.Hidden() && r.firstShown(before, history) {
		caused.Jobs = append(caused.Jobs, newJob(JobTell, TellJob{UpdateID: before.UpdateID}, now))
	}
	return caused
}

// forwardChecked are the jobs by which an update's photos follow the report to its
// recipient, once the last of them is checked.
func (r *Report) forwardChecked(p Photo, change PhotoChange, history []Update) []job.Job {
	waits := func(other Photo) bool {
		return other.UpdateID == p.UpdateID && other.ID != p.ID && other.State == PhotoChecking
	}
	if p.State != PhotoChecking || change.State == "" && !change.Delete || slices.ContainsFunc(r.Photos, waits) {
		return nil
	}
	i := slices.IndexFunc(history, func(u Update) bool { return u.ID == p.UpdateID })
	if i < 0 {
		return nil
	}
	return r.forwarded(history[i])
}

// firstShown reports whether followers hear of an update only now that one of its
// photos is shown: all of it were photos, and none is shown yet. Pictures that
// another system linked to are part of what was filed, and no news.
func (r *Report) firstShown(p Photo, history []Update) bool {
	if slices.ContainsFunc(r.ShownPhotos(), func(other Photo) bool { return other.UpdateID == p.UpdateID }) {
		return false
	}
	return slices.ContainsFunc(history, func(u Update) bool {
		return u.ID == p.UpdateID && u.Kind == PhotoAdded && u.Origin != OriginOpen311
	})
}
