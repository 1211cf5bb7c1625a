package blob

import (
	"context"
	"io"
)

// UntilDone reads from r until ctx is done, and then fails with its error: a copy
// of a large file can be broken off.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

// contextReader stops reading when the context is done.
type contextReader struct {
	ctx context.Context // lives no longer than the call that made it
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
