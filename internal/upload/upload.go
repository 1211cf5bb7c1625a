// Package upload takes photos in pieces, over connections that break.
//
// It is what the tus protocol needs, without its HTTP. An upload is a row and
// some blobs: each piece that arrives becomes a part, a blob below uploads/, and
// then the row is moved from the offset that the sender named to the new one, on
// the condition that it still stands there. Nothing is locked while bytes
// stream, by no process: of two senders at the same offset the first to store a
// part wins and the other is told so, and a connection that hangs, or a process
// that was killed, never stands in anybody's way.
//
// What holds:
//
//   - An offset that was acknowledged is durable, through a crash of every process.
//   - The last byte is not acknowledged before the photo is safe. It is kept in
//     memory while [photo.Library] does its work, so an upload whose photo could
//     not be read just now stands one byte before its end, and sending that byte
//     again is enough.
//   - Original bytes are deleted when the photo is safe, when it is refused, when
//     the sender ends the upload, and in any case within a day. Parts that a
//     killed process never entered into a row go by their age.
//
// Limits: a part holds up to 4 MiB, so a killed process loses that much of what
// was on its way and not acknowledged; an upload has at most 1,000 parts. Two
// requests that both send the last byte may both do the work: one photo counts,
// the other is swept with all that no report claims.
package upload

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

const (
	// MaxBytes is how large a photo may be.
	MaxBytes = 20 << 20
	// Lifetime is how long an upload waits for its end. What it leaves is gone
	// within a day, so an hour is left for the sweep.
	Lifetime = 23 * time.Hour
	// Unknown as a length or a size says that nobody has told it yet.
	Unknown = -1

	partBytes = 4 << 20
	maxParts  = 1000
	area      = "uploads/" // where parts lie in the blob store
)

// Service receives uploads.
type Service struct {
	Rows   Rows
	Blobs  blob.Store
	Photos *photo.Library
	// Dir is a private folder in which an upload is put together, in a file
	// without a name.
	Dir string
	Now func() time.Time
}

// State is how far an upload has come.
type State string

// The states. An ended upload is to be forgotten: its sender ended it, its photo
// was refused, or its time is over.
const (
	Open  State = "open"
	Done  State = "done"
	Ended State = "ended"
)

// Upload is a photo on its way.
type Upload struct {
	ID       string // a UUIDv7, which nobody outside sees
	Length   int64  // in bytes; Unknown until the sender says
	Received int64  // bytes that are safe
	Parts    []Part
	Metadata string // the Upload-Metadata header as it was sent
	Alt      string // what the photo shows, by the metadata
	State    State
	PhotoID  string // once it is done
	Created  time.Time
	Expires  time.Time
}

// Part is a stretch of an upload, in the order of the parts.
type Part struct {
	Name  string `json:"name"` // of the blob
	Bytes int64  `json:"bytes"`
}

// Rows keeps what the database knows of uploads.
type Rows interface {
	// AddUpload stores a new upload under the hash of its secret.
	AddUpload(ctx context.Context, u Upload, secretHash string) error
	// Upload returns the upload with a secret; false if there is none.
	Upload(ctx context.Context, secretHash string) (Upload, bool, error)
	// Advance stores u's parts, length and received, if the upload is open and
	// stands at from; false if not, and then nothing has changed.
	Advance(ctx context.Context, u Upload, from int64) (bool, error)
	// Finish marks an open upload that stands at from as done: length bytes, and
	// the photo that they became.
	Finish(ctx context.Context, id string, from, length int64, photoID string) (bool, error)
	// EndUpload marks an upload as ended. One that is gone is no error.
	EndUpload(ctx context.Context, id string) error
	// EndUploads marks all that have expired as ended.
	EndUploads(ctx context.Context, now time.Time) error
	// Leftover returns, by id, up to n uploads after an id whose parts nobody needs
	// any more.
	Leftover(ctx context.Context, after string, n int) ([]Upload, error)
	// Emptied notes that an upload's parts are deleted; an ended one is forgotten.
	Emptied(ctx context.Context, id string) error
}

// Creation is what an upload begins with.
type Creation struct {
	Length   int64  // in bytes; Unknown where the sender will tell
	Metadata string // kept as it is
	Alt      string // what the photo shows, as [photo.CheckAlt] left it
}

// Create begins an upload, and returns the secret by which its sender goes on.
func (s *Service) Create(ctx context.Context, c Creation) (u Upload, secret string, err error) {
	switch {
	case c.Length > MaxBytes:
		return Upload{}, "", tooLarge()
	case c.Length == 0:
		return Upload{}, "", problem.Field("Upload-Length", "empty", "a photo has at least one byte")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Upload{}, "", fmt.Errorf("name an upload: %w", err)
	}
	now := s.Now().UTC().Truncate(time.Microsecond)
	u = Upload{
		ID: id.String(), Length: c.Length, Metadata: c.Metadata, Alt: c.Alt, State: Open, Created: now, Expires: now.Add(Lifetime),
	}
	secret = rand.Text() + rand.Text() // 260 bits
	if err := s.Rows.AddUpload(ctx, u, hashOf(secret)); err != nil {
		return Upload{}, "", fmt.Errorf("store an upload: %w", err)
	}
	return u, secret, nil
}

// Find returns the upload with a secret; problem.NotFound if there is none, or
// none any more.
func (s *Service) Find(ctx context.Context, secret string) (Upload, error) {
	u, ok, err := s.Rows.Upload(ctx, hashOf(secret))
	if err != nil {
		return Upload{}, fmt.Errorf("read an upload: %w", err)
	}
	if !ok || u.State == Ended || !s.Now().Before(u.Expires) {
		return Upload{}, notFound()
	}
	return u, nil
}

// End deletes an upload and what has come of it. A photo that it has become is
// swept if no report claims it.
func (s *Service) End(ctx context.Context, secret string) error {
	u, err := s.Find(ctx, secret)
	if err != nil {
		return err
	}
	return s.end(ctx, u.ID)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func tooLarge() error {
	return problem.New(problem.TooLarge, "a photo may have at most %d MiB, and an upload no more than its length", MaxBytes>>20)
}

func notFound() error {
	return problem.New(problem.NotFound, "there is no such upload: it never was, has ended, or its time is over")
}

// errMoved tells that the upload does not stand where the sender thinks.
func errMoved() error {
	return problem.New(problem.Conflict, "the upload does not stand at this offset; HEAD tells where it stands")
}
