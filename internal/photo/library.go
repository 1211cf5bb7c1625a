package photo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/kantsten/kantsten/internal/blob"
	"github.com/kantsten/kantsten/internal/problem"
)

// Kept is a photo that is stored, and waits for a report to claim it.
type Kept struct {
	ID            string // random UUID: it names the public address
	Folder        string // where its files lie; see Version
	Width, Height int    // of the photo as it was sent, pixels
	SHA256        map[int]string
	Likeness      Likeness
	BlurHash      string
	Alt           string // what it shows, in the sender's words; may be empty
	CreatedAt     time.Time
}

// Rows keeps what the database knows of photos.
type Rows interface {
	// AddPhoto stores the row of a photo that nobody has claimed.
	AddPhoto(ctx context.Context, k Kept) error
	// NamePhoto ties a photo to the call that kept it, and returns it; if the call
	// was carried out before, it returns that first photo. The same key with
	// another fingerprint is a problem. A call without a key is tied to nothing.
	NamePhoto(ctx context.Context, k Kept, once Once) (Kept, error)
	// PhotoOnce returns the photo that a call has kept before, if it has.
	PhotoOnce(ctx context.Context, once Once) (k Kept, ok bool, err error)
	// SweepPhotos deletes the rows of up to n photos that nobody has claimed since
	// before, leaves a job that deletes their blobs, all in one transaction, and
	// returns their ids.
	SweepPhotos(ctx context.Context, before, now time.Time, n int) (ids []string, err error)
	// SweepUnmasked forgets what up to n photos kept from before they were masked,
	// where the jurisdiction that has them now does not keep such pictures, leaves a
	// job that deletes the files, and returns the photos' ids.
	SweepUnmasked(ctx context.Context, now time.Time, n int) (ids []string, err error)
}

// Shown is how a stored photo may be seen.
type Shown struct {
	Report  string // that shows it; empty while none does
	Private bool   // the report is
	// SHA256 names the renditions by size. What is not named here is not shown,
	// though its file may still lie there.
	SHA256 map[int]string
	// Hidden: it is shown to those only who may see private reports there.
	Hidden bool
	// Gone: there was such a photo, or such a version of one.
	Gone bool
}

// Public reports whether anyone may see it.
func (s Shown) Public() bool { return s.Report != "" && !s.Private && !s.Hidden }

// Library makes photos safe and keeps them.
//
// The row of a photo is committed before its first blob, so that every blob
// belongs to a row. Nobody owns the row yet: a report claims it by a conditional
// update in its own transaction, and the sweep deletes by the same condition
// first and the blobs by a job after. So the two cannot meet, and nothing is left
// over, wherever a process dies.
type Library struct {
	Processor *Processor
	Blobs     blob.Store
	Rows      Rows
	Now       func() time.Time
}

// Unclaimed is how long a photo waits for its report.
const Unclaimed = 24 * time.Hour

// Once names a call that may come again, so that it keeps one photo: see
// report.Key, whose fields these are. The zero value names none.
type Once struct {
	Scope, Key  string
	Fingerprint string
}

// KeptOnce is what came of a call that may come again.
type KeptOnce struct {
	Kept
	Suggestion Suggestion // for the sender, in a repeat too: its photo came again
	Replayed   bool
}

// Keep makes a photo safe and stores its renditions. When it returns, they are
// durable. The suggestion is for the sender only and is not stored. Errors are
// those of [Processor.Process], or the storage's.
func (l *Library) Keep(ctx context.Context, src io.ReadSeeker) (Kept, Suggestion, error) {
	once, err := l.KeepOnce(ctx, src, "", Once{})
	return once.Kept, once.Suggestion, err
}

// KeepOnce is Keep for a call that may come again: the second time it stores
// nothing and returns the first photo; what the photo told is read again from the one
// that came, for a sender who repeats has not seen the answer. A faulty alt text is a
// problem of the field "alt".
func (l *Library) KeepOnce(ctx context.Context, src io.ReadSeeker, alt string, once Once) (KeptOnce, error) {
	alt, err := CheckAlt("alt", alt)
	if err != nil {
		return KeptOnce{}, err
	}
	if once.Key != "" {
		if first, ok, err := l.Rows.PhotoOnce(ctx, once); ok || err != nil {
			return KeptOnce{Kept: first, Suggestion: l.Processor.told(ctx, src), Replayed: true}, err
		}
	}
	safe, suggestion, err := l.Processor.Process(ctx, src)
	if err != nil {
		return KeptOnce{}, err
	}
	k, err := l.describe(safe, alt)
	if err != nil {
		return KeptOnce{}, err
	}
	if err := l.Rows.AddPhoto(ctx, k); err != nil {
		return KeptOnce{}, fmt.Errorf("store the row of photo %s: %w", k.ID, err)
	}
	if err := l.store(ctx, k.ID, safe.Renditions); err != nil {
		return KeptOnce{}, storageTrouble(k.ID, err)
	}
	// Only now may a repeat be answered with this photo: all of it is there.
	first, err := l.Rows.NamePhoto(ctx, k, once)
	if err != nil {
		return KeptOnce{}, fmt.Errorf("name photo %s: %w", k.ID, err)
	}
	if first.ID != k.ID { // the same call was faster elsewhere; this photo is swept
		return KeptOnce{Kept: first, Suggestion: suggestion, Replayed: true}, nil
	}
	return KeptOnce{Kept: k, Suggestion: suggestion}, nil
}

// store puts all renditions at once, so that the sender waits for the disk or the
// network once and not three times.
//
// Why not answer after the first, and leave the others to a job: that would not be
// safe. The answer names all three by the hashes of their bytes, so they have to be
// made before it; and were they made but not stored, a process that ends then would
// have given out addresses that lead nowhere. Nor would it gain much: of a photo of 12
// megapixels they take 25 ms of 260 (decoding 140, shrinking 37, encoding the first
// 56), and a job would decode the first again for 40 ms.
func (l *Library) store(ctx context.Context, id string, renditions []Rendition) error {
	puts, ctx := errgroup.WithContext(ctx)
	for _, r := range renditions {
		puts.Go(func() error {
			return l.Blobs.Put(ctx, Name(id, r.Size, r.SHA256), bytes.NewReader(r.Data), ContentType)
		})
	}
	return puts.Wait()
}

// describe names a photo and its renditions.
func (l *Library) describe(safe Photo, alt string) (Kept, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return Kept{}, fmt.Errorf("name a photo: %w", err)
	}
	k := Kept{
		ID: id.String(), Folder: id.String(), Width: safe.Width, Height: safe.Height, SHA256: map[int]string{},
		Likeness: safe.Likeness, BlurHash: safe.BlurHash, Alt: alt, CreatedAt: l.Now().UTC().Truncate(time.Microsecond),
	}
	for _, r := range safe.Renditions {
		k.SHA256[r.Size] = r.SHA256
	}
	return k, nil
}

// Remove deletes the files of folders whose rows are gone, or name another folder.
func (l *Library) Remove(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := l.removeAll(ctx, Prefix(id)); err != nil {
			return err
		}
	}
	return l.RemoveUnmasked(ctx, ids)
}

// RemoveUnmasked deletes what was kept of folders from before they were masked.
func (l *Library) RemoveUnmasked(ctx context.Context, folders []string) error {
	for _, folder := range folders {
		if err := l.removeAll(ctx, UnmaskedPrefix(folder)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Library) removeAll(ctx context.Context, prefix string) error {
	for info, err := range l.Blobs.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list the files of %s: %w", prefix, err)
		}
		if err := l.Blobs.Delete(ctx, info.Name); err != nil {
			return fmt.Errorf("delete a file of %s: %w", prefix, err)
		}
	}
	return nil
}

// sweepAtOnce is how many photos one round of the sweep takes.
const sweepAtOnce = 100

// Sweep deletes photos that no report has claimed for a day.
func (l *Library) Sweep(ctx context.Context) error {
	now := l.Now()
	for {
		ids, err := l.Rows.SweepPhotos(ctx, now.Add(-Unclaimed), now, sweepAtOnce)
		if err != nil {
			return fmt.Errorf("sweep unclaimed photos: %w", err)
		}
		if len(ids) < sweepAtOnce {
			return nil
		}
	}
}

// SweepUnmasked deletes what was kept from before photos were masked where nobody
// wants it kept any more.
func (l *Library) SweepUnmasked(ctx context.Context) error {
	for {
		ids, err := l.Rows.SweepUnmasked(ctx, l.Now(), sweepAtOnce)
		if err != nil {
			return fmt.Errorf("sweep unmasked pictures: %w", err)
		}
		if len(ids) < sweepAtOnce {
			return nil
		}
	}
}

// storageTrouble tells the client that it is not the photo's fault.
func storageTrouble(id string, err error) error {
	return &problem.Error{
		Kind: problem.Unavailable, Detail: "the photo cannot be stored just now; nothing was filed, try again",
		RetryAfter: 5 * time.Second, Cause: fmt.Errorf("store photo %s: %w", id, err),
	}
}
