package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
)

// Forget removes the mails that concern a report: those whose Message-ID begins
// with its id and a dot, and what a process that was killed had of them. None,
// and no folder, is no error. A mail that is just being written fails by it, and
// finds the report erased when its job comes again.
func (f *Folder) Forget(ctx context.Context, reportID string) error {
	if err := uuid.Validate(reportID); err != nil {
		return job.Permanent(errors.New("forget mails: not the id of a report"))
	}
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("forget mails: %w", withoutPath(err))
	}
	prefix := strings.TrimSuffix(fileName(reportID+"."), ".eml")
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("forget mails: %w", err)
		}
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget mails: %w", withoutPath(err))
		}
	}
	return nil
}

// ForgetAddress removes the mails to an address. What cannot be read as a mail is
// left alone: this program did not write it.
func (f *Folder) ForgetAddress(ctx context.Context, address string) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget mails: %w", withoutPath(err))
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("forget mails: %w", err)
		}
		path := filepath.Join(f.dir, e.Name())
		if !isTo(path, address) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget mails: %w", withoutPath(err))
		}
	}
	return nil
}

// isTo reports whether the mail in a file goes to an address, in whatever case.
func isTo(path, address string) bool {
	in, err := os.Open(path) //nolint:gosec // G304: from the operator's own folder
	if err != nil {
		return false
	}
	defer func() { _ = in.Close() }() // only read from
	m, err := netmail.ReadMessage(in)
	if err != nil {
		return false
	}
	to, err := m.Header.AddressList("To")
	return err == nil && slices.ContainsFunc(to, func(a *netmail.Address) bool { return strings.EqualFold(a.Address, address) })
}

// remove removes one mail. None is no error.
func (f *Folder) remove(messageID string) error {
	err := os.Remove(filepath.Join(f.dir, fileName(messageID)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a mail: %w", withoutPath(err))
	}
	return nil
}

// sendErasable sends a mail with personal data that may be erased after it was
// read. Where mails are files, the one that was written after erasing had removed
// the others is removed again: erased is asked once the file is there, so either
// it says so or the erasure's own job comes later and finds the file.
func (n *Notifier) sendErasable(ctx context.Context, m Mail, erased func(context.Context) (bool, error)) error {
	if err := n.Mailer.Send(ctx, m); err != nil || n.Folder == nil {
		return err
	}
	if gone, err := erased(ctx); err != nil || !gone {
		return err
	}
	return n.Folder.remove(m.MessageID)
}

// ended tells that a subscription is there no more.
func (n *Notifier) ended(id string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		_, ok, err := n.Store.Follower(ctx, id)
		if err != nil {
			return false, fmt.Errorf("read subscription %s: %w", id, err)
		}
		return !ok, nil
	}
}

// erasedSince tells that a report was erased after it was read.
func (n *Notifier) erasedSince(r report.Report) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		now, err := n.Reports.Read(ctx, auth.Itself(), r.ID)
		if err != nil {
			return false, fmt.Errorf("read the delivered report: %w", err)
		}
		return now.TokenEpoch != r.TokenEpoch, nil // raised by erasing
	}
}

// eraseFiles removes what an erased report, or unclaimed photos, left behind as
// files.
func (n *Notifier) eraseFiles(ctx context.Context, j job.Job) error {
	var p report.EraseFilesJob
	if err := decode(j, &p); err != nil {
		return err
	}
	if err := n.Photos.Remove(ctx, p.PhotoIDs); err != nil {
		return fmt.Errorf("remove %d photos of report %q: %w", len(p.PhotoIDs), p.ReportID, err)
	}
	if err := n.Photos.RemoveUnmasked(ctx, p.Unmasked); err != nil {
		return fmt.Errorf("remove what %d photos kept: %w", len(p.Unmasked), err)
	}
	if n.Folder == nil || p.ReportID == "" {
		return nil
	}
	return n.Folder.Forget(ctx, p.ReportID)
}
