package photo

import (
	"context"
	"fmt"
	"io"

	"github.com/kantsten/kantsten/internal/blob"
)

// Version is one state of a photo's pictures. Masking never changes a file: it
// makes another version in a folder of its own, and with the row's next commit the
// photo takes that one. So a name is never used twice, and what is deleted is
// never what somebody is just writing.
type Version struct {
	Folder   string         // a random UUID; the first version's is the photo's id
	SHA256   map[int]string // of the renditions, by size
	Likeness Likeness
	BlurHash string
	// Unmasked is the SHA-256 of the picture from before the first mask, where it is
	// kept; empty where not.
	Unmasked string
}

// Mask makes another version of a photo with some areas pixelated, of the unmasked
// picture if there is one, else of the version given, whose masks stay. With keep
// the picture that it was made of is kept, apart.
//
// The new version is durable when Mask returns, and belongs to nobody: it lies
// under an unclaimed row of its own, which the photo takes over or the sweep
// deletes.
func (l *Library) Mask(ctx context.Context, from Version, areas []Area, keep bool) (Version, error) {
	picture, err := l.Picture(ctx, from)
	if err != nil {
		return Version{}, err
	}
	defer func() { _ = picture.Close() }() // only read from
	safe, err := l.Processor.Mask(ctx, picture, areas)
	if err != nil {
		return Version{}, err
	}
	k, err := l.describe(safe, "")
	if err != nil {
		return Version{}, err
	}
	made := Version{Folder: k.ID, SHA256: k.SHA256, Likeness: k.Likeness, BlurHash: k.BlurHash}
	if err := l.Rows.AddPhoto(ctx, k); err != nil {
		return Version{}, fmt.Errorf("store the row of version %s: %w", k.ID, err)
	}
	if err := l.store(ctx, k.ID, safe.Renditions); err != nil {
		return Version{}, storageTrouble(k.ID, err)
	}
	if !keep {
		return made, nil
	}
	made.Unmasked = from.source()
	if _, err := picture.Seek(0, io.SeekStart); err != nil {
		return Version{}, fmt.Errorf("read the picture of %s again: %w", from.Folder, err)
	}
	if err := l.Blobs.Put(ctx, UnmaskedName(k.ID, made.Unmasked), picture, ContentType); err != nil {
		return Version{}, storageTrouble(k.ID, err)
	}
	return made, nil
}

// Picture opens what masks are drawn on: the unmasked picture where it is kept,
// else the largest rendition. The caller closes it.
func (l *Library) Picture(ctx context.Context, v Version) (*blob.Object, error) {
	name := Name(v.Folder, Large, v.SHA256[Large])
	if v.Unmasked != "" {
		name = UnmaskedName(v.Folder, v.Unmasked)
	}
	picture, err := l.Blobs.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the picture of %s: %w", v.Folder, err)
	}
	return picture, nil
}

func (v Version) source() string {
	if v.Unmasked != "" {
		return v.Unmasked
	}
	return v.SHA256[Large]
}
