// Package blob keeps files by name, durably: the renditions of photos, and of
// boundary sets the compiled indexes and what these were built from.
//
// There are two stores. [Disk] is a folder; it is our own because gocloud's
// file:// syncs nothing and renames from another folder. [S3] is any storage
// that speaks S3, through gocloud.dev/blob. [Open] chooses by URL.
//
// Both promise the same, and one suite of tests holds them to it:
//
//   - When [Store.Put] returns nil, the whole content stays under its name
//     through a crash of the process and, on disk, of the machine. When it
//     returns an error, the name holds what it held before.
//   - A reader sees the old content or the new, never a mixture.
//   - Names are checked first ([ValidName]): no name reaches another folder,
//     and on disk symbolic links cannot lead out of the folder either.
//
// Limits: names are flat strings with slashes, as in S3, but on disk a name
// cannot be a blob and the beginning of another's path ("a" and "a/b"): the
// second Put fails. [Store.List] gives no order. Put does not compare: the last
// of two writers of the same name wins, so callers use names that carry the
// content's hash or a random id. Disk needs a file system where a folder can be
// synced, which Windows does not offer. What an interrupted Put leaves behind is
// never listed; on disk [Disk.Sweep] removes it, on S3 that is a lifecycle rule
// of the bucket (AbortIncompleteMultipartUpload) and concerns blobs over 5 MiB
// only.
package blob

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotFound is in the chain of the error when a blob does not exist. It is
// [fs.ErrNotExist], so either may be tested for.
var ErrNotFound = fs.ErrNotExist

// Store keeps blobs by name. Its methods may be called from many goroutines.
type Store interface {
	// Put stores everything that r gives under name, replacing what was there.
	// contentType is a media type such as "image/jpeg". If r fails, its error is
	// in the chain and nothing is stored.
	Put(ctx context.Context, name string, r io.Reader, contentType string) error
	// Get opens a blob; the caller closes it. A name that holds nothing, or that
	// no blob can have, is ErrNotFound.
	Get(ctx context.Context, name string) (*Object, error)
	// Delete removes a blob for good. To delete what is not there is no error,
	// so that a sweep can be repeated.
	Delete(ctx context.Context, name string) error
	// List yields every blob whose name begins with prefix ("" for all), in no
	// particular order and without content types. What is put or deleted while
	// the list runs may or may not be in it. After an error the list ends.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Close lets go of connections and folders. The store is not used after it.
	Close() error
}

// Info describes a blob.
type Info struct {
	Name    string
	Size    int64 // bytes
	ModTime time.Time
	// ContentType is what S3 was given with Put. A file has no place for it, so
	// Disk recognises JPEG, PNG, WebP and gzip by content and calls everything
	// else application/octet-stream (never HTML, whatever the content).
	ContentType string
}

// Object is an open blob: its content, from the beginning, and its description.
type Object struct {
	io.ReadSeekCloser
	Info
}

// Open opens the store that a setting names:
//
//   - "": the folder "blobs" in dataDir;
//   - file:///path: that folder;
//   - s3://bucket/prefix?endpoint=https://host: see [OpenS3].
//
// A folder is made if it is missing.
func Open(ctx context.Context, setting, dataDir string) (Store, error) {
	if setting == "" {
		return OpenDisk(filepath.Join(dataDir, "blobs"))
	}
	u, err := url.Parse(setting)
	if err != nil {
		// Not err itself: it quotes the setting, which may hold a password.
		return nil, fmt.Errorf("open blob store: the setting is not a URL")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || u.RawQuery != "" || !filepath.IsAbs(u.Path) {
			return nil, fmt.Errorf("open blob store: a folder is given as file:///path")
		}
		return OpenDisk(u.Path)
	case "s3":
		return OpenS3(ctx, u)
	}
	return nil, fmt.Errorf("open blob store: %q is not a known scheme; use file:///path or s3://bucket/prefix", u.Scheme)
}

const (
	maxName    = 512 // bytes; S3 allows 1,024 with the prefix
	maxSegment = 128 // bytes; file systems allow 255
)

// ValidName reports whether a blob may have the name: segments of a–z, 0–9,
// '.', '_' and '-', parted by single slashes, at most 128 bytes each and 512 in
// all, none beginning with a dot. So no name is absolute, climbs, hides, means
// another one on a file system that ignores case, or needs escaping in a URL.
func ValidName(name string) bool {
	if len(name) > maxName {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !validSegment(segment) {
			return false
		}
	}
	return true
}

func validSegment(s string) bool {
	if s == "" || s[0] == '.' || len(s) > maxSegment {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !nameRune(r) }) < 0
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// validPrefix reports whether some valid name could begin with prefix.
func validPrefix(prefix string) bool {
	return prefix == "" || ValidName(prefix) || ValidName(prefix+"x")
}

// nameError is the error for a name that no blob can have.
type nameError struct{ op, name string }

func (e *nameError) Error() string {
	return fmt.Sprintf("%s blob: %.80q is not a valid name", e.op, e.name)
}

// Is makes a read of an impossible name "not found", which it is. A Put of one
// is a mistake of the caller and must not look like that.
func (e *nameError) Is(target error) bool { return target == ErrNotFound && e.op != "put" }
