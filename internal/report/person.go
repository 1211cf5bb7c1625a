package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/problem"
)

// Traces is what is kept of one person, found by an e-mail address.
type Traces struct {
	Email   string // normalised
	Account string // its id; empty for none
	// Staff tells that the account has a role. It stays, because it tells who did
	// what at work; whoever leaves is taken off the staff first.
	Staff         bool
	Reports       []string // filed with the address as contact, or by the account
	Subscriptions []string // of reports and of places
	Remarks       []Remark // that the account wrote on other people's reports
}

// Remark names a text in a report's history, with what the photos show that came with it.
type Remark struct{ ReportID, UpdateID string }

// ErasePerson erases all that is kept of whoever has an e-mail address: the personal
// data of their reports as [Service.Erase] does it, their comments, what they follow,
// and their account with its sign-ins. It returns what it found. It may be repeated
// after an error, and begins where it was. What was written without account and
// address belongs to nobody and is not found.
func (s *Service) ErasePerson(ctx context.Context, address string) (Traces, error) {
	email, err := auth.NormaliseEmail(address)
	if err != nil {
		return Traces{}, err
	}
	found, err := s.Store.Traces(ctx, email)
	if err != nil {
		return Traces{}, err
	}
	if err := s.noteTraces(ctx, found); err != nil {
		return Traces{}, err
	}
	for _, id := range found.Reports {
		if err := s.Erase(ctx, auth.Itself(), id); err != nil {
			return Traces{}, fmt.Errorf("erase report %s: %w", id, err)
		}
	}
	if err := s.eraseComments(ctx, found.Remarks); err != nil {
		return Traces{}, err
	}
	return found, s.Store.Forget(ctx, found)
}

// noteTraces adds to the journal what has ids of its own beside reports, so that
// it is erased again in a database that is restored from before.
func (s *Service) noteTraces(ctx context.Context, found Traces) error {
	ids := found.Subscriptions
	if found.Account != "" && !found.Staff {
		ids = append(slices.Clone(ids), found.Account)
	}
	for _, id := range ids {
		if err := (Erasures{Blobs: s.Photos.Blobs}).Note(ctx, id); err != nil {
			return errJournalSilent(err)
		}
	}
	return nil
}

func errJournalSilent(cause error) error {
	return &problem.Error{
		Kind: problem.Unavailable, Detail: "the storage does not answer; nothing was erased, try again",
		RetryAfter: 5 * time.Second, Cause: cause,
	}
}

// eraseComments takes the words out of comments, and what their photos are said to
// show; that something was said stays, and the photos.
func (s *Service) eraseComments(ctx context.Context, comments []Remark) error {
	for _, c := range comments {
		if err := s.eraseComment(ctx, c); err != nil {
			return fmt.Errorf("erase comment %s: %w", c.UpdateID, err)
		}
	}
	return nil
}

func (s *Service) eraseComment(ctx context.Context, c Remark) error {
	seen, err := s.Store.Report(ctx, c.ReportID)
	if err != nil {
		return err
	}
	history, err := s.Store.Updates(ctx, c.ReportID, true)
	if err != nil {
		return err
	}
	held := slices.ContainsFunc(history, func(u Update) bool { return u.ID == c.UpdateID && u.Held })
	_, err = s.update(ctx, c.ReportID, func(r *Report) (Changes, error) {
		if err := r.atVersion(seen.Version); err != nil {
			return Changes{}, err // a handler may just have let the comment go
		}
		if held {
			r.HeldUpdates--
		}
		note := r.entry(TextRemoved, auth.Itself(), OriginAPI, s.now())
		note.Internal = true
		r.UpdatedAt = note.CreatedAt
		caused := r.caused(note, EventErased)
		caused.Texts = []NewText{{UpdateID: c.UpdateID}}
		for _, p := range r.Photos {
			if p.UpdateID == c.UpdateID {
				caused.NewAlts = append(caused.NewAlts, NewAlt{PhotoID: p.ID})
			}
		}
		return caused, nil
	})
	return err
}
