package upload

import (
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

const (
	// blockBytes is what a file takes at least on a disk, however short its part is.
	blockBytes = 4 << 10
	// MaxReserved is what one upload reserves at most: see [Service.Share].
	MaxReserved = MaxBytes + maxParts*blockBytes
)

// reservedFor is how much an upload of a length can take on a disk: its bytes, and a
// block for each part. One whose length nobody has told may become as long as any.
func reservedFor(length int64) int64 {
	if length == Unknown {
		length = MaxBytes
	}
	return length + maxParts*blockBytes
}

// admit refuses what would let a sender reserve more than their share. next is when
// the first of their unfinished uploads ends by itself.
//
// It is a plain refusal and no challenge, though many people may share an address:
// who is refused can still send a photo whole, and what fills the share is gone
// within a day.
func (s *Service) admit(reserved int64, next time.Duration) error {
	if reserved <= s.Share {
		return nil
	}
	return &problem.Error{
		Kind: problem.TooMany, RetryAfter: max(next, time.Second),
		Detail: "too many uploads that were begun from here are unfinished: finish them, or delete them at their addresses, or send the photo whole by POST /v1/photos, or come back when Retry-After says",
	}
}
