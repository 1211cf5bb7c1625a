package upload

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	sweepAtOnce = 100
	// interruptedFor is longer than any chunk may take.
	interruptedFor = time.Hour
)

// interrupted is a blob store in which a killed process can leave half a file.
type interrupted interface {
	SweepBelow(ctx context.Context, folder string, olderThan time.Duration) (int, error)
}

// Sweep deletes what nobody needs any more: uploads whose time is over or that
// ended while their parts could not be deleted, and parts that a killed process
// left.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.Rows.EndUploads(ctx, s.Now()); err != nil {
		return fmt.Errorf("end uploads whose time is over: %w", err)
	}
	return errors.Join(s.sweepRows(ctx), s.sweepParts(ctx), s.sweepInterrupted(ctx))
}

func (s *Service) sweepRows(ctx context.Context) error {
	for after := ""; ; {
		left, err := s.Rows.Leftover(ctx, after, sweepAtOnce)
		if err != nil {
			return fmt.Errorf("read which uploads are over: %w", err)
		}
		for _, u := range left {
			if err := s.empty(ctx, u.ID); err != nil {
				return err
			}
			after = u.ID
		}
		if len(left) < sweepAtOnce {
			return nil
		}
	}
}

// sweepParts deletes parts by their age: no upload lives as long. They are those
// that a process stored after the upload had ended, and was killed.
func (s *Service) sweepParts(ctx context.Context) error {
	limit := s.Now().Add(-Lifetime)
	for info, err := range s.Blobs.List(ctx, area) {
		if err != nil {
			return fmt.Errorf("list the parts of uploads: %w", err)
		}
		if info.ModTime.After(limit) {
			continue
		}
		if err := s.Blobs.Delete(ctx, info.Name); err != nil {
			return fmt.Errorf("delete an old part: %w", err)
		}
	}
	return nil
}

func (s *Service) sweepInterrupted(ctx context.Context) error {
	disk, ok := s.Blobs.(interrupted)
	if !ok {
		return nil
	}
	if _, err := disk.SweepBelow(ctx, area[:len(area)-1], interruptedFor); err != nil {
		return fmt.Errorf("delete interrupted parts: %w", err)
	}
	return nil
}
