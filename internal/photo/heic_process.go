package photo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

// decodeHEIC has a HEIC decoded in a process of its own and kills that when the
// time is up, or when the one who sent the photo has left.
func (p *Processor) decodeHEIC(ctx context.Context, src io.ReadSeeker, h header) (heicPicture, error) {
	in := p.input(ctx, src)
	in.format = formatHEIC
	// The process gives way to others, so the clock gets more than the processor.
	in.deadline = time.Now().Add(heicPatience * p.limits.Decode)
	timed, cancel := context.WithDeadline(ctx, in.deadline)
	defer cancel()
	task := heicTask{linear: heicLinear(h.pixels(), h.size, h.deep), pixels: h.pixels(), limit: p.limits.Decode}
	cmd := exec.CommandContext(timed, p.HEIC[0], append(p.HEIC[1:len(p.HEIC):len(p.HEIC)], task.args()...)...) // #nosec G204 -- our own program
	cmd.Env = []string{"GOGC=50", "GOMAXPROCS=1"}                                                              // nothing of the server's, which holds secrets
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	cmd.Stdin = in
	var said tail
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return heicPicture{}, fmt.Errorf("start the decoder of HEIC: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return heicPicture{}, fmt.Errorf("start the decoder of HEIC: %w", err)
	}
	picture, err := readHEIC(out, h.pixels())
	if err != nil {
		_ = cmd.Process.Kill() // it may still be writing; that it has ended already is as good
	}
	waitErr := cmd.Wait()
	switch {
	case err == nil:
		return picture, nil
	case problem.As(err) != nil:
		return heicPicture{}, err
	case ctx.Err() != nil:
		return heicPicture{}, fmt.Errorf("decode a HEIC: %w", ctx.Err())
	case timed.Err() != nil, errors.Is(in.failed, errTooSlow):
		return heicPicture{}, errTooSlowToDecode(formatHEIC)
	case in.failed != nil:
		return heicPicture{}, in.explain(err)
	}
	// It ended without an answer: a crash that the photo caused.
	return heicPicture{}, damaged(fmt.Errorf("the decoder of HEIC: %w; %w; it said %q", err, waitErr, said.String()))
}

// heicPatience is how many times [Limits.Decode] a HEIC may take by the clock. The
// system ends the process when it has used Decode of a processor.
const heicPatience = 3

// tail keeps the first kilobyte of what a process says about its end.
type tail struct{ bytes.Buffer }

func (t *tail) Write(b []byte) (int, error) {
	const most = 1 << 10
	if room := most - t.Len(); room > 0 {
		t.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}
