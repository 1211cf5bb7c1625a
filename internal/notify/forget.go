package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
)

// Forget removes the mails that concern a report: those whose Message-ID begins
// with its id and a dot. None, and no folder, is no error.
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
	if n.Folder == nil || p.ReportID == "" {
		return nil
	}
	return n.Folder.Forget(ctx, p.ReportID)
}
