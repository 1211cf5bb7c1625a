package upload

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// Chunk is a piece of an upload as its sender sends it.
type Chunk struct {
	Offset int64 // where it begins; this has to be where the upload stands
	// Length, if it is not Unknown, tells the length of the whole upload, which its
	// creation has left open.
	Length   int64
	Size     int64     // of the chunk, in bytes; Unknown if it is not known ahead
	Checksum *Checksum // nil where the sender gives none
	Body     io.Reader
}

// Checksum is what a chunk must hash to, or none of it is kept.
type Checksum struct {
	Hash hash.Hash // new
	Sum  []byte
}

// Progress is what came of a chunk.
type Progress struct {
	Upload
	// Suggestion is what the photo told of itself, for the sender alone; it is there
	// in the answer to the last byte and nowhere else.
	Suggestion photo.Suggestion
}

// chunkTime bounds what one chunk may take, with its photo.
const chunkTime = 20 * time.Minute

// errBroken is in the chain when the sender's body broke off.
var errBroken = errors.New("the body ended before it was complete")

// Append adds a chunk to an upload, and after the last byte makes the photo of it.
// A chunk whose body breaks off leaves what has arrived, unless it has a checksum.
//
// The upload is not there: problem.NotFound. It stands elsewhere: Conflict. The
// chunk is larger than the rest: TooLarge. It hashes to something else:
// ChecksumMismatch. The photo is refused: what [photo.Library.Keep] says, and the
// upload is gone. It cannot be read just now: Unavailable, and the upload stands
// before its last byte.
func (s *Service) Append(ctx context.Context, secret string, c Chunk) (Progress, error) {
	u, err := s.Find(ctx, secret)
	if err != nil {
		return Progress{}, err
	}
	if c.Offset != u.Received {
		return Progress{}, errMoved()
	}
	row := u
	if u.Length, err = c.length(u); err != nil {
		return Progress{}, err
	}
	// Whatever becomes of the connection, what has arrived is to be kept.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), chunkTime)
	defer cancel()
	t := &taking{
		Service: s, ctx: ctx, u: u, row: row, body: bufio.NewReaderSize(c.Body, 64<<10), checksum: c.Checksum,
	}
	if c.Size > t.room() {
		return Progress{}, tooLarge()
	}
	return t.take()
}

// length is the upload's length, as far as this chunk lets it be known.
func (c Chunk) length(u Upload) (int64, error) {
	switch {
	case c.Length == Unknown:
		return u.Length, nil
	case u.Length != Unknown && c.Length != u.Length:
		return 0, problem.Field("Upload-Length", "not-allowed", "the upload's length is told already and cannot change")
	case c.Length > MaxBytes:
		return 0, tooLarge()
	case c.Length < u.Received || c.Length == 0:
		return 0, problem.Field("Upload-Length", "out-of-range", "is less than what has been received, or nothing")
	}
	return c.Length, nil
}

// taking is one chunk being received.
type taking struct {
	*Service
	ctx      context.Context // lives no longer than the call that made it
	u        Upload          // as it will stand; with a checksum it is not stored before the end
	row      Upload          // as it is stored
	body     *bufio.Reader
	checksum *Checksum
	pending  []Part // stored blobs that the row does not know yet
}

// room is how many bytes the upload may still get.
func (t *taking) room() int64 {
	if t.u.Length == Unknown {
		return MaxBytes - t.u.Received
	}
	return t.u.Length - t.u.Received
}

func (t *taking) take() (Progress, error) {
	broken, err := t.parts()
	var tail []byte
	if err == nil && broken == nil {
		tail, broken, err = t.lastByte()
	}
	if err == nil && t.checksum != nil {
		err = t.verify(tail, broken)
	}
	if err == nil && t.uncommitted() {
		err = t.commit()
	}
	if err != nil {
		t.drop()
		return Progress{}, err
	}
	if broken != nil {
		return Progress{}, &problem.Error{Kind: problem.BadRequest, Detail: errBroken.Error(), Cause: fmt.Errorf("%w: %w", errBroken, broken)}
	}
	if t.u.State == Done || t.u.Length == Unknown || t.u.Received+int64(len(tail)) < t.u.Length {
		return Progress{Upload: t.u}, nil
	}
	return t.finish(t.ctx, t.u, tail)
}

// uncommitted tells that there is something to note. A length that is reached
// already is noted with the photo: before that, the upload must not look complete.
func (t *taking) uncommitted() bool {
	return len(t.pending) > 0 || t.u.Length != t.row.Length && t.u.Length > t.u.Received
}

// parts stores all of the body but the upload's last byte. Broken is why the body
// broke off, if it did.
func (t *taking) parts() (broken, err error) {
	for {
		left := t.room()
		if t.u.Length != Unknown {
			left-- // the last byte
		}
		if left <= 0 {
			return nil, nil
		}
		if _, err := t.body.Peek(1); err != nil {
			return ignoreEOF(err), nil
		}
		if broken, err = t.part(min(left, partBytes)); err != nil {
			return nil, err
		}
		if t.checksum == nil {
			if err := t.commit(); err != nil {
				return nil, err
			}
		}
		if broken != nil {
			return broken, nil
		}
	}
}

// part stores up to most bytes of the body, of which there is one at least.
func (t *taking) part(most int64) (broken, err error) {
	if len(t.u.Parts) == maxParts {
		return nil, errors.Join(problem.Field("", "too-many", "the upload has come in more than %d pieces; begin again with larger ones", maxParts),
			t.end(t.ctx, t.u.ID))
	}
	name, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("name a part: %w", err)
	}
	p := Part{Name: area + t.u.ID + "/" + name.String()}
	in := &arriving{r: io.LimitReader(t.body, most)}
	var r io.Reader = in
	if t.checksum != nil {
		r = io.TeeReader(in, t.checksum.Hash)
	}
	if err := t.Blobs.Put(t.ctx, p.Name, r, "application/octet-stream"); err != nil {
		return nil, t.notStored(err)
	}
	p.Bytes = in.n
	t.pending = append(t.pending, p)
	t.u.Parts = append(t.u.Parts, p)
	t.u.Received += p.Bytes
	return in.broken, nil
}

// notStored is why a part could not be stored: ending an upload takes away the
// file that is being written, so the upload is asked first.
func (t *taking) notStored(err error) error {
	if open, aerr := t.Rows.Advance(t.ctx, t.row, t.row.Received); aerr == nil && !open {
		return errMoved()
	}
	return trouble(fmt.Errorf("store a part of upload %s: %w", t.u.ID, err))
}

// lastByte reads the last byte of the upload, if its turn has come, and makes sure
// that nothing follows the upload's end.
func (t *taking) lastByte() (tail []byte, broken, err error) {
	if t.room() > 0 && t.u.Length != Unknown {
		b, err := t.body.ReadByte()
		if err != nil {
			return nil, ignoreEOF(err), nil
		}
		tail = []byte{b}
	}
	if int64(len(tail)) < t.room() {
		return tail, nil, nil
	}
	_, err = t.body.Peek(1)
	if err == nil {
		return nil, nil, tooLarge()
	}
	return tail, ignoreEOF(err), nil
}

// verify compares the checksum with what has arrived, the last byte included. A
// body that broke off cannot be the one that was summed.
func (t *taking) verify(tail []byte, broken error) error {
	_, _ = t.checksum.Hash.Write(tail) // a hash never fails to write
	if broken == nil && subtle.ConstantTimeCompare(t.checksum.Hash.Sum(nil), t.checksum.Sum) == 1 {
		return nil
	}
	return &problem.Error{Kind: problem.ChecksumMismatch, Detail: "what arrived is not what Upload-Checksum says; none of it is kept", Cause: broken}
}

// commit moves the row on to the parts that are stored.
func (t *taking) commit() error {
	ok, err := t.Rows.Advance(t.ctx, t.u, t.row.Received)
	if err != nil {
		t.pending = nil // they may be in the row: whoever ends the upload deletes them
		return fmt.Errorf("note a part of upload %s: %w", t.u.ID, err)
	}
	if !ok {
		return errMoved()
	}
	t.row, t.pending = t.u, nil
	return nil
}

// drop deletes parts that the row does not know.
func (t *taking) drop() {
	for _, p := range t.pending {
		_ = t.Blobs.Delete(t.ctx, p.Name) // else it goes with the upload, or by its age
	}
}

// arriving reads a body that may break off: what came before is whole to whoever
// stores it.
type arriving struct {
	r      io.Reader
	n      int64
	broken error
}

// Read reads on until the body ends in whatever way.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	a.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		a.broken, err = err, io.EOF
	}
	return n, err
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
