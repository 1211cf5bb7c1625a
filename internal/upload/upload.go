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
//   - What one sender's unfinished uploads can take on a disk is bounded; what has
//     expired counts no more, and is gone within minutes.
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
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
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
	// Key makes the secrets of uploads, at least 32 bytes, the same in every process.
	Key []byte
	// Share is how many bytes the unfinished uploads of one sender may reserve; 0 is
	// no limit.
	Share int64
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
	// Sender tells, while it is unfinished, who answers for it: a hash under the
	// installation's key, empty for nobody. Reserved is how much it can take on a disk.
	Sender   string
	Reserved int64
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
	// AddUpload stores a new upload under the hash of its secret, and returns its id;
	// if the call was carried out before, it stores nothing and returns the first
	// one's. The same key with another fingerprint is a problem. For a sender, admit
	// is asked with what their unfinished uploads reserve by then, and when the first
	// of them ends; nobody else adds one for them meanwhile.
	AddUpload(ctx context.Context, u Upload, secretHash string, once photo.Once, admit func(reserved int64, next time.Time) error) (id string, err error)
	// UploadOnce returns the id of the upload that a call has begun before, if it has.
	UploadOnce(ctx context.Context, once photo.Once) (id string, ok bool, err error)
	// Disown lets a call begin anew that began an upload in vain.
	Disown(ctx context.Context, id string, once photo.Once) error
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
	Once     photo.Once
	Sender   string // who answers for it; empty for nobody. It is not stored as it is
}

// Begun is an upload as its sender gets it.
type Begun struct {
	Upload
	Secret   string // by which the sender goes on
	Replayed bool   // the call was carried out before
}

// Create begins an upload. A call that comes again gets the first one's, as it
// stands by then; problem.Gone if that has ended.
func (s *Service) Create(ctx context.Context, c Creation) (Begun, error) {
	switch {
	case c.Length > MaxBytes:
		return Begun{}, tooLarge()
	case c.Length == 0:
		return Begun{}, problem.Field("Upload-Length", "empty", "a photo has at least one byte")
	}
	if c.Once.Key != "" {
		if id, ok, err := s.Rows.UploadOnce(ctx, c.Once); err != nil {
			return Begun{}, fmt.Errorf("look for an upload: %w", err)
		} else if ok {
			return s.begunBefore(ctx, id)
		}
	}
	return s.begin(ctx, c)
}

func (s *Service) begin(ctx context.Context, c Creation) (Begun, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Begun{}, fmt.Errorf("name an upload: %w", err)
	}
	now := s.Now().UTC().Truncate(time.Microsecond)
	u := Upload{
		ID: id.String(), Length: c.Length, Metadata: c.Metadata, Alt: c.Alt, State: Open, Created: now, Expires: now.Add(Lifetime),
		Reserved: reservedFor(c.Length),
	}
	secret, err := s.secretOf(u.ID)
	if err != nil {
		return Begun{}, err
	}
	if s.Share > 0 && c.Sender != "" {
		u.Sender = hex.EncodeToString(s.keyed("sender " + c.Sender)[:16])
	}
	first, err := s.Rows.AddUpload(ctx, u, hashOf(secret), c.Once, func(reserved int64, next time.Time) error {
		return s.admit(reserved+u.Reserved, next.Sub(now))
	})
	if err != nil {
		return Begun{}, fmt.Errorf("store an upload: %w", err)
	}
	if first != u.ID { // the same call was faster elsewhere
		return s.begunBefore(ctx, first)
	}
	return Begun{Upload: u, Secret: secret}, nil
}

// begunBefore answers a call that comes again.
func (s *Service) begunBefore(ctx context.Context, id string) (Begun, error) {
	secret, err := s.secretOf(id)
	if err != nil {
		return Begun{}, err
	}
	u, err := s.Find(ctx, secret)
	if problem.Is(err, problem.NotFound) {
		err = problem.New(problem.Gone, "the upload that this key stands for has ended; begin another one with a new key")
	}
	return Begun{Upload: u, Secret: secret, Replayed: true}, err
}

// secretOf makes the secret of an upload of its id, so that a call that comes again
// gets the same one though only its hash is stored: 256 bits, in letters and digits.
func (s *Service) secretOf(id string) (string, error) {
	if len(s.Key) < 32 {
		return "", errors.New("make the secret of an upload: the key is too short")
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s.keyed("secret of upload " + id)), nil
}

// keyed hashes a text that begins with what the hash is for.
func (s *Service) keyed(text string) []byte {
	h := hmac.New(sha256.New, s.Key)
	_, _ = h.Write([]byte(text)) // a hash never fails to write
	return h.Sum(nil)
}

// Abandon ends an upload whose creation came to nothing, so that the same call may
// try again. One that is gone is no error.
func (s *Service) Abandon(ctx context.Context, u Upload, once photo.Once) error {
	if err := s.Rows.Disown(ctx, u.ID, once); err != nil {
		return fmt.Errorf("disown upload %s: %w", u.ID, err)
	}
	return s.end(ctx, u.ID)
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
