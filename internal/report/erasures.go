package report

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/problem"
)

// Erasures is the journal of erased reports, subscriptions and accounts, and of the
// files of photos that were masked or deleted: for each an empty blob, named by its
// id or by the photo's folder. It lies beside the photos and not in the database, so that
// who loses the database and restores an older one still knows what was erased
// since. It only ever grows, by some bytes an erasure.
type Erasures struct{ Blobs blob.Store }

const erasuresPrefix = "erasures/"

// Note adds a report, or a photo's folder, to the journal, durably.
func (e Erasures) Note(ctx context.Context, reportID string) error {
	if err := uuid.Validate(reportID); err != nil {
		return fmt.Errorf("note an erasure: %.60q is no id", reportID)
	}
	if err := e.Blobs.Put(ctx, erasuresPrefix+reportID, strings.NewReader(""), "application/octet-stream"); err != nil {
		return fmt.Errorf("note the erasure of report %s: %w", reportID, err)
	}
	return nil
}

// All yields the ids in the journal, in no order. After an error
// it ends.
func (e Erasures) All(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for info, err := range e.Blobs.List(ctx, erasuresPrefix) {
			if err != nil {
				yield("", fmt.Errorf("read the journal of erasures: %w", err))
				return
			}
			id := strings.TrimPrefix(info.Name, erasuresPrefix)
			if uuid.Validate(id) == nil && !yield(id, nil) {
				return
			}
		}
	}
}

// EraseAgain carries out an erasure of the journal in a database that was
// restored from before it, with the files at once. A report that is not there,
// or has nothing personal left, stays as it is; done tells whether it had. A photo
// that lies in a folder of the journal is deleted: it was masked or deleted since,
// and nobody knows any more what the masks were.
func (s *Service) EraseAgain(ctx context.Context, id string) (done bool, err error) {
	r, err := s.Store.Report(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return s.deleteAgain(ctx, id)
	}
	if err != nil {
		return false, err
	}
	personal, err := s.personal(ctx, r)
	if err != nil || !personal {
		return false, err
	}
	if err := s.Erase(ctx, auth.Itself(), r.ID); err != nil {
		return false, err
	}
	return true, s.Photos.Remove(ctx, r.filesToErase().PhotoIDs)
}

// forgetAgain erases the person whose subscription or account has an id, if there
// is one.
func (s *Service) forgetAgain(ctx context.Context, id string) (done bool, err error) {
	email, ok, err := s.Store.EmailOf(ctx, id)
	if err != nil || !ok {
		return false, err
	}
	_, err = s.ErasePerson(ctx, email)
	return err == nil, err
}

// deleteAgain deletes the photo whose files lie in a folder, if there is one; else
// the id is no photo's.
func (s *Service) deleteAgain(ctx context.Context, folder string) (done bool, err error) {
	reportID, photoID, ok, err := s.Store.PhotoIn(ctx, folder)
	if err != nil {
		return false, err
	}
	if !ok {
		return s.forgetAgain(ctx, folder)
	}
	if _, err := s.update(ctx, reportID, func(r *Report) (Changes, error) {
		if _, ok := r.photo(photoID); !ok {
			return Changes{}, nil
		}
		return r.photoChanged(auth.Itself(), PhotoRemoved, PhotoChange{ID: photoID, Delete: true}, nil, s.now()), nil
	}); err != nil {
		return false, err
	}
	return true, s.Photos.Remove(ctx, []string{folder})
}

// personal reports whether there is something in r that erasing would erase.
func (s *Service) personal(ctx context.Context, r Report) (bool, error) {
	if r.Description != "" || r.Address != "" || len(r.Attributes) > 0 || r.PersonID != "" || len(r.Photos) > 0 {
		return true, nil
	}
	contact, err := s.Store.Contact(ctx, r.ID)
	if err != nil || !contact.Empty() {
		return true, err
	}
	history, err := s.Store.Updates(ctx, r.ID, true)
	return slices.ContainsFunc(history, func(u Update) bool {
		return u.Author == ByReporter && (u.Text != "" || u.AuthorID != "")
	}), err
}
