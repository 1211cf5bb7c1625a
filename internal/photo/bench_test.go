package photo

import (
	"bytes"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkProcess turns a 12-megapixel photo into its three renditions, one at a
// time and on one processor, so that it compares with other programs. Beside the
// time it reports what was reserved and the largest heap that was seen in use
// (live objects and garbage), both in megabytes.
func BenchmarkProcess(b *testing.B) {
	data := asJPEG(b, landscape(4000, 3000))
	b.Run("one-core", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		benchmark(b, data, false)
	})
	b.Run("all-cores", func(b *testing.B) { benchmark(b, data, false) })
	b.Run("16-at-once", func(b *testing.B) { benchmark(b, data, true) })
}

func benchmark(b *testing.B, data []byte, parallel bool) {
	var reserved atomic.Int64
	p := &Processor{
		Limits:  Limits{Wait: time.Minute},
		Observe: func(o Observation) { reserved.Store(o.Memory) },
	}
	one := func() {
		if _, _, err := p.Process(b.Context(), bytes.NewReader(data)); err != nil {
			b.Error(err)
		}
	}
	b.ReportAllocs()
	stop := watchHeap(b)
	if parallel {
		b.SetParallelism((16 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	} else {
		for b.Loop() {
			one()
		}
	}
	stop()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "photos/s")
	b.ReportMetric(float64(reserved.Load())/1e6, "MB-reserved")
}

// watchHeap samples the heap until it is stopped, and reports the largest.
func watchHeap(b *testing.B) (stop func()) {
	runtime.GC()
	quit, largest := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		var most uint64
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-quit:
				largest <- most
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(quit)
		b.ReportMetric(float64(<-largest)/1e6, "MB-heap")
	}
}

// BenchmarkMask is what a handler waits for: the largest rendition of a photo of 12
// megapixels, decoded, masked and made into three renditions.
func BenchmarkMask(b *testing.B) {
	src := jpegOf(b, noise(2048, 1536, 5))
	areas := []Area{{0.1, 0.1, 0.2, 0.2}, {0.5, 0.5, 0.3, 0.1}}
	p := new(Processor)
	for b.Loop() {
		if _, err := p.Mask(b.Context(), bytes.NewReader(src), areas); err != nil {
			b.Fatal(err)
		}
	}
}
