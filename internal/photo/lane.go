package photo

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// lanes share out [Limits.Memory] by the byte.
//
// Photos of which one takes at most three eighths of it share these three eighths;
// larger ones share the rest. So what takes long and much never stands in the way of
// the JPEGs that phones send: of the default 512 MiB they have 192, which is five of
// 12 megapixels at once, and one progressive JPEG of 24 goes beside them.
//
// A HEIC, which takes longest and most, has a turn of its own: one at a time, in
// whatever the lanes leave idle, up to all of it. Where a photo of the lanes comes
// and wants that memory, the HEIC gives way: it is broken off, its process is
// killed, and it starts again when there is room. So it never delays others, and
// nothing is kept empty for it.
type lanes struct {
	ordinary, large         *semaphore.Weighted
	total                   int64
	ordinaryBytes, largeMax int64
	turn                    *semaphore.Weighted // of HEICs

	mu      sync.Mutex
	used    int64         // promised to photos of the two lanes
	heic    *loan         // under way, nil if there is none
	changed chan struct{} // closed when something is given back
}

// loan is memory of which others may be in need.
type loan struct {
	bytes   int64
	giveWay context.CancelCauseFunc
}

// errGiveWay is why a HEIC is broken off that stands in the way of others.
var errGiveWay = errors.New("the memory is wanted by another photo")

func newLanes(memory int64) *lanes {
	ordinary := memory * 3 / 8
	return &lanes{
		ordinary: semaphore.NewWeighted(ordinary), large: semaphore.NewWeighted(memory - ordinary),
		total: memory, ordinaryBytes: ordinary, largeMax: memory - ordinary,
		turn: semaphore.NewWeighted(1), changed: make(chan struct{}),
	}
}

// fits reports whether a photo that needs some bytes can ever have them.
func (l *lanes) fits(need int64, heic bool) bool {
	if heic {
		return need <= l.total
	}
	return need <= max(l.ordinaryBytes, l.largeMax)
}

// acquire waits for memory that fits, as long as waiting lasts. The photo is to be
// read with the context that it returns, made of ctx, and the memory given back by
// release. Errors are those of waiting.
func (l *lanes) acquire(ctx, waiting context.Context, need int64, heic bool) (working context.Context, release func(), err error) {
	if heic {
		return l.borrow(ctx, waiting, need)
	}
	lane := l.ordinary
	if need > l.ordinaryBytes {
		lane = l.large
	}
	if err := lane.Acquire(waiting, need); err != nil {
		return nil, nil, err
	}
	release = func() {
		l.giveBack(func() { l.used -= need })
		lane.Release(need)
	}
	l.mu.Lock()
	l.used += need
	for l.heic != nil && l.used+l.heic.bytes > l.total {
		l.heic.giveWay(errGiveWay)
		if err = l.await(waiting); err != nil {
			break
		}
	}
	l.mu.Unlock()
	if err != nil {
		release()
		return nil, nil, err
	}
	return ctx, release, nil
}

// borrow is acquire for a HEIC. The context that it returns ends by errGiveWay when
// others need the memory. While it waits it stands in no line but that of HEICs.
func (l *lanes) borrow(ctx, waiting context.Context, need int64) (context.Context, func(), error) {
	if err := l.turn.Acquire(waiting, 1); err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.used+need > l.total {
		if err := l.await(waiting); err != nil {
			l.turn.Release(1)
			return nil, nil, err
		}
	}
	working, giveWay := context.WithCancelCause(ctx)
	l.heic = &loan{bytes: need, giveWay: giveWay}
	return working, func() {
		giveWay(nil)
		l.giveBack(func() { l.heic = nil })
		l.turn.Release(1)
	}, nil
}

// await returns when something was given back. It is called with the lock held,
// and returns so.
func (l *lanes) await(ctx context.Context) error {
	changed := l.changed
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// giveBack changes what is promised, and tells those who wait.
func (l *lanes) giveBack(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}
