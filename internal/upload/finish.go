package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// errLost tells that a part is not there, such as after somebody has restored a
// database and no blobs.
var errLost = errors.New("a part is lost")

// finish makes the photo of an upload whose parts and last byte are there.
func (s *Service) finish(ctx context.Context, u Upload, tail []byte) (Progress, error) {
	file, err := s.assemble(ctx, u, tail)
	if errors.Is(err, errLost) {
		return Progress{}, errors.Join(problem.New(problem.Gone, "parts of the upload are lost; send the photo anew"), s.end(ctx, u.ID))
	}
	if err != nil {
		return Progress{}, err
	}
	defer func() { _ = file.Close() }() // it has no name: this deletes it
	kept, err := s.Photos.KeepOnce(ctx, file, u.Alt, photo.Once{})
	if problem.Is(err, problem.Invalid) || problem.Is(err, problem.TooLarge) {
		return Progress{}, errors.Join(err, s.end(ctx, u.ID))
	}
	if err != nil {
		return Progress{}, err
	}
	ok, err := s.Rows.Finish(ctx, u.ID, u.Received, u.Received+int64(len(tail)), kept.ID)
	if err != nil {
		return Progress{}, fmt.Errorf("finish upload %s: %w", u.ID, err)
	}
	if !ok { // another request was faster; this photo is swept
		return Progress{}, errMoved()
	}
	_ = s.empty(ctx, u.ID) // the sweep comes again
	u.Received += int64(len(tail))
	u.Length, u.State, u.PhotoID = u.Received, Done, kept.ID
	return Progress{Upload: u, Suggestion: kept.Suggestion}, nil
}

// assemble puts an upload together in a file that has no name, so that it is
// gone as soon as it is closed, even by a crash.
func (s *Service) assemble(ctx context.Context, u Upload, tail []byte) (_ *os.File, err error) {
	file, err := os.CreateTemp(s.Dir, "upload-*")
	if err != nil {
		return nil, trouble(fmt.Errorf("put an upload together: %w", err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, trouble(fmt.Errorf("take the name off an upload's file: %w", err))
	}
	for _, p := range u.Parts {
		if err := s.copyPart(ctx, file, p); err != nil {
			return nil, fmt.Errorf("read a part of upload %s: %w", u.ID, err)
		}
	}
	if _, err := io.Copy(file, bytes.NewReader(tail)); err != nil {
		return nil, trouble(fmt.Errorf("put an upload together: %w", err))
	}
	return file, nil
}

func (s *Service) copyPart(ctx context.Context, to io.Writer, p Part) error {
	from, err := s.Blobs.Get(ctx, p.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", errLost, p.Name)
	}
	if err != nil {
		return trouble(err)
	}
	defer func() { _ = from.Close() }() // only read from
	if n, err := io.Copy(to, from); err != nil {
		return trouble(err)
	} else if n != p.Bytes {
		return fmt.Errorf("%d bytes instead of %d", n, p.Bytes)
	}
	return nil
}

// end marks an upload as ended, which stops every chunk that is on its way, and
// then deletes what has come.
func (s *Service) end(ctx context.Context, id string) error {
	if err := s.Rows.EndUpload(ctx, id); err != nil {
		return fmt.Errorf("end upload %s: %w", id, err)
	}
	_ = s.empty(ctx, id) // the sweep comes again
	return nil
}

// empty deletes the parts of an upload, also those that its row does not know.
func (s *Service) empty(ctx context.Context, id string) error {
	for info, err := range s.Blobs.List(ctx, area+id+"/") {
		if err != nil {
			return fmt.Errorf("list the parts of upload %s: %w", id, err)
		}
		if err := s.Blobs.Delete(ctx, info.Name); err != nil {
			return fmt.Errorf("delete a part of upload %s: %w", id, err)
		}
	}
	if disk, ok := s.Blobs.(interrupted); ok { // what was just being written
		if _, err := disk.SweepBelow(ctx, area+id, 0); err != nil {
			return fmt.Errorf("delete the interrupted parts of upload %s: %w", id, err)
		}
	}
	if err := s.Rows.Emptied(ctx, id); err != nil {
		return fmt.Errorf("note that upload %s is empty: %w", id, err)
	}
	return nil
}

// trouble tells the sender that it is not the photo's fault.
func trouble(err error) error {
	return &problem.Error{
		Kind: problem.Unavailable, Detail: "uploads cannot be stored right now; what was acknowledged is kept, go on from there",
		RetryAfter: 10 * time.Second, Cause: err,
	}
}
