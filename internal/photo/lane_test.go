package photo

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantsten/kantsten/internal/problem"
)

const mega = 1 << 20

// taken acquires memory that must be there at once.
func taken(t *testing.T, l *lanes, need int64, heic bool) (context.Context, func()) {
	t.Helper()
	working, release, err := l.acquire(t.Context(), t.Context(), need, heic)
	if err != nil {
		t.Fatal(err)
	}
	return working, release
}

// refusedNow acquires memory that must not be there within a minute.
func refusedNow(t *testing.T, l *lanes, need int64, heic bool) {
	t.Helper()
	waiting, cancel := context.WithTimeout(t.Context(), time.Minute) // of synctest's clock
	defer cancel()
	if _, release, err := l.acquire(t.Context(), waiting, need, heic); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %d bytes: %v", need, err)
		release()
	}
}

func TestAHEICNeverDelaysOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		heic      int64
		others    []int64
		brokenOff bool
	}{
		{"JPEGs of 12 megapixels go beside it", 220 * mega, []int64{44 * mega, 44 * mega, 44 * mega, 44 * mega}, false},
		{"so does a progressive one of 24", 220 * mega, []int64{200 * mega, 44 * mega}, false},
		{"it gives way to those that it leaves no room", 500 * mega, []int64{44 * mega}, true},
		{"and to large ones", 330 * mega, []int64{300 * mega, 190 * mega}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLanes(512 * mega)
				working, release := taken(t, l, tt.heic, true)
				go func() { // as its process is killed
					<-working.Done()
					release()
				}()
				for _, need := range tt.others {
					_, done := taken(t, l, need, false)
					defer done()
				}
				if got := errors.Is(context.Cause(working), errGiveWay); got != tt.brokenOff {
					t.Errorf("broken off: %v", got)
				}
				l.mu.Lock()
				stop := l.heic
				l.mu.Unlock()
				if stop != nil {
					stop.giveWay(nil)
				}
				synctest.Wait()
			})
		})
	}
}

func TestHEICsGoOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(512 * mega)
		_, release := taken(t, l, 100*mega, true)
		refusedNow(t, l, 100*mega, true)
		release()
		_, release = taken(t, l, 512*mega, true)
		release()
	})
}

func TestAHEICThatWaitsStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(512 * mega)
		_, release := taken(t, l, 300*mega, false)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			_, done := taken(t, l, 500*mega, true)
			done()
		})
		synctest.Wait()
		for range 3 {
			_, done := taken(t, l, 190*mega, false)
			done()
		}
		release()
		waiting.Wait()
	})
}

func TestLargePhotosAreCountedByBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(512 * mega)
		_, first := taken(t, l, 200*mega, false)
		defer first()
		refusedNow(t, l, 200*mega, false) // 320 are for large ones
		_, ordinary := taken(t, l, 192*mega, false)
		defer ordinary()
		refusedNow(t, l, 1*mega, false)
	})
}

// Whoever comes, in whatever order: what is lent never exceeds the memory, and
// there is one HEIC at most.
func TestLanesStayWithinTheMemory(t *testing.T) {
	t.Parallel()
	const total, photos = 512, 20
	l := newLanes(total)
	var lent, heics atomic.Int64
	var brokenOff atomic.Int64
	var all sync.WaitGroup
	for i := range photos {
		all.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			for range 50 {
				heic := random.IntN(4) == 0
				need := 1 + random.Int64N(l.largeMax)
				if heic {
					need = 1 + random.Int64N(total)
				}
				working, release, err := l.acquire(t.Context(), t.Context(), need, heic)
				if err != nil {
					t.Error(err)
					return
				}
				if sum := lent.Add(need); sum > total {
					t.Errorf("%d of %d are lent", sum, total)
				}
				if heic {
					if n := heics.Add(1); n > 1 {
						t.Errorf("%d HEICs at once", n)
					}
				}
				for range random.IntN(20) {
					time.Sleep(time.Microsecond)
					if working.Err() != nil {
						brokenOff.Add(1)
						break
					}
				}
				if heic {
					heics.Add(-1)
				}
				lent.Add(-need)
				release()
			}
		})
	}
	all.Wait()
	if l.used != 0 || l.heic != nil || brokenOff.Load() == 0 {
		t.Errorf("%d are still promised, a HEIC %v; %d gave way", l.used, l.heic, brokenOff.Load())
	}
}

// A decoder that never ends holds all the memory there is; JPEGs come through, and
// the HEIC starts again until it has given way often enough.
func TestJPEGsPassAHEICThatHolds(t *testing.T) {
	t.Parallel()
	heicFile := file(t, "quarters.heic")
	p := &Processor{
		Limits: Limits{Memory: 100 << 20, Wait: unhurried, Decode: unhurried},
		HEIC:   []string{"/bin/sh", "-c", "exec sleep 600"},
	}
	p.ready()
	result := make(chan error)
	go func() {
		_, _, err := p.Process(t.Context(), bytes.NewReader(heicFile))
		result <- err
	}()
	small, progressive := asJPEG(t, landscape(640, 480)), flatJPEG(markSOF2, 2400, 1800, 0x22, 0x11, 0x11)
	for i := range giveWays {
		for !p.holding() {
			time.Sleep(time.Millisecond)
		}
		data := small
		if i == 1 {
			data = progressive
		}
		if _, _, err := p.Process(t.Context(), bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
	}
	if err := <-result; !problem.Is(err, problem.Unavailable) {
		t.Errorf("the HEIC: %v", err)
	}
}

// holding reports whether a HEIC is under way.
func (p *Processor) holding() bool {
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	return p.lanes.heic != nil && p.lanes.used == 0
}

func TestWhatPhonesSendFitsIntoTheDefault(t *testing.T) {
	t.Parallel()
	heic := func(width, height int, size int64, deep bool) header {
		h := header{format: formatHEIC, width: width, height: height, size: size, deep: deep}
		h.decodeBytes = heicBytes(h)
		return h
	}
	jpeg := func(width, height int, progressive bool) header {
		h := header{format: formatJPEG, width: width, height: height, planar: true}
		h.decodeBytes = jpegBytes(width, height, []byte{1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}, progressive, false)
		return h
	}
	tests := []struct {
		name string
		h    header
		fits bool
	}{
		{"HEIC of 12 megapixels with 10 bits", heic(4032, 3024, 8*mega, true), true},
		{"HEIC of 24", heic(5712, 4284, 14*mega, false), true},
		{"HEIC of 48", heic(8064, 6048, 14*mega, false), true},
		{"HEIC of 48 with 10 bits", heic(8064, 6048, 14*mega, true), false},
		{"JPEG of 48", jpeg(8064, 6048, false), true},
		{"progressive JPEG of 40", jpeg(7300, 5475, true), true},
		{"progressive JPEG of 48", jpeg(8064, 6048, true), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := new(Processor)
			p.ready()
			_, release, err := p.wait(t.Context(), tt.h.memory(), tt.h.format)
			if err == nil {
				release()
			}
			if (err == nil) != tt.fits {
				t.Errorf("needs %d MiB: %v", tt.h.memory()>>20, err)
			}
			if err != nil && strings.Contains(err.Error(), "progressive") != (tt.h.format == formatJPEG) {
				t.Errorf("says %v", err)
			}
		})
	}
}
