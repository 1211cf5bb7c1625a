package report

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
)

// Erase removes what is personal in a report: contact data, the reporter's own
// words in description, address, answers and comments, the photos, and the tie
// to an account. What stays are facts of the place and of the work: service,
// position, status and times. Followers are not told, and the follow token
// stops to work. Files are removed by a job, after the commit.
//
// The journal is written first: what was answered as erased is in it, whatever
// happens to the database. Where the erasure then fails, the report stays in the
// journal, and would be erased after a restore as whoever was entitled wished.
func (s *Service) Erase(ctx context.Context, actor auth.Actor, name string) error {
	r, err := s.Store.Report(ctx, name)
	if err != nil {
		return err
	}
	if err := s.allow(actor, auth.Erase, &r); err != nil {
		return err
	}
	if err := (Erasures{Blobs: s.Photos.Blobs}).Note(ctx, r.ID); err != nil {
		return errJournalSilent(err)
	}
	_, err = s.Store.Erase(ctx, r.ID, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.Erase, r); err != nil {
			return Changes{}, err
		}
		now := s.now()
		u := r.entry(TextRemoved, s.known(actor, *r), OriginAPI, now)
		u.AuthorID = ""
		r.Description, r.Address, r.Attributes, r.PersonID = "", "", nil, ""
		r.UpdatedAt, r.TextHeld = now, false
		r.TokenEpoch++
		caused := r.caused(u, EventErased)
		caused.Jobs = []job.Job{newJob(JobEraseFiles, r.filesToErase(), now)}
		return caused, nil
	})
	if err == nil {
		s.wake()
	}
	return err
}

func (r *Report) filesToErase() EraseFilesJob {
	files := EraseFilesJob{ReportID: r.ID}
	for _, p := range r.Photos {
		files.PhotoIDs = append(files.PhotoIDs, p.Folder)
	}
	return files
}
